"""The command `wayfare`: words a newcomer understands, and exit codes a script can use."""

import argparse
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from protocol_specs.node import commands
from protocol_specs.wire import keys
from tests.support.nodes import CONFIG


@pytest.fixture(autouse=True)
def _entries(monkeypatch: pytest.MonkeyPatch) -> None:
    """A node of the tests' own, so that they need none of the real ones."""
    here = "protocol_specs.node.settings:NodeSettings"
    groups = {
        "wayfare.settings": [EntryPoint("bpp", here, "wayfare.settings")],
        "wayfare.nodes": [EntryPoint("bpp", "no.such.module:build", "wayfare.nodes")],
        "wayfare.commands": [
            EntryPoint("broken", "no.such.module:add", "wayfare.commands"),
            EntryPoint("node", "protocol_specs.node.commands:add", "wayfare.commands"),
        ],
    }
    monkeypatch.setattr(commands, "entry_points", lambda group: groups[group])


@pytest.fixture
def config(tmp_path: Path) -> Path:
    assert commands.main(["keygen", "--out", str(tmp_path / "keys")]) == 0
    path = tmp_path / "bpp.toml"
    path.write_text(CONFIG)
    return path


def test_keygen_keeps_the_private_halves_to_itself(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert commands.main(["keygen", "--out", str(tmp_path / "keys")]) == 0
    out = capsys.readouterr().out
    for name, read in (("signing", keys.signing_key), ("encryption", keys.encryption_key)):
        path = tmp_path / "keys" / f"{name}.key"
        assert path.stat().st_mode & 0o777 == 0o600
        secret = path.read_text().strip()
        assert secret not in out
        public: Any = read(secret)
        assert tomllib.loads(out)[f"{name}_public_key"] == keys.b64encode(public.public)


def test_keygen_never_replaces_a_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "encryption.key").write_text("kept")
    assert commands.main(["keygen", "--out", str(tmp_path)]) == 1
    assert "encryption.key exists" in capsys.readouterr().err
    assert (tmp_path / "encryption.key").read_text() == "kept"
    assert not (tmp_path / "signing.key").exists()


def test_check_config_says_that_a_file_is_fine(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert commands.main(["check-config", "bpp", "--config", str(config)]) == 0
    assert "fine for bpp bpp.example.org" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("port = 9001", "prot = 9001", ["'prot'", "did you mean 'port'"]),
        ('role = "bpp"', 'role = "bap"', ["'role'", "'bap'"]),
        ("keys/signing.key", "none/signing.key", ["'signing_key'", "wayfare keygen --out"]),
        ("keys/signing.key", "bpp.toml", ["'signing_key'", "chmod 600"]),
        ("http://127", "http://10.127", ["'url'"]),
        ("port = 9001", "port = 9001\nworkers = 2", ["'workers'", "PostgreSQL"]),
        (
            '/encryption.key"\n',
            '/encryption.key"\n[nats]\nurl = "tls://h"\nuser = "me"\npassword_file = "none/nats"\n',
            ["'nats.password_file'", "none/nats", "does not exist"],
        ),
    ],
)
def test_check_config_names_the_key_at_fault(
    config: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, words: list[str]
) -> None:
    config.write_text(CONFIG.replace(old, new))
    assert commands.main(["check-config", "bpp", "--config", str(config)]) == 1
    err = capsys.readouterr().err
    assert "bpp.toml" in err
    for word in words:
        assert word in err


def test_a_key_file_with_nonsense_is_named_and_not_printed(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (config.parent / "keys" / "signing.key").write_text("bm9uc2Vuc2U=")
    assert commands.main(["check-config", "bpp", "--config", str(config)]) == 1
    err = capsys.readouterr().err
    assert "signing.key (setting 'signing_key')" in err
    assert "bm9uc2Vuc2U=" not in err


def test_a_broken_entry_point_names_itself(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert commands.main(["serve", "bpp", "--config", str(config)]) == 1
    assert "'bpp' of wayfare.nodes (no.such.module:build)" in capsys.readouterr().err


def test_a_file_of_another_role_is_not_served(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config.write_text(CONFIG.replace('role = "bpp"', 'role = "bap"'))
    assert commands.main(["serve", "bpp", "--config", str(config)]) == 1
    assert "'role' says 'bap', not 'bpp'" in capsys.readouterr().err


def test_a_file_of_another_role_is_not_judged_by_the_wrong_rules(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = CONFIG.replace('role = "bpp"', 'role = "bap"').replace("port = 9001", "markets = 1")
    config.write_text(text)
    assert commands.main(["check-config", "bpp", "--config", str(config)]) == 1
    said = "key 'role' says 'bap', not 'bpp'; give the settings file of a bpp node"
    assert capsys.readouterr().err == f"wayfare: {config}: {said}\n"


def test_a_broken_command_does_not_hide_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        commands.main(["--help"])
    assert caught.value.code == 0
    captured = capsys.readouterr()
    assert "'broken' of wayfare.commands" in captured.err
    for command in ("serve", "keygen", "join", "check-config", "inbox", "outbox"):
        assert command in captured.out


def test_without_a_command_all_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert commands.main([]) == 2
    said = capsys.readouterr().err
    assert "serve" in said
    assert "wayfare COMMAND --help says more" in said


def test_a_misspelt_command_is_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        commands.main(["surf"])
    assert caught.value.code == 2


def test_an_unknown_option_is_told_with_the_usage_of_its_own_command(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as caught:
        commands.main(["join", "--config", "node.toml", "--soon"])
    assert caught.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("usage: wayfare join ")
    assert said.endswith("wayfare join: error: unrecognized arguments: --soon\n")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (CONFIG.replace('role = "bpp"', ""), "'role' is missing"),
        (CONFIG, "'registry' is missing: nobody to ask; add [registry] with url"),
    ],
)
def test_join_says_what_the_file_lacks(
    config: Path, capsys: pytest.CaptureFixture[str], text: str, words: str
) -> None:
    config.write_text(text)
    assert commands.main(["join", "--config", str(config)]) == 1
    assert words in capsys.readouterr().err


def test_a_port_in_use_is_told_with_the_file_and_the_setting(
    config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Busy:
        def run(self) -> None:
            raise commands.SettingsError("key 'port': 127.0.0.1:9001 is in use by another program")

    monkeypatch.setattr(commands, "_load", lambda entry: lambda path: Busy())
    arguments = argparse.Namespace(role="bpp", config=config)
    with pytest.raises(commands.CommandFault, match=r"bpp.toml: key 'port': .* is in use"):
        commands.run_serve(arguments)
