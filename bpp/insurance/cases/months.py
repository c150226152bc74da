"""Kinds about periods, plans, days and what is added up at the end of them."""

from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bpp.insurance.cases.jobs import BY_CASE, is_whole
from bpp.insurance.cases.values import (
    CaseRefused,
    Input,
    a_list,
    a_table,
    day,
    instant,
    minor,
    minors,
    number,
    plain,
    shown,
    tables,
    whole,
    word,
)
from bpp.insurance.engine import calendar, closing, plans, rates, yearly
from bpp.insurance.engine.assess import flat_minor
from bpp.insurance.engine.exact import rounded, times
from bpp.insurance.engine.shares import over_withheld
from bpp.insurance.figures import Discount, Flat
from bpp.insurance.scheme_file import load
from protocol_specs.wire.values import replace

TODAY = date(2026, 7, 2)


def plan_contribution(given: Input) -> Input:
    month = plans.month_minor(
        minor(given, "insured"), number(given, "rate"), minor(given, "unit", "0.01")
    )
    return {"monthly": shown(month), "yearly": shown(12 * month)}


def plan_benefit(given: Input) -> Input:
    rule = load("my.perkeso.act789").benefit[-1]
    found = plans.benefits(
        minor(given, "insured"),
        days=rule.days,
        temporary=rule.temporary_disablement,
        dependants=rule.dependants,
    )
    return {
        "daily_insured": shown(found.daily_insured_minor),
        "tdb_daily": shown(found.temporary_daily_minor),
        "dependants_monthly": shown(found.dependants_monthly_minor),
    }


def month_close(given: Input) -> Input:
    selected = minor(given, "selected") if given.get("selected") is not None else None
    found = plans.compare(minor(given, "deducted"), minors(given, "plans"), selected)
    funded = found.funded_minor
    return {
        "shortfall_to_minimum": shown(found.shortfall_minor),
        "highest_funded_plan": None if funded is None else shown(funded),
        "excess_over_plan": shown(found.excess_minor),
    }


def two_collectors(given: Input) -> Input:
    bases, unit = a_table(given, "bases"), minor(given, "unit", "0.01")
    order = [str(name) for name in a_list(given, "order")]
    if sorted(order) != sorted(bases):
        raise CaseRefused("input.order: it names every collector of bases once")
    cap, least = minor(given, "cap"), minor(given, "minimum")
    raw = {name: rounded(times(minor(bases, name), number(given, "rate")), unit) for name in order}
    together = sum(raw.values())
    return {
        "raw": _shown(raw),
        "aggregate": shown(together),
        "capped": shown(min(together, cap)),
        "time_order_split": _shown(closing.split_by_time(raw, order, cap)),
        "pro_rata_split": _shown(closing.split_pro_rata(raw, order, cap)),
        "naive_shortfall_each": {
            name: shown(plans.compare(each, [least]).shortfall_minor) for name, each in raw.items()
        },
        "true_shortfall": shown(plans.compare(together, [least]).shortfall_minor),
    }


def _shown(amounts: dict[str, int]) -> Input:
    return {name: shown(each) for name, each in amounts.items()}


def period(given: Input) -> Input:
    at, zone = instant(given, "instant"), word(given, "tz")
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        raise CaseRefused(f"input.tz: {zone!r} is no time zone") from None
    local = calendar.local(at, zone)
    return {
        "local": local.isoformat(),
        "month": calendar.period_name(local.date(), "month"),
        "indian_fy_quarter": calendar.period_name(local.date(), "indian_quarter"),
    }


def adjust_closed(given: Input) -> Input:
    found = closing.carry(
        minor(given, "current_accrual"), minor(given, "prior_period_reversal", is_signed=True)
    )
    return {"remit_current": shown(found.remit_minor), "credit_carried": shown(found.credit_minor)}


def commission(given: Input) -> Input:
    batch = minor(given, "contribution")
    found = closing.commission(batch, number(given, "rate"), minor(given, "unit", "0.01"))
    return {"commission": shown(found), "remitted_to_institution": shown(batch)}


def due_working_days(given: Input) -> Input:
    holidays = {day({"holidays": each}, "holidays") for each in given.get("holidays", [])}
    found = calendar.working_day_after(day(given, "from"), whole(given, "n"), holidays)
    return {"due": found.isoformat()}


def due_day_next_month(given: Input) -> Input:
    found = calendar.day_of_next_month(_period(given, "period"), whole(given, "day"))
    return {"due": found.isoformat()}


def simple_interest(given: Input) -> Input:
    year = whole(given, "year_days", 365)
    if year == 0:
        raise CaseRefused("input.year_days: a year has days")
    found = closing.simple_interest(
        minor(given, "amount"), number(given, "annual_rate"), whole(given, "days"), year
    )
    return {"interest": shown(found)}


def monthly_part_interest(given: Input) -> Input:
    months, days = whole(given, "full_months"), whole(given, "extra_days", 0)
    found = closing.interest_by_months(minor(given, "amount"), number(given, "rate"), months, days)
    return {"months_charged": closing.months_begun(months, days), "interest": shown(found)}


def cpf(given: Input) -> Input:
    scheme = load("sg.cpf.platform")
    shares = rates.in_tiers(
        scheme, TODAY, number(given, "worker_rate"), number(given, "operator_rate", "0")
    )
    found = shares.of_month(number(given, "net").scaleb(2))
    return {
        "total": shown(found.total, 0),
        "worker": shown(found.worker, 0),
        "operator": shown(found.cooperative, 0),
    }


def cpf_ladder(given: Input) -> Input:
    scheme, year = load("sg.cpf.platform"), whole(given, "year")
    if not 1900 <= year <= 2200:
        raise CaseRefused(f"input.year: {year} is not a year")
    savings = number(given, "medisave_rate").scaleb(-2)
    worker, operator = rates.ladder_rates(scheme, date(year, 1, 1), savings)
    return {"worker": plain(worker.scaleb(2)), "operator": plain(operator.scaleb(2))}


def cpf_overwithheld(given: Input) -> Input:
    return {"refund": shown(over_withheld(minor(given, "withheld"), minor(given, "worker_due")))}


def optin(given: Input) -> Input:
    rule = load("sg.cpf.platform").opt_in[-1]
    return {
        "effective_month": calendar.opt_in_month(day(given, "date"), rule.last_day_for_next_month)
    }


def flat_discount(given: Input) -> Input:
    first, last = _period(given, "from"), _period(given, "to")
    flat = Flat(amount=number(given, "flat"), per_job=Decimal(1), **BY_CASE)
    discount = Discount(
        share=number(given, "discount"),
        until=calendar.last_day(last),
        **{**BY_CASE, "from": calendar.first_day(first)},
    )
    places = 0 if is_whole(given, "flat") else 2
    scheme = replace(
        load("id.bpu"),
        flat=(flat,),
        discount=(discount,),
        round_to=Decimal("0.01" if places else 1),
    )
    month = calendar.first_day(_period(given, "month"))
    return {"due": shown(flat_minor(scheme, month), places)}


def _period(given: Input, key: str) -> str:
    name = word(given, key)
    try:
        calendar.first_day(name)
    except ValueError:
        raise CaseRefused(f"input.{key}: {name!r} is not a period like 2026-07") from None
    return name


def turnover(given: Input) -> Input:
    found = yearly.levy(
        minor(given, "turnover"),
        number(given, "rate"),
        minor(given, "payouts"),
        number(given, "cap_rate"),
    )
    return {
        "by_turnover": shown(found.by_turnover_minor),
        "cap": shown(found.cap_minor),
        "due": shown(found.due_minor),
    }


def engagement_days(given: Input) -> Input:
    rule = load("in.code2020.s114").turnover[-1]
    earned = [
        (day(each, "date"), word(each, "aggregator")) for each in tables(given, "earning_days")
    ]
    found = yearly.engagement(
        earned,
        other_days=whole(given, "plus_days", 0),
        days_one=rule.days_one,
        days_several=rule.days_several,
    )
    return {
        "counted_days": found.days,
        "threshold": found.needed,
        "eligible": found.is_eligible,
    }


def threshold_gross(given: Input) -> Input:
    exclusion = number(given, "exclusion")
    if not 0 <= exclusion < 1:
        raise CaseRefused("input.exclusion: a share is at least 0 and below 1")
    return {"gross_needed": shown(yearly.gross_for(minor(given, "net_threshold"), exclusion))}


def pct(given: Input) -> Input:
    return {"due": shown(rounded(times(minor(given, "amount"), number(given, "rate"))))}


def msc(given: Input) -> Input:
    share = rounded(times(minor(given, "msc"), number(given, "rate")))
    return {"due": shown(share + minor(given, "ec", "0"))}


def coverage(given: Input) -> Input:
    return {"covered": closing.is_covered(instant(given, "start"), instant(given, "accident"))}


def control(given: Input) -> Input:
    lines, total = closing.control(minors(given, "amounts"))
    return {"NbOfTxs": lines, "CtrlSum": shown(total)}


def recon(given: Input) -> Input:
    found = closing.reconcile(minor(given, "expected"), minor(given, "received"))
    return {"status": found.status, "diff": shown(found.difference_minor)}
