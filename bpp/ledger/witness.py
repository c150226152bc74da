"""The witness: a file outside the data folder to which every signed head is appended and synced.

Whoever cuts, rewrites or restores the database cannot take back what stands here. One JSON line a
head; give copies to others.
"""

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bpp.ledger import head, sealing
from bpp.ledger.entry import LedgerError
from protocol_specs.node.store import Row, Session
from protocol_specs.wire import strict_json
from protocol_specs.wire.errors import Malformed
from protocol_specs.wire.keys import b64encode, strict_b64decode

TAIL_BYTES = 4096  # holds several heads


class BadWitness(LedgerError):
    """The witness file cannot be read as one; the text names the line."""


@dataclass(frozen=True, slots=True)
class Witnessed:
    """One line of the file."""

    head: head.Head
    signature: bytes


def read(path: Path) -> list[Witnessed]:
    """Every head in the file at once; as `heads`."""
    return list(heads(path))


def heads(path: Path) -> Iterator[Witnessed]:
    """Every head in the file, as written; a torn last line (a crash while writing) is left out.

    Raises BadWitness naming the line, or a missing file, and OSError when it cannot be read.
    """
    try:
        file = path.open("rb")
    except FileNotFoundError:
        raise BadWitness(
            f"{path}: the witness is missing, though blocks were sealed. Name the file of the "
            "setting insurance.witness, or a copy of it kept elsewhere"
        ) from None
    with file:
        for n, line in enumerate(file, 1):
            if line.endswith(b"\n") and line != b"\n":
                yield _parse(line[:-1], f"{path}, line {n}")


def _parse(line: bytes, place: str) -> Witnessed:
    try:
        document = strict_json.parse(line)
        return Witnessed(
            head.read_head(document.get("head")), strict_b64decode(str(document.get("signature")))
        )
    except (Malformed, ValueError) as error:
        raise BadWitness(f"{place}: {error}") from None


class Witness:
    """Appends heads to the file. One process, the sealer's, writes it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._last: head.Head | None = None
        self._is_read = False

    def witness_next(self, session: Session, now: int) -> bool:
        """Appends the committed heads that the file lacks, synced; False: it had them all.

        Reads the database only, so it may run after the commit that sealed. Raises LedgerError
        when the file holds a head that this ledger does not: see `compare`.
        """
        if not self._is_read:
            self.compare(session)
        number = self._last.number if self._last else 0
        missing = sealing.blocks_after(session, number)
        if not missing:
            return False
        self._append(missing)
        self._last = sealing.head_of(missing[-1])
        return True

    def begin(self, session: Session) -> None:
        """At a node's start: makes the file with the books, or compares. Raises LedgerError.

        So a missing file never means "not written yet": who takes it away and restores a backup
        would else get a new one that vouches for the backup.
        """
        if not self.path.exists():
            if sealing.last_number(session):
                raise LedgerError(
                    f"the witness {self.path} is missing, though blocks were sealed. Restore it "
                    "from a copy. If there is none, make an empty file there by hand: the witness "
                    "then begins anew, and vouches for nothing before this day"
                )
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.touch()
            _sync_folder(self.path.parent)
        self.compare(session)

    def compare(self, session: Session) -> None:
        """Raises LedgerError when the ledger is not the one witnessed last: cut, or restored."""
        last = _last(self.path)
        if last is not None:
            for fault in compare(session, [last]):
                raise LedgerError(f"{fault} (witness {self.path})")
            self._last = last.head
        self._is_read = True

    def _append(self, blocks: Sequence[Row]) -> None:
        lines = [
            json.dumps(
                {
                    "head": sealing.head_of(block).document(),
                    "signature": b64encode(block["signature"]),
                }
            )
            for block in blocks
        ]
        is_new = not self.path.exists()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab") as file:
            file.write("".join(line + "\n" for line in lines).encode("ascii"))
            file.flush()
            os.fsync(file.fileno())
        if is_new:
            _sync_folder(self.path.parent)


def compare(session: Session, witnessed: Iterable[Witnessed]) -> Iterator[str]:
    """What of the witnessed heads this ledger no longer holds, a sentence each."""
    last, furthest = sealing.last_number(session), 0
    for line in witnessed:
        furthest = max(furthest, line.head.number)
        found = sealing.block_of(session, line.head.number)
        if line.head.number <= last and (
            found is None or bytes(found["head"]) != line.head.bytes()
        ):
            yield (
                f"block {line.head.number} is not the one the witness holds: the chain was "
                "written anew, or went on from an older backup"
            )
    if furthest > last:
        yield (
            f"the ledger ends at block {last}, the witness holds block {furthest}: "
            "the tail was cut off, or an older backup was restored"
        )


def _last(path: Path) -> Witnessed | None:
    """The last head, read from the end: in years the file grows by millions of lines.

    A torn last line, left by a crash while appending, is cut off: its head is appended again.
    """
    if not path.exists():
        return None
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - TAIL_BYTES))
        tail = file.read()
    whole, newline, torn = tail.rpartition(b"\n")
    if torn:
        if size > TAIL_BYTES and not newline:
            raise BadWitness(f"{path}: its last line is far too long for a head")
        os.truncate(path, size - len(torn))
    if not newline:
        return None
    return _parse(whole.rstrip(b"\n").rpartition(b"\n")[2], f"{path}, last line")


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
