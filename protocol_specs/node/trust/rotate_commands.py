"""`wayfare rotate`: a new key pair for a running node, and where that stands."""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from typing import Any

from protocol_specs.node import files
from protocol_specs.node.database import sqlite
from protocol_specs.node.settings import AnyNodeSettings, SettingsError, load
from protocol_specs.node.store_faults import StoreInUse
from protocol_specs.node.trust import rotation
from protocol_specs.node.trust.rotation import Rotation

LOOK_S = 0.3


def add(subparsers: Any) -> None:
    """The command."""
    rotate = subparsers.add_parser(
        "rotate", help="change the keys of a running node, with nothing refused meanwhile"
    )
    rotate.add_argument("--config", type=Path, required=True, metavar="FILE", help="TOML settings")
    rotate.add_argument("--status", action="store_true", help="only say where it stands")
    rotate.add_argument(
        "--wait",
        type=float,
        metavar="S",
        help="watch it for so many seconds (to its end); the node goes on either way",
    )
    rotate.set_defaults(run=run_rotate)


def run_rotate(arguments: argparse.Namespace) -> int:
    """Ask the running node for a rotation, or watch the one under way. 0: it is done, or was only
    asked for (`--wait 0`); 1: not done in the time given. Raises SettingsError."""
    settings = load(arguments.config, AnyNodeSettings)
    if arguments.status:
        print(rotation.describe(rotation.load(settings), settings.rotation))
        _print_settings(rotation.load(settings), settings)
        return 0
    if settings.registry is None:
        raise SettingsError(
            f"{arguments.config}: key 'registry' is missing: this node's keys are in no registry. "
            "A registry's own key is pinned in the settings of everybody, and is changed there"
        )
    if settings.workers_of > 1:
        raise SettingsError(
            f"{arguments.config}: key 'workers': one process changes the keys. Set workers = 1, "
            "start the node again, rotate, then set it back"
        )
    before = rotation.load(settings)
    if not is_running(settings.data_dir):
        raise SettingsError(
            f"the node of {arguments.config} is not running, and only a running node can answer "
            "for its new key. Start it (wayfare serve) and type this command again"
        )
    if not before.is_under_way:
        files.replace(settings.data_dir / rotation.ASKED, b"")
    return _watch(settings, wait_s=arguments.wait)


def _watch(settings: AnyNodeSettings, *, wait_s: float | None) -> int:
    """Print each change until it is done."""
    end = None if wait_s is None else time.monotonic() + wait_s
    said = ""
    while True:
        stands = rotation.load(settings)
        is_waiting = not stands.is_under_way and (settings.data_dir / rotation.ASKED).exists()
        says = "asked for" if is_waiting else rotation.describe(stands, settings.rotation)
        if says != said:
            print(says, flush=True)
            said = says
        if not stands.is_under_way and not is_waiting:
            _print_settings(stands, settings)
            return 0
        if end is not None and time.monotonic() >= end:
            return 0 if wait_s == 0 else 1
        time.sleep(LOOK_S)


def _print_settings(stands: Rotation, settings: AnyNodeSettings) -> None:
    """What the settings should say by and by: so that the keys are found without data_dir too."""
    current = stands.current
    if current.unique_key_id == settings.unique_key_id:
        return
    print("The settings name an older key. This node follows its own note of it; for a restore")
    print("without that note, put these lines into the settings and keep both files:")
    print(f'unique_key_id = "{current.unique_key_id}"')
    print(f'signing_key = "{current.signing_key}"')
    print(f'encryption_key = "{current.encryption_key}"')


def is_running(data_dir: Path) -> bool:
    """Whether a process holds the node's folder."""
    if not data_dir.exists():
        return False
    try:
        os.close(sqlite.lock(data_dir))
    except StoreInUse:
        return True
    return False
