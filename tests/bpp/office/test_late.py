"""A driver who has a job and does not come: the desk sees it while something can be done."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bpp.fleet import roster
from bpp.orders.order import Order
from protocol_specs.wire.values import replace
from tests.bpp.cooperative import Cooperative
from tests.bpp.office.support import BASE, signed_in, with_office
from tests.support.browsing import Browsing

LATE_S = 300


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[Cooperative]:
    changes = {"assignment": "at_confirm", "office": {"late_s": LATE_S}}
    async with with_office(tmp_path, **changes) as running:
        await running.online("D1")
        yield running


@pytest.fixture
async def job(there: Cooperative) -> Order:
    """One that a driver was given just now."""
    confirmed = await there.confirmed()
    return there.order(confirmed["id"])


async def is_late(desk: Browsing, job: Order) -> bool:
    """Whether the board and the job's own page say so; they say the same."""
    board = (await desk.get(f"{BASE}/board/jobs")).text
    page = (await desk.get(f"{BASE}/jobs/{job.job_id}")).text
    assert job.job_id in board
    said = "has been awaited since" in page
    assert (">late<" in board) is said
    return said


async def test_a_driver_who_is_not_at_the_pickup_in_time_is_late_until_they_come(
    there: Cooperative, job: Order
) -> None:
    desk = await signed_in(there, "dispatcher")
    there.clock.at += LATE_S
    assert not await is_late(desk, job)
    there.clock.at += 1
    assert await is_late(desk, job)
    await there.drive("D1", "POST", f"jobs/{job.job_id}/enroute")
    assert await is_late(desk, job)  # on the way, and still not there
    await there.drive("D1", "POST", f"jobs/{job.job_id}/arrived")
    assert not await is_late(desk, job)


async def test_the_focus_can_stay_where_it_is_when_the_board_fetches_its_jobs_anew(
    there: Cooperative, job: Order
) -> None:
    desk = await signed_in(there, "dispatcher")
    [link] = re.findall("<a [^>]*>", (await desk.get(f"{BASE}/board/jobs")).text)
    assert f'id="job-{job.job_id}"' in link


async def test_the_number_to_call_is_for_dispatchers_alone(there: Cooperative, job: Order) -> None:
    phone = next(
        w for w, _ in there.node.store.read(roster.everybody) if w.code == "D1"
    ).agent.phone
    path = f"{BASE}/jobs/{job.job_id}"
    assert phone in (await (await signed_in(there, "dispatcher")).get(path)).text
    assert phone not in (await (await signed_in(there, "auditor")).get(path)).text


async def test_whoever_is_given_it_instead_has_their_own_time(
    there: Cooperative, job: Order
) -> None:
    desk = await signed_in(there, "dispatcher")
    there.clock.at += LATE_S + 1
    await there.online("D2")
    other = next(w for w, _ in there.node.store.read(roster.everybody) if w.code == "D2")
    path = f"orders/{job.job_id}/assign"
    assert (await there.desk("POST", path, {"agent_id": other.agent_id}))[0] == 200
    assert not await is_late(desk, job)
    there.clock.at += LATE_S + 1
    assert await is_late(desk, job)


async def test_late_jobs_stand_before_those_that_run_as_they_should(
    there: Cooperative, job: Order
) -> None:
    desk = await signed_in(there, "dispatcher")
    there.clock.at += LATE_S + 1
    await there.online("D2")
    newer = there.order((await there.confirmed())["id"])
    board = (await desk.get(f"{BASE}/board/jobs")).text
    assert board.index(job.job_id) < board.index(newer.job_id)


def test_nobody_is_awaited_before_the_start_that_was_planned(job: Order) -> None:
    given_at = job.awaited_since()
    assert given_at is not None
    assert replace(job, planned_start=given_at + 3_600).awaited_since() == given_at + 3_600
    assert replace(job, planned_start=given_at + 3_600, is_ahead=True).awaited_since() is None
    assert replace(job, agent_id=None).awaited_since() is None
