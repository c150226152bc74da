"""The client API of an order that stands: cancel, update, status, track, rating, support, lists."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from bap import calls, choices, order_wishes
from bap.bodies import CancelBody, RatingsBody, SupportBody, UpdateBody
from bap.client_api import ClientApi, new_code
from bap.journey import Journey
from bap.wishes import Request
from protocol_specs.node.api import ApiError
from protocol_specs.node.store import Session

LISTS = {
    "cancellation-reasons": choices.CANCELLATION,
    "return-reasons": choices.RETURN,
    "rating-categories": choices.RATED,
}


class OrderApi:
    """The handlers; asking and waiting are those of the client API."""

    def __init__(self, api: ClientApi) -> None:
        self._api = api

    def serve(self) -> None:
        """Opens the node's routes."""
        here = "/api/journeys/{id}"
        routes = (
            ("POST", f"{here}/cancel", self.cancel),
            ("POST", f"{here}/update", self.update),
            ("GET", f"{here}/status", self.status),
            ("GET", f"{here}/track", self.track),
            ("POST", f"{here}/rating", self.rating),
            ("POST", f"{here}/support", self.support),
            ("GET", f"{here}/{{list:{'|'.join(LISTS)}}}", self.listed),
        )
        for method, path, handler in routes:
            self._api.route(method, path, handler)

    async def cancel(self, request: web.Request, body: CancelBody) -> Any:
        """End the order, or with soft ask what that would cost."""

        def wish(session: Session, journey: Journey, now: int) -> Request:
            _require_answered(session, journey, "cancel", now)
            return order_wishes.cancel(
                journey, reason_id=body.reason_id, soft=body.soft, fee_minor=body.fee_minor
            )

        return await self._api.ask_chosen(request, "cancel", wish)

    async def update(self, request: web.Request, body: UpdateBody) -> Any:
        """Change the order, or with soft ask what that would cost."""

        def wish(session: Session, journey: Journey, now: int) -> Request:
            _require_answered(session, journey, "update", now)
            return order_wishes.update(
                journey,
                body.change(),
                soft=body.soft,
                quote_hash=body.quote_hash,
                new_code=new_code(),
                now=now,
            )

        return await self._api.ask_chosen(request, "update", wish)

    async def status(self, request: web.Request) -> Any:
        """Ask the provider how the order stands."""
        return await self._api.ask_chosen(
            request, "status", lambda _, it, __: order_wishes.status(it)
        )

    async def track(self, request: web.Request) -> Any:
        """Ask the provider where the vehicle is."""
        return await self._api.ask_chosen(
            request, "track", lambda _, it, __: order_wishes.track(it)
        )

    async def rating(self, request: web.Request, body: RatingsBody) -> Any:
        """Say how it was; the order's provider hears it, and nobody else."""
        values = [(rating.category, rating.value) for rating in body.ratings]
        return await self._api.ask_chosen(
            request, "rating", lambda _, it, __: order_wishes.rate(it, values)
        )

    async def support(self, request: web.Request, body: SupportBody) -> Any:
        """Ask whom to call about the order."""
        return await self._api.ask_chosen(
            request, "support", lambda _, it, __: order_wishes.support(it, body.callback_phone)
        )

    async def listed(self, request: web.Request) -> Any:
        """A list of the provider's. Asked for once; without one the network's stands in for it."""
        journey = self._api.owned(request)
        callback = LISTS[request.match_info["list"]]
        action = f"get_{callback}"
        known = journey.read_choices(callback) is not None
        if known or not order_wishes.is_spoken(journey, action):
            return self._api.document(journey.id)
        return await self._api.ask_chosen(
            request, action, lambda _, it, __: order_wishes.choices(it, action)
        )


def _require_answered(session: Session, journey: Journey, action: str, now: int) -> None:
    """One question at a time: two answers under way could not be told apart by their effect."""
    if action in calls.waiting_for(session, journey.id, now):
        raise ApiError(409, "already_asked", "wait for the cooperative's answer")
