"""What drivers tell the desk: kept once with its job and place, answered in time, read by few."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bpp.incidents import store as incidents
from bpp.office import people
from bpp.office.people import Entry
from tests.bpp.cooperative import Cooperative
from tests.bpp.drive.driving import HERE, IN_TURN, Phone, driving, forms, phone_of
from tests.bpp.office.support import BASE, PHONES, log, send, send_surely, signed_in

PAGE = f"{BASE}/incidents"
HOSTILE = "<script>alert(1)</script>"
OFFICE = {"answer_hours": 48, "emergency": "999"}


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[Cooperative]:
    async with driving(tmp_path, office=OFFICE, **IN_TURN) as running:
        now = running.node.now()
        for role in ("dispatcher", "auditor"):
            entry = Entry(f"{role}-1", PHONES[role], f"Our {role}", (role,))
            running.node.store.transact_now(
                lambda s, entry=entry, now=now: people.put(s, entry, now)
            )
        yield running


def kept(there: Cooperative) -> list[tuple[int, str, str | None]]:
    """Number, kind and job of each incident, the oldest first."""
    rows = there.node.store.read(incidents.newest)
    return sorted((row["n"], row["kind"], row["job_id"]) for row in rows)


def written(there: Cooperative, n: int = 1) -> list[tuple[str, dict[str, str]]]:
    found = there.node.store.read(lambda s: incidents.steps_of(s, n))
    return [(step.kind, step.words) for step in found]


async def at_work(there: Cooperative) -> tuple[Phone, str]:
    """D1 on the way to a pickup, and the job's id."""
    driver = await phone_of(there, "D1")
    await driver.go_online()
    order = await there.confirmed()
    async with asyncio.timeout(10):
        while True:
            if "data-offer=" in (await driver.get()).text:
                break
            await asyncio.sleep(0.02)
    await driver.send("/", f"/jobs/{order['id']}/accept")
    return driver, str(order["id"])


async def test_an_accident_is_told_in_two_touches_and_kept_once_with_its_job_and_place(
    there: Cooperative,
) -> None:
    driver, job = await at_work(there)
    assert 'href="/drive/tell?about=job"' in (await driver.get()).text
    page = await driver.get("/tell?about=accident")
    assert 'href="tel:999"' in page.text
    assert f'<option value="{job}" selected>' in page.text
    fields = {"about": "accident", "job": job, "what": f"A lorry hit the door. {HOSTILE}"}
    form = forms(page, "/drive/tell")[0]
    for _ in range(2):
        assert (await driver.browser.post("/drive/tell", form | fields)).status == 303
    assert kept(there) == [(1, "accident", job)]
    place = ", ".join(f"{float(part):.5f}" for part in HERE.split(","))
    assert written(there) == [("opened", {"what": fields["what"], "where": place})]
    desk = await signed_in(there, "dispatcher")
    assert "1 driver waits for an answer." in (await desk.get(f"{BASE}/")).text
    shown = (await desk.get(f"{PAGE}/1")).text
    assert ("A lorry hit the door." in shown, HOSTILE in shown) == (True, False)
    assert "D1 · Driver D1" in shown
    assert "names no time" in shown  # the institutions are to be asked, as for any accident


async def test_the_answer_comes_to_its_driver_alone_and_the_offices_own_words_do_not(
    there: Cooperative,
) -> None:
    driver = await phone_of(there, "D1")
    assert (await driver.send("/tell", "/tell", about="money", what="Tip missing.")).status == 303
    assert "An answer is due by" in (await driver.get("/tell")).text
    desk, one = await signed_in(there, "dispatcher"), f"{PAGE}/1"
    await send(desk, one, one, {"more": "He is always complaining."})
    early = await send(desk, one, f"{one}/close", {"result": "Nothing."})
    assert (early.status, len(written(there))) == (422, 2), "not closed before it is answered"
    said = f"It is booked today. {HOSTILE}"
    assert (await send(desk, one, f"{one}/answer", {"answer": said})).status == 303
    assert log(there)[-1] == ("dispatcher-1", "incident_answered", "incident/1")
    await send_surely(desk, one, f"{one}/close", {"result": "His tip was booked late."})
    assert "waits for an answer" not in (await desk.get(f"{BASE}/")).text
    page = (await driver.get("/tell")).text
    assert ("It is booked today." in page, HOSTILE in page) == (True, False)
    for private in ("always complaining", "booked late", "dispatcher-1"):
        assert private not in page, private
    assert "The desk has answered you." in (await driver.get()).text
    other = await phone_of(there, "D2")
    for path in ("/tell", "/"):
        assert "booked today" not in (await other.get(path)).text
        assert "answered you" not in (await other.get(path)).text
    there.clock.at += 2 * 86_400
    assert "The desk has answered you." not in (await driver.get()).text


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"about": "gossip"}, "about"),
        ({"what": " "}, "what"),
        ({"job": "another's"}, "job"),
    ],
)
async def test_with_one_thing_wrong_it_is_shown_again_and_nothing_is_kept(
    there: Cooperative, wrong: dict[str, str], field: str
) -> None:
    driver = await phone_of(there, "D1")
    fields = {"about": "other", "what": "My words stay.", **wrong}
    answer = await driver.send("/tell", "/tell", **fields)
    assert answer.status == 422
    assert ("My words stay." in answer.text) == (field != "what")
    assert field == "job" or f'id="{field}-fault"' in answer.text
    assert kept(there) == []


async def test_the_job_of_another_driver_cannot_be_named(there: Cooperative) -> None:
    _, job = await at_work(there)
    other = await phone_of(there, "D2")
    answer = await other.send("/tell", "/tell", about="job", what="Mine?", job=job)
    assert (answer.status, job in answer.text, kept(there)) == (422, False, [])


async def test_a_late_answer_is_said_to_both_and_five_wait_at_most(there: Cooperative) -> None:
    driver = await phone_of(there, "D1")
    for n in range(6):
        answer = await driver.send("/tell", "/tell", about="other", what=f"Number {n}.")
        assert answer.status == (422 if n == 5 else 303)
    assert "Call the desk." in answer.text
    assert len(kept(there)) == 5
    other = await phone_of(there, "D2")
    assert (await other.send("/tell", "/tell", about="other", what="Mine.")).status == 303
    there.clock.at += 48 * 3_600 + 1
    assert "An answer was due by" in (await driver.get("/tell")).text
    desk = await signed_in(there, "dispatcher")
    assert 'class="notice bad"><a href="/office/incidents"' in (await desk.get(f"{BASE}/")).text


async def test_nobody_answers_what_no_driver_told_and_an_auditor_only_reads(
    there: Cooperative,
) -> None:
    driver = await phone_of(there, "D1")
    await driver.send("/tell", "/tell", about="record", what="My name has two n.")
    auditor = await signed_in(there, "auditor")
    page = await auditor.get(f"{PAGE}/1")
    assert ("two n." in page.text, "Answer the driver" in page.text) == (True, False)
    own = incidents.Opening(kind="other", happened_at=there.node.now(), words={"what": "Ours"})
    store, now = there.node.store, there.node.now()
    n = store.transact_now(lambda s: incidents.open_one(s, own, by="dispatcher-1", now=now))
    with pytest.raises(incidents.NotWritten, match="no driver told this"):
        store.transact_now(lambda s: incidents.answer(s, n, "Hm", by="dispatcher-1", now=now))
    desk = await signed_in(there, "dispatcher")
    assert "Answer the driver" not in (await desk.get(f"{PAGE}/{n}")).text


async def test_who_no_longer_drives_may_still_ask_about_their_money(there: Cooperative) -> None:
    driver = await phone_of(there, "D1")
    _, listed = await there.desk("GET", "drivers")
    drivers = listed["drivers"]
    agent_id = next(row["agent_id"] for row in drivers if row["code"] == "D1")
    path = f"drivers/{agent_id}/active"
    assert (await there.desk("POST", path, {"active": False}))[0] == 200
    assert 'href="/drive/tell"' in (await driver.get()).text
    assert (await driver.send("/tell", "/tell", about="money", what="And my pay?")).status == 303
    assert kept(there) == [(1, "money", None)]
