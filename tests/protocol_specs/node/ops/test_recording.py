"""A recording is complete, in order, bounded, and never the node's trouble."""

from __future__ import annotations

import json
import stat
from pathlib import Path

from protocol_specs.node.ops import recording as module
from protocol_specs.node.ops.recording import PAUSE_S, Recording
from protocol_specs.validate.reading import conversations
from protocol_specs.validate.rules import judge
from protocol_specs.wire import strict_json
from tests.protocol_specs.validate.stories import EVERY, TRANSACTION, files, ride
from tests.support.queues import quiet

NOW = 1_767_322_800


def recording(folder: Path, *, transactions_max: int = 100, bytes_max: int = 10**8) -> Recording:
    return Recording(folder, quiet(), transactions_max=transactions_max, bytes_max=bytes_max)


def said() -> list[tuple[str, bytes]]:
    recorded = files("trv10-2.1.0", ride)
    return [
        (document["context"]["action"], strict_json.dumps(document)) for _, document in recorded
    ]


def of(transaction_id: str, action: str = "search") -> bytes:
    return strict_json.dumps({"context": {"transaction_id": transaction_id, "action": action}})


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def bytes_in(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*.json"))


async def write_all(recorder: Recording, now: int = NOW) -> None:
    while await recorder.write_next(now):
        pass


async def test_every_conversation_is_judged_as_it_was_said(tmp_path: Path) -> None:
    for n, (name, story) in enumerate(EVERY):
        recorder = recording(tmp_path / str(n))
        for _, document in files(name, story):
            recorder.note(document["context"]["action"], strict_json.dumps(document))
        await write_all(recorder)
    judged = [judge(conversation) for conversation in conversations([tmp_path])]
    assert [verdict.faults for verdict in judged] == [()] * len(EVERY)


async def test_files_are_numbered_as_the_messages_came_and_only_their_owner_reads_them(
    tmp_path: Path,
) -> None:
    recorder = recording(tmp_path / "r")
    for action, body in said():
        recorder.note(action, body)
    await write_all(recorder)
    written = names(tmp_path / "r")
    assert written == [
        f"{TRANSACTION}/{n:02d}_{action}.json" for n, (action, _) in enumerate(said(), 1)
    ]
    file = tmp_path / "r" / written[0]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


async def test_what_is_sent_or_received_again_is_written_once(tmp_path: Path) -> None:
    recorder = recording(tmp_path)
    for _ in range(3):
        recorder.note("search", of("t1"))
    await write_all(recorder)
    assert names(tmp_path) == ["t1/01_search.json"]


async def test_after_a_restart_the_numbers_go_on(tmp_path: Path) -> None:
    for action in ("search", "on_search"):
        recorder = recording(tmp_path)
        recorder.note(action, of("t1", action))
        await write_all(recorder)
    assert names(tmp_path) == ["t1/01_search.json", "t1/02_on_search.json"]


async def test_a_transaction_id_of_a_peer_leads_nowhere_else(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    recorder = recording(folder)
    for name in ("../../evil", "/etc/x", "..", ".", ".hidden", "a" * 300, "a/b", "", "a\nb"):
        recorder.note("search", of(name))
    await write_all(recorder)
    written = names(folder)
    assert len(written) == 9
    assert all(name.startswith("other-") and name.count("/") == 1 for name in written)
    assert names(tmp_path) == [f"a/b/{name}" for name in written]


async def test_it_ends_at_so_many_conversations_and_goes_on_with_none(tmp_path: Path) -> None:
    recorder = recording(tmp_path, transactions_max=2)
    for n in range(5):
        recorder.note("search", of(f"t{n}"))
    await write_all(recorder)
    assert names(tmp_path) == ["t0/01_search.json", "t1/01_search.json"]
    recorder.note("search", of("t9"))
    assert not await recorder.write_next(NOW)


async def test_it_ends_at_so_many_bytes_also_of_an_earlier_run(tmp_path: Path) -> None:
    recorder = recording(tmp_path)
    recorder.note("search", of("t1"))
    await write_all(recorder)
    again = recording(tmp_path, bytes_max=bytes_in(tmp_path) + 10)
    again.note("search", of("t2"))
    await write_all(again)
    assert names(tmp_path) == ["t1/01_search.json"]


async def test_a_folder_that_cannot_be_written_pauses_it_and_raises_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    recorder = recording(tmp_path / "file")
    recorder.note("search", of("t1"))
    assert not await recorder.write_next(NOW)
    recorder.note("search", of("t2"))
    assert not await recorder.write_next(NOW + PAUSE_S - 1)
    (tmp_path / "file").unlink()
    assert await recorder.write_next(NOW + PAUSE_S)
    assert names(tmp_path) == ["file/t2/01_search.json"]


async def test_what_waits_is_bounded(tmp_path: Path) -> None:
    recorder = recording(tmp_path)
    large = strict_json.dumps({"context": {"transaction_id": "t"}, "message": "x" * 1_000_000})
    for _ in range(module.WAITING_BYTES_MAX // len(large) + 10):
        recorder.note("search", large)
    assert recorder._waiting_bytes <= module.WAITING_BYTES_MAX


async def test_the_end_of_the_node_writes_what_waits(tmp_path: Path) -> None:
    recorder = recording(tmp_path)
    recorder.note("search", of("t1"))
    recorder.flush()
    assert json.loads((tmp_path / "t1/01_search.json").read_text())["context"]["action"] == "search"
