"""A citizens' node with two workers: whichever of them a request comes to, it is the same node."""

import asyncio
import json
import os
import re
import signal
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from protocol_specs.wire.order import Place, Tracking
from protocol_specs.wire.parties import callback_of
from protocol_specs.wire.version import core_1_1 as version
from tests.bap.network import FEES, cancelled, message_of, ordered, quoted
from tests.bap.pages import SEARCH, WHO, form_of
from tests.bap.workers import DEADLINE_S, Served, serving, until
from tests.support.browsing import Browsing, Seen
from tests.support.peers import NOW
from tests.support.streams import next_lines

pytestmark = pytest.mark.timeout(500)
GAP_S = 0.5
"""Between two journeys: workers that begin need the processor too."""
LOOK_S = 0.05
COUNTED = {"offer": "count(*)", "journey_event": "n"}
Reply = Callable[[dict[str, Any]], dict[str, Any]]
Sending = Coroutine[Any, Any, Seen]


@asynccontextmanager
async def stream(
    net: Served, browser: Browsing, path: str, slot: int
) -> AsyncIterator[aiohttp.ClientResponse]:
    """The events of a page that is open at that worker."""
    headers = {"Cookie": browser.cookie}
    async with (
        net.at(slot) as session,
        session.get(f"{net.url}{path}/events", headers=headers) as response,
    ):
        assert response.status == 200
        yield response


async def heard(response: aiohttp.ClientResponse, kind: str) -> dict[str, Any]:
    """The document of the next event of that kind."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            lines = await next_lines(response)
            told = dict(line.split(": ", 1) for line in lines if line)
            if told.get("event") == kind:
                document: dict[str, Any] = json.loads(told["data"])
                return document


async def searched(net: Served, browser: Browsing) -> tuple[str, dict[str, Any]]:
    """The path of a journey, and the search that came of it."""
    before = len(net.gateway.of("search"))
    begun = await browser.send_form("/", "/search", SEARCH)
    assert begun.status == 303, begun.text
    path: str = begun.headers["Location"]
    return path, await net.gateway.asked("search", before + 1)


async def answered(net: Served, action: str, slot: int, sending: Sending, reply: Reply) -> Seen:
    """What a form comes to whose request is answered at that worker."""
    before = len(net.coop.of(action))
    task = asyncio.ensure_future(sending)
    request = await net.coop.asked(action, before + 1)
    await net.say(slot, callback_of(action), request, reply(request))
    seen = await task
    assert seen.status == 303, seen.text
    return seen


async def shown(browser: Browsing, path: str, text: str) -> str:
    """The page, once it says that."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            page = (await browser.get(path)).text
            if text in page:
                return page
            await asyncio.sleep(LOOK_S)


async def ready(net: Served, browser: Browsing) -> str:
    """The path of a journey that is only to be booked, its answers at either worker in turn."""
    path, search = await searched(net, browser)
    with net.only(1):
        assert (await net.coop.offers(search, 1250)).is_ack
    page = await shown(browser, path, "RM12.50")
    sent = browser.post(f"{path}/choose", form_of(page, f"{path}/choose"))
    await answered(net, "select", 0, sent, lambda asked: message_of(quoted(asked), "on_select"))
    page = (await browser.get(path)).text
    sent = browser.post(f"{path}/who", form_of(page, f"{path}/who") | WHO)
    reply = lambda asked: message_of(quoted(asked, cancellation_terms=FEES), "on_init")  # noqa: E731
    await answered(net, "init", 1, sent, reply)
    return path


async def booked(net: Served, browser: Browsing, path: str) -> str:
    """The page of the order, from the one with the terms."""
    page = (await browser.get(path)).text
    sent = browser.post(f"{path}/book", form_of(page, f"{path}/book"))
    reply = lambda asked: message_of(ordered(asked, "RIDE_ASSIGNED"), "on_confirm")  # noqa: E731
    await answered(net, "confirm", 1, sent, reply)
    return await shown(browser, path, "WXY 1234")


async def test_a_journey_goes_on_at_whichever_worker_its_requests_and_answers_come_to(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path) as net:
        browser = net.browser()
        path, search = await searched(net, browser)
        for there in (0, 1):
            async with stream(net, browser, path, there) as page:
                with net.only(1 - there):
                    said = await net.coop.offers(search, 1250 + there)
                assert said.is_ack
                await heard(page, "changed")
        await crowded(net, search)
        path = await ready(net, browser)
        order = await booked(net, browser, path)
        await live(net, browser, path)
        await sharing(net, browser, path, order)
        await complaining(net, browser, path)
        await too_many_codes(browser)
        page_now = (await browser.get(path)).text
        sent = browser.post(f"{path}/cancel", form_of(page_now, f"{path}/cancel") | {"reason": "5"})
        confirm = net.coop.of("confirm")[0]
        reply = message_of(cancelled(confirm, 300), "on_cancel")
        await answered(net, "cancel", 0, sent, lambda _: reply)
        for _ in range(2):
            assert "<h1>Cancelled</h1>" in (await browser.get(path)).text
            assert (await browser.get(f"{path}/receipt")).status == 200
        assert len(net.coop.of("confirm")) == len(net.coop.of("cancel")) == 1


async def crowded(net: Served, search: dict[str, Any]) -> None:
    """Answers that come at once are all there, and each has one effect at whichever worker."""
    transaction_id = search["context"]["transaction_id"]

    def there(table: str) -> list[int]:
        return net.numbers(
            f"SELECT {COUNTED[table]} FROM {table} JOIN journey ON id = journey_id "  # noqa: S608
            "WHERE transaction_id = $1 ORDER BY 1",
            transaction_id,
        )

    for _ in range(2):
        said = await asyncio.gather(
            *(net.coop.offers(search, 1300, item_id=f"item {n}") for n in range(7))
        )
        assert all(each.is_ack for each in said), [each.body for each in said]
        await until(lambda: there("offer") == [8])
    with net.only(0):
        assert (await net.coop.offers(search, 1250)).is_ack  # the other worker heard that before
    assert (await net.coop.offers(search, 1, item_id="the tenth answer and the last")).is_ack
    await until(lambda: there("offer") == [9])
    assert there("journey_event") == list(range(1, 11))
    assert (await net.coop.offers(search, 1, item_id="one too many")).status == 429


async def live(net: Served, browser: Browsing, path: str) -> None:
    """The vehicle moves at one worker, and the pages of both know where it is."""
    tracking = Tracking("active", Place(3.13, 101.69), NOW, f"{net.coop.peer.url}/live/token")
    track = await net.coop.asked("track")
    async with stream(net, browser, path, 0) as page:
        await net.say(1, "on_track", track, version.write_on_track(tracking))
        far = set()
        for lat in (3.14, 3.20):
            position = json.dumps({"lat": lat, "lon": 101.7, "at": NOW})
            net.coop.streamed.put_nowait(f"id: 1\nevent: position\ndata: {position}\n\n".encode())
            while (await heard(page, "position"))["lat"] != lat:
                pass
            far.add(await at_both(net, browser, f"{path}/part?key=far"))
            await asyncio.sleep(1.1)  # a place is told to the other worker once a second
    assert len(far) == 2
    net.coop.streamed.put_nowait(None)


async def at_both(net: Served, browser: Browsing, path: str) -> str:
    """What both workers show, once it is the same."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            one, two = (await browser.get(path)).text, (await browser.get(path)).text
            if one == two:
                return one
            await asyncio.sleep(LOOK_S)


async def sharing(net: Served, browser: Browsing, path: str, order: str) -> None:
    """The link shows the vehicle at both workers, and nothing at both once it is taken back."""
    await browser.post(f"{path}/share", form_of(order, f"{path}/share"))
    page = (await browser.get(path)).text
    link = re.search(r"/shared/[\w-]{32}", page)
    assert link
    friend = net.browser()
    for _ in range(2):
        assert "WXY 1234" in (await friend.get(link.group())).text
    await browser.post(f"{path}/unshare", form_of(page, f"{path}/unshare"))
    assert [(await friend.get(link.group())).status for _ in range(2)] == [404, 404]


async def complaining(net: Served, browser: Browsing, path: str) -> None:
    """What a citizen complains of at one worker is answered at the other."""
    page = (await browser.get(path)).text
    fields = form_of(page, f"{path}/complain") | {"about": "price", "text": "Two fares"}
    assert [(await browser.post(f"{path}/complain", fields)).status for _ in range(2)] == [303] * 2
    ours, token = net.browser(), (net.folder / "data" / "desk.token").read_text().strip()
    await ours.send_form("/staff/sign-in", "/staff/sign-in", {"token": token})
    one = "/staff/complaints/1"
    for _ in range(2):
        assert (await ours.get("/staff/")).text.count("/staff/complaints/") == 1
    fields = form_of((await ours.get(one)).text, one) | {"answer": "The fare is given back."}
    assert (await ours.post(one, fields)).status == 303
    for _ in range(2):
        assert "The fare is given back." in (await browser.get(path)).text


async def too_many_codes(browser: Browsing) -> None:
    """Three codes to one phone, however many workers send them."""
    fields = (await browser.get("/sign-in")).hidden | {"phone": "+60123456789"}
    asked = [(await browser.post("/sign-in", fields)).status for _ in range(5)]
    assert asked == [303, 303, 303, 429, 429]


async def test_a_worker_killed_before_the_answer_loses_and_doubles_nothing(tmp_path: Path) -> None:
    async with serving(tmp_path) as net:
        browser = net.browser()
        path = await ready(net, browser)
        [holder] = net.numbers("SELECT id % 2 FROM conversation WHERE peer_id = 'coop.example.org'")
        before = net.pids()
        page = (await browser.get(path)).text
        booking = form_of(page, f"{path}/book")
        with_survivor = Browsing(net.url, browser.cookies, lambda: net.at(1 - holder))
        sending = asyncio.ensure_future(with_survivor.post(f"{path}/book", booking))
        confirm = await net.coop.asked("confirm")
        os.kill(before[holder], signal.SIGKILL)
        told = message_of(ordered(confirm, "RIDE_ASSIGNED"), "on_confirm")
        for _ in range(3):
            assert (await net.coop.say("on_confirm", confirm, told)).is_ack
        assert (await sending).status == 303
        await net.replaced((holder,), before)
        assert "WXY 1234" in await shown(browser, path, "WXY 1234")
        assert (await browser.post(f"{path}/book", booking)).status == 303
        assert len({one["context"]["message_id"] for one in net.coop.of("confirm")}) == 1
        assert net.numbers("SELECT count(*) FROM journey_event WHERE kind = 'order'") == [1]
        assert net.numbers("SELECT count(*) FROM received WHERE action = 'on_confirm'") == [1]
        assert net.numbers("SELECT count(*) FROM received WHERE state <> 'handled'") == [0]


async def test_replacing_the_workers_refuses_no_citizen_and_no_provider(tmp_path: Path) -> None:
    async with serving(tmp_path) as net:
        browser, before = Browsing(net.url), net.pids()
        path, _ = await searched(net, browser)
        async with stream(net, browser, path, 0) as one, stream(net, browser, path, 1) as two:
            net.process.send_signal(signal.SIGHUP)
            replacing = asyncio.create_task(net.replaced((0, 1), before))
            while not replacing.done():
                await priced(net, browser)
                await asyncio.wait([replacing], timeout=GAP_S)
            for page in (one, two):  # told, and not torn
                await heard(page, "ended")
                assert await page.content.read() == b""
        await replacing


async def priced(net: Served, browser: Browsing) -> None:
    """A journey up to the price, on new connections, its page open all the time."""
    path, search = await searched(net, browser)
    following = asyncio.ensure_future(followed(net, browser, path))
    assert (await net.coop.offers(search, 1250)).is_ack
    await following
    page = (await browser.get(path)).text
    before = len(net.coop.of("select"))
    sending = asyncio.ensure_future(browser.post(f"{path}/choose", form_of(page, f"{path}/choose")))
    select = await net.coop.asked("select", before + 1)
    told = message_of(quoted(select), "on_select")
    assert (await net.coop.say("on_select", select, told)).is_ack
    assert (await sending).status == 303
    await shown(browser, path, "who")


async def followed(net: Served, browser: Browsing, path: str) -> None:
    """Until the page is told that there is something new; it connects again as browsers do."""
    while True:
        async with (
            aiohttp.ClientSession(headers={"Cookie": browser.cookie}) as session,
            session.get(f"{net.url}{path}/events") as page,
        ):
            try:
                await heard(page, "changed")
                return
            except asyncio.IncompleteReadError:
                continue
