"""The fact sheet of a scheme: who, base, rate, cap, payer, due, each with source and its marks."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from bpp.insurance import figures as model
from bpp.insurance.engine import plans
from bpp.insurance.figures import Dated, Sourced
from bpp.insurance.scheme import Scheme

SEEN = {
    "law": "read in the law",
    "institution": "read in the institution's own pages",
    "press": "reported by others",
    "derived": "our arithmetic from other figures",
    "choice": "our choice, no rule was found",
    "memory": "from memory",
}


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of a sheet; the last four are None for what needs no source of its own."""

    topic: str
    says: str
    source: str | None = None
    seen: str | None = None
    checked_on: str | None = None
    verified: bool | None = None


def facts(scheme: Scheme) -> list[Fact]:
    """The whole sheet, in the order a reader asks."""
    return [
        Fact("who", f"{scheme.eligible}; sectors: {', '.join(scheme.sectors)}"),
        *_for_whom(scheme),
        Fact("payer", _payer(scheme)),
        *([_sourced(scheme, "base", _base(scheme), scheme.base)] if scheme.base else []),
        *_figures(scheme),
        Fact("rounding", f"by {scheme.rounding} to {scheme.round_to} {scheme.currency}"
             f" ({scheme.round_mode}); period: {scheme.period} in {scheme.zone}"),
        Fact("cancelled", f"{scheme.on_cancel}; after remittance: {scheme.after_remittance}"),
        _sourced(scheme, "cover", f"starts by: {scheme.cover.mode}", scheme.cover),
        *(Fact("option", f"{name}: {' or '.join(values)} ({values[0]} unless configured)")
          for name, values in scheme.options.items()),
        *(Fact("open", what) for what in scheme.open),
    ]  # fmt: skip


def document(scheme: Scheme) -> dict[str, Any]:
    """The sheet as JSON."""
    shown = [
        {key: value for key in Fact.__slots__ if (value := getattr(fact, key)) is not None}
        for fact in facts(scheme)
    ]
    return {
        "id": scheme.id,
        "title": scheme.title,
        "law": scheme.law,
        "institution": scheme.institution,
        "kind": scheme.kind,
        "basis": scheme.basis,
        "currency": scheme.currency,
        "verified": not scheme.unverified(),
        "facts": shown,
    }


def lines(scheme: Scheme) -> list[str]:
    """The sheet for people; lines that share a source name it once, under the first of them."""
    state = "NOT VERIFIED by the institution" if scheme.unverified() else "verified"
    what = "a fee, never cover" if scheme.kind == "fund_levy" else "insurance"
    head = [
        f"{scheme.id}: {scheme.title} ({what}; {state})",
        f"  {scheme.law}; {scheme.institution}; rests on {scheme.basis}",
    ]
    shown, last = head, ""
    for fact in facts(scheme):
        shown.append(f"  {fact.topic:<12} {fact.says}")
        source = _source(fact)
        if source and source != last:
            shown.append(f"  {'':<12} {source}")
        last = source
    return shown


def _source(fact: Fact) -> str:
    if fact.source is None:
        return ""
    mark = "verified" if fact.verified else "NOT VERIFIED"
    return f"[{mark}; {fact.seen}, {fact.checked_on}] {fact.source}"


def _sourced(scheme: Scheme, topic: str, says: str, part: Sourced) -> Fact:
    source = scheme.sources[part.source]
    return Fact(
        topic, says, source.text, SEEN[source.seen], source.checked_on.isoformat(), part.verified
    )


def _figures(scheme: Scheme) -> list[Fact]:
    return [
        _sourced(
            scheme,
            _TOPICS.get(key, key.replace("_", " ")),
            f"from {figure.from_day}: {_SAID[type(figure)](scheme, figure)}",
            figure,
        )
        for key, figures in scheme.figures().items()
        for figure in sorted(figures, key=lambda each: each.from_day)
    ]


def _for_whom(scheme: Scheme) -> list[Fact]:
    """The categories and residencies whose change of day picks or leaves the scheme."""
    named = {"category": scheme.categories, "residency": scheme.residencies}
    return [
        Fact(topic, " or ".join(values).replace("_", " "))
        for topic, values in named.items()
        if values
    ]


def _payer(scheme: Scheme) -> str:
    by = " and the ".join(scheme.bearers)
    funds = ", ".join(scheme.funded_by).replace("_", " ")
    return f"the {by}" + (f"; the cooperative's part out of: {funds}" if funds else "")


def _base(scheme: Scheme) -> str:
    if scheme.base is None:
        return ""
    less = "earnings less commission" if scheme.base.less_commission else "earnings"
    return f"{less}; not in it: {', '.join(sorted(scheme.base.codes_out)).lower()}"


def _percent(value: Decimal) -> str:
    return f"{(value * 100).normalize():f} %"


def _by_class(amounts: dict[str, Decimal]) -> str:
    return ", ".join(f"{name} {amount}" for name, amount in amounts.items())


def _plan(scheme: Scheme, plan: model.Plan) -> str:
    month = plans.contribution_minor(scheme, plan, plan.from_day)
    return f"plan {plan.name}: insured {plan.insured}, {Decimal(month).scaleb(-2)} a month"


def _age_band(_: Scheme, band: model.AgeBand) -> str:
    named = {"savings": band.savings, "worker": band.worker, "operator": band.operator}
    rates = ", ".join(f"{key} {_percent(rate)}" for key, rate in named.items() if rate is not None)
    return f"up to {band.up_to} years: {rates}"


def _due(_: Scheme, due: model.Due) -> str:
    rolls = ", or the next working day" if due.rolls else ""
    return {
        "working_days_after": f"{due.day} working days after the period",
        "day_of_next_month": f"day {due.day} of the next month{rolls}",
        "day_of_year": f"{due.day}.{due.month}. after the year",
        "in_advance": "before the period begins",
        "unknown": "nobody could tell",
    }[due.rule] + (f" (holidays: {due.holidays})" if due.holidays else "")


def _late(_: Scheme, late: model.Late) -> str:
    if late.rule == "simple":
        return f"{_percent(late.rate)} a year, simple, actual days / {late.year_days}"
    return f"{_percent(late.rate)} for each month or part of one"


_TOPICS = {"job_cap": "cap", "period_cap": "cap", "unit_amount": "amount", "flat": "amount"}
_SAID: dict[type[Dated], Callable[[Scheme, Any], str]] = {
    model.Rate: lambda _, f: f"{_percent(f.rate)} of the base",
    model.PeriodCap: lambda s, f: f"at most {f.amount} {s.currency} a {s.period}",
    model.JobCap: lambda s, f: f"{f.sector}: at most {_by_class(f.amounts)} {s.currency} a job",
    model.UnitAmount: lambda s, f: (
        f"{f.sector}: {_by_class(f.amounts)} {s.currency} an order"
        + (f", tier {f.tier}" if f.tier else "")
    ),
    model.Flat: lambda s, f: f"{f.amount} {s.currency} a {s.period}, {f.per_job} of it on each job",
    model.Discount: lambda _, f: f"{_percent(f.share)} off, until {f.until}",
    model.Plan: _plan,
    model.PlanRule: lambda _, f: f"{_percent(f.rate)} of the insured amount, to {f.round_to}",
    model.Benefit: lambda _, f: (
        f"{_percent(f.temporary_disablement)} of 1/{f.days} a day when unable to work; dependants "
        f"{_percent(f.dependants)} a month"
    ),
    model.Expense: lambda _, f: (
        "counts as expense: " + ", ".join(f"{k} {_percent(v)}" for k, v in f.shares.items())
    ),
    model.Tier: lambda s, f: (
        f"net to {f.nothing_to} nobody, to {f.operator_only_to} the operator alone, to "
        f"{f.reduced_to} the worker {f.reduced_factor} x rate on what is above ({s.currency})"
    ),
    model.Ladder: lambda _, f: (
        f"worker: savings rate + {_percent(f.worker_add)}, at most {_percent(f.worker_max)}; "
        f"operator {_percent(f.operator)}"
    ),
    model.AgeBand: _age_band,
    model.OptIn: lambda _, f: (
        f"by law if born from {f.mandatory_born_from}; else by choice, from the next month if made "
        f"by day {f.last_day_for_next_month}, or from the month after it"
    ),
    model.Turnover: lambda _, f: (
        f"{_percent(f.rate_min)} to {_percent(f.rate_max)} of turnover, at most "
        f"{_percent(f.payouts_cap)} of payouts; days: {f.days_one}, of several {f.days_several}"
    ),
    model.Due: _due,
    model.Retention: lambda _, f: f"kept {f.months} months after the last contribution",
    model.Late: _late,
}
