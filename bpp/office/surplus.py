"""The surplus divided by work done: looked at, booked once, taken back whole, exported."""

import asyncio
import csv
import io
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from aiohttp import web

from bpp.insurance.surplus import booking
from bpp.insurance.surplus.booking import Asked, Division, Terms
from bpp.ledger.money_facts import is_id
from bpp.office import acts, words
from bpp.office.deeds import Deed, Figures, Question, beside, do
from bpp.office.money import names_of_workers
from bpp.office.room import Room
from protocol_specs.node.store import Session, Store
from protocol_specs.web.visit import PageError, Visit
from protocol_specs.wire.errors import Malformed
from protocol_specs.wire.money import amount, minor_units

PAGE, LOOK, ONE = "office/surplus.html", "office/surplus_look.html", "office/surplus_one.html"


class Surplus:
    """The handlers below /money/surplus."""

    def __init__(self, room: Room) -> None:
        self._room = room

    async def show(self, visit: Visit) -> web.StreamResponse:
        """GET /money/surplus: divisions that were booked, the rule, and the form."""
        return visit.page(PAGE, **self._page(visit))

    async def look(self, visit: Visit) -> web.StreamResponse:
        """POST /money/surplus/look: each one's part; nothing is written."""
        found = await self._divided(
            visit, lambda s, asked: booking.divide(s, self._terms, asked, visit.now)
        )
        if isinstance(found, dict):
            return visit.again(PAGE, found, **self._page(visit))
        known = self._room.store.read(names_of_workers)
        rows = [
            [known.get(worker, worker), self._work(visit, found.work[worker]),
             self._room.money(visit, minor)]
            for worker, minor in found.parts.items()
        ]  # fmt: skip
        kept = {n: v for n, v in visit.typed.items() if not n.startswith("_")}
        return visit.page(
            LOOK,
            rows=rows,
            kept={**kept, "work": str(sum(found.work.values()))},
            figures=self._figures(visit, found),
            heads=self._heads(visit),
        )

    async def book(self, visit: Visit) -> web.StreamResponse:
        """POST /money/surplus: one entry for each part, once."""
        found = await self._divided(visit, lambda s, asked: booking.counted(s, self._terms, asked))
        if isinstance(found, dict):
            return visit.again(PAGE, found, **self._page(visit))
        if visit.text("work") != str(sum(found.work.values())):
            text = visit._("Something changed meanwhile. Look again.")
            return visit.again(PAGE, {"form": text}, **self._page(visit))

        def unit(session: Session) -> Figures:
            booking.book(session, self._terms, found, by=visit.who, now=visit.now)
            return []

        reference = found.asked.reference
        deed = Deed(
            what="surplus",
            about=reference,
            unit=unit,
            to=visit.to(f"/money/surplus/{reference}"),
            flash=visit._("Booked, one entry for each."),
            told={"amount": amount(found.asked.amount_minor, self._terms.currency)},
            field="reference",
        )
        return await do(visit, deed, lambda e: visit.again(PAGE, e, **self._page(visit)))

    async def show_one(self, visit: Visit) -> web.StreamResponse:
        """GET /money/surplus/{reference}: who got what."""
        return visit.page(ONE, **self._one(visit))

    async def back(self, visit: Visit) -> web.StreamResponse:
        """POST /money/surplus/{reference}/back: all parts of it, once."""
        reference, page = visit.arg("reference"), self._one(visit)

        def unit(session: Session) -> Figures:
            booking.take_back(session, reference, by=visit.who, now=visit.now)
            return page["figures"]  # type: ignore[no-any-return]  # of _one

        deed = Deed(
            what="surplus_back",
            about=reference,
            unit=unit,
            to=visit.to(f"/money/surplus/{reference}"),
            flash=visit._("Taken back, by entries of their own."),
            asks=Question(
                visit._("Take this division back?"),
                visit._("Every part of it goes back by an entry of its own. Then these days can be "
                        "divided by again, under another name."),
                visit._("Take it back"),
            ),
        )  # fmt: skip
        return await do(visit, deed, lambda e: visit.again(ONE, e, **page))

    async def file(self, visit: Visit) -> web.StreamResponse:
        """GET /money/surplus/{reference}/csv: the parts, by the random ids of the books."""
        found = self._found(visit)
        text = io.StringIO()
        rows = csv.writer(text, lineterminator="\n")
        rows.writerow(["reference", "first_day", "last_day", "worker", "amount", "currency"])
        about = [found["reference"], found["first_day"], found["last_day"]]
        for worker, minor in found["parts"]:
            rows.writerow([*about, worker, amount(minor, found["currency"]), found["currency"]])
        await self._room.store.transact(
            lambda session: acts.note(session, at=visit.now, who=visit.who, what="file",
                                      about=f"surplus/{found['reference']}", told={"file": "csv"})
        )  # fmt: skip
        name = f"surplus-{found['reference']}.csv"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return web.Response(text=text.getvalue(), content_type="text/csv", headers=headers)

    @property
    def _terms(self) -> Terms:
        return self._room.books.surplus

    async def _divided(
        self, visit: Visit, by: Callable[[Session, Asked], Division]
    ) -> Division | dict[str, str]:
        """The division typed, its sums made beside the node; or what is wrong with which field."""
        try:
            first, last = (date.fromisoformat(visit.text(name)) for name in ("first", "last"))
        except ValueError:
            return {"first": visit._("Choose a first and a last day.")}
        if not is_id(visit.text("reference", most=65)):
            return {"reference": visit._("Not as it is wanted here. Look at the hint.")}
        try:
            minor = minor_units(visit.text("amount"), self._terms.currency)
            asked = Asked(
                reference=visit.text("reference"), amount_minor=minor, first=first, last=last
            )
            return await asyncio.to_thread(
                Store.read_once,
                self._room.site.node.settings.store_at,
                lambda session: by(session, asked),
            )
        except (Malformed, booking.NotDivided) as fault:
            return beside(visit, fault, "form")

    def _figures(self, visit: Visit, found: Division) -> Figures:
        asked = found.asked
        days = visit._("%(first)s until %(last)s", first=asked.first, last=asked.last)
        return [
            (visit._("Sum"), self._room.money(visit, asked.amount_minor)),
            (visit._("Work of these days"), days),
            (visit._("Divided by"), self._rule(visit)),
            (visit._("Work of all"), self._work(visit, sum(found.work.values()))),
            (visit._("Workers"), visit.speech.number(len(found.parts))),
        ]

    def _heads(self, visit: Visit) -> list[tuple[str, str]]:
        return [(visit._("Worker"), ""), (self._rule(visit), "number"), (visit._("Part"), "number")]

    def _rule(self, visit: Visit) -> str:
        return words.word(visit, words.SURPLUS_RULES, self._terms.rule)

    def _work(self, visit: Visit, work: int) -> str:
        if self._terms.rule == "jobs":
            return visit.speech.number(work)
        return self._room.money(visit, work)

    def _found(self, visit: Visit) -> dict[str, Any]:
        reference = visit.arg("reference")
        found = self._room.store.read(lambda session: booking.find(session, reference))
        if found is None:
            raise PageError(404)
        return found

    def _one(self, visit: Visit) -> dict[str, Any]:
        found, known = self._found(visit), self._room.store.read(names_of_workers)
        days = visit._("%(first)s until %(last)s", first=found["first_day"], last=found["last_day"])
        figures = [
            (visit._("Sum"), visit.speech.money(found["amount_minor"], found["currency"])),
            (visit._("Work of these days"), days),
            (visit._("Divided by"), words.word(visit, words.SURPLUS_RULES, found["rule"])),
            (visit._("Workers"), visit.speech.number(found["members"])),
            (visit._("Written down"),
             f"{visit.speech.moment(found['at'], visit.zone)} · {found['by']}"),
        ]  # fmt: skip
        return {
            "found": found,
            "figures": figures,
            "rows": [
                [known.get(worker, worker), visit.speech.money(minor, found["currency"])]
                for worker, minor in found["parts"]
            ],
            "may_write": self._may_write(visit),
        }

    def _page(self, visit: Visit) -> dict[str, Any]:
        def read(session: Session) -> tuple[list[dict[str, Any]], int]:
            return booking.every(session), booking.own_minor(session, self._terms.currency)

        every, own = self._room.store.read(read)
        roles = visit.person.roles if visit.person else frozenset()
        return {
            "every": every,
            "own": self._room.money(visit, own),
            "rule": self._rule(visit),
            "may_write": self._may_write(visit),
            "keeps": bool(roles & {"treasurer", "auditor"}),
            "last_year": datetime.fromtimestamp(visit.now, visit.zone).year - 1,
        }

    def _may_write(self, visit: Visit) -> bool:
        return "treasurer" in (visit.person.roles if visit.person else ())
