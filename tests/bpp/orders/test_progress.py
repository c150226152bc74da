"""The driver's steps: in their order, with the right code, to a final fare."""

import pytest

from bpp.fleet.dispatch import Position
from bpp.orders.assign import accept, assign, give_up
from bpp.orders.decision import Decision
from bpp.orders.order import Order
from bpp.orders.progress import FREE_TRIES, SLOW_TRY_S, Step, WrongCode, advance, end, start
from bpp.orders.provider import Provider
from bpp.orders.track import track
from protocol_specs.wire.errors import ActionNotApplicable, RateLimited
from protocol_specs.wire.order import Kind
from protocol_specs.wire.values import replace
from tests.bpp.factories import (
    CODE,
    NOW,
    PREPAID,
    an_order,
    delivery_provider,
    office,
    ride_provider,
    worker,
)

RIDE, DELIVERY = ride_provider(), delivery_provider()


def moved(order: Order, step: Step, provider: Provider, now: int = NOW) -> Decision:
    if step in ("start", "pickup"):
        decision = start(order, CODE, provider, now)
        assert isinstance(decision, Decision)
        return decision
    if step == "end":
        return end(order, provider, now, cash_collected=True)
    return advance(order, step, now)


def after(order: Order, steps: list[Step], provider: Provider, now: int = NOW) -> Order:
    for step in steps:
        order = moved(order, step, provider, now).order
    return order


def ride() -> Order:
    return an_order(office(RIDE), worker())


def test_a_ride_passes_all_states_and_each_is_told() -> None:
    order, states, told = ride(), [], []
    steps: list[Step] = ["enroute", "arrived", "start", "end"]
    for step in steps:
        decision = moved(order, step, RIDE)
        order = decision.order
        states.append(order.state)
        told.append(decision.callbacks)
    assert states == ["RIDE_ENROUTE_PICKUP", "RIDE_ARRIVED_PICKUP", "RIDE_STARTED", "RIDE_ENDED"]
    assert told == [("on_status",)] * 4
    assert order.status == "COMPLETE"


def test_a_delivery_passes_all_states() -> None:
    order = an_order(office(DELIVERY), worker(category="TWO_WHEELER"))
    assert order.state == "Agent-assigned"
    states = []
    steps: list[Step] = ["arrived", "pickup", "enroute", "arrived-drop", "end"]
    for step in steps:
        order = moved(order, step, DELIVERY).order
        states.append(order.state)
    assert states == [
        "At-pickup",
        "Order-picked-up",
        "Out-for-delivery",
        "At-delivery",
        "Order-delivered",
    ]


ALL_STEPS: list[Step] = ["enroute", "arrived", "start", "pickup", "arrived-drop", "end"]


@pytest.mark.parametrize(
    ("kind", "way"),
    [
        (Kind.RIDE, ["enroute", "arrived", "start", "end"]),
        (Kind.DELIVERY, ["arrived", "pickup", "enroute", "arrived-drop", "end"]),
    ],
)
def test_no_step_is_taken_out_of_turn(kind: Kind, way: list[Step]) -> None:
    provider = RIDE if kind is Kind.RIDE else DELIVERY
    order = an_order(office(provider), worker(category=provider.categories[0]))
    for n in range(len(way) + 1):
        allowed = {way[n]} if n < len(way) else set()
        if kind is Kind.DELIVERY and n == 3:
            allowed.add("end")  # the courier need not stop to say that the door is reached
        for step in set(ALL_STEPS) - allowed - {"start", "pickup"}:
            with pytest.raises(ActionNotApplicable):
                moved(order, step, provider)
        if n < len(way):
            order = moved(order, way[n], provider).order


def test_the_right_code_claims_the_start() -> None:
    order = after(ride(), ["enroute", "arrived", "start"], RIDE)
    assert order.view.fulfillment.code_claimed


def test_a_wrong_code_is_counted_and_starts_nothing() -> None:
    order = after(ride(), ["enroute", "arrived"], RIDE)
    tried = start(order, "9999", RIDE, NOW)
    assert isinstance(tried, WrongCode)
    assert (tried.order.state, tried.tries_left) == ("RIDE_ARRIVED_PICKUP", FREE_TRIES - 1)


def test_guessing_a_code_becomes_slow_after_five_tries() -> None:
    order = after(ride(), ["enroute", "arrived"], RIDE)
    for _ in range(FREE_TRIES):
        tried = start(order, "9999", RIDE, NOW)
        assert isinstance(tried, WrongCode)
        order = tried.order
    with pytest.raises(RateLimited):
        start(order, CODE, RIDE, NOW + SLOW_TRY_S - 1)
    assert isinstance(start(order, CODE, RIDE, NOW + SLOW_TRY_S), Decision)


def test_waiting_at_the_pickup_is_charged_at_the_end_as_published() -> None:
    order = after(ride(), ["enroute", "arrived"], RIDE)
    order = after(order, ["start"], RIDE, NOW + 5 * 60)
    decision = end(order, RIDE, NOW + 1_800, cash_collected=True)
    assert [event.kind for event in decision.events] == ["fare_changed", "completed"]
    assert decision.order.quote.lines[-1].code == "WAITING_CHARGES"
    assert decision.order.quote.total_minor == order.quote.total_minor + 2 * 50
    assert decision.order.payment.amount_minor == decision.order.quote.total_minor
    assert decision.callbacks == ("on_update", "on_status")


def test_waiting_counts_from_when_the_driver_who_came_arrived_not_one_before() -> None:
    order = after(ride(), ["enroute", "arrived"], RIDE)
    order = assign(order, worker("w2"), RIDE, NOW + 60).order
    order = after(order, ["enroute", "arrived"], RIDE, NOW + 1_800)
    order = after(order, ["start"], RIDE, NOW + 1_860)
    decision = end(order, RIDE, NOW + 3_600, cash_collected=True)
    assert [event.kind for event in decision.events] == ["completed"]
    assert decision.order.quote == order.quote


def test_a_prepaid_price_is_final() -> None:
    order = after(an_order(office(RIDE), worker(), PREPAID), ["enroute", "arrived"], RIDE)
    order = after(order, ["start"], RIDE, NOW + 3_600)
    decision = end(order, RIDE, NOW + 7_200, cash_collected=True)
    assert [event.kind for event in decision.events] == ["completed"]
    assert decision.order.quote == order.quote


@pytest.mark.parametrize(("collected", "status"), [(True, "PAID"), (False, "NOT-PAID")])
def test_cash_is_paid_when_the_driver_says_it_was_collected(collected: bool, status: str) -> None:
    order = after(ride(), ["enroute", "arrived", "start"], RIDE)
    decision = end(order, RIDE, NOW, cash_collected=collected)
    assert decision.order.payment.status == status
    assert decision.events[-1].payment.status == status


def test_an_open_job_goes_to_the_first_driver_who_accepts() -> None:
    order = an_order(office(RIDE))
    decision = accept(order, worker("w1"), RIDE, NOW)
    assert [(e.kind, e.agent_id) for e in decision.events] == [("assigned", "w1")]
    assert decision.callbacks == ("on_update", "on_status")
    with pytest.raises(ActionNotApplicable, match="another driver"):
        accept(decision.order, worker("w2"), RIDE, NOW)


def test_the_desk_may_give_a_job_to_another_driver_until_it_has_begun() -> None:
    decision = assign(ride(), worker("w2"), RIDE, NOW)
    event = decision.events[0]
    assert (event.kind, event.previous_agent_id, event.agent_id) == ("reassigned", "w1", "w2")
    begun = after(decision.order, ["enroute", "arrived", "start"], RIDE)
    with pytest.raises(ActionNotApplicable, match="has begun"):
        assign(begun, worker("w1"), RIDE, NOW)


def test_a_job_given_up_is_open_again_and_not_for_the_one_who_gave_it_up() -> None:
    decision = give_up(ride(), None, RIDE, NOW)
    order, event = decision.order, decision.events[0]
    assert (order.state, order.agent_id, order.view.fulfillment.agent) == (
        "RIDE_CONFIRMED",
        None,
        None,
    )
    assert (event.kind, event.previous_agent_id, event.agent_id) == ("reassigned", "w1", None)
    with pytest.raises(ActionNotApplicable, match="gave this job up"):
        accept(order, worker("w1"), RIDE, NOW)
    assert accept(order, worker("w2"), RIDE, NOW).events[0].kind == "assigned"


def test_a_word_that_steps_back_within_a_second_bears_a_later_time_and_none_an_earlier() -> None:
    given = ride()
    freed = give_up(given, None, RIDE, NOW).order
    assert (given.view.updated_at, freed.view.updated_at) == (NOW, NOW + 1)
    again = accept(freed, worker("w2"), RIDE, NOW).order
    assert again.view.updated_at == NOW + 1
    assert advance(again, "enroute", NOW + 9).order.view.updated_at == NOW + 9


def test_a_job_given_up_with_a_successor_is_reassigned_at_once() -> None:
    event = give_up(ride(), worker("w2"), RIDE, NOW).events[0]
    assert (event.kind, event.previous_agent_id, event.agent_id) == ("reassigned", "w1", "w2")


def test_a_vehicle_is_followed_only_while_it_works_for_the_order_and_roughly_before() -> None:
    here = Position(3.1234567, 101.7654321, NOW)
    open_order, assigned = an_order(office(RIDE)), ride()
    assert track(open_order, here).status == "inactive"
    rough = track(assigned, here).location
    assert rough is not None
    assert (rough.lat, rough.lon) == (3.123, 101.765)
    begun = after(assigned, ["enroute", "arrived", "start"], RIDE)
    exact = track(begun, here).location
    assert exact is not None
    assert (exact.lat, exact.lon) == (here.lat, here.lon)
    ended = after(begun, ["end"], RIDE)
    assert (track(ended, here).status, track(ended, here).location) == ("inactive", None)


def test_event_numbers_never_repeat_or_skip() -> None:
    order = replace(ride())
    assert order.events == 2
    order = give_up(order, None, RIDE, NOW).order
    decision = accept(order, worker("w2"), RIDE, NOW)
    assert decision.events[0].n == 4
