"""Who lacks a paper or a shift is not offered work, and is told why; who has a job finishes it."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bpp.dispatch import rounds
from bpp.work import documents
from tests.bpp.cooperative import AT_PICKUP, Cooperative
from tests.bpp.drive.driving import Phone, forms, phone_of
from tests.bpp.office.support import log, send_surely, signed_in
from tests.bpp.orders.test_ahead import booked, came_true
from tests.bpp.work.at_work import at_work, hour, plan, today, worker, write_paper
from tests.support.browsing import Browsing
from tests.support.pictures import HTML, JPEG, SVG, with_segment, with_sides

PAPERS: dict[str, Any] = {"documents": {"driver": ["licence"], "vehicle": ["insurance"]}}
ONE = {"drivers": 1, **PAPERS}


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[Cooperative]:
    async with at_work(tmp_path, **ONE) as running:
        yield running


@pytest.fixture
async def office(there: Cooperative) -> Browsing:
    return await signed_in(there, "dispatcher")


async def in_order(there: Cooperative, office: Browsing, until_day: str) -> str:
    """D1's licence and the vehicle's insurance, both to this day."""
    agent_id = await worker(there, "D1")
    assert (await write_paper(office, "driver", agent_id, valid_until=until_day)).status == 303
    more = {"kind": "insurance", "valid_until": until_day}
    assert (await write_paper(office, "vehicle", "W D1", **more)).status == 303
    return agent_id


def lists(there: Cooperative, order: dict[str, Any]) -> list[Any]:
    key = there.order(order["id"]).key
    return there.node.store.read(lambda session: rounds.of_order(session, key))


async def test_without_a_required_paper_no_job_comes_and_the_page_says_what_to_do(
    there: Cooperative,
) -> None:
    await there.online("D1")
    order = await there.confirmed()
    assert there.order(order["id"]).agent_id is None
    page = await (await phone_of(there, "D1")).get()
    assert "Your document is missing: Driving licence." in page.text
    assert 'href="/drive/papers"' in page.text
    status, answer = await there.drive("D1", "POST", f"jobs/{order['id']}/accept")
    assert (status, answer["error"]["message"]) == (409, "your document is missing: licence")
    assert there.order(order["id"]).agent_id is None


async def test_the_desk_assigns_to_nobody_whose_papers_do_not_hold(
    there: Cooperative, office: Browsing
) -> None:
    order = await there.confirmed()
    agent_id = await worker(there, "D1")
    before = there.books()
    body = {"agent_id": agent_id}
    status, answer = await there.desk("POST", f"orders/{order['id']}/assign", body)
    assert (status, "document is missing" in answer["error"]["message"]) == (409, True)
    assert there.books() == before
    await in_order(there, office, today(there, 90))
    assert (await there.desk("POST", f"orders/{order['id']}/assign", body))[0] == 200


LATER_S = 3 * 86_400


async def for_later(there: Cooperative) -> str:
    """A ride in three days, with nobody to drive it yet."""
    return await booked(there, there.clock.at + LATER_S)


async def test_the_desk_gives_no_job_for_later_to_whose_papers_end_before_it(
    there: Cooperative, office: Browsing
) -> None:
    agent_id = await in_order(there, office, today(there, 2))
    order_id, before = await for_later(there), there.books()
    body = {"agent_id": agent_id}
    status, answer = await there.desk("POST", f"orders/{order_id}/assign", body)
    assert (status, "has expired" in answer["error"]["message"]) == (409, True)
    assert there.books() == before
    await in_order(there, office, today(there, 3))
    assert (await there.desk("POST", f"orders/{order_id}/assign", body))[0] == 200


@pytest.mark.parametrize("is_stopped", [True, False])
async def test_a_job_for_later_is_taken_from_who_may_not_drive_when_it_comes_up(
    there: Cooperative, office: Browsing, is_stopped: bool
) -> None:
    agent_id = await in_order(there, office, today(there, 90))
    order_id = await for_later(there)
    await there.desk("POST", f"orders/{order_id}/assign", {"agent_id": agent_id})
    if is_stopped:
        page = f"/office/drivers/{agent_id}"
        await send_surely(office, page, f"{page}/active", {"active": "no"})
    else:  # the licence was taken away
        await write_paper(office, "driver", agent_id, valid_until=today(there, 1))
    assert there.order(order_id).agent_id == agent_id
    there.clock.at += LATER_S - 1800
    await came_true(lambda: not there.order(order_id).is_ahead)
    assert (there.order(order_id).agent_id, there.order(order_id).is_open()) == (None, True)


async def test_with_both_papers_the_job_comes_and_the_last_day_counts_whole(
    there: Cooperative, office: Browsing
) -> None:
    await in_order(there, office, today(there))
    await there.online("D1")
    assert there.order((await there.confirmed())["id"]).agent_id is not None


async def test_the_vehicles_paper_that_expires_at_midnight_stops_offers_and_not_the_running_job(
    there: Cooperative, office: Browsing
) -> None:
    await in_order(there, office, today(there))
    await there.online("D1")
    running = await there.confirmed()
    there.clock.at += 3 * 3_600  # it was half past nine in the evening
    await there.online("D1")
    await there.carried_out(running["id"])
    assert there.order(running["id"]).status == "COMPLETE"
    waiting = await there.confirmed()
    assert there.order(waiting["id"]).agent_id is None


async def test_the_reason_stands_in_the_list_of_candidates_and_in_why_not_me(
    tmp_path: Path,
) -> None:
    async with at_work(tmp_path, drivers=2, documents={"driver": ["licence"]}) as there:
        office = await signed_in(there, "dispatcher")
        good, bad = await worker(there, "D2"), await worker(there, "D1")
        await write_paper(office, "driver", good, valid_until=today(there, 90))
        await write_paper(office, "driver", bad, valid_until=today(there, -1))
        await there.online("D1", "D2")
        order = await there.confirmed()
        assert there.order(order["id"]).agent_id == good
        (found,) = lists(there, order)
        assert found["passed"] == [{"agent_id": bad, "why": "your document has expired: licence"}]
        page = await office.get(f"/office/jobs/{order['id']}")
        assert "your document has expired: Driving licence" in page.text
        why = await (await phone_of(there, "D1")).get("/why")
        assert "You were passed over: your document has expired: Driving licence" in why.text


async def test_the_desk_sees_what_ends_soon_and_the_driver_too(
    there: Cooperative, office: Browsing
) -> None:
    agent_id = await in_order(there, office, today(there, 10))
    assert "2 documents end soon." in (await office.get("/office/")).text
    listed = (await office.get("/office/documents")).text
    assert listed.count("ends soon") == 2
    phone = await phone_of(there, "D1")
    assert "2 of your documents end soon." in (await phone.get()).text
    assert "L-77 0042" in (await phone.get("/papers")).text
    assert [act for act in log(there) if "L-77" in str(act)] == []
    assert ("dispatcher-1", "document", agent_id) in log(there)


async def test_a_scan_is_seen_by_the_office_and_its_driver_and_by_nobody_else(
    tmp_path: Path,
) -> None:
    async with at_work(tmp_path, **{**ONE, "drivers": 2}) as there:
        office = await signed_in(there, "dispatcher")
        agent_id = await worker(there, "D1")
        photo = with_segment(0xE1, b"Exif\x00\x00 3.1390N")
        sent = await write_paper(office, "driver", agent_id, photo, valid_until=today(there, 9))
        assert sent.status == 303
        (row,) = there.node.store.read(documents.every)
        status, headers, body = await office.raw(f"/office/documents/scan/{row['id']}")
        assert (status, headers["Content-Type"], body) == (200, "image/jpeg", JPEG)
        assert "no-store" in headers["Cache-Control"]
        mine, theirs = await phone_of(there, "D1"), await phone_of(there, "D2")
        own = f"/drive/papers/{row['id']}/scan"
        assert (await mine.browser.raw(own))[2] == JPEG
        assert (await theirs.browser.raw(own))[0] == 404
        member = await signed_in(there, "member")
        assert (await member.raw(f"/office/documents/scan/{row['id']}"))[0] == 403
        assert (await Browsing(there.url).raw(own))[2] != JPEG


@pytest.mark.parametrize("bad", [SVG, HTML, with_sides(9_999, 9_999), JPEG[:200], b"x" * 250_000])
async def test_a_bad_scan_is_said_beside_its_field_with_all_that_was_typed_and_keeps_nothing(
    there: Cooperative, office: Browsing, bad: bytes
) -> None:
    agent_id = await worker(there, "D1")
    sent = await write_paper(office, "driver", agent_id, bad, valid_until=today(there, 90))
    assert (sent.status, there.node.store.read(documents.every)) == (422, [])
    assert 'id="scan-fault"' in sent.text
    assert 'value="L-77 0042"' in sent.text


async def test_two_megabytes_are_a_page_that_says_so(there: Cooperative, office: Browsing) -> None:
    agent_id = await worker(there, "D1")
    for size, said in ((400_000, "A picture has at most 200 kB."), (2_000_000, "Go back and")):
        sent = await write_paper(
            office, "driver", agent_id, b"\xff" * size, valid_until=today(there, 90)
        )
        assert (sent.status, there.node.store.read(documents.every)) == (413, [])
        assert said in sent.text


# Shifts


async def test_while_a_shift_runs_its_vehicle_is_the_drivers_and_then_their_own_again(
    tmp_path: Path,
) -> None:
    async with at_work(tmp_path, drivers=2) as there:
        office, agent_id = await signed_in(there, "dispatcher"), await worker(there, "D1")
        hours = {"day": today(there), "starts": hour(there), "ends": hour(there, 2)}
        planned = await plan(office, agent_id=agent_id, registration="W D2", **hours)
        assert planned.status == 303, planned.text
        assert "Your shift: W D2 until" in (await (await phone_of(there, "D1")).get()).text
        await there.online("D1", "D2")
        first, second = await there.confirmed(), await there.confirmed()
        vehicle = there.order(first["id"]).view.fulfillment.vehicle
        assert vehicle is not None
        assert (there.order(first["id"]).agent_id, vehicle.registration) == (agent_id, "W D2")
        assert there.order(second["id"]).agent_id is None  # whose own vehicle is in that shift
        there.clock.at += 2 * 3_600
        await there.carried_out(first["id"])  # past the shift's end
        assert there.order(first["id"]).status == "COMPLETE"
        await there.drive("D2", "POST", "online", {"online": True, **AT_PICKUP})
        await there.drive("D1", "POST", "online", {"online": False})
        vehicle = there.order((await there.confirmed())["id"]).view.fulfillment.vehicle
        assert vehicle is not None
        assert vehicle.registration == "W D2"


async def test_the_next_driver_waits_until_the_vehicle_is_back_from_the_job_before(
    tmp_path: Path,
) -> None:
    async with at_work(tmp_path, drivers=2) as there:
        office = await signed_in(there, "dispatcher")
        first, second = await worker(there, "D1"), await worker(there, "D2")
        hours = {"day": today(there), "starts": hour(there), "ends": hour(there, 1)}
        await plan(office, agent_id=first, registration="W D1", **hours)
        after = {"day": today(there), "starts": hour(there, 1), "ends": hour(there, 3)}
        assert (await plan(office, agent_id=second, registration="W D1", **after)).status == 303
        await there.online("D1")
        running = await there.confirmed()
        assert there.order(running["id"]).agent_id == first
        there.clock.at += 3_600
        await there.online("D2")
        waiting = await there.confirmed()
        assert there.order(waiting["id"]).agent_id is None
        page = await (await phone_of(there, "D2")).get()
        assert "Your vehicle is still out on another driver&#39;s job" in page.text
        await there.carried_out(running["id"])
        assert "still out" not in (await (await phone_of(there, "D2")).get()).text


async def test_where_shifts_are_required_nobody_goes_online_outside_theirs(tmp_path: Path) -> None:
    async with at_work(tmp_path, drivers=1, shifts="required") as there:
        place = {"online": True, **AT_PICKUP}
        status, answer = await there.drive("D1", "POST", "online", place)
        assert (status, answer["error"]["code"]) == (409, "off_duty")
        phone: Phone = await phone_of(there, "D1")
        page = await phone.get()
        assert "You have no shift now" in page.text
        assert forms(page, "/drive/online") == []
        office, agent_id = await signed_in(there, "dispatcher"), await worker(there, "D1")
        token = re.search(r'name="_csrf" value="(\w+)"', page.text)
        assert token
        form = {"_csrf": token.group(1), "_form": "f" * 20, "here_at": "3.139,101.687"}
        assert (await phone.browser.post("/drive/online", form)).status == 303
        assert "You are offline" in (await phone.get()).text
        hours = {"day": today(there), "starts": hour(there), "ends": hour(there, 2)}
        await plan(office, agent_id=agent_id, registration="W D1", **hours)
        assert (await there.drive("D1", "POST", "online", place))[0] == 200
        there.clock.at += 2 * 3_600
        await there.drive("D1", "POST", "position", AT_PICKUP)
        assert there.order((await there.confirmed())["id"]).agent_id is None


async def test_two_plans_of_one_vehicle_are_refused_in_words_and_a_shift_is_ended_at_the_desk(
    tmp_path: Path,
) -> None:
    async with at_work(tmp_path, drivers=2) as there:
        office = await signed_in(there, "dispatcher")
        first, second = await worker(there, "D1"), await worker(there, "D2")
        hours = {"day": today(there), "starts": hour(there), "ends": hour(there, 4)}
        await plan(office, agent_id=first, registration="W D1", **hours)
        refused = await plan(office, agent_id=second, registration="W D1", **hours)
        assert (refused.status, "has another shift in these hours" in refused.text) == (422, True)
        page = (await office.get("/office/shifts")).text
        found = re.search(r'action="(/office/shifts/\w+/end)"', page)
        assert found
        ended = await send_surely(office, "/office/shifts", found.group(1), {})
        assert ended.status == 303
        late = {**hours, "starts": hour(there, 1)}
        assert (await plan(office, agent_id=second, registration="W D1", **late)).status == 303
        assert [act[1] for act in log(there)].count("shift") == 2
        assert "shift_end" in [act[1] for act in log(there)]


@pytest.mark.parametrize("week", ["0001-01-01", "9999-12-31"])
async def test_a_week_beyond_the_calendar_shows_this_one(
    there: Cooperative, office: Browsing, week: str
) -> None:
    page = await office.get(f"/office/shifts?week={week}")
    assert (page.status, today(there) in page.text) == (200, True)
