"""A decision: asked about first, with what will follow; then done once, and logged."""

from typing import Any

from aiohttp import web

from protocol_specs.node.api import ApiError
from protocol_specs.node.store import Session, Store
from protocol_specs.node.telemetry.telemetry import Telemetry
from protocol_specs.web.visit import PageError, Visit
from registry.decisions import Decision, decide
from registry.operating import reading, words

REASON_CHARS_MAX = 500


class Deciding:
    """GET and POST /operator/decide."""

    def __init__(self, store: Store, telemetry: Telemetry) -> None:
        self._store, self._telemetry = store, telemetry

    async def ask(self, visit: Visit) -> web.StreamResponse:
        """GET /operator/decide?verb=&id=&application=&key_id=: is that meant?"""
        return visit.page("operating/decide.html", **self._asked(visit, visit.arg))

    async def decide(self, visit: Visit) -> web.StreamResponse:
        """POST /operator/decide: done once, though it is sent twice."""
        asked = self._asked(visit, visit.text)
        verb, who = asked["name"], asked["id"]
        decision = Decision(
            visit.person.name if visit.person else "",
            who,
            visit.now,
            visit.text("reason", most=REASON_CHARS_MAX),
            int(asked["application"]) if asked["application"] else None,
            asked["key_id"],
        )

        def unit(session: Session) -> str:
            decide(session, verb, decision)
            return visit.to(f"/subscribers/{who}")

        try:
            answer = await visit.once(unit, flash=visit._("Done. It stands in the log."))
        except ApiError as error:
            told = visit._(words.FAULTS.get(error.code, error.message))
            return visit.again("operating/decide.html", {"reason": told}, **asked)
        self._telemetry.log("decided", action=verb, peer=who, operator=decision.who)
        return answer

    def _asked(self, visit: Visit, value: Any) -> dict[str, Any]:
        """What is to be decided, of whom. Raises PageError 404 for no decision that there is."""
        name, who, application = value("verb"), value("id"), value("application")
        is_number = application.isascii() and application.isdigit() and len(application) < 16
        if name not in words.VERBS or not (is_number or not application):
            raise PageError(404)
        row = self._store.read(lambda session: reading.subscriber(session, who, visit.now))
        return {
            "name": name,
            "verb": words.VERBS[name],
            "id": who,
            "application": application,
            "key_id": value("key_id"),
            "row": row,
            "words": words,
        }
