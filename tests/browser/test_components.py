"""All components in a browser: on phone and desk, light and dark, in two languages, by keys."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.accessible import LOOKS, rules_in, wrong_with
from tests.browser.one_clock import code_for
from tests.support.gallery import MEI_LING

pytestmark = [pytest.mark.slow]
SIZES = {"phone": {"width": 360, "height": 740}, "desk": {"width": 1280, "height": 900}}


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A window of a phone; at the end it must not have complained."""
    context = browser.new_context(viewport=SIZES["phone"], locale="en-MY")
    complaints: list[str] = []
    made = context.new_page()
    made.on("console", lambda said: complaints.append(said.text))
    made.on("pageerror", lambda error: complaints.append(str(error)))
    yield made
    context.close()
    assert complaints == []


@pytest.mark.parametrize("path", ["/", "/sign-in", "/sign-in/code?id=none", "/offline"])
@pytest.mark.parametrize(("size", "scheme", "language"), LOOKS)
def test_pages_are_open_to_everybody(
    gallery: tuple[str, Path], browser: Browser, size: str, scheme: str, language: int, path: str
) -> None:
    locale = ("en-MY", "ml-IN")[language]
    context = browser.new_context(viewport=SIZES[size], color_scheme=scheme, locale=locale)
    shown = context.new_page()
    shown.goto(gallery[0] + path, wait_until="networkidle")
    assert wrong_with(shown, rules=rules_in(scheme)) == ([], 0)
    context.close()


def test_what_can_be_touched_is_large_enough_for_a_finger(
    gallery: tuple[str, Path], page: Page
) -> None:
    page.goto(gallery[0])
    small = page.evaluate(
        """() => [...document.querySelectorAll(
            "main a, main button, main input, main select, footer button, header a")]
        .filter((e) => e.offsetParent && !e.closest(".hidden, .map, .choices, .check, p"))
        .map((e) => [e.outerHTML.slice(0, 80), Math.min(e.offsetWidth, e.offsetHeight)])
        .filter(([, side]) => side < 44)"""
    )
    assert small == []


def test_a_place_is_found_and_taken_by_keys_alone(gallery: tuple[str, Path], page: Page) -> None:
    page.goto(gallery[0])
    box = page.get_by_role("combobox", name="To")
    box.focus()
    page.keyboard.type("petro")  # its fewer letters found more
    expect(page.locator("#to-list [role=option]")).to_have_text([re.compile("Petronas")])
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(box).to_have_value("Petronas Twin Towers")
    expect(page.locator("[name=to_at]")).to_have_value("3.15790,101.71160")
    expect(box).to_have_attribute("aria-expanded", "false")


def test_an_answer_that_comes_after_the_choice_changes_nothing(
    gallery: tuple[str, Path], page: Page
) -> None:
    page.goto(gallery[0])
    box, petronas = page.get_by_role("combobox", name="To"), re.compile("Petronas")
    box.focus()
    page.keyboard.type("petro")  # its fewer letters found more
    expect(page.locator("#to-list [role=option]")).to_have_text([petronas])
    with page.expect_response(re.compile("q=petron$")) as asked:
        held: list[Route] = []
        page.route(re.compile("q=petron$"), lambda route: held.append(route))
        with page.expect_request(re.compile("q=petron$")):
            page.keyboard.type("n")
        while not held:
            page.wait_for_timeout(20)
        page.keyboard.press("ArrowDown")
        held[0].continue_()
    asked.value.finished()
    expect(page.get_by_role("option", name=petronas)).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    expect(box).to_have_value("Petronas Twin Towers")


def test_a_map_is_drawn_without_the_internet(gallery: tuple[str, Path], page: Page) -> None:
    elsewhere: list[str] = []
    page.on(
        "request",
        lambda sent: None if sent.url.startswith(gallery[0]) else elsewhere.append(sent.url),
    )
    page.goto(gallery[0], wait_until="networkidle")
    expect(page.locator(".map path.main").nth(20)).to_be_attached()
    expect(page.locator(".map .pin")).to_have_count(3)
    assert [url for url in elsewhere if not url.startswith("data:")] == []


def test_a_dialog_opens_closes_and_gives_the_focus_back(
    gallery: tuple[str, Path], page: Page
) -> None:
    page.goto(gallery[0])
    opener = page.get_by_role("link", name="Cancel")
    opener.click()
    dialog = page.get_by_role("dialog", name="Cancel this ride?")
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(opener).to_be_focused()


def test_a_dialog_opened_before_the_scripts_came_is_theirs_and_closes(
    gallery: tuple[str, Path], page: Page
) -> None:
    late: list[Route] = []
    page.route(re.compile(r"/static/app\.\w+\.js$"), lambda route: late.append(route))
    page.goto(gallery[0], wait_until="commit")
    page.get_by_role("link", name="Cancel").click()
    dialog = page.get_by_role("dialog", name="Cancel this ride?")
    expect(dialog).to_be_visible()
    while not late:
        page.wait_for_timeout(20)
    late.pop().continue_()
    expect(dialog).to_have_attribute("open", "")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def test_pages_work_without_script(gallery: tuple[str, Path], browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False, viewport=SIZES["phone"])
    page = context.new_page()
    page.goto(gallery[0])
    page.get_by_role("button", name="Bahasa Melayu").click()
    expect(page.locator("html")).to_have_attribute("lang", "ms")
    page.get_by_role("link", name="Cancel").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    context.close()


def test_somebody_signs_in_by_phone_and_saves_a_form(gallery: tuple[str, Path], page: Page) -> None:
    url, file = gallery
    page.goto(f"{url}/name")
    page.get_by_label("Phone").fill(MEI_LING)
    page.get_by_role("button", name="Send me a code").click()
    expect(page.get_by_role("heading", name="Your code")).to_be_visible()
    page.get_by_label("Code of six digits").fill(code_for(file, MEI_LING))
    page.get_by_role("button", name="Sign in").click()
    page.get_by_label("Name").fill("Mei")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status").filter(has_text="Saved Mei")).to_be_visible()
    expect(page.get_by_role("navigation").get_by_role("link")).to_have_count(2)
    assert wrong_with(page) == ([], 0)


def test_without_network_a_page_says_so(gallery: tuple[str, Path], browser: Browser) -> None:
    context = browser.new_context(viewport=SIZES["phone"], locale="en-MY")
    page = context.new_page()
    page.goto(gallery[0])
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    page.reload()
    context.set_offline(True)
    page.goto(f"{gallery[0]}/name")
    expect(page.get_by_role("heading", name="No connection")).to_be_visible()
    kept = page.evaluate(
        """async () => (await Promise.all((await caches.keys()).map(async (name) =>
        (await (await caches.open(name)).keys()).map(({ url }) => new URL(url).pathname)
        ))).flat()"""
    )
    assert all(path.startswith("/static/") or path == "/offline" for path in kept)
    context.close()
