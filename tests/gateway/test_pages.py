"""The gateway's pages: the report and the figures for everybody, searches and trace for whoever
holds an operator's token."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from gateway import lately
from gateway import report as reporting
from gateway.figures import BYTES_MAX, EVERY_S
from gateway.recent import SEARCHES_MAX, Recent, Tally
from gateway.report_page import FRESH_S
from protocol_specs.node.settings import read_secret
from protocol_specs.node.workers import siblings
from protocol_specs.node.workers.workers import Share
from protocol_specs.web.settings import WebSettings
from tests.gateway.world import World, bpp, on_search, world
from tests.support.browsing import Browsing, Seen
from tests.support.peers import NOW, bap
from tests.support.queues import envelope_of

WEB = WebSettings()
FIGURES: dict[str, Any] = {
    "cooperative": "Klang Valley Drivers' Cooperative",
    "confirmed_jobs": 1230,
    "confirmed_jobs_30_days": 90,
    "schemes": [
        {
            "scheme": "my.act872.gig",
            "currency": "MYR",
            "workers": 42,
            "collected_minor": 100_00,
            "remitted_minor": 80_00,
            "acknowledged_minor": None,
        }
    ],
}


@asynccontextmanager
async def operator(w: World) -> AsyncIterator[Browsing]:
    """A browser in which the operator signed in."""
    window = Browsing(w.url)
    token = read_secret(w.node.settings.data_dir / "operator.token", key="data_dir")
    page = "/operator/sign-in"
    assert (await window.send_form(page, page, {"token": token})).status == 303
    yield window


def text_of(seen: Seen) -> str:
    """What a person reads, in one line."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", seen.text)).split())


async def until_shown(w: World, look: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The figures, once they are as is looked for."""
    async with asyncio.timeout(60):
        while True:
            shown = json.loads((await Browsing(w.url).get("/figures.json")).text)
            if look(shown):
                return dict(shown)
            await asyncio.sleep(0.02)


async def test_the_report_is_there_for_anybody_as_json_and_as_a_page_and_tells_of_no_consumer(
    tmp_path: Path,
) -> None:
    async with world(tmp_path, bpp("one.example.org"), web=WEB) as w:
        assert (await w.send(w.search())).is_ack
        await w.settled()
        told, page = [await Browsing(w.url).get(path) for path in ("/report", "/report.html")]
        shown = json.loads(told.text)
        (line,) = shown["hour"]["providers"]
        assert (line["subscriber_id"], line["offered"], line["acked"]) == ("one.example.org", 1, 1)
        assert line["ack_ms_median"] is not None
        assert shown["gateway"] == "bg.example.org"
        assert page.headers["Content-Type"].startswith("text/html")
        assert "one.example.org" in page.text
        for said in (page.text, told.text):
            assert w.consumer.peer.subscriber_id not in said
            assert "3.157900" not in said


async def test_without_web_the_report_is_there_as_json_and_no_page_is_served(
    tmp_path: Path,
) -> None:
    async with world(tmp_path) as w:
        browser = Browsing(w.url)
        assert (await browser.get("/report")).status == 200
        for path in ("/", "/report.html", "/figures", "/figures.json", "/operator/"):
            assert (await browser.get(path)).status == 404


async def test_however_often_it_is_asked_for_the_report_is_made_once_in_five_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world(tmp_path, bpp("one.example.org"), web=WEB) as w:
        made: list[None] = []
        figures = reporting.figures
        monkeypatch.setattr(reporting, "figures", lambda c: made.append(None) or figures(c))
        browser = Browsing(w.url)

        async def asked() -> int:
            for path in ("/report", "/report.html"):
                assert (await browser.get(path)).status == 200
            return len(made)

        assert (await w.send(w.search())).is_ack
        await w.settled()
        once = await asked()
        assert once > 0
        assert [await asked() for _ in range(5)] == [once] * 5
        w.clock.at += FRESH_S
        assert await asked() == 2 * once


async def test_the_report_is_shown_fifty_providers_at_a_time(tmp_path: Path) -> None:
    async with world(tmp_path, web=WEB) as w:
        for n in range(51):
            w.gateway.report.offered(f"p{n:03}.example.org", reporting.Outcome.ACKED)
        browser = Browsing(w.url)
        first, second = [await browser.get(f"/report.html?page={n}") for n in (0, 1)]
        assert ("p049" in first.text, "p050" in first.text) == (True, False)
        assert ("p049" in second.text, "p050" in second.text) == (False, True)
        found = await browser.get("/report.html?q=P050")
        assert ("p050" in found.text, "p049" in found.text) == (True, False)


async def test_figures_add_up_what_cooperatives_publish_and_keep_what_is_kept_back(
    tmp_path: Path,
) -> None:
    one, two, three = (bpp(f"{name}.example.org") for name in ("one", "two", "three"))
    few = {"cooperative": "A small one", "confirmed_jobs": None, "schemes": []}
    one.published, two.published = json.dumps(FIGURES).encode(), json.dumps(few).encode()
    async with world(tmp_path, one, two, three, web=WEB) as w:
        assert (await w.send(w.search())).is_ack
        shown = await until_shown(w, lambda shown: shown["cooperatives"]["publishing"] == 2)
        assert shown["searches"] == {"hour": 1, "day": 1}
        assert shown["cooperatives"] == {"known": 3, "publishing": 2}
        assert (shown["confirmed_jobs"], shown["confirmed_jobs_30_days"]) == (1230, 90)
        (line,) = shown["contributions"]
        assert (line["collected_minor"], line["acknowledged_minor"]) == (100_00, None)
        page = text_of(await Browsing(w.url).get("/figures"))
        for said in ("1,230", "Klang Valley Drivers' Cooperative", "A small one", "fewer than 10"):
            assert said in page
        one.published = None
        w.clock.at += EVERY_S
        shown = await until_shown(w, lambda shown: shown["cooperatives"]["publishing"] == 1)
        assert shown["confirmed_jobs"] is None


async def test_figures_are_shown_without_a_worker_that_does_not_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(siblings, "DEADLINE_S", 0.2)
    monkeypatch.setattr(lately, "EVERY_S", 0)
    one = bpp("one.example.org")
    one.published = json.dumps(FIGURES).encode()
    async with world(tmp_path, one, web=WEB) as w:
        assert (await w.send(w.search())).is_ack
        await until_shown(w, lambda shown: shown["cooperatives"]["publishing"] == 1)
        monkeypatch.setattr(w.node.siblings, "_share", Share(0, 2))  # the other one is away
        answer = await Browsing(w.url).get("/figures.json")
        assert answer.status == 200, answer.text
        assert json.loads(answer.text)["searches"]["day"] == 1


async def test_however_many_look_at_the_figures_the_workers_are_asked_once_in_a_second(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lately, "EVERY_S", 3_600)
    asked: list[str] = []
    async with world(tmp_path, web=WEB) as w:
        answer = w.node.siblings.answer
        monkeypatch.setattr(
            w.node.siblings, "answer", lambda name, said: asked.append(name) or answer(name, said)
        )

        async def look() -> None:
            for path in ("/figures.json", "/figures"):
                assert (await Browsing(w.url).get(path)).status == 200

        await asyncio.gather(*(look() for _ in range(5)))
        assert sorted(asked) == ["gateway figures", "gateway newest"]


async def test_what_is_asked_lately_is_asked_anew_once_it_is_old_and_a_failure_is_shared_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = 0

    async def ask() -> int:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0)
        if asked == 2:
            raise siblings.SiblingUnavailable("away")
        return asked

    shared = lately.Lately(ask)
    assert await asyncio.gather(*(shared() for _ in range(5))) == [1] * 5
    assert await shared() == 1
    monkeypatch.setattr(lately, "EVERY_S", 0)
    shared = lately.Lately(ask)
    failed = await asyncio.gather(*(shared() for _ in range(5)), return_exceptions=True)
    assert [type(each) for each in failed] == [siblings.SiblingUnavailable] * 5
    assert [await shared(), await shared()] == [3, 4]


@pytest.mark.parametrize(
    "published",
    [
        b"<html>",
        b"[]",
        json.dumps(FIGURES | {"confirmed_jobs": -1}).encode(),
        json.dumps(FIGURES | {"confirmed_jobs": 1.5}).encode(),
        json.dumps(FIGURES | {"confirmed_jobs": 2**60}).encode(),
        json.dumps(FIGURES | {"cooperative": "x" * 201}).encode(),
        json.dumps(FIGURES | {"schemes": [{"scheme": "x", "currency": "nonsense"}]}).encode(),
        json.dumps(FIGURES | {"padding": "x" * BYTES_MAX}).encode(),
    ],
    ids=["html", "list", "negative", "fraction", "huge", "long name", "currency", "large"],
)
async def test_what_is_no_figure_is_not_published_further(tmp_path: Path, published: bytes) -> None:
    good, bad = bpp("good.example.org"), bpp("bad.example.org")
    good.published, bad.published = json.dumps(FIGURES).encode(), published
    async with world(tmp_path, good, bad, web=WEB) as w:
        shown = await until_shown(w, lambda shown: shown["cooperatives"]["publishing"] > 0)
        assert [each["subscriber_id"] for each in shown["by_cooperative"]] == ["good.example.org"]
        assert shown["confirmed_jobs"] == 1230


@pytest.mark.parametrize("url", ["nowhere", "https://", "https://[::1", "https://one:99999/x"])
async def test_a_record_whose_url_is_none_costs_the_others_nothing(
    tmp_path: Path, url: str
) -> None:
    good, strange = bpp("good.example.org"), bpp("strange.example.org")
    good.published = json.dumps(FIGURES).encode()
    object.__setattr__(strange.peer, "url", url)
    async with world(tmp_path, good, strange, web=WEB) as w:
        shown = await until_shown(w, lambda shown: shown["cooperatives"]["publishing"] > 0)
        assert shown["cooperatives"] == {"known": 1, "publishing": 1}


async def test_a_hostile_name_of_a_cooperative_is_shown_as_text(tmp_path: Path) -> None:
    one = bpp("one.example.org")
    hostile = "<img src=x onerror=alert(1)>"
    one.published = json.dumps(FIGURES | {"cooperative": hostile}).encode()
    async with world(tmp_path, one, web=WEB) as w:
        await until_shown(w, lambda shown: shown["cooperatives"]["publishing"] == 1)
        page = await Browsing(w.url).get("/figures")
        assert "<img src=x" not in page.text
        assert "&lt;img src=x" in page.text


async def test_the_operator_sees_the_last_searches_and_how_far_each_got(tmp_path: Path) -> None:
    one = bpp("one.example.org")
    async with world(tmp_path, one, web=WEB) as w, operator(w) as window:
        asked = w.search()
        assert (await w.send(asked)).is_ack
        await w.settled()
        assert (await w.send(on_search(w, one, asked), one.peer)).is_ack
        await w.settled()
        for path in ("/operator/", "/operator/searches"):
            shown = await window.get(path)
            assert "1 provider asked, 1 took it, 1 answer relayed" in text_of(shown)
            assert asked["context"]["transaction_id"] in shown.text
            assert "3.157900" not in shown.text


async def test_nobody_without_the_token_sees_searches_or_asks_for_a_trace(tmp_path: Path) -> None:
    one = bpp("one.example.org")
    async with world(tmp_path, one, web=WEB) as w:
        asked = w.search()
        assert (await w.send(asked)).is_ack
        await w.settled()
        before = len(one.got)
        transaction_id = asked["context"]["transaction_id"]
        for path in ("/operator/", "/operator/searches", "/operator/trace?transaction_id="):
            seen = await Browsing(w.url).get(f"{path}{transaction_id if '=' in path else ''}")
            assert (seen.status, seen.text) == (303, "")
        assert len(one.got) == before


async def test_a_trace_shows_the_hops_of_the_nodes_that_answer_and_names_the_silent(
    tmp_path: Path,
) -> None:
    one, two = bpp("one.example.org"), bpp("two.example.org")
    async with world(tmp_path, one, two, web=WEB) as w, operator(w) as window:
        asked = w.search()
        assert (await w.send(asked)).is_ack
        await w.settled()
        hop = {"at": NOW + 1, "event": "handled", "action": "search", "peer": "bg.example.org"}
        one.traced = {"node": "one.example.org", "type": "BPP", "hops": [hop], "refusals": []}
        two.traced = {"hops": [{"at": "<b>never</b>"}], "refusals": []}
        transaction_id = asked["context"]["transaction_id"]
        seen = await window.get(f"/operator/trace?transaction_id={transaction_id}")
        shown = text_of(seen)
        assert "forwarded" in shown
        assert "worked on one.example.org bg.example.org" in shown
        assert re.search(r"bg\.example\.org \S+ m?s later", shown)
        assert "two.example.org its answer is no list of hops" in shown
        for hidden in ("3.157900", "<b>never"):
            assert hidden not in seen.text
        unknown = await window.get("/operator/trace?transaction_id=none")
        assert "No node knows it" in text_of(unknown)


async def test_traces_are_bounded_in_number(tmp_path: Path) -> None:
    async with world(tmp_path, web=WEB) as w, operator(w) as window:
        statuses = [
            (await window.get("/operator/trace?transaction_id=none")).status for _ in range(11)
        ]
        assert statuses == [200] * 10 + [429]


def test_searches_are_kept_in_bounded_memory() -> None:
    from gateway.sending import Outcome

    recent, context = Recent(), envelope_of(bap(), "search").context
    for n in range(SEARCHES_MAX + 5):
        recent.begun(("bap", f"t{n}", "m"), context, asked=1, now=n)
    kept = recent.newest(10_000)
    assert len(kept) == SEARCHES_MAX
    assert kept[0].transaction_id == f"t{SEARCHES_MAX + 4}"
    recent.ended(("bap", "t0", "m"), {Outcome.ACKED: 1})  # type: ignore[arg-type]
    assert not any(went.is_over for went in kept)


def test_searches_are_counted_by_the_hour_for_a_day() -> None:
    tally = Tally(now=NOW)
    for hour in range(30):
        tally.count(NOW + 3600 * hour)
    now = NOW + 3600 * 29
    assert (tally.of_hour(now), tally.of_day(now), tally.all) == (1, 24, 30)
    assert tally.of_day(now + 86_400) == 0
