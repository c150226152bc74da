"""`wayfare report ...`: figures of the books, and keys that let an auditor read them."""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bpp.insurance import desk_calls
from bpp.insurance.agents import signed
from bpp.insurance.desk_calls import Desk, OpenDesk
from bpp.insurance.desk_commands import answered, guarded
from bpp.insurance.report import figures, keys, public
from bpp.insurance.report.keys import KeyEnding, NewKey
from bpp.ledger.reading_commands import moment
from protocol_specs.node.store import Session, Store
from protocol_specs.wire import money

ROUTE = "/desk/insurance/keys"
FIGURES = {
    "deducted": "deducted against remitted by month and age, and who bears it",
    "cash": "what workers owe: fare cash (1220), other (1240)",
    "blocks": "who is offered no cash jobs, and why",
    "public": "what anybody may know: workers, collected, remitted, days to remit",
}


def add(subparsers: Any, open_desk: OpenDesk) -> None:
    """`open_desk` reads a settings file."""
    parser = subparsers.add_parser("report", help="figures for union and public; an auditor's key")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, about in FIGURES.items():
        shows = _of_books(commands, name, about)
        if name != "public":
            shows.add_argument(
                "--inside",
                action="store_true",
                help=f"with cells under {figures.CELL_MIN} workers: not to leave the cooperative",
            )
        shows.set_defaults(run=lambda a, n=name: run_figures(a, n, open_desk(a.config)))
    new = _of_books(commands, "key", "make a key that reads the books and nothing else")
    new.add_argument("name", metavar="NAME")
    new.add_argument("--for", dest="purpose", required=True, help="what it is for")
    new.add_argument("--days", type=int, default=30, help=f"it expires then (30, {keys.DAYS_MAX})")
    new.add_argument("--mandate", help="it opens only while this mandate is in force")
    new.add_argument("--by", required=True)
    new.set_defaults(run=guarded(lambda a: run_key(a, open_desk(a.config))))
    ends = _of_books(commands, "withdraw", "withdraw a key")
    ends.add_argument("name", metavar="NAME")
    ends.add_argument("--by", required=True)
    ends.set_defaults(run=guarded(lambda a: run_withdraw(a, open_desk(a.config))))
    lists = _of_books(commands, "keys", "every key, and what was read by each")
    lists.set_defaults(run=lambda a: run_keys(a, open_desk(a.config)))


def _of_books(commands: Any, name: str, about: str) -> Any:
    parser = commands.add_parser(name, help=about)
    parser.add_argument("--config", type=Path, required=True, metavar="FILE")
    parser.add_argument("--json", action="store_true", help="one JSON value on standard output")
    return parser


def run_figures(arguments: argparse.Namespace, name: str, desk: Desk) -> int:
    """A line a cell, or JSON."""
    is_inside = getattr(arguments, "inside", False)

    def read(session: Session) -> list[dict[str, Any]]:
        if name == "deducted":
            return figures.deducted(session, is_inside=is_inside, now=int(time.time()))
        if name == "cash":
            return figures.cash_debts(session, is_inside=is_inside)
        if name == "blocks":
            return figures.blocks(session, desk.limit, is_inside=is_inside)
        return public.public(session, int(time.time()))

    found = Store.read_once(desk.store_at, read)
    if arguments.json:
        print(json.dumps(found))
        return 0
    for cell in found:
        print(_cell(cell, desk.currency))
    if not found:
        print(_nothing(name, is_inside=is_inside))
    return 0


def _nothing(name: str, *, is_inside: bool) -> str:
    if name in ("cash", "blocks"):
        return "nobody"
    if name == "deducted" and not is_inside:
        return "no period that is over: --inside shows the one that runs"
    return "nothing was ever set aside"


def run_key(arguments: argparse.Namespace, desk: Desk) -> int:
    """The token alone on standard output, so that a file can take it; it is printed once."""
    names = ("name", "purpose", "days", "by", "mandate")
    document = {name: getattr(arguments, name) for name in names}
    body = signed.parsed(document, NewKey, "no key")
    found = desk_calls.written(
        desk, ROUTE, document, lambda session, now: keys.make(session, body, now)
    )
    if "error" not in found:
        until = moment(found["expires_at"])
        print(f"shown once; send it as Authorization: Bearer KEY, until {until}", file=sys.stderr)
    return answered(arguments, found, lambda: str(found["token"]))


def run_withdraw(arguments: argparse.Namespace, desk: Desk) -> int:
    """At once."""
    body = signed.parsed({"by": arguments.by}, KeyEnding, "not withdrawn")
    found = desk_calls.written(
        desk,
        f"{ROUTE}/{quote(arguments.name, safe='')}/withdraw",
        {"by": arguments.by},
        lambda session, now: keys.withdraw(session, arguments.name, body.by, now),
    )
    return answered(arguments, found, lambda: f"{arguments.name}: withdrawn")


def run_keys(arguments: argparse.Namespace, desk: Desk) -> int:
    """Keys, then the newest readings."""
    found = Store.read_once(
        desk.store_at,
        lambda session: {"keys": keys.keys(session), "readings": keys.readings(session)},
    )
    if arguments.json:
        print(json.dumps(found))
        return 0
    for key in found["keys"]:
        state = "withdrawn" if key["withdrawn_at"] else f"until {moment(key['expires_at'])}"
        print(f"{key['name']}  {key['purpose']}  {state}  {key['readings']} readings")
    for each in found["readings"]:
        print(f"{moment(each['at'])}  {each['name']}  {each['path']}")
    print("" if found["keys"] else "no keys", end="" if found["keys"] else "\n")
    return 0


def _cell(cell: dict[str, Any], currency: str) -> str:
    """`key value` pairs; amounts as money, a small cell as such."""
    if cell.get("fewer_than"):
        where = "  ".join(str(cell[k]) for k in ("scheme", "period", "age") if cell.get(k))
        return f"{where}  not told: fewer than {cell['fewer_than']} workers, or beside such a cell"
    said = []
    for name, value in cell.items():
        if name.endswith("_minor"):
            shown = "-" if value is None else money.amount(value, cell.get("currency", currency))
            said.append(f"{name.removesuffix('_minor').replace('_', ' ')} {shown}")
        elif name in ("scheme", "period", "age", "worker", "text"):
            said.append(str(value))
        elif name == "at":
            said.append(moment(value))
        elif name not in ("fewer_than",):
            said.append(f"{name.replace('_', ' ')} {value}")
    return "  ".join(said)
