"""How one worker of a node asks another: a unix socket each, frames, many questions at once.

A question is answered within two seconds or not at all (`SiblingUnavailable`). Who is replaced says
so, answers what it has got, and what is asked from then on waits for its successor. An answer lost
with a killed worker is not asked for again here: whoever asked decides whether that may be.
"""

import asyncio
import os
import socket
import struct
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from enum import IntEnum
from itertools import count
from pathlib import Path
from typing import Any, Protocol

from protocol_specs.node.loops import outcome
from protocol_specs.node.settings import SettingsError
from protocol_specs.node.workers.workers import FRAME_BYTES_MAX, Share

Handler = Callable[[bytes], Awaitable[bytes]]
DEADLINE_S = 2.0
AGAIN_S = 0.02  # until a sibling that does not listen is tried again
ASKED_MAX = 1_000  # questions to one sibling at once, and their bytes
ASKED_BYTES_MAX = 16 * 1_048_576
_HEAD = struct.Struct("!IIB")  # bytes that follow, number of the question, kind or subject's length


class SiblingUnavailable(Exception):
    """The sibling gave no answer: it is away, has too much to do, or failed. Whether it did what
    was asked is not known."""


class Far(Protocol):
    """The way to workers on other machines."""

    async def ask(self, slot: int, subject: bytes, payload: bytes) -> bytes:
        """What that worker answers. Raises SiblingUnavailable."""

    async def leave(self) -> None:
        """Answer what was asked from there, and be asked no more."""


class _Kind(IntEnum):
    """What comes back."""

    WELCOME = 0  # first of all: this connection is read
    ANSWER = 1
    FAILED = 2
    LEAVING = 3  # ask nothing more here


class Siblings:
    """The workers of one node, each at `folder`/slot.sock. `fault(where, error)` is told what a
    handler raised: whoever asked hears only that it failed."""

    def __init__(self, share: Share, folder: Path, *, fault: Callable[[str, Exception], None]):
        self._share, self._folder, self._fault = share, folder, fault
        self._handlers: dict[str, Handler] = {}
        self._ways: dict[int, _Way] = {}
        self._here = range(share.of)
        self._far: Far | None = None
        self._server: asyncio.Server | None = None
        self._is_leaving = False
        self._visitors: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    def reach(self, here: range, far: Far) -> None:
        """From here on only the workers of the slots `here` are asked by sockets, others by `far`:
        they are on other machines."""
        self._here, self._far = here, far

    def serve(self, subject: str, handler: Handler) -> None:
        """Answer questions of this subject (ASCII, up to 255 letters) from now on. Once each."""
        if subject in self._handlers:
            raise ValueError(f"{subject} is served already")
        self._handlers[subject] = handler

    async def ask(self, slot: int, subject: str, payload: bytes) -> bytes:
        """What the worker of `slot` answers; it may be this one. Raises SiblingUnavailable."""
        try:
            async with asyncio.timeout(DEADLINE_S):
                if slot != self._share.slot:
                    return await self._way(slot, subject.encode(), payload)
                answer = await self.answer(subject, payload)
        except TimeoutError:
            raise SiblingUnavailable(f"worker {slot} did not answer in time") from None
        if isinstance(answer, Exception):
            raise SiblingUnavailable(f"worker {slot} failed")
        return answer

    async def ask_all(self, subject: str, payload: bytes) -> list[bytes]:
        """What those answer that can be had, this one among them, in the order of their slots."""
        asked = (self.ask(slot, subject, payload) for slot in range(self._share.of))
        answers = await asyncio.gather(*(outcome(each) for each in asked))
        for answer in answers:
            if isinstance(answer, Exception) and not isinstance(answer, SiblingUnavailable):
                raise answer
        return [answer for answer in answers if isinstance(answer, bytes)]

    async def start(self) -> None:
        """Listen, in place of whoever held the slot before. Raises SettingsError where that cannot
        be."""
        try:
            await self._listen(self._folder / f"{self._share.slot}.sock")
        except OSError as error:
            raise SettingsError(
                f"key 'data_dir': {self._folder}: no unix socket can be made there, by which this "
                f"node's workers ask each other: {error.strerror}. Put data_dir on a local file "
                "system that this user may write to, or set workers = 1"
            ) from None

    async def _listen(self, own: Path) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        new = own.with_suffix(".sock.new")
        new.unlink(missing_ok=True)
        sock = socket.socket(socket.AF_UNIX)
        try:
            with _short(new) as path:
                sock.bind(path)
            new.chmod(0o600)
            self._server = await asyncio.start_unix_server(self._visited, sock=sock)
            new.replace(own)  # from here on nobody reaches the one before
        except OSError:
            sock.close()
            raise

    async def leave(self) -> None:
        """Answer what was asked, and be asked no more; asking still goes."""
        if self._far is not None:
            await self._far.leave()
        if self._server is None:
            return
        self._is_leaving = True
        self._server.close()
        for writer in self._visitors.values():
            writer.write(_HEAD.pack(0, 0, _Kind.LEAVING))
        if self._visitors:
            await asyncio.wait(self._visitors, timeout=DEADLINE_S)

    async def stop(self) -> None:
        """Close every connection. Who still waits for an answer hears SiblingUnavailable."""
        await self.leave()
        ending = [*self._visitors, *(task for way in self._ways.values() for task in way.hearing)]
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)

    async def _way(self, slot: int, subject: bytes, payload: bytes) -> bytes:
        if slot not in self._here and self._far is not None:
            return await self._far.ask(slot, subject, payload)
        if slot not in self._ways:
            self._ways[slot] = _Way(self._folder / f"{slot}.sock")
        return await self._ways[slot].ask(subject, payload)

    async def answer(self, subject: str, payload: bytes) -> bytes | Exception:
        """What this worker answers a sibling, whichever way that asks."""
        handler = self._handlers.get(subject)
        if handler is None:
            return SiblingUnavailable(f"nobody serves {subject!r} here")
        answer = await outcome(handler(payload))
        if isinstance(answer, Exception):
            self._fault(f"sibling {subject}", answer)
        return answer

    async def _visited(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One sibling's connection, until it asks no more and has its answers."""
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a connection is served in a task")
        if self._is_leaving:  # it came while we closed; without a welcome it asks elsewhere
            writer.close()
            return
        self._visitors[task] = writer
        answering: set[asyncio.Task[None]] = set()
        room = asyncio.Semaphore(ASKED_MAX)
        try:
            writer.write(_HEAD.pack(0, 0, _Kind.WELCOME))
            while (frame := await _read(reader)) is not None:
                await room.acquire()
                one = asyncio.create_task(self._reply(*frame, writer))
                answering.add(one)
                one.add_done_callback(answering.discard)
                one.add_done_callback(lambda _: room.release())
            if answering:
                await asyncio.wait(answering)
        finally:
            for left in answering:
                left.cancel()
            del self._visitors[task]
            writer.close()

    async def _reply(
        self, number: int, letters: int, frame: bytes, writer: asyncio.StreamWriter
    ) -> None:
        subject = frame[:letters].decode("ascii", "replace")
        try:
            async with asyncio.timeout(DEADLINE_S):
                answer = await self.answer(subject, frame[letters:])
        except TimeoutError:
            return  # nobody waits for it any more
        if isinstance(answer, Exception) or len(answer) > FRAME_BYTES_MAX:
            writer.write(_HEAD.pack(0, number, _Kind.FAILED))
        else:
            writer.write(_HEAD.pack(len(answer), number, _Kind.ANSWER) + answer)


class _Way:
    """To one sibling: one connection, opened when it is needed, anew for each successor."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._line: _Line | None = None
        self.hearing: set[asyncio.Task[None]] = set()  # one for each connection
        self._opening = asyncio.Lock()
        self._asked = self._bytes = 0

    async def ask(self, subject: bytes, payload: bytes) -> bytes:
        size = len(subject) + len(payload)
        too_many = self._asked >= ASKED_MAX or self._bytes + size > ASKED_BYTES_MAX
        if too_many or size > FRAME_BYTES_MAX:
            raise SiblingUnavailable("too much is asked of one worker at once")
        self._asked += 1
        self._bytes += size
        try:
            async with self._opening:
                line = await self._open()
            return await line.ask(subject, payload)
        finally:
            self._asked -= 1
            self._bytes -= size

    async def _open(self) -> "_Line":
        """A connection that is read at the other end. Tries until its caller has had enough."""
        while self._line is None or self._line.is_over:
            try:
                with _short(self._path) as path:
                    line = _Line(*await asyncio.open_unix_connection(path))
            except OSError:  # nobody listens: the successor is on its way
                await asyncio.sleep(AGAIN_S)
                continue
            task = asyncio.create_task(line.hear())
            self.hearing.add(task)
            task.add_done_callback(self.hearing.discard)
            try:
                await line.is_welcome
                self._line = line
            except SiblingUnavailable:  # it had left before it came to us
                await asyncio.sleep(AGAIN_S)
            finally:
                if self._line is not line:
                    task.cancel()
        return self._line


class _Line:
    """One connection, at the end that asks."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._waiting: dict[int, asyncio.Future[bytes]] = {}
        self._numbers = count(1)
        self.is_welcome: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.is_over = False

    async def ask(self, subject: bytes, payload: bytes) -> bytes:
        # Of questions that nobody waits for any more the bytes are here still.
        if self._writer.transport.get_write_buffer_size() > ASKED_BYTES_MAX:
            raise SiblingUnavailable("the worker does not read what it is asked")
        number = next(self._numbers) % 2**32
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        head = _HEAD.pack(len(subject) + len(payload), number, len(subject))
        self._writer.write(head + subject + payload)
        try:
            return await answer
        finally:
            del self._waiting[number]

    async def hear(self) -> None:
        """Until the other end closes."""
        try:
            while (frame := await _read(self._reader)) is not None:
                self._heard(*frame)
        finally:
            self._end()

    def _heard(self, number: int, kind: int, answer: bytes) -> None:
        waiting = self._waiting.get(number)
        if kind == _Kind.WELCOME and not self.is_welcome.done():
            self.is_welcome.set_result(None)
        elif kind == _Kind.LEAVING:
            self.is_over = True
            self._writer.write_eof()  # after what was asked: all of that is answered still
        elif waiting is not None and not waiting.done():
            if kind == _Kind.ANSWER:
                waiting.set_result(answer)
            else:
                waiting.set_exception(SiblingUnavailable("the worker failed"))

    def _end(self) -> None:
        self.is_over = True
        self._writer.close()
        everything: list[asyncio.Future[Any]] = [self.is_welcome, *self._waiting.values()]
        for waiting in everything:
            if not waiting.done():
                waiting.set_exception(SiblingUnavailable("the worker is gone"))


async def _read(reader: asyncio.StreamReader) -> tuple[int, int, bytes] | None:
    """The next frame: number, kind or subject's length, the rest; None at the end, wherever that
    comes, and for what is no frame of ours."""
    try:
        size, number, byte = _HEAD.unpack(await reader.readexactly(_HEAD.size))
        if size > FRAME_BYTES_MAX:
            return None
        return number, byte, await reader.readexactly(size)
    except (asyncio.IncompleteReadError, OSError):
        return None


@contextmanager
def _short(path: Path) -> Iterator[str]:
    """A name of the same file within the 107 bytes that a socket's address may have (unix(7))."""
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
