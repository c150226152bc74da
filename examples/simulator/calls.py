"""What people's apps say to a node: JSON over HTTP, one connection a call."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import orjson

Json = dict[str, Any]


class Unanswered(Exception):
    """No answer came, or one that ends nothing: it may or may not have been done."""


class Refusal(Exception):
    """The node said no."""

    def __init__(self, status: int, said: Any) -> None:
        super().__init__(f"{status}: {said}")
        self.status, self.said = status, said


@dataclass(frozen=True, slots=True)
class App:
    """One person's app at one node. Raises Unanswered and Refusal."""

    port: int
    token: str | None = None

    async def get(self, path: str) -> Any:
        """The answer to a GET."""
        return await self._call("GET", path, None)

    async def post(self, path: str, body: Json | None = None) -> Any:
        """The answer to a POST."""
        return await self._call("POST", path, body or {})

    async def _call(self, method: str, path: str, body: Json | None) -> Any:
        try:
            async with asyncio.timeout(75):
                status, answer = await self._exchange(method, path, body)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, ValueError) as error:
            raise Unanswered(f"{method} {path}: {type(error).__name__}") from None
        said = orjson.loads(answer) if answer else None
        if status >= 500 or status == 429:
            raise Unanswered(f"{method} {path}: {status} {said}")
        if status >= 400:
            raise Refusal(status, said)
        return said

    async def _exchange(self, method: str, path: str, body: Json | None) -> tuple[int, bytes]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        data = b"" if body is None else orjson.dumps(body)
        head = f"{method} {path} HTTP/1.1\r\nHost: app\r\nConnection: close\r\n"
        if self.token is not None:
            head += f"Authorization: Bearer {self.token}\r\n"
        if body is not None:
            head += f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n"
        try:
            writer.write(f"{head}\r\n".encode() + data)
            first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            lengths = [line for line in lines if line.lower().startswith("content-length:")]
            answer = await reader.readexactly(int(lengths[0].split(":")[1])) if lengths else b""
        finally:
            writer.transport.abort()
        return int(first.split()[1]), answer
