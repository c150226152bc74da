"""`wayfare office add|remove|list`: who may sign in at the cooperative's desk, in which roles."""

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bpp.insurance import desk_calls
from bpp.ledger.reading_commands import common
from protocol_specs.node.store import Session, Store, StoreAt


@dataclass(frozen=True, slots=True)
class Door:
    """Where a node keeps its data, and how its desk is reached while it runs."""

    store_at: StoreAt
    host: str
    port: int
    token_file: Path


OpenDoor = Callable[[Path], Door]


def add(subparsers: Any, open_door: OpenDoor) -> None:
    """Registers the commands; `open_door` reads a settings file."""
    parser = subparsers.add_parser("office", help="who may sign in at the office, in which roles")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    adds = commands.add_parser("add", help="let somebody in, or change their roles")
    adds.add_argument("id", metavar="ID", help="a short id, which books and log will have; no name")
    adds.add_argument(
        "--phone", required=True, help="to which codes are sent, such as +60123456789"
    )
    adds.add_argument("--name", required=True, help="as the page greets them")
    adds.add_argument("--role", required=True, action="append", metavar="ROLE",
                      help="member, dispatcher, treasurer or auditor; may be repeated")  # fmt: skip
    removes = commands.add_parser("remove", help="somebody leaves: name and phone are forgotten")
    removes.add_argument("id", metavar="ID")
    lists = commands.add_parser("list", help="everybody")
    for each, run in ((adds, run_put), (removes, run_put), (lists, run_list)):
        common(each)
        each.set_defaults(run=lambda arguments, run=run: run(arguments, open_door))


def run_put(arguments: argparse.Namespace, open_door: OpenDoor) -> int:
    """0: it stands; 1: refused, with why."""
    from bpp.office import api  # the server's imports are slow: not for --help

    roles = getattr(arguments, "role", [])
    body: dict[str, Any] = {"id": arguments.id, "roles": roles}
    if roles:
        body |= {"phone": arguments.phone, "name": arguments.name}

    def unit(session: Session, now: int) -> dict[str, Any]:
        return api.put(session, api.PersonAsked(**body), now)

    answer = desk_calls.written(open_door(arguments.config), api.PATH, body, unit)
    if "error" in answer:
        print(f"wayfare: nothing was written: {answer['error']}", file=sys.stderr)
        return 1
    told = f"{answer['id']}: {', '.join(answer['roles']) or 'is no longer in the office'}"
    print(json.dumps(answer) if arguments.json else told)
    return 0


def run_list(arguments: argparse.Namespace, open_door: OpenDoor) -> int:
    """A line each."""
    from bpp.office import api

    found = Store.read_once(open_door(arguments.config).store_at, api.listed)
    if arguments.json:
        print(json.dumps(found))
    else:
        for each in found:
            print(f"{each['id']:<20} {each['phone']:<16} {', '.join(each['roles'])}")
    return 0
