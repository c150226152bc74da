"""A trip that ended otherwise than it should: what its pages say, and the way to the next one."""

import json
import re
from html import unescape
from typing import Any

import pytest

from protocol_specs.wire.order import Cancellation, ReturnLeg
from protocol_specs.wire.values import replace
from tests.bap.network import NOW, Network, cancelled, ordered
from tests.bap.pages import PAGES, SEARCH, booked, form_of, searched
from tests.bap.test_staff import STAFF, complained, staff_of
from tests.support.browsing import Browsing

TWINS = "Petronas Twin Towers"


@pytest.fixture
def settings() -> dict[str, Any]:
    return PAGES


async def shared(browser: Browsing, path: str, page: str) -> str:
    """The link under which a friend follows."""
    await browser.post(f"{path}/share", form_of(page, f"{path}/share"))
    link = re.search(r"/shared/[\w-]{32}", (await browser.get(path)).text)
    assert link
    return link.group()


def main_of(text: str) -> str:
    return text.partition("<main")[2].partition("<footer")[0]


@pytest.mark.parametrize(
    ("by", "reason", "said"),
    [
        ("PROVIDER", "011", "No driver could come."),
        ("PROVIDER", "012", "The driver did not find you at the pick-up."),
        ("PROVIDER", "<b>", ""),
        ("CONSUMER", "012", ""),
    ],
)
async def test_a_ride_that_was_cancelled_says_why_and_goes_through_no_steps(
    net: Network, browser: Browsing, by: str, reason: str, said: str
) -> None:
    path = await searched(net, browser)
    link = await shared(browser, path, await booked(net, browser, path))
    told = cancelled(net.coop.of("confirm")[0], 0, by=by)
    why = replace(told.cancellation, reason_id=reason)  # type: ignore[type-var]
    assert (await net.unasked("on_cancel", replace(told, cancellation=why))).is_ack
    await net.handled()
    title = "The cooperative cancelled" if by == "PROVIDER" else "Cancelled"
    for seen in (path, link):
        page = main_of((await browser.get(seen)).text)
        assert f"<h1>{title}</h1>" in page, seen
        assert (said in page, "Driver on the way" in page, "<b>" in page) == (True, False, False)
        assert page.count("The driver did not find you") == ("did not find" in said)
    assert "WXY 1234" not in page, "who follows looks for no vehicle that does not come"


async def test_a_parcel_that_comes_back_says_why_and_goes_through_no_steps(
    net: Network, browser: Browsing
) -> None:
    path = await searched(net, browser)
    await booked(net, browser, path)
    told = ordered(net.coop.of("confirm")[0], "RIDE_STARTED", NOW + 30)
    back = replace(told.fulfillment, return_leg=ReturnLeg("f-RTO", "RTO-Initiated"))
    why = Cancellation("PROVIDER", "011", NOW + 30)
    told = replace(told, fulfillment=back, cancellation=why)
    assert (await net.unasked("on_status", told)).is_ack
    await net.handled()
    page = main_of((await browser.get(path)).text)
    assert "<h1>Coming back to you</h1>" in page
    assert "The receiver could not be reached." in page
    assert 'class="timeline"' not in page


async def test_the_same_way_is_searched_again_and_so_is_the_way_back(
    net: Network, browser: Browsing
) -> None:
    path = await searched(net, browser)
    trip = path.rpartition("/")[2]
    for asked, start in (("again", "KL Sentral"), ("back", TWINS)):
        page = (await browser.get(f"/?{asked}={trip}")).text
        assert re.search(rf'id="from"[^>]*value="{start}"', page), asked
        shown = json.loads(unescape(re.findall(r'data-map="([^"]*)"', page)[0]))
        assert shown["marks"][0]["label"] == start
    sent = await browser.send_form(f"/?back={trip}", "/search", {"from": TWINS, "to": "KL Sentral"})
    assert sent.status == 303
    stops = (await net.gateway.asked("search", 2))["message"]["intent"]["fulfillment"]["stops"]
    first = (await net.gateway.asked("search"))["message"]["intent"]["fulfillment"]["stops"]
    assert [one["location"]["gps"] for one in stops] == [
        one["location"]["gps"] for one in reversed(first)
    ]
    stranger = Browsing(net.citizen.url)
    field = re.search(r'<input id="from"[^>]*>', (await stranger.get(f"/?again={trip}")).text)
    assert field
    assert 'value=""' in field.group()


async def test_a_place_typed_over_another_is_where_the_text_says(
    net: Network, browser: Browsing
) -> None:
    stale = {
        **SEARCH,
        "to": "Petronas Twin Towers",
        "to_at": "3.0319,101.4456",
        "from_at": "3.13425,101.68643",
    }
    sent = await browser.send_form("/", "/search", stale)
    assert sent.status == 303, sent.text
    stops = (await net.gateway.asked("search"))["message"]["intent"]["fulfillment"]["stops"]
    start, end = (one["location"]["gps"] for one in stops)
    assert start.replace(" ", "").startswith("3.13425")
    assert not end.startswith("3.0319")


async def test_our_people_see_which_trip_a_complaint_is_about(
    net: Network, browser: Browsing
) -> None:
    await complained(net, browser, "I was asked for ten more.")
    page = main_of((await (await staff_of(net)).get(f"{STAFF}/complaints/1")).text)
    for told in ("order-1", "Cooperative of coop.example.org", "RM12.50", "Driver found"):
        assert told in page, told
    for private in ("Aisyah", "+60", "KL Sentral", TWINS):
        assert private not in page, private
