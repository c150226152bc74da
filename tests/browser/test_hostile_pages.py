"""What other pages may try with a browser in which somebody is signed in: in Chromium itself."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from tests.browser.one_clock import code_for
from tests.support.gallery import MEI_LING

pytestmark = [pytest.mark.slow]
ELSEWHERE = ("http://evil.example", "http://127.0.0.1:9")  # another site; a port of our own host
FORM = """<!doctype html><title>Win a prize</title>
<form method="post" action="{url}/name">{fields}</form>
<script>document.forms[0].submit()</script>"""
FRAME = """<!doctype html><title>Win a prize</title><iframe src="{url}/sign-in"></iframe>"""
REFUSED = "chrome-error://chromewebdata/"
Open = Callable[[], BrowserContext]


@contextmanager
def served(html: str) -> Iterator[str]:
    """A page at a port of its own: one that a route invents is no neighbour of ours to Chromium,
    which then shows nothing of ours in it whatever our own headers say."""

    class Prize(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(html.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Prize)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def opened(browser: Browser) -> Iterator[Open]:
    """Opens a browser profile of its own."""
    profiles: list[BrowserContext] = []

    def open_one() -> BrowserContext:
        profiles.append(browser.new_context(locale="en-MY"))
        return profiles[-1]

    yield open_one
    for profile in profiles:
        profile.close()


def asked_for_code(gallery: tuple[str, Path], profile: BrowserContext) -> tuple[Page, str]:
    """The page that asks for the code, and the code."""
    url, file = gallery
    page = profile.new_page()
    file.unlink(missing_ok=True)
    page.goto(f"{url}/name")
    page.get_by_label("Phone").fill(MEI_LING)
    page.get_by_role("button", name="Send me a code").click()
    expect(page.get_by_role("heading", name="Your code")).to_be_visible()
    return page, code_for(file, MEI_LING)


def signed_in(gallery: tuple[str, Path], profile: BrowserContext) -> Page:
    page, code = asked_for_code(gallery, profile)
    page.get_by_label("Code of six digits").fill(code)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_label("Name")).to_be_visible()
    return page


def seat(cookies: Sequence[Mapping[str, Any]]) -> str:
    """The value of the face's own cookie."""
    return next(str(each["value"]) for each in cookies if each["name"].startswith("wf_gallery"))


def show_at(profile: BrowserContext, address: str, html: str) -> None:
    """That address answers with this page, in this profile."""

    def answer(route: Route) -> None:
        route.fulfill(body=html, content_type="text/html")

    profile.route(f"{address}/**", answer)


def test_a_form_that_another_page_sends_does_nothing_though_it_knows_the_token(
    gallery: tuple[str, Path], opened: Open
) -> None:
    profile = opened()
    page = signed_in(gallery, profile)
    for where in ELSEWHERE:
        hidden = page.locator("main form input[type=hidden]").evaluate_all(
            "all => all.map(field => [field.name, field.value])"
        )
        fields = "".join(
            f'<input name="{escape(name)}" value="{escape(value)}">'
            for name, value in [*hidden, ["name", "Evil"]]
        )
        show_at(profile, where, FORM.format(url=gallery[0], fields=fields))
        with page.expect_response(f"{gallery[0]}/name") as answer:
            page.goto(f"{where}/prize")
        assert (answer.value.request.method, answer.value.status) == ("POST", 403)
        page.goto(f"{gallery[0]}/name")  # still signed in, and nothing was saved
        expect(page.locator("#acted")).to_have_text("0")
        expect(page.get_by_text("Saved Evil")).to_have_count(0)


def test_our_page_is_not_shown_in_a_frame_of_another(
    gallery: tuple[str, Path], opened: Open
) -> None:
    page = opened().new_page()
    with served(FRAME.format(url=gallery[0])) as prize:
        with page.expect_event("framenavigated", lambda frame: frame.url == REFUSED):
            page.goto(prize)
        frame = page.frame_locator("iframe")
        expect(frame.get_by_label("Phone")).to_have_count(0)


def test_a_cookie_planted_before_the_sign_in_is_worth_nothing_after_it(
    gallery: tuple[str, Path], opened: Open
) -> None:
    thief, victim = opened(), opened()
    bait = thief.new_page()
    bait.goto(f"{gallery[0]}/sign-in")
    planted = thief.cookies()
    victim.add_cookies(planted)  # type: ignore[arg-type]
    signed_in(gallery, victim)
    assert seat(planted) != seat(victim.cookies())
    bait.goto(f"{gallery[0]}/name")
    expect(bait.get_by_label("Phone")).to_be_visible()


def test_after_five_wrong_codes_the_right_one_opens_nothing(
    gallery: tuple[str, Path], opened: Open
) -> None:
    page, code = asked_for_code(gallery, opened())
    wrong = f"{(int(code) + 1) % 10**6:06}"
    for told in ("4 tries left", "3 tries left", "2 tries left", "1 try left", "used up"):
        page.get_by_label("Code of six digits").fill(wrong)
        page.get_by_role("button", name="Sign in").click()
        expect(page.locator(".fault")).to_contain_text(told)
    page.get_by_label("Code of six digits").fill(code)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("used up or too old")).to_be_visible()
    page.goto(f"{gallery[0]}/name")
    expect(page.get_by_label("Phone")).to_be_visible()
