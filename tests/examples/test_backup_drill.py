"""The backup drill: copied beside a running node, restored elsewhere, held against the witness."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from protocol_specs.node.commands import main
from tests.support.provider_process import BPP_ID, Home, make_home, running
from tests.support.standing import settled, standing
from tests.support.surroundings import Request, Surroundings, surroundings

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "deploy" / "backup" / "drill.sh"
WITHIN_S = 60
pytestmark = pytest.mark.processes


def wayfare(*words: object) -> int:
    return main([str(word) for word in words])


def elsewhere(home: Home, folder: Path) -> Home:
    """The node's settings and keys on another machine, its data not."""
    for name in ("keys", "witness"):
        shutil.copytree(home.folder / name, folder / name)
    shutil.copy(home.config, folder)
    return Home(folder)


def verify(home: Home, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What `wayfare ledger verify` finds with the witness of `home`."""
    capsys.readouterr()
    status = wayfare(
        "ledger", "verify", "--config", home.config, "--witness", home.witness, "--json"
    )
    report = json.loads(capsys.readouterr().out)
    assert status == (1 if report["faults"] else 0)
    return [str(fault) for fault in report["faults"]]


async def a_ride(around: Surroundings, home: Home, url: str) -> Request:
    """Confirmed, answered, its money set aside and the head with the witness."""
    heads = home.witness.read_bytes() if home.witness.exists() else b""
    confirm = around.confirm(await around.quoted(url))
    assert await around.send(url, confirm)
    await around.answer(confirm)
    await settled(home, confirm)
    deadline = asyncio.get_running_loop().time() + WITHIN_S
    while home.witness.read_bytes() == heads:
        assert asyncio.get_running_loop().time() < deadline, "the head did not reach the witness"
        await asyncio.sleep(0.02)
    return confirm


async def test_a_backup_of_a_running_node_is_whole_and_an_old_one_is_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with surroundings() as around:
        home = make_home(tmp_path / "home", around.registry)
        async with running(home) as node:
            first = await a_ride(around, home, node.url)
            before = elsewhere(home, tmp_path / "before")
            assert wayfare("backup", "--config", home.config, "--out", tmp_path / "old") == 0
            second = await a_ride(around, home, node.url)
            assert wayfare("backup", "--config", home.config, "--out", tmp_path / "new") == 0
            after = elsewhere(home, tmp_path / "after")
            late = elsewhere(home, tmp_path / "late")

        assert wayfare("restore", "--config", after.config, "--from", tmp_path / "new") == 0
        assert verify(after, capsys) == []
        for confirm in (first, second):
            assert standing(after, confirm) == standing(home, confirm)

        assert wayfare("restore", "--config", before.config, "--from", tmp_path / "old") == 0
        assert verify(before, capsys) == [], "with the witness of its own day it holds"

        assert wayfare("restore", "--config", late.config, "--from", tmp_path / "old") == 0
        [fault] = verify(late, capsys)
        assert "an older backup was restored" in fault
        assert wayfare("serve", "bpp", "--config", late.config) != 0
        assert "older backup" in capsys.readouterr().err

        async with running(after) as node:  # the restored one works on
            assert await around.send(node.url, first), "what came before is known"
            await a_ride(around, after, node.url)
        assert verify(after, capsys) == []


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_the_drill_script_says_whether_the_backup_could_be_lived_on(tmp_path: Path) -> None:
    async with surroundings() as around:
        home = make_home(tmp_path / "home", around.registry)
        environment = os.environ | {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "WITNESS": str(home.witness),
            "KEEP": "2",
        }

        def drill() -> subprocess.CompletedProcess[str]:
            words = ["bash", str(SCRIPT), str(home.config), str(tmp_path / "backups")]
            return subprocess.run(
                words, env=environment, capture_output=True, text=True, check=False, timeout=250
            )

        theirs = tmp_path / "backups" / "0-of-somebody-else"
        theirs.mkdir(parents=True)
        async with running(home) as node:
            await a_ride(around, home, node.url)
            for _ in range(3):
                done = await asyncio.to_thread(drill)
                assert done.returncode == 0, done.stderr
                assert "the books hold" in done.stdout
        theirs.rmdir()  # it is there: only what the drill wrote is ever removed
        assert len(list((tmp_path / "backups").iterdir())) == 2

        with sqlite3.connect(home.data / "node.sqlite3") as books:  # somebody's hand in the books
            books.execute("DROP TRIGGER transfer_no_update")
            books.execute("UPDATE transfer SET amount_minor = amount_minor + 1")
        books.close()
        done = await asyncio.to_thread(drill)
        assert done.returncode != 0
        assert "FAULT" in done.stdout + done.stderr
        assert len(list((tmp_path / "backups").iterdir())) == 2


def test_keys_that_lie_with_the_data_are_not_copied(tmp_path: Path) -> None:
    home, data = tmp_path / "home", tmp_path / "home" / "data"
    data.mkdir(parents=True)
    sqlite3.connect(data / "node.sqlite3").close()
    (home / "node.toml").write_text(
        'subscriber_id = "bpp.example.org"\nunique_key_id = "k1"\nurl = "https://bpp.example.org"\n'
        'data_dir = "data"\nsigning_key = "data/keys/a.key"\nencryption_key = "data/b.key"\n'
        'port = 8600\ndomains = ["nic2004:60221"]\n[insurance]\nledger_key = "data/ledger"\n'
    )
    (data / "keys").mkdir()
    private = ["keys/a.key", "b.key", "ledger", "keys/signing-k2.key", "keys/encryption-k2.key"]
    for name in [*private, "operator.token"]:
        (data / name).write_text("secret")
    assert wayfare("backup", "--config", home / "node.toml", "--out", tmp_path / "copy") == 0
    copied = {str(p.relative_to(tmp_path / "copy")) for p in (tmp_path / "copy").rglob("*.*")}
    assert copied == {"manifest.json", "node.sqlite3", "operator.token"}
    assert not (tmp_path / "copy" / "ledger").exists()


async def test_what_cannot_be_restored_is_refused_and_nothing_is_replaced(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with surroundings() as around:
        home = make_home(tmp_path / "home", around.registry)
        copy = tmp_path / "copy"
        async with running(home):
            assert wayfare("backup", "--config", home.config, "--out", copy) == 0
            assert wayfare("backup", "--config", home.config, "--out", copy) != 0
            assert "is not empty" in capsys.readouterr().err
        assert wayfare("restore", "--config", home.config, "--from", copy) != 0
        assert "holds a database" in capsys.readouterr().err
        was = (home.data / "node.sqlite3").read_bytes()

        def refused(says: str, folder: Path = copy) -> None:
            other = elsewhere(home, tmp_path / "other")
            assert wayfare("restore", "--config", other.config, "--from", folder) != 0
            assert says in capsys.readouterr().err
            assert not (other.data / "node.sqlite3").exists()
            shutil.rmtree(other.folder)

        refused("manifest.json is missing", tmp_path / "home")
        manifest = (copy / "manifest.json").read_text()
        (copy / "manifest.json").write_text(manifest.replace(BPP_ID, "other.example"))
        refused("is a backup of other.example")
        (copy / "manifest.json").write_text(manifest.replace("desk.token", "../desk.token"))
        refused("desk.token is missing")
        (copy / "manifest.json").write_text(manifest)
        whole = (copy / "node.sqlite3").read_bytes()
        (copy / "node.sqlite3").write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        refused("node.sqlite3 is not what was backed up")
        assert (home.data / "node.sqlite3").read_bytes() == was
        for path in copy.rglob("*"):
            assert not path.stat().st_mode & 0o077, f"{path} can be read by others"
