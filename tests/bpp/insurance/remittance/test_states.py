"""Sent, acknowledged, rejected, late: the entries of docs/ledger.md; the trust account whole."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bpp.declined import Declined
from bpp.insurance.engine.facts import Person
from bpp.insurance.remittance import excess, reading, states
from bpp.insurance.scheme import Scheme
from bpp.insurance.scheme_file import load
from bpp.ledger import balances, chart, journal, trust
from bpp.ledger.entry import Entry, move
from protocol_specs.wire.values import replace
from tests.bpp.insurance.remittance.support import (
    acknowledge,
    at,
    close,
    job,
    lines,
    own_part,
    refund,
    reject,
    remittance,
    send,
    stand,
    step,
    sweep,
)
from tests.bpp.insurance.support import KA, MY, Coop

SG = "sg.cpf.platform"
YOUNG = Person(born=date(1996, 3, 9))


def coop_of(folder: Path, scheme: Scheme | str = MY, **more: Any) -> Coop:
    found = load(scheme) if isinstance(scheme, str) else scheme
    more.setdefault("person", lambda s, w, p: YOUNG)
    return Coop(folder, (found,), commission_rate="0", **more)


def declared(folder: Path, scheme: Scheme | str = MY, period: str = "2026-07") -> tuple[Coop, str]:
    """Two workers with one job of July each, swept and closed."""
    coop = coop_of(folder, scheme)
    job(coop, "o1", 160_000, "2026-07-10")
    job(coop, "o2", 80_000, "2026-07-11", agent="a2")
    sweep(coop, "2026-07-12")
    return coop, close(coop, period, "2026-10-01").id


def moved(coop: Coop, entry: str) -> set[tuple[str, str, int]]:
    found = coop.store.read(lambda s: journal.document(s, entry))
    assert found is not None
    return {(t["debit"], t["credit"], t["amount_minor"]) for t in found["transfers"]}


def test_the_entries_of_a_remittance_are_those_of_the_table(tmp_path: Path) -> None:
    coop, id = declared(tmp_path)
    w1, w2 = coop.local("a1"), coop.local("a2")
    assert moved(coop, f"declare/{id}/{w1}") == {
        (f"2210:{MY}:{w1}:2026-07", f"2220:{id}", 2_000),
    }
    line = coop.store.read(lambda s: journal.document(s, f"declare/{id}/{w1}"))
    assert line is not None
    assert (line["at"], line["declared_in"]) == (at("2026-10-01"), "2026-07")
    send(coop, id, "2026-10-02")
    assert moved(coop, f"sent/{id}/1") == {(f"1250:{id}", f"1110:{MY}", 3_000)}
    reject(coop, id, "2026-10-03", w2)
    assert moved(coop, f"rejected/{id}/2") == {
        (f"2220:{id}", f"2210:{MY}:{w2}:2026-07", 1_000),
        (f"1110:{MY}", f"1250:{id}", 1_000),
    }
    acknowledge(coop, id, "2026-10-04")
    assert moved(coop, f"acknowledged/{id}/3") == {(f"2220:{id}", f"1250:{id}", 2_000)}
    found = remittance(coop, id)
    assert (found.state, found.payable_minor, found.rejected_minor) == (
        "acknowledged",
        2_000,
        1_000,
    )
    assert [line.is_rejected for line in (lines(coop, id)[w1], lines(coop, id)[w2])] == [
        False,
        True,
    ]


def test_a_rejected_line_alone_is_due_again_and_declared_in_the_open_period(
    tmp_path: Path,
) -> None:
    coop, id = declared(tmp_path)
    w1, w2 = coop.local("a1"), coop.local("a2")
    send(coop, id, "2026-10-02")
    reject(coop, id, "2026-10-03", w2)
    stands = coop.store.read(lambda s: reading.status_of(s, MY, w2, "2026-07"))
    assert [(share.stands, share.amount_minor) for share in stands] == [
        ("due", 1_000),
        ("rejected", 1_000),
    ]
    again = close(coop, "2026-08", "2026-10-05")
    assert {w: line.amount_minor for w, line in lines(coop, again.id).items()} == {w2: 1_000}
    stands = coop.store.read(lambda s: reading.status_of(s, MY, w1, "2026-07"))
    assert [(share.stands, share.remittance) for share in stands] == [("sent", id)]
    coop.store.read(lambda s: stand(coop, s, coop.schemes[0]))


def test_a_whole_remittance_may_come_back_and_every_line_is_due_again(tmp_path: Path) -> None:
    coop, id = declared(tmp_path)
    send(coop, id, "2026-10-02")
    before = coop.balances()
    reject(coop, id, "2026-10-03")
    found = coop.balances()
    assert found[f"1110:{MY}"] == before.get(f"1110:{MY}", 0) + 3_000
    assert not any(account.startswith(("1250", "2220")) for account in found)
    with pytest.raises(Declined, match="rejected already"):
        send(coop, id, "2026-10-04")
    assert close(coop, "2026-08", "2026-10-05").amount_minor == 3_000


@pytest.mark.parametrize(
    ("do", "says"),
    [
        (lambda coop, id: acknowledge(coop, id, "2026-10-02"), "only what was sent"),
        (lambda coop, id: send(coop, f"{id}0", "2026-10-02"), "no remittance"),
        (lambda coop, id: send(coop, id, "2026-09-02"), "declared later"),
        (lambda coop, id: reject(coop, id, "2026-10-02", "w-nobody"), "no line of w-nobody"),
    ],
)
def test_a_step_that_cannot_be_is_refused_and_writes_nothing(
    tmp_path: Path, do: Any, says: str
) -> None:
    coop, id = declared(tmp_path)
    before = coop.balances(), coop.count("remittance_event"), coop.count("entry")
    with pytest.raises(Declined, match=says):
        do(coop, id)
    assert (coop.balances(), coop.count("remittance_event"), coop.count("entry")) == before


def test_money_that_is_not_on_the_trust_account_is_not_sent(tmp_path: Path) -> None:
    coop = coop_of(tmp_path)
    job(coop, "o1", 160_000, "2026-07-10")
    id = close(coop, "2026-07", "2026-08-01").id
    before = coop.balances()
    with pytest.raises(Declined, match=r"holds 0.00 MYR.*20.00 MYR.*trust-sweep"):
        send(coop, id, "2026-08-02")
    assert coop.balances() == before
    sweep(coop, "2026-08-02")
    assert send(coop, id, "2026-08-02").state == "sent"
    with pytest.raises(Declined, match="sent already"):
        send(coop, id, "2026-08-03")


def test_another_amount_than_was_sent_is_no_acknowledgement(tmp_path: Path) -> None:
    coop, id = declared(tmp_path)
    send(coop, id, "2026-10-02")
    with pytest.raises(Declined, match=r"30.00 MYR was sent, the institution says 29.00"):
        acknowledge(coop, id, "2026-10-03", 2_900)
    assert acknowledge(coop, id, "2026-10-03", 3_000).state == "acknowledged"


def test_late_interest_is_the_cooperatives_and_sent_with_the_rest(tmp_path: Path) -> None:
    """1.95 due 7 October, paid 30 days late at 12 % a year: 0.0192 -> 0.02."""
    coop, id = declared(tmp_path, KA, "FY2026-27Q2")
    found = remittance(coop, id)
    assert found.amount_minor == 200  # 1.00 each: the cap of a four-wheeler
    assert found.due_day is not None
    late = found.due_day.replace(month=found.due_day.month + 1)
    worker_pay = {k: v for k, v in coop.balances().items() if k.startswith("2100")}
    coop.store.transact_now(
        lambda s: states.add_interest(s, load(KA), id, step("2026-11-10"), late)
    )
    assert coop.balances()["5010"] == round(200 * 0.12 * (late - found.due_day).days / 365)
    assert {k: v for k, v in coop.balances().items() if k.startswith("2100")} == worker_pay
    with pytest.raises(Declined, match="no interest until"):
        coop.store.transact_now(
            lambda s: states.add_interest(s, load(KA), id, step("2026-11-11"), late)
        )
    send(coop, id, "2026-11-12")
    assert moved(coop, f"sent/{id}/2") == {
        ("1110:" + KA, "1100", 202),
        (f"1250:{id}", "1110:" + KA, 202),
    }


def test_interest_without_a_rule_is_as_the_institution_billed_it(tmp_path: Path) -> None:
    coop, id = declared(tmp_path)
    with pytest.raises(Declined, match="as it was billed"):
        coop.store.transact_now(
            lambda s: states.add_interest(s, load(MY), id, step("2026-10-02"), date(2026, 10, 2))
        )
    coop.store.transact_now(
        lambda s: states.add_interest(s, load(MY), id, step("2026-10-02"), date(2026, 10, 2), 150)
    )
    assert remittance(coop, id).payable_minor == 3_150


def test_of_two_bearers_each_pays_its_own_part_and_the_trust_account_holds_the_workers(
    tmp_path: Path,
) -> None:
    coop, id = declared(tmp_path, SG)
    found = remittance(coop, id)
    assert found.worker_minor
    assert found.cooperative_minor
    held = coop.balances()[f"1110:{SG}"]
    assert held == found.worker_minor
    send(coop, id, "2026-10-02")
    assert moved(coop, f"sent/{id}/1") == {
        (f"1110:{SG}", "1100", found.cooperative_minor),
        (f"1250:{id}", f"1110:{SG}", found.amount_minor),
    }
    reject(coop, id, "2026-10-03", coop.local("a1"))
    assert coop.balances()[f"1110:{SG}"] == lines(coop, id)[coop.local("a1")].worker_minor


def test_excess_goes_on_or_back_as_the_worker_chose(tmp_path: Path) -> None:
    chose = Person(plans=((date(2026, 6, 1), "1"),))
    coop = coop_of(tmp_path, MY, person=lambda s, w, p: chose)
    job(coop, "o1", 160_000, "2026-07-10")
    close(coop, "2026-07", "2026-08-01")
    worker, scheme = coop.local("a1"), coop.schemes[0]

    def decide(choice: Any, reference: str, amount: int | None = None) -> str:
        return coop.store.transact_now(
            lambda s: excess.decide(
                s, scheme, worker, choice, reference=reference, by="desk-1",
                now=at("2026-08-05"), amount_minor=amount,
            )
        )  # fmt: skip

    pay = coop.balances()[f"2100:{worker}"]
    decide("back", "c-1", 190)
    assert coop.balances()[f"2100:{worker}"] == pay + 190
    decide("back", "c-1", 190)  # the same paper again posts nothing
    assert coop.balances()[f"2100:{worker}"] == pay + 190
    decide("next", "c-2")
    assert f"2240:{MY}:{worker}" not in coop.balances()
    with pytest.raises(Declined, match="not within"):
        decide("back", "c-3")
    job(coop, "o2", 40_000, "2026-08-06")  # 5.00 beside the 5.00 that came over
    assert close(coop, "2026-08", "2026-09-01").amount_minor == 1_000
    coop.store.read(lambda s: stand(coop, s, scheme))


MOVES = st.lists(
    st.one_of(
        st.tuples(st.just("job"), st.integers(1, 60), st.integers(0, 2)),
        st.tuples(st.just("refund"), st.integers(0, 9), st.integers(1, 20)),
        st.tuples(
            st.sampled_from(
                ["sweep", "close", "send", "acknowledge", "reject", "reject one", "interest"]
            ),
            st.integers(0, 3),
            st.integers(0, 2),
        ),
        st.tuples(st.sampled_from(["next", "back"]), st.integers(0, 2), st.integers(1, 400)),
    ),
    min_size=6,
    max_size=18,
)
SCHEMES = [
    load(SG),
    replace(load(MY), after_remittance="institution_credit"),
    load(MY),
    replace(load(KA), after_remittance="institution_credit", period="month"),
    replace(load(SG), after_remittance="institution_credit"),
]
CHOSE = replace(YOUNG, plans=((date(2026, 6, 1), "1"),))


class Year:
    """Months going by under random moves, each at its own day."""

    def __init__(self, coop: Coop) -> None:
        self.coop, self.scheme, self.month, self.n = coop, coop.schemes[0], 7, 0
        self.stories: list[Any] = []

    @property
    def day(self) -> str:
        return f"2026-{self.month:02d}-{2 + self.n % 26:02d}"

    def move(self, kind: str, a: int, b: int) -> None:
        self.n += 1
        try:
            self._do(kind, a, b)
        except Declined:
            return

    def _do(self, kind: str, a: int, b: int) -> None:
        coop, day = self.coop, self.day
        ids = [each.id for each in coop.store.read(reading.remittances)]
        id = ids[a % len(ids)] if ids else ""
        if kind == "job":
            self.stories.append([job(coop, f"o{self.n}", a * 3_000, day, agent=f"a{b}"), a * 3_000])
        elif kind == "refund" and self.stories:
            found = self.stories[a % len(self.stories)]
            minor = min(found[1], b * 2_000)
            if minor:
                found[1] -= minor
                refund(coop, found[0], minor, day)
        elif kind == "sweep":
            sweep(coop, day)
        elif kind == "close" and self.month < 12:
            self.month += 1
            close(coop, f"2026-{self.month - 1:02d}", self.day)
        elif kind == "send" and id:
            send(coop, id, day)
        elif kind == "acknowledge" and id:
            acknowledge(coop, id, day)
        elif kind.startswith("reject") and id:
            some = sorted(lines(coop, id))
            reject(coop, id, day, some[b % len(some)] if "one" in kind and some else None)
        elif kind == "interest" and id:
            coop.store.transact_now(
                lambda s: states.add_interest(
                    s, self.scheme, id, step(day), date(2027, 1, 1), b + 1
                )
            )
        elif kind in ("next", "back"):
            coop.store.transact_now(
                lambda s: excess.decide(
                    s, self.scheme, coop.local(f"a{a}"), kind,  # type: ignore[arg-type]
                    reference=f"c{self.n}", by="desk-1", now=at(day),
                )
            ) if f"a{a}" in {each[0].agent_id for each in self.stories} else None  # fmt: skip


@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda s: f"{s.id} {s.after_remittance}")
@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moves=MOVES)
def test_the_trust_account_knows_the_cooperatives_own_share_at_every_step(
    tmp_path_factory: pytest.TempPathFactory, scheme: Scheme, moves: list[tuple[str, int, int]]
) -> None:
    """What must lie there is known twice: from the transfers alone, and from the lines alone."""
    coop = Coop(
        tmp_path_factory.mktemp("coop"), (scheme,), commission_rate="0",
        person=lambda s, w, p: CHOSE,
    )  # fmt: skip
    year = Year(coop)
    for kind, a, b in moves:
        year.move(kind, a, b)
        coop.store.read(lambda s: stand(coop, s, scheme))
        found = coop.store.read(
            lambda s: trust.of_scheme(s, scheme.id, scheme.currency, at(year.day))
        )
        own = coop.store.read(lambda s: own_part(s, scheme))
        assert found.cooperative_minor == own, (kind, a, b)
        owed = found.due_minor + found.declared_minor + found.excess_minor
        assert owed - found.in_transit_minor - own >= 0
        assert found.held_minor >= 0
        for debit, credit in coop.store.read(balances.sums).values():
            assert debit == credit


def test_interest_that_was_sent_comes_back_with_a_whole_rejection_and_is_owed_no_more(
    tmp_path: Path,
) -> None:
    """30.00 with 1.50 of interest: 30.00 of the workers' stays on 1110, 1.50 goes back to 1100."""
    coop, id = declared(tmp_path)
    before = coop.balances()
    coop.store.transact_now(
        lambda s: states.add_interest(s, load(MY), id, step("2026-10-02"), date(2026, 10, 2), 150)
    )
    send(coop, id, "2026-10-03")
    reject(coop, id, "2026-10-04", coop.local("a2"))
    reject(coop, id, "2026-10-05")
    found = coop.balances()
    assert not any(account.startswith(("1250", "2220", "5010")) for account in found)
    assert (found[f"1110:{MY}"], found["1100"]) == (before[f"1110:{MY}"], before["1100"])


def test_a_trust_account_that_lacks_one_cent_sends_nothing(tmp_path: Path) -> None:
    coop, id = declared(tmp_path)
    taken = Entry(
        "charge/1", at("2026-10-02"), "charge", None, None, None, "MYR",
        move(chart.goodwill_refunds(), chart.contribution_trust_bank(MY), 1),
    )  # fmt: skip
    coop.store.transact_now(lambda s: journal.post(s, taken))
    with pytest.raises(Declined, match=r"holds 29.99 MYR.*is 30.00 MYR"):
        send(coop, id, "2026-10-03")
    assert coop.count("remittance_event") == 0


def test_interest_billed_after_it_was_sent_is_sent_alone_and_out_of_the_bank(
    tmp_path: Path,
) -> None:
    """The workers' trust money is not touched a second time."""
    coop, id = declared(tmp_path)
    send(coop, id, "2026-10-02")
    held = coop.balances().get(f"1110:{MY}", 0)
    coop.store.transact_now(
        lambda s: states.add_interest(s, load(MY), id, step("2026-10-03"), date(2026, 10, 3), 150)
    )
    send(coop, id, "2026-10-04")
    assert moved(coop, f"sent/{id}/3") == {
        (f"1110:{MY}", "1100", 150),
        (f"1250:{id}", f"1110:{MY}", 150),
    }
    assert coop.balances().get(f"1110:{MY}", 0) == held


def test_what_came_back_bears_no_interest(tmp_path: Path) -> None:
    coop, id = declared(tmp_path, replace(load(KA), after_remittance="claim"), "FY2026-27Q2")
    reject(coop, id, "2026-10-02", coop.local("a2"))
    found = remittance(coop, id)
    assert found.due_day is not None
    late = found.due_day.replace(year=found.due_day.year + 1)
    whole = states.interest_minor(load(KA), replace(found, events=()), late)
    assert (whole, states.interest_minor(load(KA), found, late)) == (24, 12)
