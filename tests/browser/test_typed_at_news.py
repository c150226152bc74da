"""What somebody typed when the page comes anew, or a part of it: theirs, and nobody else's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

pytestmark = [pytest.mark.slow]

KL_SENTRAL = "3.13400,101.68650"
ELSEWHERE = "1.00000,2.00000"
TOLD = """() => document.dispatchEvent(new CustomEvent("htmx:beforeOnLoad", {
  cancelable: true, detail: { xhr: { getResponseHeader: () => "true" } } }))"""  # it comes later
REPLACED = """(added) => {
  const main = document.querySelector("main");
  const tell = (name) => main.dispatchEvent(
    new CustomEvent(`htmx:${name}`, { bubbles: true, detail: { target: main, elt: main } }));
  tell("beforeSwap");
  document.querySelector("form.card").reset();
  main.insertAdjacentHTML("beforeend", added);
  tell("afterSwap");
}"""


@pytest.fixture
def page(gallery: tuple[str, Path], browser: Browser) -> Iterator[Page]:
    """The gallery, whose news is that the page is old."""
    context = browser.new_context(locale="en-MY", service_workers="block")
    made = context.new_page()
    made.route("**/part", lambda route: route.fulfill(status=204, headers={"HX-Refresh": "true"}))
    made.goto(gallery[0], wait_until="networkidle")
    yield made
    context.close()


def _news(page: Page) -> None:
    page.evaluate("() => { htmx.ajax('GET', '/part', 'main') }")


def _in_new_page(page: Page) -> None:
    with page.expect_navigation(wait_until="networkidle"):
        _news(page)


def test_another_place_typed_over_the_first_does_not_keep_where_that_was(page: Page) -> None:
    box, at = page.get_by_role("combobox", name="From"), page.locator("[name=from_at]")
    expect(at).to_have_value(KL_SENTRAL)
    box.fill("Batu Caves")
    expect(at).to_have_value("")
    _in_new_page(page)
    expect(box).to_have_value("Batu Caves")
    expect(at).to_have_value("")


def test_where_a_place_is_that_nobody_changed_is_as_the_new_page_says(page: Page) -> None:
    page.locator("[name=from_at]").evaluate("(field, at) => { field.value = at }", ELSEWHERE)
    _in_new_page(page)
    expect(page.locator("[name=from_at]")).to_have_value(KL_SENTRAL)


def test_what_is_hidden_in_another_form_stays_the_servers(page: Page) -> None:
    box = page.get_by_role("combobox", name="To")
    box.fill("petro")  # at once: of its fewer letters another is first
    page.locator("#to-list [role=option]").filter(has_text="Petronas").click()
    chosen = page.locator(".place [name=to_at]").input_value()
    assert chosen
    action = page.locator("form.card").get_attribute("action")
    other = f'<input type="hidden" name="to_at" value="{ELSEWHERE}">'
    page.evaluate(REPLACED, f'<form id="other" action="{action}">{other}</form>')
    expect(box).to_have_value("Petronas Twin Towers")
    expect(page.locator(".place [name=to_at]")).to_have_value(chosen)
    expect(page.locator("#other input")).to_have_value(ELSEWHERE)


def test_on_a_slow_network_what_is_typed_until_the_new_page_is_there_is_kept(page: Page) -> None:
    page.get_by_label("Note").fill("At the gate")
    page.evaluate(TOLD)
    page.get_by_label("Note").fill("At the gate, not the lobby")
    page.reload(wait_until="networkidle")
    expect(page.get_by_label("Note")).to_have_value("At the gate, not the lobby")


def test_what_is_sent_before_the_new_page_is_there_is_not_typed_again(page: Page) -> None:
    back = {"Location": page.url}
    page.route("**/search", lambda route: route.fulfill(status=303, headers=back))
    page.get_by_label("Note").fill("At the gate")
    page.get_by_role("combobox", name="To").fill("Batu Caves")
    page.evaluate(TOLD)
    with page.expect_navigation(wait_until="networkidle"):
        page.get_by_role("button", name="See offers").click()
    expect(page.get_by_label("Note")).to_have_value("")


def test_a_dialog_that_was_opened_while_the_new_page_was_on_its_way_is_open_on_it(
    gallery: tuple[str, Path], page: Page
) -> None:
    page.evaluate(TOLD)
    page.locator("a[data-opens]").first.click()
    name = page.locator("dialog[open]").get_attribute("id")
    page.goto(gallery[0], wait_until="networkidle")  # as it was asked for: before it was opened
    expect(page.locator(f"dialog#{name}[open]")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("dialog[open]")).to_have_count(0)
    page.reload(wait_until="networkidle")
    expect(page.locator("dialog[open]")).to_have_count(0)
