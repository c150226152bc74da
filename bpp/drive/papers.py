"""A driver's own papers and shifts: what holds, what is to be done, when they drive what."""

from __future__ import annotations

from aiohttp import web

from bpp.fleet.workers import Worker
from bpp.orders.office import Office
from bpp.work import documents, shifts, uploads, words
from bpp.work.standing import Standing
from protocol_specs.node.server import Node
from protocol_specs.web.visit import PageError, Visit


class Papers:
    """The handlers of /papers and /shifts. Who left sees their own as before."""

    def __init__(self, node: Node, office: Office, standing: Standing) -> None:
        self._node, self._office, self._standing = node, office, standing

    async def show(self, visit: Visit) -> web.StreamResponse:
        """GET /papers: the driver's, and those of the vehicle that they drive now."""
        worker = self._worker(visit)
        found = self._node.store.read(
            lambda session: self._standing.papers(session, worker, visit.now)
        )
        return visit.page(
            "drive/papers.html",
            worker=worker,
            papers=[
                (paper, words.kind(visit, paper.kind), visit._(words.STATES[paper.state]),
                 words.STATE_KINDS[paper.state], words.day(visit, paper.last_day))
                for paper in found
            ],
        )  # fmt: skip

    async def scan(self, visit: Visit) -> web.StreamResponse:
        """GET /papers/{id}/scan: the picture of the driver's own paper, and of nobody else's."""
        row = self._node.store.read(lambda session: documents.scan(session, visit.arg("id")))
        if row is None or (row["holder"], row["holder_id"]) != ("driver", visit.who):
            raise PageError(404)
        return uploads.shown(row["body"])

    async def plan(self, visit: Visit) -> web.StreamResponse:
        """GET /shifts: the one that runs, and those to come; hours are those of the city."""
        found = self._node.store.read(lambda session: shifts.coming(session, visit.who, visit.now))
        speech, zone = visit.speech, self._standing.zone
        return visit.page(
            "drive/shifts.html",
            is_required=self._standing.shifts == "required",
            shifts=[
                (speech.day(each.starts_at, zone),
                 f"{speech.clock(each.starts_at, zone)} – {speech.clock(each.ends_at, zone)}",
                 each.registration, each.starts_at <= visit.now)
                for each in found
            ],
        )  # fmt: skip

    def _worker(self, visit: Visit) -> Worker:
        worker = self._office.fleet.worker(visit.who)
        if worker is None:
            raise PageError(401)
        return worker
