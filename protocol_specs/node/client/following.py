"""Following another node's event stream (WHATWG HTML, server-sent events): guarded and bounded."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp

from protocol_specs.node.client.client import TRANSIENT, Undelivered
from protocol_specs.node.client.urls import GuardedResolver, Network, UrlRefused, check_url

EVENT_BYTES_MAX = 4_096
TIMEOUT = aiohttp.ClientTimeout(total=1_000, connect=3, sock_connect=3, sock_read=45)


class BadStream(ValueError):
    """What comes is no stream of events that we read."""


@dataclass
class EventReader:
    """Puts events together from pieces: kind and data. Pure; holds one event at the most.

    `_size` counts every byte of the event that is not complete yet, empty lines of data as well.
    """

    _rest: bytes = b""
    _kind: str = ""
    _data: list[bytes] = field(default_factory=list)
    _size: int = 0

    def feed(self, piece: bytes) -> list[tuple[str, bytes]]:
        """The events that are complete now. Raises BadStream for one that is too large."""
        found: list[tuple[str, bytes]] = []
        *lines, self._rest = (self._rest + piece).split(b"\n")
        for line in lines:
            self._bound(line)
            self._take(line.rstrip(b"\r"), found)
        self._bound(self._rest)
        return found

    def _bound(self, line: bytes) -> None:
        if self._size + len(line) > EVENT_BYTES_MAX:
            raise BadStream(f"an event of more than {EVENT_BYTES_MAX} bytes")

    def _take(self, line: bytes, found: list[tuple[str, bytes]]) -> None:
        name, _, value = line.partition(b":")
        if not line:
            if self._data:
                found.append((self._kind or "message", b"\n".join(self._data)))
            self._kind, self._data, self._size = "", [], 0
        elif name == b"event":
            self._kind = value.removeprefix(b" ").decode("ascii", "replace")
            self._size += len(line) + 1
        elif name == b"data":
            self._data.append(value.removeprefix(b" "))
            self._size += len(line) + 1


class Following:
    """Connections of their own for streams, so that none is lacking for messages."""

    def __init__(self, network: Network, *, each_max: int, all_max: int) -> None:
        self._network, self._each_max, self._all_max = network, each_max, all_max
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Ends every stream."""
        if self._session is not None:
            await self._session.close()

    @asynccontextmanager
    async def events(self, target: str) -> AsyncIterator[AsyncIterator[tuple[str, bytes]]]:
        """The events of a url, as they come; the stream ends with the block.

        Raises Undelivered when there is none: then ask in another way. `transient` says whether
        trying again can help.
        """
        try:
            url = check_url(target, self._network)
        except UrlRefused as refused:
            raise Undelivered(f"{target} is not called: {refused}", False) from None
        try:
            async with self._opened().get(
                url, headers={"Accept": "text/event-stream"}, allow_redirects=False
            ) as response:
                if response.status != 200 or response.content_type != "text/event-stream":
                    raise Undelivered(
                        f"{url.origin()} streams nothing there",
                        response.status in TRANSIENT,
                        status=response.status,
                    )
                yield _read(response)
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            reason = f"{url.origin()} streams no longer ({type(error).__name__})"
            raise Undelivered(reason, True) from error
        except BadStream as error:
            raise Undelivered(f"{url.origin()}: {error}", False) from error

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=self._all_max,
                    limit_per_host=self._each_max,
                    resolver=GuardedResolver(self._network),
                ),
                timeout=TIMEOUT,
                trust_env=False,
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": "wayfare", "Accept-Encoding": "identity"},
            )
        return self._session


async def _read(response: aiohttp.ClientResponse) -> AsyncIterator[tuple[str, bytes]]:
    reader = EventReader()
    async for piece in response.content.iter_any():
        for event in reader.feed(piece):
            yield event
