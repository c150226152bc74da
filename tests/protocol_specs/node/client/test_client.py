"""The way out: signed bytes, bounded answers, and which failures may be tried again."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from protocol_specs.node.client.client import Client, Undelivered
from protocol_specs.wire import claims
from protocol_specs.wire.parties import Receiver, SubscriberType
from tests.support import peers
from tests.support.nodes import listening_socket, url_of
from tests.support.peers import NOW

BODY = '{"context": {"city": "Köln"},  "message":{}}'.encode()
ACK = b'{"message":{"ack":{"status":"ACK"}}}'
Answer = Callable[[web.Request, bytes], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def talking(answer: Answer, timeout_s: float = 5) -> AsyncIterator[tuple[Client, str]]:
    """A client, and the url of a server that gives `answer`."""

    async def handle(request: web.Request) -> web.StreamResponse:
        return await answer(request, await request.read())

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    sock = listening_socket()
    await web.SockSite(runner, sock).start()
    own = peers.bap()
    client = Client(
        key=own.key,
        key_id=own.key_id,
        network="development",
        now=lambda: NOW,
        timeout=aiohttp.ClientTimeout(total=timeout_s),
    )
    await client.open()
    try:
        yield client, url_of(sock)
    finally:
        await client.close()
        await runner.cleanup()


def answering(status: int, body: bytes = b"", **headers: str) -> Answer:
    async def answer(request: web.Request, received: bytes) -> web.Response:
        return web.Response(status=status, body=body, headers=headers)

    return answer


async def test_the_very_bytes_are_sent_and_their_signature_verifies() -> None:
    seen: list[tuple[str, bytes, claims.Claim]] = []
    us = Receiver("bpp.example.org", SubscriberType.BPP, "https://bpp.example.org", frozenset())

    async def answer(request: web.Request, received: bytes) -> web.Response:
        seen.append(
            (request.path, received, claims.claim(request.headers, received, NOW, receiver=us))
        )
        assert request.headers["Content-Type"] == "application/json"
        return web.Response(body=ACK)

    async with talking(answer) as (client, url):
        said = await client.send(url=f"{url}/beckn/", action="confirm", body=BODY, ttl_s=30)
    assert said.acked
    ((path, received, claim),) = seen
    assert (path, received) == ("/beckn/confirm", BODY)
    assert (claim.sender.created, claim.sender.expires) == (NOW, NOW + 60)


@pytest.mark.parametrize("status", [400, 401, 404])
async def test_a_nack_is_an_answer_and_ends_the_matter(status: int) -> None:
    nack = b'{"message":{"ack":{"status":"NACK"}},"error":{"code":"30000","message":"no"}}'
    async with talking(answering(status, nack)) as (client, url):
        said = await client.send(url=url, action="confirm", body=BODY)
    assert (said.acked, said.code) == (False, "30000")


@pytest.mark.parametrize("status", [429, 500, 502, 503])
async def test_a_server_in_trouble_may_be_tried_again(status: int) -> None:
    answer = answering(status, b"x", **{"Retry-After": "7"})
    async with talking(answer) as (client, url):
        with pytest.raises(Undelivered) as caught:
            await client.send(url=url, action="confirm", body=BODY)
    assert (caught.value.transient, caught.value.status) == (True, status)
    assert caught.value.retry_after_s == 7


async def test_a_call_that_reaches_nobody_says_so_in_words() -> None:
    with listening_socket() as closed:
        nobody = url_of(closed)
    async with talking(answering(200, ACK)) as (client, _):
        with pytest.raises(Undelivered, match=r"gave no answer \(no connection\)$"):
            await client.fetch(nobody, etag=None, write=[].append, bytes_max=10)


async def test_redirects_are_not_followed() -> None:
    asked: list[str] = []

    async def answer(request: web.Request, received: bytes) -> web.Response:
        asked.append(request.path)
        raise web.HTTPTemporaryRedirect("/elsewhere")

    async with talking(answer) as (client, url):
        with pytest.raises(Undelivered, match="redirects") as caught:
            await client.send(url=url, action="confirm", body=BODY)
    assert not caught.value.transient
    assert asked == ["/confirm"]


async def test_an_endless_answer_is_cut_off() -> None:
    sent = 0

    async def answer(request: web.Request, received: bytes) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse()
        await response.prepare(request)
        while sent < 50_000_000:
            await response.write(b" " * 65_536)
            sent += 65_536
        return response

    async with talking(answer) as (client, url):
        with pytest.raises(Undelivered):
            await client.send(url=url, action="confirm", body=BODY)
    assert sent < 50_000_000


async def test_a_peer_that_says_nothing_is_left_within_the_time_limit() -> None:
    async def answer(request: web.Request, received: bytes) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b" ")
            await asyncio.sleep(0.05)

    async with talking(answer, timeout_s=0.3) as (client, url):
        with pytest.raises(Undelivered) as caught:
            await client.send(url=url, action="confirm", body=BODY)
    assert caught.value.transient


async def test_nobody_at_home_may_be_tried_again() -> None:
    sock = listening_socket()
    url = url_of(sock)
    sock.close()
    async with talking(answering(200)) as (client, _):
        with pytest.raises(Undelivered) as caught:
            await client.send(url=url, action="confirm", body=BODY)
    assert caught.value.transient


@pytest.mark.parametrize("url", ["http://10.0.0.1", "file:///etc/passwd", "https://u:p@x.org"])
async def test_a_forbidden_url_is_not_called_and_not_tried_again(url: str) -> None:
    async with talking(answering(200)) as (client, _):
        with pytest.raises(Undelivered, match="is not called") as caught:
            await client.send(url=url, action="confirm", body=BODY)
    assert not caught.value.transient


async def test_a_call_that_is_refused_tells_why() -> None:
    nack = b'{"message":{"ack":{"status":"NACK"}},"error":{"code":"30000","message":"no city"}}'
    async with talking(answering(400, nack)) as (client, url):
        with pytest.raises(Undelivered, match="no city"):
            await client.call(url, "/subscribe", b"{}")


async def test_forward_sends_the_given_headers_and_no_signature_of_ours() -> None:
    seen: list[list[str]] = []

    async def answer(request: web.Request, received: bytes) -> web.Response:
        seen.append(request.headers.getall("Authorization"))
        return web.Response(body=ACK)

    async with talking(answer) as (client, url):
        headers = {"Authorization": "the sender's"}
        assert (await client.forward(url=url, action="search", body=BODY, headers=headers)).acked
    assert seen == [["the sender's"]]
