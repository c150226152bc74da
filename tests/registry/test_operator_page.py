"""The operator's pages: opened with a token, forged by nobody, and showing only text."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from protocol_specs.node.settings import write_secret
from protocol_specs.web.settings import WebSettings
from registry.operating.health import EVERY_S, ROUND_S
from registry.settings import Policy
from tests.registry.participant import Desk, Participant, desk, participant, subscribed
from tests.registry.world import until
from tests.support.browsing import Browsing, Seen

WEB = {"web": WebSettings()}
FIELD = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)"')
LINK = re.compile(r'href="([^"]+)"')


class Operator(Browsing):
    """A browser at the operator's pages."""

    async def open(self, token: str) -> Seen:
        return await self.send_form("/operator/sign-in", "/operator/sign-in", {"token": token})

    async def decide(self, who: str, verb: str, reason: str = "", **about: Any) -> Seen:
        """By the form that stands on the page which asks back."""
        asked = "&".join(f"{k}={v}" for k, v in {"verb": verb, "id": who, **about}.items())
        page = f"/operator/decide?{asked}"
        return await self.send_form(page, "/operator/decide", {"reason": reason})


@asynccontextmanager
async def browser(desk: Desk, *, opened: bool = True) -> AsyncIterator[Operator]:
    window = Operator(desk.url)
    if opened:
        assert (await window.open(desk.token)).status == 303
    yield window


async def waiting(who: Participant) -> None:
    async def waits() -> bool:
        return await who.waits_for() == "approval"

    await until(waits)


def text_of(seen: Seen) -> str:
    """What a person reads, in one line."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", seen.text)).split())


async def test_without_the_token_no_page_shows_anything(tmp_path: Path) -> None:
    async with subscribed(tmp_path, **WEB) as who, browser(who.desk, opened=False) as window:
        for path in (
            *("/operator/", "/operator/log", "/operator/requests", "/operator/health"),
            *("/operator/policy", "/operator/subscribers"),
            f"/operator/subscribers/{who.subscriber_id}",
        ):
            seen = await window.get(path)
            assert (seen.status, seen.text) == (303, "")
            assert seen.headers["Location"].startswith("/operator/sign-in?next=")
        refused = await window.open("x" * 43)
        assert refused.status == 422
        assert "x" * 43 not in refused.text
        sent = {"verb": "suspend", "id": who.subscriber_id, "reason": "x"}
        form = (await window.get("/operator/sign-in")).hidden | sent
        assert (
            (await window.post("/operator/decide", form))
            .headers["Location"]
            .startswith("/operator/sign-in")
        )
        assert len(await who.records()) == 1


async def test_a_registry_without_web_serves_no_page_and_all_of_its_api(tmp_path: Path) -> None:
    async with subscribed(tmp_path) as who:
        for path in ("/operator", "/operator/", "/operator/sign-in", "/static/app.css"):
            assert (await who.desk.get(path)).status == 404
        assert (await who.desk.decide(who.subscriber_id, "suspend", reason="a drill")).status == 200


async def test_the_cookie_is_no_token_and_no_script_may_run_inline(tmp_path: Path) -> None:
    async with desk(tmp_path, **WEB) as d, browser(d, opened=False) as window:
        opened = await window.open(d.token)
        cookie = opened.headers["Set-Cookie"]
        for part in ("HttpOnly", "SameSite=Lax", "Max-Age=28800"):
            assert part in cookie
        assert d.token not in cookie
        seen = await window.get("/operator/")
        policy = seen.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'")
        assert "unsafe" not in policy
        assert seen.headers["Cache-Control"] == "no-store"
        for inline in ("<script>", "style=", "onclick"):
            assert inline not in seen.text


async def test_tokens_are_not_guessed_at_any_speed(tmp_path: Path) -> None:
    async with desk(tmp_path, **WEB) as d, browser(d, opened=False) as window:
        assert [(await window.open("x" * 43)).status for _ in range(6)] == [422] * 5 + [429]
        assert (await window.open(d.token)).status == 429
        d.clock.at += 5
        assert (await window.open(d.token)).status == 303


async def test_a_sign_in_ends_by_hand_after_eight_hours_and_with_its_token(tmp_path: Path) -> None:
    async with desk(tmp_path, **WEB) as d:
        async with browser(d) as window:
            assert (await window.get("/operator/")).status == 200
            form = (await window.get("/operator/decide?verb=suspend&id=a.example")).hidden
            assert (await window.post("/operator/sign-out", form)).status == 303
            assert (await window.get("/operator/")).status == 303
        async with browser(d) as window:
            d.clock.at += 8 * 3600
            assert (await window.get("/operator/")).status == 303
        async with browser(d) as window:
            assert (await window.get("/operator/")).status == 200
            token = d.settings.data_dir / "operator.token"
            token.unlink()
            assert (await window.get("/operator/")).status == 303
            write_secret(token, "another-token")
            assert (await window.get("/operator/")).status == 303


async def test_who_signed_in_with_their_own_token_stands_in_the_log(tmp_path: Path) -> None:
    async with subscribed(tmp_path, **WEB) as who, browser(who.desk, opened=False) as window:
        folder = who.desk.settings.data_dir / "operators"
        folder.mkdir()
        write_secret(folder / "asha.token", "the-token-of-asha")
        assert (await window.open("the-token-of-asha")).status == 303
        assert (await window.decide(who.subscriber_id, "suspend", "a drill")).status == 303
        assert (await who.desk.log())[-1]["who"] == "asha"


async def test_a_request_is_shown_with_each_check_and_approved_from_its_page(
    tmp_path: Path,
) -> None:
    async with desk(tmp_path, policy=Policy(), **WEB) as d, participant(d, "k1") as who:
        await who.apply("k1")
        await waiting(who)
        async with browser(d) as window:
            assert who.subscriber_id in text_of(await window.get("/operator/"))
            listed = await window.get("/operator/requests")
            page = next(link for link in LINK.findall(listed.text) if "/requests/" in link)
            shown = text_of(await window.get(page))
            for said in (
                "Every field, against the network's rules passed",
                "Signature passed with the key it brings",
                "Its address answers, and holds the key passed answered the challenge",
                "Admission open your word is needed: the operator approves every BPP",
            ):
                assert said in shown
            which = page.rpartition("/")[2]
            answer = await window.decide(
                who.subscriber_id, "approve", "licence seen", application=which
            )
            assert answer.status == 303
            assert len(await who.records()) == 1
            shown = text_of(await window.get(answer.headers["Location"]))
            for said in ("takes part", "licence seen", "k1 valid"):
                assert said in shown
            assert (await window.get(page)).status == 404


async def test_a_request_that_failed_its_challenge_says_which_check_failed_and_why(
    tmp_path: Path,
) -> None:
    policy = Policy(challenge_tries_max=1)
    async with desk(tmp_path, policy=policy, **WEB) as d, participant(d, "k1") as who:
        who.answer = lambda question: "nonsense"  # type: ignore[method-assign]
        await who.apply("k1")

        async def is_refused() -> bool:
            return await who.waits_for() == "refused"

        await until(is_refused)
        async with browser(d) as window:
            listed = await window.get("/operator/requests?state=refused")
            page = next(link for link in LINK.findall(listed.text) if "/requests/" in link)
            seen = await window.get(page)
            assert (
                f"Its address answers, and holds the key failed {who.url}/on_subscribe answered "
                "the challenge wrongly"
            ) in text_of(seen)
            assert "verb=approve" not in seen.text


async def test_every_decision_about_a_participant_is_made_from_the_pages(tmp_path: Path) -> None:
    async with subscribed(tmp_path, **WEB) as who, browser(who.desk) as window:
        me = who.subscriber_id
        asked = await window.decide(me, "suspend")
        assert asked.status == 422
        assert "Say why" in asked.text
        assert len(await who.records()) == 1
        assert (await window.decide(me, "suspend", "complaints")).status == 303
        assert await who.records() == []
        assert (await window.decide(me, "reinstate")).status == 303
        assert (await window.decide(me, "retire", "lost", key_id="k1")).status == 303
        assert (await window.decide(me, "remove", "fraud")).status == 303
        assert (await window.get(f"/operator/decide?verb=king&id={me}")).status == 404
        shown = text_of(await window.get("/operator/log"))
        for what in ("Joined", "Suspended", "Reinstated", "Key ended", "Removed"):
            assert what in shown
        assert [entry["who"] for entry in await who.desk.log()][1:] == ["operator"] * 4


async def test_a_decision_that_is_sent_twice_is_made_once(tmp_path: Path) -> None:
    async with subscribed(tmp_path, **WEB) as who, browser(who.desk) as window:
        page = await window.get(f"/operator/decide?verb=suspend&id={who.subscriber_id}")
        form = page.hidden | {"reason": "a drill"}
        first = await window.post("/operator/decide", form)
        assert (await who.desk.decide(who.subscriber_id, "reinstate")).status == 200
        again = await window.post("/operator/decide", form)
        assert (first.status, again.status) == (303, 303)
        assert again.headers["Location"] == first.headers["Location"]
        assert len(await who.records()) == 1


@pytest.mark.parametrize(
    ("forged", "headers"),
    [({"_csrf": ""}, {}), ({"_csrf": "x" * 43}, {}), ({}, {"Sec_Fetch_Site": "cross-site"})],
    ids=["no token", "another token", "another site"],
)
async def test_a_form_from_elsewhere_decides_nothing(
    tmp_path: Path, forged: dict[str, str], headers: dict[str, str]
) -> None:
    async with subscribed(tmp_path, **WEB) as who, browser(who.desk) as window:
        page = await window.get(f"/operator/decide?verb=suspend&id={who.subscriber_id}")
        form = page.hidden | {"reason": "x"}
        assert (await window.post("/operator/decide", form | forged, **headers)).status == 403
        assert len(await who.records()) == 1
        assert (await window.post("/operator/decide", form)).status == 303


async def test_a_reason_is_shown_as_text_whatever_it_holds(tmp_path: Path) -> None:
    hostile = "<script>alert(1)</script> \" onmouseover='x' \u202egnp.exe"
    async with subscribed(tmp_path, **WEB) as who, browser(who.desk) as window:
        await who.desk.decide(who.subscriber_id, "suspend", reason=hostile)
        for path in ("/operator/", "/operator/log", f"/operator/subscribers/{who.subscriber_id}"):
            text = (await window.get(path)).text
            assert "<script>" not in text
            assert "\u202e" not in text
            assert "&lt;script&gt;alert(1)&lt;/script&gt; &#34; onmouseover=&#39;x&#39;" in text


async def test_participants_are_found_by_the_beginning_of_their_id_and_by_state(
    tmp_path: Path,
) -> None:
    async with subscribed(tmp_path, **WEB) as who, browser(who.desk) as window:
        for asked, is_found in (
            ("", True),
            ("?q=TAXI.ex", True),
            ("?q=axi", False),
            ("?status=SUBSCRIBED", True),
            ("?q=taxi&status=SUSPENDED", False),
            (f"?after={who.subscriber_id}", False),
        ):
            seen = await window.get(f"/operator/subscribers{asked}")
            assert (f"/operator/subscribers/{who.subscriber_id}" in seen.text) is is_found, asked
        assert (await window.get("/operator/subscribers?status=KING")).status == 404
        assert (await window.get("/operator/subscribers/nobody.example.org")).status == 404


async def test_participants_are_challenged_again_and_who_is_silent_is_told(tmp_path: Path) -> None:
    async with subscribed(tmp_path, **WEB) as who, browser(who.desk) as window:
        who.desk.clock.at += ROUND_S  # the first round may have been over before it joined

        async def answers() -> bool:
            return "Answer 1" in text_of(await window.get("/operator/health"))

        await until(answers)
        asked = len(who.asked)
        assert asked > 1  # beside the challenge of joining
        who.answer = lambda question: "nonsense"  # type: ignore[method-assign]
        who.desk.clock.at += EVERY_S

        async def is_silent() -> bool:
            shown = text_of(await window.get("/operator/health"))
            return "Do not answer 1" in shown and "answered the challenge wrongly" in shown

        await until(is_silent)
        assert len(await who.records()) == 1  # nobody is taken out for being silent
        del who.answer  # type: ignore[method-assign]
        page = f"/operator/subscribers/{who.subscriber_id}"
        form = (await window.get(page)).hidden | {"subscriber_id": who.subscriber_id}
        assert (await window.post("/operator/probe", form)).status == 303
        assert await answers()


async def test_pages_speak_the_visitors_language(tmp_path: Path) -> None:
    async with desk(tmp_path, **WEB) as d, browser(d) as window:
        seen = await window.get("/operator/", Accept_Language="ms")
        assert '<html lang="ms">' in seen.text
        assert "Waiting for you" not in seen.text
