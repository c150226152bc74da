"""`wayfare doctor`: looks at a node from the outside and says what is wrong and what to do."""

from __future__ import annotations

import argparse
import asyncio
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from protocol_specs.node.ops.checkup import Check, checks
from protocol_specs.node.settings import TYPE_OF_ROLE, AnyNodeSettings, SettingsError, load
from protocol_specs.wire.parties import SubscriberType

MARKS = {"fine": "ok  ", "warning": "warn", "wrong": "FAIL"}


def add(subparsers: Any) -> None:
    """The one command."""
    doctor = subparsers.add_parser("doctor", help="look at a node: keys, clock, registry, url")
    doctor.add_argument("--config", type=Path, required=True, metavar="FILE", help="TOML settings")
    doctor.add_argument("--role", choices=sorted(TYPE_OF_ROLE), help="if the file does not say it")
    doctor.add_argument("--json", action="store_true", help="print one JSON object")
    doctor.set_defaults(run=run_doctor)


def run_doctor(arguments: argparse.Namespace) -> int:
    """Print a line for each check; 1 if anything is wrong, 0 with warnings only."""
    settings = load(arguments.config, AnyNodeSettings)
    role = arguments.role or settings.role
    if role is None:
        raise SettingsError(f"{arguments.config}: key 'role' is missing; add it or give --role")
    found = asyncio.run(_all(settings, TYPE_OF_ROLE[role]))
    if arguments.json:
        print(json.dumps({"checks": [asdict(check) for check in found]}, indent=2))
    else:
        for check in found:
            print(f"{MARKS[check.verdict]}  {check.name:<9} {check.says}")
            if check.do:
                print(f"      {'':<9} -> {check.do}")
    return 1 if any(check.verdict == "wrong" for check in found) else 0


async def _all(settings: AnyNodeSettings, type: SubscriberType) -> list[Check]:
    return [check async for check in checks(settings, type)]
