"""Agents' commission: on acknowledged batches, beside the money of the workers, taken back by
reckoning the batch anew."""

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bpp.declined import Declined
from bpp.insurance import cash
from bpp.insurance.agents import attribution, commission, quality, record, requests
from bpp.insurance.agents.commission import Batch
from bpp.insurance.agents.filing import Filer
from bpp.insurance.engine import closing
from bpp.insurance.remittance import states
from bpp.insurance.remittance.states import Step
from bpp.ledger.money_facts import MoneyFact, NotPosted
from protocol_specs.wire.keys import b64encode, generate_signing_key
from protocol_specs.wire.values import replace
from tests.bpp.insurance.agents.support import COOP
from tests.bpp.insurance.remittance.support import at, close, job, refund, sweep
from tests.bpp.insurance.support import MY, Coop, Story, load

JULY = f"{MY}/2026-07/1"
INSTITUTION = generate_signing_key()


def coop_of(folder: Path, after_remittance: Any = "institution_credit") -> Coop:
    scheme = replace(load(MY), after_remittance=after_remittance)
    return Coop(folder, (scheme,), commission_rate="0")


@pytest.fixture
def coop(tmp_path: Path) -> Coop:
    return coop_of(tmp_path)


def file_of(id: str = COOP, **changes: Any) -> dict[str, Any]:
    agent = {
        "id": id,
        "name": "An agent",
        "scheme": MY,
        "first_day": "2026-01-01",
        "last_day": "2026-12-31",
    }
    return {"agent": {**agent, **changes}}


def add_agent(coop: Coop, id: str = COOP, **changes: Any) -> attribution.Agent:
    return coop.store.transact_now(
        lambda s: attribution.add_agent(
            s, file_of(id, **changes), institution_key=None, by="desk-1", now=at("2026-06-01")
        )
    )


def claim(coop: Coop, worker: str, agent: str = COOP, day: str = "2026-07-15") -> Any:
    return coop.store.transact_now(
        lambda s: attribution.claim(s, MY, worker, agent, day=_date(day), by="desk-1", now=at(day))
    )


def release(coop: Coop, worker: str, day: str) -> Any:
    return coop.store.transact_now(
        lambda s: attribution.release(s, MY, worker, day=_date(day), by="worker", now=at(day))
    )


def _date(text: str) -> date:
    return date.fromisoformat(text)


def step(day: str, id: str = "r-1") -> Step:
    return Step("p-7", id, at(day), filer=Filer(COOP, at(day)))


def remitted(coop: Coop) -> None:
    """July closed and sent, not yet acknowledged."""
    close(coop, "2026-07", "2026-08-03")
    sweep(coop, "2026-08-03")
    coop.store.transact_now(lambda s: states.send(s, JULY, step("2026-08-04")))


def acknowledge(coop: Coop) -> None:
    coop.store.transact_now(lambda s: states.acknowledge(s, JULY, step("2026-08-05")))


def reckon(coop: Coop, day: str) -> list[Batch]:
    return coop.store.transact_now(lambda s: commission.settle(s, JULY, COOP, at(day)))


def newest(coop: Coop) -> list[Batch]:
    return coop.store.read(commission.newest)


def hundred(coop: Coop, agent: str = COOP) -> list[Story]:
    """A hundred workers of one agent, each with 13.10 in July."""
    add_agent(coop, agent)
    stories = [job(coop, f"o{n}", 104_800, "2026-07-10", f"a{n}") for n in range(100)]
    for n in range(100):
        claim(coop, f"a{n}", agent)
    remitted(coop)
    return stories


def test_a_hundred_workers_are_one_batch_and_one_reversed_is_reckoned_anew(coop: Coop) -> None:
    stories = hundred(coop)
    assert coop.count("agent_batch") == 0
    assert "1270" not in coop.balances()
    acknowledge(coop)
    (batch,) = newest(coop)
    assert (batch.workers, batch.batch_minor, batch.commission_minor) == (100, 131_000, 6550)
    assert batch.verified is False
    assert {k: v for k, v in coop.balances().items() if k in ("1270", "4100")} == {
        "1270": 6550,
        "4100": 6550,
    }
    refund(coop, stories[0], 104_800, "2026-08-20")
    (again,) = reckon(coop, "2026-08-21")
    assert (again.n, again.workers, again.commission_minor) == (2, 99, 6485)
    assert again.commission_minor == closing.commission(129_690, Decimal("0.05"))
    assert coop.balances()["1270"] == coop.balances()["4100"] == 6485
    assert reckon(coop, "2026-08-22") == []
    assert coop.count("agent_batch") == 2


def test_the_remittance_is_whole_and_its_accounts_know_nothing_of_a_commission(
    tmp_path: Path,
) -> None:
    with_agent, without = coop_of(tmp_path / "with"), coop_of(tmp_path / "without")
    for coop in (with_agent, without):
        job(coop, "one", 104_800, "2026-07-10")
    add_agent(with_agent)
    claim(with_agent, "a1")
    for coop in (with_agent, without):
        remitted(coop)
        acknowledge(coop)
    stands = with_agent.balances()
    assert (stands.pop("1270"), stands.pop("4100")) == (66, 66)  # 0.655 half up

    def by_number(balances: dict[str, int]) -> list[tuple[str, int]]:
        return sorted((account.partition(":")[0], minor) for account, minor in balances.items())

    assert by_number(stands) == by_number(without.balances())


def test_somebody_elses_commission_is_told_and_never_posted(coop: Coop) -> None:
    job(coop, "one", 104_800, "2026-07-10")
    add_agent(coop, "union-7")
    claim(coop, "a1", "union-7")
    remitted(coop)
    acknowledge(coop)
    (batch,) = newest(coop)
    assert (batch.agent, batch.commission_minor, batch.entry) == ("union-7", 66, None)
    assert not {"1270", "4100"} & coop.balances().keys()


def test_a_partial_reversal_takes_back_in_proportion_and_the_credit_used_later_counts(
    coop: Coop,
) -> None:
    story = job(coop, "one", 104_800, "2026-07-10")
    add_agent(coop)
    claim(coop, "a1")
    remitted(coop)
    acknowledge(coop)
    refund(coop, story, 52_400, "2026-08-20")
    (again,) = reckon(coop, "2026-08-21")
    assert (again.batch_minor, again.commission_minor) == (655, 33)
    job(coop, "two", 104_800, "2026-08-25")
    august = close(coop, "2026-08", "2026-09-02")
    assert august.amount_minor == 655  # half was paid with the credit
    found = coop.store.read(lambda s: commission.batches(s, august))
    assert found == {COOP: (1, 1310, Decimal("0.05"))}


def test_where_the_institution_gives_nothing_back_the_commission_stays(tmp_path: Path) -> None:
    coop = coop_of(tmp_path, "none")
    story = job(coop, "one", 104_800, "2026-07-10")
    add_agent(coop)
    claim(coop, "a1")
    remitted(coop)
    acknowledge(coop)
    refund(coop, story, 104_800, "2026-08-20")
    assert reckon(coop, "2026-08-21") == []
    assert coop.balances()["1270"] == 66


def test_what_the_institution_rejects_before_it_acknowledges_earns_nothing(coop: Coop) -> None:
    for agent in ("a1", "a2"):
        job(coop, agent, 104_800, "2026-07-10", agent)
    add_agent(coop)
    claim(coop, "a1")
    claim(coop, "a2")
    remitted(coop)
    worker = coop.local("a1")
    coop.store.transact_now(lambda s: states.reject(s, JULY, step("2026-08-05"), worker))
    assert coop.count("agent_batch") == 0
    acknowledge(coop)
    (batch,) = newest(coop)
    assert (batch.workers, batch.batch_minor) == (1, 1310)


def test_a_worker_is_one_agents_alone_until_they_leave_which_is_free_at_any_time(
    coop: Coop,
) -> None:
    job(coop, "one", 104_800, "2026-07-10")
    add_agent(coop, "first")
    add_agent(coop, "second")
    claim(coop, "a1", "first")
    for again in ("first", "second"):
        with pytest.raises(Declined, match="registered by first until"):
            claim(coop, "a1", again, "2026-07-16")
    assert coop.count("agent_attribution") == 1
    release(coop, "a1", "2026-07-16")
    assert claim(coop, "a1", "second", "2026-07-16").agent == "second"
    day = _date("2026-07-31")
    found = coop.store.read(lambda s: commission.attributed(s, MY, day))
    assert found == {coop.local("a1"): "second"}
    with pytest.raises(Declined, match="nobody is known by a9"):
        claim(coop, "a9", "first")


def test_a_registration_ends_by_itself_after_its_days(coop: Coop) -> None:
    job(coop, "one", 104_800, "2026-07-10")
    add_agent(coop, "first", attribution_days=30)
    add_agent(coop, "second")
    assert claim(coop, "a1", "first").last_day == _date("2026-08-14")
    with pytest.raises(Declined, match="until 2026-08-14"):
        claim(coop, "a1", "second", "2026-08-14")
    assert claim(coop, "a1", "second", "2026-08-15").agent == "second"


def test_an_agent_turns_nobody_away_but_for_a_reason_that_is_not_their_earnings(
    coop: Coop,
) -> None:
    job(coop, "one", 104_800, "2026-07-10")
    add_agent(coop, "first")

    def refuse(reason: str) -> Any:
        return coop.store.transact_now(
            lambda s: attribution.refuse(
                s, MY, "a1", "first", reason=reason, day=_date("2026-07-15"), by="d", now=1
            )
        )

    for reason in ("", "earns_too_little"):
        with pytest.raises(Declined, match="takes every eligible worker"):
            refuse(reason)
    assert coop.count("agent_attribution") == 0
    assert refuse("not_eligible").kind == "refused"
    assert claim(coop, "a1", "first").n == 2  # a refusal is nobody's registration


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"rate": "0.05 to 0.10"}, "/agent/rate"),
        ({"brackets": [1, 2]}, "/agent/brackets"),  # a rate that rises with income has no place
        ({"last_day": "2025-12-31"}, "before it begins"),
    ],
)
def test_a_record_with_one_thing_wrong_is_refused(
    coop: Coop, change: dict[str, Any], why: str
) -> None:
    with pytest.raises(Declined, match=why):
        add_agent(coop, **change)
    assert coop.count("protection_agent") == 0


def test_a_record_is_verified_only_by_the_key_of_its_institution(coop: Coop) -> None:
    key = b64encode(INSTITUTION.public)

    def add(file: dict[str, Any], known: str | None) -> attribution.Agent:
        return coop.store.transact_now(
            lambda s: attribution.add_agent(s, file, institution_key=known, by="d", now=1)
        )

    def signed_by(signer: Any, id: str) -> dict[str, Any]:
        file = record.sign(record.read(file_of(id)), signer)
        found: dict[str, Any] = file.model_dump(mode="json")
        return found

    assert add(file_of("plain"), None).is_verified is False
    assert add(signed_by(INSTITUTION, "signed"), key).is_verified is True
    for file, known, why in (
        (file_of("x"), key, "not signed by the institution"),
        (signed_by(generate_signing_key(), "x"), key, "does not hold"),
        (signed_by(INSTITUTION, "x"), None, "institution_keys"),
    ):
        with pytest.raises(Declined, match=why):
            add(file, known)
    assert coop.count("protection_agent") == 2


def test_a_late_remittance_and_a_rejected_line_change_the_record_of_whoever_filed(
    coop: Coop,
) -> None:
    for agent in ("a1", "a2"):
        job(coop, agent, 104_800, "2026-07-10", agent)
    add_agent(coop, "first")
    claim(coop, "a1", "first")
    found = close(coop, "2026-07", "2026-08-03")
    sweep(coop, "2026-08-03")
    coop.store.transact_now(lambda s: states.send(s, JULY, step("2026-10-01")))
    before, agent = coop.store.read(quality.records)
    assert (before["agent"], before["remittances"], before["days_to_remit"]) == (COOP, 1, 62)
    assert before["late"] == (found.due_day is not None)
    assert (before["error_rate"], agent["error_rate"]) == ("0.0000", "0.0000")
    worker = coop.local("a1")
    coop.store.transact_now(lambda s: states.reject(s, JULY, step("2026-10-02"), worker))
    after, agent = coop.store.read(quality.records)
    assert (after["error_rate"], after["rejected_lines"], after["lines"]) == ("0.5000", 1, 2)
    assert (agent["agent"], agent["error_rate"], agent["registered"]) == ("first", "1.0000", 1)


def test_the_loop_finds_what_came_back_by_itself(coop: Coop) -> None:
    story = job(coop, "one", 104_800, "2026-07-10")
    add_agent(coop)
    claim(coop, "a1")
    remitted(coop)
    acknowledge(coop)
    refund(coop, story, 104_800, "2026-08-20")
    now = at("2026-08-21")
    assert coop.store.transact_now(lambda s: commission.settle_next(s, COOP, "", now)) == JULY
    assert coop.store.transact_now(lambda s: commission.settle_next(s, COOP, JULY, now)) == ""
    assert newest(coop)[0].commission_minor == 0
    assert "1270" not in coop.balances()


def go_to(coop: Coop, agent: str | None, day: str) -> list[str]:
    """What a worker does alone, from their phone."""
    found = coop.store.transact_now(lambda s: requests.own_agent(s, MY, "a1", agent, at(day)))
    return [each["kind"] for each in found["steps"]]


def test_a_worker_leaves_also_after_another_agent_refused_them(coop: Coop) -> None:
    job(coop, "one", 2000, "2026-07-10")
    add_agent(coop, "first")
    add_agent(coop, "second")
    claim(coop, "a1", "first")
    coop.store.transact_now(
        lambda s: attribution.refuse(
            s, MY, "a1", "second", reason="no_identity", day=_date("2026-07-16"), by="d", now=1
        )
    )
    assert go_to(coop, None, "2026-07-17") == ["released"]
    assert go_to(coop, None, "2026-07-17") == []


def test_a_worker_whose_registration_ended_goes_to_another_agent(coop: Coop) -> None:
    job(coop, "one", 2000, "2026-07-10")
    add_agent(coop, "first", attribution_days=1)
    add_agent(coop, "second")
    claim(coop, "a1", "first")
    assert go_to(coop, "second", "2026-07-30") == ["claimed"]
    assert go_to(coop, "first", "2026-07-30") == ["released", "claimed"]


def test_what_the_institution_pays_of_a_commission_is_a_money_fact(coop: Coop) -> None:
    hundred(coop)
    acknowledge(coop)
    earned = newest(coop)[0].commission_minor
    limit = cash.Limit(None, "MYR")

    def receive(minor: int) -> bool:
        fact = MoneyFact("agent-commission-received", f"r{minor}", "d", "MYR", minor, 1)
        return coop.store.transact_now(lambda s: cash.record(s, limit, fact, at("2026-09-01")))

    with pytest.raises(NotPosted, match="1270"):
        receive(earned + 1)
    assert receive(earned)
    assert "1270" not in coop.balances()


@pytest.mark.parametrize("change", [{"rate": "0.\u0660\u0665"}, {"first_day": "\uff12026-01-01"}])
def test_digits_are_those_of_ascii(coop: Coop, change: dict[str, Any]) -> None:
    with pytest.raises(Declined, match="should match pattern"):
        add_agent(coop, **change)
