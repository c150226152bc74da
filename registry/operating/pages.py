"""The pages: what waits, who takes part, the log, the network's rules and its health."""

from typing import Any

from aiohttp import web

from protocol_specs.node.store import Session, Store
from protocol_specs.web.languages import N_, plain
from protocol_specs.web.visit import PageError, Visit
from registry import changes
from registry.operating import reading, words
from registry.operating.health import Health
from registry.operator_api import newest
from registry.settings import RegistryNodeSettings

SILENT_SHOWN = 50
LOG_SHOWN = 50
FIRST_SHOWN = 5  # on the overview


class Pages:
    """What can be looked at."""

    def __init__(self, store: Store, settings: RegistryNodeSettings, health: Health) -> None:
        self._store, self._settings, self._health = store, settings, health

    async def overview(self, visit: Visit) -> web.StreamResponse:
        """GET /operator: what waits, how many take part, what ends soon, what changed last."""

        def read(session: Session) -> dict[str, Any]:
            return {
                "counts": reading.counts(session),
                "waiting": reading.applications(session, "approval", most=FIRST_SHOWN),
                "ending": reading.ending(session, visit.now, most=FIRST_SHOWN),
                "log": _told(visit, newest(session, None, most=FIRST_SHOWN)),
            }

        health = await self._health.of()
        return visit.page(
            "operating/overview.html",
            **self._store.read(read),
            answering=health.answering,
            silent=health.silent,
        )

    async def requests(self, visit: Visit) -> web.StreamResponse:
        """GET /operator/requests?state=&before=: open applications in one state, newest first."""
        state = visit.arg("state") or "approval"
        if state not in reading.STATES:
            raise PageError(404)
        before = _number(visit.arg("before"))

        def read(session: Session) -> tuple[list[dict[str, Any]], dict[str, int]]:
            return reading.applications(session, state, before=before), reading.counts(session)

        rows, counts = self._store.read(read)
        return visit.page(
            "operating/requests.html",
            state=state,
            states=[(each, visit._(words.STATE[each][0]), counts[each]) for each in reading.STATES],
            rows=rows[: reading.PAGE],
            more=rows[reading.PAGE - 1]["application"] if len(rows) > reading.PAGE else None,
        )

    async def request(self, visit: Visit) -> web.StreamResponse:
        """GET /operator/requests/{n}: one application, and each check that was made of it."""
        which = _number(visit.arg("n"), default=0)
        row = self._store.read(lambda session: reading.application(session, which))
        if row is None:
            raise PageError(404, visit._("This request is decided, or there never was one."))
        return visit.page(
            "operating/request.html",
            row=row,
            state=words.said(visit, words.STATE, row["waiting_for"]),
            checks=words.checks(visit, row),
            marks=words.MARKS,
            types=words.TYPES,
        )

    async def subscribers(self, visit: Visit) -> web.StreamResponse:
        """GET /operator/subscribers?q=&status=&after=: subscribers by id, a page at a time."""
        start, status = visit.arg("q").strip().lower()[:255], visit.arg("status")
        if status not in ("", *reading.STATUSES):
            raise PageError(404)
        found = self._store.read(
            lambda session: reading.page(
                session, start=start, status=status, after=visit.arg("after"), now=visit.now
            )
        )
        health = await self._health.of([one.id for one in found])
        return visit.page(
            "operating/subscribers.html",
            found=found[: reading.PAGE],
            more=found[reading.PAGE - 1].id if len(found) > reading.PAGE else "",
            q=start,
            chosen=status,
            statuses=[("", visit._("Everybody"))]
            + [(each, visit._(words.STATUS[each][0])) for each in reading.STATUSES],
            words=words,
            probe_of=health.of,
        )

    async def subscriber(self, visit: Visit) -> web.StreamResponse:
        """GET /operator/subscribers/{id}: its roles, keys, requests, its part of the log."""
        who = visit.arg("id")

        def read(session: Session) -> dict[str, Any]:
            return {
                "row": reading.subscriber(session, who, visit.now),
                "waiting": reading.applications_of(session, who),
                "log": _told(visit, newest(session, who, most=LOG_SHOWN)),
            }

        found = self._store.read(read)
        if not (found["row"].roles or found["waiting"] or found["log"]):
            raise PageError(404, visit._("Nobody of this id is or was here."))
        return visit.page(
            "operating/subscriber.html",
            **found,
            probe=(await self._health.of([who])).of(who),
            verbs=_possible(found["row"].statuses),
            words=words,
        )

    async def probe(self, visit: Visit) -> web.StreamResponse:
        """POST /operator/probe: challenge this participant now."""
        who = visit.text("subscriber_id")

        async def ask() -> str:
            await self._health.probe(who)
            return visit.to(f"/subscribers/{who}")

        return await visit.once_done(ask)

    async def log(self, visit: Visit) -> web.StreamResponse:
        """GET /operator/log?before=N: who changed what, newest first."""
        before = _number(visit.arg("before"))
        rows = self._store.read(lambda s: newest(s, None, before=before, most=LOG_SHOWN))
        more = rows[-1]["sequence"] if len(rows) == LOG_SHOWN and rows[-1]["sequence"] > 1 else None
        return visit.page("operating/log.html", log=_told(visit, rows), more=more)

    async def health(self, visit: Visit) -> web.StreamResponse:
        """GET /operator/health?after=: who does not answer, which keys end, where gateways tell."""
        after = visit.arg("after")

        def read(session: Session) -> dict[str, Any]:
            return {
                "counts": reading.counts(session),
                "ending": reading.ending(session, visit.now, most=SILENT_SHOWN),
                "gateways": reading.gateways(session),
            }

        health = await self._health.silent_after(after, SILENT_SHOWN + 1)
        shown = list(health.probes.values())
        return visit.page(
            "operating/health.html",
            **self._store.read(read),
            answering=health.answering,
            silent=health.silent,
            shown=shown[:SILENT_SHOWN],
            more=shown[SILENT_SHOWN - 1].subscriber_id if len(shown) > SILENT_SHOWN else "",
        )

    async def policy(self, visit: Visit) -> web.StreamResponse:
        """GET /operator/policy: what was decided beforehand, as the settings say it."""
        return visit.page(
            "operating/policy.html",
            policy=self._settings.policy,
            bounds=self._settings.bounds,
            domains=self._settings.domains,
            types=words.TYPES,
        )


def _possible(statuses: frozenset[str]) -> list[str]:
    """What can be decided of a subscriber with roles in these states."""
    verbs = ["suspend"] if "SUBSCRIBED" in statuses else []
    verbs += ["reinstate"] if "SUSPENDED" in statuses else []
    return verbs + (["remove"] if statuses - {"REMOVED"} else [])


def _told(visit: Visit, rows: list[Any]) -> list[dict[str, Any]]:
    """Entries of the log as they are shown."""
    return [
        {
            "sequence": row["sequence"],
            "at": row["at"],
            "whom": row["subscriber_id"],
            "what": words.changed(visit, row["what"]),
            "who": visit._(BY_POLICY) if row["who"] == "policy" else row["who"],
            "why": plain(changes.entry(row)["detail"].get("reason", "")),
        }
        for row in rows
    ]


BY_POLICY = N_("the network's rules")


def _number(text: str, *, default: int = 2**62) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else default
