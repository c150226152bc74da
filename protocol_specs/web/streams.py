"""Server-Sent Events (WHATWG HTML): numbered, resumable, with heartbeats; for APIs and pages."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from aiohttp import web

from protocol_specs.node.door.connections import Guarded

HEADERS = {
    "Content-Type": "text/event-stream",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True, slots=True)
class Event:
    """One event: its number, what kind, and a document of one line (JSON escapes line ends)."""

    n: int
    kind: str
    document: bytes

    def encoded(self) -> bytes:
        """It on the wire."""
        return f"id: {self.n}\nevent: {self.kind}\ndata: ".encode() + self.document + b"\n\n"


class BadEventId(Exception):
    """A Last-Event-ID that is no number of ours."""


def last_event_id(request: web.Request) -> int:
    """Where a client goes on: its header or `?since=`; 0 is the beginning. Raises BadEventId."""
    text = request.headers.get("Last-Event-ID") or request.query.get("since") or "0"
    if not text.isascii() or not text.isdigit() or len(text) > 15:
        raise BadEventId
    return int(text)


async def send_events(
    request: web.Request,
    *,
    happened: Callable[[int], Sequence[Event]],
    bell: asyncio.Event,
    since: int,
    stopping: asyncio.Event,
    heartbeat_s: float,
) -> web.StreamResponse:
    """Sends what happened after `since` and then what happens, until either side ends it.

    `bell` is set whenever there may be more; whoever stops the node sets it too. A browser that
    goes on to the next page ends it at once: few streams of one thing are kept.
    """
    response = web.StreamResponse(headers=HEADERS)
    await response.prepare(request)
    if isinstance(request.protocol, Guarded):
        request.protocol.when_lost(bell.set)
    try:
        while not stopping.is_set():
            if request.transport is None:
                return response
            bell.clear()
            events = happened(since)
            if events:
                since = events[-1].n
                await response.write(b"".join(event.encoded() for event in events))
                continue
            try:
                async with asyncio.timeout(heartbeat_s):
                    await bell.wait()
            except TimeoutError:
                await response.write(b": still here\n\n")
        await response.write_eof()
    except ConnectionError:
        return response  # the browser went away
    return response
