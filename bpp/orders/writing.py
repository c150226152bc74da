"""One decision, written in one commit: order, facts, what extensions made of them, what is owed."""

from bpp.dispatch import offers, rounds
from bpp.orders import speaking, store
from bpp.orders.decision import CallbackAction, Decision
from bpp.orders.events import OrderEvent
from bpp.orders.extension import Extension
from bpp.orders.office import Office
from bpp.orders.order import Order, with_tags
from bpp.orders.speaking import Message, order_message
from protocol_specs.node.messages.owing import owe
from protocol_specs.node.store import Session, StoreUnavailable
from protocol_specs.wire.envelope import Envelope
from protocol_specs.wire.errors import Refused
from protocol_specs.wire.order import OrderView, TagGroup
from protocol_specs.wire.parties import callback_of
from protocol_specs.wire.values import replace


def write(
    session: Session,
    office: Office,
    decision: Decision,
    now: int,
    *,
    revision: int | None = None,
    answering: Envelope | None = None,
) -> Order:
    """Writes the decision and owes its callbacks; returns the order with the extensions' tags.

    The first callback answers `answering`, if given; all others are unsolicited. `revision` is the
    one the order was read at, None for a new order. Raises Conflict and store.Overtaken.
    """
    order = decision.order
    for event in decision.events:
        store.add_event(session, event)
        if event.kind == "completed" and event.agent_id is not None:
            rounds.note_job(
                session,
                event.order_key,
                agent_id=event.agent_id,
                ended_at=event.at,
                fare_minor=event.total_minor,
            )
        for extension in office.extensions:
            order = with_tags(order, extension.name, _project(session, extension, event))
    _tell(session, decision)
    if office.provider.assignment == "in_turn":
        session.notify(offers.JOB_CHANNEL, order.key)
    if revision is None:
        store.add_order(session, order)
    else:
        store.change_order(session, order, revision)
    for action in decision.callbacks:
        if answering is not None:
            view = order.shown()
            if decision.answer_status is not None:
                view = replace(view, status=decision.answer_status)
            owe_order(session, office, answering, view, now)
            answering = None
        else:
            owe_unsolicited(session, office, order, action, now)
    return order


def _tell(session: Session, decision: Decision) -> None:
    """Whose job it is or was hears of it; of an open one, everybody."""
    order = decision.order
    named = {order.agent_id, *(event.previous_agent_id for event in decision.events)}
    for agent_id in named:
        if agent_id is not None:
            session.notify(offers.CHANNEL, agent_id)
    if order.is_open():
        session.notify(offers.CHANNEL, offers.EVERYBODY)


def owe_order(
    session: Session,
    office: Office,
    envelope: Envelope,
    view: OrderView,
    now: int,
    *,
    expires_at: int | None = None,
) -> None:
    """Owes the callback with this order to a request."""
    message = order_message(envelope.dialect, view, callback_of(envelope.action))
    owe_message(session, office, envelope, message, now, expires_at=expires_at)


def owe_message(
    session: Session,
    office: Office,
    envelope: Envelope,
    message: Message,
    now: int,
    *,
    expires_at: int | None = None,
) -> None:
    """Owes the callback to a request: same transaction and message_id."""
    _owe(session, envelope, speaking.answer(office, envelope, message), now, expires_at)


def owe_refusal(
    session: Session, office: Office, envelope: Envelope, refused: Refused, now: int
) -> None:
    """Owes the callback that says no: an error and no message."""
    _owe(session, envelope, speaking.refusal(office, envelope, refused), now, None)


def owe_unsolicited(
    session: Session, office: Office, order: Order, action: CallbackAction, now: int
) -> None:
    """A callback nobody asked for, with a message_id of its own."""
    peer, message_id = order.peer, office.new_id()
    owe(
        session,
        receiver_id=peer.bap_id,
        receiver_url=peer.url,
        transaction_id=peer.transaction_id,
        action=action,
        message_id=message_id,
        body=speaking.unsolicited(office, peer, action, message_id, order.shown()),
        now=now,
        expires_at=None,
        supersedes=f"on_status:{order.key}" if action == "on_status" else None,
    )


def _project(session: Session, extension: Extension, event: OrderEvent) -> tuple[TagGroup, ...]:
    """What the extension made of the fact. If it breaks, only its own writes are undone."""
    try:
        with session.savepoint():
            return extension.on_event(session, event)
    except StoreUnavailable:
        raise  # the database's trouble ends the whole unit
    except Exception as error:  # noqa: BLE001 - the seam: a ride goes on whatever an extension does
        return extension.failed(session, event, error)


def _owe(
    session: Session, envelope: Envelope, body: bytes, now: int, expires_at: int | None
) -> None:
    owe(
        session,
        receiver_id=envelope.peer_id,
        receiver_url=envelope.sender.url,
        transaction_id=envelope.transaction_id,
        action=callback_of(envelope.action),
        message_id=envelope.message_id,
        body=body,
        now=now,
        expires_at=expires_at,
    )
