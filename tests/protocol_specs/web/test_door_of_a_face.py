"""The front door of a face: forged, repeated and stale forms, planted cookies, guessed codes."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from sqlalchemy import text

from protocol_specs.node.settings import SettingsError
from protocol_specs.node.store import Session, Statement
from protocol_specs.web import sessions
from protocol_specs.web.settings import CodeSettings, WebSettings
from protocol_specs.web.site import Site
from tests.support.browsing import Browsing, Mailbox
from tests.support.gallery import MEI_LING, Gallery
from tests.support.nodes import listening_socket, running, url_of

NOW = 1_795_000_000
SESSIONS = Statement(text("SELECT * FROM web_session"))
CODES = Statement(text("SELECT * FROM web_sign_in_code"))


class Clock:
    now = float(NOW)

    def __call__(self) -> float:
        return self.now


class Town:
    """The gallery's node, running, with its clock."""

    def __init__(self, gallery: Gallery, url: str, clock: Clock, mailbox: Mailbox) -> None:
        self.gallery, self.url, self.clock, self.mailbox = gallery, url, clock, mailbox

    def browser(self) -> Browsing:
        return Browsing(self.url)

    async def mei_ling(self) -> Browsing:
        browser = self.browser()
        assert (await browser.sign_in(MEI_LING, self.mailbox)).status == 303
        return browser

    def rows(self, statement: Statement) -> list[dict[str, object]]:
        def read(session: Session) -> list[dict[str, object]]:
            return [dict(row) for row in session.all(statement)]

        return self.gallery.node.store.read(read)


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    sock, clock, mailbox = listening_socket(), Clock(), Mailbox()
    gallery = Gallery(tmp_path, sock, clock, mailbox)
    async with running(gallery.node, sock):
        yield Town(gallery, url_of(sock), clock, mailbox)


# Forged forms


@pytest.mark.parametrize("forged", [{"_csrf": ""}, {"_csrf": "0" * 64}])
async def test_a_form_without_the_browsers_token_is_refused(
    town: Town, forged: dict[str, str]
) -> None:
    browser = await town.mei_ling()
    answer = await browser.send_form("/name", "/name", {"name": "Mei", **forged})
    assert (answer.status, town.gallery.acted) == (403, 0)


async def test_the_token_of_another_browser_opens_nothing(town: Town) -> None:
    mine, other = await town.mei_ling(), town.browser()
    foreign = (await other.get("/sign-in")).hidden["_csrf"]
    answer = await mine.send_form("/name", "/name", {"name": "Mei", "_csrf": foreign})
    assert (answer.status, town.gallery.acted) == (403, 0)


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ],
)
async def test_a_form_from_a_page_of_others_is_refused_though_it_has_the_token(
    town: Town, headers: dict[str, str]
) -> None:
    browser = await town.mei_ling()
    whole = (await browser.get("/name")).hidden | {"name": "Mei"}
    answer = await browser.post("/name", whole, **headers)
    assert (answer.status, town.gallery.acted) == (403, 0)


async def test_a_form_of_another_site_signs_nobody_out(town: Town) -> None:
    browser = town.browser()  # a browser that has a cookie of ours does not send it along
    forged = {"Sec_Fetch_Site": "cross-site", "Origin": "https://evil.example"}
    answer = await browser.post("/name", {"name": "Mei"}, **forged)
    assert (answer.status, answer.headers.get("Set-Cookie")) == (403, None)
    linked = await browser.get("/sign-in")  # who only follows a link gets one
    assert "Set-Cookie" in linked.headers


async def test_our_own_origin_is_taken_from_browsers_without_fetch_metadata(town: Town) -> None:
    browser = await town.mei_ling()
    whole = (await browser.get("/name")).hidden | {"name": "Mei"}
    assert (await browser.post("/name", whole, Origin=town.url)).status == 303
    assert town.gallery.acted == 1


async def test_no_other_page_may_show_ours_in_a_frame_or_run_anything_in_it(town: Town) -> None:
    for path in ("/", "/sign-in", "/nothing", "/broken"):
        headers = (await town.browser().get(path)).headers
        policy = headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in policy
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"
        assert "geolocation=(self)" in headers["Permissions-Policy"]


async def test_pages_have_no_inline_script_or_style_and_escape_what_others_wrote(
    town: Town,
) -> None:
    page = (await town.browser().get("/")).text
    assert re.findall(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=", page) == []
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


# The same form twice


async def test_a_form_sent_twice_acts_once_and_leads_to_the_same_place(town: Town) -> None:
    browser = await town.mei_ling()
    whole = (await browser.get("/name")).hidden | {"name": "Mei"}
    first, second = await browser.post("/name", whole), await browser.post("/name", whole)
    assert first.status == second.status == 303
    assert first.headers["Location"] == second.headers["Location"] == "/name"
    assert town.gallery.acted == 1
    assert "Saved Mei" in (await browser.get("/name")).text
    assert "Saved Mei" not in (await browser.get("/name")).text


async def test_a_wrong_form_comes_back_as_it_was_typed_and_says_what_is_wrong(town: Town) -> None:
    answer = await town.browser().send_form("/sign-in", "/sign-in", {"phone": "012 345 6789"})
    assert answer.status == 422
    assert 'value="012 345 6789"' in answer.text
    assert 'aria-invalid="true"' in answer.text


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data; boundary=b", b"--b\r\nno header\r\n\r\nx\r\n--b--\r\n"),
        ("multipart/form-data; boundary=b", b"--b\r\nX: " + b"x" * 9_000 + b"\r\n\r\n--b--\r\n"),
        ("multipart/form-data", b"--b--\r\n"),
        ("application/x-www-form-urlencoded", b"phone=%00"),
        ("application/x-www-form-urlencoded", b"phone%00=1"),
    ],
)
async def test_what_is_no_form_is_a_page_that_says_so_and_no_fault_of_ours(
    town: Town, kind: str, body: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{town.url}/sign-in", data=body, headers={"Content-Type": kind}) as answer,
    ):
        assert (answer.status, "not complete" in await answer.text()) == (400, True)
    said = capsys.readouterr()
    assert '"fault"' not in said.out + said.err


# Sessions


async def test_a_planted_cookie_is_not_what_somebody_signs_in_with(town: Town) -> None:
    attacker = town.browser()
    await attacker.get("/sign-in")
    victim = Browsing(town.url, dict(attacker.cookies))
    assert (await victim.sign_in(MEI_LING, town.mailbox)).status == 303
    assert victim.cookies != attacker.cookies
    assert (await victim.get("/name")).status == 200
    assert (await attacker.get("/name")).status == 303


async def test_the_store_holds_hashes_of_tokens_and_codes_alone(town: Town) -> None:
    browser = town.browser()
    await browser.send_form("/sign-in", "/sign-in", {"phone": MEI_LING})
    code = await town.mailbox.code()
    assert code not in str(town.rows(CODES))
    browser = await town.mei_ling()
    (token,) = browser.cookies.values()
    (row,) = town.rows(SESSIONS)
    assert token not in str(row)
    assert row["who"] == MEI_LING


async def test_nobody_costs_no_row(town: Town) -> None:
    await town.browser().get("/")
    assert town.rows(SESSIONS) == []


@pytest.mark.parametrize("later_s", [sessions.IDLE_S, sessions.ABSOLUTE_S])
async def test_a_sign_in_ends_with_its_time(town: Town, later_s: int) -> None:
    browser = await town.mei_ling()
    assert (await browser.get("/name")).status == 200
    town.clock.now += later_s
    answer = await browser.get("/name")
    assert (answer.status, answer.headers["Location"]) == (303, "/sign-in?next=%2Fname")


async def test_a_sign_in_in_daily_use_ends_after_ninety_days_all_the_same(town: Town) -> None:
    browser = await town.mei_ling()
    for _ in range(8):
        town.clock.now += sessions.IDLE_S - 86_400
        last = await browser.get("/name")
    assert town.clock.now - NOW > sessions.ABSOLUTE_S
    assert last.status == 303


async def test_signing_out_ends_it_at_the_node_too(town: Town) -> None:
    browser = await town.mei_ling()
    before = dict(browser.cookies)
    token = (await browser.get("/name")).hidden["_csrf"]
    assert (await browser.post("/sign-out", {"_csrf": token})).status == 303
    assert town.rows(SESSIONS) == []
    assert (await Browsing(town.url, before).get("/name")).status == 303


async def test_somebody_who_is_gone_is_signed_out_at_once(town: Town) -> None:
    browser = await town.mei_ling()
    town.gallery.people.gone = True
    assert (await browser.get("/name")).status == 303


async def test_what_is_for_others_is_not_shown(town: Town) -> None:
    browser = await town.mei_ling()
    assert (await browser.get("/secret")).status == 403


async def test_what_was_typed_when_the_sign_in_had_ended_is_there_again_after_it(
    town: Town,
) -> None:
    browser = await town.mei_ling()
    whole = (await browser.get("/name")).hidden | {"name": "Mei Ling & sons"}
    town.clock.now += sessions.ABSOLUTE_S
    sent = await browser.post("/name", whole)
    assert (sent.status, town.gallery.acted) == (303, 0)
    asked = await browser.send_form(sent.headers["Location"], "/sign-in", {"phone": MEI_LING})
    code = await town.mailbox.code()
    answer = await browser.send_form(asked.headers["Location"], "/sign-in/code", {"code": code})
    again = await browser.get(answer.headers["Location"])
    assert 'value="Mei Ling &amp; sons"' in again.text


# Codes


async def test_five_wrong_codes_end_the_code(town: Town) -> None:
    browser = town.browser()
    asked = await browser.send_form("/sign-in", "/sign-in", {"phone": MEI_LING})
    code = await town.mailbox.code()
    wrong = f"{(int(code) + 1) % 1_000_000:06}"
    page = (await browser.get(asked.headers["Location"])).hidden
    for _ in range(5):
        assert (await browser.post("/sign-in/code", page | {"code": wrong})).status == 422
    assert (await browser.post("/sign-in/code", page | {"code": code})).status == 422
    assert town.rows(SESSIONS) == []


async def test_a_code_is_good_for_ten_minutes_and_once(town: Town) -> None:
    browser = town.browser()
    asked = await browser.send_form("/sign-in", "/sign-in", {"phone": MEI_LING})
    code = await town.mailbox.code()
    page = (await browser.get(asked.headers["Location"])).hidden
    town.clock.now += 600
    assert (await browser.post("/sign-in/code", page | {"code": code})).status == 422
    town.clock.now -= 1
    assert (await browser.post("/sign-in/code", page | {"code": code})).status == 303
    other = town.browser()
    page["_csrf"] = (await other.get("/sign-in")).hidden["_csrf"]
    assert (await other.post("/sign-in/code", page | {"code": code})).status == 422


async def test_whether_a_phone_is_known_cannot_be_told(town: Town) -> None:
    answers = []
    for phone in (MEI_LING, "+60999999999"):
        browser = town.browser()
        asked = await browser.send_form("/sign-in", "/sign-in", {"phone": phone})
        shown = await browser.get(asked.headers["Location"])
        tried = await browser.post("/sign-in/code", shown.hidden | {"code": "abcdef"})
        told = re.sub(r'value="[^"]*"|id=[\w-]+', "", shown.text + tried.text)
        answers.append((asked.status, shown.status, tried.status, told))
    assert answers[0] == answers[1]


async def test_codes_are_not_asked_for_without_end(town: Town) -> None:
    browser = town.browser()
    statuses = [
        (await browser.send_form("/sign-in", "/sign-in", {"phone": MEI_LING})).status
        for _ in range(4)
    ]
    assert statuses == [303, 303, 303, 429]
    for n in range(20):
        last = await browser.send_form("/sign-in", "/sign-in", {"phone": f"+6012000000{n:02}"})
    assert last.status == 429
    assert int(last.headers["Retry-After"]) > 0


def test_a_node_in_production_prints_no_codes(tmp_path: Path) -> None:
    with (
        listening_socket() as sock,
        pytest.raises(SettingsError, match=r"web\.codes\.by.* name it"),
    ):
        Gallery(tmp_path, sock, Clock(), network="production", url="https://pages.example")


def test_a_webhook_without_its_token_is_told_with_what_to_write_and_not_with_keygen(
    tmp_path: Path,
) -> None:
    url, token = "https://sms.example/send", tmp_path / "sms.token"
    codes = CodeSettings(by="webhook", url=url, token=token)
    with listening_socket() as sock:
        gallery = Gallery(tmp_path, sock, Clock())
        with pytest.raises(SettingsError, match=r"sms\.token .* does not exist\. Write the token"):
            Site(gallery.node, WebSettings(codes=codes), "tests.support.gallery")


@pytest.mark.parametrize("away", ["//evil.example", "https://evil.example", "/\\evil.example", ""])
async def test_a_sign_in_leads_to_no_other_site(town: Town, away: str) -> None:
    page = await town.browser().get(f"/sign-in?next={away}")
    assert page.hidden["next"] == "/"


# What goes wrong


async def test_a_fault_is_a_page_that_tells_nothing_of_the_house(town: Town) -> None:
    answer = await town.browser().get("/broken")
    assert answer.status == 500
    assert "our fault" in answer.text
    assert "secret" not in answer.text


async def test_a_page_that_is_not_there_is_told_in_a_page(town: Town) -> None:
    answer = await town.browser().get("/nowhere", Accept_Language="ms")
    assert answer.status == 404
    assert "Halaman ini tiada" in answer.text


# What browsers load


async def test_the_first_page_is_light_and_its_files_are_kept_for_a_year(town: Town) -> None:
    browser = town.browser()
    page = await browser.get("/")
    files = set(re.findall(r"/static/[\w.-]+", page.text))
    files = {name for name in files if not name.endswith((".png", ".geojson"))}
    total = len(page.text.encode())
    for name in files:
        answer = await browser.get(name, Accept_Encoding="gzip")
        assert answer.status == 200
        assert "immutable" in answer.headers["Cache-Control"]
        total += int(answer.headers["Content-Length"])
    assert len(files) >= 7
    assert total < 100_000


async def test_the_worker_keeps_the_shell_and_one_page_that_tells_of_nobody(town: Town) -> None:
    browser = await town.mei_ling()
    worker = await browser.get("/sw.js")
    assert worker.headers["Content-Type"].startswith("text/javascript")
    assert "cache.put" not in worker.text
    offline = await browser.get("/offline")
    assert "Mei Ling" not in offline.text
    assert "_csrf" not in offline.text
    manifest = await browser.get("/manifest.webmanifest")
    assert '"display": "standalone"' in manifest.text


async def test_places_are_found_as_they_are_typed(town: Town) -> None:
    answer = await town.browser().get("/places?q=sent&city=std:03")
    assert '"KL Sentral"' in answer.text
    assert (await town.browser().get("/places?q=%01%ff%2500")).status == 200


@pytest.mark.parametrize("address", ["/places?q=%00%ff", "/places?q%00=x", "/rides/%00"])
async def test_an_address_with_a_nul_is_none(town: Town, address: str) -> None:
    answer = await town.browser().get(address)
    assert (answer.status, "NUL" in answer.text) == (400, True)
