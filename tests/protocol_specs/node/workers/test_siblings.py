"""Workers ask each other over real sockets: bounded, within a deadline, through successions."""

import asyncio
import errno
import os
import socket
import stat
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from protocol_specs.node.settings import SettingsError
from protocol_specs.node.workers import siblings
from protocol_specs.node.workers.siblings import Siblings, SiblingUnavailable
from protocol_specs.node.workers.workers import Share

Faults = list[tuple[str, Exception]]
LONG = "a folder with a long name " * 8


@asynccontextmanager
async def worker(
    folder: Path, slot: int, faults: Faults | None = None, **handlers: siblings.Handler
) -> AsyncIterator[Siblings]:
    """One of two workers, listening."""

    def fault(where: str, error: Exception) -> None:
        if faults is None:
            raise AssertionError(where) from error
        faults.append((where, error))

    one = Siblings(Share(slot, 2), folder / LONG, fault=fault)
    for subject, handler in handlers.items():
        one.serve(subject, handler)
    await one.start()
    try:
        yield one
    finally:
        await one.stop()


async def echo(payload: bytes) -> bytes:
    return b"heard " + payload


async def test_many_questions_go_over_one_connection_and_each_has_its_own_answer(
    tmp_path: Path,
) -> None:
    async def slowest_first(payload: bytes) -> bytes:
        await asyncio.sleep(0.1 / int(payload))
        return payload

    async with worker(tmp_path, 0) as one, worker(tmp_path, 1, later=slowest_first):
        asked = [str(n).encode() for n in range(1, 200)]
        answers = await asyncio.gather(*(one.ask(1, "later", each) for each in asked))
        assert answers == asked
        (way,) = one._ways.values()
        assert len(way.hearing) == 1


async def test_a_worker_may_ask_itself_and_everybody(tmp_path: Path) -> None:
    async with worker(tmp_path, 0, echo=echo) as one:
        assert await one.ask(0, "echo", b"me") == b"heard me"
        async with worker(tmp_path, 1, echo=echo):
            assert await one.ask_all("echo", b"") == [b"heard ", b"heard "]


async def test_only_the_owner_of_the_node_can_ask(tmp_path: Path) -> None:
    async with worker(tmp_path, 1, echo=echo):
        folder = tmp_path / LONG
        assert stat.S_IMODE((folder / "1.sock").stat().st_mode) == 0o600
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


class NoUnixSockets(socket.socket):
    """As on a file system that has none."""

    def bind(self, address: object) -> None:
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))


async def test_a_file_system_without_unix_sockets_is_named_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(siblings.socket, "socket", NoUnixSockets)
    with pytest.raises(SettingsError) as refused:
        async with worker(tmp_path, 1):
            pass
    for said in ("'data_dir'", str(tmp_path / LONG), "not supported", "workers = 1"):
        assert said in str(refused.value)
    assert not list((tmp_path / LONG).iterdir())


async def test_who_does_not_answer_in_time_is_unavailable_and_the_next_question_is_heard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(siblings, "DEADLINE_S", 0.2)

    async def never(payload: bytes) -> bytes:
        await asyncio.Event().wait()
        return payload

    async with (
        worker(tmp_path, 0, never=never) as one,
        worker(tmp_path, 1, never=never, echo=echo),
    ):
        for slot in (0, 1):
            began = time.monotonic()
            with pytest.raises(SiblingUnavailable, match="in time"):
                await one.ask(slot, "never", b"")
            assert 0.2 <= time.monotonic() - began < 20
        assert await one.ask(1, "echo", b"") == b"heard "
        assert one._ways[1]._asked == one._ways[1]._bytes == 0


async def test_nobody_there_is_unavailable_after_the_deadline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(siblings, "DEADLINE_S", 0.1)
    async with worker(tmp_path, 0) as one:
        with pytest.raises(SiblingUnavailable):
            await one.ask(1, "echo", b"")


async def test_what_a_handler_raises_is_told_here_and_only_as_a_failure_there(
    tmp_path: Path,
) -> None:
    async def broken(payload: bytes) -> bytes:
        raise RuntimeError("the phone of somebody")

    async def too_long(payload: bytes) -> bytes:
        return bytes(siblings.FRAME_BYTES_MAX + 1)

    faults: Faults = []
    async with (
        worker(tmp_path, 0, faults) as one,
        worker(tmp_path, 1, faults, broken=broken, too_long=too_long),
    ):
        for subject in ("broken", "too_long", "unknown"):
            with pytest.raises(SiblingUnavailable) as told:
                await one.ask(1, subject, b"")
            assert "phone" not in str(told.value)
    assert [(where, str(error)) for where, error in faults] == [
        ("sibling broken", "the phone of somebody")
    ]


async def test_questions_at_once_are_bounded_in_number_and_in_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(siblings, "ASKED_MAX", 3)
    monkeypatch.setattr(siblings, "ASKED_BYTES_MAX", 1_000)
    free = asyncio.Event()

    async def wait(payload: bytes) -> bytes:
        await free.wait()
        return b""

    async with worker(tmp_path, 0) as one, worker(tmp_path, 1, wait=wait):
        some = [asyncio.create_task(one.ask(1, "wait", bytes(400))) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(SiblingUnavailable, match="too much"):
            await one.ask(1, "wait", bytes(400))
        some.append(asyncio.create_task(one.ask(1, "wait", b"")))
        await asyncio.sleep(0)
        with pytest.raises(SiblingUnavailable, match="too much"):
            await one.ask(1, "wait", b"")
        free.set()
        assert await asyncio.gather(*some) == [b"", b"", b""]
        assert await one.ask(1, "wait", b"") == b""


async def test_questions_to_a_worker_that_hangs_do_not_pile_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(siblings, "ASKED_BYTES_MAX", 1_000_000)
    monkeypatch.setattr(siblings, "DEADLINE_S", 0.05)
    is_over = asyncio.Event()

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(siblings._HEAD.pack(0, 0, siblings._Kind.WELCOME))
        await is_over.wait()  # it reads what fits its buffers, and no more
        writer.close()

    async with worker(tmp_path, 0) as one:
        with siblings._short(tmp_path / LONG / "1.sock") as path:
            listening = await asyncio.start_unix_server(hang, path, limit=1_000)
        for _ in range(40):
            with pytest.raises(SiblingUnavailable):
                await one.ask(1, "echo", bytes(200_000))
        (line,) = [one._ways[1]._line]
        assert line is not None
        assert line._writer.transport.get_write_buffer_size() < 1_500_000
        is_over.set()
        listening.close()


async def test_a_question_larger_than_a_frame_is_not_sent(tmp_path: Path) -> None:
    async with worker(tmp_path, 0) as one, worker(tmp_path, 1, echo=echo):
        with pytest.raises(SiblingUnavailable, match="too much"):
            await one.ask(1, "echo", bytes(siblings.FRAME_BYTES_MAX))


async def test_who_is_replaced_answers_what_it_holds_and_the_successor_all_else(
    tmp_path: Path,
) -> None:
    """Asked without a pause, through three successions: no question is lost."""
    heard: list[bytes] = []
    enough, is_over = asyncio.Event(), asyncio.Event()

    async def keep(payload: bytes) -> bytes:
        await asyncio.sleep(0.001 * (len(heard) % 7))
        heard.append(payload)
        if len(heard) % 50 == 0:
            enough.set()
        return payload

    async def ask_on(one: Siblings, who: int) -> list[bytes]:
        asked: list[bytes] = []
        while not is_over.is_set():
            asked.append(f"{who} {len(asked)}".encode())
            assert await one.ask(1, "keep", asked[-1]) == asked[-1]
        return asked

    async with worker(tmp_path, 0) as one, asyncio.TaskGroup() as group:
        asking = [group.create_task(ask_on(one, who)) for who in range(20)]
        for _ in range(8):
            enough.clear()
            async with worker(tmp_path, 1, keep=keep):
                await enough.wait()
        is_over.set()
        async with worker(tmp_path, 1, keep=keep):
            asked = [each for one_asked in asking for each in await one_asked]
        assert sorted(heard) == sorted(asked)


async def test_a_question_to_a_killed_worker_fails_at_once_and_the_next_waits_for_its_successor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(siblings, "DEADLINE_S", 60)
    folder = tmp_path / LONG
    folder.mkdir(mode=0o700)
    listening = socket.socket(socket.AF_UNIX)
    with siblings._short(folder / "1.sock") as path:
        listening.bind(path)
    listening.listen()
    listening.setblocking(False)
    async with worker(tmp_path, 0) as one:
        asking = asyncio.create_task(one.ask(1, "echo", b"first"))
        loop = asyncio.get_running_loop()
        there, _ = await loop.sock_accept(listening)
        await loop.sock_sendall(there, siblings._HEAD.pack(0, 0, siblings._Kind.WELCOME))
        await loop.sock_recv(there, 100)
        there.close()  # as the kernel does for a process that is killed
        listening.close()
        async with asyncio.timeout(30):  # long before the deadline
            with pytest.raises(SiblingUnavailable, match="gone"):
                await asking
        asking = asyncio.create_task(one.ask(1, "echo", b"second"))
        await asyncio.sleep(0.05)
        async with worker(tmp_path, 1, echo=echo):
            assert await asking == b"heard second"


@pytest.mark.parametrize(
    "frame",
    [
        siblings._HEAD.pack(20, 1, 4) + b"echo half",
        siblings._HEAD.pack(20, 1, 4)[:5],
        siblings._HEAD.pack(siblings.FRAME_BYTES_MAX + 1, 1, 4) + b"echo",
    ],
)
async def test_half_a_frame_is_never_handled_and_disturbs_nobody(
    tmp_path: Path, frame: bytes
) -> None:
    heard: list[bytes] = []

    async def keep(payload: bytes) -> bytes:
        heard.append(payload)
        return payload

    async with worker(tmp_path, 0) as one, worker(tmp_path, 1, keep=keep):
        with siblings._short(tmp_path / LONG / "1.sock") as path:
            reader, writer = await asyncio.open_unix_connection(path)
        writer.write(frame)
        writer.write_eof()
        await reader.read()  # the welcome, and the end
        writer.close()
        assert await one.ask(1, "keep", b"whole") == b"whole"
    assert heard == [b"whole"]


def test_each_key_has_one_slot_and_all_slots_have_keys() -> None:
    keys = [f"bap.example {n}" for n in range(3_000)]
    slots = [Share(0, 3).slot_of(key) for key in keys]
    assert slots == [Share(2, 3).slot_of(key) for key in keys]
    assert all(900 < slots.count(slot) < 1_100 for slot in range(3))
    assert Share(1, 3).slot_of("bap.example 1") == 1  # the same in every version: it is agreed upon
