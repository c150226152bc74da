"""The books at work: posting with sealing against bare inserts of the same rows, and verifying."""

import resource
import secrets
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bpp.ledger import chart, journal, verify
from bpp.ledger import tables as ledger_tables
from bpp.ledger.entry import Entry, Transfer
from bpp.ledger.sealing import LEAVES_MAX, Sealer
from bpp.ledger.witness import Witness
from bpp.tables import METADATA
from protocol_specs.node.database.sqlite import FILE_NAME
from protocol_specs.node.store import Session, Store
from protocol_specs.wire.keys import SigningKey, b64encode, generate_signing_key

NOW = 1_783_000_000
WORKERS = 500
PER_COMMIT = 64
ROUNDS = 5
TABLES = ("account", "entry", "transfer", "block", "sealed_leaf", "leaf_salt")


def measure(*, posted: int, verified: int) -> dict[str, Any]:
    """`posted` entries in rounds, one round of ours and one of the floor; `verified` in one go."""
    return {**posting(posted), **verifying(verified)}


def entries(count: int, first: int = 0) -> Iterator[Entry]:
    """Jobs of a month as they come: the fare's entry, and the contribution's, in turn."""
    for n in range(first, first + count):
        worker = f"w{n * 7919 % WORKERS:016x}"
        aside = chart.contribution_set_aside("my.scheme", worker, "2026-07")
        due = chart.contribution_due("my.scheme", worker, "2026-07")
        pay, contra = chart.worker_pay(worker), chart.set_aside_contra_of(worker)
        fare = (
            Transfer(chart.due_from_collector(), pay, 1600),
            Transfer(chart.due_from_collector(), chart.commission(), 400),
        )
        contribution = (Transfer(pay, contra, 20), Transfer(aside, due, 20))
        yield Entry(
            id=f"{'fare' if n % 2 else 'my.scheme'}/{n:032x}/1/2",
            at=NOW + n,
            kind="completed",
            order_key=f"{n:032x}",
            origin_period="2026-07",
            declared_in="2026-07",
            currency="MYR",
            transfers=fare if n % 2 else contribution,
        )


def posting(count: int) -> dict[str, Any]:
    """Entries a second, sealed, of the same rows inserted bare into the same tables; on one disk,
    as many to a commit, in turns."""
    ours_s, bare_s, per_round = 0.0, 0.0, count // ROUNDS
    with tempfile.TemporaryDirectory() as folder:
        key = generate_signing_key()
        store = Store.open(Path(folder) / "ours", METADATA, triggers=ledger_tables.TRIGGERS)
        Store.open(Path(folder) / "bare", METADATA).close()
        bare = sqlite3.connect(Path(folder) / "bare" / FILE_NAME, isolation_level=None)
        for pragma in ("synchronous=FULL", "foreign_keys=ON", "wal_autocheckpoint=4000"):
            bare.execute(f"PRAGMA {pragma}")
        source = sqlite3.connect(Path(folder) / "ours" / FILE_NAME)
        seen = dict.fromkeys(TABLES, 0)
        for n in range(ROUNDS):
            batch = list(entries(per_round, n * per_round))
            ours_s += _post(store, Sealer(key), batch)
            bare_s += _insert(bare, source, seen)
        for connection in (source, bare):
            connection.close()
        store.close()
    return {
        "entries_per_s": round(count / ours_s),
        "bare_entries_per_s": round(count / bare_s),
        "share_of_bare_inserts": round(bare_s / ours_s, 3),
    }


def _post(store: Store, sealer: Sealer, batch: list[Entry]) -> float:
    started = time.perf_counter()
    for at in range(0, len(batch), PER_COMMIT):

        def unit(session: Session, some: list[Entry] = batch[at : at + PER_COMMIT]) -> None:
            for entry in some:
                journal.post(session, entry)

        store.transact_now(unit)
    while store.transact_now(lambda session: sealer.seal_next(session, NOW)):
        pass
    return time.perf_counter() - started


def _insert(bare: sqlite3.Connection, source: sqlite3.Connection, seen: dict[str, int]) -> float:
    """The rows that the round of ours wrote, read beforehand: one INSERT each, in its commits."""
    rows = {table: _written(source, table, seen) for table in TABLES}
    each = len(rows["transfer"]) // len(rows["entry"])
    commits = [[("account", row) for row in rows["account"]]]
    for at in range(0, len(rows["entry"]), PER_COMMIT):
        commits.append(
            [("entry", row) for row in rows["entry"][at : at + PER_COMMIT]]
            + [("transfer", row) for row in rows["transfer"][at * each : (at + PER_COMMIT) * each]]
        )
    for n, block in enumerate(rows["block"]):
        of_block = slice(n * LEAVES_MAX, (n + 1) * LEAVES_MAX)
        leaves = [("sealed_leaf", row) for row in rows["sealed_leaf"][of_block]]
        salts = [("leaf_salt", row) for row in rows["leaf_salt"][of_block]]
        commits.append([("block", block), *leaves, *salts])
    insert = {table: _insert_into(table, len(rows[table][0])) for table in TABLES if rows[table]}
    started = time.perf_counter()
    for commit in commits:
        bare.execute("BEGIN IMMEDIATE")
        for table, row in commit:
            bare.execute(insert[table], row)
        bare.execute("COMMIT")
    return time.perf_counter() - started


def _written(source: sqlite3.Connection, table: str, seen: dict[str, int]) -> list[Any]:
    written = f"SELECT rowid, * FROM {table} WHERE rowid > ? ORDER BY rowid"  # noqa: S608
    found = source.execute(written, (seen[table],)).fetchall()
    seen[table] = found[-1][0] if found else seen[table]
    return [row[1:] for row in found]


def _insert_into(table: str, columns: int) -> str:
    return f"INSERT INTO {table} VALUES ({','.join('?' * columns)})"  # noqa: S608


def verifying(count: int) -> dict[str, Any]:
    """Time and memory of one `verify` with the witness, in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        key = generate_signing_key()
        generate(Path(folder), key, count)
        words = [sys.executable, "-m", "benchmarks.ledger", folder, b64encode(key.public)]
        said = subprocess.run(words, check=True, capture_output=True, text=True).stdout.split()
    return {
        "verified_entries": count,
        "verify_s": float(said[0]),
        "verify_s_per_million": round(float(said[0]) * 1e6 / count, 1),
        "verify_resident_mb": float(said[1]),
    }


def generate(folder: Path, key: SigningKey, count: int) -> None:
    """Books of that many entries, sealed and witnessed, without a sync on the way."""
    Store.open(folder / "data", METADATA, triggers=ledger_tables.TRIGGERS).close()
    quick = sqlite3.connect(folder / "data" / FILE_NAME, isolation_level=None)
    quick.execute("PRAGMA journal_mode=OFF")
    quick.execute("PRAGMA synchronous=OFF")
    quick.row_factory = sqlite3.Row
    session, sealer = Session(quick, {}), Sealer(key, salt=lambda: secrets.token_bytes(16))
    quick.execute("BEGIN")
    for n, entry in enumerate(entries(count), 1):
        journal.post(session, entry)
        if n % LEAVES_MAX == 0:
            sealer.seal_next(session, NOW)
    sealer.seal_next(session, NOW)
    quick.execute("COMMIT")
    witness = Witness(folder / "heads.jsonl")
    while witness.witness_next(session, NOW):
        pass
    quick.execute("PRAGMA journal_mode=WAL")
    quick.close()


def verify_here(folder: Path, public: str) -> None:
    """In the process of its own: seconds of CPU, and the peak of resident memory in MB."""
    from protocol_specs.wire.keys import public_key

    store = Store.read_only(folder / "data")
    started = time.process_time()
    report = verify.verify(store, folder / "heads.jsonl", public_key(public))
    took_s = time.process_time() - started
    if not report.is_sound or report.waiting:
        raise RuntimeError(f"sound books do not verify: {report.faults[:1]}")
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(round(took_s, 2), round(peak_mb, 1))


if __name__ == "__main__":
    verify_here(Path(sys.argv[1]), sys.argv[2])
