"""The floor of a fan-out: a pooled httptools client that sends the same bytes to all and no more.

As a process: told by a line of JSON to whom and what, it answers each further line with a round.
"""

import asyncio
import base64
import json
import sys
import time
from typing import Any

import uvloop
from httptools import HttpResponseParser


class _Target(asyncio.Protocol):
    """One kept connection; counts its answers down in `round`."""

    transport: asyncio.Transport

    def __init__(self, round: "Round") -> None:
        self.round = round
        self.body = b""
        self.parser = HttpResponseParser(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]  # a TCP transport writes

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        if self.parser.get_status_code() == 200 and b'"ACK"' in self.body:
            self.round.acked()
        self.body = b""


class Round:
    """One request to every target."""

    def __init__(self, count: int) -> None:
        self.count = self.left = count
        self.done = asyncio.Event()

    def acked(self) -> None:
        self.left -= 1
        if not self.left:
            self.done.set()


async def serve() -> None:
    """Connect to all, then a round per line: `{"cpu_s", "last_ack_s"}`."""
    loop = asyncio.get_running_loop()
    told = json.loads(await loop.run_in_executor(None, sys.stdin.readline))
    round = Round(len(told["ports"]))
    targets = []
    for port in told["ports"]:
        _, target = await loop.create_connection(lambda: _Target(round), "127.0.0.1", port)
        targets.append((target, f"POST /search HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n".encode()))
    tail = base64.b64decode(told["tail"])
    print("ready", flush=True)
    while await loop.run_in_executor(None, sys.stdin.readline):
        print(json.dumps(await once(round, targets, tail)), flush=True)


async def once(round: Round, targets: list[tuple[_Target, bytes]], tail: bytes) -> dict[str, Any]:
    """Send to all and wait for all."""
    round.left = round.count
    round.done.clear()
    began, cpu = time.perf_counter(), time.process_time()
    for target, head in targets:
        target.transport.write(head + tail)
    async with asyncio.timeout(60):
        await round.done.wait()
    return {"cpu_s": time.process_time() - cpu, "last_ack_s": time.perf_counter() - began}


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve())
