"""A ride for later in the browser: chosen by day and time, booked for somebody else, truthful."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import expect

from examples.calls import Caller
from tests.browser.accessible import wrong_with
from tests.browser.citizen import Citizen
from tests.browser.city import NEAR_SENTRAL, City

pytestmark = [pytest.mark.slow, pytest.mark.processes, pytest.mark.timeout(600)]

KLANG = "Klang Valley Drivers' Cooperative"
Window = Callable[..., Citizen]


def tomorrow() -> datetime:
    """Half past eight of the city's next morning."""
    there = datetime.now(UTC).astimezone(ZoneInfo("Asia/Kuala_Lumpur")) + timedelta(days=1)
    return there.replace(hour=8, minute=30)


def wish(citizen: Citizen, **needs: str) -> None:
    """The two places of the search, and what else is wanted, not sent yet."""
    page = citizen.page
    page.get_by_role("link", name="Ride").click()
    page.get_by_role("combobox", name="From", exact=True).fill("KL Sentral")
    goal = page.get_by_role("combobox", name="To", exact=True)
    goal.fill("Petronas Twin Towers")
    goal.press("Tab")
    if needs:
        page.locator("summary", has_text="What the vehicle must have").click()
    for label, text in needs.items():
        page.get_by_label(label).fill(text) if text else page.get_by_label(label).check()


def test_a_ride_is_booked_for_tomorrow_and_for_somebody_else(town: City, citizen: Window) -> None:
    desk, aminah = citizen(), town.hire("rides", "Aminah", NEAR_SENTRAL)
    wish(desk)
    expect(desk.page.get_by_label("Not before")).to_be_hidden()
    desk.page.get_by_role("radio", name="Later").check()
    there = tomorrow()
    desk.page.get_by_label("Day").fill(f"{there:%Y-%m-%d}")
    desk.page.get_by_label("Not before").fill(f"{there:%H:%M}")
    assert wrong_with(desk.page) == ([], 0)
    desk.button("See offers").click()
    desk.sees("Offers")
    expect(desk.page.locator(".when")).to_contain_text(f"{there.day} {there:%b}")
    expect(desk.page.get_by_text("minutes away")).to_have_count(0)
    desk.choose(KLANG)
    desk.open("It is for somebody else")
    desk.page.get_by_label("Their name").fill("Pak Abu")
    desk.page.get_by_label("Their phone").fill("+60198765432")
    desk.introduce()
    desk.button("Book for").click()
    title = desk.page.locator("h1:visible")
    expect(title).to_contain_text("Booked for")
    expect(title).to_contain_text("8:30")
    live = desk.page.locator("#live")
    expect(live).to_contain_text("A driver is found shortly before")
    expect(live).to_contain_text("This is for Pak Abu")
    assert wrong_with(desk.page) == ([], 0)
    expect(desk.page.locator(".code")).to_have_count(1)
    assert aminah.at.get("/driver/job")["job"] is None
    _assigned_by_hand(town, aminah.at)
    expect(live).to_contain_text("Aminah")
    expect(title).to_contain_text("Booked for")
    assert aminah.at.get("/driver/job")["job"] is None
    planned = aminah.at.get("/driver/jobs-ahead")["jobs"]
    assert planned[0]["customer"]["name"] == "Pak Abu"
    desk.leave()


def _assigned_by_hand(town: City, driver: Caller) -> None:
    """The cooperative's desk gives the newest order to this driver."""
    token = (town.plan.folder("rides") / "data" / "desk.token").read_text().strip()
    desk = Caller(town.plan.url("rides"), token)
    newest = desk.get("/desk/orders")["orders"][0]
    me = driver.post("/driver/online", {"online": True, "lat": 3.1352, "lon": 101.6880})
    desk.post(f"/desk/orders/{newest['order_id']}/assign", {"agent_id": me["agent_id"]})


def test_what_no_vehicle_has_is_offered_by_nobody_and_a_past_time_is_refused_in_words(
    town: City, citizen: Window
) -> None:
    town.hire("rides", "Aminah", NEAR_SENTRAL)
    window = citizen()
    wish(window, **{"Room for a wheelchair": ""})
    window.button("See offers").click()
    expect(window.page.get_by_text("Nobody can take this now")).to_be_visible(timeout=90_000)
    window.page.goto(town.page)
    wish(window)
    window.page.get_by_role("radio", name="Later").check()
    window.page.locator("form.card").evaluate("form => { form.noValidate = true }")
    window.page.get_by_label("Day").fill("2020-01-01")
    window.page.get_by_label("Not before").fill("08:00")
    window.button("See offers").click()
    expect(window.page.get_by_text("That time is over")).to_be_visible()
    window.complaints.clear()  # the browser notes the 422
