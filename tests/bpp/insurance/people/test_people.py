"""Workers at the books: identity kept sealed, notices before deductions, consent, categories."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from bpp.declined import Declined
from bpp.fleet import roster
from bpp.fleet.workers import DriverEntry, VehicleEntry
from bpp.insurance.figures import Rate
from bpp.insurance.people import csv_import, erasing, identity, listing, notice, reading, writing
from bpp.insurance.people.asked import (
    About,
    Agreed,
    BoughtPlan,
    Chosen,
    Declared,
    Enrolment,
    Numbered,
    OptedIn,
    Told,
)
from bpp.insurance.people.gate import PeopleGate, why_not
from bpp.insurance.people.record import Fact, Record, fold
from bpp.insurance.people.tables import TRIGGERS
from bpp.insurance.people.writing import People
from bpp.insurance.scheme_file import load, shipped
from bpp.ledger import chart, journal
from bpp.ledger.entry import Entry, move
from bpp.orders import store
from bpp.orders.extension import JobTerms
from protocol_specs.wire.order import Vehicle
from protocol_specs.wire.values import replace
from tests.bpp.factories import an_order, office
from tests.bpp.insurance.support import KA, MY, NOON, Coop, Story, fare_of
from tests.support.databases import reader_of, run_sql

SG = "sg.cpf.platform"
PLANS = "my.perkeso.act789"
PRIVATE, PUBLIC = identity.new_pair()
TERMS = JobTerms("ride", "CAB", "nic2004:60221", "std:03", "coop")
MYKAD = "880512-14-5566"
DAY_S = 86_400


class PeoplesCoop(Coop):
    """Books with drivers D1 and D2, and their people behind the gate."""

    people: People
    heard: list[tuple[str, str, str]]


def coop(folder: Path, *names: str, options: Any = None) -> PeoplesCoop:
    schemes = tuple(load(name) for name in names)
    keys = identity.IdentityKeys(identity.key_of(PUBLIC), b"s" * 32)
    made = PeoplesCoop(folder, schemes, "0.20", options=options, person=reading.person)
    made.people = People(
        {each.id: each for each in schemes}, "Coop, +60", "Asia/Kuala_Lumpur", keys
    )
    made.heard = []
    gate = PeopleGate("Coop, +60", lambda: NOON, lambda *said: made.heard.append(said))
    made.insurance = replace(made.insurance, keeper=replace(made.insurance.keeper, gate=gate))
    vehicle = VehicleEntry("W 1", "CAB")
    entries = [DriverEntry(code, "Aminah", "60131112222", "W 1") for code in ("D1", "D2")]
    made.store.transact_now(lambda session: roster.put_vehicle(session, vehicle))
    for entry in entries:
        made.store.transact_now(lambda session, e=entry: roster.put_driver(session, e))
    for trigger in TRIGGERS:  # beside those of ledger and insurance that the books have
        run_sql(made.store, trigger)
    return made


def agent(there: PeoplesCoop, code: str = "D1") -> str:
    found = there.store.read(roster.everybody)
    return next(worker.agent_id for worker, _ in found if worker.code == code)


def do(there: PeoplesCoop, write: Any, body: Any, at: int = NOON) -> dict[str, Any]:
    done: dict[str, Any] = there.store.transact_now(
        lambda session: write(session, there.people, body, at)
    )
    return done


def about(code: str = "D1") -> dict[str, str]:
    return {"worker": code, "by": "desk-1"}


def enrolment(code: str = "D1", **changes: Any) -> Enrolment:
    given_ = {"identity_kind": "mykad", "identity": MYKAD, "born": "1988-05-12", "sector": "ride"}
    return Enrolment.model_validate({**about(code), **given_, **changes})


def declare(there: PeoplesCoop, category: str = "self_employed", **changes: Any) -> None:
    said = {"category": category, "residency": "citizen", "day": "2020-01-01", "source": "told"}
    do(there, writing.declare, Declared.model_validate({**about(), **said, **changes}))


def tell(there: PeoplesCoop, scheme: str = MY, at: int = NOON, language: str = "en") -> None:
    do(there, writing.tell, Told(**about(), scheme=scheme, language=language, how="paper"), at)


def agree(there: PeoplesCoop, yes: bool = True, at: int = NOON) -> None:
    body = Agreed(**about(), scheme=MY, agree=yes, how="paper", reference="file 7")
    do(there, writing.agree, body, at)


def ready(there: PeoplesCoop) -> None:
    declare(there)
    tell(there)
    agree(there)


def ride(
    there: PeoplesCoop, key: str, at: int = NOON + 60, currency: str = "MYR", fare: int = 10_000
) -> Story:
    lines = fare_of(fare)
    return Story(key=key, agent_id=agent(there), lines=lines, currency=currency, at=at)


def due(there: PeoplesCoop, scheme: str = MY) -> int:
    return sum(v for name, v in there.balances().items() if name.startswith(f"2210:{scheme}"))


def complete(there: PeoplesCoop, story: Story) -> None:
    there.happen(story.event("confirmed"), story.event("completed"))


def reasons(there: PeoplesCoop) -> list[Any]:
    from bpp.insurance import reading as slips

    found = there.store.read(lambda session: slips.slips_of(session, agent(there)))
    return [slip["reason"] for slip in found]


def objection(there: PeoplesCoop, code: str = "D1") -> str | None:
    who = agent(there, code)
    return there.store.read(lambda session: there.insurance.passes_over(session, who, TERMS))


# --- identity


@pytest.mark.parametrize(
    ("kind", "number"),
    [
        ("mykad", "880512-14-5566"),
        ("aadhaar", "2341 2341 2346"),
        ("uan", "1234-5678-9012"),
        ("nik", "3171011708450001"),
        ("ric", "360426199101010071"),
        ("nric", "S1234567D"),
        ("nric", "T1234567J"),
        ("nric", "F1234567N"),
        ("nric", "G1234567X"),
        ("nric", "M1234567K"),
    ],
)
def test_a_number_by_its_countrys_rule_is_taken(kind: str, number: str) -> None:
    assert identity.check(kind, number).number == number.replace("-", "").replace(" ", "")


@pytest.mark.parametrize(
    ("kind", "number", "why"),
    [
        ("mykad", "880512-14-556", "another number of characters"),
        ("mykad", "881312-14-5566", "day of birth or the place"),
        ("mykad", "880512-17-5566", "day of birth or the place"),
        ("mykad", "８８０５１２145566", "characters that are not allowed"),
        ("aadhaar", "234123412347", "check digit"),
        ("aadhaar", "134123412346", "characters that are not allowed"),
        ("uan", "12345678901", "another number of characters"),
        ("uan", "12345678901x", "characters that are not allowed"),
        ("nik", "9971011708450001", "day of birth or the place"),
        ("ric", "360426199101010072", "check digit"),
        ("nric", "S1234567A", "check digit"),
        ("nric", "X1234567D", "characters that are not allowed"),
        ("passport", "A1", "no kind of identity number"),
    ],
)
def test_a_number_with_one_thing_wrong_is_refused_with_the_reason_and_without_the_number(
    kind: str, number: str, why: str
) -> None:
    with pytest.raises(Declined, match=why) as refused:
        identity.check(kind, number)
    assert number not in str(refused.value)


@given(st.integers(0, 9_999_999), st.sampled_from("STFGM"))
def test_each_singapore_number_has_just_one_letter(digits: int, series: str) -> None:
    taken = 0
    for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ":
        try:
            identity.check("nric", f"{series}{digits:07}{letter}")
            taken += 1
        except Declined:
            pass
    assert taken == 1


def test_an_identity_number_is_nowhere_in_the_whole_database_and_only_the_office_opens_it(
    tmp_path: Path,
) -> None:
    there = coop(tmp_path, MY)
    worker = do(there, writing.enrol, enrolment())["worker"]
    box = there.store.read(lambda session: reading.sealed_identity(session, worker))
    assert box is not None
    assert identity.unseal(box, identity.key_of(PRIVATE)).number == "880512145566"
    with pytest.raises(Declined, match="not sealed to"):
        identity.unseal(box, identity.key_of(identity.new_pair()[0]))
    there.store.close()
    for file in tmp_path.rglob("*"):
        for raw in (b"880512145566", b"880512-14-5566", b"5566"):
            assert not file.is_file() or raw not in file.read_bytes(), file
    assert "5566" not in repr(enrolment())
    assert "5566" not in repr(identity.check("mykad", MYKAD))


def test_a_second_enrolment_of_one_identity_is_found_and_nothing_is_kept(tmp_path: Path) -> None:
    there = coop(tmp_path, MY)
    do(there, writing.enrol, enrolment())
    assert do(there, writing.enrol, enrolment())["is_new"] is False
    with pytest.raises(Declined, match="enrolled already"):
        do(there, writing.enrol, enrolment("D2", identity="880512145566"))
    assert (there.count("person"), there.count("local_worker")) == (1, 1)


def test_the_institutions_number_is_kept_apart_and_is_one_workers_only(tmp_path: Path) -> None:
    there = coop(tmp_path, MY)
    number = {"scheme": MY, "number": "SKS-1"}
    worker = do(there, writing.number, Numbered(**about(), **number))["worker"]
    with pytest.raises(Declined, match="already"):
        do(there, writing.number, Numbered(**about("D2"), **number))
    assert there.store.read(lambda s: reading.member_numbers(s, MY)) == {worker: "SKS-1"}


# --- the file of many


def test_a_file_with_faults_names_each_line_repeats_no_number_and_enrols_nobody(
    tmp_path: Path,
) -> None:
    there = coop(tmp_path, MY)
    head = "worker,identity_kind,identity,born,sector\n"
    rows = f"D1,mykad,{MYKAD},1988-05-12,ride\nD2,mykad,880512-17-5566,1988-05-12,ride\n"
    text = head + rows + "D9,mykad,770305-02-1234,1977-03-05,ride\nD2,mykad,1,x,boat\n"

    def write(given: str) -> Any:
        return there.store.transact_now(
            lambda s: csv_import.enrol_all(s, there.people, given, "desk-1", NOON, file="p.csv")
        )

    with pytest.raises(Declined) as refused:
        write(text)
    said = str(refused.value).splitlines()
    assert [line.partition(":")[0] for line in said] == [f"p.csv, line {n}" for n in (3, 4, 5)]
    assert not any(number in str(refused.value) for number in ("5566", "1234"))
    assert (there.count("person"), there.count("local_worker")) == (0, 0)
    with pytest.raises(Declined, match="line 1: unknown column 'income'"):
        write(head.replace("sector", "sector,income"))
    with pytest.raises(Declined, match="line 1: new-line character"):
        write("worker\rborn\n")
    assert write(head + rows.splitlines()[0]) == {"workers": 1, "new": 1}


# --- the notice


def test_a_file_for_which_orders_would_wait_long_is_refused_whole(tmp_path: Path) -> None:
    there = coop(tmp_path, MY)
    line = f"D1,mykad,{MYKAD},1988-05-12,ride"
    text = "\n".join(["worker,identity_kind,identity,born,sector", *([line] * 501)])
    with pytest.raises(Declined, match=r"line 502: more than 500 workers; make several files"):
        there.store.transact_now(
            lambda session: csv_import.enrol_all(session, there.people, text, "desk-1", NOON)
        )
    assert there.count("person") == 0


@pytest.mark.parametrize("name", shipped())
def test_each_scheme_has_its_notice_in_english_and_a_language_of_its_country(name: str) -> None:
    scheme = load(name)
    of_country = {"MYS": "ms", "IND": "kn", "SGP": "zh", "CHN": "zh", "IDN": "id"}
    found = notice.notices(scheme, "Coop, +60")
    assert {"en", of_country[scheme.country]} <= found.keys()
    for each in found.values():
        assert "{" not in each.text
        assert scheme.institution in each.text
        assert "Coop, +60" in each.text
        assert not scheme.sourced() or "[" in each.text or "【" in each.text  # its marks


def test_a_fee_says_that_it_is_no_cover_and_a_missing_language_is_refused() -> None:
    assert "no cover" in notice.notice(load(KA), "Coop", "en").text
    with pytest.raises(Declined, match="not written in 'ml'"):
        notice.notice(load(MY), "Coop", "ml")


def test_a_new_figure_is_a_new_version_in_every_language() -> None:
    scheme = load(MY)
    doubled = {"rate": "0.025", "from": "2025-12-31", "source": "minister", "verified": False}
    changed = replace(scheme, rate=(TypeAdapter(Rate).validate_python(doubled),))
    assert not notice.current(scheme, "Coop") & notice.current(changed, "Coop")


# --- nothing is deducted from who was not told


def test_who_was_not_told_is_passed_over_in_words_and_pays_nothing_of_a_job_given_all_the_same(
    tmp_path: Path,
) -> None:
    there = coop(tmp_path, MY)
    declare(there)
    assert "were not shown the notice" in str(objection(there))
    complete(there, ride(there, "o1"))
    assert due(there) == 0
    assert set(reasons(there)) == {"not_told"}
    assert [(scheme, why) for scheme, _, why in there.heard] == [(MY, "not_told")]
    tell(there, at=NOON + 200)
    assert "whether you agree" in str(objection(there))
    agree(there, at=NOON + 300)
    assert objection(there) is None
    complete(there, ride(there, "o2", at=NOON + 400))
    assert due(there) == 100
    assert len(there.heard) == 1


def test_what_was_settled_when_the_job_was_given_stands_whatever_comes_after(
    tmp_path: Path,
) -> None:
    there = coop(tmp_path, MY)
    ready(there)
    story = ride(there, "o1")
    there.happen(story.event("confirmed"))
    agree(there, yes=False, at=story.at + 1)
    there.happen(story.event("completed"))
    assert due(there) == 100
    complete(there, ride(there, "o2", at=story.at + 60))
    assert due(there) == 100
    assert reasons(there)[0] == "no_consent"
    assert objection(there) is None  # a no costs no work
    assert there.heard == []


def test_a_late_projection_asks_what_was_on_record_when_the_job_was_given(tmp_path: Path) -> None:
    there = coop(tmp_path, MY)
    declare(there)
    story = ride(there, "o1")
    confirmed = story.event("confirmed")
    there.record(confirmed)
    tell(there, at=confirmed.at + 10)
    agree(there, at=confirmed.at + 10)
    there.project(confirmed)
    assert due(there) == 0
    assert there.balances() == {}


def test_a_changed_notice_is_shown_again_before_the_next_job(tmp_path: Path) -> None:
    there = coop(tmp_path, MY)
    ready(there)
    assert objection(there) is None
    moved = PeopleGate("Another office", lambda: NOON, lambda *_: None)
    there.insurance = replace(there.insurance, keeper=replace(there.insurance.keeper, gate=moved))
    assert "it has changed" in str(objection(there))


def test_nobody_agrees_unread_nor_to_an_old_text_nor_where_the_law_decides(tmp_path: Path) -> None:
    there = coop(tmp_path, MY, KA)
    with pytest.raises(Declined, match="not shown"):
        agree(there)
    old = Told(**about(), scheme=MY, language="en", how="app", version="0" * 64)
    with pytest.raises(Declined, match="not the notice as it stands"):
        do(there, writing.tell, old)
    with pytest.raises(Declined, match="nothing to agree to"):
        do(there, writing.agree, Agreed(**about(), scheme=KA, agree=True, how="app"))
    assert (there.count("worker_fact"), there.count("notice_text")) == (0, 0)


def test_a_category_acts_from_its_day_and_picks_the_scheme_of_the_jobs_day(tmp_path: Path) -> None:
    there = coop(tmp_path, MY)
    ready(there)
    tomorrow = load(MY).day(NOON + DAY_S).isoformat()
    declare(there, "employee", residency=None, day=tomorrow)
    complete(there, ride(there, "o1"))
    assert due(there) == 100
    complete(there, ride(there, "o2", at=NOON + DAY_S))
    assert due(there) == 100
    assert reasons(there)[0] == "category"
    assert there.heard == []  # settled: it is not their scheme


def test_what_the_cooperative_pays_needs_no_notice_and_leaves_out_only_whom_it_is_not_for(
    tmp_path: Path,
) -> None:
    there = coop(tmp_path, KA)
    assert objection(there) is None
    complete(there, ride(there, "o1", currency="INR", fare=4_400))
    assert due(there, KA) == 35
    declare(there, "employee", residency=None)
    complete(there, ride(there, "o2", currency="INR", at=NOON + 600))
    assert due(there, KA) == 35
    assert reasons(there)[0] == "category"


def test_singapore_works_live_with_birth_date_and_opt_in(tmp_path: Path) -> None:
    there = coop(tmp_path, SG)
    declare(there)
    tell(there, SG)
    nric = {"identity_kind": "nric", "identity": "S1234567D"}
    do(there, writing.enrol, enrolment(born="1980-05-12", **nric))
    complete(there, ride(there, "o1", currency="SGD", fare=300_000))
    alone = due(there, SG)  # net 960: MediSave alone, the operator nothing
    assert not there.balances().get(f"5000:{SG}")
    body = OptedIn(**about(), scheme=SG, day=date(2026, 6, 1))
    do(there, writing.opt_in, body)
    complete(there, ride(there, "o2", currency="SGD", fare=300_000, at=NOON + 600))
    assert due(there, SG) > 2 * alone
    assert there.balances()[f"5000:{SG}"]


def test_plans_and_receipts_reach_the_engine_each_said_once(tmp_path: Path) -> None:
    there = coop(tmp_path, MY, options={"cap": "plan", "prepaid_offset": "full"})
    ready(there)
    plan = Chosen(**about(), scheme=MY, plan="2", day=date(2026, 6, 1))
    assert [do(there, writing.choose, plan)["is_new"] for _ in range(2)] == [True, False]
    bought = {"plan": "1", "first_month": "2026-01", "months": 12, "receipt": "r-1"}
    for is_seen in (False, True):
        body = {**about(), "scheme": MY, **bought, "is_seen": is_seen}
        do(there, writing.buy, BoughtPlan.model_validate(body))
    complete(there, ride(there, "o1", fare=1_000_000))
    assert due(there) == 1_940 - 1_310
    with pytest.raises(Declined, match="no plan '9'"):
        do(there, writing.choose, plan.model_copy(update={"plan": "9"}))


@given(st.lists(st.tuples(st.sampled_from(["consent", "withdrawal", "notice"]), st.integers(0, 9))))
def test_the_gate_opens_only_with_a_current_notice_and_a_standing_yes(
    said: list[tuple[Any, int]],
) -> None:
    scheme = replace(load(MY), categories=(), residencies=())
    day = date(2026, 7, 1)
    facts = [Fact(kind, MY, day, "v" if n else "old", {}, n, "x") for kind, n in said]
    why = why_not(scheme, fold(facts), {"v"}, day)
    notices = [fact for fact in facts if fact.kind == "notice"]
    answers = [fact for fact in facts if fact.kind != "notice"]
    told = bool(notices) and notices[-1].value == "v"
    yes = bool(answers) and answers[-1].kind == "consent"
    assert why == ("not_told" if not told else None if yes else "no_consent")
    assert why_not(scheme, Record(), {"v"}, day) == "not_told"


# --- proof and erasure


def test_proof_of_notices_gives_the_exact_text_and_cannot_be_changed_or_removed(
    tmp_path: Path,
) -> None:
    there = coop(tmp_path, MY)
    tell(there, language="ms")
    (proof,) = there.store.read(listing.proofs)
    expected = notice.notice(load(MY), "Coop, +60", "ms")
    assert (proof["text"], proof["version"]) == (expected.text, expected.sha256)
    assert (proof["language"], proof["how"], proof["by"]) == ("ms", "paper", "desk-1")
    for change in ("DELETE FROM worker_fact", "UPDATE worker_fact SET by = 'x'"):
        with pytest.raises(Exception, match="append-only"):
            run_sql(there.store, change)


def test_unregistered_names_workers_with_jobs_and_what_lacks(tmp_path: Path) -> None:
    there = coop(tmp_path, MY)
    ready(there)
    complete(there, ride(there, "o1"))
    (found,) = there.store.read(listing.unregistered)
    assert (found["code"], found["jobs"]) == ("D1", 1)
    assert found["lacks"] == ["enrolment", "member number"]
    do(there, writing.enrol, enrolment())
    do(there, writing.number, Numbered(**about(), scheme=MY, number="SKS-1"))
    assert there.store.read(listing.unregistered) == []


def test_a_person_is_erased_only_once_gone_settled_and_past_the_schemes_term(
    tmp_path: Path,
) -> None:
    there = coop(tmp_path, MY)
    ready(there)
    do(there, writing.enrol, enrolment())
    complete(there, ride(there, "o1", fare=40))  # 32 of pay: a contribution of nothing
    who, body, later = agent(there), About(**about()), NOON + 7 * 366 * DAY_S
    postings = there.count("transfer")
    with pytest.raises(Declined, match="still drive here"):
        do(there, erasing.erase, body, later)
    there.store.transact_now(lambda session: roster.set_active(session, who, False))
    with pytest.raises(Declined, match="not at zero"):
        do(there, erasing.erase, body, later)
    pay_out(there)
    with pytest.raises(Declined, match="must keep this record until 2032-08-01"):
        do(there, erasing.erase, body, NOON + 2_000 * DAY_S)
    do(there, erasing.erase, body, later)
    left = ("person", "local_worker", "worker_fact", "member_number")
    assert [there.count(table) for table in left] == [0, 0, 0, 0]
    assert there.count("transfer") == postings + 2
    assert there.count("driver") == 1


def erased(there: PeoplesCoop, at: int = NOON + 7 * 366 * DAY_S) -> None:
    there.store.transact_now(lambda session: roster.set_active(session, agent(there), False))
    do(there, erasing.erase, About(**about()), at)


@pytest.mark.parametrize(
    ("number", "account"),
    [
        (2210, lambda worker: chart.contribution_due(MY, worker, "2026-07")),
        (2240, lambda worker: chart.excess_held(MY, worker)),
        (2200, lambda worker: chart.contribution_set_aside(MY, worker, "2026-07")),
    ],
)
def test_nobody_is_erased_while_any_money_of_theirs_stands_anywhere(
    tmp_path: Path, number: int, account: Any
) -> None:
    """What is held beyond the plan, say: nobody could ever tell again whose it is."""
    there = coop(tmp_path, MY)
    ready(there)
    complete(there, ride(there, "o1", fare=40))
    pay_out(there)
    worker = there.local(agent(there))
    held = move(chart.members_funds(), account(worker), 500)
    entry = Entry("by-hand/1", NOON, "carried", None, None, None, "MYR", held)
    there.store.transact_now(lambda session: journal.post(session, entry))
    with pytest.raises(Declined, match=f"{number}:.* is not at zero yet"):
        erased(there)
    assert (there.count("local_worker"), there.count("driver")) == (1, 2)


def test_orders_forget_the_name_phone_and_plate_of_who_is_erased_and_no_other_order_does(
    tmp_path: Path,
) -> None:
    there = coop(tmp_path, MY)
    ready(there)
    workers = there.store.read(roster.everybody)
    for n, (worker, _) in enumerate(workers, 1):
        made = an_order(office(), worker)
        peer = replace(made.peer, transaction_id=f"t{n}")
        view = replace(made.view, id=f"id{n}", status="CANCELLED")
        order = replace(made, key=f"o{n}", job_id=f"j{n}", peer=peer, view=view)
        there.store.transact_now(lambda session, each=order: store.add_order(session, each))
    story = ride(there, "o1" if workers[0][0].code == "D1" else "o2", fare=40)
    complete(there, story)
    pay_out(there)
    erased(there)
    named = [
        (found.order.view.fulfillment.agent, found.order.view.fulfillment.vehicle)
        for key in (story.key, "o1" if story.key == "o2" else "o2")
        if (found := there.store.read(lambda session, k=key: store.order_by_key(session, k)))
    ]
    assert named[0] == (None, Vehicle(category="CAB"))
    assert named[1][0] is not None
    assert named[1][0].phone == "60131112222"


def test_what_still_happens_to_a_job_of_who_was_erased_stays_under_the_id_it_had(
    tmp_path: Path,
) -> None:
    there = coop(tmp_path, MY)
    ready(there)
    story = ride(there, "o1", fare=40)
    complete(there, story)
    pay_out(there)
    worker = there.local(agent(there))
    erased(there)
    there.happen(story.event("refunded", refund_minor=10, refund_borne_by="worker"))
    assert there.count("local_worker") == 0
    named = {name.split(":")[1] for name in there.balances() if name.startswith(("2100", "1240"))}
    assert named == {worker}


@pytest.mark.sqlite
def test_the_list_of_everybody_asks_two_questions_however_many_there_are(tmp_path: Path) -> None:
    there = coop(tmp_path, MY, PLANS)
    ready(there)
    there.store.transact_now(
        lambda session: [writing.worker_named(session, code) for code in ("D1", "D2")]
    )
    asked: list[str] = []
    reader_of(there.store).set_trace_callback(asked.append)
    found = there.store.read(lambda session: listing.everybody(session, there.people))
    reader_of(there.store).set_trace_callback(None)
    assert len([each for each in asked if each.startswith("SELECT")]) == 2
    assert [(each["code"], each["owed"]) for each in found] == [
        ("D1", [PLANS]),
        ("D2", [MY, PLANS]),
    ]


def pay_out(there: PeoplesCoop) -> None:
    from bpp.insurance.cash import Limit, record
    from bpp.ledger.money_facts import MoneyFact

    fact = MoneyFact(
        kind="payout", reference="p-1", by="desk-1", currency="MYR", amount_minor=32, at=NOON + 999,
        worker=there.local(agent(there)),
    )  # fmt: skip
    limit = Limit(None, "MYR")
    settled = replace(fact, kind="settlement", amount_minor=40, worker="", reference="s-1")
    for each in (settled, fact):
        there.store.transact_now(lambda s, e=each: record(s, limit, e, NOON + 1_000))
