"""What the platform's own people do with complaints: read those that wait, answer each once."""

from __future__ import annotations

import hmac
from typing import Annotated, Any

from aiohttp import web
from pydantic import Field

from bap.citizen import trips
from bap.client_api import ClientApi
from protocol_specs.node.api import ApiError, bearer
from protocol_specs.node.asked import Body
from protocol_specs.node.server import Node


class AnswerBody(Body):
    """What the citizen is told."""

    answer: Annotated[str, Field(min_length=1, max_length=2_000)]


class ComplaintsApi:
    """The handlers; who holds the token in the file `desk.token` of data_dir is one of them."""

    def __init__(self, node: Node, api: ClientApi) -> None:
        self._node, self._api = node, api
        self._token = node.settings.private_file("desk.token")

    def serve(self) -> None:
        """Opens the node's routes."""
        self._api.route("GET", "/desk/complaints", self.waiting)
        self._api.route("POST", "/desk/complaints/{number}/answer", self.answer)

    async def waiting(self, request: web.Request) -> dict[str, Any]:
        """Complaints that nobody has answered, the most urgent first."""
        self._let_in(request)
        found = self._node.store.read(trips.open_complaints)
        names = ("id", "journey_id", "about", "text", "made_at", "due_at")
        return {"complaints": [{name: row[name] for name in names} for row in found]}

    async def answer(self, request: web.Request, body: AnswerBody) -> dict[str, Any]:
        """Answers one; its citizen reads it on the page of the journey."""
        self._let_in(request)
        number, now = request.match_info["number"], self._node.now()
        known = number.isascii() and number.isdigit() and len(number) < 16
        if not known or not await self._node.store.transact(
            lambda session: trips.answer(session, int(number), body.answer, now)
        ):
            raise ApiError(404, "complaint_unknown", "no such complaint waits for an answer")
        return {"id": int(number), "answered_at": now}

    def _let_in(self, request: web.Request) -> None:
        if not hmac.compare_digest(bearer(request).encode(), self._token.encode()):
            raise ApiError(401, "not_of_the_desk", "send the token of desk.token as bearer")
