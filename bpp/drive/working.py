"""Driving: on and off duty, where I am, offers, and the steps of the one running job."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any, get_args

from aiohttp import web

from bpp.dispatch import offers
from bpp.drive import telling
from bpp.drive.looking import Look, look
from bpp.fleet.dispatch import Position
from bpp.fleet.workers import Worker
from bpp.insurance.wiring import Insured
from bpp.orders import steps, store
from bpp.orders.office import Office
from bpp.orders.order import Order
from bpp.orders.progress import Step, WrongCode
from bpp.work import handovers, words
from bpp.work.standing import Standing
from protocol_specs.node.store import Session
from protocol_specs.web.maps import map_data
from protocol_specs.web.places import point_of
from protocol_specs.web.site import Site
from protocol_specs.web.streams import Event, send_events
from protocol_specs.web.visit import PageError, Visit
from protocol_specs.web.waiting import Crowded, Watch
from protocol_specs.wire import strict_json
from protocol_specs.wire.errors import RateLimited, Refused

STEPS: frozenset[str] = frozenset(get_args(Step))
HEARTBEAT_S = 15


class Working:
    """The handlers. A job is found by its driver and its id together, so that others' are not."""

    def __init__(
        self, site: Site, office: Office, insured: Insured | None, standing: Standing
    ) -> None:
        self._site, self._office, self._insured = site, office, insured
        self._standing = standing
        self._node = site.node
        self._watch = Watch(waiting_max=5_000, each_max=4)
        self._node.store.listen(offers.CHANNEL, self._heard)
        self._node.add_loop("drivers' pages", self._release, wake=asyncio.Event(), everywhere=True)

    # Looking

    async def home(self, visit: Visit) -> web.StreamResponse:
        """GET /: on duty or not, the offer, or the running job."""
        worker = self._office.fleet.worker(visit.who)
        if worker is None or not worker.active:
            return visit.page("drive/left.html")
        return self.page(visit, worker)

    async def live(self, visit: Visit) -> web.StreamResponse:
        """GET /live: an event whenever the first page is no longer what stands on the screen."""
        worker, seen, numbers = self._worker(visit), visit.arg("seen"), count(1)

        def happened(_: int) -> Sequence[Event]:
            nonlocal seen
            mark = self._look(worker, self._node.now()).mark
            if mark == seen:
                return ()
            seen = mark
            return (Event(next(numbers), "state", strict_json.dumps({"mark": mark})),)

        try:
            with self._watch.bell(worker.agent_id) as bell:
                return await send_events(
                    visit.request,
                    happened=happened,
                    bell=bell,
                    since=0,
                    stopping=self._node.leaving,
                    heartbeat_s=HEARTBEAT_S,
                )
        except Crowded:
            raise PageError(503) from None

    # Duty

    async def online(self, visit: Visit) -> web.StreamResponse:
        """POST /online: on duty at a place that the driver gave or that the phone told."""
        worker, at = self._worker(visit), point_of(visit.text("here_at"))
        if why := self._standing.off_duty(worker, visit.now):
            told = telling.said(visit, words.reason(visit, why))
            return await visit.see(visit.to("/"), flash=told, kind="warn")
        if at is None:
            found = self._site.places.find(visit.text("here"), most=1)
            at = (found[0].lat, found[0].lon) if found else None
        if at is None:
            wrong = {"here": visit._("No such place is known here. Type another one nearby.")}
            visit.errors = wrong
            return self.page(visit, worker, status=422)
        await self._office.fleet.seen(
            self._node.store, worker.agent_id, Position(*at, self._node.now())
        )
        return await visit.see(visit.to("/"))

    async def offline(self, visit: Visit) -> web.StreamResponse:
        """POST /offline: off duty; the place is forgotten."""
        await self._office.fleet.gone(self._node.store, self._worker(visit).agent_id)
        return await visit.see(
            visit.to("/"), flash=visit._("You are offline. Nobody sees where you are.")
        )

    async def position(self, visit: Visit) -> web.StreamResponse:
        """POST /position: where the phone is, said by its script while on duty."""
        worker, at = self._worker(visit), point_of(visit.text("at"))
        if at is None:
            raise PageError(400)
        if self._office.fleet.position(worker.agent_id) is None:
            return web.Response(status=409)
        await self._office.fleet.seen(
            self._node.store, worker.agent_id, Position(*at, self._node.now())
        )
        return web.Response(status=204)

    # Offers

    async def accept(self, visit: Visit) -> web.StreamResponse:
        """POST /jobs/{id}/accept: whoever is first has it."""
        worker, job_id = self.about(visit)
        return await self.do(
            visit,
            lambda session: steps.accept(session, self._office, worker, job_id, visit.now),
            visit._("The job is yours."),
        )

    async def decline(self, visit: Visit) -> web.StreamResponse:
        """POST /jobs/{id}/decline: the next driver is asked at once."""
        worker, job_id = self.about(visit)
        return await self.do(
            visit,
            lambda session: steps.decline(session, worker, job_id, visit.now),
            visit._("Declined. The next driver is asked."),
        )

    # The running job

    async def step(self, visit: Visit) -> web.StreamResponse:
        """POST /jobs/{id}/step: the next step; start and pick-up need the customer's code."""
        worker, job_id = self.about(visit)
        which, code = visit.text("step"), visit.text("code", most=12)
        if which not in STEPS:
            raise PageError(400)
        cash = visit.text("cash") != "no"

        def unit(session: Session) -> Order | WrongCode:
            return steps.step(
                session,
                self._office,
                worker,
                job_id,
                which,  # type: ignore[arg-type]  # is one of STEPS
                visit.now,
                code=code,
                cash_collected=cash,
            )

        return await self.do(visit, unit, visit._("Done.") if which == "end" else "")

    async def cancel(self, visit: Visit) -> web.StreamResponse:
        """POST /jobs/{id}/cancel: the driver cannot do it."""
        worker, job_id = self.about(visit)
        reason = visit.text("reason")
        return await self.do(
            visit,
            lambda session: steps.give_up(session, self._office, worker, job_id, reason, visit.now),
            visit._("You gave the job up. It goes to another driver, or ends."),
        )

    async def bring_back(self, visit: Visit) -> web.StreamResponse:
        """POST /jobs/{id}/return: nobody takes the parcel."""
        worker, job_id = self.about(visit)
        reason = visit.text("reason")
        return await self.do(
            visit,
            lambda session: steps.bring_back(
                session, self._office, job_id, reason, visit.now, worker=worker
            ),
            visit._("The parcel goes back to its sender. You are paid for the way."),
        )

    async def brought_back(self, visit: Visit) -> web.StreamResponse:
        """POST /jobs/{id}/returned: the parcel is with its sender again."""
        worker, job_id = self.about(visit)
        return await self.do(
            visit,
            lambda session: steps.brought_back(
                session,
                self._office,
                job_id,
                visit.now,
                is_disposed=False,
                cash_collected=visit.text("cash") != "no",
                worker=worker,
            ),
            visit._("Done."),
        )

    # Inside

    async def do(
        self, visit: Visit, unit: Callable[[Session], Order | WrongCode], flash: str
    ) -> web.StreamResponse:
        """What the form asks for, once; and back to the first page, where it is said."""
        came: list[Order | WrongCode] = []

        def once(session: Session) -> str:
            came.append(unit(session))
            return visit.to("/")

        try:
            location = await self._site.once.write(visit.owner, visit.form_id, once, visit.now)
        except store.Overtaken:
            changed = visit._("The job changed meanwhile. Look again.")
            return await visit.see(visit.to("/"), flash=changed, kind="warn")
        except RateLimited:
            wrong = visit._("Too many wrong codes. Wait a minute, then ask the customer again.")
            return self._wrong_code(visit, wrong)
        except Refused as refused:
            told = telling.said(visit, refused.reason)
            return await visit.see(visit.to("/"), flash=told, kind="warn")
        if came and isinstance(came[-1], WrongCode):
            return self._wrong_code(visit, _tries(visit, came[-1].tries_left))
        return await visit.see(location, flash=flash if came else "")

    def _wrong_code(self, visit: Visit, wrong: str) -> web.StreamResponse:
        visit.errors = {"code": wrong}
        return self.page(visit, self._worker(visit), status=422)

    def page(self, visit: Visit, worker: Worker, *, status: int = 200) -> web.Response:
        found = self._look(worker, visit.now)
        if found.job is not None:
            return visit.page("drive/job.html", status=status, **self._job(visit, found, found.job))
        return visit.page("drive/home.html", status=status, **self._shared(visit, found))

    def _shared(self, visit: Visit, found: Look) -> dict[str, Any]:
        provider = self._office.provider
        return {
            "look": found,
            "provider": provider,
            "said_why": lambda why: telling.said(visit, words.reason(visit, why)),
            "until": lambda at: visit.speech.clock(at, self._standing.zone),
            "place_name": lambda place: telling.place_name(visit, self._site, place),
        }

    def _job(self, visit: Visit, found: Look, order: Order) -> dict[str, Any]:
        fulfillment, names = order.view.fulfillment, telling.steps_of(order)
        pickup, drop = fulfillment.route()
        is_parcel, leg = names is telling.PARCEL_STEPS, fulfillment.return_leg
        to_pickup = not order.has_begun() or leg is not None
        target = pickup if to_pickup else drop
        contacts = (fulfillment.pickup_contact, fulfillment.drop_contact)
        contact = (contacts[0 if to_pickup else 1] if is_parcel else None) or fulfillment.customer
        name = telling.place_name(visit, self._site, target)
        states = list(names)
        return {
            **self._shared(visit, found),
            "order": order,
            "is_parcel": is_parcel,
            "is_returning": leg is not None,
            "steps": [visit._(text) for text in names.values()],
            "current": states.index(order.state) if order.state in states else 0,
            "title": telling.RETURN_STEP if leg else names.get(order.state, order.state),
            "pickup": pickup,
            "drop": drop,
            "to_pickup": to_pickup,
            "target_name": name,
            "geo": telling.geo_link(target, name),
            "osm": telling.osm_link(target),
            "contact": contact,
            "call": telling.call_link(contact),
            "masked": telling.masked(contact),
            "collect": order.payment.collected_by == "BPP" and order.payment.status == "NOT-PAID",
            "arrived_at": order.reached_at(order.states.at_pickup),
            "rates": self._office.provider.tariff.by(order.tariff).rates_for(
                order.category, pickup
            ),
            "leg": handovers.open_leg(order),
            "reasons": telling.PARCEL_REASONS if is_parcel else telling.RIDE_REASONS,
            "return_reasons": self._office.provider.return_reasons,
            "lines": [
                (visit._(telling.LINES[line.code]) if line.code in telling.LINES else line.code,
                 line.amount_minor)
                for line in order.quote.lines
            ],
            "map": self._map(visit, order),
        }  # fmt: skip

    def _map(self, visit: Visit, order: Order) -> str:
        pickup, drop = order.view.fulfillment.route()
        marks: list[dict[str, object]] = [
            {"id": "from", "label": visit._("Pick-up"), "kind": "from"}
            | {"lat": pickup.lat, "lon": pickup.lon},
            {"id": "to", "label": visit._("Drop"), "kind": "to"}
            | {"lat": drop.lat, "lon": drop.lon},
        ]
        me = self._office.fleet.position(visit.who)
        if me is not None:
            marks.append(
                {"id": "me", "lat": me.lat, "lon": me.lon, "label": visit._("You"), "kind": "me"}
            )
        line = [[pickup.lat, pickup.lon], [drop.lat, drop.lon]]
        near = self._site.places.nearest(pickup.lat, pickup.lon, 30_000)
        return map_data(self._site, near.city if near else order.city, marks=marks, line=line)

    def _look(self, worker: Worker, now: int) -> Look:
        return self._node.store.read(
            lambda session: look(session, self._office, self._insured, self._standing, worker, now)
        )

    def _worker(self, visit: Visit) -> Worker:
        worker = self._office.fleet.worker(visit.who)
        if worker is None:
            raise PageError(401)
        return worker

    def about(self, visit: Visit) -> tuple[Worker, str]:
        return self._worker(visit), visit.arg("id")

    def _heard(self, agent_id: str) -> None:
        if agent_id == offers.EVERYBODY:
            self._watch.ring_all()
        else:
            self._watch.ring(agent_id)

    async def _release(self, now: int) -> bool:
        """Streams end with the node."""
        if self._node.leaving.is_set():
            self._watch.ring_all()
        return False


def _tries(visit: Visit, left: int) -> str:
    if not left:
        return visit._("Not the code. Wait a minute, then ask the customer again.")
    return visit.not_the_code(left)
