"""How a node is: /health (alive), /ready (may traffic come), /metrics; and its pulse.

/health alone is public; all three answer at the operator's port (ops.py).
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web
from sqlalchemy import bindparam, func, select

from protocol_specs.node.messages.tables import Received
from protocol_specs.node.store import Statement, StoreUnavailable
from protocol_specs.node.workers.summing import Summing
from protocol_specs.wire import strict_json
from protocol_specs.wire.errors import Overloaded

if TYPE_CHECKING:
    from protocol_specs.node.door.door import Door
    from protocol_specs.node.messages.inbox import Inbox
    from protocol_specs.node.settings import Limits
    from protocol_specs.node.store import Store
    from protocol_specs.node.telemetry.telemetry import Telemetry
    from protocol_specs.node.trust.membership import Membership

_T = Received.__table__
_NEW = select(_T.c.next_at).where(_T.c.state == "new").limit(bindparam("most")).subquery()
_WAITING = Statement(  # all, and those that wait for nothing but their turn
    select(
        func.count().label("n"),
        func.count().filter(_NEW.c.next_at <= bindparam("now")).label("due"),
    ).select_from(_NEW)
)


class Health:
    """Looks at the parts of one node."""

    def __init__(
        self,
        *,
        membership: Membership,
        door: Door,
        inbox: Inbox,
        store: Store,
        telemetry: Telemetry,
        limits: Limits,
        data_dir: Path,
        clock: Callable[[], float],
    ) -> None:
        self.checks: dict[str, Callable[[], str | None]] = {
            "store": lambda: door.store_fault,
            "inbox": self._inbox_fault,
        }
        self.summing: Summing | None = None  # where this is one of several workers
        self._membership, self._door, self._inbox = membership, door, inbox
        self._store, self._telemetry, self._limits, self._clock = store, telemetry, limits, clock
        telemetry.watch_age("inbox", lambda: inbox.oldest_age_s(int(clock())))
        self._counted_at = clock()
        watch = telemetry.shown.watch
        watch("wayfare_disk_free_bytes", "Free at data_dir", lambda: _disk(data_dir).free)
        watch("wayfare_disk_size_bytes", "Size of the disk", lambda: _disk(data_dir).total)

    def add_routes(self, app: web.Application) -> None:
        """GET /health: all that the public port tells of how a node is."""
        app.router.add_get("/health", self.health)

    def add_ops_routes(self, app: web.Application) -> None:
        """GET /health, /ready and /metrics."""
        self.add_routes(app)
        app.router.add_get("/ready", self.ready)
        app.router.add_get("/metrics", self.metrics)

    async def health(self, request: web.Request) -> web.StreamResponse:
        """200 while the process answers at all."""
        return _json({"status": "alive"}, 200)

    async def ready(self, request: web.Request) -> web.StreamResponse:
        """200, or 503 with what is wrong by name; and how old the registry's snapshot may be."""
        faults = await self.faults()
        status = {"status": "not ready", "faults": faults} if faults else {"status": "ready"}
        return _json({**status, **self._membership.notes()}, 503 if faults else 200)

    async def metrics(self, request: web.Request) -> web.StreamResponse:
        """Counters and ages in the Prometheus text format."""
        own = await self._own_metrics()
        if self.summing is not None:
            self.summing.keep(own)
            own = self.summing.whole(self._clock())
        return web.Response(body=own, content_type="text/plain")

    async def faults(self) -> dict[str, str]:
        """What keeps this node from its work, by the name of the check; empty when nothing does."""
        said = {name: _said(check) for name, check in self.checks.items()}
        said["registry"] = await self._registry_fault()
        return {name: fault for name, fault in said.items() if fault is not None}

    def _names(self) -> list[str]:
        return [*self.checks, "registry"]

    async def keep_metrics_next(self, now: int) -> bool:
        """Each second: what this worker counted, for whichever worker is asked for all of it."""
        if self.summing is not None:
            self.summing.keep(await self._own_metrics())
        return False

    async def _own_metrics(self) -> bytes:
        faults = await self.faults()
        self._telemetry.shown.show_faults({name: name in faults for name in self._names()})
        return self._telemetry.metrics()

    async def pulse_next(self, now: int) -> bool:
        """Each second: what room there is, what was shed, and if a failed store works again."""
        self._door.tell_shed()
        try:
            self._count_room(now)
            if self._door.store_fault is not None:
                await self._store.transact(lambda session: None)
                self._door.store_fault = None
        except StoreUnavailable as fault:
            self._door.store_fault = str(fault)
        return False

    def _count_room(self, now: int) -> None:
        most = self._limits.inbox_max
        row = self._store.read(lambda session: session.one(_WAITING, most=most, now=now))
        if row is None:
            raise RuntimeError("a count without a row")
        waiting = most if row["n"] >= most else row["due"]
        at = self._clock()
        self._door.room.counted(waiting, at - self._counted_at)
        self._counted_at = at

    def _inbox_fault(self) -> str | None:
        age_s = self._inbox.oldest_age_s(int(self._clock()))
        if age_s <= self._limits.inbox_age_max_s:
            return None
        return f"a message has waited {age_s:.0f} s"

    async def _registry_fault(self) -> str | None:
        """Whether the registry answers, and says that we are SUBSCRIBED."""
        if self._membership.on_subscribe is None:
            return None
        keyring, key_id = self._membership.keyring, self._membership.client.key_id
        try:
            found = await keyring.keys((key_id,))
            if not found[key_id]:
                await keyring.refetch(key_id)
                found = await keyring.keys((key_id,))
        except Overloaded:
            return f"not reachable, and what it said is older than {keyring.age_max_s} s"
        if found[key_id]:
            until = max(record.valid_until for record in found[key_id])
            self._telemetry.shown.show(
                "wayfare_key_valid_until_seconds", "When the key that signs ends, UTC", until
            )
        return None if found[key_id] else "our own record is not SUBSCRIBED; wayfare join"


def _said(check: Callable[[], str | None]) -> str | None:
    """What the check says; if it cannot even ask the database, that."""
    try:
        return check()
    except StoreUnavailable as fault:
        return str(fault)


def _disk(data_dir: Path) -> shutil._ntuple_diskusage:
    return shutil.disk_usage(data_dir)


def _json(value: object, status: int) -> web.Response:
    return web.Response(
        body=strict_json.dumps(value),
        status=status,
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )
