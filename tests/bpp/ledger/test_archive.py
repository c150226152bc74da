"""All books leave as open files and come into empty books the same to a bit, or not at all."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from bpp.commands import tables_of_books
from bpp.insurance import cash
from bpp.insurance.cash import Limit
from bpp.ledger import archive, verify
from bpp.ledger.archive import BadArchive
from bpp.ledger.money_facts import MoneyFact
from bpp.ledger.sealing import Sealer
from bpp.schema import TRIGGERS
from bpp.tables import METADATA
from protocol_specs.node.commands import main
from protocol_specs.node.store import Statement, Store
from protocol_specs.wire.keys import b64encode, generate_signing_key
from tests.bpp.insurance.support import CARD, CASH, NOON, Coop, Story, my_coop
from tests.bpp.insurance.test_money_facts import config_of

BOOKS = tables_of_books()


def books(folder: Path) -> Coop:
    """Jobs, slips, a notice, a fact by hand; all sealed but the last entry."""
    coop = my_coop(folder, cash_limit=Limit(400, "MYR"))
    for n, payment in enumerate([CASH, CARD, CASH]):
        story = Story(key=f"o{n}", agent_id="a1", payment=payment)
        coop.happen(story.event("confirmed"), story.event("completed"))
    assert coop.store.transact_now(lambda session: Sealer(coop.key).seal_next(session, NOON))
    fact = MoneyFact("settlement", "s-1", "desk-1", "MYR", 5, NOON)
    limit = Limit(400, "MYR")
    coop.store.transact_now(lambda session: cash.record(session, limit, fact, NOON))
    return coop


@pytest.fixture
def coop(tmp_path: Path) -> Coop:
    return books(tmp_path / "old")


@pytest.fixture
def out(tmp_path: Path, coop: Coop) -> Path:
    """The exported books."""
    coop.store.read(
        lambda session: archive.export(session, tmp_path / "out", BOOKS, coop.key.public)
    )
    return tmp_path / "out"


def empty(folder: Path) -> Store:
    return Store.open(folder, METADATA, triggers=TRIGGERS)


def taken(store: Store, out: Path, public: bytes) -> archive.Manifest:
    return store.transact_now(lambda session: archive.import_(session, out, BOOKS, public, None))


def rows(store: Store) -> dict[str, int]:
    counted = {
        table.name: Statement(text(f"SELECT count(*) FROM {table.name}"))  # noqa: S608 - our own
        for table in METADATA.sorted_tables
    }
    found = {name: store.read(lambda s, one=one: s.one(one)) for name, one in counted.items()}
    return {name: int(row[0]) for name, row in found.items() if row is not None and row[0]}


def test_what_was_taken_in_exports_to_the_same_bytes_and_verifies(
    tmp_path: Path, coop: Coop, out: Path
) -> None:
    store = empty(tmp_path / "new")
    first = taken(store, out, coop.key.public)
    again = store.read(
        lambda session: archive.export(session, tmp_path / "again", BOOKS, coop.key.public)
    )
    assert again == first
    assert {p.name: p.read_bytes() for p in out.iterdir()} == {
        p.name: p.read_bytes() for p in (tmp_path / "again").iterdir()
    }
    report = verify.verify(store, None, coop.key.public)
    assert (report.is_sound, report.blocks, report.waiting) == (True, 1, 1)
    assert store.transact_now(lambda session: Sealer(coop.key).seal_next(session, NOON))
    before, after = rows(coop.store), rows(store)
    moved = {name: before[name] for name in before if not name.startswith("order")}
    after.pop("unsealed", None)
    assert {**after, "block": 1, "sealed_leaf": moved["sealed_leaf"],
            "leaf_salt": moved["leaf_salt"], "unsealed": 1} == moved  # fmt: skip


def test_the_manifest_names_every_file_by_its_sha_256_and_the_newest_head(
    coop: Coop, out: Path
) -> None:
    manifest = json.loads((out / "manifest.json").read_bytes())
    assert {each["file"] for each in manifest["tables"]} | {"manifest.json"} == {
        path.name for path in out.iterdir()
    }
    for each in manifest["tables"]:
        raw = (out / each["file"]).read_bytes()
        assert each["sha256"] == hashlib.sha256(raw).hexdigest()
        assert each["rows"] == raw.count(b"\n")
    assert manifest["ledger_key"] == b64encode(coop.key.public)
    assert all(path.stat().st_mode & 0o077 == 0 for path in [out, *out.iterdir()])


def test_books_are_exported_into_a_new_or_empty_folder_only(coop: Coop, out: Path) -> None:
    with pytest.raises(FileExistsError, match="is not empty"):
        coop.store.read(lambda session: archive.export(session, out, BOOKS, coop.key.public))


def edit(name: str, change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def run(out: Path) -> None:
        before = (out / name).read_bytes()
        (out / name).write_bytes(change(before))
        assert (out / name).read_bytes() != before

    return run


def and_its_hash(name: str, change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    """The file changed, and the manifest made to fit."""

    def run(out: Path) -> None:
        edit(name, change)(out)
        manifest = json.loads((out / "manifest.json").read_bytes())
        raw = (out / name).read_bytes()
        for each in manifest["tables"]:
            if each["file"] == name:
                each["sha256"], each["rows"] = hashlib.sha256(raw).hexdigest(), raw.count(b"\n")
        (out / "manifest.json").write_text(json.dumps(manifest))

    return run


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (edit("transfer.jsonl", lambda b: b.replace(b'"amount_minor":20,', b'"amount_minor":21,')
              if b'"amount_minor":20,' in b else b.replace(b'"amount_minor":20}',
                                                           b'"amount_minor":21}')),
         "transfer.jsonl: its"),
        (edit("transfer.jsonl", lambda b: b[: b.rindex(b"\n", 0, -1) + 1]), "transfer.jsonl: its"),
        (edit("slip.jsonl", lambda b: b[:-5]), "the line is too long, or the file was cut"),
        (edit("entry.jsonl", lambda b: b + b.splitlines(True)[0]), "entry.jsonl, line"),
        (edit("entry.jsonl", lambda b: b.replace(b'"currency":"MYR"', b'"currency":7', 1)),
         "entry.jsonl, line 1: 7 is not text"),
        (edit("entry.jsonl", lambda b: b.replace(b'"kind":', b'"what":', 1)),
         "entry.jsonl, line 1: other columns"),
        (edit("block.jsonl", lambda b: b.replace(b'"signature":"', b'"signature":"*', 1)),
         "block.jsonl, line 1"),
        (and_its_hash("transfer.jsonl", lambda b: b.replace(b'"amount_minor":20}',
                                                            b'"amount_minor":21}', 1)),
         "is not what was sealed"),
        (and_its_hash("leaf_salt.jsonl", lambda b: b[b.index(b"\n") + 1 :]), "its salt is gone"),
        (edit("manifest.json", lambda b: b.replace(b'"version": 1', b'"version": 2')),
         "it is not of the format"),
        (edit("manifest.json", lambda b: b[:50]), "manifest.json"),
        (edit("manifest.json", lambda b: b.replace(b'"head": "', b'"head": "0', 1)), "newest head"),
    ],
)  # fmt: skip
def test_files_with_one_thing_changed_are_refused_and_nothing_is_taken(
    tmp_path: Path, coop: Coop, out: Path, change: Callable[[Path], None], says: str
) -> None:
    change(out)
    store = empty(tmp_path / "new")
    with pytest.raises(BadArchive) as refused:
        taken(store, out, coop.key.public)
    assert says in str(refused.value)
    assert rows(store) == {}


def test_books_that_are_not_empty_take_nothing_in(tmp_path: Path, coop: Coop, out: Path) -> None:
    other = books(tmp_path / "other")
    before = rows(other.store)
    with pytest.raises(BadArchive, match="these books are not empty"):
        taken(other.store, out, coop.key.public)
    assert rows(other.store) == before


def test_another_ledger_key_is_refused_before_anything_is_taken(tmp_path: Path, out: Path) -> None:
    with pytest.raises(BadArchive, match="give the new node that key's file"):
        taken(empty(tmp_path / "new"), out, generate_signing_key().public)


def test_by_command_books_move_to_a_new_node(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = tmp_path / "a", tmp_path / "b"
    coop = books(old / "data")
    for folder in (old, new):
        folder.mkdir(exist_ok=True)
        key = folder / "ledger.key"
        key.write_text(b64encode(coop.key.seed))
        key.chmod(0o600)
    coop.store.close()
    words = [str(tmp_path / "out"), "--config"]
    assert main(["ledger", "export", *words, str(config_of(old))]) == 0
    assert main(["ledger", "import", *words, str(config_of(new))]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[1] == said[3]
    assert said[1].startswith("newest head ")
    assert main(["ledger", "import", *words, str(config_of(new))]) == 1
    assert "nothing was taken: these books are not empty" in capsys.readouterr().err
    assert main(["ledger", "verify", "--config", str(config_of(new))]) == 0
