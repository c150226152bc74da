"""Every scheme with an amount per job, from order events to books and slips that verify offline."""

import json
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from bpp.insurance import reading
from bpp.insurance.engine.facts import Bought, Person
from bpp.insurance.scheme_file import load
from bpp.insurance.slip_check import check
from bpp.orders.extension import JobTerms
from protocol_specs.wire.order import PriceLine, Quote
from protocol_specs.wire.schema import read_document
from protocol_specs.wire.values import replace
from tests.bpp.insurance.engine.oracle import cpf, month
from tests.bpp.insurance.support import KA, MY, NOON, Coop, Story, fare_of

SG, CN, ID = "sg.cpf.platform", "cn.occupational-injury", "id.bpu"
YOUNG = Person(born=date(1996, 3, 9))  # in by law: 13 % and 7 % in 2026
JULY = "2026-07"


def coop_of(folder: Path, *names: str, **more: Any) -> Coop:
    return Coop(folder, tuple(load(name) for name in names), commission_rate="0", **more)


def singapore(folder: Path, person: Person = YOUNG) -> Coop:
    return coop_of(folder, SG, person=lambda session, worker, period: person)


def ride(key: str, fare: int, currency: str = "SGD", **more: Any) -> Story:
    given = {"agent_id": "a1", "lines": fare_of(fare), "currency": currency, **more}
    return Story(key=key, **given)


def complete(coop: Coop, *stories: Story) -> None:
    for story in stories:
        coop.happen(story.event("confirmed"), story.event("completed"))


def slips(coop: Coop) -> list[dict[str, Any]]:
    """The worker's slips, newest first; each verifies offline."""
    listed = coop.store.read(lambda session: reading.slips_of(session, "a1"))
    found = []
    for line in listed:
        file = coop.store.read(lambda s, id=line["slip_id"]: reading.slip(s, "a1", id))
        assert file is not None
        check(json.dumps(file).encode(), coop.key.public)
        found.append(file["slip"])
    return found


def values(group: Any) -> dict[str, str]:
    return {tag["descriptor"]["code"]: tag["value"] for tag in group["list"]}


def stood(coop: Coop, scheme: str) -> tuple[int, int]:
    """What the books hold as due for the worker's July: in all, and of it the cooperative's."""
    found = coop.balances()
    due = found.get(f"2210:{scheme}:{coop.local('a1')}:{JULY}", 0)
    return due, abs(found.get(f"5000:{scheme}", 0))


def test_both_parts_of_singapores_month_are_in_the_books_and_on_slips(tmp_path: Path) -> None:
    coop = singapore(tmp_path)
    complete(coop, ride("o1", 60_000), ride("o2", 120_050))
    worker, operator = cpf(Fraction(180_050, 100) * 2 / 5, Fraction(13, 100), Fraction(7, 100))
    due, borne_by_coop = stood(coop, SG)
    assert due == 100 * (worker + operator)
    assert borne_by_coop == 100 * operator
    assert coop.balances()[f"2100:{coop.local('a1')}"] == 180_050 - 100 * worker
    newest = slips(coop)[0]
    assert newest["borne_by"] == "both"
    assert newest["period_line"]["total_minor"] == 100 * (worker + operator)
    assert newest["period_line"]["worker_minor"] == 100 * worker


def test_a_refund_that_takes_the_month_below_a_tier_gives_the_worker_everything_back(
    tmp_path: Path,
) -> None:
    coop = singapore(tmp_path)
    story = ride("o1", 150_000)  # net 600
    complete(coop, story)
    assert stood(coop, SG)[0] == 100 * sum(cpf(Fraction(600), Fraction(13, 100), Fraction(7, 100)))
    coop.happen(story.event("refunded", refund_minor=30_000, refund_borne_by="worker"))
    worker, operator = cpf(Fraction(480), Fraction(13, 100), Fraction(7, 100))
    assert worker == 0
    assert stood(coop, SG)[0] == 100 * operator
    assert coop.balances()[f"2100:{coop.local('a1')}"] == 150_000 - 30_000
    slips(coop)


def test_a_worker_whose_age_nobody_knows_waits_and_is_made_good_once_it_is_known(
    tmp_path: Path,
) -> None:
    known: list[Person] = [Person()]
    coop = coop_of(tmp_path, SG, person=lambda session, worker, period: known[0])
    story = ride("o1", 200_000)
    tags = coop.happen(story.event("confirmed"))
    assert {values(tag)["STATUS"] for tag in tags} == {"awaiting_worker"}
    assert slips(coop)[0]["reason"] == "awaiting_worker"
    assert coop.balances() == {}
    known[0] = YOUNG
    tags = coop.happen(story.event("completed"))
    worker, operator = cpf(Fraction(800), Fraction(13, 100), Fraction(7, 100))
    assert stood(coop, SG)[0] == 100 * (worker + operator)
    assert [values(tag)["BORNE_BY"] for tag in tags] == ["worker", "cooperative"]
    assert {values(tag)["STATUS"] for tag in tags} == {"due"}


def test_a_quote_of_two_bearers_has_a_line_of_each_and_waits_for_the_worker(
    tmp_path: Path,
) -> None:
    coop = singapore(tmp_path)
    quote = Quote(id="q", currency="SGD", lines=fare_of(1_000))
    terms = JobTerms("ride", "CAB", "nic2004:60221", "std:03", "coop")
    lines = coop.insurance.quote_lines(quote, terms, NOON)
    assert [(line.borne_by, line.amount_minor) for line in lines] == [
        ("worker", 0),
        ("cooperative", 0),
    ]
    assert {values(line.tags[0])["STATUS"] for line in lines} == {"awaiting_worker"}


def test_china_counts_each_accepted_order_and_the_platform_alone_pays(tmp_path: Path) -> None:
    coop = coop_of(tmp_path, CN)
    complete(coop, ride("o1", 500, "CNY"), ride("o2", 900, "CNY"))
    cancelled = ride("o3", 900, "CNY")
    coop.happen(cancelled.event("confirmed"), cancelled.event("cancelled"))
    nobody = ride("o4", 900, "CNY", agent_id=None)
    coop.happen(nobody.event("confirmed"), nobody.event("cancelled"))
    assert stood(coop, CN)[0] == 3
    assert coop.balances()[f"2100:{coop.local('a1')}"] == 1_400
    assert not any(":unassigned" in account for account in coop.balances())
    assert slips(coop)[0]["rate"]["what"] == "per_order"


def test_indonesia_stops_when_the_month_is_full(tmp_path: Path) -> None:
    coop = coop_of(tmp_path, ID)
    complete(coop, *(ride(f"o{n}", 2_000_000, "IDR") for n in range(19)))
    assert stood(coop, ID)[0] == 840_000
    newest = slips(coop)[0]
    assert (newest["reason"], newest["period_line"]["total_minor"]) == ("cap", 840_000)


def test_malaysia_stops_at_the_selected_plan_and_takes_off_what_was_bought_if_so_configured(
    tmp_path: Path,
) -> None:
    bought = Bought("1", "2026-01", 12, receipt="r-1", is_seen=True)
    person = Person(plans=((date(2026, 6, 1), "2"),), bought=(bought,))
    coop = coop_of(
        tmp_path,
        MY,
        person=lambda session, worker, period: person,
        options={"cap": "plan", "prepaid_offset": "full"},
    )
    complete(coop, *(ride(f"o{n}", 100_000, "MYR") for n in range(3)))
    assert stood(coop, MY)[0] == 1_940 - 1_310
    first, last = slips(coop)[-1], slips(coop)[0]
    assert first["reason"] == "prepaid"
    assert last["period_line"]["offset_minor"] == 1_310


def test_several_schemes_on_one_job_each_have_their_entry_and_slip(tmp_path: Path) -> None:
    fee = replace(load(KA), currency="MYR", zone="Asia/Kuala_Lumpur")
    coop = Coop(tmp_path, (load(MY), fee), commission_rate="0")
    complete(coop, ride("o1", 4_400, "MYR"))
    found = coop.balances()
    assert found[f"2210:{MY}:{coop.local('a1')}:{JULY}"] == 55
    assert found[f"2210:{KA}:{coop.local('a1')}:FY2026-27Q2"] == 44
    assert {slip["scheme"]["id"] for slip in slips(coop)} == {MY, KA}


def test_a_reassigned_job_leaves_the_first_worker_of_a_two_party_scheme_with_nothing(
    tmp_path: Path,
) -> None:
    coop = singapore(tmp_path)
    story = ride("o1", 200_000)
    coop.happen(story.event("confirmed"), story.event("reassigned", agent_id="a2"))
    coop.happen(story.event("completed"))
    found = coop.balances()
    assert not any(coop.local("a1") in account for account in found)
    worker, operator = cpf(Fraction(800), Fraction(13, 100), Fraction(7, 100))
    assert found[f"2210:{SG}:{coop.local('a2')}:{JULY}"] == 100 * (worker + operator)


@pytest.mark.parametrize("name", [SG, MY, KA, CN, ID])
def test_what_the_peer_is_told_of_each_scheme_follows_its_document(
    tmp_path: Path, name: str
) -> None:
    document = Draft202012Validator(read_document("contribution-tags.json"))
    coop = coop_of(tmp_path, name, person=lambda session, worker, period: YOUNG)
    currency = load(name).currency
    quote = Quote(id="q", currency=currency, lines=fare_of(100_000))
    terms = JobTerms("ride", "CAB", "nic2004:60221", "std:03", "coop")
    groups = [line.tags[0] for line in coop.insurance.quote_lines(quote, terms, NOON)]
    groups += coop.happen(ride("o1", 100_000, currency).event("confirmed"))
    assert len(groups) == (4 if name == SG else 2)
    for group in groups:
        document.validate(group)


MOVES = st.lists(
    st.tuples(st.integers(0, 250_000), st.sampled_from(["complete", "cancel", "refund"])),
    min_size=1,
    max_size=4,
)


@pytest.mark.parametrize("name", [SG, MY, KA, CN, ID])
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moves=MOVES)
def test_the_books_hold_what_the_last_states_come_to_and_every_slip_verifies(
    tmp_path_factory: pytest.TempPathFactory, name: str, moves: list[tuple[int, str]]
) -> None:
    scheme = load(name)
    coop = coop_of(
        tmp_path_factory.mktemp("coop"), name, person=lambda session, worker, period: YOUNG
    )
    bases = []
    for n, (fare, move) in enumerate(moves):
        story = ride(f"o{n}", fare, scheme.currency)
        coop.happen(story.event("confirmed"))
        coop.happen(story.event("cancelled" if move == "cancel" else "completed"))
        if move == "refund":
            coop.happen(story.event("refunded", refund_minor=fare // 3, refund_borne_by="worker"))
        bases.append(0 if move == "cancel" else fare - fare // 3 if move == "refund" else fare)
    cancelled = sum(move == "cancel" for _, move in moves)
    expected = {
        SG: 100 * sum(cpf(Fraction(sum(bases), 250), Fraction(13, 100), Fraction(7, 100))),
        MY: month(bases, Fraction(1, 80)),
        KA: sum(min(month([base], Fraction(1, 100)), 100) for base in bases),
        CN: len(moves),
        ID: 50_000 * (len(moves) - cancelled),
    }[name]
    due = sum(v for account, v in coop.balances().items() if account.startswith("2210:"))
    assert due == expected
    assert not any(account.startswith(("2200:", "2205:", "1230")) for account in coop.balances())
    assert len(slips(coop)) == 2 * len(moves) + sum(move == "refund" for _, move in moves)


def test_a_tip_in_singapore_is_outside_the_base(tmp_path: Path) -> None:
    coop = singapore(tmp_path)
    lines = (*fare_of(200_000), PriceLine("TIP", 50_000))
    complete(coop, ride("o1", 0, lines=lines))
    assert stood(coop, SG)[0] == 100 * sum(cpf(Fraction(800), Fraction(13, 100), Fraction(7, 100)))
