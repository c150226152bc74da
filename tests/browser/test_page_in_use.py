"""The pages hold for all: hostile words, the keyboard alone, small screens, screen readers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Error, Page, expect

from tests.browser.accessible import rules_in, wrong_with
from tests.browser.citizen import Citizen
from tests.browser.city import HOSTILE, HOSTILE_DRIVER, NEAR_MG_ROAD, NEAR_SENTRAL, City

pytestmark = [pytest.mark.slow, pytest.mark.processes, pytest.mark.timeout(600)]

Window = Callable[..., Citizen]
PAGE_BYTES_MAX = 100_000
KLANG = "Klang Valley Drivers' Cooperative"
DESK = {"width": 1280, "height": 900}
LOOKS: list[dict[str, Any]] = [
    {"color_scheme": "light"},
    {"color_scheme": "dark", "viewport": DESK},
    {"color_scheme": "dark", "locale": "ml-IN"},
    {"color_scheme": "light", "locale": "ml-IN", "viewport": DESK},
]
FOCUS = """() => {
  const node = document.activeElement;
  const style = getComputedStyle(node);
  return { names: [node.id, node.innerText, node.value],
    outline: style.outlineStyle === "none" ? 0 : parseFloat(style.outlineWidth) };
}"""


def _is_sound(citizen: Citizen, scheme: str = "light") -> None:
    """No serious finding, nothing wider than the screen, one heading."""
    assert wrong_with(citizen.page, rules=rules_in(scheme)) == ([], 0), citizen.page.url
    expect(citizen.page.locator("h1:visible")).to_have_count(1)


def test_markup_in_what_a_cooperative_writes_stays_text(town: City, citizen: Window) -> None:
    farid = citizen()
    town.hire("rides", "Aminah", NEAR_SENTRAL)
    town.hire("hostile", HOSTILE_DRIVER, NEAR_SENTRAL)
    farid.search()
    expect(farid.page.locator(".offer")).to_have_count(2)
    expect(farid.page.locator("#count")).to_have_text("2 offers · 2 cooperatives")
    _is_sound(farid)
    _stays_as_it_was_at_news(farid.page)
    farid.choose(HOSTILE)
    farid.introduce()
    form = farid.page.locator("#questions")
    form.get_by_label(HOSTILE).fill(HOSTILE)
    form.get_by_label("Age").fill("30")
    expect(form.locator("img")).to_have_count(0)
    farid.button("Send the answers").click()
    expect(form).to_be_hidden()
    farid.button("Book for").click()
    farid.sees("Driver found")
    live = farid.page.locator("#live")
    for words in (HOSTILE_DRIVER, '"><b> </dd>', "&amp;"):
        expect(live).to_contain_text(words)
    expect(farid.page.locator("#price")).to_contain_text(HOSTILE)
    expect(farid.page.locator("main img, main script, main b")).to_have_count(0)
    _is_sound(farid)
    farid.leave()


def _stays_as_it_was_at_news(page: Page) -> None:
    """Other offers come: what was unfolded stays so, and the focus where it was."""
    fare, choose = page.locator(".offer details").first, page.get_by_role("button", name="Choose")
    fare.locator("summary").click()
    choose.last.focus()
    page.locator(".offer").first.evaluate("offer => { offer.dataset.old = '' }")
    page.locator("[data-stream]").dispatch_event("stream:changed")
    expect(page.locator(".offer[data-old]")).to_have_count(0)
    expect(fare).to_have_attribute("open", "")
    expect(choose.last).to_be_focused()


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: "-".join(map(str, look.values()))[:24])
def test_every_step_is_sound_on_phone_and_desk_light_and_dark_in_two_languages(
    town: City, citizen: Window, look: dict[str, Any]
) -> None:
    arjun, ravi = citizen(**look), town.hire("couriers", "Ravi", NEAR_MG_ROAD)
    page, scheme = arjun.page, look["color_scheme"]
    _is_sound(arjun, scheme)
    page.locator(".kinds a").nth(1).click()
    _is_sound(arjun, scheme)
    page.locator("#from").fill("MG Road")
    page.locator("#to").fill("Lalbagh")
    page.locator("form.card button.primary").click()
    page.locator(".offer summary").click()
    _is_sound(arjun, scheme)
    page.locator(".offer button").click()
    page.locator("#receiver_name").fill("Devi")
    _is_sound(arjun, scheme)
    for name, text in {"name": "Arjun", "phone": "+919876543210"}.items():
        page.locator(f"#{name}").fill(text)
    page.locator("#receiver_phone").fill("+919876543211")
    page.locator("form.card button.primary").click()
    page.locator("#reference").fill("PAID-0001")
    _is_sound(arjun, scheme)
    page.locator("#book button").click()
    page.locator(".code").wait_for()
    ravi.step(ravi.offer()["order_id"], "accept")
    page.locator(".driver").wait_for()
    for part in ("sos", "share", "cancel"):
        page.locator(f"a[href='#{part}']").click()
        _is_sound(arjun, scheme)
        page.keyboard.press("Escape")
    page.locator("#complaints summary").click()
    _is_sound(arjun, scheme)
    page.locator("a[href='#cancel']").click()
    page.locator("#cancel form button").first.click()
    expect(page.locator("a[href='#cancel']")).to_have_count(0)
    _is_sound(arjun, scheme)
    for path in ("trips", "sign-in"):
        page.goto(town.page + path)
        _is_sound(arjun, scheme)


def test_a_ride_is_booked_by_the_keyboard_alone(town: City, citizen: Window) -> None:
    town.hire("rides", "Aminah", NEAR_SENTRAL)
    mei_ling = citizen()
    page = mei_ling.page
    _tab_to(page, "from")
    page.keyboard.type("kl sen")
    expect(page.get_by_role("option").first).to_contain_text("KL Sentral")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    _tab_to(page, "to")
    page.keyboard.type("Petronas Twin Towers")
    page.keyboard.press("Escape")
    _tab_to(page, "See offers")
    page.keyboard.press("Enter")
    mei_ling.sees("Offers")
    expect(page.locator(".offer")).to_have_count(1)
    _tab_to(page, "Choose")
    page.keyboard.press("Enter")
    mei_ling.sees(KLANG)
    expect(page.get_by_role("table", name="What the price is made of")).to_be_visible()
    for field, text in {"name": "Mei Ling", "phone": "+60123456789"}.items():
        _tab_to(page, field)
        page.keyboard.type(text)
    page.keyboard.press("Enter")
    expect(mei_ling.button("Book for")).to_be_visible()
    _tab_to(page, mei_ling.button("Book for").inner_text())
    page.keyboard.press("Enter")
    mei_ling.sees("Driver found")
    _tab_to(page, "Cancel the ride")
    page.keyboard.press("Enter")
    _tab_to(page, "Cancel the booking")
    page.keyboard.press("Enter")
    mei_ling.sees("Cancelled")


def _tab_to(page: Page, name: str) -> None:
    """Tab until that control has the focus; on the way every focus can be seen."""
    for _ in range(90):  # more than once around: the page may bring itself up to date meanwhile
        page.wait_for_load_state("load")
        page.keyboard.press("Tab")
        try:
            focus = page.evaluate(FOCUS)
        except Error:  # it just did
            continue
        if name in focus["names"]:
            assert focus["outline"] >= 2, focus
            return
    pytest.fail(f"{name} was never reached")


def test_the_first_page_weighs_less_than_100_kilobytes(citizen: Window) -> None:
    page = citizen().page
    page.wait_for_load_state("networkidle")
    weights = page.evaluate(
        "['navigation', 'resource'].flatMap((kind) => performance.getEntriesByType(kind))"
        ".map((entry) => entry.transferSize)"
    )
    assert len(weights) >= 5
    assert 0 < sum(weights) < PAGE_BYTES_MAX
