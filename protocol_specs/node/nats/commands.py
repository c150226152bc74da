"""`wayfare nats rights`: what a node's users may do at its NATS servers, as the server reads it."""

import argparse
import json
from pathlib import Path
from typing import Any

from protocol_specs.node.nats.subjects import feed_rights, own_rights
from protocol_specs.node.settings import AnyNodeSettings, SettingsError, load


def add(subparsers: Any) -> None:
    """Registers the command."""
    parser = subparsers.add_parser("nats", help="what a NATS server must let this node do")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    rights = commands.add_parser("rights", help="print the users' permissions for its file")
    rights.add_argument("--config", type=Path, required=True, metavar="FILE")
    rights.set_defaults(run=run_rights)


def run_rights(arguments: argparse.Namespace) -> int:
    """Prints one user for each server that the settings name; JSON, which NATS reads too."""
    settings = load(arguments.config, AnyNodeSettings)
    registry = settings.registry
    found = []
    if settings.nats is not None:
        found.append((settings.nats, own_rights(settings.subscriber_id)))
    if settings.feed is not None:
        of = settings.subscriber_id if registry is None else registry.subscriber_id
        rights = feed_rights(settings.subscriber_id, of, tells=registry is None)
        found.append((settings.feed, rights))
    if not found:
        raise SettingsError(f"{arguments.config}: there is neither [nats] nor [feed]")
    for place, rights in found:
        print(f"# {', '.join(place.url)}")
        print(json.dumps({"user": place.user, "permissions": rights}, indent=2))
    return 0
