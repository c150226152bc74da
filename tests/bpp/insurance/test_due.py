"""Due days by each scheme's rule and dated holidays; interest for what is late."""

from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest

from bpp.insurance.due import due_day, interest_minor
from bpp.insurance.engine import yearly
from bpp.insurance.holidays import FOLDER, read_holidays
from bpp.insurance.scheme import NotInsurable
from bpp.insurance.scheme_file import SchemeError, load

KA, SG, IN = "in.karnataka.pbgw2025", "sg.cpf.platform", "in.code2020.s114"


@pytest.mark.parametrize(
    ("scheme", "period", "due"),
    [
        (KA, "FY2026-27Q1", date(2026, 7, 7)),
        (KA, "FY2026-27Q2", date(2026, 10, 8)),  # the 2nd is Gandhi Jayanti, then a weekend
        (SG, "2026-07", date(2026, 8, 14)),
        (SG, "2026-02", date(2026, 3, 16)),  # the 14th is a Saturday
        (IN, "FY2026-27", date(2027, 6, 30)),
        ("my.perkeso.act789", "2026-08", date(2026, 7, 31)),
        ("my.act872.gig", "2026-08", None),
        ("cn.occupational-injury", "2026-08", None),
    ],
)
def test_a_period_is_due_by_its_schemes_own_rule(
    scheme: str, period: str, due: date | None
) -> None:
    assert due_day(load(scheme), period) == due


def test_a_year_whose_holidays_are_not_known_is_never_guessed() -> None:
    with pytest.raises(NotInsurable, match=r"in\.karnataka\.toml does not list 2027"):
        due_day(load(KA), "FY2026-27Q3")


def test_karnatakas_interest_is_simple_and_by_actual_days() -> None:
    due, paid = date(2026, 7, 7), date(2026, 8, 20)
    expected = Fraction(1_234_567) * Fraction(12, 100) * 44 / 365
    assert interest_minor(load(KA), 1_234_567, due, paid) == int(expected + Fraction(1, 2))
    assert interest_minor(load(KA), 1_234_567, due, due) == 0


@pytest.mark.parametrize(
    ("paid", "months"),
    [
        (date(2027, 7, 1), 1),
        (date(2027, 7, 30), 1),
        (date(2027, 7, 31), 2),
        (date(2028, 6, 30), 12),
        (date(2028, 7, 1), 13),
    ],
)
def test_the_codes_interest_is_for_each_month_or_part_of_one(paid: date, months: int) -> None:
    assert interest_minor(load(IN), 100_000, date(2027, 6, 30), paid) == 1_000 * months


def test_a_scheme_whose_interest_nobody_told_has_none_made_up() -> None:
    with pytest.raises(NotInsurable, match="no interest for being late"):
        interest_minor(load(SG), 100, date(2026, 8, 14), date(2026, 8, 20))


def test_the_yearly_levy_is_the_lesser_of_turnover_and_payouts_at_a_rate_within_the_law() -> None:
    day = date(2027, 3, 31)
    found = yearly.levy_of(
        load(IN), day, rate=Decimal("0.015"), turnover_minor=33_333, payouts_minor=9_000
    )
    assert (found.by_turnover_minor, found.cap_minor, found.due_minor) == (500, 450, 450)
    with pytest.raises(NotInsurable, match=r"outside 0\.01 to 0\.02"):
        yearly.levy_of(load(IN), day, rate=Decimal("0.03"), turnover_minor=1, payouts_minor=1)


def test_days_of_several_aggregators_on_one_day_each_count_and_more_are_needed() -> None:
    day = date(2026, 5, 1)
    several = yearly.engagement(
        [(day, "a"), (day, "b"), (day, "a")], other_days=117, days_one=90, days_several=120
    )
    assert (several.days, several.needed, several.is_eligible) == (119, 120, False)
    one = yearly.engagement([(day, "a")], other_days=89, days_one=90, days_several=120)
    assert (one.days, one.is_eligible) == (90, True)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("year = 2026", "year = 2025", "another year"),
        ('source = "postal"', 'source = "hearsay"', "no source 'hearsay'"),
        ("2026-01-14", "2026-02-30", "not a TOML file"),
        ("[[year]]", '[[year]]\nyear = 2026\ndays = []\nsource = "postal"\nverified = false\n\n'
         "[[year]]", "2026 stands twice"),
    ],
)  # fmt: skip
def test_a_holiday_file_with_one_thing_wrong_is_refused(
    tmp_path: Path, old: str, new: str, says: str
) -> None:
    text = (FOLDER / "in.karnataka.toml").read_text()
    assert old in text
    path = tmp_path / "in.karnataka.toml"
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(SchemeError, match=says):
        read_holidays(path)
