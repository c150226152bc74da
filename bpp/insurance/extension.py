"""Insurance as an extension of orders: estimates for quotes, entries and slips for each event."""

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from bpp.insurance import books, cash
from bpp.insurance.books import SchemeTerms, Terms
from bpp.insurance.engine.assess import Assessment, assess
from bpp.insurance.engine.standing import Bearer
from bpp.insurance.job import Job, is_cash, work
from bpp.insurance.projection import Bookkeeper, project
from bpp.insurance.scheme import Scheme
from bpp.insurance.scheme_file import load
from bpp.insurance.settings import InsuranceSettings
from bpp.ledger.entry import LedgerError
from bpp.orders.events import OrderEvent
from bpp.orders.extension import ExtraLine, JobTerms, Retried
from protocol_specs.node import loops
from protocol_specs.node.store import Session
from protocol_specs.wire import money, tags
from protocol_specs.wire.keys import SigningKey
from protocol_specs.wire.order import PaymentTerms, Quote

TAG_CODE = "@wayfare/contribution"
RETRY_S_MAX = 30  # an event that could not be posted is tried again at least this often
LEGAL_NAME_MAX = 200


def new_worker_id() -> str:
    """A random local id: says nothing about the agent it stands for."""
    return f"w{secrets.token_hex(8)}"


@dataclass(frozen=True, slots=True)
class Insurance:
    """The extension. Only schemes this node is liable for are set aside here, and only those by
    which a job comes to an amount: not a plan bought ahead, not a yearly levy.
    """

    keeper: Bookkeeper
    schemes: tuple[Scheme, ...]
    name: str = "insurance"

    @staticmethod
    def of(
        settings: InsuranceSettings,
        key: SigningKey,
        issuer: str,
        cash_limit: cash.Limit | None = None,
        **known: Any,
    ) -> "Insurance":
        """By the settings of `issuer`, our subscriber_id; `known` as `Bookkeeper` takes it. Raises
        SettingsError."""
        packs = settings.load_schemes()
        ours = tuple(
            pack
            for pack in packs
            if pack.is_per_job and settings.liable_party[pack.id].party == "bpp"
        )
        terms = Terms(
            commission_rate=settings.commission_rate,
            finder_fee_rate=settings.finder_fee_rate,
            schemes={
                pack.id: SchemeTerms(
                    liable_party=settings.liable_party[pack.id].party,
                    liable_source=settings.liable_party[pack.id].source,
                    funded_by=settings.funded_by.get(pack.id),
                    mandate=settings.mandates.get(pack.id),
                    options=settings.options.get(pack.id, {}),
                )
                for pack in ours
            },
        )
        return Insurance.with_schemes(ours, terms, key, issuer, cash_limit, **known)

    @staticmethod
    def with_schemes(
        schemes: Sequence[Scheme],
        terms: Terms,
        key: SigningKey,
        issuer: str,
        cash_limit: cash.Limit | None = None,
        **known: Any,
    ) -> "Insurance":
        """By packs already read. An older order may rest on a shipped pack that no longer runs."""
        packs = {scheme.id: scheme for scheme in schemes}
        keeper = Bookkeeper(
            issuer=issuer,
            key=key,
            terms=terms,
            scheme=lambda name: packs.get(name) or load(name),
            new_worker_id=new_worker_id,
            cash_limit=cash_limit,
            **known,
        )
        return Insurance(keeper, tuple(schemes))

    def quote_lines(self, quote: Quote, terms: JobTerms, at: int) -> tuple[ExtraLine, ...]:
        """An estimate for each scheme. Pure; raises NotInsurable, which refuses the quote."""
        ours = self.keeper.terms
        found = work(_job_of(quote, terms, at), ours.commission_rate)
        return tuple(
            _extra_line(scheme, assess(scheme, found, options=ours.schemes[scheme.id].options), by)
            for scheme in self.schemes
            for by in scheme.bearers
        )

    def passes_over(self, session: Session, agent_id: str, terms: JobTerms) -> str | None:
        """No job for who was not told what it takes, nor a cash job at the limit of fare cash.

        A prepaid one pays the debt back: let it come.
        """
        worker = books.find_worker(session, agent_id)
        why = self.keeper.gate.objection(session, self.schemes, worker, terms.planned_start)
        if why is not None:
            return why
        limit = self.keeper.cash_limit
        if limit is None or limit.minor is None:
            return None
        if terms.payment is None or not is_cash(terms.payment):
            return None
        return cash.why_not(session, limit, worker) if worker else None

    def on_event(self, session: Session, event: OrderEvent) -> tuple[dict[str, Any], ...]:
        """Posts the event, after those of its order that still wait. A repeat changes nothing."""
        first = self._first(session, event)
        if first is not None:
            return self._tags(first)
        self._catch_up(session, event)
        return self.tags_of(session, event.order_key, event.n)

    def failed(
        self, session: Session, event: OrderEvent, error: Exception
    ) -> tuple[dict[str, Any], ...]:
        """Notes that the event is still to be posted; `catch_up_next` will, by today's terms."""
        if books.terms_of(session, event.order_key) is None:
            books.keep_terms(session, event.order_key, self.keeper.terms)
        books.note_pending(session, event.order_key, event.n, event.at, _why(error))
        return (tags.group(TAG_CODE, {"STATUS": "pending"}),)

    def catch_up_next(self, session: Session, now: int) -> Retried | None:
        """Tries one order whose events wait again; None: none is due. For a loop.

        One that cannot be posted waits a little longer each time and keeps nobody else waiting.
        """
        row = books.due_pending(session, now)
        if row is None:
            return None
        order_key, n, tries = row["order_key"], row["n"], row["tries"]
        error = loops.attempt(session, lambda: self._catch_up_to(session, order_key, n))
        if error is None:
            return Retried(order_key, self.tags_of(session, order_key, n))
        books.retry_pending(
            session,
            order_key,
            tries=tries + 1,
            at=now + min(RETRY_S_MAX, 2 ** min(tries, 10)),
            error=_why(error),
        )
        return Retried(order_key)

    def tags_of(self, session: Session, order_key: str, n: int) -> tuple[dict[str, Any], ...]:
        """What the peer is told of an order's contributions after its event `n`."""
        return self._tags(books.contributions_after(session, order_key, n))

    def _tags(self, rows: Iterable[books.Stands]) -> tuple[dict[str, Any], ...]:
        return tuple(
            self._tag(row, by) for row in rows for by in self.keeper.scheme(row["scheme"]).bearers
        )

    def _first(self, session: Session, event: OrderEvent) -> tuple[books.Stands, ...] | None:
        """Posts the first event of an order that has no terms yet, and so nothing posted; what
        then stands. None: it is another."""
        terms = self.keeper.terms
        if event.n != 1 or not books.claim(session, event.order_key, terms):
            return None
        return project(session, self.keeper, event, terms)

    def _catch_up(self, session: Session, event: OrderEvent) -> None:
        last, terms = books.posted(session, event.order_key)
        if last >= event.n:
            return
        if last < event.n - 1:
            self._catch_up_to(session, event.order_key, event.n - 1)
            terms = books.terms_of(session, event.order_key)
        project(session, self.keeper, event, terms)

    def _catch_up_to(self, session: Session, order_key: str, n: int) -> None:
        """Posts the recorded events up to `n` that were not posted, in order."""
        last = books.last_projected(session, order_key)
        for event in books.events_before(session, order_key, n + 1):
            if event.n > last:
                if event.n != last + 1:
                    raise LedgerError(f"order {order_key} has no event {last + 1}")
                project(session, self.keeper, event, books.terms_of(session, order_key))
                last = event.n
        if last < n:
            raise LedgerError(f"order {order_key} has no event {last + 1}")
        books.not_pending(session, order_key)

    def _tag(self, row: books.Stands, by: Bearer) -> dict[str, Any]:
        scheme = self.keeper.scheme(row["scheme"])
        values = {"STATUS": str(row["status"]), **_about(scheme, by)}
        by_worker = row["amount_worker_minor"]
        minor = by_worker if by == "worker" else row["amount_minor"] - by_worker
        values["AMOUNT"] = money.amount(minor, scheme.currency)
        values["CURRENCY"] = scheme.currency
        if row["slip"] is not None:
            values["SLIP_ID"] = row["slip"]
        return tags.group(TAG_CODE, values, name=_label(scheme))


def _why(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:500]


def _about(scheme: Scheme, by: Bearer) -> dict[str, str]:
    return {
        "SCHEME": scheme.id,
        "KIND": "fee" if scheme.kind == "fund_levy" else "contribution",
        "BORNE_BY": by,
        "VERIFIED": "true" if scheme.verified else "false",
        "LEGAL_NAME": scheme.law[:LEGAL_NAME_MAX],
    }


def _label(scheme: Scheme) -> str:
    """For people: a fund levy says fee, never cover."""
    return "Welfare fee" if scheme.kind == "fund_levy" else "Social-insurance contribution"


def _extra_line(scheme: Scheme, assessment: Assessment, by: Bearer) -> ExtraLine:
    """A line of a quote: nothing is set aside before the confirm, and its tags say so."""
    amount = assessment.amount
    minor = amount.worker if by == "worker" else amount.cooperative
    values = {
        "STATUS": "awaiting_worker" if scheme.needs_worker else "estimate",
        **_about(scheme, by),
        "AMOUNT": money.amount(minor, scheme.currency),
        "CURRENCY": scheme.currency,
    }
    return ExtraLine(
        title=scheme.title,
        code=scheme.id,
        amount_minor=minor,
        borne_by=by,
        tags=(tags.group(TAG_CODE, values, name=f"{_label(scheme)} (estimate)"),),
    )


def _job_of(quote: Quote, terms: JobTerms, at: int) -> Job:
    """The job as the quote sees it: nobody assigned yet."""
    return Job(
        key="",
        n=0,
        confirmed_at=at,
        planned_start=terms.planned_start,
        currency=quote.currency,
        lines=quote.lines,
        payment=terms.payment or PaymentTerms("BAP", "PRE-ORDER"),
        sector=terms.sector,
        vehicle_category=terms.vehicle_category,
        agent_id=None,
        slot=0,
    )
