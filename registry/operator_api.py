"""The operator's JSON API: what waits, who takes part, the log, and every decision."""

from typing import Any

from aiohttp import web
from pydantic import Field

from protocol_specs.node.api import ApiError, bearer, json_route
from protocol_specs.node.asked import Body
from protocol_specs.node.operators import Operators
from protocol_specs.node.server import Node
from protocol_specs.node.store import Session
from registry import changes, directory, pending, records
from registry.decisions import DECISIONS, Decision, decide

LOG_MAX = 500


class Said(Body):
    """What comes with a decision. The reason stands in the log, which is public."""

    reason: str = Field(default="", max_length=500)
    application: int | None = None
    key_id: str = Field(default="", max_length=255)


class OperatorApi:
    """Routes below /operator/participants, /operator/pending and /operator/log."""

    def __init__(self, node: Node, operators: Operators) -> None:
        self._node, self._operators = node, operators

    def add_routes(self) -> None:
        """Opens them."""
        serve = self._node.serve_route
        one = "/operator/participants/{subscriber_id:.+}"
        serve("GET", "/operator/pending", json_route(self.pending))
        serve("GET", "/operator/participants", json_route(self.participants))
        serve("GET", "/operator/changes", json_route(self.log))
        for verb in DECISIONS:
            serve("POST", f"{one}/{verb}", json_route(self._decide(verb)))
        serve("GET", f"{one}/keys", json_route(self.keys))

    def _who(self, request: web.Request) -> str:
        """The operator's name; raises unless the request carries an operator's token."""
        who = self._operators.name_of(bearer(request))
        if who is None:
            raise ApiError(401, "unauthorized", "this is not an operator's token")
        return who

    async def pending(self, request: web.Request) -> dict[str, Any]:
        """GET /operator/pending: open applications, what was checked, what each waits for."""
        self._who(request)
        rows = self._node.store.read(lambda s: s.all(pending.OPEN, most=pending.SHOWN_MAX))
        return {"waiting": records.waiting(rows)}

    async def participants(self, request: web.Request) -> dict[str, Any]:
        """GET /operator/participants: who takes part, who does not, who waits and for what."""
        self._who(request)
        now = self._node.now()

        def everything(session: Session) -> dict[str, Any]:
            return {
                status.lower(): [
                    records.record(row, now)
                    for row in directory.find(session, {}, status=status, now=now)
                ]
                for status in ("SUBSCRIBED", "UNSUBSCRIBED", "EXPIRED")
            } | {"waiting": records.waiting(session.all(pending.OPEN, most=pending.SHOWN_MAX))}

        return self._node.store.read(everything)

    async def keys(self, request: web.Request) -> dict[str, Any]:
        """GET /operator/participants/{id}/keys: every key it has or had."""
        self._who(request)
        who = request.match_info["subscriber_id"]
        rows = self._node.store.read(lambda s: s.all(directory.KEYS_OF, subscriber_id=who))
        if not rows:
            raise ApiError(404, "unknown", f"{who} has no keys here")
        return {"subscriber_id": who, "keys": [records.key(row) for row in rows]}

    async def log(self, request: web.Request) -> dict[str, Any]:
        """GET /operator/changes?of=ID: the newest log entries, of one subscriber or of all."""
        self._who(request)
        of = request.query.get("of")
        rows = self._node.store.read(lambda s: newest(s, of))
        return {"changes": [changes.entry(row) for row in rows]}

    def _decide(self, verb: str) -> Any:
        async def route(request: web.Request, body: Said) -> dict[str, Any]:
            who = request.match_info["subscriber_id"]
            decision = Decision(
                self._who(request),
                who,
                self._node.now(),
                body.reason.strip(),
                body.application,
                body.key_id,
            )
            status = await self._node.store.transact(lambda s: decide(s, verb, decision))
            self._node.telemetry.log("decided", action=verb, peer=who, operator=decision.who)
            return {"subscriber_id": who, "status": status}

        route.__doc__ = DECISIONS[verb].__doc__
        return route


def newest(
    session: Session, of: str | None, *, before: int = 2**62, most: int = LOG_MAX
) -> list[Any]:
    """Log rows, newest first."""
    if of:
        return session.all(changes.OF, subscriber_id=of, most=most)
    return session.all(changes.BEFORE, before=before, most=most)
