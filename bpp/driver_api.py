"""The driver's JSON API: online, position, offers, and the steps of a job. Bearer tokens."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from aiohttp import web
from pydantic import Field

from bpp.dispatch import rounds
from bpp.fleet import roster
from bpp.fleet.dispatch import Position
from bpp.fleet.workers import Worker
from bpp.orders import steps, store
from bpp.orders.office import Office
from bpp.orders.order import Order
from bpp.orders.progress import Step, WrongCode
from bpp.shown import job_shown, place_shown
from bpp.units import transact
from protocol_specs.node.api import ApiError, Routes, bearer, serve_json
from protocol_specs.node.asked import Body
from protocol_specs.node.server import Node
from protocol_specs.node.store import Session
from protocol_specs.wire.money import amount


class Online(Body):
    """Going on or off duty; a place is needed to go on."""

    online: bool
    lat: float | None = Field(default=None, ge=-90, le=90)
    lon: float | None = Field(default=None, ge=-180, le=180)


class Here(Body):
    """Where the driver is."""

    lat: float = Field(ge=-90, le=90)
    lon: float = Field(ge=-180, le=180)


class Code(Body):
    """The code that the rider or sender tells."""

    code: str = Field(pattern=r"^[0-9A-Za-z]{4,12}$")


class End(Body):
    """The end of a job. Where the driver collects cash, ending says that it was collected."""

    cash_collected: bool = True


class GivingUp(Body):
    """Why the driver cannot do the job: a published reason such as 013."""

    reason_id: str


class TurningBack(Body):
    """Why nobody takes the parcel: a published reason such as 011."""

    reason_id: str


class Returned(Body):
    """The parcel is with its sender again, or was disposed of."""

    disposed: bool = False
    cash_collected: bool = True


def add(node: Node, office: Office) -> None:
    """Serve the driver's routes on this node."""
    api = DriverApi(node, office)
    routes: Routes = [
        ("POST", "/driver/online", api.online),
        ("POST", "/driver/position", api.position),
        ("GET", "/driver/offers", api.offers),
        ("GET", "/driver/job", api.job),
        ("GET", "/driver/jobs-ahead", api.jobs_ahead),
        ("GET", "/driver/earnings", api.earnings),
        ("GET", "/driver/dispatch", api.dispatch),
        ("POST", "/driver/jobs/{order_id}/accept", api.accept),
        ("POST", "/driver/jobs/{order_id}/decline", api.decline),
        ("POST", "/driver/jobs/{order_id}/enroute", api.enroute),
        ("POST", "/driver/jobs/{order_id}/arrived", api.arrived),
        ("POST", "/driver/jobs/{order_id}/start", api.start),
        ("POST", "/driver/jobs/{order_id}/pickup", api.pickup),
        ("POST", "/driver/jobs/{order_id}/arrived-drop", api.arrived_drop),
        ("POST", "/driver/jobs/{order_id}/end", api.end),
        ("POST", "/driver/jobs/{order_id}/return", api.turn_back),
        ("POST", "/driver/jobs/{order_id}/returned", api.returned),
        ("POST", "/driver/jobs/{order_id}/cancel", api.cancel),
    ]
    serve_json(node, routes)


def authenticate(node: Node, request: web.Request) -> Worker:
    """The active driver whose token the request bears. Raises ApiError 401."""
    return _found(node, request, roster.find_driver)


def authenticate_holder(node: Node, request: web.Request) -> Worker:
    """The same, also for one who left: who may read their own money and slips, and do nothing.

    Raises ApiError 401.
    """
    return _found(node, request, roster.find_holder)


def _found(
    node: Node, request: web.Request, find: Callable[[Session, str], Worker | None]
) -> Worker:
    token = bearer(request)
    worker = node.store.read(lambda session: find(session, token))
    if worker is None:
        raise ApiError(401, "unauthorized", "this token is not known; ask your cooperative's desk")
    return worker


class DriverApi:
    """The handlers. Each finds the driver by token first, and touches only that driver's job."""

    def __init__(self, node: Node, office: Office) -> None:
        self._node, self._office = node, office

    async def online(self, request: web.Request, body: Online) -> dict[str, Any]:
        """Go on duty at a place, or off duty."""
        worker = authenticate(self._node, request)
        if not body.online:
            await self._office.fleet.gone(self._node.store, worker.agent_id)
        elif body.lat is None or body.lon is None:
            raise ApiError(400, "place_missing", "send lat and lon to go online", "/lat")
        elif why := self._office.standing.off_duty(worker, self._node.now()):
            raise ApiError(409, "off_duty", why)
        else:
            position = Position(body.lat, body.lon, self._node.now())
            await self._office.fleet.seen(self._node.store, worker.agent_id, position)
        return {"agent_id": worker.agent_id, "code": worker.code, "online": body.online}

    async def position(self, request: web.Request, body: Here) -> dict[str, Any]:
        """Report where the driver is, while online."""
        worker = authenticate(self._node, request)
        if self._office.fleet.position(worker.agent_id) is None:
            raise ApiError(409, "offline", "you are offline; POST /driver/online first")
        position = Position(body.lat, body.lon, self._node.now())
        await self._office.fleet.seen(self._node.store, worker.agent_id, position)
        return {"online": True}

    async def offers(self, request: web.Request) -> dict[str, Any]:
        """Open jobs near the driver, nearest first."""
        worker, now = self._driver(request), self._node.now()
        offers = self._node.store.read(
            lambda session: steps.offers_for(session, self._office, worker, now)
        )
        return {"offers": [_offer_shown(offer) for offer in offers]}

    async def job(self, request: web.Request) -> dict[str, Any]:
        """The driver's running job, or null."""
        worker = authenticate(self._node, request)
        kept = self._node.store.read(lambda session: store.job_of(session, worker.agent_id))
        return {"job": job_shown(kept.order) if kept else None}

    async def jobs_ahead(self, request: web.Request) -> dict[str, Any]:
        """The driver's jobs for later, by their time; each becomes the job when that is near."""
        worker = authenticate(self._node, request)
        found = self._node.store.read(lambda session: store.ahead_of(session, worker.agent_id))
        return {"jobs": [job_shown(order) for order in found]}

    async def earnings(self, request: web.Request) -> dict[str, Any]:
        """The driver's completed jobs, newest first, with what the customer paid."""
        worker = authenticate(self._node, request)
        done = self._node.store.read(lambda session: store.done_by(session, worker.agent_id))
        return {"jobs": [_earned(order) for order in done]}

    async def accept(self, request: web.Request) -> dict[str, Any]:
        """Take an open job."""
        worker, order_id, now = self._about(request)
        return await self._do(
            lambda session: steps.accept(session, self._office, worker, order_id, now)
        )

    async def decline(self, request: web.Request) -> dict[str, Any]:
        """Not take the job whose turn it is: it goes to the next driver at once."""
        worker, order_id, now = self._about(request)
        await transact(self._node, lambda session: steps.decline(session, worker, order_id, now))
        return {"order_id": order_id, "declined": True}

    async def dispatch(self, request: web.Request) -> dict[str, Any]:
        """Why jobs came to the driver or not, newest first; and the weights that count."""
        worker = authenticate_holder(self._node, request)
        lists = self._node.store.read(lambda session: rounds.of_agent(session, worker.agent_id))
        return {"weights": asdict(self._office.provider.weights), "lists": lists}

    async def enroute(self, request: web.Request) -> dict[str, Any]:
        """On the way: to the rider, or with the parcel."""
        return await self._step(request, "enroute")

    async def arrived(self, request: web.Request) -> dict[str, Any]:
        """At the pickup."""
        return await self._step(request, "arrived")

    async def arrived_drop(self, request: web.Request) -> dict[str, Any]:
        """At the door of the receiver."""
        return await self._step(request, "arrived-drop")

    async def start(self, request: web.Request, body: Code) -> dict[str, Any]:
        """The rider is on board and told the code."""
        return await self._step(request, "start", code=body.code)

    async def pickup(self, request: web.Request, body: Code) -> dict[str, Any]:
        """The sender handed the parcel over and told the code."""
        return await self._step(request, "pickup", code=body.code)

    async def end(self, request: web.Request, body: End) -> dict[str, Any]:
        """The job is done, and the cash collected."""
        return await self._step(request, "end", cash_collected=body.cash_collected)

    async def turn_back(self, request: web.Request, body: TurningBack) -> dict[str, Any]:
        """Nobody takes the parcel: on the way back to its sender."""
        worker, job_id, now = self._about(request)
        return await self._do(
            lambda session: steps.bring_back(
                session, self._office, job_id, body.reason_id, now, worker=worker
            )
        )

    async def returned(self, request: web.Request, body: Returned) -> dict[str, Any]:
        """The parcel is back with its sender: the job is done."""
        worker, job_id, now = self._about(request)
        return await self._do(
            lambda session: steps.brought_back(
                session,
                self._office,
                job_id,
                now,
                is_disposed=body.disposed,
                cash_collected=body.cash_collected,
                worker=worker,
            )
        )

    async def cancel(self, request: web.Request, body: GivingUp) -> dict[str, Any]:
        """The driver cannot do the job."""
        worker, order_id, now = self._about(request)
        reason_id = body.reason_id
        return await self._do(
            lambda session: steps.give_up(session, self._office, worker, order_id, reason_id, now)
        )

    async def _step(
        self, request: web.Request, which: Step, *, code: str = "", cash_collected: bool = True
    ) -> dict[str, Any]:
        worker, order_id, now = self._about(request)
        return await self._do(
            lambda session: steps.step(
                session,
                self._office,
                worker,
                order_id,
                which,
                now,
                code=code,
                cash_collected=cash_collected,
            )
        )

    def _driver(self, request: web.Request) -> Worker:
        """Who asks, with the vehicle that they drive now."""
        worker = authenticate(self._node, request)
        return self._office.fleet.worker(worker.agent_id) or worker

    def _about(self, request: web.Request) -> tuple[Worker, str, int]:
        worker = self._driver(request)
        return worker, request.match_info["order_id"], self._node.now()

    async def _do(self, unit: Callable[[Session], Order | WrongCode]) -> dict[str, Any]:
        result = await transact(self._node, unit)
        if isinstance(result, WrongCode):
            left = f"{result.tries_left} tries left" if result.tries_left else "wait a minute"
            raise ApiError(409, "wrong_code", f"that is not the code; {left}", "/code")
        return {"job": job_shown(result)}


def _offer_shown(offer: steps.JobOffer) -> dict[str, Any]:
    """What a driver may know before taking a job: no name and no phone."""
    view, quote = offer.order.view, offer.order.quote
    pickup, drop = view.fulfillment.route()
    return {
        "order_id": offer.order.job_id,
        "pickup": place_shown(pickup),
        "drop": place_shown(drop),
        "distance_m": offer.distance_m,
        "expires_at": offer.expires_at,
        "fare": {
            "currency": quote.currency,
            "minor": quote.total_minor,
            "value": amount(quote.total_minor, quote.currency),
        },
        "payment": {"collected_by": offer.order.payment.collected_by},
    }


def _earned(order: Order) -> dict[str, Any]:
    quote = order.quote
    return {
        "order_id": order.job_id,
        "ended_at": order.view.updated_at,
        "currency": quote.currency,
        "minor": quote.total_minor,
        "value": amount(quote.total_minor, quote.currency),
        "cash": order.payment.collected_by == "BPP",
    }
