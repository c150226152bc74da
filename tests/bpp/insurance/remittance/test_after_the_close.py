"""What comes after a close: less due than was declared, credit, plans and choices; never a cent
that is not there."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from bpp.declined import Declined
from bpp.insurance import cash
from bpp.insurance import reading as slips
from bpp.insurance.engine.facts import Bought, Person
from bpp.insurance.remittance import desk, excess, states
from bpp.insurance.remittance.desk import StepAsked
from bpp.insurance.scheme_file import load
from bpp.insurance.slip_check import check
from bpp.ledger.money_facts import MoneyFact
from protocol_specs.wire.values import replace
from tests.bpp.insurance.remittance.support import (
    at,
    close,
    job,
    lines,
    refund,
    stand,
    sweep,
)
from tests.bpp.insurance.support import MY, Coop, fare_of

CREDITING = replace(load(MY), after_remittance="institution_credit")
CHOSE = Person(plans=((date(2026, 6, 1), "1"),))  # 13.10 a month


def coop_of(folder: Path, person: Person = CHOSE, scheme: Any = CREDITING) -> Coop:
    return Coop(folder, (scheme,), commission_rate="0", person=lambda s, w, p: person)


def decide(coop: Coop, choice: Any, reference: str, amount: int | None = None, **more: Any) -> str:
    scheme = more.pop("scheme", coop.schemes[0])
    worker = coop.local(more.pop("agent", "a1"))
    return coop.store.transact_now(
        lambda s: excess.decide(
            s, scheme, worker, choice, reference=reference, by="desk-1",
            now=at("2026-08-05"), amount_minor=amount,
        )
    )  # fmt: skip


def check_newest_slip(coop: Coop) -> dict[str, Any]:
    newest = coop.store.read(lambda s: slips.slips_of(s, "a1"))[0]
    file = coop.store.read(lambda s: slips.slip(s, "a1", newest["slip_id"]))
    assert file is not None
    check(json.dumps(file).encode(), coop.key.public)
    found: dict[str, Any] = file["slip"]
    return found


def test_what_was_beyond_the_plan_comes_back_out_of_what_is_held_and_never_of_the_institution(
    tmp_path: Path,
) -> None:
    """20.00 of July, 13.10 declared, 6.90 held; 400 of 1,600 refunded: 5.00 of the 6.90 comes back,
    the institution still has what it is due."""
    coop = coop_of(tmp_path)
    july = job(coop, "o1", 160_000, "2026-07-10")
    close(coop, "2026-07", "2026-08-02")
    worker = coop.local("a1")
    pay = coop.balances()[f"2100:{worker}"]
    refund(coop, july, 40_000, "2026-08-03")
    found = coop.balances()
    assert found[f"2240:{MY}:{worker}"] == 190
    assert f"1260:{MY}:{worker}" not in found
    assert found[f"2100:{worker}"] == pay - 40_000 + 500
    check_newest_slip(coop)
    job(coop, "o2", 40_000, "2026-08-04")
    assert close(coop, "2026-08", "2026-09-02").amount_minor == 500  # no credit is taken off it
    coop.store.read(lambda s: stand(coop, s, coop.schemes[0]))


def test_below_the_plan_the_rest_is_the_institutions(tmp_path: Path) -> None:
    """1,600 less 800 is 10.00: 6.90 of what is held and 3.10 of what was sent come back."""
    coop = coop_of(tmp_path)
    july = job(coop, "o1", 160_000, "2026-07-10")
    close(coop, "2026-07", "2026-08-02")
    refund(coop, july, 80_000, "2026-08-03")
    found, worker = coop.balances(), coop.local("a1")
    assert f"2240:{MY}:{worker}" not in found
    assert found[f"1260:{MY}:{worker}"] == 310
    check_newest_slip(coop)


@pytest.mark.parametrize("choice", ["back", "next"])
def test_what_the_worker_had_of_the_excess_already_does_not_come_back_twice(
    tmp_path: Path, choice: str
) -> None:
    coop = coop_of(tmp_path)
    july = job(coop, "o1", 160_000, "2026-07-10")
    close(coop, "2026-07", "2026-08-02")
    worker = coop.local("a1")
    decide(coop, choice, "c-1")
    pay = coop.balances()[f"2100:{worker}"]
    refund(coop, july, 40_000, "2026-08-06")
    found = coop.balances()
    assert found[f"2100:{worker}"] == pay - 40_000
    assert not any(account.startswith(("1260", "2240")) for account in found)
    assert check_newest_slip(coop)["reason"] == "remitted"
    refund(coop, july, 40_000, "2026-08-07")  # 10.00 in all: 3.10 of it was sent too much
    assert coop.balances()[f"1260:{MY}:{worker}"] == 310
    check_newest_slip(coop)
    coop.store.read(lambda s: stand(coop, s, coop.schemes[0]))


def test_a_month_is_filled_up_again_after_something_of_it_came_back(tmp_path: Path) -> None:
    """13.10 declared, 3.10 came back; 2.00 more are within the plan and go to the institution."""
    coop = coop_of(tmp_path)
    july = job(coop, "o1", 104_800, "2026-07-10")
    close(coop, "2026-07", "2026-08-02")
    refund(coop, july, 24_800, "2026-08-03")
    coop.happen(july.event("fare_changed", lines=fare_of(120_800), at=at("2026-08-04")))
    worker = coop.local("a1")
    line = lines(coop, close(coop, "2026-08", "2026-09-02").id)[worker]
    assert (line.excess_minor, line.credit_used_minor, line.amount_minor) == (0, 200, 0)
    assert coop.balances()[f"1260:{MY}:{worker}"] == 110


def test_what_credit_covered_counts_against_the_plan(tmp_path: Path) -> None:
    """August: 13.10 due, 5.00 of it credit of July; 1.00 more is beyond the plan."""
    coop = coop_of(tmp_path)
    july = job(coop, "o1", 80_000, "2026-07-10")
    close(coop, "2026-07", "2026-08-02")
    refund(coop, july, 40_000, "2026-08-03")
    august = job(coop, "o2", 104_800, "2026-08-04")
    line = lines(coop, close(coop, "2026-08", "2026-09-02").id)[coop.local("a1")]
    assert (line.credit_used_minor, line.amount_minor) == (500, 810)
    coop.happen(august.event("fare_changed", lines=fare_of(112_800), at=at("2026-09-03")))
    line = lines(coop, close(coop, "2026-09", "2026-10-02").id)[coop.local("a1")]
    assert (line.excess_minor, line.amount_minor) == (100, 0)


def test_credit_that_the_institution_paid_back_is_not_used_as_well(tmp_path: Path) -> None:
    """5.00 too much sent, 4.00 paid back by bank: 1.00 is left to use, not 5.00."""
    coop = coop_of(tmp_path, Person())
    july = job(coop, "o1", 80_000, "2026-07-10")
    close(coop, "2026-07", "2026-08-02")
    refund(coop, july, 40_000, "2026-08-03")
    worker = coop.local("a1")
    fact = MoneyFact(
        "institution-refund", "r-1", "desk-1", "MYR", 400, at("2026-08-04"), scheme=MY,
        worker=worker,
    )  # fmt: skip
    limit = cash.Limit(None, "MYR")
    coop.store.transact_now(lambda s: cash.record(s, limit, fact, fact.at))
    job(coop, "o2", 40_000, "2026-08-05")
    line = lines(coop, close(coop, "2026-08", "2026-09-02").id)[worker]
    assert (line.credit_used_minor, line.amount_minor) == (100, 400)
    assert f"1260:{MY}:{worker}" not in coop.balances()


@pytest.mark.parametrize(
    "person",
    [
        Person(plans=((date(2026, 8, 1), "2"),)),
        Person(bought=(Bought("1", "2026-08", 1, receipt="r-1", is_seen=True),)),
        Person(bought=(Bought("1", "2026-07", 1, receipt="r-1", is_seen=False),)),
    ],
    ids=["chosen later", "bought for another month", "only told"],
)
def test_nothing_is_beyond_a_plan_that_was_not_selected_for_that_month(
    tmp_path: Path, person: Person
) -> None:
    coop = coop_of(tmp_path, person, load(MY))
    job(coop, "o1", 160_000, "2026-07-10")
    line = lines(coop, close(coop, "2026-07", "2026-08-02").id)[coop.local("a1")]
    assert (line.amount_minor, line.excess_minor) == (2_000, 0)


def test_one_reference_is_one_choice_and_another_under_it_is_refused(tmp_path: Path) -> None:
    """One paper must not be taken for a second choice that then is not done, or done twice."""
    other = replace(CREDITING, id="my.other")
    coop = Coop(tmp_path, (CREDITING, other), commission_rate="0", person=lambda s, w, p: CHOSE)
    coop.schemes = (CREDITING,)
    job(coop, "o1", 160_000, "2026-07-10")
    close(coop, "2026-07", "2026-08-02")
    coop.schemes = (other,)
    close(coop, "2026-07", "2026-08-02")
    decide(coop, "back", "c-1", 100, scheme=CREDITING)
    before = coop.balances(), coop.count("entry"), coop.count("declared_part")
    for choice, scheme, amount in (
        ("next", CREDITING, 100),
        ("back", other, 100),
        ("back", CREDITING, 200),
    ):
        with pytest.raises(Declined, match="another choice"):
            decide(coop, choice, "c-1", amount, scheme=scheme)
    decide(coop, "back", "c-1", 100, scheme=CREDITING)
    decide(coop, "back", "c-1", scheme=CREDITING)
    assert (coop.balances(), coop.count("entry"), coop.count("declared_part")) == before


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ({"kind": "sent", "amount": "5.00"}, "an amount is said of"),
        ({"kind": "rejected", "amount": "5.00"}, "an amount is said of"),
        ({"kind": "acknowledged", "paid_on": "2026-08-03"}, "interest alone"),
    ],
)
def test_what_a_step_would_not_heed_is_refused_and_nothing_is_written(
    tmp_path: Path, said: Any, says: str
) -> None:
    coop = coop_of(tmp_path, Person())
    job(coop, "o1", 80_000, "2026-07-10")
    sweep(coop, "2026-07-11")
    id = close(coop, "2026-07", "2026-08-02").id
    if said["kind"] != "sent":
        how = states.Step(by="desk-1", reference="r-0", at=at("2026-08-03"))
        coop.store.transact_now(lambda s: states.send(s, id, how))
    asked = StepAsked(remittance=id, reference="r-1", by="desk-1", **said)
    before = coop.balances(), coop.count("remittance_event")
    with pytest.raises(Declined, match=says):
        coop.store.transact_now(
            lambda s: desk.step(
                s, coop.insurance.keeper, asked, issuer="coop.example", now=at("2026-08-04")
            )
        )
    assert (coop.balances(), coop.count("remittance_event")) == before


def test_credit_is_used_once_over_all_periods_of_a_line(tmp_path: Path) -> None:
    """0.50 of credit beside 0.30 of July and 0.30 of August: 0.10 is remitted."""
    coop = coop_of(tmp_path, Person())
    july = job(coop, "o1", 8_000, "2026-07-10")
    close(coop, "2026-07", "2026-08-02")
    refund(coop, july, 4_000, "2026-08-03")
    coop.happen(july.event("fare_changed", lines=fare_of(10_400), at=at("2026-08-04")))
    job(coop, "o2", 2_400, "2026-08-05")
    line = lines(coop, close(coop, "2026-08", "2026-09-02").id)[coop.local("a1")]
    assert (line.credit_used_minor, line.amount_minor) == (50, 10)
    assert f"1260:{MY}:{coop.local('a1')}" not in coop.balances()
