"""Reports for institutions: built from the books, their sums the ledger's, no cell a formula."""

import csv
import io
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpp.declined import Declined
from bpp.insurance import table
from bpp.insurance.people import identity
from bpp.insurance.people.tables import MemberNumber, PersonRow
from bpp.insurance.remittance.files import form_xx, karnataka, remittance_csv
from bpp.insurance.remittance.files.form_xx import Given
from protocol_specs.node.store import Statement
from tests.bpp.insurance.remittance.files.banking import declared
from tests.bpp.insurance.remittance.support import close, job, refund
from tests.bpp.insurance.support import KA, MY, Coop, ka_coop
from tests.support.databases import by_hand

Q2 = "FY2026-27Q2"


def parsed(raw: bytes) -> tuple[list[str], list[dict[str, str]]]:
    """The notes, and the rows by their columns."""
    rows = list(csv.reader(io.StringIO(raw.decode(), newline="")))
    notes = [row[0] for row in rows if row[0].startswith("#")]
    header, *rest = rows[len(notes) :]
    return notes, [dict(zip(header, row, strict=True)) for row in rest]


def member(coop: Coop, agent: str, scheme: str, number: str) -> None:
    row = MemberNumber.__table__.insert()
    values = {"worker": coop.local(agent), "scheme": scheme, "number": number, "at": 1, "by": "d"}
    coop.store.transact_now(lambda s: s.run(Statement(row), **values))


@given(st.lists(st.lists(st.text(), min_size=1, max_size=3), max_size=4))
def test_no_cell_is_a_formula_and_none_breaks_its_row(rows: list[list[str]]) -> None:
    raw = table.write(["a"], rows, ["note"])
    found = list(csv.reader(io.StringIO(raw.decode("utf-8", "strict"), newline="")))
    assert len(found) == len(rows) + 2
    for ours, row in zip(rows, found[2:], strict=True):
        assert len(row) == len(ours)
        for cell in row:
            is_number = cell[:1] == "-" and cell[1:2].isdigit()
            assert cell[:1] not in {"=", "+", "@", "\t", "\r"}
            assert cell[:1] != "-" or is_number


def test_a_remittance_is_told_worker_by_worker_and_comes_to_the_ledger(tmp_path: Path) -> None:
    coop, id = declared(tmp_path)
    member(coop, "a1", MY, "=HYPERLINK(1)")
    notes, rows = parsed(coop.store.read(lambda s: remittance_csv.write(s, id)))
    assert notes[0] == f"# {remittance_csv.OURS}"
    by = {row["number"]: row for row in rows}
    assert by["'=HYPERLINK(1)"] == {
        "number": "'=HYPERLINK(1)", "category": "", "earnings": "1600.00", "orders": "1",
        "amount": "20.00", "borne_by_worker": "20.00", "borne_by_cooperative": "0.00",
        "currency": "MYR", "state": "collected",
    }  # fmt: skip
    assert by[coop.local("a2")]["amount"] == "10.00"
    assert (by["TOTAL"]["orders"], by["TOTAL"]["amount"]) == ("2", "30.00")
    assert rows[-1]["number"] == "TOTAL"


def test_a_line_that_is_not_the_ledgers_is_in_no_file(tmp_path: Path) -> None:
    coop, id = declared(tmp_path)
    worker = coop.local("a1")
    by_hand(
        coop.store,
        f"UPDATE remittance_line SET worker_minor = 1999, amount_minor = 1999 "  # noqa: S608 - ours
        f"WHERE worker = '{worker}'",
    )
    with pytest.raises(Declined, match=f"the line of {worker} says 1999, the ledger 2000"):
        coop.store.read(lambda s: remittance_csv.write(s, id))


def in_karnataka(folder: Path) -> Coop:
    """Two jobs of a quarter: 33.33 by motorcycle, and 400.00 by cab."""
    coop = ka_coop(folder, commission_rate="0")
    job(coop, "o1", 3_333, "2026-07-10", vehicle_category="MOTORCYCLE")
    job(coop, "o2", 40_000, "2026-08-11", agent="a2")
    return coop


def test_a_quarter_is_told_transaction_by_transaction(tmp_path: Path) -> None:
    coop = in_karnataka(tmp_path)
    member(coop, "a1", KA, "KA-0001")
    found = close(coop, Q2, "2026-10-01")
    notes, rows = parsed(coop.store.read(lambda s: karnataka.write(s, Q2)))
    one, two, total = rows
    assert one == {
        "board_id": "KA-0001", "uan": "", "transaction": "o1", "date": "2026-07-10",
        "category": "ride", "vehicle_class": "2W", "payout": "33.33", "cap": "0.50",
        "fee": "0.33", "currency": "INR",
    }  # fmt: skip
    assert (two["vehicle_class"], two["payout"], two["fee"]) == ("4W", "400.00", "1.00")
    assert (total["transaction"], total["payout"], total["fee"]) == ("2", "433.33", "1.33")
    assert found.amount_minor == 133
    assert f"# remittance {found.id}: 1.33" in notes
    assert any("only the office's private key" in note for note in notes)


def test_a_refund_after_the_quarter_is_a_line_of_the_next_with_the_difference(
    tmp_path: Path,
) -> None:
    coop = in_karnataka(tmp_path)
    late = job(coop, "o3", 5_000, "2026-09-01", vehicle_category="MOTORCYCLE")
    close(coop, Q2, "2026-10-01")
    first = coop.store.read(lambda s: karnataka.write(s, Q2))
    refund(coop, late, 2_000, "2026-10-05")
    assert coop.store.read(lambda s: karnataka.write(s, Q2)) == first
    _, rows = parsed(coop.store.read(lambda s: karnataka.write(s, "FY2026-27Q3")))
    assert [(r["transaction"], r["payout"], r["fee"]) for r in rows] == [
        ("o3", "-20.00", "-0.20"),
        ("1", "-20.00", "-0.20"),
    ]


def test_only_the_offices_private_key_opens_the_numbers_of_people(tmp_path: Path) -> None:
    coop = in_karnataka(tmp_path)
    private, public = (identity.key_of(half) for half in identity.new_pair())
    sealed = identity.seal(identity.Identity("uan", "123456789012"), public)
    row = PersonRow.__table__.insert()
    values: dict[str, Any] = {column.name: None for column in PersonRow.__table__.columns}
    values |= {"worker": coop.local("a1"), "born": "1996-03-09", "sector": "ride", "by": "d"}
    values |= {"identity_kind": "uan", "identity_sealed": sealed, "identity_hash": b"h"}
    values |= {"enrolled_at": 1}
    coop.store.transact_now(lambda s: s.run(Statement(row), **values))
    with_key = coop.store.read(lambda s: karnataka.write(s, Q2, private))
    without = coop.store.read(lambda s: karnataka.write(s, Q2))
    assert parsed(with_key)[1][0]["uan"] == "123456789012"
    assert b"123456789012" not in without
    with pytest.raises(Declined, match="not sealed to the public half"):
        coop.store.read(lambda s: karnataka.write(s, Q2, bytes(32)))


@pytest.mark.parametrize("period", ["2026-07", "FY2026-27", "FY2026-28Q1", "nonsense"])
def test_what_is_no_quarter_is_refused(tmp_path: Path, period: str) -> None:
    coop = in_karnataka(tmp_path)
    with pytest.raises(Declined, match="is no quarter"):
        coop.store.read(lambda s: karnataka.write(s, period))


def test_form_xx_takes_the_lesser_of_turnover_and_payouts_and_counts_days(tmp_path: Path) -> None:
    coop = in_karnataka(tmp_path)
    job(coop, "o4", 10_000, "2026-07-10", vehicle_category="MOTORCYCLE")
    job(coop, "o5", 10_000, "2026-03-31", vehicle_category="MOTORCYCLE")  # the year before
    given_ = Given("FY2026-27", 1_000_000, Decimal("0.01"))
    notes, rows = parsed(coop.store.read(lambda s: form_xx.write(s, given_, "coop.example")))
    by = {row["worker"]: row for row in rows}
    one = by[coop.local("a1")]
    assert (one["payouts"], one["days"], one["reaches_them"]) == ("133.33", "1", "no")
    assert "# by turnover 100.00" in notes
    assert "# at most, of payouts 26.67" in notes  # 5 % of 533.33
    assert "# due 26.67" in notes
    assert any("NOT VERIFIED" in note for note in notes)
    assert any(note.startswith("# payouts to not recorded: 2 workers") for note in notes)


@pytest.mark.parametrize(
    ("year", "rate", "says"),
    [
        ("FY2026-27", "0.05", "outside 0.01 to 0.02"),
        ("2026", "0.01", "no year of India"),
        ("FY2026-27Q1", "0.01", "no year of India"),
    ],
)
def test_form_xx_wants_a_year_and_a_rate_of_the_code(
    tmp_path: Path, year: str, rate: str, says: str
) -> None:
    coop = in_karnataka(tmp_path)
    with pytest.raises(Declined, match=says):
        coop.store.read(lambda s: form_xx.write(s, Given(year, 1, Decimal(rate)), "c"))


@pytest.mark.parametrize(
    "text", ["  =1+1", "\u00a0=1", "\uff1d1+1", "\uff0b1", "|calc", "%0A=1", "\n=1"]
)
def test_a_formula_behind_blanks_or_in_wide_signs_is_none(text: str) -> None:
    assert table.cell(text).startswith("'")


def test_a_quarter_is_read_some_orders_at_a_time_and_comes_out_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    coop = in_karnataka(tmp_path)
    for n in range(5):
        job(coop, f"p{n}", 3_333, "2026-09-01", agent=f"b{n}", vehicle_category="MOTORCYCLE")
    whole = coop.store.read(lambda s: karnataka.write(s, Q2))
    monkeypatch.setattr(karnataka, "ORDERS_AT_ONCE", 2)
    monkeypatch.setattr(table, "ROWS_AT_ONCE", 1)
    assert coop.store.read(lambda s: karnataka.write(s, Q2)) == whole
    read: list[str] = []
    real = karnataka._one
    monkeypatch.setattr(karnataka, "_one", lambda *a: read.append(a[3]) or real(*a))  # type: ignore[func-returns-value]

    def first_row(session: Any) -> None:
        parts = karnataka.parts(session, Q2)
        while not next(parts).startswith(b"w"):
            pass

    coop.store.read(first_row)
    assert read == ["o1"]


def test_a_quarter_that_is_not_the_ledgers_leaves_no_file(tmp_path: Path) -> None:
    coop = in_karnataka(tmp_path)
    by_hand(
        coop.store,
        f"UPDATE transfer SET amount_minor = 32 WHERE credit LIKE '2210:%:{coop.local('a1')}:%'",  # noqa: S608 - our own names
    )
    with pytest.raises(Declined, match="come to 133, the ledger to 132"):
        coop.store.read(lambda s: karnataka.write(s, Q2))


def test_a_job_cancelled_after_its_quarter_is_a_line_of_the_next(tmp_path: Path) -> None:
    coop = in_karnataka(tmp_path)
    late = job(coop, "o3", 5_000, "2026-09-01", vehicle_category="MOTORCYCLE")
    close(coop, Q2, "2026-10-01")
    refund(coop, late, 5_000, "2026-10-05")
    _, rows = parsed(coop.store.read(lambda s: karnataka.write(s, "FY2026-27Q3")))
    assert [(r["transaction"], r["payout"], r["fee"]) for r in rows] == [
        ("o3", "-50.00", "-0.50"),
        ("1", "-50.00", "-0.50"),
    ]
