"""The page holds for all: hostile words, the keyboard alone, a small screen, a screen reader."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.citizen import Citizen
from tests.browser.city import HOSTILE, HOSTILE_DRIVER, NEAR_MG_ROAD, NEAR_SENTRAL, City

pytestmark = [pytest.mark.slow, pytest.mark.processes]

Window = Callable[..., Citizen]
PAGE_BYTES_MAX = 100_000

UNNAMED = """() => [...document.querySelectorAll("input, select, button, summary, a, table")]
  .filter((node) => node.checkVisibility())
  .filter((node) => !((node.labels && node.labels.length && node.labels[0].innerText.trim())
    || node.getAttribute("aria-label") || node.innerText.trim() && !node.matches("select, table")
    || node.matches("table") && node.caption))
  .map((node) => node.outerHTML)"""
WIDER_THAN_THE_SCREEN = """() => [...document.querySelectorAll("body *")]
  .filter((node) => node.checkVisibility() && !node.closest(".visually-hidden, .skip"))
  .filter((node) => node.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
  .map((node) => node.outerHTML)"""
FOCUS = """() => {
  const node = document.activeElement;
  const shown = node.matches(".segments input") ? node.nextElementSibling : node;
  const style = getComputedStyle(shown);
  return { name: node.id || node.innerText || node.value, outline: style.outlineStyle === "none" ? 0
    : parseFloat(style.outlineWidth) };
}"""


def _is_sound(citizen: Citizen) -> None:
    """Everything shown has a name, fits the screen, and stands under one heading."""
    page = citizen.page
    assert page.evaluate(UNNAMED) == []
    assert page.evaluate(WIDER_THAN_THE_SCREEN) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    expect(page.locator("h1:visible")).to_have_count(1)


def test_markup_in_what_a_cooperative_writes_stays_text(town: City, citizen: Window) -> None:
    farid = citizen()
    town.hire("rides", "Aminah", NEAR_SENTRAL)
    town.hire("hostile", HOSTILE_DRIVER, NEAR_SENTRAL)
    farid.search()
    expect(farid.page.locator(".offer")).to_have_count(2)
    expect(farid.page.locator("#offers-count")).to_have_text("2 offers from 2 cooperatives")
    _is_sound(farid)
    farid.choose(HOSTILE)
    farid.introduce()
    form = farid.page.locator("#quote-form")
    form.get_by_label(HOSTILE).fill(HOSTILE)
    form.get_by_label("Age").fill("30")
    assert form.locator("img").count() == 0
    _is_sound(farid)
    farid.button("Send the answers").click()
    expect(form).to_be_hidden()
    farid.button("Book for").click()
    farid.sees("Driver found")
    live = farid.page.locator("#live")
    for words in (HOSTILE_DRIVER, '"><b> </dd>', "&amp;"):
        expect(live).to_contain_text(words)
    expect(farid.page.locator("#receipt")).to_contain_text(HOSTILE)
    assert farid.page.locator("main img, main script, main b").count() == 0
    _is_sound(farid)
    farid.open("Cancel")
    farid.button("Cancel booking").click()
    farid.sees("Cancelled")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_step_fits_360_pixels_and_every_control_has_a_name(
    town: City, citizen: Window, scheme: str
) -> None:
    arjun, ravi = citizen(color_scheme=scheme), town.hire("couriers", "Ravi", NEAR_MG_ROAD)
    expect(arjun.button("New search")).to_be_hidden()
    arjun.page.get_by_role("radio", name="Parcel").check()
    for end in ("Pick-up place", "Drop place"):
        arjun.page.get_by_label(end).select_option("Coordinates…")
    _is_sound(arjun)
    arjun.page.reload()
    arjun.search("Parcel")
    expect(arjun.page.get_by_text("1 offer from 1 cooperative")).to_be_visible()
    arjun.page.get_by_text("How this fare is made").click()
    expect(arjun.page.get_by_text("Each kilometre")).to_be_visible()
    _is_sound(arjun)
    arjun.choose("Namma Couriers' Cooperative")
    arjun.button("Continue").click()
    name = arjun.page.get_by_label("Name", exact=True)
    expect(name).to_be_focused()
    expect(name).to_have_accessible_description("Write a name.")
    _is_sound(arjun)
    arjun.introduce(**{"Receiver’s name": "Devi", "Receiver’s phone": "+919876543211"})
    _is_sound(arjun)
    arjun.page.get_by_label("Payment reference", exact=True).fill("PAID-0001")
    arjun.button("Book for").click()
    arjun.sees("Looking for a courier")
    ravi.step(ravi.offer()["order_id"], "accept")
    arjun.sees("Courier found")
    _is_sound(arjun)
    arjun.open("Cancel")
    _is_sound(arjun)
    arjun.button("Cancel for ₹10.00").click()
    arjun.sees("Cancelled")
    _is_sound(arjun)


def test_a_ride_is_booked_by_the_keyboard_alone_and_told_to_a_screen_reader(
    town: City, citizen: Window
) -> None:
    town.hire("rides", "Aminah", NEAR_SENTRAL)
    mei_ling = citizen()
    page, told = mei_ling.page, mei_ling.page.get_by_role("status")
    expect(mei_ling.button("See offers")).to_be_visible()
    _tab_to(page, "See offers")
    page.keyboard.press("Enter")
    mei_ling.sees("Offers")
    expect(told).to_have_text("1 offer so far")
    _tab_to(page, "Choose")
    page.keyboard.press("Enter")
    expect(page.get_by_role("table", name="What the price is made of")).to_be_visible()
    expect(told).to_contain_text("The price is RM ")
    for field, text in {"name": "Mei Ling", "phone": "+60123456789"}.items():
        _tab_to(page, field)
        page.keyboard.type(text)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Check and book")).to_be_focused()
    _tab_to(page, "book")
    page.keyboard.press("Enter")
    mei_ling.sees("Driver found")
    expect(told).to_have_text("Driver found")
    expect(told).to_have_attribute("aria-live", "polite")
    _tab_to(page, "cancel-open")
    page.keyboard.press("Enter")
    _tab_to(page, "cancel")
    page.keyboard.press("Enter")
    mei_ling.sees("Cancelled")
    expect(told).to_have_text("Cancelled")
    expect(page.get_by_role("heading", name="Cancelled")).to_be_focused()


def _tab_to(page: Page, name: str) -> None:
    """Tab until that control has the focus; on the way every focus can be seen."""
    for _ in range(20):
        page.keyboard.press("Tab")
        focus = page.evaluate(FOCUS)
        if focus["name"] == "":
            continue  # the end of the page: the browser's own controls are next
        assert focus["outline"] >= 2, focus
        if focus["name"] == name:
            return
    pytest.fail(f"{name} was never reached")


def test_the_whole_page_weighs_less_than_100_kilobytes(citizen: Window) -> None:
    page = citizen().page
    expect(page.get_by_role("button", name="See offers")).to_be_visible()
    weights = page.evaluate(
        "['navigation', 'resource'].flatMap((kind) => performance.getEntriesByType(kind))"
        ".map((entry) => entry.transferSize)"
    )
    assert len(weights) >= 5
    assert 0 < sum(weights) < PAGE_BYTES_MAX
