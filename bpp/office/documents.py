"""Papers of drivers and vehicles: what holds, what ends, what is missing; written down here."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from bpp.fleet import roster
from bpp.office.deeds import Deed, do
from bpp.office.room import Room
from bpp.work import documents, uploads, words
from bpp.work.documents import NUMBER_MAX, Entry, Holder, Paper
from protocol_specs.node.store import Session
from protocol_specs.web.pictures import BadPicture
from protocol_specs.web.visit import PageError, Visit

LIST, ONE = "office/documents.html", "office/papers.html"
WORST_FIRST = ("expired", "missing", "ends_soon", "holds")


class Documents:
    """The handlers below /documents."""

    def __init__(self, room: Room) -> None:
        self._room = room

    async def show_all(self, visit: Visit) -> web.StreamResponse:
        """GET /documents?show=all: what needs somebody's attention; or everything."""
        found = self._room.store.read(lambda session: self.papers(session, visit.now))
        shown = found if visit.arg("show") == "all" else [p for p in found if p.state != "holds"]
        registrations = self._room.store.read(roster.registrations)
        return visit.page(
            LIST,
            papers=[(paper, self._named(paper), *self._said(visit, paper)) for paper in shown],
            is_all=visit.arg("show") == "all",
            vehicles=[(name, category) for name, category in registrations],
            drivers=self._room.workers(),
        )

    async def of_driver(self, visit: Visit) -> web.StreamResponse:
        """GET /documents/driver/{id}."""
        return visit.page(ONE, **self._one(visit, "driver"))

    async def of_vehicle(self, visit: Visit) -> web.StreamResponse:
        """GET /documents/vehicle/{id}."""
        return visit.page(ONE, **self._one(visit, "vehicle"))

    async def put_driver(self, visit: Visit) -> web.StreamResponse:
        """POST /documents/driver/{id}."""
        return await self._put(visit, "driver")

    async def put_vehicle(self, visit: Visit) -> web.StreamResponse:
        """POST /documents/vehicle/{id}."""
        return await self._put(visit, "vehicle")

    async def scan(self, visit: Visit) -> web.StreamResponse:
        """GET /documents/scan/{id}: the picture of a paper."""
        row = self._room.store.read(lambda session: documents.scan(session, visit.arg("id")))
        if row is None:
            raise PageError(404)
        return uploads.shown(row["body"])

    def papers(self, session: Session, now: int) -> list[Paper]:
        """Of everybody who works here and of every vehicle, the worst first."""
        rules = self._room.standing
        workers = [each for each in self._room.office.fleet.workers() if each.active]
        holders: list[tuple[Holder, str]] = [("driver", each.agent_id) for each in workers]
        holders += [("vehicle", name) for name, _ in roster.registrations(session)]
        found = rules.judged(documents.every(session), holders, now)
        return sorted(found, key=lambda paper: WORST_FIRST.index(paper.state))

    async def _put(self, visit: Visit, holder: Holder) -> web.StreamResponse:
        """A new paper takes the place of the one before. Its number stands in no log."""
        holder_id = self._holder(visit, holder)
        kind, until = visit.text("kind", most=40), visit.text("valid_until", most=20)
        try:
            picture = uploads.picture_in(visit, "scan")
        except BadPicture as bad:
            return self._again(visit, holder, {"scan": uploads.said(visit, bad)})

        def unit(session: Session) -> list[tuple[str, str]]:
            number = visit.text("number", most=NUMBER_MAX + 1)
            entry = Entry(holder, holder_id, kind, number, until)
            documents.put(session, entry, picture, by=visit.who, now=visit.now)
            return []

        deed = Deed(
            what="document",
            about=holder_id,
            unit=unit,
            to=visit.to(visit.request.path.removeprefix(visit.face.base)),
            flash=visit._("Written down."),
            told={"kind": kind, "until": until, "scan": "yes" if picture else ""},
            field="kind",
        )
        return await do(visit, deed, lambda errors: self._again(visit, holder, errors))

    def _again(self, visit: Visit, holder: Holder, errors: dict[str, str]) -> web.Response:
        return visit.again(ONE, errors, **self._one(visit, holder))

    def _one(self, visit: Visit, holder: Holder) -> dict[str, Any]:
        rules, holder_id = self._room.standing, self._holder(visit, holder)
        driver, vehicle = (holder_id, "") if holder == "driver" else ("", holder_id)

        def read(session: Session) -> list[Paper]:
            rows = documents.of(session, driver, vehicle)
            return rules.judged(rows, [(holder, holder_id)], visit.now)

        papers = self._room.store.read(read)
        return {
            "holder": holder,
            "holder_id": holder_id,
            "name": self._room.named(driver) if driver else vehicle,
            "papers": [(paper, *self._said(visit, paper)) for paper in papers],
            "kinds": words.kinds_of(visit, holder, rules.documents.required()[holder]),
        }

    def _holder(self, visit: Visit, holder: Holder) -> str:
        """Raises PageError 404 for a driver or vehicle that is not registered."""
        asked = visit.arg("id")
        if holder == "driver":
            return self._room.worker(asked).agent_id
        if self._room.store.read(lambda session: roster.find_vehicle(session, asked)) is None:
            raise PageError(404)
        return asked

    def _named(self, paper: Paper) -> str:
        is_driver = paper.holder == "driver"
        return self._room.named(paper.holder_id) if is_driver else paper.holder_id

    def _said(self, visit: Visit, paper: Paper) -> tuple[str, str, str, str]:
        """Its kind, how it stands, the kind of that, and until when, in words."""
        state = visit._(words.STATES[paper.state])
        until = words.day(visit, paper.last_day)
        return words.kind(visit, paper.kind), state, words.STATE_KINDS[paper.state], until
