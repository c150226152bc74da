"""What a driver earned, what was set aside and where it is, what they owe; slips and pass-book."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from dataclasses import dataclass
from datetime import date
from typing import Any

from aiohttp import web
from babel import dates

from bpp.declined import Declined
from bpp.insurance import books, cash, reading, slip_api, slip_page
from bpp.insurance.engine import calendar
from bpp.insurance.statement import api as statement_api
from bpp.insurance.statement import document, values
from bpp.insurance.statement.reading import statement
from bpp.insurance.statement.values import Month, Statement
from bpp.insurance.surplus import booking as surplus
from bpp.insurance.wiring import Insured
from bpp.orders import store
from bpp.orders.office import Office
from protocol_specs.node.store import Session
from protocol_specs.web.languages import N_
from protocol_specs.web.site import Site
from protocol_specs.web.visit import PageError, Visit
from protocol_specs.wire import strict_json

FORMS = {"pdf": "application/pdf", "csv": "text/csv", "json": "application/json"}
STANDS = {
    "not_due": N_("Set aside, the job is not over"),
    "due": N_("With your cooperative, to be sent"),
    "declared": N_("Declared to the institution, not sent yet"),
    "sent": N_("Sent to the institution"),
    "acknowledged": N_("The institution confirmed that it came"),
    "rejected": N_("Sent back by the institution, to be sent again"),
    "excess": N_("Held for you, more than the plan takes"),
    "credit_used": N_("Taken from your credit"),
}
STATES = {"cancelled": N_("cancelled"), "open": N_("not over yet")}  # beside carried out
_STYLE = base64.b64encode(hashlib.sha256(slip_page.STYLE.encode()).digest()).decode()
SLIP_POLICY = f"default-src 'none'; style-src 'sha256-{_STYLE}'; frame-ancestors 'none'"


@dataclass(frozen=True, slots=True)
class Sums:
    """What some jobs came to, minor units."""

    jobs: int
    fare_minor: int
    commission_minor: int
    borne_minor: int
    tip_minor: int
    net_minor: int

    @classmethod
    def of(cls, jobs: list[values.Job]) -> Sums:
        """Of jobs that were carried out or left a fee."""
        return cls(
            sum(job.state == "completed" for job in jobs),
            sum(job.fare_minor for job in jobs),
            sum(job.commission_minor for job in jobs),
            sum(job.borne_minor for job in jobs),
            sum(job.tip_minor for job in jobs),
            sum(job.net_minor for job in jobs),
        )


class Money:
    """The handlers. Who left sees their own as before."""

    def __init__(self, site: Site, office: Office, insured: Insured | None) -> None:
        self._site, self._office, self._insured = site, office, insured
        self._read = site.node.store.read

    async def earnings(self, visit: Visit) -> web.StreamResponse:
        """GET /money: today and a month, job by job; what was set aside; what is owed."""
        if self._insured is None:
            done = self._read(lambda session: store.done_by(session, visit.who))
            return visit.page("drive/fares.html", jobs=done, currency=self._currency)
        today, month = self._today(visit.now), self._month(visit)
        found = self._statement(visit, month)
        stands = self._read(lambda session: self._standing(session, visit.who))
        return visit.page(
            "drive/money.html",
            found=found,
            months=self._months(visit),
            month=month,
            month_words=lambda name: _month_words(visit, name),
            currency=self._currency,
            stands_words=STANDS,
            **self._of_month(visit, found, today),
            **stands,
        )

    async def slips(self, visit: Visit) -> web.StreamResponse:
        """GET /slips: the newest first."""
        self._books()
        found = self._read(lambda session: reading.slips_of(session, visit.who))
        holds = [slip for slip in found if slip["superseded_by"] is None]
        return visit.page("drive/slips.html", slips=holds)

    async def slip(self, visit: Visit) -> web.StreamResponse:
        """GET /slips/{id}: the page to keep and to show, with its code."""
        checked = slip_api.checked(self._site.node, self._books().key, visit.who, visit.arg("id"))
        html = await asyncio.to_thread(slip_page.page, checked)
        headers = {"Content-Security-Policy": SLIP_POLICY}
        return web.Response(text=html, content_type="text/html", headers=headers)

    async def book(self, visit: Visit) -> web.StreamResponse:
        """GET /book: the pass-book, by scheme and period, and as files."""
        self._books()
        return visit.page(
            "drive/book.html",
            found=self._statement(visit, None),
            currency=self._currency,
            stands_words=STANDS,
        )

    async def file(self, visit: Visit) -> web.StreamResponse:
        """GET /book/{form}: the pass-book as PDF, CSV or the signed JSON."""
        insured, form = self._books(), visit.arg("form")
        found = self._statement(visit, visit.arg("month") or None)
        if form not in FORMS or found is None:
            raise PageError(404)
        language = "ms" if visit.language == "ms" else "en"
        try:
            if form == "json":
                body = strict_json.dumps(document.signed(found, insured.key))
                response = web.Response(body=body, content_type=FORMS[form])
            else:
                response = await statement_api.written(found, form, language, insured.fonts)
        except Declined as declined:
            raise PageError(409, str(declined)) from None
        name = f"pass-book-{found.first_month}-{found.last_month}.{form}"
        response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
        return response

    # Inside

    @property
    def _currency(self) -> str:
        return self._office.provider.currency

    def _books(self) -> Insured:
        if self._insured is None:
            raise PageError(404)
        return self._insured

    def _today(self, now: int) -> date:
        return calendar.local(now, self._books().asks.book.zone).date()

    def _month(self, visit: Visit) -> str:
        return visit.arg("month") or calendar.period_name(self._today(visit.now), "month")

    def _months(self, visit: Visit) -> list[str]:
        whole = self._statement(visit, None)
        return [] if whole is None else [month.name for month in reversed(whole.months)]

    def _statement(self, visit: Visit, month: str | None) -> Statement | None:
        """The driver's statement; None: nothing stands in the books for them."""
        book = self._books().asks.book

        def read(session: Session) -> Statement | None:
            if books.find_worker(session, visit.who) is None:
                return None
            return statement(
                session, book, visit.who, visit.now, first_month=month, last_month=month
            )

        try:
            return self._read(read)
        except Declined:
            return None

    def _of_month(self, visit: Visit, found: Statement | None, today: date) -> dict[str, Any]:
        shown: Month | None = found.months[0] if found and found.months else None
        jobs = [job for job in shown.jobs if job.state != "left"] if shown else []
        zone = self._books().asks.book.zone
        of_today = [job for job in jobs if calendar.local(job.at, zone).date() == today]
        return {
            "jobs": jobs,
            "rows": [self._row(visit, job) for job in reversed(jobs)],
            "today": Sums.of(of_today),
            "all": Sums.of(jobs),
            "rounding_minor": _rounding_minor(found, shown) if found and shown else 0,
        }

    def _row(self, visit: Visit, job: values.Job) -> tuple[str, ...]:
        told = (job.fare_minor, -job.commission_minor, -job.borne_minor, job.net_minor)
        when = visit.speech.moment(job.at, visit.zone)
        if job.state in STATES:
            when = f"{when} · {visit._(STATES[job.state])}"
        return when, *(visit.speech.money(minor, self._currency) for minor in told)

    def _standing(self, session: Session, agent_id: str) -> dict[str, Any]:
        worker = books.find_worker(session, agent_id)
        accounts = reading.earnings(session, agent_id)["accounts"]
        ours = next((each for each in accounts if each["currency"] == self._currency), None)
        return {
            "account": ours,
            "surplus": surplus.of_worker(session, worker) if worker else [],
            "cash": cash.standing(session, self._books().limit, worker),
        }


def _rounding_minor(found: Statement, month: Month) -> int:
    """What more than its jobs' own amounts the month takes from the worker, for each job rounds by
    itself and the institution's sum once; 0 while a job of it is not over."""
    lines = [each for job in found.jobs for each in job.contributions if each.period == month.name]
    if not all(line.is_due for line in lines):
        return 0
    taken = sum(each.worker_minor for each in found.periods if each.period == month.name)
    return taken - sum(line.worker_minor for line in lines)


def _month_words(visit: Visit, name: str) -> str:
    """A period's month in the driver's language; as it is written where it is no month."""
    try:
        day = date.fromisoformat(f"{name}-01")
    except ValueError:
        return name
    return dates.format_date(day, "LLLL y", locale=visit.speech.locale)
