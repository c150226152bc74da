"""From the books to the bank and back: a file made once, its answers taken once, never in part."""

from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bpp.insurance.agents import filing
from bpp.insurance.remittance.files import making
from bpp.insurance.remittance.files.making import Wanted
from bpp.refused import Refused
from tests.bpp.insurance.remittance import support
from tests.bpp.insurance.remittance.files.banking import (
    CLOSED,
    RETURNED,
    SETTINGS,
    booked,
    declared,
    make,
    read,
    status,
)
from tests.bpp.insurance.remittance.files.test_pain001 import texts, valid
from tests.bpp.insurance.support import Coop

OF_BOOKS = ("entry", "remittance_event", "payment_file", "payment_credit", "bank_file_read")


def kept(coop: Coop) -> list[int]:
    """How much stands in every table that a file could write to."""
    return [coop.count(table) for table in OF_BOOKS]


def refused(coop: Coop, says: str, raw: str, **more: Any) -> None:
    """The file is refused for that, naming itself, and nothing at all was written."""
    before = kept(coop)
    with pytest.raises(Refused, match=says) as fault:
        read(coop, raw, **more)
    assert str(fault.value).startswith("f.xml")
    assert kept(coop) == before


def state(coop: Coop, id: str) -> str:
    return support.remittance(coop, id).state


def test_the_file_of_a_remittance_pays_what_the_books_say_on_the_next_working_day(
    tmp_path: Path,
) -> None:
    coop, id = declared(tmp_path)
    message, raw = make(coop, id)
    root = valid(raw)
    assert (message, texts(root, "InstdAmt")) == (id, ["30.00"])
    assert texts(root, "ReqdExctnDt/Dt") == ["2026-08-05"]
    friday = make(declared(tmp_path / "b")[0], id, day="2026-08-07")[1]
    assert texts(valid(friday), "ReqdExctnDt/Dt") == ["2026-08-10"]


def test_the_same_file_is_given_again_and_never_another_under_its_name(tmp_path: Path) -> None:
    coop, id = declared(tmp_path)
    first = make(coop, id)
    before = kept(coop)
    assert make(coop, id, day="2026-08-20") == first
    with pytest.raises(Refused, match="made with other content"):
        make(coop, id, on=date(2026, 8, 25), day="2026-08-20")
    moved = SimpleNamespace(**{**vars(SETTINGS), "bank_accounts": {"1110": "999"}})
    with pytest.raises(Refused, match="made with other content"):
        coop.store.transact_now(
            lambda s: making.payment_file(s, moved, Wanted((id,), "d"), support.at("2026-08-20"))
        )
    assert kept(coop) == before


def test_a_file_that_the_bank_never_took_is_made_anew_under_another_name(tmp_path: Path) -> None:
    coop, id = declared(tmp_path)
    make(coop, id)
    message, raw = make(coop, id, day="2026-08-20", anew=True)
    assert message == f"{id}-a2"
    assert texts(valid(raw), "EndToEndId") == [f"{id}-a2"]
    assert read(coop, status(id, "RJCT"))["payments"][0]["did"] == "nothing"  # the lost one
    assert state(coop, id) == "collected"
    assert read(coop, booked(message, "DBIT"))["payments"][0]["did"] == "sent"
    refused(coop, "was paid twice", booked(id, "DBIT", day="2026-08-07"))


@pytest.mark.parametrize(
    ("settings", "wanted", "says"),
    [
        ({"payer": None}, {}, "insurance.payer"),
        ({"institutions": {}}, {}, "insurance.institutions: it has no"),
        ({"bank_accounts": {"1100": "1"}}, {}, "insurance.bank_accounts: it has no"),
        ({}, {"on": date(2026, 8, 8)}, "banks do not pay on it"),
        ({}, {"on": date(2026, 8, 3)}, "a working day from 2026-08-04"),
        ({}, {"remittances": ("my.act872.gig/2026-06/1",)}, "there is no remittance"),
    ],
)
def test_a_file_that_cannot_be_made_is_refused_by_what_lacks(
    tmp_path: Path, settings: dict[str, Any], wanted: dict[str, Any], says: str
) -> None:
    coop, id = declared(tmp_path)
    before = kept(coop)
    asked = Wanted(**{"remittances": (id,), "by": "desk-1", **wanted})
    ours: Any = SimpleNamespace(**{**vars(SETTINGS), **settings})
    with pytest.raises(Refused, match=says):
        coop.store.transact_now(
            lambda s: making.payment_file(s, ours, asked, support.at("2026-08-04"))
        )
    assert kept(coop) == before


def test_every_file_and_step_says_who_filed_for_whom(tmp_path: Path) -> None:
    coop, id = declared(tmp_path)
    make(coop, id)
    make(coop, id)  # the same again is no further filing
    read(coop, booked(id, "DBIT"))
    found = [each.action for each in coop.store.read(lambda s: filing.filings(s, id))]
    assert found == ["close", "file", "send"]


def test_a_file_under_a_mandate_that_does_not_reach_is_not_made(tmp_path: Path) -> None:
    coop, id = declared(tmp_path)
    before = kept(coop)
    filer = filing.Filer("coop.example", support.at("2026-08-04"), mandate="m-9")
    with pytest.raises(Refused, match="m-9"):
        make(coop, id, filer=filer)
    assert kept(coop) == before


def test_what_was_sent_by_hand_is_in_no_new_file(tmp_path: Path) -> None:
    coop, id = declared(tmp_path)
    support.send(coop, id, "2026-08-04")
    with pytest.raises(Refused, match="nothing of it is left to pay"):
        make(coop, id)


def test_a_payment_that_left_is_sent_and_one_that_came_back_is_due_again(tmp_path: Path) -> None:
    coop, id = declared(tmp_path)
    make(coop, id)
    sent = read(coop, booked(id, "DBIT"))
    assert (sent["is_new"], sent["payments"][0]["did"]) == (True, "sent")
    event = support.remittance(coop, id).events[-1]
    assert (event.kind, event.amount_minor, event.file_sha256) == ("sent", 3000, sent["sha256"])
    assert coop.balances()[f"1250:{id}"] == 3000
    back = read(coop, booked(id, "CRDT", more=RETURNED, day="2026-08-10"))
    assert back["payments"][0]["did"] == "rejected"
    assert state(coop, id) == "rejected"
    worker = coop.local("a1")
    stands = coop.balances()
    assert f"1250:{id}" not in stands
    assert f"2220:{id}" not in stands
    assert stands[f"2210:my.act872.gig:{worker}:2026-07"] == 2000
    coop.store.read(lambda s: support.stand(coop, s, coop.schemes[0]))


@pytest.mark.parametrize("code", ["ACCP", "ACSP", "PDNG", "ACSC", "ACCC", "RJCT"])
def test_the_same_file_twice_changes_nothing_the_second_time(tmp_path: Path, code: str) -> None:
    coop, id = declared(tmp_path)
    make(coop, id)
    first = read(coop, status(id, code))
    did = {"ACSC": "sent", "ACCC": "sent", "RJCT": "rejected"}.get(code, "nothing")
    assert [each["did"] for each in first["payments"]] == [did]
    before = kept(coop)
    assert read(coop, status(id, code))["is_new"] is False
    assert kept(coop) == before


def test_a_second_word_for_what_stands_already_posts_nothing(tmp_path: Path) -> None:
    coop, id = declared(tmp_path)
    make(coop, id)
    read(coop, status(id, "ACSC"))
    entries = coop.count("entry")
    assert read(coop, booked(id, "DBIT"))["payments"][0]["did"] == "nothing"
    support.acknowledge(coop, id, "2026-08-12")
    assert read(coop, booked(id, "DBIT", day="2026-08-07"))["payments"][0]["did"] == "nothing"
    assert coop.count("entry") == entries + 1


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (lambda id: status("my.act872.gig/2026-06/1", "ACSC"), "no payment of ours is called"),
        (lambda id: status(id, "ACSC", message="other"), "stands in our file"),
        (lambda id: status(id, "ACSC", amount="30.01"), "it says 30.01 MYR, our payment"),
        (lambda id: status(id, "RJCT", ccy="SGD"), "it says 30.00 SGD, our payment"),
        (lambda id: booked("else", "DBIT"), r"Ntfctn\[1\]/Ntry\[1\]/TxDtls\[1\]: no payment"),
        (lambda id: booked(id, "DBIT", account="1234"), "is paid from 8600123456"),
        (lambda id: booked(id, "DBIT", amount="3.00"), "it says 3.00 MYR"),
        (lambda id: booked(id, "CRDT"), "does not call it a return"),
        (lambda id: booked(id, "DBIT", day="2027-08-06"), "2027-08-06 is still to come"),
        (lambda id: booked(id, "DBIT").replace("camt.054", "camt.053"), "wayfare ledger match"),
        (lambda id: "<a/>", "no pain.002 and no camt.054"),
        (lambda id: "no xml", "not XML"),
    ],
)
def test_a_file_that_is_not_about_our_payment_posts_nothing(
    tmp_path: Path, raw: Any, says: str
) -> None:
    coop, id = declared(tmp_path)
    make(coop, id)
    refused(coop, says, raw(id))
    assert state(coop, id) == "collected"


def test_one_wrong_transaction_keeps_the_right_one_beside_it_out(tmp_path: Path) -> None:
    coop, id = declared(tmp_path)
    make(coop, id)
    right = booked(id, "DBIT")
    entry = right[right.index("<Ntry>") : right.index("</Ntfctn>")]
    refused(coop, r"Ntry\[2\]", right.replace(entry, entry + entry.replace(id, "unknown")))


def test_what_contradicts_the_remittance_is_refused(tmp_path: Path) -> None:
    coop, id = declared(tmp_path)
    make(coop, id)
    read(coop, status(id, "RJCT"))
    refused(coop, "was rejected before, and now it is to have been paid", booked(id, "DBIT"))
    other, id = declared(tmp_path / "b")
    make(other, id)
    read(other, booked(id, "DBIT"))
    support.acknowledge(other, id, "2026-08-12")
    refused(other, "acknowledged", booked(id, "CRDT", more=RETURNED, day="2026-08-13"))


def test_a_line_rejected_since_the_file_was_made_is_found_before_money_is_booked(
    tmp_path: Path,
) -> None:
    coop, id = declared(tmp_path)
    make(coop, id)
    support.reject(coop, id, CLOSED, coop.local("a2"))
    refused(coop, "is left to pay since the file was made", booked(id, "DBIT"))


def test_a_remittance_stands_in_one_file_unless_the_first_was_lost(tmp_path: Path) -> None:
    coop, id = declared(tmp_path)
    job_day = "2026-08-10"
    support.job(coop, "o3", 40_000, job_day)
    support.sweep(coop, job_day)
    august = support.close(coop, "2026-08", "2026-09-01").id
    message, raw = make(coop, id, august, day="2026-09-01")
    assert sorted(str(t) for t in texts(valid(raw), "EndToEndId")) == [id, august]
    with pytest.raises(Refused, match=f"stands in the file {message} already"):
        make(coop, august, day="2026-09-01")
    whole = status(id, "ACSC", message=message)
    whole = whole[: whole.index("<OrgnlPmtInfAndSts>")].replace(
        "</OrgnlGrpInfAndSts>", "<GrpSts>ACSC</GrpSts></OrgnlGrpInfAndSts>"
    )
    found = read(coop, f"{whole}</CstmrPmtStsRpt></Document>", day="2026-09-05")
    assert {each["remittance"]: each["did"] for each in found["payments"]} == {
        id: "sent",
        august: "sent",
    }
