"""Mandates: who may file for a cooperative, refused for one reason at a time, and handed over."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from bpp.declined import Declined
from bpp.insurance.agents import (
    handover,
    mandate,
    mandate_commands,
    mandates,
    requests,
    signed,
)
from bpp.insurance.agents.mandate import Mandate
from bpp.insurance.agents.requests import MandateEnding, NewMandate
from bpp.insurance.remittance import closing, states
from bpp.insurance.remittance.states import Step
from bpp.insurance.report import keys
from bpp.insurance.report.keys import NewKey
from protocol_specs.node.store import Session
from protocol_specs.wire.keys import b64encode, generate_signing_key
from tests.bpp.insurance.agents.support import (
    COOP,
    OFFICE,
    add,
    document,
    filer,
    filings,
    signed_file,
    written,
)
from tests.bpp.insurance.remittance.support import at, close, job, sweep
from tests.bpp.insurance.support import KA, MY, Coop, my_coop

JULY = f"{MY}/2026-07/1"


@pytest.fixture
def coop(tmp_path: Path) -> Coop:
    return my_coop(tmp_path)


def collected(coop: Coop) -> None:
    """July is closed by the cooperative itself, its money lies on the trust account."""
    job(coop, "one", 2000, "2026-07-10")
    close(coop, "2026-07", "2026-08-03", filer=filer("2026-08-03", None))
    sweep(coop, "2026-08-03")


def send(coop: Coop, day: str, id: str | None = "m-1", happened: str | None = None) -> None:
    step = Step("p-7", "bank-1", at(happened or day), filer=filer(day, id))
    coop.store.transact_now(lambda s: states.send(s, JULY, step))


def test_a_mandate_that_both_signed_is_accepted_once_and_every_filing_names_both(
    coop: Coop,
) -> None:
    collected(coop)
    file = signed_file(coop)
    assert add(coop, file).mandate.agent.id == "books-1"
    assert add(coop, file).at == at("2026-07-01")
    assert coop.count("mandate") == 1
    send(coop, "2026-08-10")
    assert filings(coop) == [
        (COOP, "close", COOP, None),
        ("books-1", "send", COOP, "m-1"),
    ]


@pytest.mark.parametrize("missing", ["principal", "agent"])
def test_a_mandate_that_one_alone_signed_is_refused_and_nothing_is_kept(
    coop: Coop, missing: str
) -> None:
    signer = OFFICE if missing == "principal" else coop.key
    with pytest.raises(Declined, match=f"not signed by {missing}"):
        add(coop, signed_file(coop, signer))
    assert coop.count("mandate") == 0


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"last_day": "2026-09-30"}, "signature of principal does not hold"),
        ({"principal": None}, "these are the books of"),
        ({"scope": ["close", "pay_out"]}, r"/mandate/scope/1"),
        ({"first_day": "2026-09-01"}, "before it begins"),
        ({"powers": "all"}, "/mandate/powers"),
    ],
)
def test_a_mandate_with_one_thing_wrong_is_refused_and_nothing_is_kept(
    coop: Coop, change: dict[str, Any], why: str
) -> None:
    file = signed_file(coop)
    if "principal" in change:
        stranger = generate_signing_key()
        other = {"id": "other.example", "name": "Other", "key": b64encode(stranger.public)}
        file = signed_file(coop, stranger, OFFICE, principal=other)
    else:
        file["mandate"].update(change)
    with pytest.raises(Declined, match=why):
        add(coop, file)
    assert coop.count("mandate") == 0


@pytest.mark.parametrize(
    ("changes", "day", "why"),
    [
        ({"scope": ["close"]}, "2026-08-10", "lets books-1 close; not send"),
        ({"schemes": [KA]}, "2026-08-10", f"is for {KA}; not for {MY}"),
        ({}, "2026-09-01", "through 2026-08-31, not on 2026-09-01"),
        ({"first_day": "2026-08-12"}, "2026-08-11", "holds from 2026-08-12"),
    ],
)
def test_beyond_its_scope_schemes_and_days_a_mandate_lets_nothing_be_filed(
    coop: Coop, changes: dict[str, Any], day: str, why: str
) -> None:
    collected(coop)
    add(coop, signed_file(coop, **changes))
    before = written(coop)
    with pytest.raises(Declined, match=why):
        send(coop, day)
    assert written(coop) == before


def test_what_was_never_accepted_is_no_mandate(coop: Coop) -> None:
    collected(coop)
    before = written(coop)
    with pytest.raises(Declined, match="no mandate m-1 was accepted"):
        send(coop, "2026-08-10")
    assert written(coop) == before


def test_the_last_day_counts_and_saying_it_happened_earlier_does_not_prolong_it(
    coop: Coop,
) -> None:
    collected(coop)
    add(coop, signed_file(coop))
    with pytest.raises(Declined, match="not on 2026-09-01"):
        send(coop, "2026-09-01", happened="2026-08-31")
    send(coop, "2026-08-31")
    assert filings(coop)[-1] == ("books-1", "send", COOP, "m-1")


def test_a_close_under_a_mandate_that_does_not_reach_closes_nothing(coop: Coop) -> None:
    job(coop, "one", 2000, "2026-07-10")
    add(coop, signed_file(coop, scope=["send"]))
    (scheme,) = coop.schemes
    now = at("2026-08-03")
    with pytest.raises(Declined, match="not close"):
        coop.store.transact_now(
            lambda s: closing.begin(
                s, scheme, "2026-07", by="p-7", now=now, filer=filer("2026-08-03")
            )
        )
    assert coop.count("closed_period") == coop.count("filing") == 0


@pytest.mark.parametrize(("workers", "fee"), [(0, 0), (29, 0), (30, 5000), (31, 5000)])
def test_filing_is_free_for_fewer_than_thirty_workers(coop: Coop, workers: int, fee: int) -> None:
    tariff = {"currency": "MYR", "fee_minor": 5000}
    found = Mandate.model_validate(document(coop, tariff=tariff))
    assert mandate.fee_minor(found, workers) == fee
    assert mandate.fee_minor(Mandate.model_validate(document(coop)), workers) == 0


def end(coop: Coop, last_day: str, day: str) -> None:
    body = MandateEnding(last_day=last_day, reason="another office", by="desk-1")
    coop.store.transact_now(lambda s: requests.end_mandate(s, "m-1", body, at(day)))


def test_an_end_is_written_once_and_never_into_the_past(coop: Coop) -> None:
    add(coop, signed_file(coop))
    with pytest.raises(Declined, match="lies outside"):
        end(coop, "2026-08-01", "2026-08-10")
    with pytest.raises(Declined, match="lies outside"):
        end(coop, "2026-09-10", "2026-08-10")
    assert coop.count("mandate_end") == 0
    end(coop, "2026-08-10", "2026-08-10")
    with pytest.raises(Declined, match="already ended"):
        end(coop, "2026-08-11", "2026-08-10")


NEXT_KEY = generate_signing_key()
NEXT = {"id": "books-2", "name": "Next", "key": b64encode(NEXT_KEY.public)}


def follower(coop: Coop, first_day: str = "2026-08-11") -> dict[str, Any]:
    return signed_file(
        coop, coop.key, NEXT_KEY, id="m-2", agent=NEXT, first_day=first_day, follows="m-1"
    )


def take_over(coop: Coop, file: dict[str, Any], left: dict[str, Any]) -> None:
    body = NewMandate(file=file, by="desk-1", handover=left)
    key = b64encode(coop.key.public)
    coop.store.transact_now(lambda s: requests.add_mandate(s, body, COOP, key, at("2026-08-11")))


def left_by(coop: Coop) -> dict[str, Any]:
    told = coop.store.read(lambda s: handover.build(s, "m-1", at("2026-08-11")))
    found: dict[str, Any] = handover.sign(told, coop.key).model_dump(mode="json")
    return found


def test_after_the_hand_over_the_old_office_is_refused_and_the_next_has_the_whole_history(
    coop: Coop,
) -> None:
    collected(coop)
    add(coop, signed_file(coop))
    send(coop, "2026-08-09")
    end(coop, "2026-08-10", "2026-08-10")
    file = left_by(coop)
    told = handover.check(file)
    assert [each.id for each in told.remittances] == list(told.is_open) == [JULY]
    assert [line.amount_minor for line in told.remittances[0].lines] == [20]
    take_over(coop, follower(coop), file)
    with pytest.raises(Declined, match="through 2026-08-10"):
        acknowledge(coop, "m-1")
    acknowledge(coop, "m-2")
    assert filings(coop)[-1] == ("books-2", "acknowledge", COOP, "m-2")
    after = coop.store.read(lambda s: handover.build(s, "m-2", at("2026-08-12")))
    assert after.filings[: len(told.filings)] == told.filings
    assert after.is_open == ()


def acknowledge(coop: Coop, id: str) -> None:
    step = Step("p-7", "perkeso-1", at("2026-08-11"), filer=filer("2026-08-11", id))
    coop.store.transact_now(lambda s: states.acknowledge(s, JULY, step))


def test_a_hand_over_that_was_changed_or_is_signed_by_another_is_refused(coop: Coop) -> None:
    collected(coop)
    add(coop, signed_file(coop))
    end(coop, "2026-08-10", "2026-08-10")
    told = handover.check(left_by(coop))
    other = handover.sign(told, OFFICE).model_dump(mode="json")
    with pytest.raises(Declined, match="signature of principal"):
        take_over(coop, follower(coop), other)
    fewer = told.model_copy(update={"filings": (*told.filings, told.filings[0])})
    with pytest.raises(Declined, match="other filings"):
        take_over(coop, follower(coop), handover.sign(fewer, coop.key).model_dump(mode="json"))
    line = told.remittances[0].lines[0].model_copy(update={"amount_minor": 21})
    wrong = told.remittances[0].model_copy(update={"lines": (line,)})
    changed = told.model_copy(update={"remittances": (wrong,)})
    with pytest.raises(Declined, match="come to 21, it says 20"):
        handover.check(handover.sign(changed, coop.key).model_dump(mode="json"))
    assert coop.count("mandate") == 1


def test_a_mandate_cannot_follow_one_that_still_runs(coop: Coop) -> None:
    add(coop, signed_file(coop))
    with pytest.raises(Declined, match="end it before 2026-08-11"):
        add(coop, follower(coop))
    assert coop.count("mandate") == 1


def test_an_office_of_two_cooperatives_reads_only_where_it_has_a_mandate_and_only_while(
    tmp_path: Path,
) -> None:
    one, other = my_coop(tmp_path / "one"), my_coop(tmp_path / "other")
    tokens = []
    for coop in (one, other):
        add(coop, signed_file(coop))
        body = NewKey(name="office", purpose="books", days=400, by="desk-1", mandate="m-1")
        made = coop.store.transact_now(lambda s, b=body: keys.make(s, b, at("2026-07-02")))
        tokens.append(made["token"])

    def read(session: Session, token: str, now: int) -> str | None:
        name = keys.opened_by(session, token, now)
        if name is not None:
            keys.note(session, name, "/x", now)
        return name

    def opens(coop: Coop, token: str, day: str) -> str | None:
        return coop.store.transact_now(lambda s: read(s, token, at(day)))

    assert opens(one, tokens[0], "2026-08-31") == "office"
    assert opens(one, tokens[1], "2026-08-31") is None
    assert opens(other, tokens[0], "2026-08-31") is None
    assert opens(one, tokens[0], "2026-09-01") is None
    assert (one.count("reading"), other.count("reading")) == (1, 0)


def test_a_mandate_in_the_books_is_read_back_as_it_was_signed(coop: Coop) -> None:
    accepted = add(coop, signed_file(coop))
    (held,) = coop.store.read(mandates.every)
    assert held == accepted
    assert held.last_day == date(2026, 8, 31)


def test_a_hand_over_that_lacks_something_of_these_books_is_refused(coop: Coop) -> None:
    collected(coop)
    add(coop, signed_file(coop))
    end(coop, "2026-08-10", "2026-08-10")
    told = handover.check(left_by(coop))
    (whole,) = told.remittances
    moved = whole.lines[0].model_copy(update={"worker": "w0000000000000000"})
    ended = told.ended.model_copy(update={"scope": ("close", "send", "file", "acknowledge")})
    for change, why in (
        ({"filings": ()}, "lacks filings"),
        ({"remittances": (), "is_open": ()}, f"lacks the remittance {JULY}"),
        ({"remittances": (whole.model_copy(update={"lines": (moved,)}),)}, "other lines"),
        ({"ended": ended}, "ends another mandate"),
        ({"last_day": "2026-08-31"}, "on another day"),
    ):
        file = handover.sign(told.model_copy(update=change), coop.key).model_dump(mode="json")
        with pytest.raises(Declined, match=why):
            take_over(coop, follower(coop), file)
        assert coop.count("mandate") == 1
    take_over(coop, follower(coop), left_by(coop))


def test_interest_that_is_sent_later_costs_no_second_fee(coop: Coop) -> None:
    for n in range(30):
        job(coop, f"n{n}", 2000, "2026-07-10", f"n{n}")
    collected(coop)
    add(coop, signed_file(coop, tariff={"currency": "MYR", "fee_minor": 5000}))
    send(coop, "2026-08-09")
    late = Step("d", "i-1", at("2026-08-20"))
    scheme = coop.schemes[0]
    coop.store.transact_now(
        lambda s: states.add_interest(s, scheme, JULY, late, date(2026, 8, 20), 15)
    )
    send(coop, "2026-08-21")
    (found,) = coop.store.read(lambda s: mandate_commands.listed(s, is_filings=False))
    assert (found["filed"], found["fee_minor"]) == (1, 5000)


def test_a_number_of_the_institution_that_would_be_lost_is_refused(coop: Coop) -> None:
    add(coop, signed_file(coop))
    with pytest.raises(Declined, match="accepted before, with no number"):
        coop.store.transact_now(
            lambda s: mandates.add(
                s,
                signed_file(coop),
                principal=COOP,
                key=b64encode(coop.key.public),
                by="d",
                now=1,
                reference="P-1",
            )
        )


def test_a_file_that_is_written_is_its_owners_alone_and_replaces_nothing(tmp_path: Path) -> None:
    path = tmp_path / "left.json"
    signed.write(path, {})
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(Declined, match="exists and is kept"):
        signed.write(path, {"other": 1})
