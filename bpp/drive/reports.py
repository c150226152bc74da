"""A driver's word to the desk: what happened, about which job, and what the desk answered.

It becomes an incident (bpp/incidents) with a time by which the driver is answered. Where they are
and which job they are at is written down with it, so that after an accident two touches are enough.
"""

from __future__ import annotations

from typing import Any, cast

from aiohttp import web

from bpp.drive import telling
from bpp.incidents import store as incidents
from bpp.incidents.store import WAITING_MAX, WORDS_MAX, Kind, NotWritten, Opening
from bpp.orders import store
from bpp.orders.office import Office
from bpp.orders.order import Order
from bpp.settings import OfficeSettings
from protocol_specs.node.store import Conflict, Session
from protocol_specs.web.languages import N_
from protocol_specs.web.site import Site
from protocol_specs.web.visit import Visit

PAGE = "drive/tell.html"
JOBS_MAX = 5  # to choose from, the newest first
KINDS: dict[Kind, str] = {
    "job": N_("Something about a job"),
    "accident": N_("An accident"),
    "injury": N_("Somebody is hurt"),
    "threat": N_("A threat or violence"),
    "damage": N_("Damage"),
    "lost_property": N_("Something was left in the vehicle"),
    "money": N_("My money, a slip or the pass-book is wrong"),
    "record": N_("My name, vehicle or documents are wrong"),
    "other": N_("Something else"),
}


class Reports:
    """The handlers of /tell. Who left may still ask about their money."""

    def __init__(self, site: Site, office: Office, settings: OfficeSettings) -> None:
        self._site, self._office, self._settings = site, office, settings
        self._store = site.node.store

    async def show(self, visit: Visit) -> web.StreamResponse:
        """GET /tell?about=: the form, and what the driver told before with its answers."""
        return visit.page(PAGE, **self._values(visit))

    async def send(self, visit: Visit) -> web.StreamResponse:
        """POST /tell: kept once."""
        kind, text = visit.text("about"), visit.text("what", most=WORDS_MAX)
        errors = {}
        if kind not in KINDS:
            errors["about"] = visit._("Choose what it is about.")
        if not text:
            errors["what"] = visit._("Write what happened.")
        jobs = {job.job_id for job in self._store.read(lambda session: self._jobs(session, visit))}
        if visit.text("job") and visit.text("job") not in jobs:
            errors["job"] = visit._("Choose one of your jobs.")
        if errors:
            return visit.again(PAGE, errors, **self._values(visit))
        opening = Opening(
            kind=cast(Kind, kind),
            happened_at=visit.now,
            words={"what": text, **self._where(visit)},
            job_id=visit.text("job") or None,
            agent_id=visit.who,
            due_at=visit.now + 3_600 * self._settings.answer_hours,
        )

        def unit(session: Session) -> str:
            incidents.open_one(session, opening, by=visit.who, now=visit.now)
            return visit.to("/tell")

        try:
            return await visit.once(unit, flash=visit._("The desk has it."))
        except NotWritten:
            wrong = visit._(
                "%(num)s of yours wait for an answer already. Call the desk.", num=WAITING_MAX
            )
        except Conflict:
            wrong = visit._("Something else was written meanwhile. Send it again.")
        return visit.again(PAGE, {"what": wrong}, **self._values(visit))

    def _where(self, visit: Visit) -> dict[str, str]:
        """Where the driver's phone is, while they are online."""
        at = self._office.fleet.position(visit.who)
        return {} if at is None else {"where": f"{at.lat:.5f}, {at.lon:.5f}"}

    def _jobs(self, session: Session, visit: Visit) -> list[Order]:
        """The running job and the last ones."""
        running = store.job_of(session, visit.who)
        done = store.done_by(session, visit.who)[:JOBS_MAX]
        return [*([running.order] if running else []), *done]

    def _values(self, visit: Visit) -> dict[str, Any]:
        def read(session: Session) -> tuple[list[Order], list[Any]]:
            return self._jobs(session, visit), incidents.told_by(session, visit.who)

        jobs, told = self._store.read(read)
        support = self._office.provider.support
        return {
            "kinds": [(kind, visit._(said)) for kind, said in KINDS.items()],
            "about": visit.arg("about"),
            "jobs": [
                ("", visit._("No job")),
                *((job.job_id, self._way(visit, job)) for job in jobs),
            ],
            "job": jobs[0].job_id if jobs and not jobs[0].is_done() else "",
            "told": [self._told(visit, row, steps) for row, steps in told],
            "hours": self._settings.answer_hours,
            "emergency": self._settings.emergency,
            "desk_phone": support.phone if support else None,
            "is_seen": bool(self._where(visit)),
        }

    def _way(self, visit: Visit, job: Order) -> str:
        pickup, drop = job.view.fulfillment.route()
        names = (telling.place_name(visit, self._site, place) for place in (pickup, drop))
        at = job.view.updated_at or job.view.created_at
        when = f"{visit.speech.moment(at, visit.zone)}: " if at else ""
        return when + " → ".join(names)

    def _told(self, visit: Visit, row: Any, steps: list[incidents.Step]) -> dict[str, Any]:
        first, *answers = steps
        title = KINDS[row["kind"]]
        return {
            "title": visit._(title),
            "at": first.at,
            "words": first.words.get("what", ""),
            "answers": answers,
            "due_at": row["due_at"],
            "is_late": not answers and row["due_at"] < visit.now,
        }
