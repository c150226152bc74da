"""What is asked of the directory goes by an index, however many subscribers there are."""

import itertools
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from protocol_specs.node.database.sqlite import FILE_NAME
from protocol_specs.node.store import Statement, Store
from registry import changes, directory, participants, pending
from registry.operating import reading
from registry.tables import METADATA, TRIGGERS
from tests.support.plans import plan

pytestmark = pytest.mark.sqlite  # it looks into the file itself


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    folder: Path = tmp_path_factory.mktemp("plans")
    Store.open(folder, METADATA, triggers=TRIGGERS).close()
    connection = sqlite3.connect(folder / FILE_NAME)
    yield connection
    connection.close()


def statements() -> Iterator[object]:
    modules: tuple[ModuleType, ...] = (changes, directory, participants, pending, reading)
    for module in modules:
        for name, found in vars(module).items():
            if isinstance(found, Statement):
                yield pytest.param(found, id=f"{module.__name__}.{name}")


READS_BY_KEY = ("change", "participant")  # in the order of their keys, with a limit


@pytest.mark.parametrize("statement", list(statements()))
def test_no_statement_reads_a_whole_table(
    database: sqlite3.Connection, statement: Statement
) -> None:
    whole = [step for step in plan(database, statement) if re.match(r"SCAN (?!CONSTANT ROW)", step)]
    assert [step for step in whole if step.split()[1] not in READS_BY_KEY] == []


def combinations() -> Iterator[tuple[str, ...]]:
    for size in range(len(directory.FILTERS) + 1):
        yield from itertools.combinations(directory.FILTERS, size)


@pytest.mark.parametrize("names", list(combinations()), ids=",".join)
def test_every_look_up_begins_with_what_narrows_it_most(
    database: sqlite3.Connection, names: tuple[str, ...]
) -> None:
    first = plan(database, directory.lookup_statement(names, "SUBSCRIBED"))[0]
    if "subscriber_id" in names:
        assert "subscriber_id=?" in first
    elif "city" in names:
        assert first.startswith("SEARCH participant_city")
        assert "city=?" in first
    elif "unique_key_id" in names:
        assert first.startswith("SEARCH participant_key")
        assert "unique_key_id=?" in first
    elif {"type", "domain"} <= set(names):
        assert "domain=? AND type=?" in first
        assert ("country=?" in first) == ("country" in names)
    else:
        assert first.startswith("SEARCH participant USING INDEX")


@pytest.mark.parametrize("status", ["EXPIRED", "UNSUBSCRIBED"])
def test_records_that_nobody_should_trust_are_found_of_one_subscriber(
    database: sqlite3.Connection, status: str
) -> None:
    for names in combinations():
        if "subscriber_id" in names:
            assert "subscriber_id=?" in plan(database, directory.lookup_statement(names, status))[0]
