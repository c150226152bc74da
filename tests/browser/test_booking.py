"""A citizen books a ride or a parcel in the browser, follows it live, cancels, comes back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.citizen import Citizen
from tests.browser.city import NEAR_MG_ROAD, NEAR_SENTRAL, City

pytestmark = [pytest.mark.slow, pytest.mark.processes]

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
    aside = mei_ling.page.locator("#quote .aside")
    expect(aside).to_contain_text("will be set aside for the worker’s social insurance")
    expect(aside).to_contain_text("paid from the worker’s share")
    expect(aside).to_contain_text("By the Gig Workers Act 2025")

    mei_ling.introduce()
    expect(mei_ling.page.get_by_role("table", name="If you cancel")).to_contain_text("free")
    mei_ling.button(f"Book for {total}").click()
    mei_ling.sees("Driver found")
    for fact in ("Aminah", "White Proton Saga", "VDM"):
        expect(mei_ling.page.locator("#live")).to_contain_text(fact)
    code = mei_ling.page.locator(".code").inner_text()
    order_id = _driven_there(mei_ling, aminah)
    aminah.step(order_id, "start", code=code)
    mei_ling.sees("On the road")
    expect(mei_ling.page.locator(".code")).to_have_count(0)
    aminah.step(order_id, "end")
    mei_ling.sees("You have arrived")
    expect(mei_ling.page.get_by_role("table", name="Paid")).to_contain_text(total)
    expect(mei_ling.page.locator("#receipt")).to_contain_text("is set aside for the worker’s")
    expect(mei_ling.button("Cancel")).to_be_hidden()
    assert "covered" not in mei_ling.page.content().lower()


def _driven_there(citizen: Citizen, driver: Any) -> str:
    """The driver comes and waits; each step is seen on the page without touching it."""
    order_id: str = driver.job()["order_id"]
    driver.step(order_id, "enroute")
    citizen.sees("Driver on the way")
    expect(citizen.page.get_by_text("from the pick-up, as last told")).to_be_visible()
    driver.be_at(3.1341, 101.6866)
    driver.step(order_id, "arrived")
    citizen.sees("Driver is waiting for you")
    expect(citizen.page.get_by_text("Less than 100 m from the pick-up")).to_be_visible()
    expect(citizen.page.locator("[aria-current=step]")).to_have_text("Driver is waiting for you")
    return order_id


def test_a_fee_is_called_a_fee_and_never_cover(town: City, citizen: Window) -> None:
    arjun, ravi = citizen(), town.hire("couriers", "Ravi", NEAR_MG_ROAD)
    arjun.search("Parcel")
    arjun.choose(NAMMA)
    expect(arjun.page.locator("#quote .aside")).to_contain_text(
        "₹0.50 will go to a workers’ welfare fund, paid by the cooperative. "
        "It is a fee; by itself it gives nobody insurance cover."
    )
    arjun.introduce(**{"Receiver’s name": "Devi", "Receiver’s phone": "+919876543211"})
    arjun.page.get_by_label("Payment reference", exact=True).fill("PAID-0001")
    arjun.button("Book for").click()
    arjun.sees("Looking for a courier")
    code = arjun.page.locator(".code").inner_text()
    order_id = ravi.offer()["order_id"]
    for step, title in {
        "accept": "Courier found",
        "arrived": "Courier is at the pick-up",
        "pickup": "Parcel picked up",
        "enroute": "On the way",
        "arrived-drop": "At the door",
        "end": "Delivered",
    }.items():
        ravi.step(order_id, step, **({"code": code} if step == "pickup" else {}))
        arjun.sees(title)
    expect(arjun.page.locator("#receipt")).to_contain_text("₹0.50 goes to a workers’ welfare fund")
    assert "covered" not in arjun.page.content().lower()
    assert "contribution" not in arjun.text.lower()


def test_cancelling_costs_what_was_shown_before(town: City, citizen: Window) -> None:
    farid, aminah = citizen(), town.hire("rides", "Aminah", NEAR_SENTRAL)
    farid.book_ride(KLANG)
    farid.open("Cancel")
    expect(farid.page.get_by_text("Cancelling is free now.")).to_be_visible()
    aminah.step(aminah.job()["order_id"], "enroute")
    expect(farid.page.get_by_text("Cancelling costs RM 2.00 now.")).to_be_visible()
    farid.page.get_by_label("Reason").select_option("Booked by mistake")
    farid.button("Cancel for RM 2.00").click()
    farid.sees("Cancelled")
    left = farid.page.get_by_role("table", name="What is left to pay")
    expect(left.get_by_role("row", name="Total")).to_contain_text("RM 2.00")


def test_a_tip_another_destination_help_and_stars(town: City, citizen: Window) -> None:
    farid, aminah = citizen(), town.hire("rides", "Aminah", NEAR_SENTRAL)
    farid.book_ride(KLANG)
    page = farid.page
    farid.open("Change this booking")
    page.get_by_label("Tip for the driver").fill("3")
    farid.button("Add the tip").click()
    receipt = page.get_by_role("table", name="To pay")
    expect(receipt.get_by_role("row", name="Tip")).to_contain_text("RM 3.00")
    expect(page.get_by_role("heading", name="This is not what you agreed to")).to_be_hidden()
    page.get_by_label("Another destination").select_option("Batu Caves")
    farid.button("Change the destination").click()
    expect(page.get_by_role("heading", name="This is not what you agreed to")).to_be_visible()
    expect(page.locator("#view-ride .route")).to_have_text("KL Sentral → Batu Caves")
    farid.button("Agree to this").click()
    expect(page.locator("#consent")).to_be_hidden()
    farid.button("Whom can I call?").click()
    expect(page.get_by_role("link", name="+60312345678")).to_be_visible()
    order_id, code = aminah.job()["order_id"], page.locator(".code").inner_text()
    for step, more in (("enroute", {}), ("arrived", {}), ("start", {"code": code})):
        aminah.step(order_id, step, **more)
    aminah.step(order_id, "end", cash_collected=True)
    farid.sees("You have arrived")
    page.get_by_role("radio", name="The ride: 5 of 5").check()
    page.get_by_role("radio", name="The driver: 4 of 5").check()
    farid.button("Send the rating").click()
    expect(page.get_by_text("The cooperative has your rating.")).to_be_visible()


def test_a_reload_goes_on_where_one_was(town: City, citizen: Window) -> None:
    mei_ling, aminah = citizen(), town.hire("rides", "Aminah", NEAR_SENTRAL)
    mei_ling.search()
    mei_ling.choose(KLANG)
    mei_ling.page.reload()
    mei_ling.sees(KLANG)
    mei_ling.introduce()
    mei_ling.button("Book for").click()
    mei_ling.sees("Driver found")
    code = mei_ling.page.locator(".code").inner_text()
    mei_ling.page.reload()
    mei_ling.sees("Driver found")
    expect(mei_ling.page.locator(".code")).to_have_text(code)
    aminah.step(aminah.job()["order_id"], "enroute")
    mei_ling.sees("Driver on the way")
    mei_ling.open("Cancel")
    mei_ling.button("Cancel for").click()
    mei_ling.sees("Cancelled")


def test_another_browser_sees_nothing_of_the_journey(town: City, citizen: Window) -> None:
    town.hire("rides", "Aminah", NEAR_SENTRAL)
    mei_ling, stranger = citizen(), citizen()
    mei_ling.book_ride(KLANG)
    journey = mei_ling.page.evaluate("JSON.parse(localStorage['wayfare.journey'])")
    stranger.page.reload()
    stranger.sees("Where to?")
    assert "Aminah" not in stranger.page.content()
    path = f"{town.page}api/journeys/{journey['journey_id']}"
    assert stranger.page.request.get(path).status in {401, 404}
    foreign = {"Authorization": "Bearer " + "x" * len(journey["secret"])}
    for status in (
        stranger.page.request.get(path, headers=foreign).status,
        stranger.page.request.get(f"{path}/events", headers=foreign).status,
        stranger.page.request.post(
            f"{path}/cancel", headers=foreign, data={"reason_id": "005", "fee_minor": 0}
        ).status,
    ):
        assert status == 404
    assert journey["secret"] not in mei_ling.page.url
    mei_ling.open("Cancel")
    mei_ling.button("Cancel booking").click()
    mei_ling.sees("Cancelled")
