"""Servers that answer a POST in raw bytes, well or badly, each on a port of its own."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from protocol_specs.wire.errors import ack

ACK_BODY = ack()
ACK = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(ACK_BODY), ACK_BODY)


class Conversation:
    """One connection as the server sees it."""

    def __init__(
        self, peer: "HttpPeer", reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.peer, self.reader, self.writer = peer, reader, writer
        self.requests = 0

    async def head(self) -> bytes:
        """The head of the next request. Raises IncompleteReadError when there is none."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        self.requests += 1
        self.peer.heads.append(head)
        return head

    async def request(self) -> bytes:
        """The body of the next request, whole."""
        head = (await self.head()).lower()
        at = head.index(b"content-length:") + 15
        body = await self.reader.readexactly(int(head[at : head.index(b"\r\n", at)]))
        self.peer.bodies.append(body)
        return body

    async def say(self, *pieces: bytes) -> None:
        """Write each piece in a packet of its own."""
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()
            if len(pieces) > 1:
                await asyncio.sleep(0)

    def reset(self) -> None:
        """Close with RST."""
        self.writer.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )
        self.writer.transport.abort()

    async def forever(self) -> None:
        """Say nothing more until the other end closes."""
        while await self.reader.read(65_536):
            pass


Behaviour = Callable[[Conversation], Awaitable[None]]


class HttpPeer:
    """`behave` takes each connection; when it returns the connection is closed."""

    def __init__(self, behave: Behaviour) -> None:
        self.behave = behave
        self.heads: list[bytes] = []
        self.bodies: list[bytes] = []
        self.connections = 0
        self.open = 0
        self.port = 0
        self.talks: dict[asyncio.Task[None] | None, asyncio.StreamWriter] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/beckn"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        self.talks[asyncio.current_task()] = writer
        gone = (asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError)
        with contextlib.suppress(*gone):
            await self.behave(Conversation(self, reader, writer))
        self.open -= 1
        del self.talks[asyncio.current_task()]
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


@asynccontextmanager
async def serving(*peers: HttpPeer) -> AsyncIterator[None]:
    """All of them listening."""
    servers = []
    for peer in peers:
        server = await asyncio.start_server(peer.serve, "127.0.0.1", 0)
        peer.port = server.sockets[0].getsockname()[1]
        servers.append(server)
    try:
        yield
    finally:
        for server, peer in zip(servers, peers, strict=True):
            server.close()
            await hang_up(peer)


async def hang_up(peer: HttpPeer) -> None:
    """End every conversation."""
    for writer in peer.talks.values():
        writer.transport.abort()
    async with asyncio.timeout(60):
        await asyncio.gather(*(task for task in peer.talks if task is not None))


async def quick(talk: Conversation) -> None:
    """ACKs each request."""
    while True:
        await talk.request()
        await talk.say(ACK)


async def silent(talk: Conversation) -> None:
    """Reads and never answers."""
    await talk.forever()


async def resetting(talk: Conversation) -> None:
    await talk.request()
    talk.reset()


async def half_closing(talk: Conversation) -> None:
    """Answers, and closes its end of the connection."""
    await talk.request()
    await talk.say(ACK)
    talk.writer.write_eof()
    await talk.forever()


async def chunked(talk: Conversation) -> None:
    while True:
        await talk.request()
        half = len(ACK_BODY) // 2
        pieces = (ACK_BODY[:half], ACK_BODY[half:])
        await talk.say(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            *(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces),
            b"0\r\n\r\n",
        )


async def oversize(talk: Conversation) -> None:
    await talk.request()
    await talk.say(b"HTTP/1.1 200 OK\r\nContent-Length: 50000000\r\n\r\n")
    while True:
        await talk.say(b" " * 65_536)


async def forgetful(talk: Conversation) -> None:
    """Answers one request and closes the connection without having said so."""
    await talk.request()
    await talk.say(ACK)


async def hasty(talk: Conversation) -> None:
    """Answers before the request has ended, and reads no more of it."""
    await talk.head()
    await talk.say(ACK)
    await talk.forever()


async def troubled(talk: Conversation) -> None:
    while True:
        await talk.request()
        await talk.say(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n")


async def refusing(talk: Conversation) -> None:
    nack = b'{"message":{"ack":{"status":"NACK"}},"error":{"code":"30000","message":"no"}}'
    while True:
        await talk.request()
        await talk.say(b"HTTP/1.1 400 Bad\r\nContent-Length: %d\r\n\r\n%b" % (len(nack), nack))
