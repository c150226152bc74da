"""The board: what runs, what waits, who is online; live, and on the map for dispatchers."""

import asyncio
import hashlib
import json
from collections.abc import Sequence
from typing import Any

from aiohttp import web
from sqlalchemy import select, union_all

from bpp.incidents import store as incidents
from bpp.insurance.remittance import deadlines
from bpp.ledger import trust
from bpp.office.documents import Documents
from bpp.office.room import Room
from bpp.orders.order import Order, read_order
from bpp.orders.store import active
from bpp.orders.tables import OrderRow
from protocol_specs.node.store import Session, Statement
from protocol_specs.web.maps import map_data
from protocol_specs.web.streams import Event, send_events
from protocol_specs.web.visit import PageError, Visit

LOOK_EVERY_S = 1.0
STREAMS_MAX = 50
JOBS_MAX = 500
DAY_S = 86_400

_O = OrderRow.__table__


def _running(*columns: Any) -> Statement:
    """Of jobs that are not over: three parts, each along an index of its own."""
    parts = (select(*columns).where(*part) for part in active())
    return Statement(union_all(*parts).limit(JOBS_MAX))


_RUNNING = _running(_O.c.document)
_REVISIONS = _running(_O.c.key, _O.c.revision)


class Board:
    """GET /, its parts, and its stream."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._streams = 0

    async def show(self, visit: Visit) -> web.StreamResponse:
        """GET /: figures for everybody, map and jobs for dispatchers."""
        room = self._room
        mark = room.store.read(_stand)  # read first: what comes meanwhile is news
        jobs = room.store.read(running)
        data = map_data(room.site, room.city, marks=[*self._marks(visit, jobs)])
        return visit.page(
            "office/board.html",
            jobs=self._shown(jobs, visit.now),
            map_data=data,
            mark=mark,
            online=sum(1 for _ in self._online()),
            alarms=self._alarms(visit),
            trust=self._trust(visit),
            papers=room.store.read(lambda s: Documents(room).papers(s, visit.now)),
            waiting=room.store.read(incidents.waiting),
            room=room,
            **self._room.of_jobs(visit),
        )

    async def jobs(self, visit: Visit) -> web.StreamResponse:
        """GET /board/jobs: that part alone, as it is now."""
        jobs = self._room.store.read(running)
        online = sum(1 for _ in self._online())
        return visit.page(
            "office/board_jobs.html",
            jobs=self._shown(jobs, visit.now),
            online=online,
            waiting=self._room.store.read(incidents.waiting),
            **self._room.of_jobs(visit),
        )

    async def events(self, visit: Visit) -> web.StreamResponse:
        """GET /board/events: where vehicles are, and that the jobs are no longer those of the mark
        that the page has; looked at each second, for as long as somebody looks."""
        if self._streams >= STREAMS_MAX:
            raise PageError(503)
        self._streams += 1
        try:
            return await send_events(
                visit.request,
                happened=_Looking(self._room, visit.arg("seen")).happened,
                bell=asyncio.Event(),
                since=0,
                stopping=self._room.site.node.leaving,
                heartbeat_s=LOOK_EVERY_S,
            )
        finally:
            self._streams -= 1

    def _online(self) -> Sequence[str]:
        fleet = self._room.office.fleet
        return [w.agent_id for w in fleet.workers() if fleet.position(w.agent_id) is not None]

    def _marks(self, visit: Visit, jobs: Sequence[Order]) -> list[dict[str, Any]]:
        """Vehicles, and pickups of jobs that wait."""
        marks = [mark for agent_id in self._online() if (mark := _mark(self._room, agent_id))]
        for job in jobs:
            if job.is_open():
                pickup, _ = job.view.fulfillment.route()
                label = self._room.place(visit, pickup)
                marks.append({"id": job.job_id, "lat": pickup.lat, "lon": pickup.lon,
                              "label": label, "kind": "from"})  # fmt: skip
        return marks

    def _shown(self, jobs: Sequence[Order], now: int) -> list[tuple[Order, str]]:
        """Those that wait first, then those whose driver is late, then the newest; each with its
        driver."""

        def need(job: Order) -> tuple[bool, bool, int]:
            is_late = self._room.is_late(job, now)
            return not job.is_open(), not is_late, -(job.view.updated_at or 0)

        return [(job, self._room.named(job.agent_id)) for job in sorted(jobs, key=need)]

    def _alarms(self, visit: Visit) -> list[tuple[deadlines.Deadline, int]]:
        if self._room.insured is None:
            return []
        scheme = self._room.insured.extension.keeper.scheme
        return self._room.store.read(lambda s: list(deadlines.alarming(s, scheme, visit.now)))

    def _trust(self, visit: Visit) -> list[trust.Trust]:
        if self._room.insured is None:
            return []
        return self._room.store.read(lambda s: trust.standing(s, visit.now))


class _Looking:
    """What one open board was told, so that only what changed goes out."""

    def __init__(self, room: Room, seen: str) -> None:
        self._room, self._n, self._seen = room, 0, seen
        self._at: dict[str, tuple[float, float]] = {}

    def happened(self, since: int) -> list[Event]:
        """What changed since the last look."""
        found = [self._event("position", mark) for mark in self._moved()]
        mark = self._room.store.read(_stand)
        if mark != self._seen:
            self._seen = mark
            found.append(self._event("jobs", {}))
        return found

    def _moved(self) -> list[dict[str, Any]]:
        moved = []
        for worker in self._room.office.fleet.workers():
            mark = _mark(self._room, worker.agent_id)
            if mark and self._at.get(worker.agent_id) != (mark["lat"], mark["lon"]):
                self._at[worker.agent_id] = mark["lat"], mark["lon"]
                moved.append(mark)
        return moved

    def _event(self, kind: str, document: dict[str, Any]) -> Event:
        self._n += 1
        return Event(self._n, kind, json.dumps(document, ensure_ascii=False).encode())


def running(session: Session) -> list[Order]:
    """Every job that is not over, at most JOBS_MAX."""
    return [read_order(row["document"]) for row in session.all(_RUNNING)]


def _stand(session: Session) -> str:
    """A mark that changes when what the board shows beside the map does."""
    jobs = sorted((row["key"], row["revision"]) for row in session.all(_REVISIONS))
    return hashlib.sha256(repr((jobs, len(incidents.waiting(session)))).encode()).hexdigest()[:16]


def _mark(room: Room, agent_id: str) -> dict[str, Any] | None:
    at, worker = room.office.fleet.position(agent_id), room.office.fleet.worker(agent_id)
    if at is None or worker is None:
        return None
    label = f"{worker.code} · {worker.vehicle.registration}"
    return {"id": agent_id, "lat": at.lat, "lon": at.lon, "label": label, "kind": "vehicle"}
