"""The cooperative's desk in a browser: fares that change, incidents, the surplus; each page by
axe-core, at phone and desk, light and dark, in two languages."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from bpp.incidents import store as incidents
from bpp.tariff import store as tariffs
from protocol_specs.node.database.sqlite import FILE_NAME
from tests.browser.accessible import LOOKS, rules_in, wrong_with
from tests.browser.citizen import Citizen
from tests.browser.city import NEAR_SENTRAL, City
from tests.browser.test_office import SHOTS, SIZES, Office, running_office, window

__all__ = ["window"]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
LANGUAGES = ("en", "ms")
DAY_S = 86_400
ZONE = {
    "name": "Airport", "lat": 3.15, "lon": 101.70, "radius_m": 1500, "surcharge": "2.00",
}  # fmt: skip


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """Two days after a cash ride; a tariff with a zone is to come; 100.00 of members' funds."""
    with running_office(tmp_path_factory.mktemp("desk"), later_s=2 * DAY_S) as running:
        running.do(lambda: set_up(running))
        yield running


async def set_up(office: Office) -> None:
    """What the pages show from the beginning."""
    there = office.there
    fact = {"kind": "members-funds", "amount": "100.00", "currency": "MYR"}
    body = {**fact, "reference": "m-1", "by": "t-1"}
    assert (await there.desk("POST", "ledger/facts", body))[0] == 201
    listed = there.node.settings.fares.model_copy(update={})
    zoned = type(listed).model_validate({**listed.model_dump(exclude_none=True), "zones": [ZONE]})
    now = there.node.now()
    there.node.store.transact_now(
        lambda s: tariffs.write(
            s, zoned, starts_at=now + 7 * DAY_S, currency="MYR", by="treasurer-1", now=now
        )
    )
    opening = incidents.Opening(
        kind="accident",
        happened_at=now - 3600,
        words={"what": "A car hit us at the lights.", "where": "Jalan Ampang"},
        agent_id=office.agents["D1"],
    )
    there.node.store.transact_now(
        lambda s: incidents.open_one(s, opening, by="dispatcher-1", now=now)
    )


def local(office: Office, **ahead: float) -> datetime:
    """The clock on the office's wall, so much later."""
    now = datetime.fromtimestamp(office.there.clock.at, UTC)
    return now + timedelta(hours=8) + timedelta(**ahead)


def shot(page: Page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / f"desk-{name}.png", full_page=True)


def looked_at(office: Office, page: Page) -> None:
    """Fills in the form of the fares, and goes on to what they would do."""
    page.goto(office.url("/fares"))
    page.get_by_label("Base fare").first.fill("13.00")
    page.get_by_label("They hold from").fill(local(office, days=1).strftime("%Y-%m-%dT%H:%M"))
    page.get_by_role("button", name="See what they would do").click()
    expect(page.get_by_role("heading", name="What these fares would do")).to_be_visible()


def parts_of(office: Office, page: Page) -> None:
    """Fills in the form of the surplus, and goes on to each one's part."""
    page.goto(office.url("/money/surplus"))
    page.get_by_label("Sum").fill("50.00")
    page.get_by_label("First day of the work").fill(str(local(office, days=-5).date()))
    page.get_by_label("Last day of it").fill(str(local(office, days=-1).date()))
    page.get_by_role("button", name="See each one's part").click()
    expect(page.get_by_role("heading", name="Each one's part")).to_be_visible()


PAGES = {
    "treasurer": {"fares": "/fares?n=1", "surplus": "/money/surplus"},
    "dispatcher": {"incidents": "/incidents", "incident": "/incidents/1", "read": "/fares?n=1"},
}


@pytest.mark.parametrize(("size", "scheme", "language"), LOOKS)
def test_every_page_of_the_desk_is_open_to_everybody(
    office: Office, window: Callable[..., Page], size: str, scheme: str, language: int
) -> None:
    locale = f"{LANGUAGES[language]}-MY"
    for role, named in PAGES.items():
        settings: dict[str, Any] = {"viewport": SIZES[size], "color_scheme": scheme}
        page = window(office, role, locale=locale, **settings)
        for name, path in named.items():
            page.goto(office.url(path))
            page.wait_for_load_state("load")
            expect(page.locator("h1")).to_have_count(1)
            shot(page, f"{name}-{size}-{scheme}-{locale}")
            assert (name, *wrong_with(page, rules=rules_in(scheme))) == (name, [], 0)


@pytest.mark.parametrize("size", SIZES)
def test_fares_are_looked_at_written_and_withdrawn(
    office: Office, window: Callable[..., Page], size: str
) -> None:
    page = window(office, "treasurer", viewport=SIZES[size], timezone_id="Asia/Kuala_Lumpur")
    looked_at(office, page)
    expect(page.get_by_role("table", name="Vehicle category")).to_contain_text("CAB")
    shot(page, f"preview-{size}")
    assert wrong_with(page) == ([], 0)
    page.get_by_role("button", name="Write these fares down").click()
    expect(page.get_by_role("status")).to_contain_text("These fares hold from then on.")
    page.wait_for_load_state("load")  # the last of all
    page.get_by_role("link", name="to come").last.click()
    page.get_by_role("button", name="Withdraw No.").click()
    page.get_by_role("button", name="Withdraw it").click()
    expect(page.get_by_role("status")).to_contain_text("Withdrawn.")


def test_zones_of_a_tariff_are_on_the_map(office: Office, window: Callable[..., Page]) -> None:
    page = window(office, "treasurer")
    page.goto(office.url("/fares?n=1"))
    expect(page.locator(".map path.ground")).to_have_count(1)
    expect(page.locator(".map .spot-name", has_text="Airport")).to_be_visible()


@pytest.mark.parametrize("size", SIZES)
def test_an_incident_is_written_down_and_closed(
    office: Office, window: Callable[..., Page], size: str
) -> None:
    page = window(office, "dispatcher", viewport=SIZES[size], timezone_id="Asia/Kuala_Lumpur")
    page.get_by_role("link", name="Incidents").click()
    page.get_by_label("What it was").select_option("lost_property")
    page.get_by_label("What happened").fill("A grey bag was left in the car.")
    page.get_by_role("button", name="Write it down").click()
    expect(page.get_by_role("status")).to_contain_text("Written down.")
    page.get_by_role("link", name="Lost property").first.click()
    page.get_by_label("Result").fill("It was given back.")
    page.get_by_role("button", name="Close it").click()
    page.get_by_role("button", name="Close it").click()
    expect(page.locator("main")).to_contain_text("It was given back.")
    expect(page.get_by_role("heading", level=1)).to_contain_text("closed")


def test_a_surplus_is_seen_booked_and_taken_back(
    office: Office, window: Callable[..., Page]
) -> None:
    page = window(office, "treasurer", timezone_id="Asia/Kuala_Lumpur")
    parts_of(office, page)
    shot(page, "parts")
    assert wrong_with(page) == ([], 0)
    page.get_by_role("button", name="Book these parts").click()
    expect(page.get_by_role("status")).to_contain_text("Booked, one entry for each.")
    expect(page.get_by_role("table", name="Worker by worker")).to_contain_text("50.00")
    shot(page, "division")
    assert wrong_with(page) == ([], 0)
    page.get_by_role("button", name="Take it back").click()
    page.get_by_role("button", name="Take it back").click()
    expect(page.locator("main")).to_contain_text("It was taken back")


# The consumer's own people


def complaint(town: City) -> None:
    """A complaint of the newest journey, as its citizen's page would have kept it."""
    file = town.plan.folder("bap") / "data" / FILE_NAME
    with sqlite3.connect(file, timeout=60) as connection:
        connection.execute(
            "INSERT INTO complaint (journey_id, about, text, made_at, due_at)"
            " SELECT id, 'price', 'Two fares were taken.', created_at, created_at + 259200"
            " FROM journey ORDER BY created_at DESC LIMIT 1"
        )
    connection.close()


def test_our_people_answer_a_complaint(town: City, citizen: Callable[..., Citizen]) -> None:
    town.hire("rides", "Aminah", NEAR_SENTRAL)
    asks = citizen()
    asks.search()
    complaint(town)
    token = (town.plan.folder("bap") / "data" / "desk.token").read_text().strip()
    for scheme, language in (("light", "en"), ("dark", "ms")):
        page = citizen(color_scheme=scheme, locale=f"{language}-MY").page
        page.goto(f"{town.page}staff/")
        page.locator("#token").fill(token)
        page.locator("main form button").last.click()
        expect(page.locator("nav.tabs")).to_be_visible()
        assert wrong_with(page) == ([], 0)
        page.locator(".rows a").first.click()
        expect(page.locator("[name=answer]")).to_be_visible()
        shot(page, f"staff-{scheme}")
        assert wrong_with(page) == ([], 0)
    page = citizen().page
    page.goto(f"{town.page}staff/")
    page.locator("#token").fill(token)
    page.locator("main form button").last.click()
    page.locator(".rows a").first.click()
    page.get_by_label("Answer").fill("One of them is given back.")
    page.get_by_role("button", name="Answer and close").click()
    expect(page.get_by_role("status")).to_contain_text("The citizen can read it now.")
    expect(page.locator("main")).to_contain_text("Nobody waits for an answer")
