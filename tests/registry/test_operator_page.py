"""The operator's page: opened with a token, forged by nobody, and showing only text."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from registry import html
from registry.settings import Policy
from tests.registry.participant import Desk, Participant, desk, participant, subscribed
from tests.registry.test_registry import until
from tests.support.peers import post


class Browser:
    """Keeps the cookie, reads the forms' token, and does not follow."""

    def __init__(self, desk: Desk, session: aiohttp.ClientSession) -> None:
        self.desk, self.session, self.form_token = desk, session, ""

    async def get(self, path: str = "/operator") -> tuple[aiohttp.ClientResponse, str]:
        async with self.session.get(self.desk.url + path) as response:
            text = await response.text()
        found = re.search(r'name="form_token" value="([^"]+)"', text)
        self.form_token = found[1] if found else ""
        return response, text

    async def send(
        self, path: str, headers: dict[str, str] | None = None, **fields: Any
    ) -> tuple[aiohttp.ClientResponse, str]:
        fields = {"form_token": self.form_token} | fields
        async with self.session.post(
            self.desk.url + path, data=fields, headers=headers, allow_redirects=False
        ) as response:
            return response, await response.text()

    async def open(self, token: str) -> aiohttp.ClientResponse:
        return (await self.send("/operator/open", token=token))[0]


@asynccontextmanager
async def browser(desk: Desk, *, opened: bool = True) -> AsyncIterator[Browser]:
    jar = aiohttp.CookieJar(unsafe=True)  # an address has cookies too
    async with aiohttp.ClientSession(cookie_jar=jar) as session:
        window = Browser(desk, session)
        if opened:
            assert (await window.open(desk.token)).status == 303
            await window.get()
        yield window


async def waiting(who: Participant) -> None:
    async def waits() -> bool:
        return await who.waits_for() == "approval"

    await until(waits)


async def test_without_the_token_the_page_shows_nothing(tmp_path: Path) -> None:
    async with subscribed(tmp_path) as who, browser(who.desk, opened=False) as window:
        for path in ("/operator", "/operator/log", f"/operator/participant?id={who.subscriber_id}"):
            response, text = await window.get(path)
            assert response.status == 200
            assert who.subscriber_id not in text
            assert "Operator&#x27;s token" in text
        assert (await window.open("x" * 43)).status == 401
        response, _ = await window.send("/operator/decide", verb="suspend")
        assert response.status == 401
        assert len(await who.records()) == 1


@pytest.mark.parametrize("charset", ["nonesuch", "utf-8"])
async def test_a_form_in_no_known_charset_opens_nothing(tmp_path: Path, charset: str) -> None:
    kind = {"Content-Type": f"application/x-www-form-urlencoded; charset={charset}"}
    async with desk(tmp_path) as d:
        said = await post(f"{d.url}/operator/open", b"token=\xff", kind)
        assert said.status == 401


async def test_the_cookie_is_for_this_page_alone_and_no_script_may_run(tmp_path: Path) -> None:
    async with desk(tmp_path) as d, browser(d, opened=False) as window:
        response = await window.open(d.token)
        cookie = response.headers["Set-Cookie"]
        for part in ("HttpOnly", "SameSite=Strict", "Path=/operator", "Max-Age=28800"):
            assert part in cookie
        assert d.token not in cookie
        response, text = await window.get()
        policy = response.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'")
        assert "unsafe" not in policy
        assert response.headers["Cache-Control"] == "no-store"
        for inline in ("<script", "style=", "onclick"):
            assert inline not in text


async def test_tokens_are_not_guessed_at_any_speed(tmp_path: Path) -> None:
    async with desk(tmp_path) as d, browser(d, opened=False) as window:
        for _ in range(5):
            await window.open("x" * 43)
        assert (await window.open(d.token)).status == 401
        d.clock.at += 2
        assert (await window.open(d.token)).status == 303


async def test_the_page_closes_by_hand_after_eight_hours_and_with_its_token(
    tmp_path: Path,
) -> None:
    async with desk(tmp_path) as d:
        async with browser(d) as window:
            assert (await window.send("/operator/close"))[0].status == 303
            assert "signed in" not in (await window.get())[1]
        async with browser(d) as window:
            d.clock.at += 8 * 3600
            assert "signed in" not in (await window.get())[1]
        async with browser(d) as window:
            assert "signed in as operator" in (await window.get())[1]
            (d.settings.data_dir / "operator.token").unlink()
            assert "signed in" not in (await window.get())[1]


async def test_an_application_is_shown_with_what_was_checked_and_approved_from_the_page(
    tmp_path: Path,
) -> None:
    async with desk(tmp_path, policy=Policy()) as d, participant(d, "k1") as who:
        await who.apply("k1")
        await waiting(who)
        async with browser(d) as window:
            _, text = await window.get()
            for shown in (
                who.subscriber_id,
                "Signed with the key it brings",
                "Its url answered the challenge at",
                "Your word is needed: the operator approves every BPP",
            ):
                assert shown in text
            [row] = await who.records(status="UNDER_SUBSCRIPTION")
            response, _ = await window.send(
                "/operator/decide",
                verb="approve",
                subscriber_id=who.subscriber_id,
                application=row["application"],
                reason="licence seen",
            )
            assert response.status == 303
            assert len(await who.records()) == 1
            _, text = await window.get(response.headers["Location"])
            for shown in ("SUBSCRIBED", "licence seen", "k1 until"):
                assert shown in text


async def test_every_decision_about_a_participant_is_made_from_the_page(tmp_path: Path) -> None:
    async with subscribed(tmp_path) as who, browser(who.desk) as window:

        async def decide(verb: str, **fields: Any) -> int:
            fields |= {"verb": verb, "subscriber_id": who.subscriber_id}
            return (await window.send("/operator/decide", **fields))[0].status

        assert await decide("suspend") == 400  # a reason is needed
        assert len(await who.records()) == 1
        assert await decide("suspend", reason="complaints") == 303
        assert await who.records() == []
        assert await decide("reinstate") == 303
        assert await decide("retire", key_id="k1", reason="lost") == 303
        assert await decide("remove", reason="fraud") == 303
        assert await decide("king", reason="x") == 400
        _, text = await window.get("/operator/log")
        for what in ("subscribed", "suspended", "reinstated", "key retired", "removed"):
            assert f">{what}<" in text
        assert [entry["who"] for entry in await who.desk.log()][1:] == ["operator"] * 4


@pytest.mark.parametrize("forged", ["", "x" * 43])
async def test_a_form_from_elsewhere_decides_nothing(tmp_path: Path, forged: str) -> None:
    async with subscribed(tmp_path) as who, browser(who.desk) as window:
        fields = {"verb": "suspend", "subscriber_id": who.subscriber_id, "reason": "x"}
        response, _ = await window.send("/operator/decide", **fields, form_token=forged)
        assert response.status == 403
        site = {"Sec-Fetch-Site": "cross-site"}
        response, _ = await window.send("/operator/decide", site, **fields)
        assert response.status == 403
        assert len(await who.records()) == 1
        assert (await window.send("/operator/decide", **fields))[0].status == 303


async def test_a_reason_is_shown_as_text_whatever_it_holds(tmp_path: Path) -> None:
    hostile = "<script>alert(1)</script> \" onmouseover='x' \u202egnp.exe"
    async with subscribed(tmp_path) as who, browser(who.desk) as window:
        await who.desk.decide(who.subscriber_id, "suspend", reason=hostile)
        for path in ("/operator", "/operator/log"):
            _, text = await window.get(path)
            assert "<script>" not in text
            assert "\u202e" not in text
            assert "&lt;script&gt;alert(1)&lt;/script&gt; &quot; onmouseover=&#x27;x&#x27;" in text


def test_html_is_made_of_elements_and_everything_else_is_text() -> None:
    made = html.tag("p", "a < b", html.tag("b", "&"), None, [1, "<i>"], class_='x" y="z')
    assert made == '<p class="x&quot; y=&quot;z">a &lt; b<b>&amp;</b>1&lt;i&gt;</p>'
    assert html.tag("input", required=True, value=None, hidden=False) == "<input required>"
