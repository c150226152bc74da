"""A whole day through real nodes in a browser: two newcomers are approved, a ride and a parcel are
brought to their end, a ride is cancelled, money goes back, the month is closed, fares change."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from bpp.insurance.scheme_file import load
from examples import pages
from examples.people import wait_until
from examples.play import NEAR_KL_SENTRAL, NEAR_MG_ROAD
from tests.browser.citizen import Citizen
from tests.browser.one_clock import Town, code_for, town
from tests.support.pictures import JPEG

pytestmark = [pytest.mark.slow, pytest.mark.processes, pytest.mark.timeout(600)]

SCHEME = "my.act872.gig"
KLANG = "Klang Valley Drivers' Cooperative"
NAMMA = "Namma Couriers' Cooperative"
FAMILY = {"viewport": {"width": 390, "height": 844}}
DESK = {"viewport": {"width": 1280, "height": 900}}
TREASURER, DISPATCHER = pages.OFFICE["rides"]
MOVED = """(was) => {
  const is = document.querySelector(".pin.vehicle")?.getBoundingClientRect();
  return is && Math.hypot(is.x - was.x, is.y - was.y) > 2;
}"""
CHANGES = {
    "registry": {'automatic = ["BAP", "BPP", "BG"]': 'automatic = ["BAP", "BG"]'},
    "rides": {
        'assignment = "at_confirm"': 'assignment = "in_turn"\ntakes_orders_without_driver = true',
        "radius_m = 15000": "radius_m = 15000, offer_s = 120",
    },
}
"""An operator decides on cooperatives; drivers are asked before a ride is theirs."""
Open = Callable[..., Citizen]


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with town(tmp_path_factory.mktemp("day"), CHANGES) as running:
        yield running


@pytest.fixture
def opened(there: Town, browser: Browser) -> Iterator[Open]:
    """Opens a window of somebody's own at a node; at the end none may have complained."""
    windows: list[Citizen] = []

    def open_one(node: str, path: str, **settings: Any) -> Citizen:
        windows.append(Citizen.at(there.plan.url(node), browser, path=path, **settings))
        return windows[-1]

    yield open_one
    complaints = [complaint for window in windows for complaint in window.complaints]
    for window in windows:
        window.page.context.close()
    assert complaints == []


def sign_in(there: Town, node: str, window: Citizen, phone: str) -> Page:
    """By the code that goes to this phone."""
    codes, page = there.codes(node), window.page
    codes.write_text("")
    page.locator("[name=phone]").fill(phone)
    page.locator("main form button").click()
    page.locator("[name=code]").fill(code_for(codes, phone))
    page.locator("main form button").click()
    expect(page.locator("[name=code]")).to_have_count(0)
    return page


def test_a_whole_day(there: Town, opened: Open) -> None:
    newcomers_are_approved(there, opened)
    there.clock.to_ten()
    there.hire()
    period = load(SCHEME).period_of(int(there.clock()))
    mei_ling = opened("bap", "/sign-in", **FAMILY)
    sign_in(there, "bap", mei_ling, pages.CITIZEN["phone"])
    mei_ling.page.goto(there.plan.url("bap") + "/")
    aminah = driver(there, opened, "rides", NEAR_KL_SENTRAL)
    fare = a_ride(mei_ling, aminah)
    mei_ling.page.goto(there.plan.url("bap") + "/")
    a_cancelled_ride(mei_ling, aminah)
    a_parcel(there, opened)
    desk = opened("rides", "/office/sign-in", **DESK)
    sign_in(there, "rides", desk, TREASURER["phone"])
    a_refund(there, desk.page, fare)
    dearer_fares(there, desk.page)
    there.clock.to_ten(days=40)
    aminah.goto(there.plan.url("rides") + "/drive/")
    the_month_is_closed(there, opened, period)
    the_next_offer_is_dearer(there, opened)


def newcomers_are_approved(there: Town, opened: Open) -> None:
    """Both cooperatives answered the challenge; the operator says yes to what was checked."""
    for name in ("gateway", "bap"):
        assert there.join(name).status == 0
    for name in ("rides", "couriers"):
        assert "Now the network's operator must say yes" in there.join(name).errors
    page = opened("registry", "/operator/", **DESK).page
    page.locator("#token").fill(there.operator_token("registry"))
    page.locator("main form button").click()
    for name in ("rides", "couriers"):
        page.goto(there.plan.url("registry") + "/operator/requests")
        page.get_by_role("link", name=re.compile(name)).first.click()
        expect(page.get_by_role("list", name="What was checked")).to_be_visible()
        page.get_by_role("link", name="Approve").click()
        page.get_by_label("Why").fill("licence seen")
        page.get_by_role("button", name="Approve").click()
        expect(page.get_by_text("Done. It stands in the log.")).to_be_visible()


def driver(there: Town, opened: Open, node: str, at: tuple[float, float]) -> Page:
    """A driver at work, on their own phone."""
    place = {"latitude": at[0], "longitude": at[1]}
    window = opened(node, "/drive/", geolocation=place, permissions=["geolocation"], **FAMILY)
    page = sign_in(there, node, window, pages.DRIVERS[node]["phone"])
    page.get_by_role("button", name="Go online and share my position").click()
    expect(page.get_by_role("heading", name="You are online")).to_be_visible()
    expect(page.locator(".sharing")).to_have_text("Your cooperative sees your position now.")
    return page


def a_ride(citizen: Citizen, driver: Page) -> str:
    """From the search to receipt and rating; what it cost."""
    citizen.search()
    citizen.choose(KLANG)
    citizen.introduce()
    citizen.button("Book for").click()
    citizen.sees("Booked, looking for a driver")
    expect(driver.locator(".offer")).to_contain_text("Left for you")  # before the yes, by itself
    driver.get_by_role("button", name="Accept").click()
    citizen.sees("Driver found")
    code = citizen.page.locator(".code").inner_text()
    driver.get_by_role("button", name="I am on my way").click()
    citizen.sees("Driver on the way")
    the_vehicle_moves(citizen.page, driver)
    driver.get_by_role("button", name="I am at the pick-up").click()
    citizen.sees("Driver is waiting for you")
    driver.get_by_label("Code of the customer").fill(code)
    driver.get_by_role("button", name="Start the ride").click()
    citizen.sees("On the road")
    driver.get_by_role("button", name="I have the cash, end the job").click()
    citizen.sees("You have arrived")
    expect(driver.get_by_role("heading", name="You are online")).to_be_visible()
    citizen.page.get_by_role("radio", name="The driver: 5 of 5").check()
    citizen.button("Send the rating").click()
    expect(citizen.page.get_by_text("The cooperative has your rating.")).to_be_visible()
    citizen.page.get_by_role("link", name="Receipt").click()
    total = citizen.page.get_by_role("row", name="Total").get_by_role("cell").inner_text()
    assert total.startswith("MYR")
    return total


def the_vehicle_moves(citizen: Page, driver: Page) -> None:
    """On the citizen's map, by itself, as soon as the driver's phone is elsewhere."""
    pin = citizen.locator(".pin.vehicle")
    expect(pin).to_be_visible()
    was = pin.bounding_box()
    driver.context.set_geolocation({"latitude": 3.1341, "longitude": 101.6866})
    citizen.wait_for_function(MOVED, arg=was)


def a_cancelled_ride(citizen: Citizen, driver: Page) -> None:
    """It costs what was shown before."""
    citizen.search()
    citizen.choose(KLANG)
    citizen.introduce()
    citizen.button("Book for").click()
    driver.get_by_role("button", name="Accept").click()
    driver.get_by_role("button", name="I am on my way").click()
    citizen.sees("Driver on the way")
    citizen.open("Cancel the ride")
    expect(citizen.page.get_by_text("Cancelling costs MYR2.00 now.")).to_be_visible()
    citizen.button("Cancel for MYR2.00").click()
    citizen.sees("Cancelled")
    left = citizen.page.get_by_role("table", name="What is left to pay")
    expect(left.get_by_role("row", name="Total")).to_contain_text("MYR2.00")
    expect(driver.get_by_role("heading", name="You are online")).to_be_visible()


def a_parcel(there: Town, opened: Open) -> None:
    """Handed over with its code and a photo at each end."""
    ravi, arjun = driver(there, opened, "couriers", NEAR_MG_ROAD), opened("bap", "/", **FAMILY)
    arjun.search("Parcel")
    arjun.choose(NAMMA)
    arjun.introduce(**{"Receiver's name": "Devi", "Receiver's phone": "+919876543211"})
    arjun.page.get_by_label("Payment reference", exact=True).fill("PAID-0007")
    arjun.button("Book for").click()
    arjun.sees("Looking for a courier")
    code = arjun.page.locator(".code").inner_text()
    ravi.get_by_role("button", name="Accept").click()
    arjun.sees("Courier found")
    ravi.get_by_role("button", name="I am at the sender").click()
    picture(ravi)
    ravi.get_by_label("Code of the customer").fill(code)
    ravi.get_by_role("button", name="I have the parcel").click()
    arjun.sees("Parcel picked up")
    expect(arjun.page.get_by_role("img", name="The parcel at the pick-up")).to_be_visible()
    ravi.get_by_role("button", name="On my way to the receiver").click()
    ravi.get_by_role("button", name="I am at the door").click()
    arjun.sees("At the door")
    picture(ravi)
    ravi.get_by_role("button", name="Handed over").click()
    arjun.sees("Delivered")
    expect(arjun.page.get_by_role("img", name="The parcel at the drop")).to_be_visible()


def picture(driver: Page) -> None:
    file = {"name": "IMG_1.JPG", "mimeType": "image/jpeg", "buffer": JPEG}
    driver.locator("input[name=picture]").set_input_files(file)  # type: ignore[arg-type]
    expect(driver.locator("#parcel-photo img.shot")).to_be_visible()


def a_refund(there: Town, page: Page, fare: str) -> None:
    """The treasurer gives back a part of the finished ride."""
    page.goto(there.plan.url("rides") + "/office/jobs?show=over")
    page.locator("main").get_by_role("link").filter(has_text="Ended").click()
    expect(page.locator("main")).to_contain_text(fare.removeprefix("MYR"))
    page.get_by_label("Amount").fill("1.00")
    page.get_by_role("radio", name="The cooperative").check()
    page.get_by_label("Number of the paper").fill("R-1")
    page.get_by_role("button", name="Pay back").click()
    page.get_by_role("button", name="Pay it back").click()
    expect(page.get_by_role("status")).to_contain_text("The refund is written down.")
    expect(page.locator("main")).to_contain_text("Paid back, R-1")


def dearer_fares(there: Town, page: Page) -> None:
    """They hold from tomorrow."""
    page.goto(there.plan.url("rides") + "/office/fares")
    page.get_by_label("Base fare").first.fill("23.00")
    tomorrow = there.clock.at() + timedelta(days=1)
    page.get_by_label("They hold from").fill(tomorrow.strftime("%Y-%m-%dT%H:%M"))
    page.get_by_role("button", name="See what they would do").click()
    page.get_by_role("button", name="Write these fares down").click()
    expect(page.get_by_role("status")).to_contain_text("These fares hold from then on.")


def the_month_is_closed(there: Town, opened: Open, period: str) -> None:
    """The treasurer reads what would be written, closes it, and takes the file."""
    page = opened("rides", "/office/sign-in", **DESK)
    desk = sign_in(there, "rides", page, TREASURER["phone"])
    desk.get_by_role("link", name="Insurance").click()
    desk.get_by_role("link", name=re.compile(re.escape(period))).first.click()
    expect(desk.get_by_role("table", name="Worker by worker")).to_contain_text("A1")
    desk.get_by_role("button", name="Close the period").click()
    desk.get_by_role("button", name="Close the period").click()
    expect(desk.get_by_role("status")).to_contain_text("The node goes on by itself.")
    written = there.desk("rides").at
    wait_until(lambda: written.get("/desk/insurance/remittances")["remittances"], "a remittance")
    remittance = f"/office/insurance/remittance?id={SCHEME}/{period}/1"
    desk.goto(there.plan.url("rides") + remittance)
    with desk.expect_download() as taken:
        desk.get_by_role("link", name="Worker by worker (CSV)").click()
    assert taken.value.path().read_text("utf-8").count("\n") >= 2


def the_next_offer_is_dearer(there: Town, opened: Open) -> None:
    """The fares that were written a month ago hold now."""
    farid = opened("bap", "/", **FAMILY)
    farid.search()
    offer = farid.page.locator(".offer")
    offer.get_by_text("How this fare is made").click()
    expect(offer).to_contain_text("23.00")
