"""Incidents at the desk: written once, followed up, closed once, read by few, forgotten in time."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bpp.incidents import store as incidents
from bpp.office import acts
from protocol_specs.node.store import Conflict
from tests.bpp.cooperative import Cooperative
from tests.bpp.office.support import BASE, hidden, log, send, send_surely, signed_in, with_office
from tests.bpp.office.test_deeds import agent, waiting
from tests.support.databases import run_sql

PAGE = f"{BASE}/incidents"
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[Cooperative]:
    async with with_office(tmp_path) as running:
        yield running


def typed(there: Cooperative, ago_s: int = 3600, **changes: str) -> dict[str, str]:
    """The form, filled in by somebody in Kuala Lumpur."""
    at = datetime.fromtimestamp(there.clock.at - ago_s, UTC) + timedelta(hours=8)
    said = {"kind": "accident", "happened": at.strftime("%Y-%m-%dT%H:%M"), "where": "Jalan Ampang",
            "what": f"A car hit us. {HOSTILE}", "done": "The police came."}  # fmt: skip
    return {**said, **changes}


def steps(there: Cooperative, n: int = 1) -> list[tuple[str, str]]:
    found = there.node.store.read(lambda s: incidents.steps_of(s, n))
    return [(each.kind, each.words.get("what", "")) for each in found]


async def test_an_incident_is_written_down_once_with_its_job_and_driver(
    there: Cooperative,
) -> None:
    await there.online("D1")
    job = (await waiting(there)).rpartition("/")[2]
    browser = await signed_in(there, "dispatcher")
    page = await browser.get(f"{PAGE}?job={job}")
    assert f'value="{job}"' in page.text
    fields = {**hidden(page, PAGE), **typed(there, job=job, driver=agent(there, "D1"))}
    for _ in range(2):
        assert (await browser.post(PAGE, fields)).status == 303
    assert len(there.node.store.read(incidents.newest)) == 1
    assert log(there)[-1] == ("dispatcher-1", "incident", f"incident/{job}")
    shown = await browser.get(f"{PAGE}/1")
    assert ("Jalan Ampang" in shown.text, HOSTILE in shown.text) == (True, False)
    assert "D1 · Driver D1" in shown.text
    assert "names no time" in shown.text  # the insured driver's scheme, and no invented deadline


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"kind": "gossip"}, "kind"),
        ({"happened": ""}, "happened"),
        ({"happened": "2099-01-01T00:00"}, "happened"),
        ({"happened": "0001-01-01T00:00"}, "happened"),
        ({"what": " "}, "what"),
        ({"what": "x" * 4_001}, "what"),
        ({"job": "none"}, "job"),
        ({"driver": HOSTILE}, "driver"),
    ],
)
async def test_an_incident_with_one_thing_wrong_is_shown_again_and_not_written(
    there: Cooperative, wrong: dict[str, str], field: str
) -> None:
    browser, before = await signed_in(there, "dispatcher"), log(there)
    answer = await send(browser, PAGE, PAGE, typed(there, **wrong))
    assert (answer.status, f'id="{field}-fault"' in answer.text) == (422, True)
    assert HOSTILE not in answer.text
    assert (there.node.store.read(incidents.newest), log(there)) == ([], before)


async def test_it_is_followed_up_and_closed_once_and_then_nothing_is_added(
    there: Cooperative,
) -> None:
    browser = await signed_in(there, "dispatcher")
    await send(browser, PAGE, PAGE, typed(there, kind="lost_property"))
    one = f"{PAGE}/1"
    assert (await send(browser, one, one, {"more": "It is a grey bag."})).status == 303
    late = hidden(await browser.get(one), one)
    asked = await send(browser, one, f"{one}/close", {"result": "Given back."})
    assert (asked.status, len(steps(there))) == (200, 2)
    for _ in range(2):
        answer = await browser.post(f"{one}/close", hidden(asked, f"{one}/close"))
        assert answer.status in (303, 422)
    assert steps(there)[1:] == [("followed", "It is a grey bag."), ("closed", "Given back.")]
    answer = await browser.post(one, {**late, "more": "One thing more."})
    assert (answer.status, len(steps(there))) == (422, 3)
    assert [what for _, what, _ in log(there)][-3:] == [
        "incident", "incident_followed", "incident_closed"]  # fmt: skip
    assert (await browser.get(f"{PAGE}/2")).status == 404
    assert (await browser.get(f"{PAGE}/x")).status == 404


async def test_an_auditor_reads_it_and_a_treasurer_or_member_does_not(there: Cooperative) -> None:
    await send(await signed_in(there, "dispatcher"), PAGE, PAGE, typed(there))
    auditor = await signed_in(there, "auditor")
    shown = await auditor.get(f"{PAGE}/1")
    assert (shown.status, "Add to it" in shown.text) == (200, False)
    for role in ("treasurer", "member"):
        browser = await signed_in(there, role)
        assert (await browser.get(f"{PAGE}/1")).status == 403
        assert PAGE not in (await browser.get(f"{BASE}/")).text
    said = " ".join(row["told"] for row in there.node.store.read(acts.newest))
    assert "police" not in said


async def test_the_words_are_forgotten_three_years_after_the_close_and_never_changed(
    there: Cooperative,
) -> None:
    browser = await signed_in(there, "dispatcher")
    await send(browser, PAGE, PAGE, typed(there))
    await send(browser, PAGE, PAGE, typed(there, what="Another one"))
    await send_surely(browser, f"{PAGE}/1", f"{PAGE}/1/close", {"result": "Nobody was hurt."})
    store, closed_at = there.node.store, int(there.clock.at)
    for table in ("incident", "incident_step", "incident_words"):
        with pytest.raises(Conflict, match="append-only"):
            run_sql(store, f"UPDATE {table} SET n = 9")  # noqa: S608 - our own names
    for table in ("incident", "incident_step"):
        with pytest.raises(Conflict, match="append-only"):
            run_sql(store, f"DELETE FROM {table}")  # noqa: S608 - our own names
    end = closed_at + incidents.KEPT_S
    assert store.transact_now(lambda s: incidents.forget_next(s, end)) is False
    assert store.transact_now(lambda s: incidents.forget_next(s, end + 1)) is True
    assert store.transact_now(lambda s: incidents.forget_next(s, end + 1)) is False
    assert steps(there, 1) == [("opened", ""), ("closed", "")]
    assert steps(there, 2) == [("opened", "Another one")]
    assert "forgotten" in (await browser.get(f"{PAGE}/1")).text
