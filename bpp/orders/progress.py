"""The driver's steps from the way to the pickup to the end. Nothing moves by a timer."""

import hmac
from dataclasses import dataclass
from typing import Literal

from bpp import fares
from bpp.orders.decision import Decision
from bpp.orders.order import (
    ACTIVE,
    COMPLETE,
    TIP_CODES,
    Order,
    in_state,
    paid,
    priced,
    record,
)
from bpp.orders.provider import Provider
from protocol_specs.wire.errors import ActionNotApplicable, RateLimited
from protocol_specs.wire.order import Kind
from protocol_specs.wire.values import replace

Step = Literal["enroute", "arrived", "start", "pickup", "arrived-drop", "end"]

FREE_TRIES = 5  # wrong start codes before one has to wait between tries
SLOW_TRY_S = 60


@dataclass(frozen=True, slots=True)
class Move:
    """From which states a step leads where."""

    before: tuple[str, ...]
    after: str


RIDE_MOVES: dict[Step, Move] = {
    "enroute": Move(("RIDE_ASSIGNED",), "RIDE_ENROUTE_PICKUP"),
    "arrived": Move(("RIDE_ENROUTE_PICKUP",), "RIDE_ARRIVED_PICKUP"),
    "start": Move(("RIDE_ARRIVED_PICKUP",), "RIDE_STARTED"),
    "end": Move(("RIDE_STARTED",), "RIDE_ENDED"),
}
DELIVERY_MOVES: dict[Step, Move] = {
    "arrived": Move(("Agent-assigned",), "At-pickup"),
    "pickup": Move(("At-pickup",), "Order-picked-up"),
    "enroute": Move(("Order-picked-up",), "Out-for-delivery"),
    "arrived-drop": Move(("Out-for-delivery",), "At-delivery"),
    "end": Move(("Out-for-delivery", "At-delivery"), "Order-delivered"),
}


@dataclass(frozen=True, slots=True)
class WrongCode:
    """A start code that does not fit: the order only counts the try."""

    order: Order
    tries_left: int


def advance(order: Order, step: Step, now: int) -> Decision:
    """A step that needs no code: enroute, arrived, arrived-drop. Raises ActionNotApplicable."""
    after = _next_state(order, step)
    return Decision(in_state(order, after, now), (), ("on_status",))


def start(order: Order, code: str, provider: Provider, now: int) -> Decision | WrongCode:
    """The rider is on board, or the parcel handed over, as the customer's code proves.

    Raises ActionNotApplicable out of turn and RateLimited when guessing goes on too fast.
    """
    step: Step = "start" if provider.kind is Kind.RIDE else "pickup"
    after = _next_state(order, step)
    if order.wrong_codes >= FREE_TRIES and now < order.wrong_code_at + SLOW_TRY_S:
        raise RateLimited(f"too many wrong codes; try again {SLOW_TRY_S} s after the last one")
    expected = order.view.fulfillment.start_code or ""
    if not expected or not hmac.compare_digest(code.encode(), expected.encode()):
        wrong = order.wrong_codes + 1
        counted = replace(order, wrong_codes=wrong, wrong_code_at=now)
        return WrongCode(counted, max(0, FREE_TRIES - wrong))
    picked_up = {"picked_up_at": now} if step == "pickup" else {}
    begun = in_state(order, after, now, code_claimed=True, **picked_up)
    return Decision(begun, (), ("on_status",))


def end(order: Order, provider: Provider, now: int, *, cash_collected: bool) -> Decision:
    """The job is done: the final fare, and the cash in the driver's hand if we collect it.

    Raises ActionNotApplicable out of turn.
    """
    after = _next_state(order, "end")
    final = _final_fare(order, provider)
    events = []
    if final is not order:
        final, changed = record(final, "fare_changed", provider, now)
        events.append(changed)
    if final.payment.collected_by == "BPP" and final.payment.status == "NOT-PAID":
        final = paid(final, "PAID" if cash_collected else "NOT-PAID")
    delivered = {"delivered_at": now} if provider.kind is Kind.DELIVERY else {}
    done = in_state(final, after, now, **delivered)
    done = replace(done, view=replace(done.view, status=COMPLETE))
    done, completed = record(done, "completed", provider, now)
    told: tuple[Literal["on_update", "on_status"], ...] = (
        ("on_update", "on_status") if events else ("on_status",)
    )
    return Decision(done, (*events, completed), told)


def moves_of(kind: Kind) -> dict[Step, Move]:
    """The steps of this kind of work."""
    return RIDE_MOVES if kind is Kind.RIDE else DELIVERY_MOVES


def waited_s(order: Order) -> int | None:
    """How long the driver waited at the pickup; before a planned start at nobody's cost. None: it
    has not begun."""
    arrived = order.reached_at(order.states.at_pickup)
    begun = order.reached_at(order.states.started)
    if arrived is None or begun is None:
        return None
    return max(0, begun - max(arrived, order.planned_start or 0))


def _next_state(order: Order, step: Step) -> str:
    if order.status != ACTIVE:
        raise ActionNotApplicable(f"the order is {order.status}")
    if order.is_ahead:
        raise ActionNotApplicable("this job is for later; it begins when its time is near")
    move = moves_of(order.view.fulfillment.kind).get(step)
    if move is None:
        raise ActionNotApplicable(f"there is no step {step!r} in this kind of work")
    if order.state not in move.before:
        before = " or ".join(move.before)
        raise ActionNotApplicable(f"{step} comes after {before}; the order is {order.state}")
    return move.after


def _final_fare(order: Order, provider: Provider) -> Order:
    """The order with the waiting at the pickup charged, or the very same order.

    A prepaid price is final: waiting is charged only where the driver can still collect it.
    """
    waited = waited_s(order)
    if waited is None or order.payment.status == "PAID":
        return order
    pickup, drop = order.view.fulfillment.route()
    policy = provider.tariff.by(order.tariff)  # what was agreed, whatever was written since
    line = fares.waiting_charge(policy, pickup, waited, category=order.category)
    if line is None:
        return order
    metres = fares.route(policy, pickup, drop).distance_m
    # A tip is beside the fare: the ceiling is for the fare alone.
    tips = tuple(line for line in order.quote.lines if line.code in TIP_CODES)
    fare = tuple(line for line in order.quote.lines if line.code not in TIP_CODES)
    charged = fares.with_charge(policy, fare, line, metres)
    return order if charged == fare else priced(order, (*charged, *tips))
