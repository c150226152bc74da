"""What a bank answers is read in any version, and refused by element path where it is wrong."""

import random
from contextlib import suppress
from datetime import date
from typing import Any

import pytest

from bpp.insurance.remittance.files import camt054, pain002
from bpp.ledger.bank_files import BadBankFile

ID = "my.act872.gig/2026-07/1"
PAIN002 = f"""<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.10"><CstmrPmtStsRpt>
<GrpHdr><MsgId>BANK-77</MsgId><CreDtTm>2026-08-14T10:00:00+08:00</CreDtTm></GrpHdr>
<OrgnlGrpInfAndSts><OrgnlMsgId>{ID}</OrgnlMsgId><OrgnlMsgNmId>pain.001.001.09</OrgnlMsgNmId>
<GrpSts>PART</GrpSts></OrgnlGrpInfAndSts>
<OrgnlPmtInfAndSts><OrgnlPmtInfId>{ID}-1</OrgnlPmtInfId>
<TxInfAndSts><StsId>S1</StsId><OrgnlEndToEndId>{ID}</OrgnlEndToEndId><TxSts>RJCT</TxSts>
<StsRsnInf><Rsn><Cd>AC04</Cd></Rsn><AddtlInf>closed</AddtlInf></StsRsnInf>
<OrgnlTxRef><Amt><InstdAmt Ccy="MYR">118.80</InstdAmt></Amt></OrgnlTxRef></TxInfAndSts>
<TxInfAndSts><OrgnlEndToEndId>other</OrgnlEndToEndId><TxSts>ACSC</TxSts></TxInfAndSts>
</OrgnlPmtInfAndSts></CstmrPmtStsRpt></Document>
"""
CAMT054 = f"""<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.054.001.08"><BkToCstmrDbtCdtNtfctn>
<GrpHdr><MsgId>N-1</MsgId><CreDtTm>2026-08-14T10:00:00Z</CreDtTm></GrpHdr>
<Ntfctn><Id>1</Id><Acct><Id><Othr><Id>8600 123456</Id></Othr></Id><Ccy>MYR</Ccy></Acct>
<Ntry><Amt Ccy="MYR">118.80</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>
<BookgDt><Dt>2026-08-14</Dt></BookgDt><AcctSvcrRef>B-9</AcctSvcrRef><NtryDtls>
<TxDtls><Refs><EndToEndId>{ID}</EndToEndId></Refs></TxDtls></NtryDtls></Ntry>
<Ntry><Amt Ccy="MYR">118.80</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>
<BookgDt><Dt>2026-08-17</Dt></BookgDt><NtryDtls><TxDtls>
<Refs><EndToEndId>{ID}</EndToEndId></Refs><RtrInf><Rsn><Cd>AC01</Cd></Rsn></RtrInf></TxDtls>
</NtryDtls></Ntry>
<Ntry><Amt Ccy="MYR">50.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>
<BookgDt><Dt>2026-08-17</Dt></BookgDt></Ntry>
<Ntry><Amt Ccy="MYR">1.00</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts><Cd>PDNG</Cd></Sts></Ntry>
</Ntfctn></BkToCstmrDbtCdtNtfctn></Document>
"""


def test_a_status_report_tells_each_transaction_its_reasons_and_amount() -> None:
    found = pain002.read(PAIN002.encode(), "s.xml")
    refused, taken = found.words
    assert (found.kind, found.id) == ("pain.002", "BANK-77")
    assert (refused.says, refused.code, refused.reasons) == ("rejected", "RJCT", ("AC04 closed",))
    assert (refused.message, refused.end_to_end) == (ID, ID)
    assert (refused.amount_minor, refused.currency) == (11880, "MYR")
    assert (taken.says, taken.end_to_end, taken.on) == ("paid", "other", date(2026, 8, 14))


def test_a_status_stands_for_all_that_is_inside_it_where_nothing_else_is_said() -> None:
    whole = PAIN002[: PAIN002.index("<OrgnlPmtInfAndSts>")].replace("PART", "ACSC")
    (word,) = pain002.read(f"{whole}</CstmrPmtStsRpt></Document>".encode(), "s.xml").words
    assert (word.says, word.end_to_end) == ("paid", None)
    inherited = PAIN002.replace("<TxSts>ACSC</TxSts>", "").replace("RJCT", "ACCP")
    inherited = inherited.replace("PART", "ACCP")
    assert {w.says for w in pain002.read(inherited.encode(), "s").words} == {"pending"}


def test_a_notification_tells_what_left_and_what_came_back() -> None:
    found = camt054.read(CAMT054.encode(), "n.xml")
    left, back = found.words
    assert (left.says, left.on, left.amount_minor, left.reference) == (
        "paid", date(2026, 8, 14), 11880, "B-9",
    )  # fmt: skip
    assert (left.account, left.end_to_end, left.currency) == ("8600123456", ID, "MYR")
    assert (back.says, back.reasons) == ("rejected", ("AC01",))


@pytest.mark.parametrize("version", ["02", "04", "06", "13"])
def test_other_versions_of_a_notification_are_read_alike(version: str) -> None:
    other = CAMT054.replace("054.001.08", f"054.001.{version}")
    if version in ("02", "04", "06"):
        other = other.replace("<Sts><Cd>BOOK</Cd></Sts>", "<Sts>BOOK</Sts>")
    assert [w.says for w in camt054.read(other.encode(), "n").words] == ["paid", "rejected"]


TX = f"<OrgnlEndToEndId>{ID}</OrgnlEndToEndId>"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (TX, "", "s.xml, CstmrPmtStsRpt/OrgnlPmtInfAndSts[1]/TxInfAndSts[1]/OrgnlEndToEndId"),
        ("RJCT", "XXXX", "TxInfAndSts[1]/TxSts: 'XXXX' is no status"),
        ("PART", "ACSC", "TxInfAndSts[1]/TxSts: it is RJCT, and what it stands in is ACSC"),
        (">other<", f">{ID}<", "TxInfAndSts[2]: " + ID + " stands at"),
        ("<TxSts>ACSC</TxSts>", "", "says of no transaction what became of it"),
        ("118.80", "1.188E2", "OrgnlTxRef/Amt/InstdAmt"),
        ("118.80", "-118.80", "stands without a sign"),
        (f"<OrgnlMsgId>{ID}</OrgnlMsgId>", "", "OrgnlGrpInfAndSts/OrgnlMsgId: it is missing"),
        ("pain.001.001.09", "pain.008.001.02", "it is about a pain.008"),
        ("<TxSts>RJCT", "<TxSts>ACSC</TxSts><TxSts>RJCT", "TxSts: it stands 2 times"),
        ("2026-08-14T", "14.08.2026T", "GrpHdr/CreDtTm"),
        ("pain.002.001.10", "camt.054.001.08", "it is no pain.002"),
        ("</GrpHdr>", "", "not XML"),
        ("<Document", '<!DOCTYPE D [<!ENTITY x "9">]><Document', "document type"),
    ],
)
def test_a_status_report_with_one_thing_wrong_is_refused(old: str, new: str, says: str) -> None:
    assert old in PAIN002
    with pytest.raises(BadBankFile) as refused:
        pain002.read(PAIN002.replace(old, new, 1).encode(), "s.xml")
    assert says in str(refused.value)


def test_a_rejection_of_no_transaction_is_refused() -> None:
    for end in ("<OrgnlPmtInfAndSts>", "<TxInfAndSts>"):
        cut = PAIN002[: PAIN002.index(end)].replace("PART", "RJCT")
        close = "</OrgnlPmtInfAndSts>" if end == "<TxInfAndSts>" else ""
        with pytest.raises(BadBankFile, match="names no transaction"):
            pain002.read(f"{cut}{close}</CstmrPmtStsRpt></Document>".encode(), "s.xml")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"MYR">118.80', '"SGD">118.80', "n.xml, Ntfctn[1]/Ntry[1]/Amt: it is in SGD"),
        ("DBIT", "DEBIT", "Ntry[1]/CdtDbtInd"),
        ("CRDT", "DBIT", "Ntry[2]/TxDtls[1]: money that comes back"),
        ("</BookgDt>", "</BookgDt><RvslInd>yes</RvslInd>", "RvslInd: 'yes'"),
        ("<RtrInf><Rsn><Cd>AC01</Cd></Rsn></RtrInf>", "", ""),
        ("<Othr><Id>8600 123456</Id></Othr>", "", "Acct/Id/Othr/Id: it is missing"),
        ("2026-08-14</Dt>", "14 August</Dt>", "BookgDt"),
        ("camt.054.001.08", "camt.053.001.08", "it is no camt.054"),
        ("<Document", '<!DOCTYPE D [<!ENTITY x "9">]><Document', "document type"),
    ],
)
def test_a_notification_with_one_thing_wrong_is_refused(old: str, new: str, says: str) -> None:
    assert old in CAMT054
    changed = CAMT054.replace(old, new, 1).encode()
    if not says:  # money that came, and nobody calls it a return
        assert [w.says for w in camt054.read(changed, "n.xml").words] == ["paid", "came"]
        return
    with pytest.raises(BadBankFile) as refused:
        camt054.read(changed, "n.xml")
    assert says in str(refused.value)


def test_a_payment_that_was_booked_twice_is_said_aloud() -> None:
    entry = CAMT054[CAMT054.index("<Ntry>") : CAMT054.index("</Ntry>") + len("</Ntry>")]
    with pytest.raises(BadBankFile, match="whether it was paid twice"):
        camt054.read(CAMT054.replace(entry, entry * 2, 1).encode(), "n.xml")


@pytest.mark.parametrize("kind", [pain002, camt054])
def test_mutated_files_are_read_or_refused_and_never_break_the_reader(kind: Any) -> None:
    whole = (PAIN002 if kind is pain002 else CAMT054).encode()
    draw = random.Random(20260731)
    for _ in range(2_000):
        raw = bytearray(whole)
        for _ in range(draw.randint(1, 4)):
            at = draw.randrange(len(raw))
            cut = draw.randrange(40)
            raw[at : at + cut] = draw.choice([b"", bytes([draw.randrange(256)]), raw[:cut]])
        with suppress(BadBankFile):
            found = kind.read(bytes(raw), "f.xml")
            assert all((word.amount_minor or 0) >= 0 for word in found.words)
