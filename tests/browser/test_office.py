"""The office in a browser: a job given by hand, a month's dry run, each page by axe-core."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from bpp.fleet import roster
from bpp.insurance.remittance import reading
from bpp.insurance.scheme_file import load
from tests.bpp.cooperative import Cooperative
from tests.bpp.insurance.fare_cash import at_the_limit
from tests.bpp.insurance.support import MY
from tests.bpp.office.support import BASE, PHONES, code, with_office
from tests.browser.accessible import LOOKS, rules_in, wrong_with
from tests.browser.in_thread import InThread, in_thread
from tests.support.queues import until

pytestmark = [pytest.mark.slow]
SIZES = {"phone": {"width": 360, "height": 740}, "desk": {"width": 1280, "height": 900}}
LANGUAGES = ("en", "ms")
DAY_S = 86_400
SHOTS = os.environ.get("SHOTS")  # a folder for pictures, for whoever wants to look


@dataclass
class Office(InThread[Cooperative]):
    """The cooperative, and what a test must know of its jobs and people."""

    period: str = ""
    job: str = ""
    agents: dict[str, str] = field(default_factory=dict)
    signed_in: dict[str, list[Any]] = field(default_factory=dict)

    def url(self, path: str) -> str:
        return f"{self.there.url}{BASE}{path}"


@contextmanager
def running_office(folder: Path, *, later_s: int = 0) -> Iterator[Office]:
    """One ride done in cash; then, so much later, or with a job that waits."""
    with in_thread(with_office(folder)) as made:
        office = Office(made.there, made.loop)
        office.do(lambda: _busy(office, later_s))
        yield office


async def _busy(office: Office, later_s: int) -> None:
    there = office.there
    await at_the_limit(there)
    office.period = load(MY).period_of(there.node.now())
    everybody = there.node.store.read(roster.everybody)
    office.agents = {worker.code: worker.agent_id for worker, _ in everybody}
    there.clock.at += later_s
    if not later_s:
        order = await there.confirmed()
        office.job = there.order(order["id"]).job_id


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """As it is during the day."""
    with running_office(tmp_path_factory.mktemp("office")) as running:
        yield running


def signed_in(office: Office, browser: Browser, role: str) -> list[Any]:
    """The cookies of this role's person, who signs in once: codes are few."""
    context = browser.new_context(locale="en-MY")
    page = context.new_page()
    page.goto(office.url("/sign-in"))
    page.locator("#phone").fill(PHONES[role])
    page.locator("main form button").click()
    page.locator("#code").fill(office.do(lambda: code(office.there, role)))
    page.locator("main form button").click()
    expect(page.locator("nav.tabs")).to_be_visible()
    kept = [each for each in context.cookies() if each["name"].startswith("wf_office")]
    office.signed_in[role] = kept
    context.close()
    return kept


@pytest.fixture
def window(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Opens windows of signed-in people; at the end none of them may have complained."""
    contexts: list[Any] = []
    complaints: list[str] = []

    def opened(office: Office, role: str, **settings: Any) -> Page:
        cookies = office.signed_in.get(role) or signed_in(office, browser, role)
        context = browser.new_context(**{"viewport": SIZES["desk"], "locale": "en-MY", **settings})
        context.add_cookies(cookies)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda said: complaints.append(said.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(office.url("/"))
        expect(page.locator("nav.tabs")).to_be_visible()
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []


def pages(office: Office) -> dict[str, dict[str, str]]:
    """Every page by role and name."""
    month = f"/insurance/period?scheme={MY}&period={office.period}"
    return {
        "dispatcher": {"board": "/", "jobs": "/jobs", "job": f"/jobs/{office.job}",
                       "drivers": "/drivers", "driver": "/drivers/" + office.agents["D1"]},
        "treasurer": {"overview": "/", "money": "/money", "insurance": "/insurance",
                      "period": month, "reconcile": "/insurance/reconcile",
                      "people": "/insurance/people", "cash": "/drivers/" + office.agents["D1"]},
        "auditor": {"log": "/log"},
        "member": {"member": "/", "open-books": "/money"},
    }  # fmt: skip


@pytest.mark.parametrize(("size", "scheme", "language"), LOOKS)
def test_every_page_is_open_to_everybody(
    office: Office, window: Callable[..., Page], size: str, scheme: str, language: int
) -> None:
    locale = f"{LANGUAGES[language]}-MY"
    for role, named in pages(office).items():
        page = window(office, role, viewport=SIZES[size], color_scheme=scheme, locale=locale)
        for name, path in named.items():
            page.goto(office.url(path))
            page.wait_for_load_state("load")
            expect(page.locator("h1")).to_have_count(1)
            if SHOTS:
                shot = Path(SHOTS) / f"{name}-{size}-{scheme}-{locale}.png"
                page.screenshot(path=shot, full_page=True)
            assert (name, *wrong_with(page, rules=rules_in(scheme))) == (name, [], 0)


def test_a_job_that_comes_is_on_the_board_by_itself_and_is_given_by_hand(
    office: Office, window: Callable[..., Page]
) -> None:
    page = window(office, "dispatcher")
    expect(page.get_by_label("Vehicles, and jobs that wait").locator(".pin.vehicle")).to_have_count(
        2
    )
    late: list[Route] = []
    page.route("**/board/events?*", lambda route: late.append(route))
    page.reload()
    while not late:
        page.wait_for_timeout(20)
    office.do(lambda: office.there.confirmed())  # before the page hears
    late.pop().continue_()
    expect(page.locator("#jobs .rows > li")).to_have_count(2)
    office.do(lambda: office.there.confirmed())
    expect(page.locator("#jobs .rows > li")).to_have_count(3)
    page.goto(office.url(f"/jobs/{office.job}"))
    page.get_by_label("Driver", exact=True).select_option(office.agents["D2"])
    page.get_by_role("button", name="Assign").click()
    expect(page.get_by_role("status")).to_contain_text("D2 · Driver D2 has the job.")
    expect(page.locator("main")).to_contain_text("Gave a job to a driver")


def test_a_cancel_says_first_what_will_stand_and_can_be_left(
    office: Office, window: Callable[..., Page]
) -> None:
    page = window(office, "dispatcher")

    async def booked() -> str:
        order = await office.there.confirmed()
        return office.there.order(order["id"]).job_id

    page.goto(office.url(f"/jobs/{office.do(booked)}"))
    page.get_by_role("button", name="Cancel the job").click()
    expect(page.get_by_role("heading", name="Cancel this job?")).to_be_visible()
    assert wrong_with(page) == ([], 0)
    page.get_by_role("link", name="Not now").click()
    expect(page.get_by_text("Waiting for a driver").first).to_be_visible()


@pytest.fixture
def later(tmp_path: Path) -> Iterator[Office]:
    """The month after."""
    with running_office(tmp_path, later_s=40 * DAY_S) as running:
        yield running


def test_a_months_dry_run_is_read_then_closed(later: Office, window: Callable[..., Page]) -> None:
    office, page = later, window(later, "treasurer")
    page.get_by_role("link", name="Insurance").click()
    page.get_by_role("link", name=re.compile(re.escape(office.period))).click()
    expect(page.get_by_role("table", name="Worker by worker")).to_contain_text("D1")
    page.get_by_text("Jobs that are not over are declared in a later period").click()
    page.get_by_role("button", name="Close the period").click()
    expect(page.get_by_role("heading", name="Close this period?")).to_be_visible()
    page.get_by_role("button", name="Close the period").click()
    expect(page.get_by_role("status")).to_contain_text("The node goes on by itself.")
    store = office.there.node.store
    office.do(lambda: until(lambda: store.read(reading.remittances), "a remittance"))
    page.goto(office.url(f"/insurance/remittance?id={MY}/{office.period}/1"))
    expect(page.get_by_role("heading", level=1)).to_contain_text(office.period)
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / "remittance.png", full_page=True)
    assert wrong_with(page) == ([], 0)
