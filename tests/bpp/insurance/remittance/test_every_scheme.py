"""Each scheme with an amount per job, from confirm to acknowledged, its cents worked out."""

from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from bpp.insurance.engine.facts import Person
from bpp.insurance.remittance import reading
from bpp.insurance.scheme_file import load
from bpp.ledger import trust
from tests.bpp.insurance.engine.oracle import cpf, month
from tests.bpp.insurance.remittance.support import (
    acknowledge,
    at,
    close,
    job,
    lines,
    refund,
    send,
    stand,
    sweep,
)
from tests.bpp.insurance.support import KA, MY, Coop, Story, fare_of

SG, CN, ID = "sg.cpf.platform", "cn.occupational-injury", "id.bpu"
YOUNG = Person(born=date(1996, 3, 9))  # 13 % and 7 % in 2026


def coop_of(folder: Path, name: str, **more: Any) -> Coop:
    return Coop(folder, (load(name),), commission_rate="0", person=lambda s, w, p: YOUNG, **more)


def remitted(coop: Coop, period: str, day: str) -> tuple[int, int]:
    """Closes, sweeps, sends and has it acknowledged; the workers' and the cooperative's cents."""
    scheme = coop.schemes[0]
    found = close(coop, period, day)
    sweep(coop, day)
    send(coop, found.id, day)
    acknowledge(coop, found.id, day, found.amount_minor)
    stands = coop.store.read(lambda s: trust.of_scheme(s, scheme.id, scheme.currency, at(day)))
    assert (stands.required_minor, stands.held_minor) == (0, 0)
    assert not any(k.startswith(("2210", "2220", "1250")) for k in coop.balances())
    coop.store.read(lambda s: stand(coop, s, scheme))
    return found.worker_minor, found.cooperative_minor


def test_malaysias_month_is_rounded_once(tmp_path: Path) -> None:
    """100 rides of 7.00: 8.75 and not the 9.00 that rounding each would collect."""
    coop = coop_of(tmp_path, MY)
    for n in range(100):
        job(coop, f"o{n}", 700, "2026-07-10")
    assert remitted(coop, "2026-07", "2026-08-02") == (875, 0)
    assert month([700] * 100, Fraction(1, 80)) == 875


def test_karnatakas_quarter_rounds_and_caps_each_job_and_the_platform_pays(
    tmp_path: Path,
) -> None:
    """3 x 33.33 -> 0.99; 400.00 -> the cap of 1.00 of a car."""
    coop = coop_of(tmp_path, KA)
    for n in range(3):
        job(coop, f"o{n}", 3_333, "2026-07-10")
    job(coop, "o3", 40_000, "2026-09-30")
    assert remitted(coop, "FY2026-27Q2", "2026-10-02") == (0, 199)
    found = coop.store.read(lambda s: reading.remittances(s, KA))[0]
    assert found.due_day is not None  # 5 working days by the dated holidays
    assert found.due_day > date(2026, 10, 6)


def test_singapores_month_gives_back_what_was_withheld_too_much_before_it_is_sent(
    tmp_path: Path,
) -> None:
    """Net 800 in the full tier, then 480 of it left: the worker's 104 go back, 34 are sent."""
    coop = coop_of(tmp_path, SG)
    story = job(coop, "o1", 200_000, "2026-07-10")  # a car: 60 % are expenses
    full = cpf(Fraction(800), Fraction(13, 100), Fraction(7, 100))
    worker = coop.local("a1")
    assert coop.balances()[f"2100:{worker}"] == 200_000 - 100 * full[0]
    refund(coop, story, 80_000, "2026-07-11")  # net 480: the operator alone
    left = cpf(Fraction(480), Fraction(13, 100), Fraction(7, 100))
    assert left == (0, 34)
    assert coop.balances()[f"2100:{worker}"] == 120_000
    assert remitted(coop, "2026-07", "2026-08-03") == (0, 3_400)


def test_singapores_two_parts_are_sent_together_and_due_on_the_fourteenth(tmp_path: Path) -> None:
    coop = coop_of(tmp_path, SG)
    job(coop, "o1", 180_050, "2026-07-10")
    worker, operator = cpf(Fraction(180_050, 250), Fraction(13, 100), Fraction(7, 100))
    assert remitted(coop, "2026-07", "2026-08-03") == (100 * worker, 100 * operator)
    found = coop.store.read(lambda s: reading.remittances(s, SG))[0]
    assert found.due_day == date(2026, 8, 14)


def test_china_counts_orders_kept_cancelled_ones_too(tmp_path: Path) -> None:
    coop = coop_of(tmp_path, CN)
    for n in range(5):
        job(coop, f"o{n}", 900, "2026-07-10")
    cancelled = Story(
        key="c", agent_id="a1", lines=fare_of(900), currency="CNY", at=at("2026-07-11")
    )
    coop.happen(cancelled.event("confirmed"), cancelled.event("cancelled"))
    assert remitted(coop, "2026-07", "2026-08-02") == (0, 6)


def test_indonesias_month_is_full_at_the_discounted_flat_amount(tmp_path: Path) -> None:
    """16 x 500 and 400: 8,400 rupiah; the nineteen jobs fill it and go on for nothing."""
    coop = coop_of(tmp_path, ID)
    for n in range(19):
        job(coop, f"o{n}", 2_000_000, "2026-07-10")
    assert remitted(coop, "2026-07", "2026-08-02") == (840_000, 0)
    line = lines(coop, f"{ID}/2026-07/1")[coop.local("a1")]
    assert (line.orders, line.shortfall_minor) == (19, None)


@pytest.mark.parametrize("name", [MY, SG, CN, ID])
def test_a_month_without_a_job_is_closed_with_nothing_in_it(tmp_path: Path, name: str) -> None:
    coop = coop_of(tmp_path, name)
    found = close(coop, "2026-07", "2026-08-03")
    assert (found.workers, found.amount_minor, found.state) == (0, 0, "collected")
