"""Attacks of a stranger and of a peer that does not play by the rules, at the real door: each has
one thing wrong, is refused, asks nobody for a key and leaves nothing behind."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import aiohttp
import pytest

from protocol_specs.wire import signing, strict_json
from tests.fuzz.test_corpus import CORPUS
from tests.protocol_specs.node.door.test_door import Provider, refused, serving
from tests.support import peers
from tests.support.peers import NOW, post, signed_post

WITHIN_S = 60
CPU_S_MAX = 0.005
LARGEST_CPU_S_MAX = 0.02  # a megabyte has to be read before it can be refused
TRIES = 5


@pytest.fixture
async def provider(tmp_path: Path) -> AsyncIterator[Provider]:
    async with serving(tmp_path) as there:
        yield there


HEADERS: dict[str, Callable[[str], str]] = {
    "HMAC by the public key": lambda line: line.replace('algorithm="ed25519"', 'algorithm="hmac"'),
    "no algorithm": lambda line: line.replace('algorithm="ed25519"', 'algorithm="none"'),
    "another in the key's name": lambda line: line.replace("|ed25519", "|hs2019"),
    "the body not signed": lambda line: line.replace(" digest", ""),
    "more signed than we check": lambda line: line.replace(" digest", " digest host"),
    "a parameter twice": lambda line: f'{line},algorithm="ed25519"',
    "an unknown parameter": lambda line: f'{line},opaque="x"',
    "a parameter in other letters": lambda line: line.replace("keyId", "keyid"),
    "an escape": lambda line: line.replace("|k1|", '|k\\"1|'),
    "no end": lambda line: line.replace("expires", "expired"),
    "another scheme": lambda line: line.replace("Signature ", "Bearer "),
    "too long": lambda line: line + " " * 2048,
}


async def test_a_header_with_one_thing_wrong_is_refused_and_no_key_is_looked_for(
    provider: Provider,
) -> None:
    body = strict_json.dumps(provider.confirm())
    good = provider.bap.authorization(body)
    for what, change in HEADERS.items():
        assert change(good) != good, what
        said = await post(f"{provider.url}/confirm", body, {"Authorization": change(good)})
        await refused(provider, said, 401, "30016")
        assert provider.directory.asked == [], what


@pytest.mark.parametrize("lives_s", [3601, -1])
async def test_a_signature_for_ever_or_of_no_time_is_refused(
    provider: Provider, lives_s: int
) -> None:
    body = strict_json.dumps(provider.confirm())
    line = signing.sign(
        body,
        key=provider.bap.key,
        key_id=signing.KeyId(provider.bap.subscriber_id, "k1"),
        created=NOW,
        expires=NOW + lives_s,
    )
    said = await post(f"{provider.url}/confirm", body, {"Authorization": line})
    await refused(provider, said, 401, "30016")
    assert provider.directory.asked == []


@pytest.mark.parametrize("digest", ["SHA-256=AAAA", "BLAKE-512=AAAA", "MD5=AAAA"])
async def test_an_http_digest_that_is_not_the_bodys_is_refused(
    provider: Provider, digest: str
) -> None:
    said = await signed_post(
        provider.url, provider.bap, provider.confirm(), headers={"Digest": digest}
    )
    await refused(provider, said, 401, "30016")


async def test_a_signature_that_outlives_its_key_is_refused(provider: Provider) -> None:
    ends = peers.bap("ends.example.org")
    provider.directory.held += ends.records(valid_until=NOW + 30)
    said = await signed_post(provider.url, ends, provider.confirm(ends))
    await refused(provider, said, 401, "30016")


async def test_a_sender_of_another_domain_is_refused(provider: Provider) -> None:
    shop = peers.bap("shop.example.org", domains=("nic2004:52110",))
    provider.directory.held += shop.records()
    said = await signed_post(provider.url, shop, provider.confirm(shop, domain=peers.RIDES))
    await refused(provider, said, 401, "30016")


PATHS = [
    "/confirm/", "//confirm", "/./confirm", "/x/../confirm", "/Confirm", "/confirm%00",
    "/confirm;a=b", "/%2fconfirm", "/confirm\\", "*", "http://127.0.0.1/confirm/x",
]  # fmt: skip


async def test_no_other_spelling_of_a_path_leads_to_the_door(provider: Provider) -> None:
    for path in map(str.encode, PATHS):
        status = await raw(provider, lambda head, path=path: head.replace(b"/confirm", path, 1))
        assert status in (400, 404, 405), path
        assert (provider.stored(), provider.handled) == (0, []), path


FRAMES: dict[str, tuple[bytes, bytes]] = {
    "a length and chunks": (b"Host: x", b"Host: x\r\nTransfer-Encoding: chunked"),
    "two lengths": (b"Host: x", b"Host: x\r\nContent-Length: 1"),
    "a length with a sign": (b"Content-Length: ", b"Content-Length: +"),
    "two hosts": (b"Host: x", b"Host: x\r\nHost: y"),
    "no host": (b"Host: x\r\n", b""),
    "chunks of another coding": (b"Host: x", b"Host: x\r\nTransfer-Encoding: xchunked"),
    "a name with a blank behind it": (b"Host: x", b"Host: x\r\nContent-Length : 4"),
    "a folded line": (b"Host: x", b"Host: x\r\nX: a\r\n b"),
    "a bare line feed": (b"Host: x\r\n", b"Host: x\n"),
    "another method said to be meant": (b"POST ", b"GET "),
    "an unknown method": (b"POST ", b"POKE "),
}


async def test_a_request_that_two_readers_would_frame_otherwise_is_received_by_nobody(
    provider: Provider,
) -> None:
    override = b"Host: x\r\nX-HTTP-Method-Override: POST"
    for what, (good, bad) in FRAMES.items():

        def change(head: bytes, good: bytes = good, bad: bytes = bad) -> bytes:
            assert good in head
            return head.replace(good, bad, 1).replace(b"Host: x", override, 1)

        assert await raw(provider, change) in (400, 405, 501, 505), what
        assert (provider.stored(), provider.handled) == (0, []), what
    assert await raw(provider, lambda head: head) == 200, "the one that those were made of"
    assert provider.stored() == 1


async def test_no_page_of_another_site_may_read_an_answer(provider: Provider) -> None:
    body = strict_json.dumps(provider.confirm())
    headers = {"Origin": "https://elsewhere.example"}
    said = await signed_post(provider.url, provider.bap, body, headers=headers)
    asked = {**headers, "Access-Control-Request-Method": "POST"}
    async with (
        aiohttp.ClientSession() as session,
        session.options(f"{provider.url}/confirm", headers=asked) as preflight,
    ):
        assert preflight.status == 405
        for answer in (said.headers, preflight.headers):
            assert not [name for name in answer if name.startswith("Access-Control")]


async def test_what_strangers_send_costs_little_and_nothing_is_looked_up_or_stored(
    provider: Provider,
) -> None:
    """The corpus of the fuzzers, and the largest body there may be."""
    good = strict_json.dumps(provider.confirm())
    lines = [path.read_bytes().split(b"\n")[0] for path in sorted((CORPUS / "header").iterdir())]
    bodies = [path.read_bytes() for path in sorted((CORPUS / "strict").iterdir())]
    requests = [_request(good, line) for line in lines]
    requests += [_request(body, b"Signature none") for body in bodies]
    costs = [min([await _cost_s(provider, request) for _ in range(TRIES)]) for request in requests]
    assert max(costs) <= CPU_S_MAX, f"{max(costs) * 1000:.1f} ms"
    largest = _request(b" " * 1_000_000, b"Signature none")
    assert min([await _cost_s(provider, largest) for _ in range(TRIES)]) <= LARGEST_CPU_S_MAX
    assert (provider.stored(), provider.directory.asked) == (0, [])


def _request(body: bytes, line: bytes) -> bytes:
    head = f"POST /confirm HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n".encode()
    return head + b"Authorization: " + line + b"\r\n\r\n" + body


async def _cost_s(provider: Provider, request: bytes) -> float:
    """The processor time of the node's thread; whoever asks has one of its own."""
    began = time.thread_time()
    status = await asyncio.to_thread(_asked, provider.node.port, request)
    assert status in (400, 401), request[:200]
    return time.thread_time() - began


def _asked(port: int, request: bytes) -> int:
    with socket.create_connection(("127.0.0.1", port), WITHIN_S) as sock:
        sock.sendall(request)
        return int(sock.recv(65_536).split()[1])


async def raw(provider: Provider, change: Callable[[bytes], bytes]) -> int:
    """The status of a good request whose head was changed so."""
    body = strict_json.dumps(provider.confirm())
    head, _, _ = _request(body, provider.bap.authorization(body).encode()).partition(b"\r\n\r\n")
    return await _said(provider, change(head) + b"\r\n\r\n" + body)


async def _said(provider: Provider, request: bytes) -> int:
    """The status of what answers these bytes, on a connection of their own."""
    reader, writer = await asyncio.open_connection("127.0.0.1", provider.node.port)
    writer.write(request)
    try:
        return await _status(reader)
    finally:
        writer.close()


async def _status(reader: asyncio.StreamReader) -> int:
    """Reads one answer whole."""
    async with asyncio.timeout(WITHIN_S):
        head = await reader.readuntil(b"\r\n\r\n")
        length = head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]
        await reader.readexactly(int(length or 0))
    return int(head.split()[1])
