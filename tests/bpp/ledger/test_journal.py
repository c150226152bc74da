"""The journal takes each entry once, and the database itself keeps what it took."""

# ruff: noqa: S608 - the statements are the test's own, no input reaches them
from pathlib import Path

import pytest
from sqlalchemy import text

from bpp.ledger import balances, chart, journal
from bpp.ledger.entry import LedgerError, Transfer, move
from protocol_specs.node.store import Conflict, Session, Statement
from protocol_specs.wire.values import replace
from tests.bpp.ledger.support import ASIDE, Ledger, an_entry


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    ledger = Ledger(tmp_path)
    ledger.seal()
    return ledger


def rows(ledger: Ledger) -> list[tuple[object, ...]]:
    """Every row of the books."""
    tables = ("account", "entry", "transfer", "block", "sealed_leaf", "leaf_salt")

    def unit(session: Session) -> list[tuple[object, ...]]:
        return [
            tuple(row)
            for table in tables
            for row in session.all(Statement(text(f"SELECT * FROM {table}")))
        ]

    return ledger.store.read(unit)


def test_the_same_entry_again_changes_nothing(ledger: Ledger) -> None:
    before = rows(ledger)
    is_new = ledger.store.transact_now(lambda session: journal.post(session, an_entry(0)))
    assert is_new is False
    assert rows(ledger) == before


@pytest.mark.parametrize(
    "change",
    [
        lambda entry: an_entry(0, amount_minor=21),
        lambda entry: an_entry(0, currency="INR"),
        lambda entry: replace(entry, transfers=entry.transfers[:1]),
        lambda entry: replace(entry, transfers=()),
    ],
    ids=["another amount", "another currency", "a transfer less", "none"],
)
def test_the_same_id_with_other_amounts_is_an_error_that_names_the_entry(
    ledger: Ledger, change: object
) -> None:
    before = rows(ledger)
    other = change(an_entry(0))  # type: ignore[operator]  # one of the lambdas above
    with pytest.raises(LedgerError, match=r"my\.scheme/order-0/1/1"):
        ledger.store.transact_now(lambda session: journal.post(session, other))
    assert rows(ledger) == before


def test_an_entry_without_transfers_is_a_fact(ledger: Ledger) -> None:
    empty = replace(an_entry(77), transfers=())
    ledger.post(empty)
    stands = ledger.store.read(lambda session: journal.document(session, empty.id))
    assert stands == journal.written(empty)


@pytest.mark.sqlite
@pytest.mark.parametrize("table", ["account", "entry", "transfer", "block", "sealed_leaf"])
@pytest.mark.parametrize("verb", ["UPDATE {} SET {} = {}", "DELETE FROM {}", "REPLACE INTO {}"])
def test_the_database_refuses_to_change_or_remove_a_row(
    ledger: Ledger, table: str, verb: str
) -> None:
    columns = ledger.store.read(lambda s: s.all(Statement(text(f"PRAGMA table_info({table})"))))
    first = columns[0]["name"]
    sql = verb.format(table, first, first)
    if verb.startswith("REPLACE"):
        sql = f"{sql} SELECT * FROM {table}"
    before = rows(ledger)
    with pytest.raises(Conflict, match=f"{table} is append-only"):
        ledger.store.transact_now(lambda session: session.run(Statement(text(sql))))
    assert rows(ledger) == before


@pytest.mark.sqlite
def test_a_salt_is_never_changed_but_may_be_erased(ledger: Ledger) -> None:
    with pytest.raises(Conflict):
        ledger.store.transact_now(
            lambda session: session.run(Statement(text("UPDATE leaf_salt SET salt = x'00'")))
        )
    erased = ledger.store.transact_now(
        lambda session: session.run(Statement(text("DELETE FROM leaf_salt")))
    )
    assert erased == 3


@pytest.mark.sqlite
@pytest.mark.parametrize(
    "values",
    [
        "'my.scheme/order-0/1/1', 9, 'MYR', '1200', '4000', 0",
        "'my.scheme/order-0/1/1', 9, 'MYR', '1200', '4000', -5",
        "'my.scheme/order-0/1/1', 9, 'MYR', '1200', '1200', 5",
        "'my.scheme/order-0/1/1', 9, 'INR', '1200', '4000', 5",
        "'my.scheme/order-0/1/1', 9, 'MYR', '1200', '9999', 5",
        "'no such entry', 9, 'MYR', '1200', '4000', 5",
        "'my.scheme/order-0/1/1', 1, 'MYR', '1200', '4000', 5",
    ],
    ids=["zero", "negative", "to itself", "currency", "account", "entry", "twice"],
)
def test_the_shape_of_the_table_refuses_what_would_not_balance(ledger: Ledger, values: str) -> None:
    before = rows(ledger)
    sql = (
        f"INSERT INTO transfer (entry, n, currency, debit, credit, amount_minor) VALUES ({values})"
    )
    with pytest.raises(Conflict):
        ledger.store.transact_now(lambda session: session.run(Statement(text(sql))))
    assert rows(ledger) == before


def test_a_transfer_of_nothing_or_to_itself_cannot_be_made() -> None:
    with pytest.raises(LedgerError):
        Transfer(chart.bank(), ASIDE, 0)
    with pytest.raises(LedgerError):
        Transfer(ASIDE, ASIDE, 5)


def test_moving_a_negative_amount_is_the_transfer_the_other_way_round() -> None:
    assert move(chart.bank(), ASIDE, -5) == (Transfer(ASIDE, chart.bank(), 5),)
    assert move(chart.bank(), ASIDE, 0) == ()


def test_every_account_has_an_id_of_its_own_and_a_title() -> None:
    accounts = [
        chart.contribution_set_aside("s", "w", "p"),
        chart.rounding_and_cap("s", "w", "p"),
        chart.contribution_due("s", "w", "p"),
        chart.set_aside_contra_of("w"),
        chart.set_aside_contra_of_cooperative(),
        chart.excess_held("s", "w"),
        chart.credit_at_institution("s", "w"),
        chart.contribution_trust_bank("s"),
        chart.remittance_in_transit("r"),
        chart.contribution_declared("r"),
    ]
    assert len({account.id for account in accounts}) == len(accounts)
    assert all(account.number in chart.TITLES for account in accounts)


def test_balances_statement_and_sums_are_derived_from_the_transfers(ledger: Ledger) -> None:
    stands = ledger.store.read(balances.balances)
    assert {line.account: line.balance_minor for line in stands} == {
        "1200": 1200,
        "1230:w1": 60,
        ASIDE.id: 60,
        "4000": 1200,
    }
    assert ledger.store.read(balances.sums) == {"MYR": (1260, 1260)}
    lines = ledger.store.read(lambda session: balances.statement(session, "w1"))
    assert [(line.debit, line.amount_minor) for line in lines] == [("1230:w1", 20)] * 3
    assert ledger.store.read(lambda session: balances.statement(session, "w2")) == []
