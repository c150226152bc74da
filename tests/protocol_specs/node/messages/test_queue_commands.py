"""`wayfare inbox` and `wayfare outbox` over a real data folder."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import bindparam, update

from protocol_specs.node.commands import main
from protocol_specs.node.messages.tables import Owed
from protocol_specs.node.store import Statement, Store
from tests.support.nodes import write_keys
from tests.support.peers import NOW
from tests.support.queues import open_store, owe_one, rows

END = Statement(
    update(Owed.__table__)
    .where(Owed.__table__.c.message_id == bindparam("this"))
    .values(state=bindparam("end"), error=bindparam("error"), tries=7)
)
AGE = Statement(
    update(Owed.__table__)
    .where(Owed.__table__.c.message_id == bindparam("this"))
    .values(created_at=bindparam("at"))
)


@dataclass
class Home:
    """A node's settings file and its store."""

    config: Path
    store: Store


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    keys = write_keys(tmp_path / "keys")
    config = tmp_path / "node.toml"
    config.write_text(
        'subscriber_id = "bpp.example.org"\nunique_key_id = "k1"\n'
        'url = "https://bpp.example.org"\nport = 0\ndata_dir = "data"\n'
        f'signing_key = "{keys["signing_key"]}"\nencryption_key = "{keys["encryption_key"]}"\n'
        'domains = ["nic2004:60221"]\ncities = ["std:03"]\ncountry = "MYS"\n'
        "[fares]\nunknown_here = 1\n"
    )
    store = open_store(tmp_path / "data")
    yield Home(config, store)
    store.close()


def park(store: Store) -> str:
    message_id = store.transact_now(owe_one)
    store.transact_now(lambda s: s.run(END, this=message_id, end="parked", error="NACK 30010"))
    return message_id


def shown(home: Home, capsys: pytest.CaptureFixture[str], *words: str) -> list[dict[str, object]]:
    assert main(["outbox", "--config", str(home.config), "--json", *words]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_what_waits_and_what_was_parked_is_shown_beside_the_running_node(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    done = home.store.transact_now(owe_one)
    home.store.transact_now(lambda s: s.run(END, this=done, end="sent", error=None))
    parked, waits = park(home.store), home.store.transact_now(owe_one)
    found = shown(home, capsys)
    assert [(one["message_id"], one["state"]) for one in found] == [
        (parked, "parked"),
        (waits, "pending"),
    ]
    assert found[0]["error"] == "NACK 30010"
    assert len(shown(home, capsys, "--all")) == 3


def test_the_newest_are_shown_by_their_time_since_workers_have_their_numbers_ahead(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    newest, older, oldest = (home.store.transact_now(owe_one) for _ in range(3))
    for this, at in ((newest, NOW + 2), (older, NOW + 1), (oldest, NOW)):
        home.store.transact_now(lambda s, this=this, at=at: s.run(AGE, this=this, at=at))  # type: ignore[misc]
    assert [one["message_id"] for one in shown(home, capsys)] == [oldest, older, newest]


def test_it_is_shown_in_plain_lines_too(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    parked = park(home.store)
    assert main(["outbox", "--config", str(home.config)]) == 0
    said = capsys.readouterr().out
    assert parked in said
    assert "NACK 30010" in said
    assert main(["inbox", "--config", str(home.config)]) == 0
    assert capsys.readouterr().out == "nothing waits, nothing is parked\n"


def test_a_parked_message_can_be_tried_again_when_the_node_is_stopped(
    home: Home, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    park(home.store)
    words = ["outbox", "--config", str(home.config), "--retry", "1"]
    assert main(words) == 1
    said = capsys.readouterr().err
    assert f"the node is running (process {os.getpid()}), and outbox --retry needs it" in said
    assert "stop the node, run this command again, then start the node" in said
    assert rows(home.store, Owed)[0]["state"] == "parked"
    home.store.close()
    assert main(words) == 0
    assert main(words) == 1
    assert "no parked message 1" in capsys.readouterr().err
    home.store = open_store(tmp_path / "data")
    (row,) = rows(home.store, Owed)
    assert (row["state"], row["tries"]) == ("pending", 0)
    assert row["give_up_at"] > NOW


def test_a_folder_without_a_node_is_named(
    home: Home, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    home.config.write_text(home.config.read_text().replace('"data"', '"nowhere"'))
    assert main(["outbox", "--config", str(home.config)]) == 1
    assert f"there is no node in {tmp_path / 'nowhere'}" in capsys.readouterr().err
