"""The desk's JSON API: drivers, vehicles, orders. One token, in a 0600 file of the data folder."""

import secrets
from collections.abc import Callable
from typing import Any, Literal, TypeVar

from aiohttp import web
from pydantic import Field

from bpp.dispatch import rounds
from bpp.driver_api import Returned, TurningBack
from bpp.fleet import roster
from bpp.fleet.csv_import import BadCsv, parse_roster
from bpp.fleet.workers import BadEntry, DriverEntry, VehicleEntry
from bpp.orders import beside, steps, store
from bpp.orders.events import Partner, Sector
from bpp.orders.office import Office
from bpp.orders.order import Order
from bpp.settings import VehicleSettings
from bpp.shown import job_shown, order_shown, worker_shown
from bpp.units import transact
from protocol_specs.node.api import ApiError, Routes, bearer, serve_json
from protocol_specs.node.asked import Body
from protocol_specs.node.server import Node
from protocol_specs.node.store import Conflict, Session
from protocol_specs.wire.errors import Malformed, OrderNotFound
from protocol_specs.wire.money import minor_units

T = TypeVar("T")
TOKEN_FILE = "desk.token"  # noqa: S105 - a file's name, not a token


class NewDriver(Body):
    """A driver to add, or (same code) to change; the vehicle must be registered."""

    code: str
    name: str
    phone: str
    vehicle: str


class Assignment(Body):
    """Which driver gets the order."""

    agent_id: str


class Employment(Body):
    """Whether a driver may work."""

    active: bool


class DeskEnd(Body):
    """The end of a job; where its driver collects cash, the desk must say whether it was."""

    cash_collected: bool


class Paid(Body):
    """That the money of a job which ended unpaid has come."""

    paid: Literal[True]


class Refund(Body):
    """Money back to the customer; the same `reference` again pays nothing more."""

    amount: str = Field(max_length=32)
    borne_by: Literal["worker", "cooperative"]
    reference: str = Field(min_length=1, max_length=64)
    agent_id: str | None = None


class PartnerNamed(Body):
    """Another worker in an order, and what of the fare is theirs."""

    agent_id: str
    amount: str = Field(max_length=32)
    sector: Sector | None = None


class Sharing(Body):
    """Everybody who has a part in the order beside its driver; nobody: an empty list."""

    partners: list[PartnerNamed]


class DeskCancel(Body):
    """Why the cooperative ends an order: a published reason such as 011."""

    reason_id: str


def add(node: Node, office: Office, token: str) -> None:
    """Serve the desk's routes on this node, to whoever bears the token."""
    api = DeskApi(node, office, token)
    routes: Routes = [
        ("GET", "/desk/drivers", api.drivers),
        ("POST", "/desk/drivers", api.add_driver),
        ("POST", "/desk/drivers/import", api.import_drivers),
        ("POST", "/desk/drivers/{agent_id}/active", api.set_active),
        ("POST", "/desk/drivers/{agent_id}/token", api.renew_token),
        ("POST", "/desk/vehicles", api.add_vehicle),
        ("GET", "/desk/orders", api.orders),
        ("GET", "/desk/orders/{order_id}/dispatch", api.dispatch),
        ("POST", "/desk/orders/{order_id}/assign", api.assign),
        ("POST", "/desk/orders/{order_id}/partners", api.share),
        ("POST", "/desk/orders/{order_id}/end", api.end),
        ("POST", "/desk/orders/{order_id}/cancel", api.cancel),
        ("POST", "/desk/orders/{order_id}/return", api.turn_back),
        ("POST", "/desk/orders/{order_id}/returned", api.returned),
        ("POST", "/desk/orders/{order_id}/paid", api.paid),
        ("POST", "/desk/orders/{order_id}/refund", api.refund),
    ]
    serve_json(node, routes)


def require_desk(request: web.Request, token: str) -> None:
    """Raises ApiError 401 unless the request bears the desk's token."""
    if not secrets.compare_digest(bearer(request), token):
        raise ApiError(401, "unauthorized", f"this is not the token in {TOKEN_FILE}")


class DeskApi:
    """The handlers of the desk."""

    def __init__(self, node: Node, office: Office, token: str) -> None:
        self._node, self._office, self._token = node, office, token

    async def drivers(self, request: web.Request) -> dict[str, Any]:
        """Everybody who works here."""
        require_desk(request, self._token)
        fleet = self._office.fleet
        return {
            "drivers": [
                worker_shown(worker, fleet.position(worker.agent_id) is not None)
                for worker in fleet.workers()
            ]
        }

    async def add_driver(self, request: web.Request, body: NewDriver) -> tuple[int, dict[str, Any]]:
        """Add a driver; the token is in the answer, and nowhere else ever again."""
        require_desk(request, self._token)

        def unit(session: Session) -> tuple[str, str | None]:
            return roster.put_driver(session, DriverEntry(**body.model_dump()))

        agent_id, token = await self._change(unit)
        return 201, {"agent_id": agent_id, "code": body.code, "token": token}

    async def import_drivers(self, request: web.Request) -> tuple[int, dict[str, Any]]:
        """Add or change drivers and vehicles from a CSV text: all of it, or nothing."""
        require_desk(request, self._token)
        try:
            parsed = parse_roster((await request.read()).decode("utf-8"))
        except UnicodeDecodeError:
            raise ApiError(400, "bad_csv", "the file is not UTF-8 text") from None
        except BadCsv as bad:
            raise ApiError(400, "bad_csv", str(bad)) from None
        tokens = await self._change(lambda session: roster.put_roster(session, parsed))
        return 201, {"drivers": len(parsed.drivers), "tokens": tokens}

    async def set_active(self, request: web.Request, body: Employment) -> dict[str, Any]:
        """Let a driver work, or no longer; one who may not work has no door here."""
        require_desk(request, self._token)
        agent_id = request.match_info["agent_id"]
        if not await self._change(lambda s: roster.set_active(s, agent_id, body.active)):
            raise _unknown_driver()
        return {"agent_id": agent_id, "active": body.active}

    async def renew_token(self, request: web.Request) -> dict[str, Any]:
        """A new token for a driver whose phone is lost; the old one is dead at once."""
        require_desk(request, self._token)
        agent_id = request.match_info["agent_id"]
        token = await self._change(lambda session: roster.renew_token(session, agent_id))
        if token is None:
            raise _unknown_driver()
        return {"agent_id": agent_id, "token": token}

    async def add_vehicle(
        self, request: web.Request, body: VehicleSettings
    ) -> tuple[int, dict[str, Any]]:
        """Register a vehicle."""
        require_desk(request, self._token)

        def unit(session: Session) -> None:
            roster.put_vehicle(session, VehicleEntry(**body.model_dump()))

        await self._change(unit)
        return 201, {"registration": body.registration, "category": body.category}

    async def orders(self, request: web.Request) -> dict[str, Any]:
        """The newest orders, each with its ratings and its start code while that is waited for."""
        require_desk(request, self._token)

        def read(session: Session) -> list[dict[str, Any]]:
            found = store.newest(session)
            return [order_shown(order, beside.ratings_of(session, order.key)) for order in found]

        return {"orders": self._node.store.read(read)}

    async def dispatch(self, request: web.Request) -> dict[str, Any]:
        """Every list of candidates of an order: who was ranked how, passed over why, offered."""
        require_desk(request, self._token)
        order_id = request.match_info["order_id"]

        def read(session: Session) -> list[dict[str, Any]]:
            return rounds.of_order(session, steps.any_order(session, order_id).order.key)

        try:
            return {"lists": self._node.store.read(read)}
        except OrderNotFound as refused:
            raise ApiError(404, "unknown_order", refused.reason) from None

    async def assign(self, request: web.Request, body: Assignment) -> dict[str, Any]:
        """Give an order to a driver."""
        require_desk(request, self._token)
        worker = self._office.fleet.worker(body.agent_id)
        if worker is None:
            raise _unknown_driver()
        order_id, now = request.match_info["order_id"], self._node.now()
        order = await transact(
            self._node,
            lambda session: steps.assign_by_desk(session, self._office, worker, order_id, now),
        )
        return {"job": job_shown(order)}

    async def end(self, request: web.Request, body: DeskEnd) -> dict[str, Any]:
        """End a job for a driver who reached the goal and cannot say so."""
        collected = body.cash_collected
        return await self._about(
            request,
            lambda session, job_id, now: steps.end_by_desk(
                session, self._office, job_id, now, cash_collected=collected
            ),
        )

    async def cancel(self, request: web.Request, body: DeskCancel) -> dict[str, Any]:
        """End an order that cannot be served."""
        return await self._about(
            request,
            lambda session, job_id, now: steps.cancel_by_desk(
                session, self._office, job_id, body.reason_id, now
            ),
        )

    async def turn_back(self, request: web.Request, body: TurningBack) -> dict[str, Any]:
        """Send a parcel that nobody takes back to its sender."""
        return await self._about(
            request,
            lambda session, job_id, now: steps.bring_back(
                session, self._office, job_id, body.reason_id, now
            ),
        )

    async def returned(self, request: web.Request, body: Returned) -> dict[str, Any]:
        """The parcel is with its sender again."""
        return await self._about(
            request,
            lambda session, job_id, now: steps.brought_back(
                session,
                self._office,
                job_id,
                now,
                is_disposed=body.disposed,
                cash_collected=body.cash_collected,
            ),
        )

    async def paid(self, request: web.Request, body: Paid) -> dict[str, Any]:
        """The money of a job that ended unpaid has come."""
        return await self._about(
            request,
            lambda session, job_id, now: steps.paid_by_desk(session, self._office, job_id, now),
        )

    async def refund(self, request: web.Request, body: Refund) -> dict[str, Any]:
        """Pay a part of a paid job back, or all of it; `agent_id` is a partner who bears it."""
        amount_minor = self._minor(body.amount, "/amount")
        return await self._about(
            request,
            lambda session, job_id, now: steps.refund_by_desk(
                session,
                self._office,
                job_id,
                now,
                reference=body.reference,
                amount_minor=amount_minor,
                borne_by=body.borne_by,
                agent_id=body.agent_id,
            ),
        )

    async def share(self, request: web.Request, body: Sharing) -> dict[str, Any]:
        """Name who has a part in an order beside its driver, in place of those named before."""
        require_desk(request, self._token)
        partners = tuple(self._partner(n, named) for n, named in enumerate(body.partners))
        return await self._about(
            request,
            lambda session, job_id, now: steps.share_by_desk(
                session, self._office, job_id, partners, now
            ),
        )

    def _partner(self, n: int, named: PartnerNamed) -> Partner:
        """Of the sector said, or the cooperative's own; with the vehicle they are registered with.

        Raises ApiError.
        """
        worker = self._office.fleet.worker(named.agent_id)
        if worker is None or not worker.active:
            reason = "no active driver or member has this agent_id"
            raise ApiError(404, "unknown_driver", reason, f"/partners/{n}/agent_id")
        return Partner(
            agent_id=worker.agent_id,
            amount_minor=self._minor(named.amount, f"/partners/{n}/amount"),
            sector=named.sector or self._office.provider.sector,
            vehicle_category=worker.vehicle.category,
        )

    def _minor(self, amount: str, path: str) -> int:
        try:
            return minor_units(amount, self._office.provider.currency)
        except Malformed as fault:
            raise ApiError(400, "bad_amount", fault.reason, path) from None

    async def _about(
        self, request: web.Request, unit: Callable[[Session, str, int], Order]
    ) -> dict[str, Any]:
        """One thing done about one order, by whoever bears the desk's token."""
        require_desk(request, self._token)
        job_id, now = request.match_info["order_id"], self._node.now()
        order = await transact(self._node, lambda session: unit(session, job_id, now))
        return {"job": job_shown(order)}

    async def _change(self, unit: Callable[[Session], T]) -> T:
        """Runs the unit and reads the fleet again. Raises ApiError with the field at fault."""
        try:
            result = await transact(self._node, unit)
        except BadEntry as bad:
            raise ApiError(400, "bad_entry", bad.reason, f"/{bad.field}") from None
        except Conflict:
            raise ApiError(409, "taken", "somebody else has this token or code") from None
        self._office.fleet.reload(self._node.store)
        return result


def _unknown_driver() -> ApiError:
    return ApiError(404, "unknown_driver", "no driver has this agent_id", "/agent_id")
