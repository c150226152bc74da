"""Orders against contributions: `python -m benchmarks.reconciling [ORDERS]`, time and memory.

The rows are those that confirmed and completed jobs leave, without the work of posting them; one
contribution of them is removed, and must be what is found.
"""

import json
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Table, delete, insert

from bpp.insurance.reconcile import orders
from bpp.insurance.tables import ContributionRow, InsuredOrder, Projected
from bpp.ledger.tables import EntryRow
from bpp.orders.tables import OrderEventRow
from bpp.schema import TRIGGERS
from bpp.tables import METADATA
from protocol_specs.node.store import Session, Statement, Store

NOW = 1_783_000_000
SCHEME, WORKERS, PER_COMMIT = "my.act872.gig", 500, 10_000
TERMS = json.dumps({"commission_rate": "0.2", "finder_fee_rate": "0", "schemes": {SCHEME: {}}})


def measure(count: int) -> dict[str, Any]:
    """`count` orders of two events each; seconds of one whole look, and this process's peak."""
    with tempfile.TemporaryDirectory() as folder:
        triggers = [each for each in TRIGGERS if "contribution_no_delete" not in each]
        store = Store.open(Path(folder), METADATA, triggers=triggers)
        for first in range(0, count, PER_COMMIT):
            last = min(count, first + PER_COMMIT)
            store.transact_now(lambda s, a=first, b=last: _write(s, a, b))  # type: ignore[misc]  # bound now
        gone = f"{SCHEME}/{count // 2:032x}/1/1"
        table = ContributionRow.__table__
        store.transact_now(lambda s: s.run(Statement(delete(table).where(table.c.entry == gone))))
        before_mb = _peak_mb()
        began = time.perf_counter()
        found = store.read(orders.reconcile)
        seconds = time.perf_counter() - began
        store.close()
    return {
        "orders": found.orders,
        "events": found.events,
        "seconds": round(seconds, 2),
        "peak_mb": _peak_mb(),
        "peak_before_mb": before_mb,
        "found": sorted(each.fault for each in found.found),
    }


def _write(session: Session, first: int, last: int) -> int:
    def fill(table: Table, rows: Iterator[dict[str, Any]]) -> int:
        return session.run_many(Statement(insert(table)), rows)

    pairs = [(f"{n:032x}", n, event) for n in range(first, last) for event in (1, 2)]
    written = fill(OrderEventRow.__table__, map(_event, pairs))
    fill(Projected.__table__, ({"order_key": key, "n": event} for key, _, event in pairs))
    fill(
        InsuredOrder.__table__,
        ({"order_key": f"{n:032x}", "terms": TERMS} for n in range(first, last)),
    )
    fill(EntryRow.__table__, map(_entry, pairs))
    fill(ContributionRow.__table__, map(_contribution, pairs))
    return written


_Pair = tuple[str, int, int]


def _event(pair: _Pair) -> dict[str, Any]:
    key, n, event = pair
    kind = "confirmed" if event == 1 else "completed"
    at = NOW + n
    return {"order_key": key, "n": event, "kind": kind, "at": at, "agent_id": "a", "document": b""}


def _entry(pair: _Pair) -> dict[str, Any]:
    key, n, event = pair
    month = {"origin_period": "2026-07", "declared_in": "2026-07"}
    about = {"currency": "MYR", "kind": "completed", "by": None}
    return {
        "id": f"{SCHEME}/{key}/1/{event}",
        "at": NOW + n,
        "order_key": key,
        **month,
        **about,
    }


def _contribution(pair: _Pair) -> dict[str, Any]:
    key, n, event = pair
    sums = {
        column.name: 0 if column.name.endswith("minor") else "0"
        for column in ContributionRow.__table__.columns
        if column.name.startswith(("all_", "due_", "amount_"))
    }
    named = {
        "entry": f"{SCHEME}/{key}/1/{event}",
        "order_key": key,
        "scheme": SCHEME,
        "slot": 1,
        "n": event,
        "worker": f"w{n % WORKERS:016x}",
        "period": "2026-07",
        "seq": n // WORKERS * 2 + event,
        "status": "due",
        "exact": "20",
        "is_due": 1,
    }
    empty = dict.fromkeys(column.name for column in ContributionRow.__table__.columns)
    return {**empty, **sums, **named}


def _peak_mb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)))
