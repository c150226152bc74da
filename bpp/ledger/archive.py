"""All books as files that any program reads: JSON Lines a table, and a manifest with their hashes.

docs/money.md, taking the books along. Import goes into empty books only, in one transaction, kept
only if every hash holds and the whole verifies.
"""

import hashlib
import json
import os
from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import (
    BigInteger,
    LargeBinary,
    Table,
    bindparam,
    delete,
    insert,
    literal,
    select,
    tuple_,
)

from bpp.ledger import sealing, verify
from bpp.ledger.tables import SealedLeaf, Unsealed
from protocol_specs.node.store import Conflict, Session, Statement
from protocol_specs.wire import keys, strict_json
from protocol_specs.wire.errors import Malformed

FORMAT, VERSION, MANIFEST = "wayfare books", 1, "manifest.json"
ROWS_AT_ONCE = 1000
LINE_BYTES_MAX = 1024 * 1024
MANIFEST_BYTES_MAX = 1024 * 1024

_unsealed = Unsealed.__table__
_SEALED = Statement(
    delete(_unsealed).where(_unsealed.c.entry.in_(select(SealedLeaf.__table__.c.entry)))
)


class BadArchive(Exception):
    """The files cannot be taken; the text names the file and the line."""


@dataclass(frozen=True, slots=True)
class Written:
    """One table's file: its columns by name and kind (integer, text, base64), rows, SHA-256."""

    table: str
    file: str
    columns: dict[str, str]
    rows: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What lies beside it. `head` is the newest block's hash, None before the first."""

    format: str
    version: int
    ledger_key: str
    blocks: int
    head: str | None
    tables: tuple[Written, ...]


def export(session: Session, folder: Path, tables: Sequence[Table], public: bytes) -> Manifest:
    """Writes every row of these tables, readable by their owner alone; the manifest comes last.

    Raises FileExistsError unless the folder is new or empty.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise FileExistsError(f"{folder} is not empty")
    found = Manifest(
        format=FORMAT,
        version=VERSION,
        ledger_key=keys.b64encode(public),
        blocks=sealing.last_number(session),
        head=_head(session),
        tables=tuple(_write(session, folder, table) for table in tables),
    )
    _save(folder / MANIFEST, [json.dumps(asdict(found), indent=1).encode() + b"\n"])
    return found


def import_(
    session: Session, folder: Path, tables: Sequence[Table], public: bytes, witness: Path | None
) -> Manifest:
    """Takes the files into empty books, in the caller's transaction; raises BadArchive, OSError."""
    manifest = read_manifest(folder)
    if manifest.ledger_key != keys.b64encode(public):
        raise BadArchive(
            f"{MANIFEST}: these books are sealed with the ledger key {manifest.ledger_key}; give "
            "the new node that key's file (insurance.ledger_key)"
        )
    by_name = {written.table: written for written in manifest.tables}
    if by_name.keys() != {table.name for table in tables}:
        names = sorted(by_name.keys() ^ {table.name for table in tables})
        raise BadArchive(f"{MANIFEST}: other tables than this version's ({', '.join(names)})")
    for table in tables:
        if session.one(Statement(select(literal(1)).select_from(table).limit(1))) is not None:
            raise BadArchive(f"these books are not empty: {table.name} has rows; nothing was taken")
    for table in tables:
        _take(session, folder, table, by_name[table.name])
    session.run(_SEALED)
    if (sealing.last_number(session), _head(session)) != (manifest.blocks, manifest.head):
        raise BadArchive(f"{MANIFEST}: its newest head is not the one of the block's file")
    report = verify.report(session, witness, public)
    if not report.is_sound:
        raise BadArchive(f"the books in {folder} do not hold: {report.faults[0]}")
    return manifest


def read_manifest(folder: Path) -> Manifest:
    """Raises BadArchive, OSError."""
    raw = (folder / MANIFEST).read_bytes()[: MANIFEST_BYTES_MAX + 1]
    try:
        document = strict_json.parse(raw)
        if (document.get("format"), document.get("version")) != (FORMAT, VERSION):
            raise BadArchive(f"{MANIFEST}: it is not of the format {FORMAT!r} {VERSION}")
        tables = tuple(Written(**each) for each in document.pop("tables"))
        return Manifest(**document, tables=tables)
    except (Malformed, TypeError, KeyError) as error:
        raise BadArchive(f"{MANIFEST}: {error}") from None


def _head(session: Session) -> str | None:
    newest = sealing.block_of(session, sealing.last_number(session))
    return hashlib.sha256(newest["head"]).hexdigest() if newest else None


def _write(session: Session, folder: Path, table: Table) -> Written:
    digest, rows = hashlib.sha256(), 0

    def lines() -> Iterator[bytes]:
        nonlocal rows
        for line in _lines(session, table):
            digest.update(line)
            rows += 1
            yield line

    file = f"{table.name}.jsonl"
    _save(folder / file, lines())
    return Written(table.name, file, _kinds(table), rows, digest.hexdigest())


def _lines(session: Session, table: Table) -> Iterator[bytes]:
    """Every row, in the order of its key: the same books give the same file."""
    key = list(table.primary_key.columns)
    first = select(*table.columns).order_by(*key).limit(ROWS_AT_ONCE)
    last = tuple_(*(bindparam(f"after_{column.name}") for column in key))
    some, rest = Statement(first), Statement(first.where(tuple_(*key) > last))
    kinds, rows = _kinds(table), session.all(some)
    while rows:
        at, page = rows[-1], rows
        rows = session.all(rest, **{f"after_{column.name}": at[column.name] for column in key})
        for row in page:
            values = {
                name: b64encode(row[name]).decode() if kind == "base64" and row[name] else row[name]
                for name, kind in kinds.items()
            }
            yield json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _take(session: Session, folder: Path, table: Table, written: Written) -> None:
    """Inserts a file's rows. Raises BadArchive, and the caller's transaction is undone."""
    if written.columns != _kinds(table) or written.file != f"{table.name}.jsonl":
        raise BadArchive(f"{MANIFEST}: {table.name} has other columns than this version's")
    new, digest, rows = Statement(insert(table)), hashlib.sha256(), 0
    with (folder / written.file).open("rb") as file:
        while line := file.readline(LINE_BYTES_MAX + 1):
            rows += 1
            place = f"{written.file}, line {rows}"
            digest.update(line)
            try:
                session.run(new, **_values(line, table, place))
            except Conflict as refused:
                raise BadArchive(f"{place}: {refused}") from None
    if rows != written.rows or digest.hexdigest() != written.sha256:
        raise BadArchive(
            f"{written.file}: its {rows} rows are not the {written.rows} that the manifest vouches "
            "for: it was changed after it was written"
        )


def _values(line: bytes, table: Table, place: str) -> dict[str, Any]:
    if len(line) > LINE_BYTES_MAX or not line.endswith(b"\n"):
        raise BadArchive(f"{place}: the line is too long, or the file was cut")
    kinds = _kinds(table)
    try:
        found = strict_json.parse(line)
        if found.keys() != kinds.keys():
            raise BadArchive(f"{place}: other columns than {', '.join(kinds)}")
        return {name: _value(found[name], kind) for name, kind in kinds.items()}
    except (Malformed, ValueError) as error:
        raise BadArchive(f"{place}: {error}") from None


def _value(value: Any, kind: str) -> Any:
    if value is None:
        return None
    if type(value) is not (int if kind == "integer" else str):
        raise ValueError(f"{value!r} is not {kind}")
    return keys.strict_b64decode(str(value)) if kind == "base64" else value


def _kinds(table: Table) -> dict[str, str]:
    def kind(column: Any) -> str:
        if isinstance(column.type, BigInteger):
            return "integer"
        return "base64" if isinstance(column.type, LargeBinary) else "text"

    return {column.name: kind(column) for column in table.columns}


def _save(path: Path, lines: Iterator[bytes] | list[bytes]) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.writelines(lines)
        file.flush()
        os.fsync(file.fileno())
