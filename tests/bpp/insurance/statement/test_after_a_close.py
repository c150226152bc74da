"""The pass-book equals the ledger through closes, sendings, rejections and reopenings, for every
worker, also where two did one job."""

import json
import random
from pathlib import Path

import pytest

from bpp.insurance.people.tables import NoticeText, WorkerFact
from bpp.insurance.remittance import reading
from bpp.insurance.statement import document
from bpp.insurance.statement.questions import Asked, answer
from bpp.insurance.statement.values import Statement
from bpp.orders.events import Partner
from protocol_specs.node.store import Statement as Query
from tests.bpp.insurance.remittance.support import (
    acknowledge,
    at,
    close,
    job,
    refund,
    reject,
    send,
    sweep,
)
from tests.bpp.insurance.statement.support import told
from tests.bpp.insurance.support import MY, Coop, Story, fare_of, my_coop

WORKERS = ("a1", "a2", "a3")
NUMBERS = {"pay": 2100, "tips": 2110, "cash_owed": 1220, "other_owed": 1240}


def holds(coop: Coop, now: int) -> None:
    """Every sum of every worker's statement against the accounts."""
    stands, sums = coop.balances(), dict.fromkeys(("due", "declared", "sent", "acknowledged"), 0)
    held = credit = 0
    for agent in WORKERS:
        found, worker = told(coop, agent, now), coop.local(agent)
        body = json.dumps(document.signed(found, coop.key)).encode()
        assert document.check(body, coop.key.public).statement == found
        assert not [each for each in found.missing if each.what in ("gap", "no_slip")]
        for name, number in NUMBERS.items():
            assert found.closing_minor(name) == stands.get(f"{number}:{worker}", 0)  # type: ignore[arg-type]
        for period in found.periods:
            parts = [p.amount_minor for p in period.places if p.stands != "rejected"]
            assert sum(parts) == period.total_minor
            account = f"{MY}:{worker}:{period.period}"
            due = stands.get(f"2210:{account}", 0)
            assert period.standing("due") == due
            for name in sums:
                sums[name] += period.standing(name)  # type: ignore[arg-type]
        held += sum(each.excess_minor for each in found.held)
        credit += sum(each.credit_minor for each in found.held)
        for line in answer("where", Asked.of(found, "en")):
            assert "{" not in line

    def total(number: int) -> int:
        return sum(minor for name, minor in stands.items() if name.startswith(f"{number}:"))

    assert sums["due"] == total(2210)
    assert sums["declared"] == total(2220) - total(1250)
    assert sums["sent"] == total(1250)
    gone = coop.store.read(reading.remittances)
    paid = [
        each.amount_minor - each.rejected_minor for each in gone if each.state == "acknowledged"
    ]
    assert sums["acknowledged"] == sum(paid)
    assert (held, credit) == (total(2240), total(1260))


@pytest.mark.parametrize("seed", range(4))
def test_every_sum_is_the_ledgers_after_each_step_of_three_months(
    tmp_path: Path, seed: int
) -> None:
    coop, draw = my_coop(tmp_path, commission_rate="0.10"), random.Random(seed)
    stories: list[Story] = []
    for month in (7, 8, 9):
        for n in range(6):
            day = f"2026-{month:02}-{draw.randint(1, 27):02}"
            minor, agent = draw.randrange(100, 90_000), WORKERS[n % 3]
            stories.append(job(coop, f"o{month}.{n}", minor, day, agent))
        if month > 7 and draw.random() < 0.8:
            story = draw.choice([each for each in stories if each.key.startswith("o7")])
            refund(coop, story, 50, f"2026-{month:02}-28")
        begins = f"2026-{month + 1:02}"
        sweep(coop, f"{begins}-01")
        id = close(coop, f"2026-{month:02}", f"{begins}-02").id
        holds(coop, at(f"{begins}-02"))
        how = draw.choice(("collected", "line", "rejected", "sent", "sent line", "acknowledged"))
        if "line" in how and "sent" not in how:
            reject(coop, id, f"{begins}-03", coop.local("a2"))
        if how not in ("collected", "rejected", "line"):
            sweep(coop, f"{begins}-03")
            send(coop, id, f"{begins}-04")
            holds(coop, at(f"{begins}-04"))
        if how == "sent line":
            reject(coop, id, f"{begins}-05", coop.local("a1"))
        if how == "acknowledged":
            acknowledge(coop, id, f"{begins}-06")
        if how == "rejected":
            reject(coop, id, f"{begins}-06")
        holds(coop, at(f"{begins}-07"))


def test_a_rejected_line_is_told_and_its_money_is_due_again_and_then_declared(
    tmp_path: Path,
) -> None:
    coop = my_coop(tmp_path, commission_rate="0")
    job(coop, "o1", 160_000, "2026-07-10")
    job(coop, "o2", 80_000, "2026-07-10", "a2")
    job(coop, "o3", 8_000, "2026-07-10", "a3")
    sweep(coop, "2026-07-12")
    id = close(coop, "2026-07", "2026-08-03").id
    send(coop, id, "2026-08-04")
    reject(coop, id, "2026-08-05", coop.local("a1"))
    (period,) = told(coop, now=at("2026-08-06")).periods
    assert (period.standing("rejected"), period.standing("due")) == (2000, 2000)
    assert [(step.kind, step.remittance) for step in period.steps] == [
        ("declared", id),
        ("sent", id),
        ("rejected", id),
    ]
    assert "rejected" in [each.what for each in told(coop, now=at("2026-08-06")).missing]
    (other,) = told(coop, "a2", now=at("2026-08-06")).periods
    assert [step.kind for step in other.steps] == ["declared", "sent"]  # not another's line
    close(coop, "2026-08", "2026-09-02")
    (again,) = told(coop, now=at("2026-09-03")).periods
    assert (again.standing("declared"), again.standing("due")) == (2000, 0)
    holds(coop, at("2026-09-03"))


def test_of_a_job_of_two_workers_each_sees_their_own_part(tmp_path: Path) -> None:
    coop = my_coop(tmp_path, commission_rate="0")
    story = Story(key="both", agent_id="a1", lines=fare_of(3000), at=at("2026-07-10"))
    story.partners = (Partner("a2", 1000, "ride", "CAB"),)
    coop.happen(story.event("confirmed"), story.event("completed"))
    job(coop, "other", 5_000, "2026-07-11", "a3")
    one, two = told(coop, "a1"), told(coop, "a2")
    stands = coop.balances()
    for found, agent in ((one, "a1"), (two, "a2")):
        (mine,) = found.jobs
        worker = coop.local(agent)
        due = sum(each.worker_minor for each in mine.contributions)
        assert mine.fare_minor - mine.commission_minor - due == stands[f"2100:{worker}"]
    assert (one.jobs[0].fare_minor, two.jobs[0].fare_minor) == (2000, 1000)
    sweep(coop, "2026-07-12")
    close(coop, "2026-07", "2026-08-03")
    holds(coop, at("2026-08-03"))


def test_the_notice_of_a_scheme_stands_in_the_month_in_which_it_was_shown(tmp_path: Path) -> None:
    coop = my_coop(tmp_path)
    job(coop, "o1", 2_000, "2026-07-10")
    fact = {
        "worker": coop.local("a1"), "n": 1, "kind": "notice", "scheme": MY, "day": "2026-07-09",
        "value": "f" * 64, "detail": "{}", "at": at("2026-07-09"), "by": "desk-1",
    }  # fmt: skip
    shown = {"sha256": "f" * 64, "scheme": MY, "language": "en", "text": "What is taken, and why."}
    for table, values in ((NoticeText, shown), (WorkerFact, fact)):
        row = Query(table.__table__.insert())
        coop.store.transact_now(lambda s, r=row, v=values: s.run(r, **v))
    found: Statement = told(coop, now=at("2026-08-01"))
    assert [(m.name, [n.text for n in m.notices]) for m in found.months] == [
        ("2026-07", ["What is taken, and why."]),
        ("2026-08", []),
    ]
