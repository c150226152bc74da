"""Jobs: the list, one job with its story, and what the office does about it."""

from collections.abc import Callable, Sequence
from typing import Any, Literal, cast

from aiohttp import web

from bpp.dispatch import rounds
from bpp.geo import distance_m
from bpp.office import acts, words
from bpp.office.deeds import Deed, Figures, Question, do
from bpp.office.room import Room
from bpp.orders import beside, steps, store
from bpp.orders.events import Partner
from bpp.orders.order import ACTIVE, COMPLETE, Order
from bpp.work import handovers, uploads
from bpp.work import words as work_words
from protocol_specs.node.store import Session
from protocol_specs.web.visit import PageError, Visit
from protocol_specs.wire.money import minor_units

SHOWN = ("all", "planned", "waiting", "running", "over")
PAGE = "office/job.html"


class Jobs:
    """The handlers below /jobs."""

    def __init__(self, room: Room) -> None:
        self._room = room

    async def show_all(self, visit: Visit) -> web.StreamResponse:
        """GET /jobs?show=: the newest; planned ones by their time."""
        shown = visit.arg("show") if visit.arg("show") in SHOWN else SHOWN[0]
        if shown == "planned":
            found = self._room.store.read(store.every_ahead)
        else:
            found = [job for job in self._room.store.read(store.newest) if _is(job, shown)]
        jobs = [(job, self._room.named(job.agent_id)) for job in found]
        return visit.page(
            "office/jobs.html",
            jobs=jobs,
            shown=shown,
            booking_url=self._room.settings.office.booking_url,
            **self._room.of_jobs(visit),
        )

    async def show(self, visit: Visit) -> web.StreamResponse:
        """GET /jobs/{id}."""
        return visit.page(PAGE, **self._page(visit))

    async def picture(self, visit: Visit) -> web.StreamResponse:
        """GET /jobs/{id}/picture/{leg}: of the parcel, as its driver took it."""
        job_id, leg = visit.arg("id"), visit.arg("leg")
        found = self._room.store.read(lambda session: handovers.find(session, job_id, leg))
        if found is None:
            raise PageError(404)
        return uploads.shown(found.body)

    async def assign(self, visit: Visit) -> web.StreamResponse:
        """POST /jobs/{id}/assign: this driver has it, whoever had it before."""
        worker = self._room.office.fleet.worker(visit.text("agent_id"))
        if worker is None or not worker.active:
            return self._again(visit, {"agent_id": visit._("Choose a driver.")})

        def unit(session: Session, job_id: str) -> Order:
            return steps.assign_by_desk(session, self._room.office, worker, job_id, visit.now)

        flash = visit._("%(driver)s has the job.", driver=self._room.named(worker.agent_id))
        return await self._do(visit, "assign", unit, flash, told={"driver": worker.agent_id},
                              field="agent_id")  # fmt: skip

    async def cancel(self, visit: Visit) -> web.StreamResponse:
        """POST /jobs/{id}/cancel: it ends, free of charge."""
        reason = visit.text("reason_id")

        def unit(session: Session, job_id: str) -> Order:
            return steps.cancel_by_desk(session, self._room.office, job_id, reason, visit.now)

        asks = Question(
            visit._("Cancel this job?"),
            visit._("The customer is told at once and pays nothing. It cannot be taken back."),
            visit._("Cancel the job"),
        )
        flash = visit._("The job is cancelled. The customer is told.")
        return await self._do(visit, "cancel", unit, flash, told={"reason": reason}, asks=asks,
                              field="reason_id")  # fmt: skip

    async def end(self, visit: Visit) -> web.StreamResponse:
        """POST /jobs/{id}/end: for a driver who cannot say so."""
        collected = visit.text("cash_collected") == "yes"

        def unit(session: Session, job_id: str) -> Order:
            office = self._room.office
            return steps.end_by_desk(session, office, job_id, visit.now, cash_collected=collected)

        asks = Question(
            visit._("End this job?"),
            visit._(
                "It counts as carried out, and the books are written. It cannot be taken back."
            ),
            visit._("End the job"),
        )
        told = {"cash": "collected" if collected else "not collected"}
        return await self._do(visit, "end", unit, visit._("The job has ended."), told=told,
                              asks=asks, field="cash_collected")  # fmt: skip

    async def paid(self, visit: Visit) -> web.StreamResponse:
        """POST /jobs/{id}/paid: the money of a job that ended unpaid came."""

        def unit(session: Session, job_id: str) -> Order:
            return steps.paid_by_desk(session, self._room.office, job_id, visit.now)

        asks = Question(
            visit._("Has the fare come?"),
            visit._("The customer's platform is told that it is paid. It cannot be taken back."),
            visit._("It has come"),
        )
        return await self._do(visit, "paid", unit, visit._("Noted as paid."), asks=asks)

    async def refund(self, visit: Visit) -> web.StreamResponse:
        """POST /jobs/{id}/refund: money back to the customer, once for each reference."""
        borne_by, reference = visit.text("borne_by"), visit.text("reference", most=65)
        errors = _reference_wrong(visit, reference)
        if borne_by not in ("worker", "cooperative"):
            errors["borne_by"] = visit._("Choose who bears it.")
        if errors:
            return self._again(visit, errors)

        def unit(session: Session, job_id: str) -> Order:
            return steps.refund_by_desk(
                session,
                self._room.office,
                job_id,
                visit.now,
                reference=reference,
                amount_minor=minor_units(visit.text("amount"), self._room.currency),
                borne_by=cast(Literal["worker", "cooperative"], borne_by),
            )

        asks = Question(
            visit._("Pay this back?"),
            visit._("The customer's platform is told, and the books are written."),
            visit._("Pay it back"),
        )
        told = {"amount": visit.text("amount", most=32), "reference": reference, "by": borne_by}
        flash = visit._("The refund is written down.")
        return await self._do(visit, "refund", unit, flash, told=told, asks=asks, field="amount")

    async def share(self, visit: Visit) -> web.StreamResponse:
        """POST /jobs/{id}/share: one other worker has a part of the fare, or nobody."""
        worker = self._room.office.fleet.worker(visit.text("partner"))
        if visit.text("partner") and (worker is None or not worker.active):
            return self._again(visit, {"partner": visit._("Choose a driver.")})

        def unit(session: Session, job_id: str) -> Order:
            partners: tuple[Partner, ...] = ()
            if worker is not None:
                part_minor = minor_units(visit.text("part"), self._room.currency)
                sector, kind = self._room.office.provider.sector, worker.vehicle.category
                partners = (Partner(worker.agent_id, part_minor, sector, kind),)
            return steps.share_by_desk(session, self._room.office, job_id, partners, visit.now)

        asks = Question(
            visit._("Share the fare so?"),
            visit._("Contributions of both are reckoned anew. You can change it until the end."),
            visit._("Share it"),
        )
        told = {"worker": visit.text("partner"), "part": visit.text("part", most=32)}
        return await self._do(visit, "share", unit, visit._("The fare is shared."), told=told,
                              asks=asks, field="part")  # fmt: skip

    async def _do(
        self,
        visit: Visit,
        what: str,
        unit: Callable[[Session, str], Order],
        flash: str,
        *,
        told: dict[str, str] | None = None,
        asks: Question | None = None,
        field: str = "form",
    ) -> web.StreamResponse:
        job_id = visit.arg("id")
        deed = Deed(
            what=what,
            about=job_id,
            unit=lambda session: self._figures(visit, session, unit(session, job_id)),
            to=visit.to(f"/jobs/{job_id}"),
            flash=flash,
            told=told or {},
            asks=asks,
            field=field,
        )
        return await do(visit, deed, lambda errors: self._again(visit, errors))

    def _figures(self, visit: Visit, session: Session, job: Order) -> Figures:
        """What stands after it."""
        quote = job.quote
        back = sum(minor for _, minor in job.refunds)
        lines = [
            (visit._("State"), words.word(visit, words.STATES, job.state)),
            (visit._("Driver"), self._room.named(job.agent_id) or visit._("Nobody")),
            (visit._("Fare"), visit.speech.money(quote.total_minor, quote.currency)),
        ]
        if back:
            lines.append((visit._("Paid back in all"), visit.speech.money(back, quote.currency)))
        for partner in job.partners:
            part = visit.speech.money(partner.amount_minor, quote.currency)
            lines.append((self._room.named(partner.agent_id), part))
        return lines

    def _again(self, visit: Visit, errors: dict[str, str]) -> web.Response:
        return visit.again(PAGE, errors, **self._page(visit))

    def _page(self, visit: Visit) -> dict[str, Any]:
        """All that the page of one job shows. Raises PageError 404."""
        room, job_id = self._room, visit.arg("id")

        def read(session: Session) -> tuple[Order, list[Any], dict[str, int], list[Any]]:
            kept = store.order_by_job_id(session, job_id)
            if kept is None:
                raise PageError(404)
            key = kept.order.key
            lists = rounds.of_order(session, key)
            return kept.order, lists, beside.ratings_of(session, key), acts.about(session, job_id)

        job, lists, ratings, done = room.store.read(read)
        pictures = room.store.read(lambda session: handovers.legs(session, job_id))
        worker = room.office.fleet.worker(job.agent_id) if job.agent_id else None
        roles = visit.person.roles if visit.person else frozenset()
        return {
            **self._room.of_jobs(visit),
            "room": room,
            "job": job,
            "driver": room.named(job.agent_id),
            "phone": worker.agent.phone if worker else None,
            "ratings": ratings,
            "pictures": pictures,
            "done": words.acts_told(visit, done),
            "drivers": self._drivers(visit, job) if job.status == ACTIVE else [],
            "reasons": words.options(visit, words.REASONS),
            "may": {
                "dispatch": "dispatcher" in roles,
                "refund": "treasurer" in roles and job.is_done(),
                "paid": "treasurer" in roles and _is_owed(job),
            },
            "listed": _lists_told(visit, room, lists),
        }

    def _drivers(self, visit: Visit, job: Order) -> list[tuple[str, str]]:
        """Who may be given it, the nearest first; who is not online, last."""
        room, (pickup, _) = self._room, job.view.fulfillment.route()
        told: list[tuple[float, str, str]] = []
        for worker in room.office.fleet.workers():
            if not worker.active or worker.agent_id == job.agent_id:
                continue
            at, name = room.office.fleet.position(worker.agent_id), room.named(worker.agent_id)
            if at is None:
                said = visit._("%(driver)s, %(vehicle)s, not online", driver=name,
                               vehicle=worker.vehicle.registration)  # fmt: skip
                told.append((1e9, worker.agent_id, said))
                continue
            away = distance_m(at.lat, at.lon, pickup.lat, pickup.lon)
            said = visit._("%(driver)s, %(vehicle)s, %(away)s away", driver=name,
                           vehicle=worker.vehicle.registration,
                           away=visit.speech.distance(away))  # fmt: skip
            told.append((away, worker.agent_id, said))
        return [(agent_id, said) for _, agent_id, said in sorted(told)]


def _is(job: Order, shown: str) -> bool:
    if shown == "waiting":
        return job.is_open()
    if shown == "running":
        return job.status == ACTIVE and not job.is_open() and not job.is_ahead
    return shown == "all" or job.status != ACTIVE


def _is_owed(job: Order) -> bool:
    """Whether it ended and its money is still to come to the cooperative."""
    payment = job.payment
    return job.status == COMPLETE and payment.status == "NOT-PAID" and payment.collected_by == "BPP"


def _reference_wrong(visit: Visit, reference: str) -> dict[str, str]:
    if 1 <= len(reference) <= 64 and reference.isprintable():
        return {}
    return {"reference": visit._("Give the number of the paper, at most 64 characters.")}


def _lists_told(visit: Visit, room: Room, found: Sequence[dict[str, Any]]) -> list[list[str]]:
    """Every candidate of each list as a row: who, place, travel, sum, what became of it."""
    rows = []
    for each in found:
        for ranked in each["ranked"]:
            is_asked = ranked["agent_id"] == each["offered_to"]
            became = words.word(visit, words.OUTCOMES, each["outcome"] or "") if is_asked else ""
            rows.append([str(each["n"]), room.named(ranked["agent_id"]), str(ranked["place"]),
                         visit.speech.duration(ranked["travel_s"]), became])  # fmt: skip
        for passed in each["passed"]:
            why = work_words.reason(visit, passed["why"])
            rows.append([str(each["n"]), room.named(passed["agent_id"]), "–", "", why])
    return rows
