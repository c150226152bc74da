"""From a verified message to a decision and its answer: what the signed door calls, per action."""

from collections.abc import Callable

from bpp.fleet.workers import Worker
from bpp.orders import store
from bpp.orders.cancel import cancel
from bpp.orders.confirm import confirm
from bpp.orders.decision import Told
from bpp.orders.extension import JobTerms
from bpp.orders.init import StoredQuote, init
from bpp.orders.office import Office
from bpp.orders.order import Order, peer_of
from bpp.orders.search import search
from bpp.orders.select import select
from bpp.orders.status import status, unknown_order
from bpp.orders.track import track
from bpp.orders.writing import answer_document, owe_answer, owe_refusal, refusal_document, write
from protocol_specs.node.actions import Durable, Passing
from protocol_specs.node.passing import PassingQueue
from protocol_specs.node.store import Session, Store
from protocol_specs.wire.envelope import Envelope
from protocol_specs.wire.errors import ActionNotApplicable, Malformed, QuoteUnavailable, Refused
from protocol_specs.wire.order import Catalog, OrderView

Decide = Callable[[Session, Office, Envelope, int], None]
Answer = Callable[[Store, Office, Envelope, int], dict[str, object] | None]


def durable(office: Office) -> list[Durable]:
    """init, confirm and cancel: written before they are answered."""
    handlers = {"init": _init, "confirm": _confirm, "cancel": _cancel}
    return [Durable(action, _owing(office, decide)) for action, decide in handlers.items()]


def passing(office: Office, store_: Store, queue: PassingQueue) -> list[Passing]:
    """search, select, status and track: answered within their ttl or not at all.

    The queue sends, so that a slow peer keeps nobody else's answers waiting.
    """
    answers: dict[str, Answer] = {
        "search": _search,
        "select": _select,
        "status": _status,
        "track": _track,
    }

    def serve(action: str, answer: Answer) -> Passing:
        async def handle(envelope: Envelope, now: int) -> None:
            body = _body(office, store_, answer, envelope, now)
            if body is None:
                return
            queue.put(
                receiver_id=envelope.peer_id,
                receiver_url=envelope.sender.url,
                action=f"on_{action}",
                transaction_id=envelope.transaction_id,
                message_id=envelope.message_id,
                body=body,
                expires_at=envelope.context.expires_ms // 1000,
            )

        return Passing(action, handle)

    return [serve(action, answer) for action, answer in answers.items()]


def _owing(office: Office, decide: Decide) -> Callable[[Session, Envelope, int], None]:
    """The handler that answers a refusal by owing the callback with an error, and nothing else."""

    def handle(session: Session, envelope: Envelope, now: int) -> None:
        try:
            with session.savepoint():
                decide(session, office, envelope, now)
        except Refused as refused:
            owe_refusal(session, office, envelope, refused, now)

    return handle


def _init(session: Session, office: Office, envelope: Envelope, now: int) -> None:
    peer = peer_of(envelope)
    asked = envelope.dialect.read_init(envelope.message)
    if kept := store.order_of_transaction(session, peer.bap_id, peer.transaction_id):
        raise ActionNotApplicable(
            f"this transaction already made order {kept.order.id}; start a new transaction"
        )
    quote = init(office, asked, peer, now)
    # After this point the quote stands.
    store.put_quote(session, quote)
    expires_at = -(-envelope.context.expires_ms // 1000)
    owe_answer(session, office, envelope, "on_init", quote.shown(), now, expires_at=expires_at)


def _confirm(session: Session, office: Office, envelope: Envelope, now: int) -> None:
    peer = peer_of(envelope)
    asked = _read_confirm(envelope)
    stored = store.find_quote(session, peer.bap_id, peer.transaction_id)
    existing = store.order_of_transaction(session, peer.bap_id, peer.transaction_id)
    decision = confirm(
        office,
        asked,
        peer,
        now,
        stored=stored,
        existing=existing.order if existing else None,
        worker=_worker_for(session, office, stored, now),
    )
    write(session, office, decision, now, answering=envelope)


def _read_confirm(envelope: Envelope) -> OrderView:
    """The confirm; a quote that does not even add up is a wrong price, not a wrong shape."""
    try:
        return envelope.dialect.read_confirm(envelope.message)
    except Malformed as fault:
        if (fault.path or "").startswith("/message/order/quote"):
            raise QuoteUnavailable(fault.reason, path=fault.path) from None
        raise


def _worker_for(
    session: Session, office: Office, stored: StoredQuote | None, now: int
) -> Worker | None:
    """The nearest free driver, where drivers are assigned at confirm."""
    if stored is None or office.provider.assignment != "at_confirm":
        return None
    terms = office.terms(stored.category, stored.city, stored.view.payments[0])
    return successor(session, office, stored.view, terms, now)


def successor(
    session: Session,
    office: Office,
    view: OrderView,
    terms: JobTerms,
    now: int,
    passed_over: tuple[str, ...] = (),
) -> Worker | None:
    """The nearest suitable driver without a job whom no extension passes over, or None."""
    pickup, _ = view.fulfillment.route()
    nearest = office.nearest(
        pickup,
        lambda agent_id: (
            store.is_busy(session, agent_id)
            or office.objection(session, agent_id, terms) is not None
        ),
        category=terms.vehicle_category,
        now=now,
        passed_over=passed_over,
    )
    match = next(nearest, None)
    return match.worker if match else None


def _cancel(session: Session, office: Office, envelope: Envelope, now: int) -> None:
    request = envelope.dialect.read_cancel(envelope.message)
    kept = store.order_of_bap(session, envelope.peer_id, request.order_id)
    if kept is None:
        raise unknown_order()
    decision = cancel(kept.order, request, office.provider, now)
    if isinstance(decision, Told):
        owe_answer(session, office, envelope, "on_cancel", decision.view, now)
    else:
        write(session, office, decision, now, revision=kept.revision, answering=envelope)


def _body(
    office: Office, store_: Store, answer: Answer, envelope: Envelope, now: int
) -> bytes | None:
    try:
        message = answer(store_, office, envelope, now)
    except Refused as refused:
        return refusal_document(office, envelope, refused, now)
    return None if message is None else answer_document(office, envelope, message, now)


def _search(
    store_: Store, office: Office, envelope: Envelope, now: int
) -> dict[str, object] | None:
    intent = envelope.dialect.read_search(envelope.message)
    city = envelope.context.city

    def find(session: Session) -> Catalog | None:
        return search(office, intent, lambda id: _is_out(session, office, id, city), now, city=city)

    catalog = store_.read(find)
    return None if catalog is None else envelope.dialect.write_on_search(catalog, intent=intent)


def _is_out(session: Session, office: Office, agent_id: str, city: str) -> bool:
    """Whether the driver has a job, or is passed over however it would be paid."""
    if store.is_busy(session, agent_id):
        return True
    worker = office.fleet.worker(agent_id)
    category = worker.vehicle.category if worker else ""
    ways = (office.terms(category, city, payment) for payment in office.provider.payments)
    return all(office.objection(session, agent_id, terms) is not None for terms in ways)


def _select(store_: Store, office: Office, envelope: Envelope, now: int) -> dict[str, object]:
    asked = envelope.dialect.read_select(envelope.message)
    view = select(office, asked, peer_of(envelope), now)
    return envelope.dialect.write_on_order(view, action="on_select")


def _status(store_: Store, office: Office, envelope: Envelope, now: int) -> dict[str, object]:
    order = _asked_order(store_, envelope, envelope.dialect.read_status(envelope.message))
    return envelope.dialect.write_on_order(status(order), action="on_status")


def _track(store_: Store, office: Office, envelope: Envelope, now: int) -> dict[str, object]:
    order = _asked_order(store_, envelope, envelope.dialect.read_track(envelope.message))
    position = office.fleet.position(order.agent_id) if order.agent_id else None
    return envelope.dialect.write_on_track(track(order, position))


def _asked_order(store_: Store, envelope: Envelope, order_id: str) -> Order:
    """The sender's order. By its transaction_id too: a BAP that missed on_confirm has no other."""

    def find(session: Session) -> store.Kept | None:
        if order_id == envelope.transaction_id:
            return store.order_of_transaction(session, envelope.peer_id, order_id)
        return store.order_of_bap(session, envelope.peer_id, order_id)

    kept = store_.read(find)
    if kept is None:
        raise unknown_order()
    return kept.order
