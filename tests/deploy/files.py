"""The files of deploy/ as data."""

from __future__ import annotations

import configparser
import re
from pathlib import Path
from typing import Any

import yaml

from bap.settings import BapSettings
from bpp.settings import BppSettings
from gateway.settings import GatewaySettings
from protocol_specs.node.settings import NodeSettings, load
from registry.settings import RegistryNodeSettings

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
MODELS: dict[str, type[NodeSettings]] = {
    "registry": RegistryNodeSettings,
    "gateway": GatewaySettings,
    "bpp": BppSettings,
    "bap": BapSettings,
}


def settings(path: Path, role: str) -> NodeSettings:
    """A settings file as the node of that role reads it; SettingsError if it would not."""
    return load(path, MODELS[role])


def documents(path: Path) -> list[Any]:
    """All YAML documents of a file."""
    return list(yaml.safe_load_all(path.read_text()))


def compose(name: str) -> dict[str, dict[str, Any]]:
    """The services of a compose file, each with what it extends."""
    common = documents(DEPLOY / "container" / "node.yaml")[0]["services"]
    found: dict[str, dict[str, Any]] = {}
    for service, own in documents(DEPLOY / "container" / name)[0]["services"].items():
        base = common[own["extends"]["service"]] if "extends" in own else {}
        found[service] = {**base, **own}
    return found


def unit(name: str) -> configparser.ConfigParser:
    """A systemd unit; of a key that stands twice, the last."""
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read(DEPLOY / "systemd" / name)
    return parser


def seconds(text: str) -> float:
    """nginx's and Caddy's times."""
    number, of = re.fullmatch(r"(\d+)(s|m|h)", text).groups()  # type: ignore[union-attr]
    return float(number) * {"s": 1, "m": 60, "h": 3600}[of]


def metrics_named(expression: str) -> set[str]:
    """The metrics of ours in a Prometheus expression."""
    return set(re.findall(r"\b(?:wayfare|process)_[a-z_]+\b", expression))
