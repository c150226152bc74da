"""From the books to the bank and back: a file made once, its answers taken once, never in part."""

from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import text

from bpp.declined import Declined
from bpp.insurance.agents import filing
from bpp.insurance.remittance import states
from bpp.insurance.remittance.files import making
from bpp.insurance.remittance.files.making import Wanted
from protocol_specs.node.store import Statement
from tests.bpp.insurance.remittance import support
from tests.bpp.insurance.remittance.files.banking import (
    CLOSED,
    RETURNED,
    SETTINGS,
    booked,
    declared,
    make,
    message_of,
    read,
    status,
)
from tests.bpp.insurance.remittance.files.pain001 import texts, valid
from tests.bpp.insurance.support import Coop, my_coop

OF_BOOKS = ("entry", "remittance_event", "payment_file", "payment_credit", "bank_file_read")


def kept(coop: Coop) -> list[int]:
    """How much stands in every table that a file could write to."""
    return [coop.count(table) for table in OF_BOOKS]


def refused(coop: Coop, says: str, raw: str, **more: Any) -> None:
    """The file is refused for that, naming itself, and nothing at all was written."""
    before = kept(coop)
    with pytest.raises(Declined, match=says) as fault:
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
    assert (message, texts(root, "InstdAmt")) == (message_of(id), ["30.00"])
    assert texts(root, "EndToEndId") == [id]
    assert texts(root, "ReqdExctnDt/Dt") == ["2026-08-05"]
    friday = make(declared(tmp_path / "b")[0], id, day="2026-08-07")[1]
    assert texts(valid(friday), "ReqdExctnDt/Dt") == ["2026-08-10"]


def test_the_same_file_is_given_again_and_never_another_under_its_name(tmp_path: Path) -> None:
    coop, id = declared(tmp_path)
    first = make(coop, id)
    before = kept(coop)
    assert make(coop, id, day="2026-08-20") == first
    with pytest.raises(Declined, match="made with other content"):
        make(coop, id, on=date(2026, 8, 25), day="2026-08-20")
    moved = SimpleNamespace(**{**vars(SETTINGS), "bank_accounts": {"1110": "999"}})
    with pytest.raises(Declined, match="made with other content"):
        coop.store.transact_now(
            lambda s: making.payment_file(s, moved, Wanted((id,), "d"), support.at("2026-08-20"))
        )
    assert kept(coop) == before


def test_a_file_that_the_bank_never_took_is_made_anew_under_another_name(tmp_path: Path) -> None:
    coop, id = declared(tmp_path)
    make(coop, id)
    message, raw = make(coop, id, day="2026-08-20", anew=True)
    assert message == message_of(id, 2)
    assert texts(valid(raw), "EndToEndId") == [f"{id}-a2"]
    assert read(coop, status(id, "RJCT"))["payments"][0]["did"] == "nothing"  # the lost one
    assert state(coop, id) == "collected"
    assert read(coop, booked(f"{id}-a2", "DBIT"))["payments"][0]["did"] == "sent"
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
    with pytest.raises(Declined, match=says):
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
    with pytest.raises(Declined, match="m-9"):
        make(coop, id, filer=filer)
    assert kept(coop) == before


def test_what_was_sent_by_hand_is_in_no_new_file(tmp_path: Path) -> None:
    coop, id = declared(tmp_path)
    support.send(coop, id, "2026-08-04")
    with pytest.raises(Declined, match="nothing of it is left to pay"):
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
    with pytest.raises(Declined, match=f"stands in the file {message} already"):
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


def two_accounts(folder: Path) -> tuple[Coop, str, str, str]:
    """July and August of one scheme in one file, paid from two accounts of ours."""
    coop, id = declared(folder)
    support.job(coop, "o3", 40_000, "2026-08-10")
    support.sweep(coop, "2026-08-10")
    august = support.close(coop, "2026-08", "2026-09-01").id
    message, _ = make(coop, id, august, day="2026-09-01")
    moved = Statement(text("UPDATE payment_credit SET account = '9' WHERE remittance = :id"))
    coop.store.transact_now(lambda s: s.run(moved, id=august))
    return coop, id, august, message


def of_instructions(message: str, *statuses: tuple[str, str], group: str = "") -> str:
    """A pain.002 that says of whole instructions what became of them, and names no transaction."""
    whole = status("x", "ACSC", message=message)
    head = whole[: whole.index("<OrgnlPmtInfAndSts>")]
    head = head.replace("</OrgnlGrpInfAndSts>", f"{group}</OrgnlGrpInfAndSts>")
    each = "".join(
        f"<OrgnlPmtInfAndSts><OrgnlPmtInfId>{name}</OrgnlPmtInfId><PmtInfSts>{code}</PmtInfSts>"
        "</OrgnlPmtInfAndSts>"
        for name, code in statuses
    )
    return f"{head}{each}</CstmrPmtStsRpt></Document>"


def test_the_status_of_an_instruction_is_of_its_own_payments_alone(tmp_path: Path) -> None:
    coop, id, august, message = two_accounts(tmp_path)
    raw = of_instructions(message, (f"{message}-1", "ACSC"), (f"{message}-2", "PDNG"))
    found = read(coop, raw, day="2026-09-05")
    assert {each["remittance"]: each["did"] for each in found["payments"]} == {
        id: "sent",
        august: "nothing",
    }
    assert (state(coop, id), state(coop, august)) == ("sent", "collected")


@pytest.mark.parametrize(
    ("names", "group", "says"),
    [
        (("{m}-3",), "", "has no instruction"),
        (("{m}-1", "{m}-1"), "", "stands at"),
        ((), "<OrgnlNbOfTxs>3</OrgnlNbOfTxs><GrpSts>ACSC</GrpSts>", "OrgnlNbOfTxs: it says 3"),
        ((), "<OrgnlCtrlSum>35.01</OrgnlCtrlSum><GrpSts>ACSC</GrpSts>", "our payments come to 35"),
        (
            (),
            "<OrgnlCreDtTm>2026-09-01T12:00:01Z</OrgnlCreDtTm><GrpSts>ACSC</GrpSts>",
            "was written at another",
        ),
        ((), "<OrgnlCreDtTm>noon</OrgnlCreDtTm><GrpSts>ACSC</GrpSts>", "is no time"),
    ],
)
def test_what_a_bank_says_of_a_whole_file_is_of_our_file(
    tmp_path: Path, names: tuple[str, ...], group: str, says: str
) -> None:
    coop, _, _, message = two_accounts(tmp_path)
    asked = [(name.format(m=message), "ACSC") for name in names]
    raw = of_instructions(message, *asked, group=group)
    refused(coop, says, raw, day="2026-09-05")
    right = "<OrgnlCreDtTm>2026-09-01T12:00:00Z</OrgnlCreDtTm><OrgnlNbOfTxs>2</OrgnlNbOfTxs>"
    right += "<OrgnlCtrlSum>35.00</OrgnlCtrlSum><GrpSts>ACSC</GrpSts>"
    assert read(coop, of_instructions(message, group=right), day="2026-09-05")["is_new"]


def test_the_answer_to_another_cooperatives_file_of_the_same_remittance_posts_nothing(
    tmp_path: Path,
) -> None:
    """An office files for several, and July's remittance has one name in all their books."""
    coop, id = declared(tmp_path)
    make(coop, id)
    other, _ = declared(tmp_path / "b")
    filer = filing.Filer("other.example", support.at("2026-08-04"))
    message, _ = make(other, id, filer=filer)
    refused(coop, "stands in our file", status(id, "RJCT", message=message))
    assert read(other, status(id, "RJCT", message=message))["payments"][0]["did"] == "rejected"


def test_a_status_that_names_another_account_of_ours_posts_nothing(tmp_path: Path) -> None:
    coop, id = declared(tmp_path)
    make(coop, id)
    said = "<DbtrAcct><Id><Othr><Id>{}</Id></Othr></Id></DbtrAcct>"
    refused(coop, "is paid from 8600123456", status(id, "RJCT", more=said.format("77")))
    assert read(coop, status(id, "ACSC", more=said.format("8600 123456")))["is_new"]


@pytest.mark.parametrize("reason", ["AM05", "DU01", "DU04"])
def test_a_refused_copy_of_the_file_takes_nothing_back(tmp_path: Path, reason: str) -> None:
    """The same file uploaded twice: the bank took the first and refuses the second."""
    coop, id = declared(tmp_path)
    make(coop, id)
    read(coop, status(id, "ACSC"))
    before = coop.count("entry")
    found = read(coop, status(id, "RJCT", reason=reason))
    assert [each["did"] for each in found["payments"]] == ["nothing"]
    assert (state(coop, id), coop.count("entry")) == ("sent", before)


def test_a_payment_made_twice_is_found_also_where_it_was_sent_by_hand(tmp_path: Path) -> None:
    coop, id = declared(tmp_path)
    make(coop, id)
    make(coop, id, day="2026-08-20", anew=True)
    support.send(coop, id, "2026-08-20")
    first, second = booked(id, "DBIT"), booked(f"{id}-a2", "DBIT", day="2026-08-21")
    entry = second[second.index("<Ntry>") : second.index("</Ntfctn>")]
    refused(coop, "was paid twice", first.replace("</Ntfctn>", f"{entry}</Ntfctn>"))
    assert read(coop, first)["payments"][0]["did"] == "nothing"
    refused(coop, "was paid twice", second)


def test_interest_on_top_is_paid_by_a_file_of_its_own(tmp_path: Path) -> None:
    """Also after a line came back, and after the acknowledgement: the file pays what 2220 holds."""
    coop, id = declared(tmp_path)
    make(coop, id)
    read(coop, booked(id, "DBIT"))
    support.reject(coop, id, "2026-08-10", coop.local("a2"))
    scheme = coop.schemes[0]

    def late(reference: str, day: str, minor: int) -> None:
        how = support.step(day, reference)
        coop.store.transact_now(
            lambda s: states.add_interest(s, scheme, id, how, date.fromisoformat(day), minor)
        )

    late("i-1", "2026-08-20", 15)
    with pytest.raises(Declined, match="interest came on top, ask for one more with --anew"):
        make(coop, id, day="2026-08-20", on=date(2026, 8, 21))
    _, raw = make(coop, id, day="2026-08-20", anew=True)
    assert texts(valid(raw), "InstdAmt") == ["0.15"]
    assert read(coop, booked(id, "DBIT", day="2026-08-07"))["payments"][0]["did"] == "nothing"
    paid = booked(f"{id}-a2", "DBIT", amount="0.15", day="2026-08-21")
    assert read(coop, paid)["payments"][0]["did"] == "sent"
    support.acknowledge(coop, id, "2026-08-24")
    late("i-2", "2026-08-25", 7)
    _, raw = make(coop, id, day="2026-08-25", anew=True)
    assert texts(valid(raw), "InstdAmt") == ["0.07"]


def test_no_file_pays_from_a_trust_account_that_does_not_hold_the_workers_part(
    tmp_path: Path,
) -> None:
    coop = my_coop(tmp_path, commission_rate="0")
    support.job(coop, "o1", 160_000, "2026-07-10")
    id = support.close(coop, "2026-07", CLOSED).id
    before = kept(coop)
    with pytest.raises(Declined, match=r"holds 0\.00 MYR, the workers' part is 20\.00"):
        make(coop, id)
    assert kept(coop) == before
    support.sweep(coop, CLOSED)
    assert texts(valid(make(coop, id)[1]), "InstdAmt") == ["20.00"]
