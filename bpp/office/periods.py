"""The insurance desk: periods, due days, the close and what it would do, who lacks what."""

import asyncio
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from bpp.declined import Declined
from bpp.insurance.people import listing
from bpp.insurance.reconcile import orders, remitted
from bpp.insurance.remittance import closing, deadlines, desk, reading
from bpp.insurance.remittance.declaring import Draft
from bpp.insurance.remittance.desk import CloseAsked
from bpp.insurance.scheme import Scheme
from bpp.office import words
from bpp.office.deeds import Deed, Figures, Question, do
from bpp.office.room import Room
from protocol_specs.node.store import Session, Store
from protocol_specs.web.visit import PageError, Visit

PERIOD = "office/period.html"
LINES_MAX = 500


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What a close would write now, or why it would be refused."""

    drafts: tuple[Draft, ...]
    codes: dict[str, str]
    why_not: str = ""

    @property
    def total_minor(self) -> int:
        """Of all lines."""
        return sum(each.remitted.total for each in self.drafts)

    @property
    def worker_minor(self) -> int:
        """What of it is the workers' own."""
        return sum(each.remitted.worker for each in self.drafts)

    @property
    def workers(self) -> int:
        """Lines above zero."""
        return sum(1 for each in self.drafts if each.remitted.total)


class Periods:
    """The handlers below /insurance, but for remittances."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._known = room.books.extension.keeper

    async def show_all(self, visit: Visit) -> web.StreamResponse:
        """GET /insurance: periods, what is due when, remittances."""
        scheme_of = self._known.scheme

        def read(session: Session) -> tuple[list[tuple[Any, int | None]], list[Any], int]:
            every = deadlines.deadlines(session, scheme_of)
            shown = [
                (each, each.days_left(scheme_of(each.scheme).day(visit.now))) for each in every
            ]
            lacking = len(listing.unregistered(session))
            return shown[::-1], reading.remittances(session)[::-1], lacking

        periods, remittances, lacking = self._room.store.read(read)
        alarms = [
            (each, left)
            for each, left in periods
            if left is not None and left <= deadlines.DAYS_BEFORE and not each.is_done
        ]
        return visit.page(
            "office/insurance.html",
            periods=periods,
            alarms=alarms,
            remittances=remittances,
            lacking=lacking,
            schemes=self._room.books.extension.schemes,
            state=lambda name: words.word(visit, words.REMITTANCE, name),
            kinds=words.REMITTANCE_KINDS,
        )

    async def show(self, visit: Visit) -> web.StreamResponse:
        """GET /insurance/period?scheme=&period=: what a close would write now, line by line."""
        scheme, period = self._asked(visit)
        found = await self._rehearsal(scheme, period, visit, leave_open=bool(visit.arg("open")))
        return visit.page(PERIOD, **self._page(visit, scheme, period, found))

    async def close(self, visit: Visit) -> web.StreamResponse:
        """POST /insurance/period: begins the close, once; the node goes on by itself."""
        scheme, period = self._asked(visit)
        leave_open = visit.text("leave_open") == "yes"
        found = await self._rehearsal(scheme, period, visit, leave_open=leave_open)
        page = self._page(visit, scheme, period, found)
        if found.why_not:
            return visit.again(PERIOD, {"form": found.why_not}, **page)

        def unit(session: Session) -> Figures:
            asked = CloseAsked(scheme=scheme.id, period=period, by=visit.who, leave_open=leave_open)
            issuer = self._room.site.node.settings.subscriber_id
            desk.close(session, self._known, asked, issuer=issuer, now=visit.now)
            return self._figures(visit, scheme, period, found)

        deed = Deed(
            what="close",
            about=f"{scheme.id}/{period}",
            unit=unit,
            to=visit.to("/insurance"),
            flash=visit._("The period is being closed. The node goes on by itself."),
            told={"total": self._room.money(visit, found.total_minor)},
            asks=Question(
                visit._("Close this period?"),
                visit._("What is declared now is declared for good; what changes later goes into "
                        "a later period. No money moves yet."),
                visit._("Close the period"),
            ),
        )  # fmt: skip
        return await do(visit, deed, lambda errors: visit.again(PERIOD, errors, **page))

    async def people(self, visit: Visit) -> web.StreamResponse:
        """GET /insurance/people: who lacks what, and which notice was shown to whom, how."""
        people = self._room.books.people

        def read(session: Session) -> tuple[list[Any], list[Any], list[Any]]:
            every = listing.everybody(session, people)
            return listing.unregistered(session), listing.proofs(session), every

        lacking, proofs, everybody = self._room.store.read(read)
        codes = {each["worker"]: each["code"] or each["worker"] for each in everybody}
        return visit.page(
            "office/people.html",
            lacking=lacking,
            owed=[each for each in everybody if each["owed"]],
            proofs=[
                [codes.get(each["worker"], each["worker"]), each["scheme"],
                 visit.speech.moment(each["at"], visit.zone),
                 words.word(visit, words.HOW, each.get("how") or ""), each["by"]]
                for each in reversed(proofs)
            ][:LINES_MAX],
        )  # fmt: skip

    async def reconcile(self, visit: Visit) -> web.StreamResponse:
        """GET /insurance/reconcile: orders against books, what was sent against what arrived."""
        at = self._room.site.node.settings.store_at

        def read(session: Session) -> tuple[orders.Result, list[remitted.Compared]]:
            return orders.reconcile(session), remitted.reconcile(session)

        of_orders, sent = await asyncio.to_thread(Store.read_once, at, read)
        return visit.page(
            "office/reconcile.html",
            orders=of_orders,
            found=[
                [words.word(visit, words.FAULTS, each.fault), each.order or each.worker or "",
                 each.scheme or "", each.period or ""]
                for each in of_orders.found[:LINES_MAX]
            ],
            sent=[
                [each.remittance + (f" {each.worker}" if each.worker else ""),
                 words.word(visit, words.RECEIVED, each.status),
                 visit.speech.money(each.remitted_minor, each.currency),
                 visit.speech.money(each.received_minor, each.currency)]
                for each in sent
            ],
        )  # fmt: skip

    def _asked(self, visit: Visit) -> tuple[Scheme, str]:
        """Raises PageError 404."""
        name, period = visit.arg("scheme"), visit.arg("period")
        if visit.request.method == "POST":
            name, period = visit.text("scheme"), visit.text("period")
        if name not in {each.id for each in self._room.books.extension.schemes}:
            raise PageError(404)
        scheme = self._known.scheme(name)
        try:
            closing.check_name(scheme, period)
        except Declined:
            raise PageError(404) from None
        return scheme, period

    async def _rehearsal(
        self, scheme: Scheme, period: str, visit: Visit, *, leave_open: bool
    ) -> Rehearsal:
        def read(session: Session) -> Rehearsal:
            everybody = listing.everybody(session, self._room.books.people)
            codes = {each["worker"]: each["code"] or each["worker"] for each in everybody}
            why_not = ""
            try:
                closing.check(session, scheme, period, now=visit.now, leave_open=leave_open)
            except Declined as declined:
                why_not = str(declined)
            drafts = closing.dry_run(session, self._known, scheme, period)
            return Rehearsal(tuple(drafts), codes, why_not)

        return await asyncio.to_thread(
            Store.read_once, self._room.site.node.settings.store_at, read
        )

    def _page(self, visit: Visit, scheme: Scheme, period: str, found: Rehearsal) -> dict[str, Any]:
        lines = [
            [found.codes.get(each.worker, each.worker), str(each.orders),
             self._room.money(visit, each.remitted.worker),
             self._room.money(visit, each.remitted.cooperative),
             self._room.money(visit, each.remitted.total)]
            for each in found.drafts[:LINES_MAX]
        ]  # fmt: skip
        return {
            "scheme": scheme,
            "period": period,
            "found": found,
            "lines": lines,
            "more": max(0, len(found.drafts) - LINES_MAX),
            "figures": self._figures(visit, scheme, period, found),
            "may_close": "treasurer" in (visit.person.roles if visit.person else ()),
        }

    def _figures(self, visit: Visit, scheme: Scheme, period: str, found: Rehearsal) -> Figures:
        own = found.total_minor - found.worker_minor
        return [
            (visit._("Scheme"), scheme.title),
            (visit._("Period"), period),
            (visit._("Workers"), visit.speech.number(found.workers)),
            (visit._("Theirs"), self._room.money(visit, found.worker_minor)),
            (visit._("The cooperative's"), self._room.money(visit, own)),
            (visit._("Together"), self._room.money(visit, found.total_minor)),
            (visit._("Due day"), closing.due_day_of(scheme, period) or visit._("Not known")),
        ]
