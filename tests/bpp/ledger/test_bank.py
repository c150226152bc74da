"""A bank's statement against the books: every line and posting in one place, nothing guessed."""

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpp.ledger import bank_files
from bpp.ledger.bank import BankLine, BankStatement, Posting, match
from bpp.ledger.bank_files import BadBankFile

JULY = date(2026, 7, 10)
IBAN = "MY00BANK0001"


def line(minor: int, *references: str, day: int = 10, text: str = "") -> BankLine:
    return BankLine(f"l{day}", date(2026, 7, day), minor, frozenset(references), text)


def posting(entry: str, minor: int, day: int = 10) -> Posting:
    return Posting(entry, date(2026, 7, day), minor)


def of(*lines: BankLine) -> BankStatement:
    return BankStatement(IBAN, "MYR", date(2026, 7, 1), date(2026, 7, 31), None, None, lines)


def test_a_line_and_a_posting_of_one_reference_are_one() -> None:
    pay, came = posting("payout/p-1", -1580), posting("settlement/s-1", 2000, 9)
    found = match(
        of(line(-1580, "p-1"), line(2000, text="BAP s-1 July")), "1100", {"1100": [pay, came]}
    )
    assert [(pair.posting.entry, pair.by) for pair in found.matched] == [
        ("payout/p-1", "reference"),
        ("settlement/s-1", "reference"),
    ]
    assert found.is_whole


def test_without_a_reference_amount_and_day_match_only_where_nobody_else_is_meant() -> None:
    alone = match(of(line(500, day=12)), "1100", {"1100": [posting("pay-in/r1", 500, 10)]})
    assert [pair.by for pair in alone.matched] == ["amount and day"]
    two = {"1100": [posting("pay-in/r1", 500, 10), posting("pay-in/r2", 500, 11)]}
    unclear = match(of(line(500, day=12)), "1100", two)
    assert (len(unclear.matched), len(unclear.missing_in_books)) == (0, 1)
    assert len(unclear.missing_in_bank) == 2
    far = match(of(line(500, day=20)), "1100", {"1100": [posting("pay-in/r1", 500, 10)]})
    assert (len(far.missing_in_books), len(far.missing_in_bank)) == (1, 1)


def test_one_reference_with_two_amounts_is_said_and_matched_to_nothing_else() -> None:
    found = match(of(line(-1500, "p-1")), "1100", {"1100": [posting("payout/p-1", -1580)]})
    assert [(pair.line.minor, pair.posting.minor) for pair in found.differing] == [(-1500, -1580)]
    assert (found.missing_in_bank, found.missing_in_books, found.matched) == ((), (), ())


def test_what_the_bank_says_twice_is_said_and_matched_once() -> None:
    found = match(
        of(line(-7, "p-1"), line(-7, "p-1")), "1100", {"1100": [posting("payout/p-1", -7)]}
    )
    assert (len(found.matched), len(found.duplicates)) == (1, 1)
    assert not found.is_whole


def test_two_lines_alike_without_reference_are_two_payments() -> None:
    found = match(of(line(-7), line(-7)), "1100", {})
    assert (len(found.missing_in_books), found.duplicates) == (2, ())


def test_a_line_that_belongs_to_the_other_account_is_said_so() -> None:
    books = {"1100": [posting("payout/p-1", -700)], "1110:my.scheme": []}
    found = match(of(line(-700, "p-1")), "1110", books)
    assert [(each.minor, other) for each, other in found.for_another_account] == [(-700, "1100")]
    assert not found.missing_in_books


def test_a_posting_of_days_that_the_statement_does_not_cover_is_not_missing() -> None:
    before = Posting("payout/p-1", date(2026, 6, 29), -5)
    assert match(of(), "1100", {"1100": [before]}).is_whole
    assert match(of(line(-5, "p-1", day=1)), "1100", {"1100": [before]}).is_whole


LINES = st.lists(
    st.builds(line, st.integers(-3, 3).filter(bool), st.sampled_from(["r1", "r2", "r3"]),
              day=st.integers(1, 31)), max_size=6,
)  # fmt: skip
POSTINGS = st.lists(
    st.builds(
        lambda n, minor, day: posting(f"payout/r{n}", minor, day),
        st.integers(1, 4), st.integers(-3, 3).filter(bool), st.integers(1, 31),
    ),
    max_size=4, unique_by=lambda each: each.entry,
)  # fmt: skip


@given(LINES, POSTINGS)
def test_every_line_and_posting_is_in_exactly_one_place(
    lines: list[BankLine], postings: list[Posting]
) -> None:
    found = match(of(*lines), "1100", {"1100": postings})
    told = [pair.line for pair in (*found.matched, *found.differing)]
    told += [*found.missing_in_books, *(each for each, _ in found.duplicates)]
    assert sorted(told, key=repr) == sorted(lines, key=repr)
    held = [pair.posting for pair in (*found.matched, *found.differing)] + [*found.missing_in_bank]
    assert sorted(held, key=repr) == sorted(postings, key=repr)
    assert all(pair.line.minor == pair.posting.minor for pair in found.matched)


# Files

CSV = """account,date,amount,currency,reference,text,balance
MY00 BANK 0001,2026-07-09,20.00,MYR,s-1,BAP settles,120.00
MY00 BANK 0001,2026-07-10,-15.80,MYR,p-1,,104.20
"""
CAMT = """<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt>
<GrpHdr><MsgId>M1</MsgId><CreDtTm>2026-07-31T20:00:00Z</CreDtTm></GrpHdr>
<Stmt><Id>S1</Id><Acct><Id><IBAN>MY00BANK0001</IBAN></Id></Acct>
<Bal><Tp><CdOrPrtry><Cd>OPBD</Cd></CdOrPrtry></Tp><Amt Ccy="MYR">100.00</Amt>
<CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2026-07-01</Dt></Dt></Bal>
<Bal><Tp><CdOrPrtry><Cd>CLBD</Cd></CdOrPrtry></Tp><Amt Ccy="MYR">104.20</Amt>
<CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2026-07-31</Dt></Dt></Bal>
<TxsSummry><TtlNtries><NbOfNtries>2</NbOfNtries><Sum>35.80</Sum></TtlNtries>
<TtlDbtNtries><NbOfNtries>1</NbOfNtries><Sum>15.80</Sum></TtlDbtNtries></TxsSummry>
<Ntry><Amt Ccy="MYR">20.00000</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>
<BookgDt><Dt>2026-07-09</Dt></BookgDt><AcctSvcrRef>BANK-1</AcctSvcrRef><NtryDtls>
<TxDtls><Refs><EndToEndId>s-1</EndToEndId></Refs><Amt Ccy="MYR">12.00</Amt></TxDtls>
<TxDtls><Refs><EndToEndId>NOTPROVIDED</EndToEndId></Refs><Amt Ccy="MYR">8.00</Amt>
<RmtInf><Ustrd>settles s-2</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>
<Ntry><Amt Ccy="MYR">15.80</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>
<BookgDt><DtTm>2026-07-10T08:00:00+08:00</DtTm></BookgDt><NtryDtls>
<TxDtls><Refs><EndToEndId>p-1</EndToEndId></Refs></TxDtls></NtryDtls></Ntry>
<Ntry><Amt Ccy="MYR">9.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>PDNG</Cd></Sts></Ntry>
</Stmt></BkToCstmrStmt></Document>
"""


def read(folder: Path, text: str, name: str = "july.xml") -> tuple[BankStatement, ...]:
    (folder / name).write_text(text)
    return bank_files.read(folder / name)


def test_a_csv_is_read_with_its_balances(tmp_path: Path) -> None:
    (found,) = read(tmp_path, CSV, "july.csv")
    assert (found.number, found.currency) == (IBAN, "MYR")
    assert (found.opening_minor, found.closing_minor) == (10_000, 10_420)
    assert [(each.minor, *each.references) for each in found.lines] == [
        (2000, "s-1"),
        (-1580, "p-1"),
    ]
    assert (found.first, found.last) == (date(2026, 7, 9), JULY)
    assert found.lines[1].place == "july.csv, line 3"


def test_a_camt_053_is_read_with_its_batches_taken_apart(tmp_path: Path) -> None:
    (found,) = read(tmp_path, CAMT)
    assert (found.number, found.opening_minor, found.closing_minor) == (IBAN, 10_000, 10_420)
    assert [each.minor for each in found.lines] == [1200, 800, -1580]
    assert found.lines[0].references == {"s-1"}
    assert (found.lines[1].references, "s-2" in found.lines[1].words) == (frozenset(), True)
    assert (found.lines[2].on, found.lines[2].references) == (JULY, {"p-1"})


@pytest.mark.parametrize("version", ["02", "06", "10", "13"])
def test_other_versions_of_the_message_are_read_alike(tmp_path: Path, version: str) -> None:
    older = CAMT.replace("053.001.08", f"053.001.{version}")
    if version == "02":
        older = older.replace("<Sts><Cd>BOOK</Cd></Sts>", "<Sts>BOOK</Sts>")
    assert [each.minor for each in read(tmp_path, older)[0].lines][-1] == -1580


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("104.20", "104.21", "Stmt[1]: the opening balance and its entries do not come to"),
        ("<Sum>35.80", "<Sum>35.81", "TxsSummry/TtlNtries/Sum"),
        ("<NbOfNtries>2<", "<NbOfNtries>3<", "TtlNtries/NbOfNtries: it says 3"),
        ('"MYR">12.00', '"MYR">12.01', "Ntry[1]: its transactions do not come to its amount"),
        ('"MYR">15.80', '"SGD">15.80', "Ntry[2]/Amt: it is in SGD"),
        ('"MYR">15.80', '"MYR">-15.80', "Ntry[2]/Amt: an amount stands without a sign"),
        ('"MYR">15.80', '"MYR">1.58E1', "Ntry[2]/Amt"),
        ('"MYR">15.80', '"MYR">15.805', "finer than MYR"),
        ("DBIT", "DEBIT", "CdtDbtInd"),
        ("<Dt>2026-07-09", "<Dt>09.07.2026", "Ntry[1]/BookgDt: '09.07.2026' is no day"),
        ("<IBAN>MY00BANK0001</IBAN>", "", "Stmt[1]/Acct/Id/Othr/Id: it is missing"),
        ("CLBD", "CLAV", "no closing balance"),
        ("camt.053", "camt.054", "it is no camt.053"),
        ("camt.053.001.08", "camt.053.001.08x", "it is no camt.053"),
        ('"MYR">12.00', '"SGD">12.00', "Ntry[1]/TxDtls[1]/Amt: it is in SGD"),
        ('"MYR">8.00', '"MYR"><x/>8.00', "TxDtls[2]/Amt: it holds other elements"),
        ("<CdtDbtInd>DBIT", "<CdtDbtInd>CRDT</CdtDbtInd><CdtDbtInd>DBIT", "it stands 2 times"),
        ("<Cd>OPBD", "<Cd>CLBD", "Bal[2]: CLBD stands twice"),
        ("2026-07-09", "2026-07-091", "is no day"),
        ("</Stmt>", "", "not XML"),
        ("<Document", '<!DOCTYPE Document [<!ENTITY x "9">]><Document', "document type"),
    ],
)
def test_a_camt_053_with_one_thing_wrong_is_refused_with_its_place(
    tmp_path: Path, old: str, new: str, says: str
) -> None:
    assert old in CAMT
    with pytest.raises(BadBankFile) as refused:
        read(tmp_path, CAMT.replace(old, new, 1))
    assert says in str(refused.value)


def test_a_comment_cuts_no_amount_short_and_another_namespace_says_nothing(tmp_path: Path) -> None:
    split = CAMT.replace('"MYR">15.80', '"MYR">15<!-- 0 --><?x?>.80')
    foreign = '<f:Ntry xmlns:f="urn:x"><Amt Ccy="MYR">9.00</Amt></f:Ntry></Stmt>'
    (found,) = read(tmp_path, split.replace("</Stmt>", foreign))
    assert [each.minor for each in found.lines] == [1200, 800, -1580]


def test_a_transaction_of_a_batch_may_go_the_other_way_where_the_bank_says_so(
    tmp_path: Path,
) -> None:
    batch = CAMT.replace('"MYR">12.00</Amt>', '"MYR">28.00</Amt><CdtDbtInd>CRDT</CdtDbtInd>')
    batch = batch.replace('"MYR">8.00</Amt>', '"MYR">8.00</Amt><CdtDbtInd>DBIT</CdtDbtInd>')
    (found,) = read(tmp_path, batch)
    assert [each.minor for each in found.lines] == [2800, -800, -1580]


def test_an_entity_that_names_a_file_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s-9")
    named = f'<!DOCTYPE Document [<!ENTITY x SYSTEM "file://{tmp_path}/secret">]><Document'
    with pytest.raises(BadBankFile, match="document type"):
        read(tmp_path, CAMT.replace("<Document", named).replace("s-1", "&x;"))


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("104.20", "104.21", "line 3: the balance is not the one before it and the amount"),
        ("-15.80", "-15,80", "line 3: 8 fields, the header has 7"),
        ("-15.80", "1e3", "line 3: '1e3' is not an amount"),
        ("-15.80", "0.00", "line 3: an amount of zero"),
        ("2026-07-10", "10/07/2026", "line 3: '10/07/2026' is no day"),
        ("0001,2026-07-10", "0002,2026-07-10", "several accounts"),
        ("MYR,p-1", "XXX,p-1", "line 3: 'XXX' is not a currency"),
        ("text,balance", "memo,balance", "line 1: the columns are"),
    ],
)
def test_a_csv_with_one_thing_wrong_is_refused_with_its_line(
    tmp_path: Path, old: str, new: str, says: str
) -> None:
    assert old in CSV
    with pytest.raises(BadBankFile) as refused:
        read(tmp_path, CSV.replace(old, new, 1), "july.csv")
    assert says in str(refused.value)


def test_a_statement_of_another_account_or_currency_is_refused(tmp_path: Path) -> None:
    (found,) = read(tmp_path, CSV, "july.csv")
    assert bank_files.account_of(found, {"1110": "MY99", "1100": IBAN}, "MYR", "f") == "1100"
    with pytest.raises(BadBankFile, match=r"for another account, MY00BANK0001; .*\(1100 = MY99\)"):
        bank_files.account_of(found, {"1100": "MY99"}, "MYR", "f")
    with pytest.raises(BadBankFile, match="it is in MYR, these books are in SGD"):
        bank_files.account_of(found, {"1100": IBAN}, "SGD", "f")
