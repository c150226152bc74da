"""A month's close at three sizes: time and memory, whether they grow in line, what ten times the
largest would take."""

import json
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bpp.insurance.remittance import closing, reading
from bpp.insurance.remittance.commands import Beside
from bpp.insurance.scheme_file import load
from bpp.schema import TRIGGERS
from bpp.tables import METADATA
from protocol_specs.node.database.sqlite import FILE_NAME
from protocol_specs.node.store import Store

SCHEME, PERIOD, NOW = "my.act872.gig", "2026-07", 1_785_900_000  # 5 August 2026
WORKERS, JOBS = 10_000, 1_000_000
EACH_MINOR = 20

_WAITS = next(each for each in TRIGGERS if "entry_waits_for_a_block" in each)
_W = "'w' || printf('%016x', i % :workers)"
_OF = ":scheme || ':' || " + _W + " || ':' || :period"
_ENTRY = ":scheme || '/' || printf('%032x', i) || '/1/2'"
_N = "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {} - 1) "
_SEQ = "1 + i / :workers"
_SO_FAR = f":each * ({_SEQ})"


def _rows(of: str, table: str, values: str) -> str:
    """A row of constants and of the number `i` for each of so many."""
    return _N.format(of) + f"INSERT INTO {table} SELECT {values} FROM n"  # noqa: S608 - our own


_FILLED = (
    *(
        _rows(
            ":workers", "account",
            f"'{number}:' || {_OF}, 'MYR', {number}, {_W}, :scheme, :period, NULL",
        )
        for number in (2200, 2210)
    ),
    _rows(
        ":jobs", "entry",
        f"{_ENTRY}, 'MYR', :at + i, 'completed', printf('%032x', i), :period, :period, NULL",
    ),
    _rows(":jobs", "transfer", f"{_ENTRY}, 1, 'MYR', '2200:' || {_OF}, '2210:' || {_OF}, :each"),
    _rows(
        ":jobs", "contribution",
        f"{_ENTRY}, printf('%032x', i), :scheme, 1, 2, {_W}, :period, {_SEQ}, 'due', NULL, '20', "
        ":each, :each, 1, "
        + ", ".join(2 * (f"CAST({_SO_FAR} AS TEXT), {_SO_FAR}, {_SO_FAR}, 0, 0",)),
    ),
    _rows(":workers", "to_declare", f":scheme, :period, {_W}, :period"),
)  # fmt: skip


def measure(*, quick: bool) -> dict[str, Any]:
    """The close at 1/100, 1/10 and (unless `quick`) 1/1 of 10,000 workers and a million jobs."""
    found = {share: _one(WORKERS // share, JOBS // share) for share in (100, 10, 1)[: 3 - quick]}
    shares = sorted(found)
    largest, smallest = found[shares[0]], found[shares[-1]]
    per_job = {share: each["cpu_s"] * share for share, each in found.items()}
    grows = largest["resident_mb"] - smallest["resident_mb"]
    tenfold = 10 * shares[0]  # of the largest: 100,000 workers and 10 million jobs
    of_each = {
        f"1/{share} {key}": value for share, each in found.items() for key, value in each.items()
    }
    return {
        **of_each,
        "cpu_against_line": round(per_job[shares[0]] / per_job[shares[1]], 2),
        "memory_largest_to_smallest": round(largest["resident_mb"] / smallest["resident_mb"], 2),
        "tenfold_cpu_s": round(tenfold * largest["cpu_s"], 1),
        "tenfold_resident_mb": round(largest["resident_mb"] + tenfold * max(0, grows)),
    }


def _one(workers: int, jobs: int) -> dict[str, Any]:
    """One size, closed in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder), workers, jobs)
        words = [sys.executable, "-m", "benchmarks.close", folder]
        said = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    found: dict[str, Any] = json.loads(said)
    if found.pop("amount_minor") != jobs * EACH_MINOR or found["workers"] != workers:
        raise RuntimeError("the close declared something else than was due")
    return found


def generate(folder: Path, workers: int, jobs: int) -> None:
    """Books of one month: a due contribution of 0.20 each job, the workers in turn."""
    Store.open(folder, METADATA, triggers=TRIGGERS).close()
    quick = sqlite3.connect(folder / FILE_NAME, isolation_level=None)
    for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-400000"):
        quick.execute(f"PRAGMA {pragma}")
    quick.execute("DROP TRIGGER entry_waits_for_a_block")
    values = {
        "workers": workers, "jobs": jobs, "scheme": SCHEME, "period": PERIOD,
        "at": NOW - 40 * 86_400, "each": EACH_MINOR,
    }  # fmt: skip
    quick.execute("BEGIN")
    for statement in _FILLED:
        quick.execute(statement, {k: v for k, v in values.items() if f":{k}" in statement})
    quick.execute(_WAITS)
    quick.execute("COMMIT")
    quick.execute("PRAGMA journal_mode=WAL")
    quick.close()


def close_here(folder: Path) -> None:
    """In the process of its own: seconds, the longest that orders wait, the peak of memory."""
    store, known, scheme = Store.open_existing(folder), Beside(), load(SCHEME)
    started, worked = time.perf_counter(), time.process_time()
    id = store.transact_now(
        lambda session: closing.begin(session, scheme, PERIOD, by="bench", now=NOW)
    )
    going_on, after, longest = store.read(closing.unfinished)[0], "", 0.0
    while store.read(closing.unfinished):
        at = time.perf_counter()
        after = (
            store.transact_now(
                lambda session, a=after: closing.next_chunk(session, known, going_on, a, NOW)
            )
            or ""
        )
        longest = max(longest, time.perf_counter() - at)
    took, cpu = time.perf_counter() - started, time.process_time() - worked
    found = store.read(lambda session: reading.remittance(session, id))
    shown = {
        "s": round(took, 2),
        "cpu_s": round(cpu, 2),
        "longest_chunk_ms": round(1000 * longest),
        "resident_mb": _peak_mb(),
        "workers": found.workers if found else 0,
        "amount_minor": found.amount_minor if found else 0,
    }
    print(json.dumps(shown))


def _peak_mb() -> float:
    """Of this process alone: rusage would count what started it."""
    status = Path("/proc/self/status").read_text()
    line = next(each for each in status.splitlines() if each.startswith("VmHWM"))
    return round(int(line.split()[1]) / 1024, 1)


if __name__ == "__main__":
    close_here(Path(sys.argv[1]))
