"""confirm: the stored quote becomes an order, at its price and at no other."""

from dataclasses import replace

from bpp.fleet.workers import Worker
from bpp.orders.assign import give_to
from bpp.orders.decision import Decision
from bpp.orders.init import StoredQuote, job_hash
from bpp.orders.office import Office
from bpp.orders.order import ACTIVE, Order, Peer, in_state, record, states_of
from protocol_specs.wire.errors import ActionNotApplicable, PaymentNotSupported, QuoteUnavailable
from protocol_specs.wire.order import OrderView, PaymentTerms, Quote


def confirm(
    office: Office,
    asked: OrderView,
    peer: Peer,
    now: int,
    *,
    stored: StoredQuote | None,
    existing: Order | None,
    worker: Worker | None,
) -> Decision:
    """The order, confirmed, and given to `worker` if there is one. Raises Refused.

    `stored` is the quote of this BAP's transaction, `existing` the order that it already made.
    """
    if existing is not None:
        raise ActionNotApplicable(
            f"this transaction already made order {existing.id}, which is {existing.status}; "
            "ask for its status, or start a new transaction"
        )
    offered = require_same(stored, asked, now)
    # After this point the order stands.
    order = _order(office, offered, asked, peer, now)
    order, confirmed = record(order, "confirmed", office.provider, now)
    decision = Decision(order, (confirmed,), ("on_confirm",), is_new=True)
    if worker is None:
        return decision
    given = give_to(order, worker, office.provider, now)
    return replace(decision, order=given.order, events=(confirmed, *given.events))


def require_same(stored: StoredQuote | None, asked: OrderView, now: int) -> StoredQuote:
    """The quote that `asked` accepts unchanged. Raises QuoteUnavailable, PaymentNotSupported."""
    if stored is None:
        raise QuoteUnavailable("no quote was made for this transaction; send init first")
    if now > stored.expires_at:
        raise QuoteUnavailable("the quote has expired; send init again for a new one")
    if job_hash(asked) != stored.job_hash:
        raise QuoteUnavailable(
            "item, stops or parcel differ from those quoted; send init again",
            path="/message/order/fulfillments/0",
        )
    _require_same_price(stored.view.quote, asked.quote)
    _require_same_payment(stored.view.payments[0], asked.payments)
    return stored


def _require_same_price(ours: Quote | None, theirs: Quote | None) -> None:
    path = "/message/order/quote"
    if ours is None or theirs is None:
        raise QuoteUnavailable("the confirm carries no quote; send the one of on_init", path=path)
    if theirs.id and theirs.id != ours.id:
        raise QuoteUnavailable("this is not the quote of this transaction", path=f"{path}/id")
    if theirs.currency != ours.currency:
        reason = f"the quote is in {ours.currency}, not in {theirs.currency}"
        raise QuoteUnavailable(reason, path=f"{path}/price/currency")
    if theirs.total_minor != ours.total_minor:
        reason = f"the price is {ours.total_minor} minor units, not {theirs.total_minor}"
        raise QuoteUnavailable(reason, path=f"{path}/price/value")
    if _lines(theirs) != _lines(ours):
        raise QuoteUnavailable("the breakup is not the one quoted", path=f"{path}/breakup")


def _lines(quote: Quote) -> list[tuple[str, int]]:
    return sorted((line.code, line.amount_minor) for line in quote.lines)


def _require_same_payment(ours: PaymentTerms, theirs: tuple[PaymentTerms, ...]) -> None:
    """What is left out means the agreed terms; what is said must be them."""
    for terms in theirs:
        same_id = terms.id in (None, ours.id)
        if not same_id or (terms.collected_by, terms.type) != (ours.collected_by, ours.type):
            raise PaymentNotSupported(
                f"agreed was payment {ours.id}: {ours.collected_by} {ours.type}; send init again "
                "to change it",
                path="/message/order/payments/0",
            )


def _order(office: Office, stored: StoredQuote, asked: OrderView, peer: Peer, now: int) -> Order:
    payment = _collected(stored.view.payments[0], asked.payments)
    view = replace(
        stored.view,
        id=office.new_id(),
        status=ACTIVE,
        payments=(payment,),
        created_at=now,
        updated_at=now,
    )
    order = Order(
        key=office.new_id(),
        peer=peer,
        view=view,
        category=stored.category,
        city=stored.city,
        tags=stored.tags,
    )
    unassigned = states_of(office.provider.kind).unassigned
    return in_state(order, unassigned, now, start_code=office.start_code(), code_claimed=False)


def _collected(ours: PaymentTerms, theirs: tuple[PaymentTerms, ...]) -> PaymentTerms:
    """Money that the BAP collects beforehand is owed to us by the BAP from now on: PAID by it.

    Its reference is kept for the settlement. Of money that we collect, the peer's word is nothing.
    """
    if ours.collected_by != "BAP" or ours.type not in ("PRE-ORDER", "PRE-FULFILLMENT"):
        return ours
    reference = theirs[0].reference if theirs else None
    return replace(ours, status="PAID", reference=reference)
