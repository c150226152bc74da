"""Any one row that an insider edits, removes, adds or moves in a copy of the books is named."""

# ruff: noqa: S608 - the statements are the test's own, no input reaches them
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bpp.ledger import verify
from protocol_specs.node.database.sqlite import FILE_NAME
from protocol_specs.node.store import Store
from tests.bpp.ledger.support import Ledger

pytestmark = pytest.mark.sqlite  # it looks into the file itself

BLOCKS, PER_BLOCK = 4, 3


@dataclass(frozen=True)
class Place:
    """One entry of the books: the n-th of a block, numbered from 0."""

    block: int
    n: int

    @property
    def entry(self) -> str:
        """The sealer takes what waits by its id."""
        first = (self.block - 1) * PER_BLOCK
        return sorted(f"my.scheme/order-{first + n}/1/1" for n in range(PER_BLOCK))[self.n]


PLACES = st.builds(Place, st.integers(1, BLOCKS), st.integers(0, PER_BLOCK - 1))
_entry_edits = [
    f"UPDATE entry SET {column} = {value} WHERE id = '{{entry}}'"
    for column, value in [
        ("at", "at + 1"), ("kind", "'refunded'"), ("order_key", "'another'"),
        ("order_key", "NULL"), ("origin_period", "'2026-08'"), ("declared_in", "'2026-08'"),
        ("by", "'somebody'"),
    ]
]  # fmt: skip
_transfer_edits = [
    f"UPDATE transfer SET {change} WHERE entry = '{{entry}}' AND n = {n}"
    for n in (1, 2)
    for change in [
        "amount_minor = amount_minor + 1", "debit = credit, credit = debit", "debit = '1220:w9'",
        "n = n + 10",
    ]
]  # fmt: skip
# What is done to one entry, and what the report then names: the entry itself, in every case.
ENTRY_CHANGES = [
    *_entry_edits,
    *_transfer_edits,
    "UPDATE entry SET currency = 'SGD' WHERE id = '{entry}'",
    "UPDATE entry SET id = id || 'x' WHERE id = '{entry}'",
    "DELETE FROM entry WHERE id = '{entry}'",
    "DELETE FROM transfer WHERE entry = '{entry}' AND n = 2",
    "DELETE FROM transfer WHERE entry = '{entry}'",
    "INSERT INTO transfer VALUES ('{entry}', 3, 'MYR', '1200', '4000', 5)",
    "UPDATE leaf_salt SET salt = randomblob(16) WHERE entry = '{entry}'",
    "DELETE FROM leaf_salt WHERE entry = '{entry}'",
    "UPDATE sealed_leaf SET hash = randomblob(32) WHERE entry = '{entry}'",
    "DELETE FROM sealed_leaf WHERE entry = '{entry}'",
    "INSERT INTO unsealed VALUES ('{entry}')",
]
BLOCK_CHANGES = [
    "UPDATE block SET sealed_at = sealed_at - 1 WHERE number = {block}",
    "UPDATE block SET leaf_count = leaf_count + 1 WHERE number = {block}",
    "UPDATE block SET signature = randomblob(64) WHERE number = {block}",
    "UPDATE block SET head = CAST(head || ' ' AS BLOB) WHERE number = {block}",
    "DELETE FROM block WHERE number = {block}",
    "UPDATE block SET number = 99 WHERE number = {block}",
    "UPDATE sealed_leaf SET position = position + 50 WHERE block = {block}",
    "UPDATE sealed_leaf SET block = 98 WHERE block = {block} AND position = 0",
    "INSERT INTO sealed_leaf VALUES ({block}, 3, 'forged/1', randomblob(32))",
]
ADDED = [
    ("INSERT INTO entry (id, currency, at, kind) VALUES ('forged/1', 'MYR', 1, 'payout')",
     "forged/1"),
    ("INSERT INTO transfer VALUES ('forged/1', 1, 'MYR', '1200', '4000', 5)", "forged/1"),
    ("INSERT INTO leaf_salt VALUES ('forged/1', randomblob(16))", "forged/1"),
    ("INSERT INTO unsealed VALUES ('forged/1')", "forged/1"),
    ("INSERT INTO account (id, currency, number) VALUES ('9999', 'MYR', 9999)", "9999"),
    ("INSERT INTO block VALUES (5, 3, 1, x'7b7d', randomblob(64))", "block 5"),
]  # fmt: skip


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Ledger:
    """Sound books of four blocks, closed, to be copied."""
    ledger = Ledger(tmp_path_factory.mktemp("books"))
    ledger.seal(blocks=BLOCKS)
    assert ledger.report(with_witness=True).is_sound
    ledger.store.close()
    return ledger


@pytest.fixture(scope="module")
def report(whole: Ledger) -> Callable[..., verify.Report]:
    """What verifying says of a copy in which these statements were run, triggers dropped."""
    copy = whole.folder / "copy"

    def run(*statements: str, with_witness: bool = False) -> verify.Report:
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(whole.data, copy)
        books = sqlite3.connect(copy / FILE_NAME, isolation_level=None)
        named = books.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for (name,) in named:
            books.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            assert books.execute(statement).rowcount > 0, statement
        books.close()
        store = Store.read_only(copy)
        try:
            return verify.verify(store, whole.witness if with_witness else None, whole.key.public)
        finally:
            store.close()

    return run


many = settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture])


@many
@given(place=PLACES, change=st.sampled_from(ENTRY_CHANGES))
def test_whatever_is_done_to_an_entry_it_is_named(
    report: Callable[..., verify.Report], place: Place, change: str
) -> None:
    faults = report(change.format(entry=place.entry)).faults
    if change.startswith("DELETE FROM sealed_leaf"):
        assert any(f"block {place.block} has 2 leaves" in fault for fault in faults), faults
    assert any(
        place.entry in fault or f"block {place.block}: its leaves" in fault for fault in faults
    ), faults
    others = [f"order-{n}/" for n in range(24) if f"order-{n}/" not in place.entry]
    assert not [f for f in faults if any(other in f for other in others)], faults


@many
@given(number=st.integers(1, BLOCKS), change=st.sampled_from(BLOCK_CHANGES))
def test_whatever_is_done_to_a_block_it_is_named(
    report: Callable[..., verify.Report], number: int, change: str
) -> None:
    faults = report(change.format(block=number), with_witness=True).faults
    assert any(f"block {number}" in f or f"head {number}" in f for f in faults), faults


@pytest.mark.parametrize(("change", "named"), ADDED)
def test_a_row_that_was_added_is_named(
    report: Callable[..., verify.Report], change: str, named: str
) -> None:
    faults = report(change).faults
    assert any(named in fault for fault in faults), faults


@many
@given(one=PLACES, other=PLACES, is_hash_moved_too=st.booleans())
def test_two_leaves_that_changed_places_are_named_by_their_blocks(
    report: Callable[..., verify.Report], one: Place, other: Place, is_hash_moved_too: bool
) -> None:
    if one == other:
        return
    places = {place: (place.block, place.n) for place in (one, other)}
    swap = [f"UPDATE sealed_leaf SET block = 90, position = 0 WHERE entry = '{one.entry}'"]
    for place, to in ((other, places[one]), (one, places[other])):
        swap.append(
            f"UPDATE sealed_leaf SET block = {to[0]}, position = {to[1]} "
            f"WHERE entry = '{place.entry}'"
        )
    if is_hash_moved_too:
        keep = f"(SELECT hash FROM sealed_leaf WHERE entry = '{one.entry}')"
        swap.append(f"UPDATE sealed_leaf SET hash = {keep} WHERE entry = '{other.entry}'")
    faults = report(*swap).faults
    for place in (one, other):
        assert any(f"block {place.block}" in fault for fault in faults), faults


@settings(parent=many, max_examples=20)
@given(kept=st.integers(0, BLOCKS - 1))
def test_a_cut_tail_of_any_length_is_named_with_the_witness_alone(
    report: Callable[..., verify.Report], kept: int
) -> None:
    gone = f"(SELECT entry FROM sealed_leaf WHERE block > {kept})"
    cut = [
        f"DELETE FROM transfer WHERE entry IN {gone}",
        f"DELETE FROM leaf_salt WHERE entry IN {gone}",
        f"DELETE FROM entry WHERE id IN {gone}",
        f"DELETE FROM sealed_leaf WHERE block > {kept}",
        f"DELETE FROM block WHERE number > {kept}",
        *(["DELETE FROM account"] if not kept else []),
    ]
    assert report(*cut).is_sound
    (fault,) = report(*cut, with_witness=True).faults
    assert f"ends at block {kept}, the witness holds block {BLOCKS}: the tail was cut" in fault
