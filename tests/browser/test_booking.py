"""A citizen books a ride or a parcel in the browser, follows it live, cancels, comes back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.citizen import Citizen
from tests.browser.city import NEAR_MG_ROAD, NEAR_SENTRAL, City

pytestmark = [pytest.mark.slow, pytest.mark.processes, pytest.mark.timeout(600)]

KLANG = "Klang Valley Drivers' Cooperative"
NAMMA = "Namma Couriers' Cooperative"
Window = Callable[..., Citizen]


def test_a_ride_is_searched_compared_booked_and_followed_to_its_end(
    town: City, citizen: Window
) -> None:
    mei_ling, aminah = citizen(), town.hire("rides", "Aminah", NEAR_SENTRAL)
    mei_ling.search()
    mei_ling.choose(KLANG)
    price = mei_ling.page.get_by_role("table", name="What the price is made of")
    expect(price.get_by_role("row")).to_contain_text(["Base fare", "Distance", "Time", "Total"])
    total = price.get_by_role("row").last.get_by_role("cell").inner_text()
    aside = mei_ling.page.locator(".aside")
    expect(aside).to_contain_text("will be set aside for the worker's social insurance")
    expect(aside).to_contain_text("It comes from the worker's share.")
    expect(aside).to_contain_text("Gig Workers Act 2025")
    mei_ling.introduce()
    expect(mei_ling.page.get_by_role("table", name="If you cancel")).to_contain_text("free")
    mei_ling.button(f"Book for {total}").click()
    mei_ling.sees("Driver found")
    for fact in ("Aminah", "white Proton Saga", "VDM"):
        expect(mei_ling.page.locator("#live")).to_contain_text(fact)
    code = mei_ling.page.locator(".code").inner_text()
    order_id = _driven_there(mei_ling, aminah)
    aminah.step(order_id, "start", code=code)
    mei_ling.sees("On the road")
    expect(mei_ling.page.locator(".code")).to_have_count(0)
    aminah.step(order_id, "end", cash_collected=True)
    mei_ling.sees("You have arrived")
    expect(mei_ling.page.get_by_role("table", name="Paid")).to_contain_text(total)
    expect(mei_ling.page.locator("a[data-opens]")).to_have_count(0)
    assert "covered" not in mei_ling.markup.lower()
    mei_ling.page.get_by_role("radio", name="The ride: 5 of 5").check()
    mei_ling.page.get_by_role("radio", name="The driver: 4 of 5").check()
    mei_ling.button("Send the rating").click()
    expect(mei_ling.page.get_by_text("The cooperative has your rating.")).to_be_visible()
    mei_ling.page.get_by_role("link", name="Receipt").click()
    mei_ling.sees("Receipt")
    expect(mei_ling.page.get_by_text(total).first).to_be_visible()


def _driven_there(citizen: Citizen, driver: Any) -> str:
    """The driver comes and waits; each step is seen on the page without touching it."""
    order_id: str = driver.job()["order_id"]
    driver.step(order_id, "enroute")
    citizen.sees("Driver on the way")
    expect(citizen.page.get_by_text("from the pick-up, as last told")).to_be_visible()
    driver.be_at(3.1341, 101.6866)
    driver.step(order_id, "arrived")
    citizen.sees("Driver is waiting for you")
    expect(citizen.page.locator(".pin.vehicle")).to_be_visible()
    expect(citizen.page.get_by_text("60 m from the pick-up, as last told")).to_be_visible()
    expect(citizen.page.locator("[aria-current=step]")).to_have_text("Driver is waiting for you")
    return order_id


def test_a_fee_is_called_a_fee_and_never_cover(town: City, citizen: Window) -> None:
    arjun, ravi = citizen(), town.hire("couriers", "Ravi", NEAR_MG_ROAD)
    arjun.search("Parcel")
    arjun.choose(NAMMA)
    expect(arjun.page.locator(".aside")).to_contain_text(
        "₹0.50 will go to a workers' welfare fund. The cooperative pays it. "
        "It is a fee; by itself it gives nobody insurance cover."
    )
    arjun.introduce(**{"Receiver's name": "Devi", "Receiver's phone": "+919876543211"})
    arjun.page.get_by_label("Payment reference", exact=True).fill("PAID-0001")
    arjun.button("Book for").click()
    arjun.sees("Looking for a courier")
    code = arjun.page.locator(".code").inner_text()
    order_id = ravi.offer()["order_id"]
    for step, title in {
        "accept": "Courier found",
        "arrived": "Courier is at the pick-up",
        "pickup": "Parcel picked up",
        "enroute": "On its way",
        "arrived-drop": "At the door",
        "end": "Delivered",
    }.items():
        ravi.step(order_id, step, **({"code": code} if step == "pickup" else {}))
        arjun.sees(title)
    expect(arjun.page.locator("#price")).to_contain_text("₹0.50 goes to a workers' welfare fund")
    assert "covered" not in arjun.markup.lower()
    assert "contribution" not in arjun.text.lower()


def test_cancelling_costs_what_was_shown_before_and_news_takes_no_words_away(
    town: City, citizen: Window
) -> None:
    farid, aminah = citizen(), town.hire("rides", "Aminah", NEAR_SENTRAL)
    farid.book_ride(KLANG)
    farid.open("Something went wrong")
    said = farid.page.get_by_label("What happened?")
    said.fill("The driver asked for more.")
    farid.open("Cancel the ride")
    expect(farid.page.get_by_text("Cancelling is free now.")).to_be_visible()
    aminah.step(aminah.job()["order_id"], "enroute")
    farid.sees("Driver on the way")
    expect(farid.page.get_by_text("Cancelling costs MYR2.00 now.")).to_be_visible()
    expect(said).to_have_value("The driver asked for more.")
    farid.button("Cancel for MYR2.00").click()
    farid.sees("Cancelled")
    left = farid.page.get_by_role("table", name="What is left to pay")
    expect(left.get_by_role("row", name="Total")).to_contain_text("MYR2.00")


def test_a_tip_another_destination_and_help(town: City, citizen: Window) -> None:
    farid = citizen()
    town.hire("rides", "Aminah", NEAR_SENTRAL)
    farid.book_ride(KLANG)
    page = farid.page
    farid.open("Change this booking")
    page.get_by_label("Tip for the driver").fill("3")
    farid.button("Add the tip").click()
    receipt = page.get_by_role("table", name="To pay")
    expect(receipt.get_by_role("row", name="Tip")).to_contain_text("MYR3.00")
    expect(page.get_by_role("heading", name="This is not what you agreed to")).to_be_hidden()
    farid.open("Change this booking")
    goal = page.get_by_role("combobox", name="Another destination")
    goal.fill("Batu Caves")
    goal.press("Tab")  # leaving the field closes its list
    farid.button("Change the destination").click()
    expect(page.get_by_role("heading", name="This is not what you agreed to")).to_be_visible()
    expect(page.locator(".route")).to_have_text("KL Sentral → Batu Caves")
    farid.button("Agree to this").click()
    expect(page.get_by_role("heading", name="This is not what you agreed to")).to_be_hidden()
    farid.button("Whom can I call?").click()
    expect(page.get_by_role("link", name="+60312345678")).to_be_visible()
    farid.leave("Cancel")


def test_a_shared_trip_is_followed_by_a_friend_and_by_nobody_once_it_ends(
    town: City, citizen: Window
) -> None:
    mei_ling, friend = citizen(), citizen()
    aminah = town.hire("rides", "Aminah binti Osman", NEAR_SENTRAL)
    mei_ling.book_ride(KLANG)
    mei_ling.open("Share the trip")
    mei_ling.button("Make a link").click()
    link = mei_ling.page.get_by_label("The link", exact=True).input_value()
    friend.page.goto(link)
    friend.sees("Driver found")
    aminah.step(aminah.job()["order_id"], "enroute")
    friend.sees("Driver on the way")
    assert "Osman" not in friend.markup
    assert "KL Sentral →" not in friend.text
    friend.page.close()  # left open, it would go on asking, and be told 404
    mei_ling.button("Stop sharing").click()
    expect(mei_ling.page.get_by_role("status").filter(has_text="link")).to_be_visible()
    assert friend.page.context.request.get(link).status == 404
    shared = mei_ling.page.get_by_role("dialog", name="Share the trip")
    expect(shared).to_have_attribute("open", "")  # by script, which Escape needs
    mei_ling.page.keyboard.press("Escape")
    expect(shared).to_be_hidden()
    mei_ling.leave("Cancel for")


def test_another_browser_sees_nothing_of_the_journey(town: City, citizen: Window) -> None:
    town.hire("rides", "Aminah", NEAR_SENTRAL)
    mei_ling, stranger = citizen(), citizen()
    mei_ling.book_ride(KLANG)
    stranger.page.reload()
    stranger.sees("Where to?")
    assert "under way" not in stranger.text
    assert stranger.page.request.get(mei_ling.page.url).status == 404
    assert stranger.page.request.get(f"{mei_ling.page.url}/events").status == 404
    mei_ling.page.goto(town.page)
    mei_ling.page.get_by_role("link", name="You have a booking under way").click()
    mei_ling.sees("Driver found")
    mei_ling.leave()
