"""Whatever an insider changes in the file, verifying finds it and says which."""

# ruff: noqa: S608 - the statements are the test's own, no input reaches them
import shutil
from functools import partial
from pathlib import Path

import pytest

from bpp.ledger import commands, head, merkle, sealing, verify
from bpp.ledger.entry import LedgerError
from bpp.ledger.sealing import Sealer
from bpp.ledger.witness import BadWitness, Witness, read
from protocol_specs.wire.keys import generate_signing_key
from protocol_specs.wire.values import replace
from tests.bpp.ledger.support import NOW, Ledger, an_entry

pytestmark = pytest.mark.sqlite  # it looks into the file itself

FIRST, SECOND = "my.scheme/order-0/1/1", "my.scheme/order-1/1/1"


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    ledger = Ledger(tmp_path)
    ledger.seal(blocks=3)
    return ledger


def test_an_untouched_ledger_holds_against_its_witness(ledger: Ledger) -> None:
    report = ledger.report(with_witness=True)
    assert (report.faults, report.notes) == ((), ())
    assert (report.entries, report.blocks, report.balanced) == (9, 3, True)


def test_who_finds_a_fault_is_told_what_to_do(
    ledger: Ledger, capsys: pytest.CaptureFixture[str]
) -> None:
    heading = "When the books do not hold"
    sound = ledger.report(with_witness=True)
    commands._print_report(sound)
    assert heading not in capsys.readouterr().out
    commands._print_report(replace(sound, faults=("block 2 is missing",)))
    assert f'docs/ledger.md, "{heading}"' in capsys.readouterr().out
    guide = Path(__file__).parents[3] / "docs" / "ledger.md"
    assert f"\n### {heading}\n" in guide.read_text()


def test_without_a_witness_it_says_what_it_did_not_check(ledger: Ledger) -> None:
    report = ledger.report()
    assert report.is_sound
    assert any("NOT checked" in note for note in report.notes)


def test_before_the_first_block_there_need_be_no_witness(tmp_path: Path) -> None:
    young = Ledger(tmp_path)
    assert not young.witness.exists()
    report = young.report(with_witness=True)
    assert report.is_sound
    assert any("nothing was sealed yet" in note for note in report.notes)


def test_for_a_minute_after_the_first_block_no_head_need_be_witnessed_yet(ledger: Ledger) -> None:
    store, key = ledger.store, ledger.key
    first = store.read(lambda session: sealing.block_of(session, 1))
    assert first is not None
    sealed_at = first["sealed_at"]
    for lose in (partial(ledger.witness.write_bytes, b""), ledger.witness.unlink):
        lose()
        report = verify.verify(store, ledger.witness, key.public, sealed_at + 60)
        assert report.is_sound
        assert any("ask again" in note for note in report.notes)
        with pytest.raises(BadWitness):
            verify.verify(store, ledger.witness, key.public, sealed_at + 61)


def test_a_lost_witness_is_said_and_not_passed_over(ledger: Ledger) -> None:
    ledger.witness.unlink()
    with pytest.raises(BadWitness, match="the witness is missing, though blocks were sealed"):
        ledger.report(with_witness=True)


def test_an_emptied_witness_is_said_and_not_passed_over(ledger: Ledger) -> None:
    ledger.witness.write_bytes(b"")
    with pytest.raises(BadWitness, match="holds no head"):
        ledger.report(with_witness=True)


def test_a_witness_that_ends_early_vouches_for_no_more_than_it_holds(ledger: Ledger) -> None:
    first = ledger.witness.read_bytes().splitlines(keepends=True)[0]
    ledger.witness.write_bytes(first)
    report = ledger.report(with_witness=True)
    assert report.is_sound
    assert report.notes == ("the witness ends at block 1: nothing outside vouches for 2 since",)


def test_entries_that_wait_for_their_block_are_said(ledger: Ledger) -> None:
    ledger.post(an_entry(50))
    report = ledger.report()
    assert report.is_sound
    assert report.waiting == 1


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("UPDATE transfer SET amount_minor = 19 WHERE entry = '{0}' AND n = 1", "{0} of block 1"),
        ("UPDATE transfer SET credit = '1200', debit = '4000' WHERE entry = '{0}' AND n = 2",
         "{0} of block 1"),
        ("UPDATE entry SET at = at + 1 WHERE id = '{0}'", "{0} of block 1"),
        ("UPDATE entry SET declared_in = '2026-08' WHERE id = '{0}'", "{0} of block 1"),
        ("DELETE FROM transfer WHERE entry = '{0}' AND n = 2", "{0} of block 1"),
        ("DELETE FROM entry WHERE id = '{0}'", "{0} of block 1 was removed"),
        ("INSERT INTO transfer VALUES ('{0}', 3, 'MYR', '1200', '4000', 5)", "{0} of block 1"),
        ("UPDATE transfer SET n = n + 10 WHERE entry = '{0}'", "{0} of block 1"),
        ("UPDATE leaf_salt SET salt = zeroblob(16) WHERE entry = '{0}'", "{0} of block 1"),
        ("DELETE FROM leaf_salt WHERE entry = '{0}'", "its salt is gone"),
        ("DELETE FROM sealed_leaf WHERE entry = '{0}'", "block 1 has 2 leaves"),
        ("DELETE FROM block WHERE number = 2", "block 2 is missing"),
        ("UPDATE block SET sealed_at = sealed_at + 1 WHERE number = 2", "sealed_at"),
        ("UPDATE block SET signature = zeroblob(64) WHERE number = 2", "signature of head 2"),
        ("UPDATE block SET head = CAST('{{}}' AS BLOB) WHERE number = 2", "cannot be read"),
        ("DELETE FROM account WHERE id = '4000'", "one of its accounts is missing"),
        ("UPDATE account SET number = 1100 WHERE id = '4000'", "account 4000 says it is 1100"),
        ("UPDATE account SET worker = 'w9' WHERE id = '1230:w1'", "says it is 1230:w9"),
        ("INSERT INTO account (id, currency, number, worker) VALUES ('2100:w9', 'MYR', 2100, 'w9')",
         "account 2100:w9 in MYR was never posted to"),
    ],
)  # fmt: skip
def test_a_changed_row_is_found_and_named(ledger: Ledger, change: str, says: str) -> None:
    ledger.tamper(change.format(FIRST))
    faults = ledger.report().faults
    assert any(says.format(FIRST) in fault for fault in faults), faults


def test_an_entry_added_past_the_journal_is_found(ledger: Ledger) -> None:
    ledger.tamper(
        "INSERT INTO entry (id, currency, at, kind, order_key, origin_period, declared_in) "
        "VALUES ('forged/1', 'MYR', 1, 'confirmed', NULL, NULL, NULL)"
    )
    (fault,) = ledger.report().faults
    assert "forged/1 is in no block" in fault


def test_two_leaves_that_changed_places_are_found(ledger: Ledger) -> None:
    ledger.tamper(
        f"UPDATE sealed_leaf SET position = 99 WHERE entry = '{FIRST}'",
        f"UPDATE sealed_leaf SET position = 0 WHERE entry = '{SECOND}'",
        f"UPDATE sealed_leaf SET position = 1 WHERE entry = '{FIRST}'",
    )
    (fault,) = ledger.report().faults
    assert "block 1: its leaves do not give its root" in fault


def test_an_entry_with_its_leaf_made_anew_still_misses_the_root(ledger: Ledger) -> None:
    """The insider edits the entry and puts the right new hash into its leaf."""
    salt = bytes(16)
    document = {
        "id": FIRST, "currency": "MYR", "at": NOW, "kind": "confirmed", "order_key": "order-0",
        "origin_period": "2026-07", "declared_in": "2026-07", "transfers": [],
    }  # fmt: skip
    forged = sealing.leaf(document, salt)
    ledger.tamper(
        f"DELETE FROM transfer WHERE entry = '{FIRST}'",
        f"UPDATE leaf_salt SET salt = zeroblob(16) WHERE entry = '{FIRST}'",
        f"UPDATE sealed_leaf SET hash = x'{forged.hex()}' WHERE entry = '{FIRST}'",
    )
    (fault,) = ledger.report().faults
    assert "do not give its root" in fault


def test_another_nodes_key_is_not_believed(ledger: Ledger) -> None:
    ledger.key = generate_signing_key()
    assert any("another ledger key" in fault for fault in ledger.report().faults)


def cut_tail(ledger: Ledger) -> None:
    """Removes the last block whole, with its entries: what is left is consistent in itself."""
    last = "(SELECT entry FROM sealed_leaf WHERE block = 3)"
    ledger.tamper(
        f"DELETE FROM transfer WHERE entry IN {last}",
        f"DELETE FROM leaf_salt WHERE entry IN {last}",
        f"DELETE FROM entry WHERE id IN {last}",
        "DELETE FROM sealed_leaf WHERE block = 3",
        "DELETE FROM block WHERE number = 3",
    )


def test_a_cut_tail_is_found_by_the_witness_alone(ledger: Ledger) -> None:
    cut_tail(ledger)
    assert ledger.report().is_sound
    (fault,) = ledger.report(with_witness=True).faults
    assert "ends at block 2, the witness holds block 3" in fault


def test_a_restored_backup_that_went_on_is_found_by_the_witness(ledger: Ledger) -> None:
    ledger.store.close()
    shutil.copytree(ledger.data, ledger.folder / "backup")
    ledger.open()
    ledger.seal()
    ledger.store.close()
    shutil.rmtree(ledger.data)
    shutil.copytree(ledger.folder / "backup", ledger.data)
    ledger.open()
    ledger.witnessing = Witness(ledger.folder / "another")  # the insider hides the new head
    ledger.entries += 100
    ledger.seal()
    assert ledger.report().is_sound
    (fault,) = ledger.report(with_witness=True).faults
    assert "block 4 is not the one the witness holds" in fault


def test_a_chain_written_anew_with_the_ledger_key_is_found_by_the_witness(ledger: Ledger) -> None:
    cut_tail(ledger)
    ledger.tamper("INSERT INTO unsealed SELECT entry FROM sealed_leaf WHERE block = 2")
    ledger.tamper(
        "DELETE FROM leaf_salt WHERE entry IN (SELECT entry FROM sealed_leaf WHERE block = 2)",
        "DELETE FROM sealed_leaf WHERE block = 2",
        "DELETE FROM block WHERE number = 2",
        "UPDATE transfer SET amount_minor = 1 WHERE entry = 'my.scheme/order-3/1/1'",
    )
    ledger.store.close()
    ledger.open()
    assert ledger.store.transact_now(lambda session: Sealer(ledger.key).seal_next(session, NOW))
    assert ledger.report().is_sound
    faults = ledger.report(with_witness=True).faults
    assert any("block 2 is not the one the witness holds" in fault for fault in faults)


def test_one_block_written_anew_with_the_ledger_key_breaks_the_chain_behind_it(
    ledger: Ledger,
) -> None:
    """The insider edits an entry and seals its block again, consistently, with the real key."""
    from bpp.ledger import journal

    second = ledger.store.read(lambda session: sealing.blocks_after(session, 1)[0])
    old = sealing.head_of(second)
    ledger.tamper("UPDATE transfer SET amount_minor = 1 WHERE entry = 'my.scheme/order-3/1/1'")
    names = [f"my.scheme/order-{n}/1/1" for n in (3, 4, 5)]
    documents = [ledger.store.read(lambda s, id=name: journal.document(s, id)) for name in names]
    hashes = [sealing.leaf(document, bytes(16)) for document in documents]
    forged = replace(old, root=merkle.root(hashes).hex())
    ledger.tamper(
        *(
            f"UPDATE sealed_leaf SET hash = x'{leaf.hex()}' WHERE block = 2 AND entry = '{name}'"
            for leaf, name in zip(hashes, names, strict=True)
        ),
        "UPDATE leaf_salt SET salt = zeroblob(16) "
        "WHERE entry IN (SELECT entry FROM sealed_leaf WHERE block = 2)",
        f"UPDATE block SET head = x'{forged.bytes().hex()}', "
        f"signature = x'{ledger.key.sign(forged.bytes()).hex()}' WHERE number = 2",
    )
    (fault,) = ledger.report().faults
    assert "block 3 does not follow the block before it" in fault


def test_a_node_does_not_go_on_from_books_older_than_its_witness(ledger: Ledger) -> None:
    cut_tail(ledger)
    with pytest.raises(LedgerError, match="older backup was restored"):
        ledger.store.read(Witness(ledger.witness).compare)


def test_a_node_does_not_start_over_a_witness_that_was_taken_away(ledger: Ledger) -> None:
    ledger.witness.unlink()
    with pytest.raises(LedgerError, match="is missing, though blocks were sealed"):
        ledger.store.read(Witness(ledger.witness).begin)
    assert not ledger.witness.exists()
    # The way out that the message names: somebody puts an empty file there, knowing what it means.
    ledger.witness.touch()
    ledger.store.read(Witness(ledger.witness).begin)


def test_new_books_get_their_witness_file_at_once(tmp_path: Path) -> None:
    young = Ledger(tmp_path)
    young.store.read(Witness(young.witness).begin)
    assert young.witness.read_bytes() == b""
    assert young.report(with_witness=True).is_sound


def test_a_witness_gets_what_it_missed_and_nothing_twice(ledger: Ledger) -> None:
    ledger.witness.unlink()
    fresh = Witness(ledger.witness)
    assert ledger.store.read(lambda session: fresh.witness_next(session, NOW)) is True
    assert ledger.store.read(lambda session: fresh.witness_next(session, NOW)) is False
    assert [line.head.number for line in read(ledger.witness)] == [1, 2, 3]


def test_a_line_torn_by_a_crash_is_written_again(ledger: Ledger) -> None:
    whole = ledger.witness.read_bytes()
    ledger.witness.write_bytes(whole[:-20])
    assert len(read(ledger.witness)) == 2
    fresh = Witness(ledger.witness)
    assert ledger.store.read(lambda session: fresh.witness_next(session, NOW)) is True
    assert ledger.witness.read_bytes() == whole


def test_blank_lines_behind_the_last_head_do_not_hide_it(ledger: Ledger) -> None:
    ledger.witness.write_bytes(ledger.witness.read_bytes() + b"\n\n")
    cut_tail(ledger)
    with pytest.raises(LedgerError, match="older backup was restored"):
        ledger.store.read(Witness(ledger.witness).compare)
    ledger.witness.write_bytes(b"\n" * 10_000)
    with pytest.raises(BadWitness, match="last line"):
        ledger.store.read(Witness(ledger.witness).compare)


def test_of_a_witness_torn_in_its_first_line_nothing_is_left(tmp_path: Path) -> None:
    young = Ledger(tmp_path)
    young.witness.parent.mkdir()
    young.witness.write_bytes(b'{"head": {"numb')
    young.seal()
    assert [line.head.number for line in read(young.witness)] == [1]


def test_a_changed_witness_is_not_believed(ledger: Ledger) -> None:
    text = ledger.witness.read_text()
    ledger.witness.write_text(text.replace('"leaf_count": 3', '"leaf_count": 4', 1))
    faults = ledger.report(with_witness=True).faults
    assert any("signature of head 1" in fault for fault in faults)
    ledger.witness.write_text("no head\n")
    with pytest.raises(BadWitness, match="line 1"):
        ledger.report(with_witness=True)


def test_sealing_takes_what_waits_once_and_links_the_blocks(ledger: Ledger) -> None:
    blocks = ledger.store.read(lambda session: sealing.blocks_after(session, 0))
    heads = [sealing.head_of(row) for row in blocks]
    assert [h.number for h in heads] == [1, 2, 3]
    assert [h.previous for h in heads] == [head.GENESIS, heads[0].hash(), heads[1].hash()]
    nothing = ledger.store.transact_now(lambda s: Sealer(ledger.key).seal_next(s, NOW))
    assert nothing is False


def test_a_proof_leads_from_every_entry_to_a_head(ledger: Ledger) -> None:
    from bpp.ledger import journal

    for n in range(9):
        entry = f"my.scheme/order-{n}/1/1"
        proof = ledger.store.read(lambda session, entry=entry: sealing.proof(session, entry))
        document = ledger.store.read(lambda session, entry=entry: journal.document(session, entry))
        assert proof is not None
        leaf = sealing.leaf(document, bytes.fromhex(proof["salt"]))
        path = [bytes.fromhex(step) for step in proof["path"]]
        root = merkle.root_of_path(leaf, proof["position"], 3, path)
        assert root.hex() == proof["head"]["root"]


def test_an_entry_not_yet_sealed_has_no_proof(ledger: Ledger) -> None:
    ledger.post(an_entry(50))
    assert ledger.store.read(lambda s: sealing.proof(s, "my.scheme/order-50/1/1")) is None
