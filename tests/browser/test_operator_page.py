"""The operator's pages in a browser: a newcomer is checked, approved, suspended; figures, searches
and a trace at the gateway; each page by axe-core, on two screens, light and dark, in two languages.
"""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from protocol_specs.node.settings import read_secret
from protocol_specs.web.settings import WebSettings
from registry.settings import Policy
from tests.bpp.cooperative import Cooperative
from tests.bpp.office.support import with_office
from tests.browser.accessible import LOOKS, rules_in, wrong_with
from tests.browser.in_thread import in_thread
from tests.gateway.test_pages import FIGURES
from tests.gateway.world import World, bpp, world
from tests.registry.participant import Participant, desk, participant
from tests.registry.world import until

pytestmark = [pytest.mark.slow]
SIZES = {"phone": {"width": 390, "height": 844}, "desk": {"width": 1280, "height": 900}}
WEB = {"web": WebSettings(zone="Asia/Kuala_Lumpur")}
SHOTS = os.environ.get("SHOTS")  # a folder for pictures, for whoever wants to look
HOSTILE_REASON = "<script>alert(1)</script> \"><img src=x onerror='alert(2)'>"


@asynccontextmanager
async def newcomer(folder: Path) -> AsyncIterator[Participant]:
    """A registry whose operator decides, somebody who takes part, and one who answered only now."""
    policy = Policy(automatic=("BAP",))
    async with (
        desk(folder, policy=policy, **WEB) as registry,
        participant(registry, "k1", subscriber_id="citizens.example.org", kind="BAP") as citizens,
        participant(registry, "k1", subscriber_id="rides.example.org") as rides,
    ):
        await citizens.apply("k1")
        await until(citizens.records)
        await rides.apply("k1")

        async def waits() -> bool:
            return await rides.waits_for() == "approval"

        await until(waits)
        yield rides


@asynccontextmanager
async def market(folder: Path) -> AsyncIterator[World]:
    """A gateway after one search to two providers, one of whom publishes figures."""
    one, two = bpp("one.example.org"), bpp("two.example.org")
    one.published = json.dumps(FIGURES).encode()
    async with world(folder, one, two, **WEB) as w:
        await w.send(w.search())
        await w.settled()
        yield w


@pytest.fixture
def window(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Opens windows; at the end none of them may have complained."""
    contexts: list[Any] = []
    complaints: list[str] = []

    def opened(url: str, **settings: Any) -> Page:
        context = browser.new_context(**{"viewport": SIZES["desk"], "locale": "en-MY", **settings})
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda said: complaints.append(said.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(url)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []


def sign_in(page: Page, token: str) -> None:
    page.locator("#token").fill(token)
    page.locator("main form button").click()
    expect(page.locator("nav.tabs")).to_be_visible()


def sound(page: Page, name: str, scheme: str = "light") -> None:
    """No serious finding, nothing wider than the window; a picture, if pictures are wanted."""
    if SHOTS:
        page.screenshot(path=str(Path(SHOTS) / f"{name}.png"), full_page=True)
    assert wrong_with(page, rules=rules_in(scheme)) == ([], 0), name


def test_a_newcomer_is_looked_at_approved_and_later_suspended(
    tmp_path: Path, window: Callable[..., Page]
) -> None:
    with in_thread(newcomer(tmp_path)) as run:
        who = run.there
        page = window(f"{who.desk.url}/operator/")
        sign_in(page, who.desk.token)
        page.get_by_role("link", name="rides.example.org").first.click()
        checked = page.get_by_role("list", name="What was checked")
        expect(checked.get_by_role("listitem")).to_have_count(5)
        expect(checked).to_contain_text("Its address answers, and holds the key")
        assert run.do(who.records) == []
        page.get_by_role("link", name="Approve").click()
        page.get_by_label("Why").fill("licence seen")
        page.get_by_role("button", name="Approve").click()
        expect(page.get_by_text("Done. It stands in the log.")).to_be_visible()
        assert [record["status"] for record in run.do(who.records)] == ["SUBSCRIBED"]
        page.get_by_role("link", name="Suspend").click()
        page.get_by_label("Why").fill(HOSTILE_REASON)
        page.get_by_role("button", name="Suspend").click()
        expect(page.get_by_role("link", name="Lift the suspension")).to_be_visible()
        expect(page.get_by_role("table", name="Who changed what")).to_contain_text(HOSTILE_REASON)
        assert run.do(who.records) == []
        page.locator("details.me summary").click()
        page.get_by_role("button", name="Sign out").click()
        expect(page.locator("#token")).to_be_visible()


@pytest.mark.parametrize(("size", "scheme", "language"), LOOKS)
def test_every_page_of_the_registry_is_sound(
    tmp_path: Path, window: Callable[..., Page], size: str, scheme: str, language: int
) -> None:
    locale = ("en-MY", "kn")[language]
    with in_thread(newcomer(tmp_path)) as run:
        who = run.there
        url = f"{who.desk.url}/operator"
        page = window(f"{url}/", viewport=SIZES[size], color_scheme=scheme, locale=locale)
        sound(page, f"registry-sign-in-{size}-{scheme}-{locale}", scheme)
        sign_in(page, who.desk.token)
        [row] = run.do(lambda: who.records(status="UNDER_SUBSCRIPTION"))
        request = row["application"]
        asked = f"decide?verb=refuse&id={who.subscriber_id}&application={request}"
        for name, path in {
            "overview": "/",
            "requests": "/requests",
            "request": f"/requests/{request}",
            "subscribers": "/subscribers",
            "subscriber": "/subscribers/citizens.example.org",
            "health": "/health",
            "log": "/log",
            "policy": "/policy",
            "decide": f"/{asked}",
        }.items():
            page.goto(f"{url}{path}")
            sound(page, f"registry-{name}-{size}-{scheme}-{locale}", scheme)


@pytest.mark.parametrize(("size", "scheme", "language"), LOOKS)
def test_every_page_of_the_gateway_is_sound(
    tmp_path: Path, window: Callable[..., Page], size: str, scheme: str, language: int
) -> None:
    locale = ("en-MY", "ms")[language]
    with in_thread(market(tmp_path)) as run:
        w = run.there
        page = window(
            f"{w.url}/operator/", viewport=SIZES[size], color_scheme=scheme, locale=locale
        )
        sign_in(page, read_secret(w.node.settings.data_dir / "operator.token", key="data_dir"))
        went = w.gateway.recent.newest(1)[0]
        for name, path in {
            "overview": "/operator/",
            "searches": "/operator/searches",
            "trace": f"/operator/trace?transaction_id={went.transaction_id}",
            "report": "/report.html",
            "figures": "/figures",
        }.items():
            page.goto(f"{w.url}{path}")
            sound(page, f"gateway-{name}-{size}-{scheme}-{locale}", scheme)


def test_a_trace_is_found_from_the_last_searches(
    tmp_path: Path, window: Callable[..., Page]
) -> None:
    with in_thread(market(tmp_path)) as run:
        w = run.there
        page = window(f"{w.url}/operator/")
        sign_in(page, read_secret(w.node.settings.data_dir / "operator.token", key="data_dir"))
        page.get_by_role("link", name="bap.example.org").click()
        found = page.get_by_role("table", name="What happened, in order of time")
        for provider in ("one", "two"):  # in the order drawn for this search
            expect(found).to_contain_text(f"{provider}.example.org acked")
        expect(page.get_by_role("list", name="Did not answer")).to_contain_text("one.example.org")


@pytest.mark.parametrize(("size", "scheme"), [("phone", "light"), ("desk", "dark")])
def test_figures_are_read_by_everybody(
    tmp_path: Path, window: Callable[..., Page], size: str, scheme: str
) -> None:
    for name in ("coop", "bg"):
        (tmp_path / name).mkdir()
    with (
        in_thread(with_office(tmp_path / "coop")) as coop,
        in_thread(market(tmp_path / "bg")) as run,
    ):
        there: Cooperative = coop.there
        page = window(f"{there.url}/figures", viewport=SIZES[size], color_scheme=scheme)
        expect(page.get_by_text("fewer than 10").first).to_be_visible()
        sound(page, f"coop-figures-{size}-{scheme}-en-MY")
        page = window(f"{run.there.url}/", viewport=SIZES[size], color_scheme=scheme)
        expect(page.get_by_role("heading", name="The network in figures")).to_be_visible()
        expect(page.get_by_text("counted by this gateway")).to_be_visible()
