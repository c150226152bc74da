"""From a verified passing message to its answer: what is worth nothing after its ttl."""

from collections.abc import Callable

from bpp.orders import store, support
from bpp.orders.handlers import spoken
from bpp.orders.office import Office
from bpp.orders.order import Order, peer_of
from bpp.orders.search import Asker, search
from bpp.orders.select import select
from bpp.orders.speaking import Message, answer, order_message, refusal
from bpp.orders.status import status, unknown_order
from bpp.orders.store import Kept
from bpp.orders.track import track
from protocol_specs.node.messages.actions import Passing
from protocol_specs.node.messages.passing import PassingQueue
from protocol_specs.node.store import Session, Store
from protocol_specs.wire.envelope import Envelope
from protocol_specs.wire.errors import Refused
from protocol_specs.wire.order import Catalog, Reason
from protocol_specs.wire.parties import callback_of

Answer = Callable[[Store, Office, Envelope, int], Message | None]


def passing(office: Office, store_: Store, queue: PassingQueue) -> list[Passing]:
    """search, select, status, track, support and the lists of choices: answered within their ttl
    or not at all.

    The queue sends, so that a slow peer keeps nobody else's answers waiting.
    """
    answers: dict[str, Answer] = {
        "search": _search,
        "select": _select,
        "status": _status,
        "track": _track,
        "support": _support,
        "get_cancellation_reasons": _choices(lambda o: o.provider.cancellation_reasons),
        "get_return_reasons": _choices(lambda o: o.provider.return_reasons),
        "get_rating_categories": _choices(
            lambda o: tuple(Reason(name) for name in o.provider.rating_categories)
        ),
    }

    def serve(action: str, decide: Answer) -> Passing:
        async def handle(envelope: Envelope, now: int) -> None:
            body = _body(office, store_, decide, envelope, now)
            if body is None:
                return
            queue.put(
                receiver_id=envelope.peer_id,
                receiver_url=envelope.sender.url,
                action=callback_of(action),
                transaction_id=envelope.transaction_id,
                message_id=envelope.message_id,
                body=body,
                expires_at=envelope.context.expires_ms // 1000,
            )

        return Passing(action, handle, judge=spoken(action))

    return [serve(action, decide) for action, decide in answers.items()]


def _body(
    office: Office, store_: Store, decide: Answer, envelope: Envelope, now: int
) -> bytes | None:
    try:
        message = decide(store_, office, envelope, now)
    except Refused as refused:
        return refusal(office, envelope, refused)
    return None if message is None else answer(office, envelope, message)


def _search(store_: Store, office: Office, envelope: Envelope, now: int) -> Message | None:
    intent = envelope.dialect.read_search(envelope.message)
    context = envelope.context
    asker = Asker(envelope.peer_id, context.transaction_id, context.domain, context.city)

    def find(session: Session) -> Catalog | None:
        def is_out(agent_id: str) -> bool:
            return _is_out(session, office, agent_id, asker, now)

        return search(office, intent, is_out, now, asker)

    catalog = store_.read(find)
    return None if catalog is None else envelope.dialect.write_on_search(catalog, intent=intent)


def _is_out(session: Session, office: Office, agent_id: str, asker: Asker, now: int) -> bool:
    """Whether the driver has a job, or is passed over however it would be paid."""
    if store.is_busy(session, agent_id):
        return True
    worker = office.fleet.worker(agent_id)
    if worker is None:
        return True
    category = worker.vehicle.category
    ways = (
        office.terms(category=category, domain=asker.domain, city=asker.city, payment=payment)
        for payment in office.provider.payments
    )
    return all(office.objection(session, worker, terms, now) is not None for terms in ways)


def _select(store_: Store, office: Office, envelope: Envelope, now: int) -> Message:
    asked = envelope.dialect.read_select(envelope.message)
    view = select(office, asked, peer_of(envelope), now)
    return order_message(envelope.dialect, view, "on_select")


def _status(store_: Store, office: Office, envelope: Envelope, now: int) -> Message:
    order = _asked_order(store_, envelope, envelope.dialect.read_status(envelope.message))
    return order_message(envelope.dialect, status(order), "on_status")


def _track(store_: Store, office: Office, envelope: Envelope, now: int) -> Message:
    order = _asked_order(store_, envelope, envelope.dialect.read_track(envelope.message))
    position = office.fleet.position(order.agent_id) if order.agent_id else None
    # Elsewhere a tracking url is a page for people (TRV10, LOG10).
    is_ours = envelope.dialect.traits.takes_our_tags
    return envelope.dialect.write_on_track(
        track(order, position, office.live_url(order) if is_ours else None)
    )


def _support(store_: Store, office: Office, envelope: Envelope, now: int) -> Message:
    asked = envelope.dialect.read_support(envelope.message)
    if asked.ref_id is not None:
        _asked_order(store_, envelope, asked.ref_id)
    return envelope.dialect.write_support(support.contact(office.provider, asked))


def _choices(listed: Callable[[Office], tuple[Reason, ...]]) -> Answer:
    """A list of choices, without looking at any order."""

    def answer_with(store_: Store, office: Office, envelope: Envelope, now: int) -> Message:
        action = callback_of(envelope.action)
        return envelope.dialect.write_reasons(listed(office), action=action)

    return answer_with


def _asked_order(store_: Store, envelope: Envelope, order_id: str) -> Order:
    """The sender's order. By its transaction_id too: a BAP that missed on_confirm has no other."""

    def find(session: Session) -> Kept | None:
        if order_id == envelope.transaction_id:
            return store.order_of_transaction(session, envelope.peer_id, order_id)
        return store.order_of_bap(session, envelope.peer_id, order_id)

    kept = store_.read(find)
    if kept is None:
        raise unknown_order()
    return kept.order
