"""The JSON about remittances: the desk closes and writes down, a driver hears what is late."""

from collections.abc import Callable
from typing import Any

from aiohttp import web

from bpp.insurance import books
from bpp.insurance.remittance import deadlines, desk, reading
from bpp.insurance.remittance.declaring import Known
from bpp.insurance.remittance.desk import CloseAsked, ExcessAsked, StepAsked
from bpp.insurance.remittance.shown import deadline_shown, remittance_shown
from bpp.units import kept
from protocol_specs.node.api import ApiError, Routes, serve_json
from protocol_specs.node.server import Node
from protocol_specs.node.store import Session
from protocol_specs.wire.errors import Malformed


def add(
    node: Node,
    known: Known,
    driver_of: Callable[[web.Request], str],
    require_desk: Callable[[web.Request], None],
) -> None:
    """Serve these routes on this node. The two callables raise ApiError for strangers."""
    api = RemittanceApi(node, known, driver_of, require_desk)
    routes: Routes = [
        ("GET", "/desk/insurance/remittances", api.remittances),
        ("POST", f"{desk.PATH}/close", api.close),
        ("POST", f"{desk.PATH}/steps", api.step),
        ("POST", f"{desk.PATH}/excess", api.excess),
        ("GET", "/driver/insurance/late", api.late),
    ]
    serve_json(node, routes)


class RemittanceApi:
    """The handlers."""

    def __init__(
        self,
        node: Node,
        known: Known,
        driver_of: Callable[[web.Request], str],
        require_desk: Callable[[web.Request], None],
    ) -> None:
        self._node, self._known = node, known
        self._driver_of, self._require_desk = driver_of, require_desk

    async def remittances(self, request: web.Request) -> dict[str, Any]:
        """Every remittance, with its state and steps."""
        self._require_desk(request)
        found = self._node.store.read(reading.remittances)
        return {"remittances": [remittance_shown(each) for each in found]}

    async def close(self, request: web.Request, body: CloseAsked) -> dict[str, Any]:
        """A period to be closed; the node goes on with it by itself. Again: how far it is."""
        now, issuer = self._node.now(), self._node.settings.subscriber_id
        return await self._written(
            request, lambda s: desk.close(s, self._known, body, issuer=issuer, now=now)
        )

    async def step(self, request: web.Request, body: StepAsked) -> dict[str, Any]:
        """What happened to a remittance: sent, acknowledged, rejected, interest."""
        now, issuer = self._node.now(), self._node.settings.subscriber_id
        return await self._written(
            request, lambda s: desk.step(s, self._known, body, issuer=issuer, now=now)
        )

    async def excess(self, request: web.Request, body: ExcessAsked) -> dict[str, Any]:
        """What a worker chose for money held beyond their plan."""
        now = self._node.now()
        return await self._written(
            request, lambda s: desk.decide_excess(s, self._known, body, now=now)
        )

    async def late(self, request: web.Request) -> dict[str, Any]:
        """What of the driver's money should have reached its institution by now, and has not."""
        agent_id, now = self._driver_of(request), self._node.now()

        def find(session: Session) -> list[dict[str, Any]]:
            worker = books.find_worker(session, agent_id)
            if worker is None:
                return []
            scheme_of = self._known.scheme
            return [
                deadline_shown(each, each.days_left(scheme_of(each.scheme).day(now)))
                for each in deadlines.late_for(session, scheme_of, worker, now)
            ]

        shown = ("scheme", "period", "state", "due_day", "days_left", "remittance")
        return {"late": [{key: each[key] for key in shown} for each in self._node.store.read(find)]}

    async def _written(
        self, request: web.Request, unit: Callable[[Session], dict[str, Any]]
    ) -> dict[str, Any]:
        self._require_desk(request)
        try:
            return await kept(self._node.store, unit)
        except Malformed as fault:
            raise ApiError(400, "bad_amount", fault.reason, "/amount") from None
