"""Fares by time: what holds, what is to come, and what a change would have done last week."""

import asyncio
from datetime import datetime
from typing import Any

from aiohttp import web
from pydantic import ValidationError

from bpp.fares_settings import FareSettings
from bpp.insurance.job import commission_minor
from bpp.insurance.scheme import NotInsurable
from bpp.office import fare_form
from bpp.office.deeds import Deed, Figures, Question, do
from bpp.office.fare_preview import (
    DAYS,
    JOBS_MAX,
    Effect,
    Lines,
    Preview,
    Sums,
    done_since,
    preview,
)
from bpp.office.moments import moment_of
from bpp.office.room import Room
from bpp.orders.order import Order
from bpp.tariff import store as tariffs
from bpp.tariff.store import Dated
from protocol_specs.node.store import Session, Store
from protocol_specs.web.maps import map_data
from protocol_specs.web.visit import PageError, Visit
from protocol_specs.wire.errors import Malformed
from protocol_specs.wire.order import Quote

PAGE, PREVIEW = "office/fares.html", "office/fares_preview.html"
DAY_S = 86_400


class Fares:
    """The handlers below /fares."""

    def __init__(self, room: Room) -> None:
        self._room = room

    async def show(self, visit: Visit) -> web.StreamResponse:
        """GET /fares?n=: what holds; the form, begun with it or with the tariff of that number."""
        return visit.page(PAGE, **self._page(visit))

    async def preview(self, visit: Visit) -> web.StreamResponse:
        """POST /fares/preview: what these fares would have done; nothing is written."""
        read = self._read(visit)
        if isinstance(read, dict):
            return visit.again(PAGE, read, **self._page(visit))
        fares, starts_at = read
        try:  # refused now rather than after it was looked at: run, and undone
            self._room.store.read(lambda s: tariffs.check(s, fares, self._currency, starts_at,
                                                          visit.now))  # fmt: skip
        except tariffs.NotWritten as declined:
            return visit.again(PAGE, {"starts": str(declined)}, **self._page(visit))
        found = await self._preview(visit, fares)
        kept = {n: v for n, v in visit.typed.items() if not n.startswith("_")}
        return visit.page(
            PREVIEW,
            kept=kept,
            found=found,
            starts_at=starts_at,
            days=DAYS,
            most=JOBS_MAX,
            figures=self._figures(visit, found),
            groups=[
                (visit._("Vehicle category"), self._rows(visit, found.by_category)),
                (visit._("Zone"), self._rows(visit, found.by_zone)),
            ],
        )

    async def write(self, visit: Visit) -> web.StreamResponse:
        """POST /fares: a tariff, once; it holds from its beginning on."""
        read = self._read(visit)
        if isinstance(read, dict):
            return visit.again(PAGE, read, **self._page(visit))
        fares, starts_at = read

        def unit(session: Session) -> Figures:
            tariffs.write(
                session,
                fares,
                starts_at=starts_at,
                currency=self._currency,
                by=visit.who,
                now=visit.now,
            )
            return []

        deed = Deed(
            what="tariff",
            about=datetime.fromtimestamp(starts_at, visit.zone).isoformat(timespec="minutes"),
            unit=unit,
            to=visit.to("/fares"),
            flash=visit._("Written down. These fares hold from then on."),
            told={"base": fares.base or "", "per_km": fares.per_km or ""},
            field="starts",
        )
        answer = await do(visit, deed, lambda e: visit.again(PAGE, e, **self._page(visit)))
        self._room.store.read(self._room.tariffs.load)
        return answer

    async def withdraw(self, visit: Visit) -> web.StreamResponse:
        """POST /fares/{n}/withdraw: a tariff that does not hold yet, once."""
        asked = visit.arg("n")
        number = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 18 else 0
        if self._of(number) is None:
            raise PageError(404)

        def unit(session: Session) -> Figures:
            tariffs.withdraw(session, number, by=visit.who, now=visit.now)
            return [(visit._("Tariff"), str(number))]

        deed = Deed(
            what="tariff_back",
            about=str(number),
            unit=unit,
            to=visit.to("/fares"),
            flash=visit._("Withdrawn."),
            asks=Question(
                visit._("Withdraw this tariff?"),
                visit._("It will never hold. What was written stays in the list."),
                visit._("Withdraw it"),
            ),
        )
        answer = await do(visit, deed, lambda e: visit.again(PAGE, e, **self._page(visit)))
        self._room.store.read(self._room.tariffs.load)
        return answer

    @property
    def _currency(self) -> str:
        return self._room.currency

    def _read(self, visit: Visit) -> tuple[FareSettings, int] | dict[str, str]:
        """The fares typed and when they begin; or what is wrong with which field."""
        starts_at = moment_of(visit.text("starts", most=32), visit.zone)
        if starts_at is None:
            return {"starts": visit._("Choose a day and a time.")}
        try:
            fares = fare_form.read(visit, self._room.site.settings.zone)
            fares.policy(self._currency)
        except (ValidationError, Malformed) as fault:
            return fare_form.fault(visit, fault)
        return fares, starts_at

    async def _preview(self, visit: Visit, fares: FareSettings) -> Preview:
        policy, since = fares.policy(self._currency), visit.now - DAYS * DAY_S
        tariff, effect = self._room.office.provider.tariff, self._effect()

        def work() -> Preview:
            at = self._room.site.node.settings.store_at
            jobs = Store.read_once(at, lambda session: done_since(session, since))
            found = preview(jobs[:JOBS_MAX], tariff, policy, effect)
            found.is_cut = len(jobs) > JOBS_MAX
            return found

        return await asyncio.to_thread(work)

    def _effect(self) -> Effect | None:
        """What a job pays its driver, and sets aside, by the schemes that run."""
        if self._room.insured is None:
            return None
        insurance, office = self._room.insured.extension, self._room.office
        rate = insurance.keeper.terms.commission_rate

        def effect(order: Order, lines: Lines) -> tuple[int, int]:
            terms = office.terms(
                category=order.category,
                domain=order.peer.domain,
                city=order.city,
                payment=order.payment,
                planned_start=order.planned_start,
            )
            quote = Quote("", order.quote.currency, lines, 0)
            try:
                extra = insurance.quote_lines(quote, terms, order.priced_at)
            except NotInsurable:
                extra = ()
            own = sum(line.amount_minor for line in extra if line.borne_by == "worker")
            fare = sum(line.amount_minor for line in lines)
            pay = fare - commission_minor(lines, rate) - own
            return pay, sum(line.amount_minor for line in extra)

        return effect

    def _figures(self, visit: Visit, found: Preview) -> Figures:
        """Everything of the preview but the groups."""
        figures = [
            (visit._("Jobs"), visit.speech.number(found.all.jobs)),
            (visit._("Dearer"), visit.speech.number(found.all.dearer)),
            (visit._("Cheaper"), visit.speech.number(found.all.cheaper)),
            (visit._("Fares together"), self._change(visit, found.all)),
            (visit._("The fare in the middle"),
             self._both(visit, found.median_before_minor, found.median_after_minor)),
        ]  # fmt: skip
        if found.pay is not None and found.aside is not None:
            figures.append((visit._("Drivers' pay, after commission and deductions"),
                            self._change(visit, found.pay)))  # fmt: skip
            figures.append((visit._("Contributions"), self._change(visit, found.aside)))
        return figures

    def _rows(self, visit: Visit, groups: dict[str, Sums]) -> list[list[str]]:
        number = visit.speech.number
        return [
            [name or visit._("No zone"), number(each.jobs), number(each.dearer),
             number(each.cheaper), self._room.money(visit, each.before_minor),
             self._room.money(visit, each.after_minor)]
            for name, each in sorted(groups.items())
        ]  # fmt: skip

    def _change(self, visit: Visit, sums: Sums) -> str:
        return self._both(visit, sums.before_minor, sums.after_minor)

    def _both(self, visit: Visit, before: int, after: int) -> str:
        return visit._("%(before)s, then %(after)s",
                       before=self._room.money(visit, before),
                       after=self._room.money(visit, after))  # fmt: skip

    def _of(self, number: int) -> Dated | None:
        every = self._room.store.read(tariffs.every)
        return next((each for each in every if each.n == number), None)

    def _page(self, visit: Visit) -> dict[str, Any]:
        every = self._room.store.read(tariffs.every)
        standing = [each for each in every if each.withdrawn_at is None]
        holds = next((each for each in reversed(standing) if each.starts_at <= visit.now), None)
        asked = next((each for each in every if str(each.n) == visit.arg("n")), holds)
        fares = asked.fares if asked else self._room.settings.fares
        return {
            "fares": fare_form.shown(fares, self._room.office.provider.categories),
            "every": list(reversed(every)),
            "holds": holds.n if holds else None,
            "asked": asked,
            "may_write": "treasurer" in (visit.person.roles if visit.person else ()),
            "zone": str(visit.zone),
            "currency": self._currency,
            "map_data": map_data(
                self._room.site,
                self._room.city,
                circles=[
                    {"lat": z.lat, "lon": z.lon, "radius_m": z.radius_m, "label": z.name}
                    for z in fares.zones
                ],
            ),
        }
