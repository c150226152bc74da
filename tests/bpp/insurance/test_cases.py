"""Each kind of worked case, by cases of our own whose answers are worked out here by fractions."""

import json
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from bpp.insurance.cases.run import KINDS, NoCases, answer, run_cases, run_file
from bpp.insurance.cases.values import CaseRefused
from tests.bpp.insurance.engine.oracle import cpf, half_up

RATE = "0.0125"


def money(minor: int) -> str:
    return str(Decimal(minor).scaleb(-2))


def part(amount: str, rate: str) -> int:
    """Hundredths of that share, halves up."""
    return half_up(Fraction(amount) * 100 * Fraction(rate))


def filling(bases: list[str], cap: Fraction | None = None) -> list[str]:
    """What each job posts when the rounded sum is to stand, by the definition alone."""
    stood = [0]
    for n in range(1, len(bases) + 1):
        whole = half_up(sum(map(Fraction, bases[:n])) * 100 * Fraction(RATE))
        stood.append(whole if cap is None else min(whole, int(cap * 100)))
    return [money(b - a) for a, b in pairwise(stood)]


BASES = ["9.10", "0.35", "12.00", "3.33"]
CPF = cpf(Fraction(640), Fraction(14, 100), Fraction(7, 100))
EVENTS = [
    {"event_id": "a", "trip": "x", "type": "confirm", "base": "25.00"},
    {"event_id": "b", "trip": "x", "type": "refund", "amount": "5.00"},
    {"event_id": "c", "trip": "y", "type": "confirm", "base": "7.77"},
    {"event_id": "d", "trip": "y", "type": "cancel"},
]
CASES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("plan_contribution", {"insured": "2222", "rate": RATE, "unit": "0.10"},
     {"monthly": "27.80", "yearly": "333.60"}),  # 27.775 to ten cents
    ("plan_benefit", {"insured": "2222"},
     {"daily_insured": "74.07", "tdb_daily": "59.25", "dependants_monthly": "1999.80"}),
    ("trip_base", {"fare": "31.00", "commission": "6.20", "tip": "1.00", "rate": RATE},
     {"base": "23.80", "exact": "0.2975"}),
    ("cumulative", {"bases": BASES, "rate": RATE, "unit": "0.01"},
     {"posts": filling(BASES), "total": money(part("24.78", RATE)),
      "per_trip_rounding_total": money(sum(part(base, RATE) for base in BASES))}),
    ("cumulative_n",
     {"base": "44.00", "n": 9, "rate": RATE, "unit": "0.01", "cap": "4.10", "show": [7, 8, 9]},
     {"first": "0.55",
      "post_at": dict(zip("789", filling(["44.00"] * 9, Fraction("4.10"))[6:], strict=True)),
      "total": "4.10", "per_trip_rounding_total": "4.95"}),
    ("events", {"rate": RATE, "unit": "0.01", "events": EVENTS, "check_permutations": True},
     {"deltas": ["0.31", "-0.06", "0.10", "-0.10"], "total": "0.25",
      "same_total_in_any_order": True}),
    ("month_close", {"deducted": "20.00", "plans": ["15.00", "19.00", "40.00"]},
     {"shortfall_to_minimum": "0.00", "highest_funded_plan": "19.00", "excess_over_plan": "1.00"}),
    ("two_collectors",
     {"bases": {"p": "700.00", "q": "620.00"}, "order": ["q", "p"], "rate": RATE, "unit": "0.01",
      "cap": "14.00", "minimum": "14.00"},
     {"raw": {"p": "8.75", "q": "7.75"}, "aggregate": "16.50", "capped": "14.00",
      "time_order_split": {"q": "7.75", "p": "6.25"},
      "pro_rata_split": {"q": money(half_up(Fraction(775 * 1400, 1650))), "p": "7.42"},
      "naive_shortfall_each": {"p": "5.25", "q": "6.25"}, "true_shortfall": "0.00"}),
    ("period", {"instant": "2027-03-31T18:29:59Z", "tz": "Asia/Kolkata"},
     {"local": "2027-03-31T23:59:59+05:30", "month": "2027-03",
      "indian_fy_quarter": "FY2026-27Q4"}),
    ("adjust_closed", {"current_accrual": "1.20", "prior_period_reversal": "-1.70"},
     {"remit_current": "0.00", "credit_carried": "0.50"}),
    ("commission", {"contribution": "27.80", "rate": "0.05", "unit": "0.01"},
     {"commission": "1.39", "remitted_to_institution": "27.80"}),
    ("pct_capped", {"payout": "81.00", "tip": "6.00", "rate": "0.01", "cap": "0.90"},
     {"fee": "0.75", "worker_deduction": "0.00"}),
    ("pct_capped_refund", {"payout": "95.00", "refund": "50.00", "rate": "0.01", "cap": "0.90"},
     {"before": "0.90", "after": "0.45", "delta": "-0.45"}),
    ("due_working_days", {"from": "2026-09-30", "n": 5}, {"due": "2026-10-07"}),
    ("due_working_days", {"from": "2026-09-30", "n": 5, "holidays": ["2026-10-02"]},
     {"due": "2026-10-08"}),
    ("simple_interest",
     {"amount": "4321.00", "annual_rate": "0.12", "days": 17, "year_days": 365},
     {"interest": money(half_up(Fraction(432_100) * 12 * 17 / 36_500))}),
    ("per_order", {"accepted": 321, "voided": 21, "rate": "0.07"},
     {"contribution": "21.00", "worker_deduction": "0.00"}),
    ("feda",
     {"feda": {"car": "0.60", "bike": "0.20"},
      "earnings": [{"mode": "car", "gross": "100.10"}, {"mode": "bike", "gross": "7"}]},
     {"net": "45.64"}),
    ("cpf", {"net": "640", "worker_rate": "0.14", "operator_rate": "0.07"},
     {"total": str(sum(CPF)), "worker": str(CPF[0]), "operator": str(CPF[1])}),
    ("cpf_ladder", {"medisave_rate": "9", "year": 2027}, {"worker": "16.5", "operator": "10.5"}),
    ("cpf_overwithheld", {"withheld": "12.34", "worker_due": "10.00"}, {"refund": "2.34"}),
    ("optin", {"date": "2026-12-16"}, {"effective_month": "2027-02"}),
    ("due_day_next_month", {"period": "2026-12", "day": 14}, {"due": "2027-01-14"}),
    ("flat_discount",
     {"flat": "9001", "discount": "0.25", "month": "2026-05", "from": "2026-05", "to": "2026-05"},
     {"due": str(half_up(Fraction(9001) * 3 / 4))}),
    ("micro_to_flat", {"flat": "1000", "per_trip": "300", "trips": 5},
     {"trips_until_full": 4, "last_nonzero_post": "100", "total": "1000",
      "post_on_last_trip": "0"}),
    ("micro_to_flat", {"flat": "1000", "per_trip": "300", "trips": 2},
     {"trips_until_full": None, "last_nonzero_post": "300", "total": "600",
      "post_on_last_trip": "300"}),
    ("turnover",
     {"turnover": "70000", "rate": "0.02", "payouts": "20000", "cap_rate": "0.05"},
     {"by_turnover": "1400.00", "cap": "1000.00", "due": "1000.00"}),
    ("monthly_part_interest",
     {"amount": "555.00", "rate": "0.01", "full_months": 3, "extra_days": 0},
     {"months_charged": 3, "interest": "16.65"}),
    ("engagement_days",
     {"earning_days": [{"date": "2026-06-01", "aggregator": "z"}], "plus_days": 89},
     {"counted_days": 90, "threshold": 90, "eligible": True}),
    ("threshold_gross", {"net_threshold": "1000.00", "exclusion": "0.30"},
     {"gross_needed": money(half_up(Fraction(100_000, 7) * 10))}),
    ("pct", {"amount": "12.25", "rate": "0.22"}, {"due": "2.70"}),
    ("msc", {"msc": "7500", "rate": "0.15", "ec": "10"}, {"due": "1135.00"}),
    ("coverage",
     {"start": "2026-05-01T00:00:00+08:00", "accident": "2026-04-30T16:00:00Z"},
     {"covered": True}),
    ("control", {"amounts": ["1.10", "2.20"]}, {"NbOfTxs": 2, "CtrlSum": "3.30"}),
    ("recon", {"expected": "5.00", "received": "6.50"}, {"status": "02", "diff": "1.50"}),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "given", "expect"), CASES, ids=lambda part: str(part)[:24])
def test_a_case_comes_to_what_its_definition_says(
    kind: str, given: dict[str, Any], expect: dict[str, Any]
) -> None:
    assert answer(kind, given) == expect


def test_every_kind_has_a_case_here_and_a_definition_in_the_document() -> None:
    assert {kind for kind, _, _ in CASES} == set(KINDS)
    text = (Path(__file__).parents[3] / "docs" / "vectors.md").read_text()
    assert [kind for kind in KINDS if f"`{kind}`" not in text] == []


def test_working_days_agree_with_counting_day_by_day() -> None:
    day = date(2026, 1, 1)
    for n in range(1, 40):
        found = date.fromisoformat(
            answer("due_working_days", {"from": "2026-01-01", "n": n})["due"]
        )
        worked = [day + timedelta(days=k) for k in range(1, 80)]
        assert found == [each for each in worked if each.weekday() < 5][n - 1]


@pytest.mark.parametrize(
    ("kind", "given", "says"),
    [
        ("pct", {"amount": 12.25, "rate": "0.22"}, r"input\.amount: 12\.25 is not a number"),
        ("pct", {"amount": "1e3", "rate": "0.22"}, r"input\.amount"),
        ("pct", {"amount": "-1.00", "rate": "0.22"}, "below zero"),
        ("pct", {"amount": "1.005", "rate": "0.22"}, "finer than a hundredth"),
        ("pct", {"amount": "9" * 16, "rate": "0.22"}, r"input\.amount"),
        ("pct", {"rate": "0.22"}, r"input\.amount: None"),
        ("pct", {"amount": "1.00", "rate": "0.22", "rte": "1"}, r"input\.rte: .* not know"),
        ("per_order", {"accepted": 1, "voided": 2, "rate": "0.07"}, "more than were accepted"),
        ("per_order", {"accepted": True, "rate": "0.07"}, "not a whole number"),
        ("period", {"instant": "2026-01-01T00:00:00", "tz": "Asia/Kolkata"}, "no offset"),
        ("period", {"instant": "2026-01-01T00:00:00Z", "tz": "Asia/Nowhere"}, "no time zone"),
        ("optin", {"date": "16.04.2026"}, "not a day"),
        ("due_day_next_month", {"period": "July", "day": 14}, "not a period"),
        ("cpf_ladder", {"medisave_rate": "8", "year": 2024}, "no step of the ladder"),
        ("threshold_gross", {"net_threshold": "1.00", "exclusion": "1"}, "below 1"),
        ("two_collectors", {"bases": {"p": "1"}, "order": ["q"]}, r"input\.order"),
        ("events", {"rate": RATE, "events": [{**EVENTS[0], "type": "give"}]}, "no type of event"),
        ("events", {"rate": RATE, "events": [EVENTS[0], {**EVENTS[0], "base": "1.00"}]},
         "says two things"),
        ("levitate", {}, "not known"),
    ],
)  # fmt: skip
def test_a_case_with_one_thing_wrong_is_refused_by_its_part(
    kind: str, given: dict[str, Any], says: str
) -> None:
    with pytest.raises(CaseRefused, match=says):
        answer(kind, given)


def case(**more: Any) -> dict[str, Any]:
    given = {"amount": "10.00", "rate": "0.2"}
    return {"id": "one", "kind": "pct", "input": given, "expect": {"due": "2.00"}, **more}


def test_a_wrong_expectation_is_told_with_what_the_engine_says() -> None:
    outcome = run_cases([case(), case(id="two", expect={"due": "2.01"})])
    (wrong,) = outcome.wrong
    assert (wrong.id, wrong.expected, wrong.got) == ("two", {"due": "2.01"}, {"due": "2.00"})
    assert outcome.ran == {"pct": 2}


def test_a_refused_case_is_wrong_and_says_why() -> None:
    (wrong,) = run_cases([case(kind="levitate")]).wrong
    assert str(wrong.got).startswith("refused: kind 'levitate' is not known")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[]", "not JSON|no cases"),
        ('{"vectors": []}', "no cases"),
        (json.dumps({"vectors": [case(), case()]}), "'one' stands twice"),
        (json.dumps({"vectors": [case(input=7)]}), r"vectors\[0\]: 'input'"),
        ('{"vectors": [', "not JSON"),
    ],
)
def test_a_file_that_holds_no_cases_is_refused(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "cases.json"
    path.write_text(text)
    with pytest.raises(NoCases, match=says):
        run_file(path)
