"""From a verified durable message to a decision and its answer: what the signed door calls."""

from collections.abc import Callable

from bpp.dispatch import rounds
from bpp.orders import beside, store
from bpp.orders.assign import give_to
from bpp.orders.cancel import cancel
from bpp.orders.choosing import Choice, choose, driver_for
from bpp.orders.confirm import confirm, is_ahead
from bpp.orders.decision import Decision, Told
from bpp.orders.forms import Submission
from bpp.orders.init import StoredQuote, init
from bpp.orders.office import Office
from bpp.orders.order import Peer, peer_of
from bpp.orders.rating import rate
from bpp.orders.status import unknown_order
from bpp.orders.store import Kept
from bpp.orders.update import update
from bpp.orders.writing import owe_message, owe_order, owe_refusal, write
from protocol_specs.node.messages.actions import Durable, Judge
from protocol_specs.node.store import Session
from protocol_specs.wire.envelope import Envelope
from protocol_specs.wire.errors import (
    ActionNotApplicable,
    Malformed,
    NotServed,
    QuoteUnavailable,
    Refused,
)
from protocol_specs.wire.order import OrderView, Parcel, Rating
from protocol_specs.wire.values import replace

Decide = Callable[[Session, Office, Envelope, int], None]


def durable(office: Office) -> list[Durable]:
    """init, confirm, cancel, update and rating: written before they are answered."""
    handlers: dict[str, Decide] = {
        "init": _init,
        "confirm": _confirm,
        "cancel": _cancel,
        "update": _update,
        "rating": _rating,
    }
    return [
        Durable(action, _owing(office, decide), judge=spoken(action))
        for action, decide in handlers.items()
    ]


def spoken(action: str) -> Judge:
    """Refuses, before the ACK, an action that the message's own dialect does not have."""

    def judge(envelope: Envelope, now: int) -> None:
        traits = envelope.dialect.traits
        if action not in traits.actions:
            raise NotServed(f"there is no {action} in {traits.name}")

    return judge


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
    quote = init(office, asked, peer, now, _submitted(session, office, peer))
    # After this point the quote stands.
    store.put_quote(session, quote)
    expires_at = -(-envelope.context.expires_ms // 1000)
    owe_order(session, office, envelope, quote.shown(), now, expires_at=expires_at)


def _confirm(session: Session, office: Office, envelope: Envelope, now: int) -> None:
    peer = peer_of(envelope)
    asked = _read_confirm(envelope)
    stored, existing = store.quote_and_order(session, peer.bap_id, peer.transaction_id)
    if existing is None and asked.id:  # where the consumer's platform makes ids
        existing = store.order_of_bap(session, peer.bap_id, asked.id)
    choice = _choice(session, office, stored, asked.fulfillment.parcel, peer, now)
    decision = confirm(
        office,
        asked,
        peer,
        now,
        stored=stored,
        existing=existing.order if existing else None,
        worker=choice.worker if choice else None,
        submitted=_submitted(session, office, peer),
    )
    order = write(session, office, decision, now, answering=envelope)
    if choice is not None and order.agent_id is not None:
        rounds.keep(session, order.key, choice.round)


def _submitted(session: Session, office: Office, peer: Peer) -> Submission | None:
    """The form that was filled in for this transaction, where the cooperative has one."""
    if office.provider.form is None:
        return None
    return beside.find_submission(session, peer.bap_id, peer.transaction_id)


def _read_confirm(envelope: Envelope) -> OrderView:
    """The confirm; a quote that does not even add up is a wrong price, not a wrong shape."""
    try:
        return envelope.dialect.read_confirm(envelope.message)
    except Malformed as fault:
        if (fault.path or "").startswith("/message/order/quote"):
            raise QuoteUnavailable(fault.reason, path=fault.path) from None
        raise


def _choice(
    session: Session,
    office: Office,
    stored: StoredQuote | None,
    parcel: Parcel | None,
    peer: Peer,
    now: int,
) -> Choice | None:
    """Who carries it out, where drivers are assigned at confirm and its time is near."""
    if stored is None or office.provider.assignment != "at_confirm":
        return None
    if is_ahead(office.provider, stored.view.fulfillment.start_at, now):
        return None
    terms = office.terms(
        category=stored.category,
        domain=peer.domain,
        city=stored.city,
        payment=stored.view.payments[0],
        planned_start=stored.view.fulfillment.start_at,
        needs=stored.needs,
        parcel=parcel,
    )
    return choose(session, office, stored.view, terms, now)


def _cancel(session: Session, office: Office, envelope: Envelope, now: int) -> None:
    request = envelope.dialect.read_cancel(envelope.message)
    kept = _order_of(session, envelope, request.order_id)
    decision = cancel(kept.order, request, office.provider, now)
    _answer(session, office, envelope, kept, decision, now)


def _update(session: Session, office: Office, envelope: Envelope, now: int) -> None:
    request = envelope.dialect.read_update(envelope.message)
    kept = _order_of(session, envelope, request.order_id)
    decision = update(office, kept.order, request, now)
    if isinstance(decision, Decision) and decision.order.is_open() and not kept.order.is_open():
        decision = _sent_for(session, office, decision, now)
    _answer(session, office, envelope, kept, decision, now)


def _sent_for(session: Session, office: Office, decision: Decision, now: int) -> Decision:
    """The order that has just become ready, with a driver for it if one is free."""
    worker = driver_for(session, office, decision.order, now)
    if worker is None:
        return decision
    given = give_to(decision.order, worker, office.provider, now)
    events = (*decision.events, *given.events)
    return replace(
        decision, order=given.order, events=events, callbacks=(*decision.callbacks, "on_status")
    )


def _rating(session: Session, office: Office, envelope: Envelope, now: int) -> None:
    ratings = envelope.dialect.read_rating(envelope.message)
    kept = _rated(session, envelope, ratings)
    order, standing = rate(kept.order if kept else None, ratings, office.provider)
    # After this point the ratings stand.
    beside.put_ratings(session, order.key, standing, now)
    owe_message(session, office, envelope, envelope.dialect.write_on_rating(None), now)


def _rated(session: Session, envelope: Envelope, ratings: tuple[Rating, ...]) -> Kept | None:
    """The order of the transaction, or the one whose id is rated."""
    bap_id = envelope.peer_id
    made = store.order_of_transaction(session, bap_id, envelope.transaction_id)
    return made or store.order_of_bap(session, bap_id, ratings[0].id)


def _order_of(session: Session, envelope: Envelope, order_id: str) -> Kept:
    kept = store.order_of_bap(session, envelope.peer_id, order_id)
    if kept is None:
        raise unknown_order()
    return kept


def _answer(
    session: Session,
    office: Office,
    envelope: Envelope,
    kept: Kept,
    decision: Decision | Told,
    now: int,
) -> None:
    if isinstance(decision, Told):
        owe_order(session, office, envelope, decision.view, now)
    else:
        write(session, office, decision, now, revision=kept.revision, answering=envelope)
