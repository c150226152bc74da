"""The lean way out: what it sends, which answers it takes, what it costs to be answered badly."""

import asyncio
import datetime
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from protocol_specs.node.client import pool as pool_module
from protocol_specs.node.client import urls
from protocol_specs.node.client.http1 import Exchange, Fault
from protocol_specs.node.client.pool import Pool, tail
from protocol_specs.node.client.urls import UrlRefused
from tests.support import http_peers
from tests.support.http_peers import ACK, ACK_BODY, Behaviour, Conversation, HttpPeer, serving

BODY = b'{"context": {},  "message": {}}'
REST = tail({"Authorization": "the sender's"}, BODY)


class Asked(Exchange):
    """An exchange that can be waited for."""

    __slots__ = ("done", "ends", "lates")

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.done = asyncio.Event()
        self.ends = self.lates = 0

    def late(self) -> None:
        self.lates += 1

    def ended(self) -> None:
        self.ends += 1
        self.done.set()


@asynccontextmanager
async def pooled(**more: Any) -> AsyncIterator[Pool]:
    pool = Pool("development", **more)
    try:
        yield pool
    finally:
        await pool.close()


def begin(
    pool: Pool, url: str, *, rest: bytes = REST, lasts_s: float = 5, late_s: float = 5
) -> Asked:
    asked = Asked(pool.target(url, "search"), rest, lasts_s=lasts_s, late_s=late_s)
    pool.post(asked)
    return asked


async def ended(asked: Asked) -> Asked:
    async with asyncio.timeout(60):
        await asked.done.wait()
    assert asked.ends == 1
    return asked


async def until(condition: Any) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110  what the other end does raises no event here
            await asyncio.sleep(0.005)


def saying(*pieces: bytes) -> Behaviour:
    """Reads one request, says this, and closes."""

    async def behave(talk: Conversation) -> None:
        await talk.request()
        await talk.say(*pieces)

    return behave


async def test_the_request_is_whole_and_its_connection_is_used_again() -> None:
    peer = HttpPeer(http_peers.quick)
    async with serving(peer), pooled() as pool:
        for _ in range(3):
            asked = await ended(begin(pool, peer.url))
            assert (asked.fault, asked.status, asked.body) == (None, 200, ACK_BODY)
    assert peer.bodies == [BODY] * 3
    assert peer.connections == 1
    lines = peer.heads[0].decode().split("\r\n")
    assert lines[0] == "POST /beckn/search HTTP/1.1"
    assert f"Host: 127.0.0.1:{peer.port}" in lines
    assert "Authorization: the sender's" in lines
    assert "Content-Type: application/json" in lines


def drip(answer: bytes) -> tuple[bytes, ...]:
    return tuple(answer[at : at + 1] for at in range(len(answer)))


NACK = b'{"message":{"ack":{"status":"NACK"}}}'
TAKEN = {
    "in one piece": (ACK,),
    "byte by byte": drip(ACK),
    "without a length, ended by the end": (b"HTTP/1.1 200 OK\r\n\r\n" + ACK_BODY,),
    "of HTTP/1.0": (b"HTTP/1.0 200 OK\r\n\r\n" + ACK_BODY,),
    "after 100 and 103": (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n" + ACK,
    ),
    "cut off when all was said": (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n" + ACK_BODY,),
    "twice": (ACK + ACK,),
    "with rubbish behind it": (
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%brubbish"
        % (len(ACK_BODY), ACK_BODY),
    ),
}


@pytest.mark.parametrize("pieces", TAKEN.values(), ids=TAKEN)
async def test_an_answer_is_taken(pieces: tuple[bytes, ...]) -> None:
    peer = HttpPeer(saying(*pieces))
    async with serving(peer), pooled() as pool:
        asked = await ended(begin(pool, peer.url))
    assert (asked.fault, asked.status, asked.body) == (None, 200, ACK_BODY)
    assert len(peer.bodies) == 1


@pytest.mark.parametrize("status", [204, 302, 401, 503])
async def test_every_status_is_an_answer_and_none_is_followed(status: int) -> None:
    answer = b"HTTP/1.1 %d X\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n" % status
    peer = HttpPeer(saying(answer))
    async with serving(peer), pooled() as pool:
        asked = await ended(begin(pool, peer.url))
    assert (asked.fault, asked.status, asked.body) == (None, status, b"")


NOT_TAKEN = {
    "nothing": ((), Fault.CUT_OFF),
    "half a head": ((b"HTTP/1.1 200 OK\r\nConte",), Fault.CUT_OFF),
    "half a body": ((b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{",), Fault.CUT_OFF),
    "half a chunk": (
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{",),
        Fault.CUT_OFF,
    ),
    "no HTTP": ((b"SSH-2.0-OpenSSH_9\r\n",), Fault.NOT_HTTP),
    "two framings": (
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",),
        Fault.NOT_HTTP,
    ),
    "two lengths": (
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",),
        Fault.NOT_HTTP,
    ),
    "another protocol": (
        (b"HTTP/1.1 101 Switch\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nxx",),
        Fault.NOT_HTTP,
    ),
    "a head without end": (
        tuple(b"X-%d: %b\r\n" % (n, b"y" * 4000) for n in range(100)),
        Fault.NOT_HTTP,
    ),
    "hints without end": ((b"HTTP/1.1 103 X\r\n\r\n" * 10_000,), Fault.TOO_LARGE),
}


@pytest.mark.parametrize(("pieces", "fault"), NOT_TAKEN.values(), ids=NOT_TAKEN)
async def test_what_is_no_answer_has_a_name_and_is_not_asked_for_again(
    pieces: tuple[bytes, ...], fault: Fault
) -> None:
    peer = HttpPeer(saying(*pieces))
    async with serving(peer), pooled() as pool:
        asked = await ended(begin(pool, peer.url))
        assert asked.fault is fault
        assert (asked.status, asked.body) == (0, b"")
        await until(lambda: pool.connections == 0)
    assert len(peer.bodies) == 1


async def test_a_reset_is_no_answer_either() -> None:
    peer = HttpPeer(http_peers.resetting)
    async with serving(peer), pooled() as pool:
        assert (await ended(begin(pool, peer.url))).fault is Fault.CUT_OFF


async def test_headers_or_a_body_without_end_are_cut_off() -> None:
    async def endless_head(talk: Conversation) -> None:
        await talk.request()
        await talk.say(b"HTTP/1.1 200 OK\r\n")
        while True:
            await talk.say(b"X: %b\r\n" % (b"y" * 4000))

    for behave in (http_peers.oversize, endless_head):
        peer = HttpPeer(behave)
        async with serving(peer), pooled() as pool:
            assert (await ended(begin(pool, peer.url))).fault is Fault.TOO_LARGE


async def test_silence_is_late_once_and_then_timed_out() -> None:
    peer = HttpPeer(http_peers.silent)
    async with serving(peer), pooled() as pool:
        asked = await ended(begin(pool, peer.url, lasts_s=0.4, late_s=0.1))
        assert (asked.fault, asked.lates) == (Fault.TIMED_OUT, 1)
        assert 0.3 < asked.took_s < 30
        await until(lambda: pool.connections == 0)


async def test_at_the_deadline_an_unfinished_answer_counts_if_it_says_all() -> None:
    async def never_ends(talk: Conversation) -> None:
        await talk.request()
        await talk.say(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n" + NACK)
        await talk.forever()

    peer = HttpPeer(never_ends)
    async with serving(peer), pooled() as pool:
        asked = await ended(begin(pool, peer.url, lasts_s=0.3))
    assert (asked.fault, asked.body) == (None, NACK)


async def test_an_answer_before_the_request_has_ended_is_taken_and_its_connection_is_not_kept() -> (
    None
):
    peer = HttpPeer(http_peers.hasty)
    large = tail({}, b" " * 8_000_000)
    async with serving(peer), pooled() as pool:
        asked = await ended(begin(pool, peer.url, rest=large))
        assert asked.fault is None
        await until(lambda: pool.connections == 0)


async def test_a_connection_closed_between_two_requests_is_replaced_and_nobody_notices() -> None:
    """The peer's close and our request cross: the connection looks open when it is taken."""

    async def closes_under_the_second(talk: Conversation) -> None:
        await talk.request()
        await talk.say(ACK)
        if talk.peer.connections == 1:
            await talk.head()
        else:
            await http_peers.quick(talk)

    peer = HttpPeer(closes_under_the_second)
    async with serving(peer), pooled() as pool:
        assert (await ended(begin(pool, peer.url))).fault is None
        again = await ended(begin(pool, peer.url))
        assert (again.fault, again.is_second_try) == (None, True)
    assert peer.connections == 2


async def test_it_is_tried_again_once_only_and_never_when_an_answer_had_begun() -> None:
    async def never_twice(talk: Conversation) -> None:
        if talk.peer.connections == 1:
            await talk.request()
            await talk.say(ACK)
        await talk.head()

    async def begins_to_answer(talk: Conversation) -> None:
        await talk.request()
        await talk.say(ACK)
        await talk.request()
        await talk.say(b"HTTP/1.1 2")

    for behave, connections in ((never_twice, 2), (begins_to_answer, 1)):
        peer = HttpPeer(behave)
        async with serving(peer), pooled() as pool:
            assert (await ended(begin(pool, peer.url))).fault is None
            assert (await ended(begin(pool, peer.url))).fault is Fault.CUT_OFF
        assert peer.connections == connections


async def test_a_peer_that_closes_after_each_answer_is_served_all_the_same() -> None:
    peer = HttpPeer(http_peers.forgetful)
    async with serving(peer), pooled() as pool:
        for _ in range(5):
            assert (await ended(begin(pool, peer.url))).fault is None
    assert len(peer.bodies) == 5


async def test_a_peer_that_speaks_unasked_loses_the_connection() -> None:
    async def speaks(talk: Conversation) -> None:
        await talk.request()
        await talk.say(ACK)
        await asyncio.sleep(0.02)
        await talk.say(ACK)
        await talk.forever()

    peer = HttpPeer(speaks)
    async with serving(peer), pooled() as pool:
        await ended(begin(pool, peer.url))
        await until(lambda: pool.connections == 0)


async def test_connections_of_one_host_are_bounded_and_the_others_wait_their_turn() -> None:
    most = 0

    async def counted(talk: Conversation) -> None:
        nonlocal most
        while True:
            await talk.request()
            most = max(most, talk.peer.open)
            await asyncio.sleep(0.001)
            await talk.say(ACK)

    peer = HttpPeer(counted)
    async with serving(peer), pooled(per_host_max=4) as pool:
        asked = [begin(pool, peer.url) for _ in range(100)]
        for one in asked:
            assert (await ended(one)).fault is None
        assert pool.in_flight == 0
    assert 1 < most <= 4


async def test_connections_are_bounded_in_all_and_idle_ones_give_way() -> None:
    peers = [HttpPeer(http_peers.quick) for _ in range(30)]
    async with serving(*peers), pooled(connections_max=10) as pool:
        for peer in peers * 2:
            assert (await ended(begin(pool, peer.url))).fault is None
            assert pool.connections <= 10


@pytest.mark.parametrize("behave", [http_peers.quick, saying(ACK)], ids=["kept", "closed"])
async def test_who_found_no_room_is_served_as_soon_as_another_host_leaves_some(
    behave: Behaviour,
) -> None:
    peers = [HttpPeer(behave) for _ in range(30)]
    async with serving(*peers), pooled(connections_max=4) as pool:
        for one in [begin(pool, peer.url) for peer in peers]:
            assert (await ended(one)).fault is None


async def test_no_room_that_nobody_listened_at_is_lost() -> None:
    peers = [HttpPeer(http_peers.quick) for _ in range(4)]
    async with serving(*peers[:2]):
        gone = [peer.url for peer in peers[:2]]
    async with serving(*peers[2:]), pooled(connections_max=1) as pool:
        asked = [begin(pool, url) for url in [*gone, *(peer.url for peer in peers[2:])]]
        faults = [(await ended(one)).fault for one in asked]
    assert faults == [Fault.UNREACHABLE, Fault.UNREACHABLE, None, None]


async def test_idle_connections_are_closed_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_module, "IDLE_S", 0.05)
    peer = HttpPeer(http_peers.quick)
    async with serving(peer), pooled() as pool:
        await ended(begin(pool, peer.url))
        await until(lambda: pool.connections == 0)


async def test_nobody_at_home_is_told_to_all_who_wait() -> None:
    peer = HttpPeer(http_peers.quick)
    async with serving(peer):
        url = peer.url
    async with pooled() as pool:
        asked = [begin(pool, url) for _ in range(20)]
        for one in asked:
            assert (await ended(one)).fault is Fault.UNREACHABLE


async def test_closing_ends_what_is_on_its_way_and_later_ones_at_once() -> None:
    peer = HttpPeer(http_peers.silent)
    async with serving(peer), pooled() as pool:
        asked = [begin(pool, peer.url) for _ in range(3)]
        await until(lambda: peer.heads or peer.connections)
        await pool.close()
        for one in asked:
            assert (await ended(one)).fault is Fault.OURS
        assert (await ended(begin(pool, peer.url))).fault is Fault.OURS


@pytest.mark.parametrize(
    "url",
    ["http://10.0.0.1", "file:///etc/passwd", "https://u:p@x.org", "https://169.254.169.254/x"],
)
async def test_a_forbidden_url_has_no_target(url: str) -> None:
    async with pooled() as pool:
        with pytest.raises(UrlRefused):
            pool.target(url, "search")


async def test_plain_http_is_refused_in_production_even_to_loopback() -> None:
    pool = Pool("production")
    with pytest.raises(UrlRefused):
        pool.target("http://127.0.0.1:8000", "search")
    await pool.close()


@pytest.mark.parametrize("value", ["a\r\nX: y", "a\nb", "é", "a\x00"])
def test_a_header_of_more_than_one_plain_line_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="Authorization"):
        tail({"Authorization": value}, b"")


def test_a_header_may_hold_a_tab_as_senders_write_them() -> None:
    assert b"Authorization: Signature\tkeyId" in tail({"Authorization": "Signature\tkeyId"}, b"")


class Names(AbstractResolver):
    """Knows one address for every name but those that hang."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.asked: list[str] = []

    async def resolve(self, host: str, port: int = 0, family: Any = 0) -> list[ResolveResult]:
        self.asked.append(host)
        if host.startswith("hangs"):
            await asyncio.Event().wait()
        return [
            ResolveResult(hostname=host, host=self.address, port=port, family=2, proto=6, flags=0)
        ]

    async def close(self) -> None:
        pass


@pytest.mark.parametrize("address", ["10.0.0.1", "169.254.169.254", "::1", "64:ff9b::a00:1"])
async def test_a_name_with_an_address_that_is_not_public_is_not_called(address: str) -> None:
    pool = Pool("production", resolver=Names(address))
    try:
        assert (await ended(begin(pool, "https://x.example.org"))).fault is Fault.UNREACHABLE
    finally:
        await pool.close()


async def test_not_even_a_connection_is_made_to_such_an_address() -> None:
    peer = HttpPeer(http_peers.quick)
    pool = Pool("production", resolver=Names("127.0.0.1"))
    async with serving(peer):
        asked = begin(pool, f"https://x.example.org:{peer.port}")
        assert (await ended(asked)).fault is Fault.UNREACHABLE
        await pool.close()
        assert peer.connections == 0


async def test_a_name_that_hangs_keeps_nobody_else_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pool_module, "CONNECT_S", 0.3)
    names = Names("10.0.0.1")
    peer = HttpPeer(http_peers.quick)
    async with serving(peer), pooled(resolver=names) as pool:
        hanging = [begin(pool, "https://hangs.example.org") for _ in range(50)]
        assert (await ended(begin(pool, peer.url))).fault is None
        assert names.asked == ["hangs.example.org"], "one question, however many wait"
        for one in hanging:
            assert (await ended(one)).fault is Fault.UNREACHABLE


async def test_without_a_name_service_nobody_is_to_blame_and_one_that_hangs_is_told_apart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(urls, "NAMES_S", 0.1)

    def away(*asked: object, **named: object) -> None:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    async with pooled(resolver=Names("10.0.0.1")) as pool:
        hanging = await ended(begin(pool, "https://hangs.example.org"))
        assert hanging.fault is Fault.UNNAMED
    monkeypatch.setattr(socket, "getaddrinfo", away)
    async with pooled() as pool:
        assert (await ended(begin(pool, "https://x.example.org"))).fault is Fault.OURS


def certificate(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """A server's context with a certificate for localhost, and that certificate as a file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    today = datetime.datetime.now(datetime.UTC)
    names: list[x509.GeneralName] = [x509.DNSName("localhost")]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(today - datetime.timedelta(days=1))
        .not_valid_after(today + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    file, secret = folder / "server.pem", folder / "server.key"
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file, secret)
    return context, file


async def test_tls_is_verified_by_chain_and_by_name(tmp_path: Path) -> None:
    context, file = certificate(tmp_path)
    trusting = ssl.create_default_context(cafile=file)
    peer = HttpPeer(http_peers.quick)
    server = await asyncio.start_server(peer.serve, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    assert ipaddress.ip_address("127.0.0.1").is_loopback
    cases = (
        (trusting, "localhost", None),
        (trusting, "localhost.", None),  # the same, written out
        (trusting, "127.0.0.1", Fault.UNREACHABLE),  # the certificate is for another name
        (ssl.create_default_context(), "localhost", Fault.UNREACHABLE),  # nobody vouches for it
    )
    for tls, name, fault in cases:
        async with pooled(tls=tls, resolver=Names("127.0.0.1")) as pool:
            asked = await ended(begin(pool, f"https://{name}:{port}/beckn"))
            assert asked.fault is fault, name
    server.close()
    await http_peers.hang_up(peer)


class Both(Names):
    """A name with two addresses, of which the first is silent."""

    async def resolve(self, host: str, port: int = 0, family: Any = 0) -> list[ResolveResult]:
        (found,) = await super().resolve(host, port, family)
        return [{**found, "host": "127.0.0.2"}, found]


async def test_an_address_that_is_silent_does_not_hide_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pool_module, "CONNECT_S", 6)  # of which the first address has the half
    peer = HttpPeer(http_peers.quick)
    async with serving(peer), pooled(resolver=Both("127.0.0.1")) as pool:
        silent = socket.create_server(("127.0.0.2", peer.port), backlog=0)
        full = [socket.socket() for _ in range(3)]
        for each in full:  # then the system answers nobody who comes
            each.setblocking(False)
            each.connect_ex(silent.getsockname())
        asked = await ended(begin(pool, peer.url.replace("127.0.0.1", "localhost"), lasts_s=60))
        for each in (silent, *full):
            each.close()
    assert (asked.fault, asked.status) == (None, 200)
    assert asked.took_s < pool_module.CONNECT_S


async def test_a_peer_that_refuses_one_more_connection_is_not_asked_again_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened = 0
    real = Pool._connected

    async def counted(self: Pool, *asked: Any) -> Any:
        nonlocal opened
        opened += 1
        return await real(self, *asked)

    monkeypatch.setattr(Pool, "_connected", counted)
    peer = HttpPeer(http_peers.silent)
    server = await asyncio.start_server(peer.serve, "127.0.0.1", 0)
    peer.port = server.sockets[0].getsockname()[1]
    async with pooled() as pool:
        begin(pool, peer.url)
        await until(lambda: peer.open)
        server.close()  # and the connection stays
        assert (await ended(begin(pool, peer.url, lasts_s=0.5))).fault is Fault.TIMED_OUT
        assert opened == 2
    await http_peers.hang_up(peer)


async def test_an_answer_that_was_reset_before_its_body_is_none() -> None:
    async def behave(talk: Conversation) -> None:
        await talk.request()
        await talk.say(b"HTTP/1.1 200 OK\r\n\r\n")
        await until(lambda: asked.connection is not None and asked.connection._status)
        talk.reset()

    peer = HttpPeer(behave)
    async with serving(peer), pooled() as pool:
        asked = begin(pool, peer.url)
        assert (await ended(asked)).fault is Fault.CUT_OFF
