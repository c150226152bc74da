"""Booked for later: said on the wire, priced by its hour, a driver found when its time is near."""

import asyncio
import shutil
import uuid
from collections.abc import AsyncIterator, Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from bpp.fares_settings import FareSettings
from bpp.fleet import roster
from bpp.fleet.dispatch import Position
from bpp.orders import store
from bpp.orders.confirm import confirm
from bpp.orders.progress import advance
from bpp.orders.provider import planned_start
from bpp.orders.track import track
from bpp.tariff import store as tariffs
from protocol_specs.wire.errors import ActionNotApplicable, FulfillmentUnavailable
from protocol_specs.wire.timestamp import rfc3339
from protocol_specs.wire.values import replace
from tests.bpp.cooperative import GPS, Cooperative, accepting, cooperative, order_asked
from tests.bpp.factories import (
    NOW,
    PEER,
    asked,
    delivery_provider,
    office,
    quoted,
    ride_provider,
)
from tests.bpp.factories import accepting as accepts

DAY_S = 86_400
LATER = 2 * DAY_S
NIGHT = {"multiplier": "1.5", "start": "23:00", "end": "06:00", "time_zone": "UTC"}


def stops(start_at: float | None) -> list[dict[str, Any]]:
    """START at that time, and END."""
    said: list[dict[str, Any]] = [
        {"type": kind, "location": {"gps": gps}} for kind, gps in GPS.items()
    ]
    if start_at is not None:
        said[0]["time"] = {"timestamp": rfc3339(int(start_at) * 1000)}
    return said


def asked_at(start_at: float | None) -> dict[str, Any]:
    """The init of a ride that begins then."""
    message = order_asked()
    message["order"]["fulfillments"][0]["stops"] = stops(start_at)
    return message


def wanted_at(start_at: float) -> dict[str, Any]:
    """The search for it."""
    return {"intent": {"fulfillment": {"stops": stops(start_at)}}}


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[Cooperative]:
    async with cooperative(tmp_path, takes_orders_without_driver=False) as running:
        yield running


async def booked(there: Cooperative, start_at: float) -> str:
    """A ride for then, booked."""
    transaction_id = str(uuid.uuid4())
    init = await there.ask("init", asked_at(start_at), transaction_id=transaction_id)
    told = accepting(init["message"]["order"])
    reply = await there.ask("confirm", told, transaction_id=transaction_id)
    order: dict[str, Any] = reply["message"]["order"]
    said = order["fulfillments"][0]["stops"][0]["time"]["timestamp"]
    assert said == rfc3339(int(start_at) * 1000)
    return str(order["id"])


async def came_true(look: Callable[[], bool]) -> None:
    """Waits until the node's loops have made it so."""
    async with asyncio.timeout(60):
        while True:
            if look():
                return
            await asyncio.sleep(0.02)


# What may be asked


@pytest.mark.parametrize("ago", [0, 60, 900])
def test_a_time_about_now_means_now(ago: int) -> None:
    assert planned_start(ride_provider(), NOW - ago, NOW) is None


@pytest.mark.parametrize("at", [NOW - 901, NOW + 7 * DAY_S + 1])
def test_a_time_that_is_over_or_too_far_is_refused(at: int) -> None:
    with pytest.raises(FulfillmentUnavailable):
        planned_start(ride_provider(), at, NOW)


def test_who_takes_nothing_ahead_still_takes_what_begins_soon() -> None:
    at_once = ride_provider(book_ahead_s=0)
    assert planned_start(at_once, NOW + 900, NOW) == NOW + 900
    with pytest.raises(FulfillmentUnavailable):
        planned_start(at_once, NOW + 901, NOW)


def ahead(where: Any, start_at: int = NOW + LATER, driver: Any = None) -> Any:
    """An order for then."""
    view = asked(where)
    view = replace(view, fulfillment=replace(view.fulfillment, start_at=start_at))
    stored = replace(quoted(where))
    stored = replace(
        stored,
        view=replace(stored.view, fulfillment=replace(stored.view.fulfillment, start_at=start_at)),
    )
    said = accepts(where, stored, fulfillment=view.fulfillment)
    return confirm(where, said, PEER, NOW, stored=stored, existing=None, worker=driver).order


def test_a_parcel_for_later_is_pending_and_an_order_knows_its_start() -> None:
    order = ahead(office(delivery_provider()))
    assert (order.state, order.is_open(), order.planned_start) == ("Pending", False, NOW + LATER)
    assert order.view.fulfillment.code_valid_until > NOW + LATER


def test_nobody_drives_or_is_followed_before_its_time() -> None:
    where = office()
    order = replace(ahead(where), agent_id="w1")
    with pytest.raises(ActionNotApplicable, match="for later"):
        advance(order, "enroute", NOW)
    assert track(order, Position(3.1, 101.6, NOW)).location is None
    assert track(replace(order, is_ahead=False), Position(3.1, 101.6, NOW)).location is not None


# At the door


async def test_a_ride_for_later_is_offered_without_a_driver_and_says_its_time(
    there: Cooperative,
) -> None:
    found = await there.ask("search", wanted_at(there.clock.at + LATER))
    provider = found["message"]["catalog"]["providers"][0]
    said = provider["fulfillments"][0]["stops"][0]["time"]["timestamp"]
    assert said == rfc3339(int(there.clock.at + LATER) * 1000)
    order = there.order(await booked(there, there.clock.at + LATER))
    assert (order.agent_id, order.state, order.is_ahead) == (None, "RIDE_CONFIRMED", True)
    told = there.books()["events"][0]
    assert str(int(there.clock.at + LATER)) in str(told)


async def test_a_night_ride_booked_by_day_costs_the_night(tmp_path: Path) -> None:
    fares = {"base": "3.00", "per_km": "0.70", "night": NIGHT}
    async with cooperative(tmp_path, fares=fares) as there:
        day = there.clock.at - there.clock.at % DAY_S
        there.clock.at = day + 12 * 3600
        for at, lines in ((day + 13 * 3600, 2), (day + DAY_S, 3)):
            select = await there.ask("select", asked_at(at))
            assert len(select["message"]["order"]["quote"]["breakup"]) == lines


def another_time(order: dict[str, Any]) -> None:
    time = order["fulfillments"][0]["stops"][0]["time"]
    time["timestamp"] = rfc3339((NOW + 3 * DAY_S) * 1000)


async def test_a_confirm_for_another_time_than_quoted_is_refused(there: Cooperative) -> None:
    transaction_id = str(uuid.uuid4())
    init = await there.ask("init", asked_at(there.clock.at + LATER), transaction_id=transaction_id)
    draft = deepcopy(init["message"]["order"])
    before = there.books()
    another_time(draft)
    reply = await there.ask("confirm", accepting(draft), transaction_id=transaction_id)
    assert "another time" in reply["error"]["message"]
    assert there.books() == before
    good = await there.ask(
        "confirm", accepting(init["message"]["order"]), transaction_id=transaction_id
    )
    assert "error" not in good


async def test_now_is_not_confirmed_as_later(there: Cooperative) -> None:
    await there.online("D1")
    transaction_id = str(uuid.uuid4())
    init = await there.ask("init", asked_at(None), transaction_id=transaction_id)
    draft = init["message"]["order"]
    draft["fulfillments"][0]["stops"][0]["time"] = {
        "timestamp": rfc3339(int(there.clock.at + LATER) * 1000)
    }
    reply = await there.ask("confirm", accepting(draft), transaction_id=transaction_id)
    assert "another time" in reply["error"]["message"]
    assert there.books()["orders"] == []


@pytest.mark.parametrize("ahead_s", [-3600, 8 * DAY_S])
async def test_no_quote_is_stored_for_a_time_that_cannot_be(
    there: Cooperative, ahead_s: int
) -> None:
    reply = await there.ask("init", asked_at(there.clock.at + ahead_s))
    assert reply["error"]["code"] == "30008"
    assert there.books()["quotes"] == []


async def test_its_driver_is_found_when_its_time_is_near_and_not_before(
    there: Cooperative,
) -> None:
    await there.online("D1")
    begins = there.clock.at + LATER
    order_id = await booked(there, begins)
    there.clock.at = begins - 1801
    await there.online("D1")
    assert (await there.drive("D1", "GET", "job"))[1]["job"] is None
    there.clock.at = begins - 1800
    await came_true(lambda: there.order(order_id).agent_id is not None)
    order = there.order(order_id)
    assert (order.state, order.is_ahead) == ("RIDE_ASSIGNED", False)
    status = await there.bap.callback("on_status")
    assert status["message"]["order"]["fulfillments"][0]["agent"]["person"]["name"] == "Driver D1"
    assert (await there.drive("D1", "GET", "job"))[1]["job"]["planned_start"] == int(begins)


async def test_nobody_free_at_first_is_asked_again_and_it_ends_only_after_its_start(
    there: Cooperative,
) -> None:
    begins = there.clock.at + LATER
    order_id = await booked(there, begins)
    there.clock.at = begins + 800
    await came_true(lambda: not there.order(order_id).is_ahead)
    assert there.order(order_id).status == "ACTIVE"
    there.clock.at = begins + 901
    cancelled = await there.bap.callback("on_cancel")
    assert cancelled["message"]["order"]["id"] == order_id


async def test_a_driver_who_comes_online_later_gets_it(there: Cooperative) -> None:
    begins = there.clock.at + LATER
    order_id = await booked(there, begins)
    there.clock.at = begins - 1000
    await came_true(lambda: not there.order(order_id).is_ahead)
    await there.online("D1")
    there.clock.at += 11
    await came_true(lambda: there.order(order_id).agent_id is not None)


async def test_who_was_given_it_ahead_has_no_job_until_its_time(there: Cooperative) -> None:
    await there.online("D1")
    begins = there.clock.at + LATER
    order_id = await booked(there, begins)
    job_id = there.order(order_id).job_id
    driver = _drivers(there)[0]
    status, _ = await there.desk("POST", f"orders/{job_id}/assign", {"agent_id": driver})
    assert status == 200
    assert there.order(order_id).is_ahead
    assert (await there.drive("D1", "GET", "job"))[1]["job"] is None
    assert not there.node.store.read(lambda s: store.is_busy(s, driver))
    listed = (await there.drive("D1", "GET", "jobs-ahead"))[1]["jobs"]
    assert [job["order_id"] for job in listed] == [job_id]
    # A job of now goes to the same driver meanwhile.
    other = await there.confirmed()
    assert there.order(other["id"]).agent_id == driver
    status, answer = await there.drive("D1", "POST", f"jobs/{job_id}/enroute")
    assert (status, "for later" in str(answer)) == (409, True)
    await there.carried_out(other["id"])
    there.clock.at = begins - 1800
    await came_true(lambda: not there.order(order_id).is_ahead)
    assert (await there.drive("D1", "GET", "job"))[1]["job"]["order_id"] == job_id


async def test_who_is_still_busy_when_it_is_late_loses_it_to_others(there: Cooperative) -> None:
    await there.online("D1")
    begins = there.clock.at + 4_000
    order_id = await booked(there, begins)
    job_id, driver = there.order(order_id).job_id, _drivers(there)[0]
    await there.desk("POST", f"orders/{job_id}/assign", {"agent_id": driver})
    await there.confirmed()
    there.clock.at = begins - 1700
    await there.node.store.transact(lambda session: None)
    assert there.order(order_id).agent_id == driver
    there.clock.at = begins - 899
    await there.online("D2")
    await came_true(lambda: there.order(order_id).agent_id not in (driver, None))
    assert there.order(order_id).view.fulfillment.agent.name == "Driver D2"


async def test_it_comes_up_also_after_a_restart_and_after_a_clock_that_went_back(
    tmp_path: Path,
) -> None:
    async with cooperative(tmp_path, takes_orders_without_driver=False) as there:
        begins = there.clock.at + LATER
        order_id = await booked(there, begins)
        there.clock.at -= DAY_S
        await there.online("D1")
    shutil.rmtree(tmp_path / "keys")  # the same node and folder, with other keys
    async with cooperative(tmp_path, takes_orders_without_driver=False) as there:
        assert there.order(order_id).is_ahead
        there.clock.at = begins - 900
        await there.online("D1")
        await came_true(lambda: there.order(order_id).agent_id is not None)


def _drivers(there: Cooperative) -> list[str]:
    """The agent ids, by staff number."""
    people = there.node.store.read(roster.everybody)
    return [each.agent_id for each, _ in people]


@pytest.mark.parametrize("assignment", ["offer", "in_turn"])
async def test_it_is_offered_when_its_time_is_near_and_taken_not_before(
    tmp_path: Path, assignment: str
) -> None:
    async with cooperative(tmp_path, assignment=assignment) as there:
        begins = there.clock.at + LATER
        order_id = await booked(there, begins)
        job_id = there.order(order_id).job_id
        await there.online("D1")
        assert (await there.drive("D1", "GET", "offers"))[1]["offers"] == []
        before = there.books()
        status, answer = await there.drive("D1", "POST", f"jobs/{job_id}/accept")
        assert (status, "for later" in str(answer)) == (409, True)
        assert there.books() == before
        there.clock.at = begins - 1800
        await there.online("D1")
        async with asyncio.timeout(60):
            while True:
                if (await there.drive("D1", "GET", "offers"))[1]["offers"]:
                    break
                await asyncio.sleep(0.02)
        assert (await there.drive("D1", "POST", f"jobs/{job_id}/accept"))[0] == 200
        assert there.order(order_id).state == "RIDE_ASSIGNED"


async def test_a_change_of_the_drop_keeps_the_hour_and_fares_of_its_start(tmp_path: Path) -> None:
    fares = {"base": "3.00", "per_km": "0.70", "night": NIGHT}
    async with cooperative(tmp_path, fares=fares) as there:
        day = there.clock.at - there.clock.at % DAY_S
        there.clock.at = day + 12 * 3600
        order_id = await booked(there, day + DAY_S)
        codes = {line.code for line in there.order(order_id).quote.lines}
        assert "NIGHT_CHARGES" in codes
        end = {"type": "END", "location": {"gps": "3.150000,101.700000"}}
        moved = {"id": order_id, "fulfillments": [{"id": "ride-cab-fulfillment", "stops": [end]}]}
        wish = {"update_target": "fulfillments", "order": {**order_asked()["order"], **moved}}
        said = await there.ask("update", wish, transaction_id=_transaction(there, order_id))
        lines = said["message"]["order"]["quote"]["breakup"]
        assert "NIGHT_CHARGES" in {line["title"] for line in lines}


def _transaction(there: Cooperative, order_id: str) -> str:
    return there.order(order_id).peer.transaction_id


async def test_waiting_before_the_start_costs_nothing(tmp_path: Path) -> None:
    fares = {
        "base": "3.00",
        "per_km": "0.70",
        "waiting_per_minute": "0.50",
        "waiting_free_minutes": 3,
    }
    async with cooperative(tmp_path, fares=fares) as there:
        begins = there.clock.at + 4_000
        order_id = await booked(there, begins)
        there.clock.at = begins - 1800
        await there.online("D1")
        await came_true(lambda: there.order(order_id).agent_id is not None)
        order = there.order(order_id)
        job = f"jobs/{order.job_id}"
        await there.drive("D1", "POST", f"{job}/enroute")
        await there.drive("D1", "POST", f"{job}/arrived")
        there.clock.at = begins + 180
        code = {"code": order.view.fulfillment.start_code}
        assert (await there.drive("D1", "POST", f"{job}/start", code))[0] == 200
        await there.drive("D1", "POST", f"{job}/end", {})
        assert there.order(order_id).quote.total_minor == order.quote.total_minor


async def test_fares_written_after_the_booking_change_neither_its_waiting_nor_another_drop(
    tmp_path: Path,
) -> None:
    fares = {"base": "3.00", "per_km": "0.70", "waiting_per_minute": "0.50"}
    async with cooperative(tmp_path, fares=fares) as there:
        begins = there.clock.at + LATER
        order_id = await booked(there, begins)
        agreed = there.order(order_id).quote.total_minor
        await dearer_from(there, begins - DAY_S, base="30.00", waiting_per_minute="5.00")
        await moved_to(there, order_id, "3.150000,101.700000")
        await moved_to(there, order_id, GPS["END"])
        assert there.order(order_id).quote.total_minor == agreed
        there.clock.at = begins - 1800
        await there.online("D1")
        await came_true(lambda: there.order(order_id).agent_id is not None)
        there.clock.at = begins
        order = there.order(order_id)
        job, code = f"jobs/{order.job_id}", {"code": order.view.fulfillment.start_code}
        for step in ("enroute", "arrived"):
            await there.drive("D1", "POST", f"{job}/{step}")
        there.clock.at += 600
        assert (await there.drive("D1", "POST", f"{job}/start", code))[0] == 200
        await there.drive("D1", "POST", f"{job}/end", {})
        waiting = [x for x in there.order(order_id).quote.lines if x.code == "WAITING_CHARGES"]
        assert [line.amount_minor for line in waiting] == [10 * 50]


async def dearer_from(there: Cooperative, starts_at: float, **rates: str) -> None:
    """A tariff that the treasurer writes now; waits until a quote for then has its price."""
    fares = FareSettings.model_validate({"base": "3.00", "per_km": "0.70", **rates})
    there.node.store.transact_now(
        lambda session: tariffs.write(
            session,
            fares,
            starts_at=int(starts_at),
            currency="MYR",
            by="t-1",
            now=int(there.clock.at),
        )
    )
    async with asyncio.timeout(60):
        while True:
            reply = await there.ask("init", asked_at(starts_at + 1), transaction_id=fresh_id())
            lines = reply["message"]["order"]["quote"]["breakup"]
            if any(line["price"]["value"] == rates["base"] for line in lines):
                return


async def moved_to(there: Cooperative, order_id: str, gps: str) -> None:
    """Another drop, wished and granted."""
    end = {"type": "END", "location": {"gps": gps}}
    moved = {"id": order_id, "fulfillments": [{"id": "ride-cab-fulfillment", "stops": [end]}]}
    wish = {"update_target": "fulfillments", "order": {**order_asked()["order"], **moved}}
    said = await there.ask("update", wish, transaction_id=_transaction(there, order_id))
    assert "error" not in said
    assert there.order(order_id).view.fulfillment.drop is not None


def fresh_id() -> str:
    return str(uuid.uuid4())
