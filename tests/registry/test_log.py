"""The log of changes: what it says, and that nobody changes it unseen."""

import hashlib
import json
import sqlite3
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import rfc8785

from protocol_specs.node.commands import main
from registry.changes import since
from registry.verify import verify as faults_of
from tests.registry.participant import Pair, Participant, subscribed
from tests.registry.world import until

Spoil = Callable[[sqlite3.Connection], object]


async def some_changes(who: Participant) -> None:
    """Four more entries of all kinds."""
    who.pairs["k2"] = Pair("k2")
    await who.apply("k2", signed_with="k1")

    async def both() -> bool:
        return len(await who.records()) == 2

    await until(both)
    await who.desk.decide(who.subscriber_id, "retire", key_id="k1", reason="lost phone")
    await who.desk.decide(who.subscriber_id, "suspend", reason="complaints")
    await who.desk.decide(who.subscriber_id, "reinstate", reason="settled")


async def test_each_entry_says_who_changed_what_and_why_and_holds_the_hash_of_the_one_before(
    tmp_path: Path,
) -> None:
    async with subscribed(tmp_path) as who:
        await some_changes(who)
        answer = (await who.desk.get("/changes")).json
        entries = answer["changes"]
        assert [(e["what"], e["who"]) for e in entries] == [
            ("subscribed", "policy"),
            ("key added", who.subscriber_id),
            ("key retired", "operator"),
            ("suspended", "operator"),
            ("reinstated", "operator"),
        ]
        assert [e["detail"].get("reason") for e in entries[2:]] == [
            "lost phone",
            "complaints",
            "settled",
        ]
        before = "0" * 64
        for number, entry in enumerate(entries, start=1):
            told = {name: value for name, value in entry.items() if name != "hash"}
            assert (entry["sequence"], entry["previous"]) == (number, before)
            before = hashlib.sha256(rfc8785.dumps(told)).hexdigest()
            assert entry["hash"] == before
        assert answer["head"] == {"sequence": 5, "hash": before}
        ended = {key["key_id"]: key["retired"] for key in entries[2]["detail"]["keys"]}
        assert ended == {"k1": True, "k2": False}
        assert entries[3]["detail"]["roles"][0]["status"] == "SUSPENDED"


async def test_the_log_is_read_in_parts_from_any_number_on(tmp_path: Path) -> None:
    async with subscribed(tmp_path) as who:
        await some_changes(who)
        part = (await who.desk.get("/changes?since=2&limit=2")).json
        assert [entry["sequence"] for entry in part["changes"]] == [3, 4]
        assert part["head"]["sequence"] == 5
        assert (await who.desk.get("/changes?since=5")).json["changes"] == []
        for wrong in ("since=-1", "since=x", "limit=1e9"):
            assert (await who.desk.get(f"/changes?{wrong}")).status == 400


async def test_an_entry_does_not_repeat_the_keys_that_ended_before_it(tmp_path: Path) -> None:
    """Else each change of a key would cost as much as all before it."""
    async with subscribed(tmp_path) as who:
        await some_changes(who)
        who.desk.clock.at += 1
        await who.desk.decide(who.subscriber_id, "suspend", reason="again")
        keys = (await who.desk.log())[-1]["detail"]["keys"]
        assert [key["key_id"] for key in keys] == ["k2"]
        assert who.desk.node.store.read(faults_of).faults == []


async def test_a_page_of_the_log_is_bounded_in_size_and_never_empty(tmp_path: Path) -> None:
    async with subscribed(tmp_path) as who:
        await some_changes(who)
        pages = [
            who.desk.node.store.read(partial(since, sequence=1, chars_max=chars_max))
            for chars_max in (1, len(json.dumps((await who.desk.log())[1]["detail"])) + 1)
        ]
        assert [[entry["sequence"] for entry in page] for page in pages] == [[2], [2]]
        assert len(who.desk.node.store.read(partial(since, sequence=1))) == 4


def config_of(who: Participant, folder: Path) -> Path:
    """The settings file of a running registry, for commands."""
    settings = who.desk.settings
    keys = {"signing_key": settings.signing_key, "encryption_key": settings.encryption_key}
    values = {
        "role": "registry",
        "subscriber_id": settings.subscriber_id,
        "unique_key_id": "k1",
        "url": settings.url,
        "port": int(settings.url.rpartition(":")[2]),
        "data_dir": str(settings.data_dir),
        "network": "development",
    } | {name: str(path) for name, path in keys.items()}
    path = folder / "node.toml"
    path.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in values.items()))
    return path


def verify(config: Path, *more: str) -> int:
    return main(["registry", "--config", str(config), "verify", *more])


async def test_an_untouched_log_is_found_whole_beside_the_running_registry(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with subscribed(tmp_path) as who:
        await some_changes(who)
        head = (await who.desk.get("/changes")).json["head"]
        assert verify(config_of(who, tmp_path)) == 0
        assert f"ends at 5 with {head['hash']}" in capsys.readouterr().out


@pytest.mark.sqlite  # a hand in the file itself
@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("UPDATE change SET who = 'nobody' WHERE sequence = 3", "entry 3 was edited"),
        (
            "UPDATE change SET detail = replace(detail, 'complaints', 'praise') WHERE sequence = 4",
            "entry 4 was edited",
        ),
        ("UPDATE change SET detail = '{' WHERE sequence = 4", "entry 4 was edited"),
        ("DELETE FROM change WHERE sequence = 2", "2 to 2 is missing"),
        ("DELETE FROM change WHERE sequence = 1", "1 to 1 is missing"),
        (
            "UPDATE change SET sequence = CASE sequence WHEN 3 THEN 40 ELSE 30 END "
            "WHERE sequence IN (3, 4); "
            "UPDATE change SET sequence = sequence / 10 WHERE sequence > 5",
            "does not follow",
        ),
        ("DELETE FROM change WHERE sequence = 5", "its roles are not what the log says"),
        (
            "UPDATE participant_key SET valid_until = valid_until + 86400, retired = 0",
            "its keys are not what the log says",
        ),
        ("UPDATE participant SET url = 'https://thief.example'", "its roles are not what"),
        (
            "INSERT INTO participant_key SELECT 'thief.example', 'k1', 'x', 'x', 0, 2000000000, 0",
            "thief.example: its keys are not what the log says",
        ),
    ],
)
async def test_what_was_changed_behind_the_registrys_back_is_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], sql: str, told: str
) -> None:
    async with subscribed(tmp_path) as who:
        await some_changes(who)
        config = config_of(who, tmp_path)
    tamper(who.desk.database, sql)
    assert verify(config) == 1
    assert told in capsys.readouterr().out


def tamper(database: Path, sql: str) -> None:
    """As somebody would who has the file: the triggers first."""
    connection = sqlite3.connect(database)
    try:
        for trigger in ("change_no_update", "change_no_delete"):
            connection.execute(f"DROP TRIGGER {trigger}")
        connection.executescript(sql)
    finally:
        connection.close()


@pytest.mark.sqlite  # a hand in the file itself
async def test_a_log_that_was_written_anew_is_found_by_whoever_kept_an_older_head(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with subscribed(tmp_path) as who:
        await some_changes(who)
        config = config_of(who, tmp_path)
        kept = tmp_path / "kept.json"
        kept.write_bytes((await who.desk.get("/changes")).body)
        assert verify(config, "--kept", str(kept)) == 0
    # The last change taken back: off the log, and out of the directory.
    tamper(
        who.desk.database,
        "DELETE FROM change WHERE sequence = 5; UPDATE participant SET status = 'SUSPENDED'",
    )
    assert verify(config) == 0
    assert verify(config, "--kept", str(kept)) == 1
    assert "does not hold entry 5" in capsys.readouterr().out


async def test_the_operator_reads_and_decides_by_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import asyncio

    async with subscribed(tmp_path) as who:
        config = str(config_of(who, tmp_path))

        async def typed(*words: str) -> str:
            command = ["registry", "--config", config, *words]
            status = await asyncio.to_thread(main, command)
            out = capsys.readouterr().out
            assert status == 0, out
            return out

        name = who.subscriber_id
        assert "nobody waits" in await typed("pending")
        assert "SUBSCRIBED  key k1" in await typed("list")
        assert "is UNSUBSCRIBED" in await typed("suspend", name, "--reason", "complaints")
        assert "is SUBSCRIBED" in await typed("reinstate", name)
        assert "is EXPIRED" in await typed("retire", name, "k1", "--reason", "lost")
        assert "retired" in await typed("keys", name)
        assert "is UNSUBSCRIBED" in await typed("remove", name, "--reason", "fraud")
        log = await typed("log", name)
        assert [line.split("  ")[3] for line in log.splitlines()] == [
            "subscribed",
            "suspended",
            "reinstated",
            "key retired",
            "removed",
        ]
        await typed("--as", "asha", "operator")
        await typed("--as", "asha", "log")
