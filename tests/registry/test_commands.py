"""What others tell the operator to type is what the operator's command takes."""

import argparse
import re
from pathlib import Path

import pytest

from protocol_specs.node import commands as node_commands
from protocol_specs.node.settings import AnyNodeSettings, SettingsError
from protocol_specs.node.trust.subscription import Standing
from registry import commands


def test_the_command_that_join_tells_can_be_typed(tmp_path: Path) -> None:
    settings = AnyNodeSettings(
        subscriber_id="taxi.example",
        unique_key_id="k1",
        url="https://taxi.example",
        port=8602,
        data_dir=tmp_path,
        signing_key=tmp_path / "signing.key",
        encryption_key=tmp_path / "encryption.key",
    )
    waits = Standing("UNDER_SUBSCRIPTION", "approval: the operator's approval")
    told = re.search(r"wayfare (registry .*?)\. ", node_commands.next_step(settings, waits))
    assert told is not None
    parser = argparse.ArgumentParser()
    commands.add(parser.add_subparsers())
    typed = parser.parse_args(told[1].split())
    assert (typed.verb, typed.subscriber_id, str(typed.config)) == (
        "approve",
        "taxi.example",
        "FILE",
    )


def test_the_settings_may_stand_before_or_after_the_verb_and_must_stand_somewhere() -> None:
    parser = argparse.ArgumentParser()
    commands.add(parser.add_subparsers())
    config, who = ["--config", "FILE"], ["--as", "asha"]
    for words in ([*config, *who, "list"], ["list", *config, *who], [*who, "list", *config]):
        typed = parser.parse_args(["registry", *words])
        assert (typed.verb, str(typed.config), typed.who) == ("list", "FILE", "asha")
    with pytest.raises(SettingsError, match="--config FILE"):
        commands.run(parser.parse_args(["registry", "list"]))
