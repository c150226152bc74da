"""The client API: a citizen's journey as JSON over HTTP, held by the journey's own secret.

From the search to the booking; what is asked of an order that stands is in `order_api`.
"""

from __future__ import annotations

import functools
import hmac
import math
import secrets
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web

from bap import calls, offers, rows, views, wishes
from bap.asking import Asking, Sent, Wish, hash_secret
from bap.bodies import (
    ConfirmBody,
    ConsentBody,
    InitBody,
    SearchBody,
    SelectBody,
    intent_of,
    party_of,
    require_start,
)
from bap.journey import Journey
from bap.requests import Platform, platform_of
from bap.settings import BapSettings, Market
from protocol_specs.node.api import ApiError, Handler, bearer, error_response, json_route
from protocol_specs.node.buckets import Buckets
from protocol_specs.node.server import Node
from protocol_specs.node.store import Session
from protocol_specs.web.pacing import Pace
from protocol_specs.web.waiting import Crowded, Watch

WAIT_S_MAX = 60.0
LET_IN: web.RequestKey[Journey] = web.RequestKey("let_in", Journey)
"""The journey of a request whose asker a page of ours has let in already."""
PATIENCE_S: web.RequestKey[float] = web.RequestKey("patience_s", float)
"""How long that page waits for an answer."""


class ClientApi:
    """The handlers of one consumer node."""

    def __init__(self, node: Node, settings: BapSettings, asking: Asking, watch: Watch) -> None:
        self._node = node
        self._settings = settings
        self._asking = asking
        self._watch = watch
        limits = settings.journeys
        per_minute = limits.journeys_per_minute
        self._searches = Pace("search from", every_s=60 / per_minute, burst=per_minute)
        self._asks = Buckets(limits.asks_per_minute / 60, burst=limits.asks_per_minute)

    def serve(self) -> None:
        """Opens the node's routes."""
        here = "/api/journeys/{id}"
        routes = (
            ("GET", "/api/markets", self.markets),
            ("POST", "/api/journeys", self.search),
            ("GET", here, self.show),
            ("POST", f"{here}/select", self.select),
            ("POST", f"{here}/init", self.init),
            ("POST", f"{here}/confirm", self.confirm),
            ("POST", f"{here}/consent", self.consent),
        )
        for method, path, handler in routes:
            self.route(method, path, handler)

    def route(self, method: str, path: str, handler: Callable[..., Awaitable[Any]]) -> None:
        """Opens one route of a JSON handler, with bodies of a bounded size."""
        self._node.serve_route(method, path, self._bounded(json_route(handler)))

    def _bounded(self, handler: Handler) -> Handler:
        """The handler, for bodies whose length is said and small."""
        bytes_max = self._settings.journeys.body_bytes_max

        @functools.wraps(handler)
        async def route(request: web.Request) -> web.StreamResponse:
            is_unsaid = "Transfer-Encoding" in request.headers
            if is_unsaid or (request.content_length or 0) > bytes_max:
                reason = f"send a body of at most {bytes_max} bytes, with its Content-Length"
                return error_response(ApiError(413, "too_large", reason))
            return await handler(request)

        return route

    async def markets(self, request: web.Request) -> dict[str, Any]:
        """Where one can search, with places by name."""
        return {"markets": [market.model_dump(mode="json") for market in self._settings.markets]}

    async def search(self, request: web.Request, body: SearchBody) -> tuple[int, dict[str, Any]]:
        """A new journey: its id, and the secret that all else about it needs."""
        wait_s = _wait_s(request)
        here, node = self._node.address_of(request), self._node
        told_to_wait_s = await self._searches.take(node.store, here, node.now())
        _refuse_if(told_to_wait_s, "too many searches from here")
        market = self._market(body)
        require_start(body.start_at, self._settings.book_ahead_s, self._node.now())
        sent, secret = await self._asking.search(market, intent_of(market, body))
        await self._until(sent.journey_id, lambda: self._first_offer(sent.journey_id), wait_s)
        told = {"journey_id": sent.journey_id, "secret": secret}
        return 201, {**told, "journey": self.document(sent.journey_id)}

    async def show(self, request: web.Request) -> dict[str, Any]:
        """The whole journey; with wait_s, once it has more than `since` events."""
        journey = self.owned(request)
        since, wait_s = _since(request, journey.version), _wait_s(request)
        await self._until(journey.id, lambda: self._newer(journey.id, since), wait_s)
        return self.document(journey.id)

    async def select(self, request: web.Request, body: SelectBody) -> Any:
        """Ask the price of an offer; where the network asks none, take the offer's own."""
        journey = self.owned(request)
        offer = self._offer(journey, body.offer_id)
        if offer is None:
            raise ApiError(404, "offer_unknown", "there is no such offer here", "/offer_id")
        if not journey.speech.traits.has_select:
            return await self._pick(journey, offer)

        def wish(session: Session, journey: Journey, now: int) -> wishes.Request:
            return wishes.select(journey, offer)

        return await self.ask(request, journey, offer["bpp_id"], "select", wish)

    async def _pick(self, journey: Journey, offer: Mapping[str, Any]) -> dict[str, Any]:
        def pick(session: Session) -> None:
            before = rows.lock(session, journey.id)
            if before is not None:
                outcome = wishes.pick(before, offer)
                calls.supersede(session, before.id, "init")
                rows.save(session, before, *outcome, self._node.now())

        await self._node.store.transact(pick)
        return self.document(journey.id)

    async def init(self, request: web.Request, body: InitBody) -> Any:
        """Name the people, ask for the final terms."""
        party = party_of(body)
        payment_type = body.payment.type if body.payment else None

        def wish(session: Session, journey: Journey, now: int) -> wishes.Request:
            return wishes.init(
                journey,
                _chosen(session, journey),
                party,
                payment_type,
                platform=self._platform(journey),
                now=now,
            )

        return await self.ask_chosen(request, "init", wish)

    async def confirm(self, request: web.Request, body: ConfirmBody) -> Any:
        """Book at the quote whose hash is given."""

        def wish(session: Session, journey: Journey, now: int) -> wishes.Request:
            return wishes.confirm(
                journey,
                _chosen(session, journey),
                quote_hash=body.quote_hash,
                reference=body.payment_reference,
                shown=rows.quoted_before(session, journey.id),
                platform=self._platform(journey),
                new_id=str(uuid.uuid4()),
                new_code=new_code(),
                now=now,
            )

        return await self.ask_chosen(request, "confirm", wish)

    async def consent(self, request: web.Request, body: ConsentBody) -> dict[str, Any]:
        """Agree to what a provider changed."""
        journey = self.owned(request)

        def agree(session: Session) -> None:
            before = rows.lock(session, journey.id)
            if before is not None:
                outcome = wishes.consent(before, body.quote_hash)
                rows.save(session, before, *outcome, self._node.now())

        await self._node.store.transact(agree)
        return self.document(journey.id)

    def owned(self, request: web.Request) -> Journey:
        """The journey of the path. Unknown, and known but not yours, look alike."""
        if LET_IN in request:
            return request[LET_IN]
        secret_hash = hash_secret(bearer(request))
        journey_id = request.match_info["id"]
        journey = self._node.store.read(lambda session: rows.find(session, journey_id))
        if journey is None or not hmac.compare_digest(journey.secret_hash, secret_hash):
            raise ApiError(404, "journey_unknown", "there is no such journey for this secret")
        return journey

    def document(self, journey_id: str) -> dict[str, Any]:
        """The whole journey as it is shown."""

        def look(session: Session) -> dict[str, Any]:
            journey = rows.find(session, journey_id)
            if journey is None:
                raise ApiError(404, "journey_unknown", "this journey is forgotten")
            waiting_for = calls.waiting_for(session, journey_id, self._node.now())
            found = offers.every(session, journey_id)
            return views.journey(journey, offers=found, waiting_for=waiting_for)

        return self._node.store.read(look)

    async def ask_chosen(self, request: web.Request, action: str, wish: Wish) -> Any:
        """As `ask`, of the provider whose offer was chosen."""
        journey = self.owned(request)
        if journey.bpp_id is None:
            raise ApiError(409, "no_offer", "select an offer first")
        return await self.ask(request, journey, journey.bpp_id, action, wish)

    async def ask(
        self, request: web.Request, journey: Journey, bpp_id: str, action: str, wish: Wish
    ) -> tuple[int, dict[str, Any]]:
        """Ask, wait if wished; 200 with the journey once the answer came, else 202."""
        wait_s = _wait_s(request)
        self.count_ask(journey)
        sent = await self._asking.ask(journey, bpp_id, action, wish)
        answered = await self._until(journey.id, lambda: self._answered(sent), wait_s)
        return (200 if answered else 202), self.document(journey.id)

    async def _until(self, journey_id: str, look: Any, wait_s: float) -> Any:
        """What `look` gives, once it gives something or the time is up or this process leaves."""
        leaving = self._node.leaving
        try:
            return await self._watch.until(
                journey_id, lambda: look() or leaving.is_set() or None, wait_s
            )
        except Crowded:
            raise ApiError(
                503, "crowded", "too many are waiting; ask again", headers={"Retry-After": "2"}
            ) from None

    def _platform(self, journey: Journey) -> Platform:
        return platform_of(self._settings, journey)

    def _newer(self, journey_id: str, since: int) -> bool:
        journey = self._node.store.read(lambda session: rows.find(session, journey_id))
        return journey is None or journey.version > since

    def _answered(self, sent: Sent) -> bool:
        call = self._node.store.read(lambda session: calls.find_call(session, sent.message_id))
        return call is None or call.outcome is not None

    def _first_offer(self, journey_id: str) -> bool:
        return bool(self._node.store.read(lambda session: offers.every(session, journey_id)))

    def _offer(self, journey: Journey, offer_id: str) -> Mapping[str, Any] | None:
        return self._node.store.read(lambda session: offers.find(session, journey.id, offer_id))

    def _market(self, body: SearchBody) -> Market:
        """The market of that kind, and of that domain and city if they are given."""
        for market in self._settings.markets:
            if (
                market.kind == body.kind.upper()
                and body.domain in (None, market.domain)
                and body.city in (None, market.city)
            ):
                return market
        raise ApiError(400, "no_market", f"no {body.kind.lower()} can be searched there", "/city")

    def count_ask(self, journey: Journey) -> None:
        """Counts one more request of a journey. Raises ApiError when there were too many."""
        wait_s = self._asks.take(journey.id, self._node.now())
        _refuse_if(wait_s, "too many requests of this journey")


def new_code() -> str:
    """Four digits that a courier is told at the pickup."""
    return f"{secrets.randbelow(10_000):04d}"


def _refuse_if(wait_s: int, reason: str) -> None:
    if wait_s:
        headers = {"Retry-After": str(wait_s)}
        raise ApiError(429, "too_many", f"{reason}; wait {wait_s} s", headers=headers)


def _chosen(session: Session, journey: Journey) -> Mapping[str, Any] | None:
    return offers.find(session, journey.id, journey.offer_id or "")


def _wait_s(request: web.Request) -> float:
    """How long the caller would wait for news: 0 to 60 s, 0 if it does not say."""
    if PATIENCE_S in request:
        return request[PATIENCE_S]
    text = request.query.get("wait_s", "0")
    try:
        wait_s = float(text)
    except ValueError:
        wait_s = math.nan
    if not 0 <= wait_s <= WAIT_S_MAX:
        raise ApiError(400, "bad_wait", f"wait_s must be 0 to {WAIT_S_MAX:.0f} seconds", "?wait_s")
    return wait_s


def _since(request: web.Request, version: int) -> int:
    """The version that the caller knows; without one, the present one."""
    text = request.query.get("since")
    if text is None:
        return version
    if not text.isascii() or not text.isdigit() or len(text) > 15:
        raise ApiError(400, "bad_since", "since is the version of a journey", "?since")
    return int(text)
