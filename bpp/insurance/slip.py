"""The slip: signed proof that an amount was set aside for a worker. It never proves cover.

A deduction slip for an insurance, a fee slip for a fund levy. Signed when posted; the proof that
its entry stands in a sealed block is added when asked for, once the block exists.
"""

import hashlib
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Literal

from bpp.insurance.engine.assess import Assessment
from bpp.insurance.engine.standing import Period, PeriodRule, Posting, Reason
from bpp.insurance.figures import Dated
from bpp.insurance.job import Job
from bpp.insurance.scheme import Scheme
from bpp.ledger import chart
from bpp.ledger.entry import Entry
from bpp.ledger.journal import written

VERSION = 1

MoneyIs = Literal["set_aside", "taken_from_pay", "advanced_by_cooperative", "paid_in"]


@dataclass(frozen=True, slots=True)
class Facts:
    """All that one slip says. `settings` of the cooperative come as plain values."""

    scheme: Scheme
    job: Job
    assessment: Assessment
    posting: Posting
    period: Period
    rule: PeriodRule
    is_over: bool  # for this worker: the order ended, or went to another
    is_due: bool
    is_paid_in: bool  # the fare's cash came back to the cooperative: the worker owes none now
    reason: Reason | None
    issuer: str
    ledger_key: str
    liable_party: str
    liable_source: str
    mandate: str | None
    funded_by: str | None
    supersedes: str | None


def slip_id(entry_id: str) -> str:
    """The slip of an entry. It tells a stranger nothing: our order keys are random."""
    return hashlib.blake2b(entry_id.encode(), digest_size=16, person=b"wayfare slip").hexdigest()


def document(facts: Facts, entry: Entry, worker: str, origin_period: str) -> dict[str, Any]:
    """The slip as JSON: integers of minor units, exact decimals as text, times in seconds UTC."""
    scheme = facts.scheme
    return {
        "version": VERSION,
        "kind": "fee_slip" if scheme.kind == "fund_levy" else "deduction_slip",
        "slip_id": slip_id(entry.id),
        "supersedes": facts.supersedes,
        "state": "final" if facts.is_over else "provisional",
        "issuer": facts.issuer,
        "issued_at": entry.at,
        "ledger_key": facts.ledger_key,
        "worker": worker,
        "scheme": {
            "id": scheme.id,
            "title": scheme.title,
            "law": scheme.law,
            "institution": scheme.institution,
            "zone": scheme.zone,
            "basis": scheme.basis,
            "mandate": facts.mandate,
            "verified": scheme.verified,
            "unverified": scheme.unverified(),
            "after_remittance": scheme.after_remittance,
        },
        "liable_party": facts.liable_party,
        "liable_source": facts.liable_source,
        "borne_by": scheme.borne_by,
        "funded_by": facts.funded_by,
        "currency": entry.currency,
        "base": _base(facts.assessment),
        "rate": {
            "what": facts.assessment.figure.what,
            "value": text(facts.assessment.figure.value),
            "from": facts.assessment.figure.from_day.isoformat(),
            "source": scheme.sources[facts.assessment.figure.source].text,
            "verified": facts.assessment.figure.verified,
        },
        "shares": _shares(facts),
        "job_cap": _job_cap(facts),
        "exact": text(facts.assessment.exact),
        "order_line": {
            "amount_minor": facts.assessment.amount_minor,
            "worker_minor": facts.assessment.amount.worker,
            "posted_minor": facts.posting.order_minor,
            "due_minor": facts.posting.due_order_minor,
        },
        "period_line": _period_line(facts, entry, origin_period),
        "reason": facts.reason,
        "money_is": money_is(facts),
        "covered_from": None,
        "says": says(scheme.kind, scheme.institution, scheme.borne_by),
        "entry": written(entry),
    }


def says(kind: str, institution: str, borne_by: str) -> str:
    """What may be said of this money, and no more (docs/ledger.md)."""
    if kind == "fund_levy":
        return f"Welfare fee for {institution}, borne by the {borne_by}. A fee is not cover."
    return f"Set aside; cover not confirmed by {institution}."


def money_is(facts: Facts) -> MoneyIs:
    """Where the money is. The cooperative advances what a worker paid in cash still owes it."""
    if facts.scheme.borne_by == "cooperative" or not facts.is_due:
        return "set_aside"
    if not facts.job.is_in_hand:
        return "taken_from_pay"
    return "paid_in" if facts.is_paid_in else "advanced_by_cooperative"


def text(value: Decimal) -> str:
    """An exact decimal as text without an exponent or idle zeros: "17.5"."""
    written_out = format(value, "f")
    return written_out.rstrip("0").rstrip(".") if "." in written_out else written_out


def is_for(worker: str) -> bool:
    """Whether there is somebody to give a slip to."""
    return worker != chart.UNASSIGNED


def _base(assessment: Assessment) -> dict[str, Any]:
    return {
        "lines": [
            {"code": line.code, "amount_minor": line.amount_minor} for line in assessment.lines
        ],
        "commission_minor": assessment.commission_minor,
        "refund_minor": assessment.refund_minor,
        "base_minor": assessment.base_minor,
    }


def _period_line(facts: Facts, entry: Entry, origin_period: str) -> dict[str, Any]:
    return {
        "rounding": facts.scheme.rounding,
        "unit_minor": facts.rule.unit_minor,
        "mode": facts.rule.mode,
        "origin_period": origin_period,
        "declared_in": entry.declared_in,
        "posted_minor": facts.posting.period_minor,
        "due_minor": facts.posting.due_period_minor,
        "exact_sum": text(facts.period.all.exact),
        "total_minor": facts.period.all.posted_minor,
        "worker_minor": facts.period.all.posted.worker,
        "cap": _period_cap(facts),
        "offset_minor": facts.rule.offset_minor,
        "cap_scope": facts.scheme.cap_scope,
    }


def _job_cap(facts: Facts) -> dict[str, Any] | None:
    minor, scheme = facts.assessment.cap_minor, facts.scheme
    if minor is None:
        return None
    caps = [cap for cap in scheme.job_cap if cap.sector == facts.job.sector]
    return _figure(scheme, scheme.on(caps, _day(facts), "cap"), minor)


def _period_cap(facts: Facts) -> dict[str, Any] | None:
    """The period's cap and its source: a flat amount, a cap of the scheme's own, or a plan's."""
    minor, scheme = facts.rule.cap_minor, facts.scheme
    if minor is None:
        return None
    figures: tuple[Dated, ...] = scheme.flat or scheme.period_cap or scheme.plan_rule
    return _figure(scheme, scheme.on(figures, _day(facts), "cap"), minor)


def _figure(scheme: Scheme, figure: Dated, minor: int) -> dict[str, Any]:
    return {
        "amount_minor": minor,
        "from": figure.from_day.isoformat(),
        "source": scheme.sources[figure.source].text,
        "verified": figure.verified,
    }


def _shares(facts: Facts) -> dict[str, Any] | None:
    """Both rates and the tiers of a month that two parties bear; None: one bears it all.

    They come of several figures: `verified` only if each of those reached by that day is.
    """
    shares, scheme, day = facts.rule.shares, facts.scheme, _day(facts)
    if shares is None:
        return None
    figures = (*scheme.tier, *scheme.ladder, *scheme.age_band)
    return {
        "worker_rate": text(shares.worker_rate),
        "cooperative_rate": text(shares.cooperative_rate),
        "nothing_to_minor": shares.nothing_to_minor,
        "operator_only_to_minor": shares.operator_only_to_minor,
        "reduced_to_minor": shares.reduced_to_minor,
        "reduced_factor": text(shares.reduced_factor),
        "verified": all(each.verified for each in figures if each.from_day <= day),
    }


def _day(facts: Facts) -> date:
    return facts.scheme.day(facts.job.origin_at)
