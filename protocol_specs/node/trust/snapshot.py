"""The registry's signed snapshot: all records of our domains, kept on disk for when it is down.

GET /snapshot answers `{"registry", "sequence", "issued_at", "max_age_s", "records": [...]}`, signed
like every answer. The file holds these very bytes, so that they are verified once more when a node
starts. Records stay in the file: in memory there is only where each of them begins, so that a
network of a hundred thousand costs a node some megabytes and not some hundred.
"""

from __future__ import annotations

import binascii
import mmap
import os
import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b, sha256
from pathlib import Path
from typing import Any

import orjson

from protocol_specs.node.trust.records import BadRecord, places_of, read_records
from protocol_specs.wire import strict_json, timestamp
from protocol_specs.wire.answers import verify_kept
from protocol_specs.wire.errors import Refused
from protocol_specs.wire.parties import Subscriber
from protocol_specs.wire.signing import digest

MAX_AGE_S_MAX = 86_400  # whatever a network's policy says
SEAL_BYTES_MAX = 8_192
TAG_CHARS = 40  # of the hexadecimal SHA-256 over max_age_s and the records as they stand

_STRING = rb'"(?:[^"\\]++|\\.)*+"'
_OBJECT = rb"\{(?:[^{}\"]++|" + _STRING + rb")*+\}"
for _ in range(4):  # a record, and what it may hold
    _OBJECT = rb"\{(?:[^{}\"]++|" + _STRING + rb"|" + _OBJECT + rb")*+\}"
_RECORD = re.compile(rb"[\s,]*+(" + _OBJECT + rb")", re.DOTALL)
_RECORDS = re.compile(
    rb"\s*+\{(?:[^\[\]{}\"]++|(?!\"records\")" + _STRING + rb"|" + _OBJECT + rb")*+"
    rb"\"records\"\s*+:\s*+\[",
    re.DOTALL,
)

_INDEX = """
CREATE TABLE record (
    subscriber_id TEXT, unique_key_id TEXT, type TEXT, domain TEXT, cities TEXT,
    start INTEGER, size INTEGER
) STRICT;
CREATE INDEX by_key ON record (subscriber_id, unique_key_id);
CREATE INDEX by_place ON record (domain, type);
"""
_INSERT = "INSERT INTO record VALUES (?, ?, ?, ?, ?, ?, ?)"
_FILTERS = {
    "subscriber_id": "subscriber_id = :subscriber_id",
    "key_id": "unique_key_id = :key_id",
    "type": "type = :type",
    "domain": "domain = :domain",
    "city": "(instr(cities, ',' || :city || ',') OR instr(cities, ',*,'))",
}


@dataclass(frozen=True, slots=True)
class Seal:
    """What vouches for a snapshot: its entity tag, and the registry's signature over its bytes."""

    etag: str
    signature: str

    def line(self) -> bytes:
        """As it stands behind the bytes of the snapshot."""
        return b"\n" + orjson.dumps({"etag": self.etag, "signature": self.signature})


@dataclass(frozen=True, slots=True)
class Head:
    """What a snapshot says of itself. `sequence`: the number of the last change of the directory;
    `max_age_s`: how long the network lets nodes go on with it; a day at most."""

    registry: str
    sequence: int
    issued_at: int
    max_age_s: int


class BadSnapshot(ValueError):
    """Bytes that are no snapshot of our registry; the text says why."""


class Snapshot:
    """One verified snapshot in an open file. Close it when another takes its place.

    `confirmed_at`: the newest moment for which the registry vouched for it, in its own words.
    """

    def __init__(
        self, file: int, *, etag: str, head: Head, index: sqlite3.Connection, confirmed_at: int
    ) -> None:
        self.etag, self.head, self.confirmed_at = etag, head, confirmed_at
        self._file, self._index = file, index

    @staticmethod
    def open(path: Path, registry: Subscriber) -> Snapshot:
        """The snapshot in the file at `path`, verified with the key of `registry`.

        Raises BadSnapshot, or OSError when the file cannot be read.
        """
        file = os.open(path, os.O_RDONLY)
        try:
            with mmap.mmap(file, 0, access=mmap.ACCESS_READ) as content:
                seal, size = _seal_of(content)
                made_at = _verify(memoryview(content), size, seal, registry)
                head, index = _read(content, size, seal.etag, registry.subscriber_id)
        except (ValueError, Refused) as fault:  # ValueError: also of mmap, for an empty file
            os.close(file)
            raise BadSnapshot(str(fault)) from None
        return Snapshot(file, etag=seal.etag, head=head, index=index, confirmed_at=made_at)

    def confirm(self, line: str, registry: Subscriber) -> None:
        """Take note of a signature by which the registry said that nothing had changed.

        It is over the entity tag alone. Raises Unauthenticated.
        """
        header = verify_kept(line, digest(self.etag.encode()), registry)
        self.confirmed_at = max(self.confirmed_at, header.created)

    def age_s(self, now: float) -> float:
        """Seconds since the registry last confirmed it."""
        return max(0.0, now - self.confirmed_at)

    def find(self, question: Mapping[str, str]) -> list[Subscriber]:
        """The records that match a look-up, as the registry would answer it. Others than usable
        ones may be among them, as in every answer of a registry."""
        return self.read(self.places(question))

    def places(self, question: Mapping[str, str]) -> list[tuple[int, int]]:
        """Where the records that match a look-up stand: start and size, in bytes."""
        names = [name for name in _FILTERS if question.get(name, "*") != "*"]
        where = " AND ".join(_FILTERS[name] for name in names) or "1"
        found = self._index.execute(
            f"SELECT start, size FROM record WHERE {where}",  # noqa: S608  our own words only
            {name: question[name] for name in names},
        )
        return found.fetchall()

    def read(self, places: Sequence[tuple[int, int]]) -> list[Subscriber]:
        """The records that stand there: about 0.1 ms each."""
        return read_records([self._record(start, size) for start, size in places])

    def close(self) -> None:
        """Give back the file and the index."""
        self._index.close()
        os.close(self._file)

    def _record(self, start: int, size: int) -> dict[str, Any]:
        return strict_json.parse(os.pread(self._file, size, start))


def digest_of(hashed: Any) -> str:
    """The digest of bytes that were hashed in parts, as a signing string names it."""
    return binascii.b2a_base64(hashed.digest(), newline=False).decode("ascii")


def _seal_of(content: mmap.mmap) -> tuple[Seal, int]:
    """The seal behind the snapshot's bytes, and how many bytes these are."""
    size = content.rfind(b"\n", max(0, len(content) - SEAL_BYTES_MAX))
    if size < 0:
        raise BadSnapshot("it has no seal")
    try:
        return Seal(**orjson.loads(content[size:])), size
    except TypeError:
        raise BadSnapshot("its seal cannot be read") from None


def _verify(content: memoryview, size: int, seal: Seal, registry: Subscriber) -> int:
    """When the registry signed these bytes. Raises Unauthenticated."""
    with content, content[:size] as body:
        return verify_kept(seal.signature, digest_of(blake2b(body)), registry).created


def _read(
    content: mmap.mmap, size: int, etag: str, registry_id: str
) -> tuple[Head, sqlite3.Connection]:
    """The head, and the index of what stands where; record by record, never all at once."""
    opening = _RECORDS.match(content, 0, size)
    if opening is None:
        raise BadSnapshot("it has no records")
    index, end = sqlite3.connect(":memory:", check_same_thread=False), [opening.end()]
    try:
        index.executescript(_INDEX)
        index.executemany(_INSERT, _places(content, end, size))
        index.commit()
        document = strict_json.parse(content[: opening.end()] + content[end[0] : size])
        head = _head(document, registry_id)
        _check_tag(etag, head.max_age_s, content, opening.end() - 1, end[0])
    except (ValueError, Refused):
        index.close()
        raise
    return head, index


def _check_tag(etag: str, max_age_s: int, content: mmap.mmap, start: int, end: int) -> None:
    """Raise unless the entity tag is that of these records: a 304 vouches for nothing else."""
    close = content.find(b"]", end)
    with memoryview(content) as whole, whole[start : close + 1] as records:
        stated = sha256(b"%d" % max_age_s)
        stated.update(records)
    if etag != f'"{stated.hexdigest()[:TAG_CHARS]}"':
        raise BadSnapshot("its entity tag is not that of its records")


def _places(content: mmap.mmap, end: list[int], size: int) -> Iterator[tuple[str | int, ...]]:
    """A row of the index for each record; `end[0]` moves on behind the record last read."""
    while (found := _RECORD.match(content, end[0], size)) is not None:
        end[0] = found.end()
        try:
            yield (*places_of(orjson.loads(found[1])), found.start(1), len(found[1]))
        except BadRecord:
            continue


def _head(document: dict[str, Any], registry_id: str) -> Head:
    """The head of a snapshot whose records were taken out. Raises BadSnapshot."""
    if document.get("records") != []:
        raise BadSnapshot("its records cannot be read to the end")
    if document.get("registry") != registry_id:
        raise BadSnapshot("it is of another registry")
    sequence, max_age_s = document.get("sequence"), document.get("max_age_s")
    if type(sequence) is not int or type(max_age_s) is not int:
        raise BadSnapshot("sequence and max_age_s must be whole numbers")
    if not 0 < max_age_s <= MAX_AGE_S_MAX:
        raise BadSnapshot(f"max_age_s is {max_age_s}; 1 to {MAX_AGE_S_MAX} is taken")
    issued_at = timestamp.parse_ms(str(document.get("issued_at"))) // 1000
    return Head(registry_id, sequence, issued_at, max_age_s)
