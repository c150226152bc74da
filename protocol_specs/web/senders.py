"""Ways by which a sign-in code reaches a phone, and the queue in which it waits for them."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import aiohttp

WAITING_MAX = 1_000
WEBHOOK_TIMEOUT_S = 10


class NotSent(Exception):
    """A text that did not go out; says why, without phone or text."""


class Sender(Protocol):
    """Sends one text to one phone. Raises NotSent."""

    async def send(self, phone: str, text: str) -> None:
        """`phone` in E.164, `text` as the person shall read it."""


class Printing:
    """For development: the text on standard output."""

    async def send(self, phone: str, text: str) -> None:
        """Prints it."""
        sys.stdout.write(f"to {phone}: {text}\n")
        sys.stdout.flush()


class ToFile:
    """For development and tests: a line of JSON in a file that only its owner reads."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def send(self, phone: str, text: str) -> None:
        """Appends it."""
        handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(json.dumps({"phone": phone, "text": text}, ensure_ascii=False) + "\n")


class Webhook:
    """A gateway of text messages: POST {"to", "text"} to its url, with a bearer token."""

    def __init__(self, url: str, token: str) -> None:
        self._url, self._token = url, token

    async def send(self, phone: str, text: str) -> None:
        """Posts it; anything but a 2xx is NotSent."""
        timeout = aiohttp.ClientTimeout(total=WEBHOOK_TIMEOUT_S)
        headers = {"Authorization": f"Bearer {self._token}"}
        body = {"to": phone, "text": text}
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as client,
                client.post(self._url, json=body, headers=headers, allow_redirects=False) as answer,
            ):
                if not 200 <= answer.status < 300:
                    raise NotSent(f"the gateway of text messages answered {answer.status}")
        except (aiohttp.ClientError, TimeoutError) as error:
            raise NotSent(f"the gateway of text messages: {type(error).__name__}") from None


class Posts:
    """What is to be sent, in order. Nobody waits for it: the time of an answer tells nothing."""

    def __init__(self, sender: Sender, failed: Callable[[NotSent], None]) -> None:
        self._sender, self._failed = sender, failed
        self._waiting: deque[tuple[str, str]] = deque(maxlen=WAITING_MAX)
        self.wake = asyncio.Event()

    def put(self, phone: str, text: str) -> None:
        """Takes one on."""
        self._waiting.append((phone, text))
        self.wake.set()

    async def send_next(self, now: int) -> bool:
        """Sends the first that waits; says whether there was one."""
        if not self._waiting:
            return False
        try:
            await self._sender.send(*self._waiting.popleft())
        except NotSent as fault:
            self._failed(fault)
        return True
