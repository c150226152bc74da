"""confirm: the stored quote becomes an order, at its price and at no other."""

from bpp.fleet.workers import Worker
from bpp.orders import forms, terms
from bpp.orders.assign import give_to
from bpp.orders.decision import Decision
from bpp.orders.forms import Answers, Submission
from bpp.orders.init import StoredQuote, job_hash
from bpp.orders.needs import require_vehicle
from bpp.orders.office import Office
from bpp.orders.order import ACTIVE, NOT_READY, Order, Peer, record, states_of
from bpp.orders.provider import SOON_S, Provider
from protocol_specs.wire import version
from protocol_specs.wire.errors import (
    ActionNotApplicable,
    AgentUnavailable,
    Malformed,
    PaymentNotSupported,
    QuoteUnavailable,
)
from protocol_specs.wire.order import Fulfillment, Kind, OrderView, PaymentTerms, Quote
from protocol_specs.wire.timestamp import rfc3339
from protocol_specs.wire.values import replace
from protocol_specs.wire.version import Traits

CODE_VALID_S = 24 * 3600
CODE_CHARS_MAX = 12


def confirm(
    office: Office,
    asked: OrderView,
    peer: Peer,
    now: int,
    *,
    stored: StoredQuote | None,
    existing: Order | None,
    worker: Worker | None,
    submitted: Submission | None = None,
) -> Decision:
    """The order, confirmed, and given to `worker` if there is one. Raises Refused.

    `stored` is the quote of this BAP's transaction, `existing` the order that it already made,
    `submitted` the form filled in for it.
    """
    if existing is not None:
        raise ActionNotApplicable(
            f"this transaction already made order {existing.id}, which is {existing.status}; "
            "ask for its status, or start a new transaction"
        )
    traits = version.named(peer.dialect).traits
    offered = require_same(stored, asked, now, traits)
    provider = office.provider
    terms.require_acceptable(provider.terms, asked.bap_terms)
    terms.require_ours(provider.terms, asked.bpp_terms)
    answers = forms.require_submitted(
        provider.form, ("init",), submitted, asked.form, has_place=traits.takes_our_tags
    )
    is_ready = asked.fulfillment.ready_to_ship is not False
    require_vehicle(office, offered.category, offered.needs, asked.fulfillment.parcel)
    is_later = is_ahead(provider, offered.view.fulfillment.start_at, now)
    if worker is None and is_ready and not is_later and must_have_driver(provider):
        raise AgentUnavailable("no driver is free now; search again later")
    # After this point the order stands.
    order = _order(office, offered, asked, peer, now, traits, answers or offered.answers)
    order, confirmed = record(order, "confirmed", provider, now)
    decision = Decision(order, (confirmed,), ("on_confirm",))
    if worker is None or not is_ready:
        return decision
    given = give_to(order, worker, provider, now)
    return replace(decision, order=given.order, events=(confirmed, *given.events))


def is_ahead(provider: Provider, start_at: int | None, now: int) -> bool:
    """Whether a start lies so far ahead that nobody is looked for yet."""
    return start_at is not None and start_at - provider.lead_s > now


def must_have_driver(provider: Provider) -> bool:
    """Whether an order is taken only together with a driver for it."""
    return provider.assignment == "at_confirm" and not provider.takes_orders_without_driver


def require_same(
    stored: StoredQuote | None, asked: OrderView, now: int, traits: Traits
) -> StoredQuote:
    """The quote that `asked` accepts unchanged. Raises QuoteUnavailable, PaymentNotSupported."""
    if stored is None:
        raise QuoteUnavailable("no quote was made for this transaction; send init first")
    if now > stored.expires_at:
        raise QuoteUnavailable("the quote has expired; send init again for a new one")
    ours, theirs = stored.view.fulfillment.parcel, asked.fulfillment.parcel
    # Where the parcel is first described with the confirm, that is what is carried.
    other_parcel = ours != theirs and not (traits.consumer_makes_order_id and ours is None)
    if job_hash(asked) != stored.job_hash or other_parcel:
        raise QuoteUnavailable(
            "item, stops or parcel differ from those quoted; send init again",
            path="/message/order/fulfillments/0",
        )
    _require_same_start(stored.view.fulfillment.start_at, asked.fulfillment.start_at, now)
    _require_same_price(stored.view.quote, asked.quote, traits)
    _require_same_payment(stored.view.payments[0], asked.payments)
    return stored


def _require_same_start(ours: int | None, theirs: int | None, now: int) -> None:
    """A confirm without a time means the agreed one; "now" may be said as any time about now."""
    is_now = ours is None and theirs is not None and theirs <= now + SOON_S
    if theirs in (None, ours) or is_now:
        return
    agreed = "at once" if ours is None else f"at {rfc3339(ours * 1000)}"
    raise QuoteUnavailable(
        f"the pickup was quoted {agreed}; send init again for another time",
        path="/message/order/fulfillments/0/stops/0/time",
    )


def _require_same_price(ours: Quote | None, theirs: Quote | None, traits: Traits) -> None:
    """Where a confirm names no price, the stored quote is what it accepts."""
    path = "/message/order/quote"
    if theirs is None and not traits.has_quote_in_confirm:
        return
    if ours is None or theirs is None:
        raise QuoteUnavailable("the confirm carries no quote; send the one of on_init", path=path)
    if theirs.currency != ours.currency:
        reason = f"the quote is in {ours.currency}, not in {theirs.currency}"
        raise QuoteUnavailable(reason, path=f"{path}/price/currency")
    if theirs.total_minor != ours.total_minor:
        reason = f"the price is {ours.total_minor} minor units, not {theirs.total_minor}"
        raise QuoteUnavailable(reason, path=f"{path}/price/value")
    if not traits.has_quote_lines or not traits.has_quote_in_confirm:
        return  # the network has its own titles for lines, and merges them
    if theirs.id and theirs.id != ours.id:
        raise QuoteUnavailable("this is not the quote of this transaction", path=f"{path}/id")
    if _lines(theirs) != _lines(ours):
        raise QuoteUnavailable("the breakup is not the one quoted", path=f"{path}/breakup")


def _lines(quote: Quote) -> list[tuple[str, int]]:
    return sorted((line.code, line.amount_minor) for line in quote.lines)


def _require_same_payment(ours: PaymentTerms, theirs: tuple[PaymentTerms, ...]) -> None:
    """What is left out means the agreed terms; what is said must be them."""
    for said in theirs:
        same_id = said.id in (None, ours.id)
        if not same_id or (said.collected_by, said.type) != (ours.collected_by, ours.type):
            raise PaymentNotSupported(
                f"agreed was payment {ours.id}: {ours.collected_by} {ours.type}; send init again "
                "to change it",
                path="/message/order/payments/0",
            )


def _order(
    office: Office,
    stored: StoredQuote,
    asked: OrderView,
    peer: Peer,
    now: int,
    traits: Traits,
    answers: Answers,
) -> Order:
    """The order in its first state. Put together at once: each `replace` of so large a value costs
    as much as a row."""
    job_id, start_at = office.new_key(), stored.view.fulfillment.start_at
    is_later = is_ahead(office.provider, start_at, now)
    said, agreed = asked.fulfillment, stored.view.fulfillment
    is_ready = said.ready_to_ship is not False
    waits = not is_ready or (is_later and said.kind is Kind.DELIVERY)
    state = NOT_READY if waits else states_of(office.provider.kind).unassigned
    fulfillment = replace(
        agreed,
        state=state,
        start_code=start_code(said) or office.start_code(),
        code_claimed=False,
        code_valid_until=max(now, start_at or 0) + CODE_VALID_S,
        ready_to_ship=said.ready_to_ship,
        parcel=agreed.parcel or said.parcel,
        instructions=said.instructions or agreed.instructions,
    )
    theirs = asked.created_at if traits.consumer_makes_order_id else None
    view = replace(
        stored.view,
        id=_id(asked, traits) or job_id,
        status=ACTIVE,
        fulfillment=fulfillment,
        payments=(collected(stored.view.payments[0], asked.payments),),
        created_at=theirs or now,
        updated_at=now,
        bap_terms=asked.bap_terms or stored.view.bap_terms,
        form=None,
    )
    return Order(
        key=office.new_key(),
        job_id=job_id,
        peer=peer,
        view=view,
        reached=((state, now),),
        answers=answers,
        category=stored.category,
        city=stored.city,
        priced_at=stored.priced_at,
        tariff=stored.tariff,
        tags=stored.tags,
        needs=stored.needs,
        planned_start=start_at,
        is_ahead=is_later,
    )


def _id(asked: OrderView, traits: Traits) -> str | None:
    """The order's id where the consumer's platform makes it."""
    if not traits.consumer_makes_order_id:
        return None
    if not asked.id:
        raise Malformed(
            "the order needs an id, which your platform makes", path="/message/order/id"
        )
    return asked.id


def start_code(said: Fulfillment) -> str | None:
    """The code word for the pickup of a parcel, where its sender says one."""
    code = said.start_code
    is_usable = code is not None and code.isalnum() and code.isascii()
    if said.kind is not Kind.DELIVERY or code is None or not is_usable:
        return None
    return code if 4 <= len(code) <= CODE_CHARS_MAX else None


def collected(ours: PaymentTerms, theirs: tuple[PaymentTerms, ...]) -> PaymentTerms:
    """Money that the BAP collects beforehand is owed to us by the BAP from now on: PAID by it.

    Its reference is kept for the settlement. Of money that we collect, the peer's word is nothing.
    """
    if ours.collected_by != "BAP" or ours.type not in ("PRE-ORDER", "PRE-FULFILLMENT"):
        return ours
    reference = theirs[0].reference if theirs else None
    return replace(ours, status="PAID", reference=reference)
