"""A period closes once, in order; late events declare only their difference, in the open period."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from bpp.declined import Declined
from bpp.insurance.engine.facts import Bought, Person
from bpp.insurance.figures import Rate
from bpp.insurance.remittance import closing, reading
from bpp.insurance.scheme_file import load
from bpp.orders import store
from protocol_specs.wire.values import replace
from tests.bpp.factories import an_order, office, worker
from tests.bpp.insurance.remittance.support import (
    acknowledge,
    at,
    begin,
    chunks,
    close,
    job,
    lines,
    refund,
    remittance,
    send,
    stand,
    sweep,
)
from tests.bpp.insurance.support import KA, MY, Coop, Story, fare_of

CREDITING = replace(load(MY), after_remittance="institution_credit")
CHOSE = Person(plans=((date(2026, 6, 1), "1"),))


def coop_of(folder: Path, scheme: Any = CREDITING, **more: Any) -> Coop:
    return Coop(folder, (scheme,), commission_rate="0", **more)


def test_july_is_capped_and_a_refund_after_its_close_changes_nothing_while_august_stands_alone(
    tmp_path: Path,
) -> None:
    """docs/ledger.md: base 1,600 capped 13.10; refund 100 after close; August 500: 0.00, 6.25."""
    coop = coop_of(tmp_path, load(MY), person=lambda s, w, p: CHOSE, options={"cap": "plan"})
    july = job(coop, "o1", 160_000, "2026-07-10")
    declared = close(coop, "2026-07", "2026-08-02")
    assert declared.amount_minor == 1_310
    refund(coop, july, 10_000, "2026-08-03")
    job(coop, "o2", 50_000, "2026-08-04")
    worker = coop.local("a1")
    found = coop.balances()
    assert found.get(f"2210:{MY}:{worker}:2026-07", 0) == 0
    assert found[f"2210:{MY}:{worker}:2026-08"] == 625
    august = close(coop, "2026-08", "2026-09-02")
    assert (august.amount_minor, august.workers) == (625, 1)
    coop.store.read(lambda s: stand(coop, s, coop.schemes[0]))


def test_a_rate_of_its_own_period_decides_a_late_event_and_never_that_of_the_open_one(
    tmp_path: Path,
) -> None:
    rates = load(MY).rate
    dearer = Rate(
        **{"from": date(2026, 8, 1)},
        rate=rates[0].rate * 2,
        source=rates[0].source,
        verified=False,
    )
    coop = coop_of(tmp_path, replace(CREDITING, rate=(*rates, dearer)))
    july = job(coop, "o1", 10_000, "2026-07-10")
    close(coop, "2026-07", "2026-08-02")
    coop.happen(july.event("fare_changed", lines=fare_of(12_000), at=at("2026-08-03")))
    job(coop, "o2", 10_000, "2026-08-04")
    worker = coop.local("a1")
    found = coop.balances()
    assert found[f"2210:{MY}:{worker}:2026-07"] == 25  # 20.00 more at 1.25 %
    assert found[f"2210:{MY}:{worker}:2026-08"] == 250  # 100.00 at 2.5 %: nothing of July in it
    august = close(coop, "2026-08", "2026-09-02")
    assert august.amount_minor == 275
    assert lines(coop, august.id)[worker].exact == "250"


def test_credits_net_only_within_one_person(tmp_path: Path) -> None:
    """docs/ledger.md: A +0.30, B -0.50: A remits 0.30, B carries."""
    coop = coop_of(tmp_path)
    b = job(coop, "b1", 8_000, "2026-07-10", agent="b")
    sent = close(coop, "2026-07", "2026-08-02")
    assert sent.amount_minor == 100
    refund(coop, b, 4_000, "2026-08-03")
    job(coop, "a1", 2_400, "2026-08-04", agent="a")
    august = close(coop, "2026-08", "2026-09-02")
    a, b_id = coop.local("a"), coop.local("b")
    assert {w: line.amount_minor for w, line in lines(coop, august.id).items()} == {a: 30, b_id: 0}
    found = coop.balances()
    assert found[f"1260:{MY}:{b_id}"] == 50
    assert (found[f"2220:{august.id}"], august.workers) == (30, 1)
    job(coop, "b2", 16_000, "2026-09-04", agent="b")  # 2.00, of which 0.50 is there already
    september = close(coop, "2026-09", "2026-10-02")
    line = lines(coop, september.id)[b_id]
    assert (line.amount_minor, line.credit_used_minor) == (150, 50)
    assert f"1260:{MY}:{b_id}" not in coop.balances()
    coop.store.read(lambda s: stand(coop, s, coop.schemes[0]))


def test_a_credit_larger_than_the_month_leaves_a_line_of_nothing_and_the_rest_stays(
    tmp_path: Path,
) -> None:
    """0.30 beside a reversal of 0.50: remitted 0.00, carried 0.20."""
    coop = coop_of(tmp_path)
    july = job(coop, "o1", 8_000, "2026-07-10")
    close(coop, "2026-07", "2026-08-02")
    refund(coop, july, 4_000, "2026-08-03")
    job(coop, "o2", 2_400, "2026-08-04")
    august = close(coop, "2026-08", "2026-09-02")
    worker = coop.local("a1")
    assert (august.amount_minor, august.workers) == (0, 0)
    assert lines(coop, august.id)[worker].credit_used_minor == 30
    assert coop.balances()[f"1260:{MY}:{worker}"] == 20


@pytest.mark.parametrize("after_remittance", ["institution_credit", "claim", "none"])
def test_what_a_refund_after_remittance_gives_back_is_the_schemes_rule(
    tmp_path: Path, after_remittance: Any
) -> None:
    coop = coop_of(tmp_path, replace(load(MY), after_remittance=after_remittance))
    july = job(coop, "o1", 8_000, "2026-07-10")
    sweep(coop, "2026-07-11")
    sent = close(coop, "2026-07", "2026-08-02")
    send(coop, sent.id, "2026-08-03")
    acknowledge(coop, sent.id, "2026-08-04")
    pay = coop.balances()[f"2100:{coop.local('a1')}"]
    refund(coop, july, 4_000, "2026-08-05")
    job(coop, "o2", 16_000, "2026-08-06")  # 2.00
    august = close(coop, "2026-08", "2026-09-02")
    worker = coop.local("a1")
    credit = coop.balances().get(f"1260:{MY}:{worker}", 0)
    back = coop.balances()[f"2100:{worker}"] - pay - (16_000 - 200) + 4_000
    expected = {"institution_credit": (50, 0, 150), "claim": (50, 50, 200), "none": (0, 0, 200)}
    assert (back, credit, august.amount_minor) == expected[after_remittance]
    coop.store.read(lambda s: stand(coop, s, coop.schemes[0]))


def test_the_slip_says_that_nothing_comes_back_where_the_scheme_gives_nothing_back(
    tmp_path: Path,
) -> None:
    import json

    from bpp.insurance import reading as slips
    from bpp.insurance.slip_check import check

    coop = coop_of(tmp_path, load(MY))
    july = job(coop, "o1", 8_000, "2026-07-10")
    close(coop, "2026-07", "2026-08-02")
    refund(coop, july, 4_000, "2026-08-03")
    newest = coop.store.read(lambda s: slips.slips_of(s, "a1"))[0]
    assert newest["reason"] == "remitted"
    file = coop.store.read(lambda s: slips.slip(s, "a1", newest["slip_id"]))
    assert file is not None
    check(json.dumps(file).encode(), coop.key.public)
    assert file["slip"]["period_line"]["total_minor"] == 100
    assert coop.balances()[f"2220:{MY}/2026-07/1"] == 100


def test_a_slip_of_money_that_came_back_after_remittance_verifies(tmp_path: Path) -> None:
    import json

    from bpp.insurance import reading as slips
    from bpp.insurance.slip_check import check

    coop = coop_of(tmp_path)
    july = job(coop, "o1", 8_000, "2026-07-10")
    close(coop, "2026-07", "2026-08-02")
    refund(coop, july, 4_000, "2026-08-03")
    newest = coop.store.read(lambda s: slips.slips_of(s, "a1"))[0]
    file = coop.store.read(lambda s: slips.slip(s, "a1", newest["slip_id"]))
    assert file is not None
    check(json.dumps(file).encode(), coop.key.public)
    assert [t["debit"][:5] for t in file["slip"]["entry"]["transfers"]][:1] == ["1260:"]
    assert file["slip"]["period_line"]["declared_in"] == "2026-08"


def test_a_job_that_ends_after_the_close_is_declared_later_and_only_if_one_says_so(
    tmp_path: Path,
) -> None:
    coop = coop_of(tmp_path)
    story = Story(key="o1", agent_id="a1", lines=fare_of(8_000), at=at("2026-07-31"))
    coop.happen(story.event("confirmed"))
    assert close(coop, "2026-07", "2026-08-02").amount_minor == 0
    coop.happen(story.event("completed", at=at("2026-08-02", "13:00:00")))
    assert close(coop, "2026-08", "2026-09-02").amount_minor == 100
    assert (
        coop.store.read(lambda s: reading.status_of(s, MY, coop.local("a1"), "2026-07"))[
            0
        ].remittance
        == f"{MY}/2026-08/1"
    )


def test_beyond_the_selected_plan_is_held_for_the_worker(tmp_path: Path) -> None:
    coop = coop_of(tmp_path, load(MY), person=lambda s, w, p: CHOSE)
    job(coop, "o1", 160_000, "2026-07-10")  # 20.00; plan 1 is 13.10
    found = close(coop, "2026-07", "2026-08-02")
    line = lines(coop, found.id)[coop.local("a1")]
    assert (line.amount_minor, line.excess_minor, line.shortfall_minor) == (1_310, 690, 0)
    assert coop.balances()[f"2240:{MY}:{coop.local('a1')}"] == 690
    stands = coop.store.read(lambda s: reading.status_of(s, MY, coop.local("a1"), "2026-07"))
    assert [(share.stands, share.amount_minor) for share in stands] == [
        ("declared", 1_310),
        ("excess", 690),
    ]


def test_what_a_worker_bought_ahead_is_beyond_the_plan_and_held(tmp_path: Path) -> None:
    """prepaid_offset = none: deducted all the same, and held as the worker's own money."""
    bought = Bought("1", "2026-07", 1, receipt="r-1", is_seen=True)
    coop = coop_of(tmp_path, load(MY), person=lambda s, w, p: Person(bought=(bought,)))
    job(coop, "o1", 80_000, "2026-07-10")
    line = lines(coop, close(coop, "2026-07", "2026-08-02").id)[coop.local("a1")]
    assert (line.amount_minor, line.excess_minor, line.shortfall_minor) == (0, 1_000, 0)


def test_a_shortfall_is_told_against_the_selected_plan(tmp_path: Path) -> None:
    coop = coop_of(tmp_path, load(MY), person=lambda s, w, p: CHOSE)
    job(coop, "o1", 80_000, "2026-07-10")
    line = lines(coop, close(coop, "2026-07", "2026-08-02").id)[coop.local("a1")]
    assert (line.amount_minor, line.shortfall_minor) == (1_000, 310)


def test_a_dry_run_says_what_the_close_then_writes_and_writes_nothing(tmp_path: Path) -> None:
    coop = coop_of(tmp_path)
    for n in range(7):
        job(coop, f"o{n}", 8_000 * (n + 1), "2026-07-10", agent=f"a{n}")
    before = coop.balances()
    dry = coop.store.read(
        lambda s: list(closing.dry_run(s, coop.insurance.keeper, coop.schemes[0], "2026-07"))
    )
    assert coop.balances() == before
    assert coop.count("closed_period") == 0
    written = lines(coop, close(coop, "2026-07", "2026-08-02").id)
    assert {d.worker: d.remitted.total for d in dry} == {
        worker: line.amount_minor for worker, line in written.items()
    }
    assert [d.orders for d in dry] == [1] * 7


@pytest.mark.parametrize(
    ("period", "day", "says"),
    [
        ("2026-07", "2026-07-31", "not over"),
        ("2026-09", "2026-10-02", "close 2026-07 of my.act872.gig first"),
        ("FY2026-27Q2", "2026-12-02", "no period of my.act872.gig"),
        ("2026-7", "2026-12-02", "no period"),
        ("July", "2026-12-02", "no period"),
    ],
)
def test_a_close_that_must_not_be_is_refused_and_nothing_is_written(
    tmp_path: Path, period: str, day: str, says: str
) -> None:
    coop = coop_of(tmp_path)
    job(coop, "o1", 8_000, "2026-07-10")
    before = coop.balances()
    with pytest.raises(Declined, match=says):
        begin(coop, period, at(day))
    assert coop.balances() == before
    assert coop.count("closed_period") == 0


def test_a_closed_period_closes_once_and_an_earlier_one_no_more(tmp_path: Path) -> None:
    coop = coop_of(tmp_path)
    job(coop, "o1", 8_000, "2026-07-10")
    first = close(coop, "2026-07", "2026-08-02")
    before = coop.balances()
    assert close(coop, "2026-07", "2026-08-09") == first
    assert coop.balances() == before
    with pytest.raises(Declined, match="closed already"):
        begin(coop, "2026-06", at("2026-08-09"))


def test_a_month_in_another_zone_is_over_when_it_is_over_there(tmp_path: Path) -> None:
    """31 July 16:30 UTC is 1 August in Kuala Lumpur, half past midnight."""
    coop = coop_of(tmp_path)
    job(coop, "o1", 8_000, "2026-07-10")
    with pytest.raises(Declined, match="not over"):
        begin(coop, "2026-07", at("2026-07-31", "15:59:59"))
    assert begin(coop, "2026-07", at("2026-07-31", "16:30:00")) == f"{MY}/2026-07/1"


def test_a_late_event_between_two_chunks_is_neither_lost_nor_doubled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever's line is still to come: it is written first, the event's difference counts later."""
    monkeypatch.setattr(closing, "CHUNK", 2)
    coop = coop_of(tmp_path)
    stories = [job(coop, f"o{n}", 8_000, "2026-07-10", agent=f"a{n}") for n in range(6)]
    id = begin(coop, "2026-07", at("2026-08-02"))
    desk, going_on = coop.insurance.keeper, coop.store.read(closing.unfinished)[0]
    coop.store.transact_now(lambda s: closing.next_chunk(s, desk, going_on, "", at("2026-08-02")))
    written = set(lines(coop, id))
    assert len(written) == 2
    for story in stories:  # everyone, declared already or not, before the close goes on
        refund(coop, story, 4_000, "2026-08-03")
    job(coop, "late", 2_400, "2026-08-03", agent="a0")
    chunks(coop, at("2026-08-03"))
    july = remittance(coop, id)
    assert (july.workers, july.amount_minor) == (6, 600)
    coop.store.read(lambda s: stand(coop, s, coop.schemes[0]))
    august = close(coop, "2026-08", "2026-09-02")
    assert august.amount_minor == 0  # 0.30 of a0, covered by the 0.50 that came back
    assert sum(v for k, v in coop.balances().items() if k.startswith("1260:")) == 6 * 50 - 30


def test_karnatakas_quarter_is_declared_with_its_due_day(tmp_path: Path) -> None:
    coop = coop_of(tmp_path, load(KA))
    job(coop, "o1", 9_500, "2026-07-10")
    job(coop, "o2", 40_000, "2026-09-10")
    found = close(coop, "FY2026-27Q2", "2026-10-02")
    assert (found.amount_minor, found.worker_minor, found.cooperative_minor) == (195, 0, 195)
    assert found.due_day is not None
    assert found.due_day >= date(2026, 10, 7)


def test_a_chunk_is_as_small_as_the_postings_of_its_workers_are_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An order waits as long as a chunk takes: busy workers are declared fewer at a time."""
    coop = coop_of(tmp_path)
    for n in range(6):
        job(coop, f"o{n}", 8_000, "2026-07-10", agent=f"a{n % 3}")  # two postings a job
    monkeypatch.setattr(closing, "ROWS", 7)
    id = begin(coop, "2026-07", at("2026-08-02"))
    assert chunks(coop, at("2026-08-02")) == 3
    assert (remittance(coop, id).workers, remittance(coop, id).amount_minor) == (3, 600)


def test_a_period_is_not_closed_while_the_one_before_is_still_being_closed(tmp_path: Path) -> None:
    coop = coop_of(tmp_path)
    job(coop, "o1", 8_000, "2026-07-10")
    job(coop, "o2", 8_000, "2026-08-10")
    begin(coop, "2026-07", at("2026-09-02"))
    with pytest.raises(Declined, match="is still being closed"):
        begin(coop, "2026-08", at("2026-09-02"))
    assert coop.count("closed_period") == 1


def test_a_job_that_is_not_over_or_not_posted_holds_the_close_unless_one_says_so(
    tmp_path: Path,
) -> None:
    coop = coop_of(tmp_path)
    story = Story(key="o1", agent_id="a1", lines=fare_of(8_000), at=at("2026-07-31"))
    event = story.event("confirmed")
    coop.record(event)
    coop.store.transact_now(lambda s: coop.insurance.failed(s, event, ValueError("as a test")))
    with pytest.raises(Declined, match="still to be posted"):
        begin(coop, "2026-07", at("2026-08-02"))
    assert coop.count("closed_period") == 0
    assert begin(coop, "2026-07", at("2026-08-02"), leave_open=True) == f"{MY}/2026-07/1"


def test_a_confirmed_job_of_the_period_holds_its_close_and_a_later_one_does_not(
    tmp_path: Path,
) -> None:
    coop = coop_of(tmp_path)
    made = an_order(office(), worker())
    for key, day in (("o1", "2026-07-31"), ("o2", "2026-08-01")):
        story = Story(key=key, agent_id="a1", lines=fare_of(8_000), at=at(day))
        coop.happen(story.event("confirmed", at=at(day)))
        order = replace(
            made, key=key, job_id=key, agent_id=None, reached=((made.state, at(day)),),
            peer=replace(made.peer, transaction_id=key), view=replace(made.view, id=key),
        )  # fmt: skip
        coop.store.transact_now(lambda s, each=order: store.add_order(s, each))
    with pytest.raises(Declined, match=r"1 confirmed jobs of 2026-07 are not over \(one is o1\)"):
        begin(coop, "2026-07", at("2026-08-02"))
    assert coop.count("closed_period") == 0
    assert begin(coop, "2026-07", at("2026-08-02"), leave_open=True) == f"{MY}/2026-07/1"
