"""Every page of every face, by axe-core: phone and desk, light and dark, four languages. The markup
is judged on a phone and at a desk, colours and sizes in each look. Pages are listed from the nodes'
own routes: one that is neither looked at here nor named as no page fails."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from bpp.insurance.scheme_file import load
from examples import pages, play
from examples import people as at_apis
from tests.browser.accessible import OF_LOOKS, RULES, wrong_with
from tests.browser.citizen import WAIT_MS, Citizen
from tests.browser.one_clock import Town, code_for, town

pytestmark = [pytest.mark.slow, pytest.mark.processes, pytest.mark.timeout(700)]
SHOTS = os.environ.get("SHOTS")  # a folder for pictures, for whoever wants to look
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 900}
LOOKS: dict[str, dict[str, Any]] = {
    "phone-light-ml": {"viewport": PHONE, "color_scheme": "light", "locale": "ml-IN"},
    "phone-dark-en": {"viewport": PHONE, "color_scheme": "dark", "locale": "en-MY"},
    "desk-light-kn": {"viewport": DESK, "color_scheme": "light", "locale": "kn-IN"},
    "desk-dark-ms": {"viewport": DESK, "color_scheme": "dark", "locale": "ms-MY"},
}
JUDGED_WHOLE = ("phone-light-ml", "desk-dark-ms")
PAGES = {
    "somebody": (
        "bap", "/sign-in /sign-in/code /offline /shared/{token} /staff/sign-in /staff/offline",
    ),
    "citizen": ("bap", "/ /trips /trips/{id} /trips/{id}/receipt"),
    "staff": ("bap", "/staff/ /staff/complaints/{number}"),
    "stranger": (
        "rides",
        "/ /figures /offline /drive/sign-in /drive/sign-in/code /drive/offline"
        " /office/sign-in /office/sign-in/code /office/offline",
    ),
    "driver": (
        "rides",
        "/drive/ /drive/papers /drive/shifts /drive/money /drive/slips /drive/slips/{id}"
        " /drive/book /drive/notices /drive/me /drive/ask/{question} /drive/why /drive/tell",
    ),
    "office": (
        "rides",
        "/office/ /office/jobs /office/jobs/{id} /office/drivers /office/drivers/{id}"
        " /office/drivers/{id}/for"
        " /office/fares /office/incidents /office/incidents/{n} /office/log /office/documents"
        " /office/documents/driver/{id} /office/documents/vehicle/{id} /office/shifts"
        " /office/insurance /office/insurance/period /office/insurance/people"
        " /office/insurance/reconcile /office/insurance/remittance /office/money"
        " /office/money/surplus /office/money/surplus/{reference}",
    ),
    "registrar": (
        "registry",
        "/operator/sign-in /operator/offline /operator/ /operator/requests /operator/requests/{n}"
        " /operator/subscribers /operator/subscribers/{id} /operator/decide /operator/health"
        " /operator/log /operator/policy",
    ),
    "switchboard": (
        "gateway",
        "/ /figures /report.html /offline /operator/sign-in /operator/offline /operator/"
        " /operator/searches /operator/trace",
    ),
}  # fmt: skip
"""Who looks at what, at which node."""
FOUND_ON = {
    "/trips/{id}": "/trips",
    "/staff/complaints/{number}": "/staff/",
    "/drive/slips/{id}": "/drive/slips",
    "/drive/ask/{question}": "/drive/me",
    "/office/jobs/{id}": "/office/jobs",
    "/office/drivers/{id}": "/office/drivers",
    "/office/drivers/{id}/for": "/office/drivers/{id}",
    "/office/incidents/{n}": "/office/incidents",
    "/office/documents/driver/{id}": "/office/documents",
    "/office/documents/vehicle/{id}": "/office/documents",
    "/office/insurance/period": "/office/insurance",
    "/office/insurance/remittance": "/office/insurance",
    "/office/money/surplus/{reference}": "/office/money/surplus",
    "/operator/requests/{n}": "/operator/requests",
    "/operator/subscribers/{id}": "/operator/subscribers",
    "/operator/trace": "/operator/searches",
}
"""Which page has a link to it."""
NO_PAGE = re.compile(
    r"/(events|part|where|live|places|manifest\.webmanifest|sw\.js|csv|karnataka|scan)$"
    r"|/board/jobs$|/picture/|/documents/scan/|/book/\{form\}$|\{_rest\}$"
)
CHANGES = {"registry": {'automatic = ["BAP", "BPP", "BG"]': 'automatic = ["BAP", "BG"]'}}
SCHEME = "my.act872.gig"
ALL_ROLES = ["member", "dispatcher", "treasurer", "auditor"]
OFFICE_PHONE = "+60122220009"


@dataclass
class Seen:
    """The network; who has signed in, by their cookies; where pages about one thing are."""

    there: Town
    cookies: dict[str, list[Any]] = field(default_factory=dict)
    at: dict[str, str] = field(default_factory=dict)


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Seen]:
    """A morning's work, a month that was closed, and a ride that is under way after it."""
    with town(tmp_path_factory.mktemp("pages"), CHANGES) as there:
        for name in ("gateway", "bap", "rides", "couriers"):
            there.join(name)
        there.approve("rides")
        there.clock.to_ten()
        made = Seen(there)
        driver = _worked(there)
        for who in ("driver", "office", "registrar", "switchboard", "staff"):
            made.cookies[who] = _signed_in(made, browser, who)
        _booked(made, browser, driver)
        _written_down(made, browser)
        yield made


def _worked(there: Town) -> at_apis.Driver:
    """A ride a month ago, whose period is closed now, and one today; a surplus that is divided."""
    aminah = there.hire()["rides"]
    there.desk("rides").let_in(id="a1", name="Azlan", phone=OFFICE_PHONE, roles=ALL_ROLES)
    period = load(SCHEME).period_of(int(there.clock()))
    who = at_apis.Citizen(there.plan.url("bap"), "Farid", "+60129876543")
    play.cash_ride(who, aminah, lambda text: None)
    last = there.clock.at().date()
    there.clock.to_ten(days=40)
    desk = there.desk("rides").at
    desk.post("/desk/insurance/remittance/close", {"scheme": SCHEME, "period": period, "by": "t1"})
    fact = {"kind": "members-funds", "amount": "100.00", "currency": "MYR", "reference": "m-1"}
    desk.post("/desk/ledger/facts", {**fact, "by": "t1"})
    days = {"first": str(last - timedelta(days=1)), "last": str(last)}
    desk.post("/desk/surplus", {"reference": "s-1", "amount": "50.00", "by": "t1", **days})
    at_apis.wait_until(
        lambda: desk.get("/desk/insurance/remittances")["remittances"], "a remittance"
    )
    play.cash_ride(who, aminah, lambda text: None)
    return aminah


def _signed_in(made: Seen, browser: Browser, who: str) -> list[Any]:
    """Their cookies, by phone code or by token."""
    there, (node, _) = made.there, PAGES[who]
    first = {"office": "/office/", "driver": "/drive/", "staff": "/staff/"}.get(who, "/operator/")
    context = browser.new_context(locale="en-MY")
    page = context.new_page()
    page.goto(there.plan.url(node) + first)
    if who in ("office", "driver"):
        phone = OFFICE_PHONE if who == "office" else pages.AMINAH["phone"]
        there.codes(node).write_text("")
        page.locator("[name=phone]").fill(phone)
        page.locator("main form button").click()
        page.locator("[name=code]").fill(code_for(there.codes(node), phone))
    else:
        file = "desk.token" if who == "staff" else "operator.token"
        token = (there.plan.folder(node) / "data" / file).read_text().strip()
        page.locator("#token").fill(token)
    page.locator("main form button").click()
    expect(page.locator("nav.tabs")).to_be_visible()
    kept = context.cookies()
    context.close()
    return kept


def _booked(made: Seen, browser: Browser, driver: at_apis.Driver) -> None:
    """A ride that is shared, and about which somebody complains; the driver is on the way."""
    citizen = Citizen.at(made.there.plan.url("bap") + "/", browser, viewport=PHONE)
    citizen.book_ride("Klang Valley Drivers' Cooperative")
    driver.step(driver.job()["order_id"], "enroute")
    citizen.sees("Driver on the way")
    made.at["/trips/{id}/receipt"] = re.sub(r"[?#].*", "", citizen.page.url) + "/receipt"
    citizen.open("Something went wrong")
    citizen.page.locator("#complaints textarea").fill("The driver drove past me.")
    citizen.button("Send the complaint").click()
    citizen.open("Share the trip")
    citizen.button("Make a link").click()
    made.at["/shared/{token}"] = citizen.page.get_by_label("The link", exact=True).input_value()
    made.cookies["citizen"] = citizen.page.context.cookies()
    citizen.page.context.close()


def _written_down(made: Seen, browser: Browser) -> None:
    """An incident."""
    with _window(made, browser, "office", {"locale": "en-MY"}) as page:
        page.goto(made.there.plan.url("rides") + "/office/incidents")
        page.get_by_label("What it was").select_option("lost_property")
        page.get_by_label("What happened").fill("A grey bag was left in the car.")
        page.get_by_role("button", name="Write it down").click()
        expect(page.get_by_role("status")).to_contain_text("Written down.")


@contextmanager
def _window(made: Seen, browser: Browser, who: str, look: dict[str, Any]) -> Iterator[Page]:
    context = browser.new_context(**look)
    context.add_cookies(made.cookies.get(who, []))
    yield context.new_page()
    context.close()


def served(there: Town) -> set[tuple[str, str]]:
    """Node and path of each page that a face serves. Both cooperatives serve the same."""
    found = set()
    for name in ("registry", "gateway", "rides", "bap"):
        for route in there.nodes[name].app.router.routes():
            is_face = "Face._serve" in getattr(route.handler, "__qualname__", "")
            if route.method == "GET" and is_face and route.resource:
                path = route.resource.canonical
                found.add((name, path + "/" if (name, path + "/") in SLASHED else path))
    return {each for each in found if not NO_PAGE.search(each[1])}


SLASHED = {("rides", "/office/"), ("registry", "/operator/"), ("gateway", "/operator/")}
"""Faces whose first page is at their base too."""


def test_each_page_of_the_nodes_is_looked_at(seen: Seen) -> None:
    looked_at = {(node, path) for node, paths in PAGES.values() for path in paths.split()}
    assert served(seen.there) == looked_at


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("who", PAGES)
def test_every_page_is_open_to_everybody(seen: Seen, browser: Browser, who: str, look: str) -> None:
    node, paths = PAGES[who]
    rules = RULES if look in JUDGED_WHOLE else OF_LOOKS
    with _window(seen, browser, who, LOOKS[look]) as page:
        page.set_default_timeout(WAIT_MS)
        for route in paths.split():
            address = _address(seen, page, node, route)
            response = page.goto(address)
            assert response is not None, address
            assert (route, response.status) == (route, 200), address
            page.wait_for_load_state("load")
            if SHOTS:
                name = re.sub(r"\W+", "-", f"{node}{route}").strip("-")
                page.screenshot(path=Path(SHOTS) / f"{name}-{look}.png", full_page=True)
            assert (route, *wrong_with(page, rules=rules)) == (route, [], 0)
            expect(page.locator("h1:visible")).to_have_count(1)


def _address(made: Seen, page: Page, node: str, route: str) -> str:
    """Where this page is; one that is about something is where another page links to it."""
    root = made.there.plan.url(node)
    if route == "/operator/decide":
        return f"{root}{route}?verb=suspend&id=rides.klang-valley.example"
    if route not in FOUND_ON:
        return made.at.get(route, root + route)
    if route not in made.at:
        there = FOUND_ON[route]
        page.goto(made.at.get(there, root + there))
        wanted = re.compile(re.escape(route).replace(r"\{", "{").replace(r"\}", "}"))
        pattern = re.sub(r"\{\w+\}", "[^/?#]+", wanted.pattern)
        links = page.locator("main a[href]").evaluate_all("all => all.map(a => a.href)")
        found = [
            each
            for each in links
            if re.fullmatch(pattern, re.sub(r"^\w+://[^/]+|[?#].*", "", each))
        ]
        assert found, (route, links)
        made.at[route] = found[0]
    return made.at[route]
