"""`wayfare rotate`: it asks a running node, watches it, and says what stands in the way."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from protocol_specs.node import commands
from protocol_specs.node.database import sqlite
from protocol_specs.node.trust import rotation
from protocol_specs.node.trust.rotation import KeyFiles, Rotation
from protocol_specs.wire import keys
from tests.support.nodes import CONFIG, write_keys

REGISTRY = f"""
[registry]
url = "http://127.0.0.1:1"
subscriber_id = "registry.example.org"
unique_key_id = "k1"
signing_public_key = "{keys.b64encode(keys.generate_signing_key().public)}"
encryption_public_key = "{keys.b64encode(keys.generate_encryption_key().public)}"
"""
SECOND = KeyFiles("k2", "/keys/signing-k2.key", "/keys/encryption-k2.key")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    write_keys(tmp_path / "keys")
    path = tmp_path / "bpp.toml"
    path.write_text(CONFIG + REGISTRY)
    return path


@pytest.fixture
def data(config: Path) -> Iterator[Path]:
    """The folder of a node that runs."""
    folder = config.parent / "data"
    held = sqlite.lock(folder)
    yield folder
    os.close(held)


def rotate(config: Path, *words: str) -> int:
    return commands.main(["rotate", "--config", str(config), *words])


def test_a_node_that_does_not_run_is_not_asked(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert rotate(config) == 1
    assert "is not running" in capsys.readouterr().err
    assert not (config.parent / "data").exists()


def test_a_running_node_is_asked(
    config: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert rotate(config, "--wait", "0") == 0
    assert (data / rotation.ASKED).exists()
    assert capsys.readouterr().out == "asked for\n"


def test_who_waits_too_short_a_time_hears_so_by_the_exit_status(config: Path, data: Path) -> None:
    assert rotate(config, "--wait", "0.01") == 1


def test_a_rotation_under_way_is_watched_and_not_begun_again(
    config: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = KeyFiles("k1", "signing.key", "encryption.key")
    rotation.save(data, Rotation(first, says="no answer").begun(SECOND))
    assert rotate(config, "--wait", "0") == 0
    assert not (data / rotation.ASKED).exists()
    assert capsys.readouterr().out == "k1 signs; k2 is made and not yet published\n"


def test_the_end_of_a_rotation_ends_the_watch_with_what_the_settings_should_say(
    config: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As the node leaves it: the watch sees the request gone, and nothing under way."""
    rotation.save(data, Rotation(SECOND, since=1, past=("k1",)))
    assert rotate(config, "--status") == 0
    out = capsys.readouterr().out
    assert out.startswith("k2 signs; no rotation is under way\n")
    assert 'unique_key_id = "k2"\nsigning_key = "/keys/signing-k2.key"\n' in out


def test_the_status_of_a_node_that_never_rotated(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert rotate(config, "--status") == 0
    assert capsys.readouterr().out == "k1 signs; no rotation is under way\n"


def test_a_node_without_a_registry_has_no_keys_to_rotate(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config.write_text(CONFIG)
    assert rotate(config) == 1
    assert "key 'registry' is missing" in capsys.readouterr().err
