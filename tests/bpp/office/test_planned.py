"""Jobs for later at the desk and on the driver's page; vehicles with what they can take."""

import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bpp.fleet import roster
from bpp.fleet.abilities import Abilities
from tests.bpp.cooperative import Cooperative, accepting
from tests.bpp.drive.driving import Phone, driving, phone
from tests.bpp.office.support import BASE, send, signed_in, with_office
from tests.bpp.orders.test_ahead import asked_at
from tests.support.browsing import Browsing

DAY_S = 86_400


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[Cooperative]:
    office = {"booking_url": "https://citizens.example/"}
    async with with_office(tmp_path, office=office) as running:
        yield running


async def planned(there: Cooperative, ahead_s: int) -> str:
    """A job for then; its id at the desk."""
    transaction_id = str(uuid.uuid4())
    asked = asked_at(there.clock.at + ahead_s)
    init = await there.ask("init", asked, transaction_id=transaction_id)
    told = accepting(init["message"]["order"])
    reply = await there.ask("confirm", told, transaction_id=transaction_id)
    return there.order(reply["message"]["order"]["id"]).job_id


async def test_planned_jobs_are_listed_by_their_time_and_are_neither_waiting_nor_running(
    there: Cooperative,
) -> None:
    late, soon = await planned(there, 3 * DAY_S), await planned(there, 2 * DAY_S)
    dispatcher = await signed_in(there, "dispatcher")
    page = (await dispatcher.get(f"{BASE}/jobs?show=planned")).text
    assert page.index(soon) < page.index(late)
    assert "planned" in page
    for other in ("waiting", "running", "over"):
        assert soon not in (await dispatcher.get(f"{BASE}/jobs?show={other}")).text


async def test_the_desk_is_led_to_where_calls_are_booked(there: Cooperative) -> None:
    page = (await (await signed_in(there, "dispatcher")).get(f"{BASE}/jobs")).text
    assert '<a class="button primary" href="https://citizens.example/">' in page
    assert "Phone booking" in page


async def test_without_a_consumers_page_there_is_no_such_button(tmp_path: Path) -> None:
    async with with_office(tmp_path) as there:
        page = (await (await signed_in(there, "dispatcher")).get(f"{BASE}/jobs")).text
        assert "Phone booking" not in page


async def test_what_a_vehicle_can_take_is_written_at_the_desk(there: Cooperative) -> None:
    dispatcher = await signed_in(there, "dispatcher")
    fields = {"registration": "W D1", "category": "CAB", "wheelchair": "yes", "seats": "6"}
    fields |= {"load_kg": "30", "load_cm": "90 x 60 x 50"}
    sent = await send(dispatcher, f"{BASE}/drivers", f"{BASE}/vehicles", fields)
    assert sent.status == 303
    known = there.node.store.read(roster.abilities)["W D1"]
    assert known == Abilities(frozenset({"wheelchair"}), 6, 30, (90, 60, 50))


@pytest.mark.parametrize(
    "wrong", [{"seats": "six"}, {"seats": "0"}, {"load_kg": "99999"}, {"load_cm": "90x60"}]
)
async def test_a_wrong_figure_of_a_vehicle_is_said_and_nothing_is_written(
    there: Cooperative, wrong: dict[str, str]
) -> None:
    before = there.node.store.read(roster.abilities)
    dispatcher = await signed_in(there, "dispatcher")
    fields = {"registration": "W D1", "category": "CAB", **wrong}
    sent = await send(dispatcher, f"{BASE}/drivers", f"{BASE}/vehicles", fields)
    assert sent.status == 422
    assert there.node.store.read(roster.abilities) == before


async def test_a_driver_sees_what_is_planned_and_is_free_until_then(tmp_path: Path) -> None:
    async with driving(tmp_path) as there:
        job_id = await planned(there, 2 * DAY_S)
        people = there.node.store.read(roster.everybody)
        me = next(worker.agent_id for worker, _ in people if worker.code == "D1")
        path = f"orders/{job_id}/assign"
        assert (await there.desk("POST", path, {"agent_id": me}))[0] == 200
        window = Phone(there, Browsing(there.url))
        await window.sign_in(phone("D1"))
        page = (await window.get()).text
        assert "Planned for you" in page
        assert "Go online" in page
