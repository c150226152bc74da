"""The picture beside the code: a parcel as it is taken or handed over, from the phone's camera."""

from __future__ import annotations

from aiohttp import web

from bpp.drive.working import Working
from bpp.fleet.workers import Worker
from bpp.orders import store
from bpp.orders.order import Order
from bpp.work import handovers, uploads
from bpp.work.handovers import Leg
from protocol_specs.node.server import Node
from protocol_specs.node.store import Session
from protocol_specs.web.pictures import BadPicture
from protocol_specs.web.visit import PageError, Visit
from protocol_specs.wire.errors import ActionNotApplicable, OrderNotFound
from protocol_specs.wire.values import replace

TOO_LATE = "the hand-over is past, and its picture with it"


class HandOvers:
    """The handlers. A job is found by its driver and its id together."""

    def __init__(self, node: Node, work: Working) -> None:
        self._node, self._work = node, work

    async def send(self, visit: Visit) -> web.StreamResponse:
        """POST /jobs/{id}/picture: of the hand-over that the driver is at; a later one of the same
        hand-over takes its place. What is wrong with it is said beside the field, and the job
        stands as it stood."""
        worker, job_id = self._work.about(visit)
        try:
            body = uploads.picture_in(visit, "picture")
        except BadPicture as bad:
            return self._again(visit, worker, uploads.said(visit, bad))
        if body is None:
            return self._again(visit, worker, visit._("Choose a picture, or take one."))
        return await self._work.do(
            visit, lambda session: self._kept(session, worker, job_id, body, visit.now), ""
        )

    async def show(self, visit: Visit) -> web.StreamResponse:
        """GET /jobs/{id}/picture/{leg}: the driver's own."""
        job_id, leg = visit.arg("id"), visit.arg("leg")
        found = self._node.store.read(lambda session: handovers.find(session, job_id, leg))
        if found is None or found.agent_id != visit.who:
            raise PageError(404)
        return uploads.shown(found.body)

    def _kept(self, session: Session, worker: Worker, job_id: str, body: bytes, now: int) -> Order:
        """The picture and, in the same commit, its address in the order: the next word about the
        order tells it to the customer's platform."""
        kept = store.order_of_agent(session, worker.agent_id, job_id)
        if kept is None or kept.order.agent_id != worker.agent_id:
            raise OrderNotFound("there is no such job for you")
        leg = handovers.open_leg(kept.order)
        if leg is None:
            raise ActionNotApplicable(TOO_LATE)
        token = handovers.put(session, job_id, leg, worker.agent_id, body, now)
        order = with_picture(kept.order, leg, handovers.address(self._node.settings.url, token))
        store.change_order(session, order, kept.revision)
        return order

    def _again(self, visit: Visit, worker: Worker, wrong: str) -> web.Response:
        visit.errors = {"picture": wrong}
        return self._work.page(visit, worker, status=422)


def with_picture(order: Order, leg: Leg, url: str) -> Order:
    """The order that says where the picture of this hand-over is seen."""
    given = order.view.fulfillment
    if leg == "pickup":
        told = replace(given, pickup_picture=url)
    else:
        told = replace(given, drop_picture=url)
    return replace(order, view=replace(order.view, fulfillment=told))
