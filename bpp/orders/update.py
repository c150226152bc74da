"""update: another drop, a tip, how it is paid, a parcel that is ready; asked first, or meant."""

from dataclasses import dataclass

from bpp.orders.confirm import collected, start_code
from bpp.orders.decision import Decision, Told
from bpp.orders.office import Office
from bpp.orders.order import ACTIVE, NOT_READY, TIP_CODES, Order, in_state, later, priced, record
from bpp.orders.pricing import Job, price
from bpp.orders.provider import accepted_payment, require_served
from protocol_specs.wire.errors import (
    ChangedOutsideTarget,
    InvalidUpdateTarget,
    UpdateNotPossible,
)
from protocol_specs.wire.order import (
    Fulfillment,
    Kind,
    OrderView,
    PaymentTerms,
    Place,
    PriceLine,
    UpdateRequest,
)
from protocol_specs.wire.values import replace

TIP = "BUYER_ADDITIONAL_AMOUNT"
FACTS_MAX = 100  # of one order: each change of its price is one, and an entry in the books
SOFT_UPDATE, UPDATED = "SOFT_UPDATE", "UPDATED"
_WAY, _PRICE, _PAYMENT = "fulfillments", "quote.breakup", "payments"
_TARGETS = {
    **dict.fromkeys(("fulfillments", "fulfillment", "fulfillments.stops", "stops"), _WAY),
    **dict.fromkeys(("quote", "quote.breakup"), _PRICE),
    **dict.fromkeys(("payments", "payment"), _PAYMENT),
}


@dataclass(frozen=True, slots=True)
class _Change:
    """The order as it would be, and whether its price or payment is another."""

    order: Order
    has_other_money: bool = False


def update(office: Office, order: Order, request: UpdateRequest, now: int) -> Decision | Told:
    """The consumer's wish, carried out; a soft one is only answered. Raises Refused.

    A wish that changes nothing is answered with the order as it is.
    """
    targets = _targets(request)
    _require_active(order)
    _require_only(order, request, targets)
    change = _Change(order)
    if _WAY in targets and request.fulfillment is not None:
        change = _way(office, order, request.fulfillment, now)
    if _PRICE in targets:
        change = _tipped(change, request)
    if _PAYMENT in targets and request.payments:
        change = _paid_so(office, change, request.payments)
    if request.soft:
        return Told(replace(change.order.shown(), status=SOFT_UPDATE))
    if change.order == order:
        return Told(replace(order.shown(), status=UPDATED))
    # After this point the order is changed.
    changed = replace(
        change.order, view=replace(change.order.view, updated_at=later(change.order, now))
    )
    if not change.has_other_money:
        return Decision(changed, (), ("on_update",), answer_status=UPDATED)
    changed, event = record(changed, "fare_changed", office.provider, now)
    return Decision(changed, (event,), ("on_update",), answer_status=UPDATED)


def _targets(request: UpdateRequest) -> frozenset[str]:
    """The parts to change, in our words. Raises InvalidUpdateTarget."""
    unknown = [name for name in request.targets if name not in _TARGETS]
    if unknown or not request.targets:
        known = ", ".join(sorted({*_TARGETS.values()}))
        reason = f"{', '.join(unknown)[:80] or 'nothing'} cannot be changed here; change {known}"
        raise InvalidUpdateTarget(reason, path="/message/update_target")
    return frozenset(_TARGETS[name] for name in request.targets)


def _require_active(order: Order) -> None:
    if order.status != ACTIVE:
        raise UpdateNotPossible(f"the order is {order.status}; nothing of it changes any more")
    if order.state in (order.states.ended, order.states.cancelled):
        raise UpdateNotPossible(f"it is too late to change the order ({order.state})")
    if order.events >= FACTS_MAX:
        raise UpdateNotPossible("this order was changed too often; call the provider")


def _require_only(order: Order, request: UpdateRequest, targets: frozenset[str]) -> None:
    """What is said of other parts must be what stands. Raises ChangedOutsideTarget."""
    given = request.fulfillment
    if given is not None and _WAY not in targets and _moves(order.view, given):
        raise _outside("fulfillments")
    if request.lines and _PRICE not in targets and _sum(request.lines) != order.quote.total_minor:
        raise _outside("quote")
    for said in request.payments if _PAYMENT not in targets else ():
        if (said.collected_by, said.type) != (order.payment.collected_by, order.payment.type):
            raise _outside("payments")


def _outside(part: str) -> ChangedOutsideTarget:
    reason = f"{part} differs from the order, and update_target does not name it"
    return ChangedOutsideTarget(reason, path=f"/message/order/{part}")


def _moves(view: OrderView, given: Fulfillment) -> bool:
    ours = view.fulfillment
    return not (_is_same(ours.pickup, given.pickup) and _is_same(ours.drop, given.drop))


def _is_same(ours: Place | None, said: Place | None) -> bool:
    """Whether it is the same point on the wire; nothing said is the same."""
    if ours is None or said is None:
        return said is None
    return _point(ours) == _point(said)


def _point(place: Place) -> tuple[str, str]:
    return f"{place.lat:.6f}", f"{place.lon:.6f}"


# The way


def _way(office: Office, order: Order, given: Fulfillment, now: int) -> _Change:
    ours = order.view.fulfillment
    if not _is_same(ours.pickup, given.pickup):
        raise UpdateNotPossible("the pickup cannot be changed; cancel and book again")
    if given.vehicle is not None and given.vehicle.category not in (order.category, ""):
        raise UpdateNotPossible("the vehicle cannot be changed; cancel and book again")
    order = _with_people(order, given)
    if given.ready_to_ship and not ours.ready_to_ship:
        order = _ready(order, given, now)
    if given.drop is None or _is_same(ours.drop, given.drop):
        return _Change(order)
    moved = _to(office, order, given.drop)
    return _Change(moved, has_other_money=moved.quote != order.quote)


def _with_people(order: Order, given: Fulfillment) -> Order:
    ours = order.view.fulfillment
    changed = replace(
        ours,
        drop_contact=given.drop_contact or ours.drop_contact,
        instructions=given.instructions or ours.instructions,
    )
    return replace(order, view=replace(order.view, fulfillment=changed))


def _ready(order: Order, given: Fulfillment, now: int) -> Order:
    """The parcel can be fetched: with the code its sender now says, if they say one."""
    if given.kind is not Kind.DELIVERY or order.view.fulfillment.kind is not Kind.DELIVERY:
        raise UpdateNotPossible("a ride is not shipped")
    if order.has_begun():
        return order  # said twice, or too late to matter
    code = start_code(given) or order.view.fulfillment.start_code
    state = order.states.unassigned if order.state == NOT_READY else order.state
    if state == order.state:
        fulfillment = replace(order.view.fulfillment, ready_to_ship=True, start_code=code)
        return replace(order, view=replace(order.view, fulfillment=fulfillment))
    return in_state(order, state, now, ready_to_ship=True, start_code=code)


def _to(office: Office, order: Order, drop: Place) -> Order:
    """The order to another drop, priced as of when it was priced first: by the same hour and fares.

    Once it has begun it gets no cheaper: a part of the way is driven, and we do not measure which.
    """
    pickup, _ = order.view.fulfillment.route()
    require_served(office.provider, pickup, drop)
    job = Job(
        category=order.category,
        pickup=pickup,
        drop=drop,
        domain=order.peer.domain,
        city=order.city,
        payment=order.payment,
        start_at=order.planned_start,
        needs=order.needs,
        parcel=order.view.fulfillment.parcel,
        tariff=order.tariff,
    )
    fare = price(
        office.provider, office.extensions, job, quote_id=order.quote.id, now=order.priced_at
    ).quote
    tips = tuple(line for line in order.quote.lines if line.code in TIP_CODES)
    moved = replace(order.view.fulfillment, drop=drop)
    order = replace(order, view=replace(order.view, fulfillment=moved))
    if order.has_begun() and fare.total_minor <= order.fare_minor:
        return order
    return priced(order, (*fare.lines, *tips))


# The money


def _tipped(change: _Change, request: UpdateRequest) -> _Change:
    """The order with the tip of the breakup; the fare itself is not the consumer's to change."""
    order = change.order
    if request.currency not in (None, order.quote.currency):
        raise UpdateNotPossible(f"this order is paid in {order.quote.currency}")
    tips = [line for line in request.lines if line.code in TIP_CODES]
    rest = [line for line in request.lines if line.code not in TIP_CODES]
    if rest and _sum(rest) != order.fare_minor:
        raise UpdateNotPossible(
            f"only a tip ({TIP}) can be added to the price; the rest is {order.fare_minor} minor "
            "units",
            path="/message/order/quote/breakup",
        )
    tip_minor = _sum(tips)
    if any(line.amount_minor < 0 for line in tips) or tip_minor < order.tip_minor:
        raise UpdateNotPossible("a tip that was given is not taken back")
    if tip_minor == order.tip_minor:
        return change
    fare = tuple(line for line in order.quote.lines if line.code not in TIP_CODES)
    tipped = priced(order, (*fare, PriceLine(TIP, tip_minor)))
    return _Change(tipped, has_other_money=True)


def _paid_so(office: Office, change: _Change, said: tuple[PaymentTerms, ...]) -> _Change:
    """Paid in another of the published ways, or with a proof of payment, as long as it is open."""
    order = change.order
    chosen = accepted_payment(office.provider, said)
    ours = order.payment
    if (chosen.collected_by, chosen.type) == (ours.collected_by, ours.type):
        now_so = replace(ours, reference=said[0].reference or ours.reference)
        now_so = now_so if ours.collected_by == "BAP" else ours
    elif ours.status == "PAID":
        raise UpdateNotPossible("the order is paid for already; how cannot be changed")
    elif order.has_begun():
        raise UpdateNotPossible("the job has begun; how it is paid cannot be changed any more")
    else:
        again = replace(chosen, id=ours.id, currency=ours.currency, amount_minor=ours.amount_minor)
        now_so = collected(again, said)
    if now_so == ours:
        return change
    view = replace(order.view, payments=(now_so,))
    return _Change(replace(order, view=view), has_other_money=True)


def _sum(lines: list[PriceLine] | tuple[PriceLine, ...]) -> int:
    return sum(line.amount_minor for line in lines)
