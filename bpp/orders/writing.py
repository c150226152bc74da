"""One decision, written in one commit: order, facts, what extensions made of them, what is owed."""

from collections.abc import Mapping

from bpp.orders import store
from bpp.orders.decision import CallbackAction, Decision
from bpp.orders.events import OrderEvent
from bpp.orders.extension import Extension
from bpp.orders.office import Office
from bpp.orders.order import Order, Peer, with_tags
from protocol_specs.node.outbox import owe
from protocol_specs.node.store import Session, StoreUnavailable
from protocol_specs.wire import strict_json, version
from protocol_specs.wire.envelope import Envelope, SubscriberType, new_context, reply_context
from protocol_specs.wire.errors import Refused, error_object
from protocol_specs.wire.order import OrderView, TagGroup

TTL = "PT30S"


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
        for extension in office.extensions:
            order = with_tags(order, extension.name, _project(session, extension, event))
    if revision is None:
        store.add_order(session, order)
    else:
        store.change_order(session, order, revision)
    for action in decision.callbacks:
        if answering is not None:
            owe_answer(session, office, answering, action, order.shown(), now)
            answering = None
        else:
            owe_unsolicited(session, office, order, action, now)
    return order


def owe_answer(
    session: Session,
    office: Office,
    envelope: Envelope,
    action: CallbackAction | str,
    view: OrderView,
    now: int,
    *,
    expires_at: int | None = None,
) -> None:
    """Owes the callback to a request: same transaction and message_id."""
    message = envelope.dialect.write_on_order(view, action=action)
    context = _reply_context(office, envelope, action, now)
    document = {"context": context, "message": message}
    _owe_document(session, envelope, action, document, now, expires_at)


def owe_unsolicited(
    session: Session, office: Office, order: Order, action: CallbackAction, now: int
) -> None:
    """A callback nobody asked for, with a message_id of its own."""
    peer, message_id = order.peer, office.new_id()
    context = _new_context(office, peer, action, message_id, now)
    message = version.named(peer.dialect).write_on_order(order.shown(), action=action)
    owe(
        session,
        receiver_id=peer.bap_id,
        receiver_url=peer.url,
        receiver_type=SubscriberType.BAP,
        domain=peer.domain,
        transaction_id=peer.transaction_id,
        action=action,
        message_id=message_id,
        body=strict_json.dumps({"context": context, "message": message}),
        now=now,
        expires_at=None,
        supersedes=f"on_status:{order.key}" if action == "on_status" else None,
    )


def owe_refusal(
    session: Session, office: Office, envelope: Envelope, refused: Refused, now: int
) -> None:
    """Owes the callback that says no: an error and no message."""
    action = f"on_{envelope.action}"
    context = _reply_context(office, envelope, action, now)
    document = {"context": context, "error": error_object(refused)}
    _owe_document(session, envelope, action, document, now, None)


def answer_document(
    office: Office, envelope: Envelope, message: dict[str, object], now: int
) -> bytes:
    """The callback to a passing request, as bytes to be sent."""
    context = _reply_context(office, envelope, f"on_{envelope.action}", now)
    return strict_json.dumps({"context": context, "message": message})


def refusal_document(office: Office, envelope: Envelope, refused: Refused, now: int) -> bytes:
    """The callback that says no to a passing request."""
    context = _reply_context(office, envelope, f"on_{envelope.action}", now)
    return strict_json.dumps({"context": context, "error": error_object(refused)})


def _project(session: Session, extension: Extension, event: OrderEvent) -> tuple[TagGroup, ...]:
    """What the extension made of the fact. If it breaks, only its own writes are undone."""
    try:
        with session.savepoint():
            return extension.on_event(session, event)
    except StoreUnavailable:
        raise  # the database's trouble ends the whole unit
    except Exception as error:  # noqa: BLE001 - the seam: a ride goes on whatever an extension does
        return extension.failed(session, event, error)


def _owe_document(
    session: Session,
    envelope: Envelope,
    action: str,
    document: Mapping[str, object],
    now: int,
    expires_at: int | None,
) -> None:
    owe(
        session,
        receiver_id=envelope.peer_id,
        receiver_url=envelope.sender.url,
        receiver_type=SubscriberType.BAP,
        domain=envelope.context.domain,
        transaction_id=envelope.transaction_id,
        action=action,
        message_id=envelope.message_id,
        body=strict_json.dumps(document),
        now=now,
        expires_at=expires_at,
    )


def _reply_context(office: Office, envelope: Envelope, action: str, now: int) -> dict[str, object]:
    return reply_context(
        envelope.context,
        action=action,
        now_ms=now * 1000,
        ttl=TTL,
        bpp_id=office.bpp_id,
        bpp_uri=office.bpp_uri,
    )


def _new_context(
    office: Office, peer: Peer, action: str, message_id: str, now: int
) -> dict[str, object]:
    return new_context(
        action=action,
        domain=peer.domain,
        version=peer.version,
        city=peer.city,
        country=peer.country,
        bap_id=peer.bap_id,
        bap_uri=peer.bap_uri,
        bpp_id=office.bpp_id,
        bpp_uri=office.bpp_uri,
        transaction_id=peer.transaction_id,
        message_id=message_id,
        now_ms=now * 1000,
        ttl=TTL,
        is_flat=version.named(peer.dialect).traits.is_flat,
    )
