"""Recording: what a node received and sent, people masked, as files that `wayfare validate` reads.

Off unless the setting `record` names a folder. It must never slow or fail the node: messages wait
in bounded memory, a thread writes them, and what goes wrong is logged and pauses the recording.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
from collections import OrderedDict, deque
from pathlib import Path

import orjson

from protocol_specs.node.ops.masking import Mask
from protocol_specs.node.settings import NodeSettings
from protocol_specs.node.telemetry.telemetry import Telemetry
from protocol_specs.wire import strict_json
from protocol_specs.wire.errors import Malformed

WAITING_BYTES_MAX = 16 * 1_048_576
BATCH = 100
PAUSE_S = 60
REMEMBERED = 10_000
"""Conversations whose numbers and repetitions are known without looking at the folder."""

_PLAIN = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}")
_ACTION = re.compile(r"[a-z_]{1,64}")


class Recording:
    """One node's recording in `folder`: at most so many conversations and so many bytes.

    `note` is called for every message; `write_next` is the unit of a loop.
    """

    def __init__(
        self,
        folder: Path,
        telemetry: Telemetry,
        *,
        transactions_max: int,
        bytes_max: int,
    ) -> None:
        self.wake = asyncio.Event()
        self._folder, self._telemetry = folder, telemetry
        self._transactions_max, self._bytes_max = transactions_max, bytes_max
        self._mask = Mask(os.urandom(32))
        self._waiting: deque[tuple[str, bytes]] = deque()
        self._waiting_bytes = 0
        self._known: OrderedDict[str, _Pages] = OrderedDict()
        self._size: _Size | None = None
        self._paused_until = 0
        self._is_behind = self._is_full = False

    def note(self, action: str, body: bytes) -> None:
        """Take a message to be written. Returns at once and never raises; what does not fit into
        memory is left out, and that is logged once."""
        if self._is_full:
            return
        if self._waiting_bytes + len(body) > WAITING_BYTES_MAX:
            if not self._is_behind:
                self._telemetry.log("recording_behind", level="warning", waiting=len(self._waiting))
            self._is_behind = True
            return
        self._waiting.append((action, body))
        self._waiting_bytes += len(body)
        self.wake.set()

    async def write_next(self, now: int) -> bool:
        """Write some of what waits, in a thread; False when there is nothing or it is paused."""
        if not self._waiting or now < self._paused_until:
            return False
        batch = self._take()
        fault = await asyncio.to_thread(self._write, batch)
        if fault is not None:
            self._paused_until = now + PAUSE_S
            self._telemetry.log("recording_paused", level="error", error=type(fault).__name__)
        return fault is None

    def flush(self) -> None:
        """Write what waits; for the end of the node."""
        while self._waiting and self._write(self._take()) is None:
            pass

    def _take(self) -> list[tuple[str, bytes]]:
        batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
        self._waiting_bytes -= sum(len(body) for _, body in batch)
        if not self._waiting:
            self._is_behind = False
        return batch

    def _write(self, batch: list[tuple[str, bytes]]) -> OSError | None:
        """Write each; what it could not write is lost, and the error is given back."""
        try:
            size = self._measured()
            for action, body in batch:
                self._write_one(action, body, size)
        except OSError as error:
            return error
        return None

    def _write_one(self, action: str, body: bytes, size: _Size) -> None:
        try:
            document = strict_json.parse(body)
        except Malformed:
            return  # we send no such thing, and the door takes none
        name = _folder_of(document)
        pages = self._pages(name)
        digest = hashlib.sha256(body).digest()
        if digest in pages.written or not _ACTION.fullmatch(action):
            return  # sent or received again
        text = orjson.dumps(self._mask.message(document), option=orjson.OPT_INDENT_2) + b"\n"
        is_new = pages.count == 0
        if size.bytes + len(text) > self._bytes_max or (
            is_new and size.transactions >= self._transactions_max
        ):
            self._end()
            return
        pages.written.add(digest)
        pages.count += 1
        size.bytes += len(text)
        size.transactions += is_new
        write_file(self._folder / name / f"{pages.count:02d}_{action}.json", text)

    def _end(self) -> None:
        if not self._is_full:
            self._is_full = True
            self._telemetry.log("recording_full", level="warning")

    def _pages(self, name: str) -> _Pages:
        pages = self._known.get(name)
        if pages is None:
            pages = self._known[name] = _Pages(_files_in(self._folder / name))
        self._known.move_to_end(name)
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return pages

    def _measured(self) -> _Size:
        """How much is there, looked up once: the folder may be an earlier run's."""
        if self._size is None:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            folders = [path for path in self._folder.iterdir() if path.is_dir()]
            sizes = (file.stat().st_size for path in folders for file in path.iterdir())
            self._size = _Size(transactions=len(folders), bytes=sum(sizes))
        return self._size


def recording_of(settings: NodeSettings, telemetry: Telemetry) -> Recording | None:
    """The recording that the settings ask for, if they do."""
    if settings.record is None:
        return None
    limits = settings.limits
    return Recording(
        settings.record,
        telemetry,
        transactions_max=limits.record_transactions_max,
        bytes_max=limits.record_bytes_max,
    )


class _Pages:
    """What is known of one conversation: how many files, and which messages they are."""

    __slots__ = ("count", "written")

    def __init__(self, count: int) -> None:
        self.count = count
        self.written: set[bytes] = set()


class _Size:
    """What the recording holds."""

    __slots__ = ("bytes", "transactions")

    def __init__(self, *, transactions: int, bytes: int) -> None:
        self.transactions, self.bytes = transactions, bytes


def _folder_of(document: dict[str, object]) -> str:
    """A folder's name for a conversation: its transaction_id, or a digest of one that a peer made
    up to be somewhere else."""
    context = document.get("context")
    name = str(context.get("transaction_id")) if isinstance(context, dict) else "none"
    if _PLAIN.fullmatch(name):
        return name
    return "other-" + hashlib.sha256(name.encode()).hexdigest()[:32]


def _files_in(folder: Path) -> int:
    try:
        return sum(path.suffix == ".json" for path in folder.iterdir())
    except FileNotFoundError:
        return 0


def write_file(path: Path, text: bytes) -> None:
    """The whole file or none, readable by its owner alone."""
    path.parent.mkdir(exist_ok=True, mode=0o700)
    half = path.with_suffix(".part")
    handle = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(text)
    half.replace(path)
