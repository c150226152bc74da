"""Incidents at the desk: written down, followed up, closed; who may read them is few."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, cast

from aiohttp import web

from bpp.incidents import store as incidents
from bpp.incidents.store import KINDS, WORDS_MAX, Kind, Opening
from bpp.office import words
from bpp.office.deeds import Deed, Figures, Question, do
from bpp.office.moments import moment_of
from bpp.office.room import Room
from bpp.orders import store
from protocol_specs.node.store import Row, Session
from protocol_specs.web.visit import PageError, Visit

LIST, ONE = "office/incidents.html", "office/incident.html"
OF_A_BODY = ("accident", "injury")
Write = Callable[..., None]
"""(session, n, text, by=, now=): writes one more step."""


class Incidents:
    """The handlers below /incidents."""

    def __init__(self, room: Room) -> None:
        self._room = room

    async def show_all(self, visit: Visit) -> web.StreamResponse:
        """GET /incidents?job=: the open ones first; the form, about a job if one is named."""
        return visit.page(LIST, **self._list(visit))

    async def write(self, visit: Visit) -> web.StreamResponse:
        """POST /incidents: one more, once."""
        opening = self._read(visit)
        if isinstance(opening, dict):
            return visit.again(LIST, opening, **self._list(visit))
        made: list[int] = []

        def unit(session: Session) -> Figures:
            made.append(incidents.open_one(session, opening, by=visit.who, now=visit.now))
            return []

        deed = Deed(
            what="incident",
            about=f"incident/{opening.job_id or opening.kind}",
            unit=unit,
            to=visit.to("/incidents"),
            flash=visit._("Written down."),
            told={"kind": opening.kind},
            field="what",
        )
        return await do(visit, deed, lambda e: visit.again(LIST, e, **self._list(visit)))

    async def show(self, visit: Visit) -> web.StreamResponse:
        """GET /incidents/{n}."""
        return visit.page(ONE, **self._one(visit))

    async def follow(self, visit: Visit) -> web.StreamResponse:
        """POST /incidents/{n}: what else is known or was done."""
        return await self._step(visit, "more", incidents.follow, "incident_followed")

    async def answer(self, visit: Visit) -> web.StreamResponse:
        """POST /incidents/{n}/answer: what the driver who told it reads."""
        return await self._step(visit, "answer", incidents.answer, "incident_answered")

    async def close(self, visit: Visit) -> web.StreamResponse:
        """POST /incidents/{n}/close: with its result, once."""
        asks = Question(
            visit._("Close this incident?"),
            visit._("Nothing can be added to it then. Its words are forgotten after three years."),
            visit._("Close it"),
        )
        return await self._step(visit, "result", incidents.close, "incident_closed", asks)

    async def _step(
        self, visit: Visit, field: str, write: Write, what: str, asks: Question | None = None
    ) -> web.StreamResponse:
        n, page = self._number(visit), self._one(visit)
        text = visit.text(field, most=WORDS_MAX + 1)

        def unit(session: Session) -> Figures:
            write(session, n, text, by=visit.who, now=visit.now)
            return [(visit._("Incident"), str(n)), (visit._("Result"), text)]

        deed = Deed(
            what=what,
            about=f"incident/{n}",
            unit=unit,
            to=visit.to(f"/incidents/{n}"),
            flash=visit._("Written down."),
            asks=asks,
            field=field,
        )
        return await do(visit, deed, lambda errors: visit.again(ONE, errors, **page))

    def _read(self, visit: Visit) -> Opening | dict[str, str]:
        """The incident typed, or what is wrong with which field."""
        kind, job_id, agent_id = (visit.text(name) for name in ("kind", "job", "driver"))
        at = moment_of(visit.text("happened"), visit.zone)
        errors = {}
        if kind not in KINDS:
            errors["kind"] = visit._("Choose what it was.")
        if at is None or at > visit.now:
            errors["happened"] = visit._("Choose the day and the time it happened.")
        if not visit.text("what", most=WORDS_MAX):
            errors["what"] = visit._("Say what happened.")
        order = None
        if job_id:
            order = self._room.store.read(lambda s: store.order_by_job_id(s, job_id))
            if order is None:
                errors["job"] = visit._("There is no such job.")
        if agent_id and self._room.office.fleet.worker(agent_id) is None:
            errors["driver"] = visit._("Choose a driver.")
        if errors or at is None:
            return errors
        said = {name: visit.text(name, most=WORDS_MAX + 1) for name in ("what", "where", "done")}
        of_job = order.order.agent_id if order else None
        return Opening(
            kind=cast(Kind, kind),
            happened_at=at,
            words={name: text for name, text in said.items() if text},
            job_id=job_id or None,
            agent_id=agent_id or of_job,
        )

    def _number(self, visit: Visit) -> int:
        asked = visit.arg("n")
        if not (asked.isascii() and asked.isdigit() and len(asked) < 16):
            raise PageError(404)
        return int(asked)

    def _list(self, visit: Visit) -> dict[str, Any]:
        every, waiting = self._room.store.read(
            lambda session: (incidents.newest(session), incidents.waiting(session))
        )
        now = datetime.fromtimestamp(visit.now, visit.zone)
        return {
            "rows": [self._told(visit, row) for row in every],
            "waiting": waiting,
            "kinds": words.options(visit, words.INCIDENTS),
            "drivers": [("", "–"), *self._room.workers()],
            "job": visit.arg("job"),
            "now_local": now.strftime("%Y-%m-%dT%H:%M"),
            "may_write": self._may_write(visit),
        }

    def _told(self, visit: Visit, row: Row) -> dict[str, Any]:
        return {
            "n": row["n"],
            "title": words.word(visit, words.INCIDENTS, row["kind"]),
            "at": visit.speech.moment(row["happened_at"], visit.zone),
            "driver": self._room.named(row["agent_id"]),
            "job_id": row["job_id"],
            "is_open": row["closed_at"] is None,
            "due_at": row["due_at"],
        }

    def _one(self, visit: Visit) -> dict[str, Any]:
        n = self._number(visit)

        def read(session: Session) -> tuple[Row | None, list[incidents.Step]]:
            return incidents.find(session, n), incidents.steps_of(session, n)

        row, steps = self._room.store.read(read)
        if row is None:
            raise PageError(404)
        is_of_a_body = row["kind"] in OF_A_BODY and row["agent_id"] is not None
        return {
            "one": self._told(visit, row),
            "steps": steps,
            "teller": row["agent_id"] if row["due_at"] is not None else None,
            "is_answered": any(step.kind == "answered" for step in steps),
            "step_words": words.INCIDENT_STEPS,
            "schemes": self._schemes() if is_of_a_body else [],
            "may_write": self._may_write(visit) and row["closed_at"] is None,
        }

    def _schemes(self) -> list[str]:
        """The insurances whose institutions may want to know: the files name no time for it."""
        if self._room.insured is None:
            return []
        every = self._room.insured.extension.schemes
        return [each.title for each in every if each.kind == "insurance"]

    def _may_write(self, visit: Visit) -> bool:
        return "dispatcher" in (visit.person.roles if visit.person else ())
