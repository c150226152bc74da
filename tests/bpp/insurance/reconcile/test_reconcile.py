"""Reconciliation: what is missing, doubled or different is named exactly, and nothing else is."""

import csv
import random
from pathlib import Path
from typing import Any

import pytest

from bpp.declined import Declined
from bpp.insurance.people.tables import MemberNumber
from bpp.insurance.reconcile import banked, fares, orders, remitted
from bpp.insurance.reconcile.orders import FOREVER, Found
from bpp.insurance.reconcile.remitted import COLUMNS, Compared
from bpp.ledger import bank_files
from protocol_specs.node.store import Statement
from tests.bpp.insurance.remittance.support import acknowledge, at, close, job, send, sweep
from tests.bpp.insurance.support import CARD, MY, Coop, Story, fare_of, ka_coop, ka_story, my_coop
from tests.support.databases import by_hand

JULY = f"{MY}/2026-07/1"


@pytest.fixture
def coop(tmp_path: Path) -> Coop:
    return my_coop(tmp_path)


def seeded_month(coop: Coop) -> list[Story]:
    """Sixty jobs of July, some cancelled, some handed on, some whose fare changed."""
    chance = random.Random(2026_07)
    stories = []
    for n in range(60):
        day = f"2026-07-{chance.randint(1, 31):02d}"
        story = Story(key=f"o{n:02d}", agent_id=f"a{n % 7}", lines=fare_of(2000), at=at(day))
        coop.happen(story.event("confirmed"))
        if chance.random() < 0.2:
            coop.happen(story.event("reassigned", agent_id=f"a{(n + 1) % 7}"))
        if chance.random() < 0.2:
            coop.happen(story.event("cancelled", cancelled_by="CONSUMER"))
        else:
            coop.happen(story.event("completed", lines=fare_of(chance.choice((2000, 2600)))))
        stories.append(story)
    return stories


def found(coop: Coop, **more: Any) -> tuple[Found, ...]:
    return coop.store.read(lambda s: orders.reconcile(s, **more)).found


def test_a_whole_month_has_nothing_open(coop: Coop) -> None:
    seeded_month(coop)
    result = coop.store.read(orders.reconcile)
    assert (result.orders, result.found) == (60, ())
    assert result.events > 120


def test_of_a_seeded_month_the_one_contribution_that_was_removed_is_found_exactly(
    coop: Coop,
) -> None:
    seeded_month(coop)
    entry = f"{MY}/o17/1/1"
    by_hand(
        coop.store,
        f"DELETE FROM slip WHERE supersedes IN (SELECT id FROM slip WHERE entry = '{entry}')",  # noqa: S608 - our own names
        f"DELETE FROM slip WHERE entry = '{entry}'",  # noqa: S608
        f"DELETE FROM contribution WHERE entry = '{entry}'",  # noqa: S608
    )
    gone, doubled, gap = found(coop)
    assert gone == Found("no_contribution", "o17", 1, MY, None)
    assert (doubled.fault, doubled.entry) == ("doubled_entry", entry)  # it has no other half now
    assert (gap.fault, gap.worker, gap.period) == ("gap", coop.local("a3"), "2026-07")
    assert found(coop, first=at("2026-08-01"), last=FOREVER) == (gap,)


def test_one_event_that_was_never_posted_is_found_exactly_and_one_that_waits_is_told_apart(
    coop: Coop,
) -> None:
    stories = seeded_month(coop)
    job(coop, "late", 2000, "2026-07-31")
    lost = Story(key="lost", agent_id="a1", at=at("2026-07-20"))
    coop.record(lost.event("confirmed"))
    assert found(coop) == (Found("not_posted", "lost", 1, None, None),)
    waiting = stories[5].event("refunded", refund_minor=100, refund_borne_by="cooperative")
    coop.record(waiting)
    coop.store.transact_now(lambda s: coop.insurance.failed(s, waiting, RuntimeError("not now")))
    assert set(found(coop)) == {
        Found("not_posted", "lost", 1, None, None),
        Found("waits", "o05", waiting.n, None, None),
    }


def test_an_event_posted_twice_is_found_by_the_entry_that_nothing_stands_for(coop: Coop) -> None:
    seeded_month(coop)
    by_hand(
        coop.store,
        "INSERT INTO entry SELECT id || '0', currency, at, kind, order_key, origin_period, "
        "declared_in, by FROM entry WHERE id = 'my.act872.gig/o17/1/1'",
    )
    assert found(coop) == (Found("doubled_entry", "o17", None, None, f"{MY}/o17/1/10"),)


def test_an_order_confirmed_twice_is_found(coop: Coop) -> None:
    story = job(coop, "one", 2000, "2026-07-10")
    coop.happen(story.event("confirmed"))
    assert Found("doubled_confirm", "one", 3, None, None) in found(coop)


def test_a_contribution_of_an_event_that_never_was_is_found(coop: Coop) -> None:
    seeded_month(coop)
    by_hand(coop.store, "DELETE FROM order_event WHERE order_key = 'o17' AND n = 2")
    assert [(each.fault, each.order, each.n) for each in found(coop)] == [("no_event", "o17", 2)]


def remitted_july(coop: Coop) -> dict[str, str]:
    """Two workers, 0.20 and 0.40; sent. Their local ids."""
    job(coop, "one", 2000, "2026-07-10", "a1")
    job(coop, "two", 4000, "2026-07-11", "a2")
    close(coop, "2026-07", "2026-08-03")
    sweep(coop, "2026-08-03")
    send(coop, JULY, "2026-08-04")
    return {"a1": coop.local("a1"), "a2": coop.local("a2")}


def answer(folder: Path, *rows: tuple[str, ...]) -> Path:
    path = folder / "answer.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([COLUMNS, *rows])
    return path


def compared(coop: Coop, path: Path | None = None) -> list[Compared]:
    told = remitted.read_answer(path) if path else None
    return coop.store.read(lambda s: remitted.reconcile(s, told))


def test_what_was_sent_is_open_until_it_is_acknowledged(coop: Coop) -> None:
    assert compared(coop) == []
    remitted_july(coop)
    assert compared(coop) == [Compared(JULY, None, "MYR", 60, 0, "04", 60)]
    acknowledge(coop, JULY, "2026-08-06")
    assert compared(coop) == [Compared(JULY, None, "MYR", 60, 60, "01", 0)]


@pytest.mark.parametrize(
    ("amount", "status", "difference"),
    [("0.60", "01", 0), ("0.61", "02", 1), ("0.59", "03", 1), ("0.00", "04", 60)],
)
def test_the_institutions_answer_says_paid_over_under_or_none(
    coop: Coop, tmp_path: Path, amount: str, status: Any, difference: int
) -> None:
    remitted_july(coop)
    path = answer(tmp_path, (JULY, "", amount, "MYR", "p-1"))
    (found,) = compared(coop, path)
    assert (found.status, found.difference_minor) == (status, difference)


def test_an_answer_by_member_names_the_workers_that_do_not_agree(
    coop: Coop, tmp_path: Path
) -> None:
    workers = remitted_july(coop)
    number = Statement(MemberNumber.__table__.insert())
    values = {c.name: None for c in MemberNumber.__table__.columns}
    values |= {"worker": workers["a2"], "scheme": MY, "number": "PK-2", "at": 1, "by": "desk-1"}
    coop.store.transact_now(
        lambda s: s.run(number, **{k: v for k, v in values.items() if k in values})
    )
    path = answer(
        tmp_path, (JULY, workers["a1"], "0.20", "MYR", "p-1"), (JULY, "PK-2", "0.30", "MYR", "p-2")
    )
    whole, line = compared(coop, path)
    assert (whole.status, whole.difference_minor) == ("03", 10)
    assert line == Compared(JULY, workers["a2"], "MYR", 40, 30, "03", 10)


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ((f"{MY}/2026-06/1", "", "0.60", "MYR", "p-1"), "line 2: .*no remittance that was sent"),
        ((JULY, "", "0.60", "SGD", "p-1"), "line 2: it is in SGD"),
        ((JULY, "", "0.6x", "MYR", "p-1"), "line 2"),
        ((JULY, "", "6e1", "MYR", "p-1"), "line 2"),
        ((JULY, "", "-0.60", "MYR", "p-1"), "line 2: .*not below zero"),
        ((JULY, "nobody", "0.60", "MYR", "p-1"), "line 2: nobody is no member"),
        ((JULY, "", "0.60", "MYR"), "line 2: 4 fields"),
    ],
)
def test_an_answer_with_one_thing_wrong_is_refused_with_its_line(
    coop: Coop, tmp_path: Path, row: tuple[str, ...], why: str
) -> None:
    remitted_july(coop)
    with pytest.raises(Declined, match=why):
        compared(coop, answer(tmp_path, row))


def test_one_reference_twice_in_an_answer_is_refused(coop: Coop, tmp_path: Path) -> None:
    remitted_july(coop)
    row = (JULY, "", "0.30", "MYR", "p-1")
    with pytest.raises(Declined, match=r"line 3 repeats .*line 2"):
        compared(coop, answer(tmp_path, row, row))


def test_a_fare_that_changed_says_what_that_did_to_the_contribution(tmp_path: Path) -> None:
    coop = ka_coop(tmp_path)
    same = ka_story(key="same", agent_id="a1", lines=fare_of(8000), payment=CARD)
    more = ka_story(key="more", agent_id="a1", lines=fare_of(4000), payment=CARD)
    ended = ka_story(key="off", agent_id="a1", lines=fare_of(4000), payment=CARD)
    going = ka_story(key="on", agent_id="a1", lines=fare_of(4000), payment=CARD)
    coop.happen(same.event("confirmed"), same.event("completed"), going.event("confirmed"))
    coop.happen(more.event("confirmed"), more.event("completed", lines=fare_of(6000)))
    coop.happen(ended.event("confirmed"), ended.event("cancelled", cancelled_by="CONSUMER"))
    every = coop.store.read(lambda s: list(fares.reconcile(s, 0, FOREVER)))
    shown = {
        each.order: (
            each.estimate_minor,
            each.final_minor,
            each.contribution_at_confirm_minor,
            each.contribution_minor,
            each.changed,
            each.is_open,
        )
        for each in every
    }
    assert shown == {
        "same": (8000, 8000, 64, 64, False, False),
        "more": (4000, 6000, 32, 48, True, False),
        "off": (4000, 0, 32, 0, True, False),
    }


def test_the_trust_accounts_statement_is_summed_by_remittance(coop: Coop, tmp_path: Path) -> None:
    remitted_july(coop)
    path = tmp_path / "bank.csv"
    path.write_text(
        "account,date,amount,currency,reference,text\n"
        "MY01,2026-08-03,0.60,MYR,,sweep\n"
        "MY01,2026-08-04,-0.60,MYR,,to the institution\n"
        "MY01,2026-08-09,-0.05,MYR,x-9,unknown\n"
    )
    (statement,) = bank_files.read(path)
    matching, sums = coop.store.read(lambda s: banked.reconcile(s, f"1110:{MY}", statement))
    assert not matching.is_whole
    assert {
        (each.remittance, each.books_minor, each.bank_minor, each.open_lines) for each in sums
    } == {
        (None, 60, 55, 1),
        (JULY, -60, -60, 0),
    }
