"""`wayfare workers`: who is enrolled, what they were told, agreed to, chose. docs/people.md"""

import argparse
import getpass
import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from bpp.insurance import desk_calls
from bpp.insurance.desk_calls import Desk, OpenDesk
from bpp.insurance.desk_commands import guarded
from bpp.insurance.people import asked, csv_import, erasing, identity, listing, notice, writing
from bpp.insurance.people.writing import People
from bpp.ledger.reading_commands import common, moment
from protocol_specs.node.settings import write_secret
from protocol_specs.node.store import Session, Store

OpenPeople = Callable[[Desk], People]
"""What the same settings say of people."""
_ROUTES = "/desk/insurance/workers"
_Write = Callable[[Session, People, Any, int], dict[str, Any]]


def add(subparsers: Any, open_desk: OpenDesk, open_people: OpenPeople) -> None:
    """Registers the commands."""
    commands = subparsers.add_parser(
        "workers", help="enrolment, notices, consent, plans"
    ).add_subparsers(dest="command", required=True)

    def writing_command(
        name: str, says: str, model: type[BaseModel], write: _Write
    ) -> argparse.ArgumentParser:
        parser: argparse.ArgumentParser = commands.add_parser(name, help=says)
        parser.add_argument("worker", help="the driver's code, the agent's id, or the local id")
        parser.add_argument("--by", required=True, help="short id of whoever writes it down")
        common(parser)
        run = partial(
            _run_write, open_desk=open_desk, open_people=open_people, model=model, write=write
        )
        parser.set_defaults(run=run)
        return parser

    _add_writing(writing_command)
    many = commands.add_parser("import", help="enrol everybody of a CSV file, or nobody")
    many.add_argument("file", type=Path, metavar="FILE.csv")
    many.add_argument("--by", required=True, help="short id of whoever writes it down")
    common(many)
    many.set_defaults(run=lambda a: _run_import(a, open_desk, open_people))
    for name, says, read in (
        ("list", "everybody in the books, and what is owed to them", listing.everybody),
        ("unregistered", "workers with jobs but unregistered", _unregistered),
        ("notices", "proof of notices: every text shown, to whom, when, how", _proofs),
    ):
        parser = commands.add_parser(name, help=says)
        common(parser)
        parser.set_defaults(
            run=guarded(partial(_run_read, open_desk=open_desk, open_people=open_people, read=read))
        )
    _add_show(commands, open_desk, open_people)
    made = commands.add_parser("keygen", help="make the pair that identity numbers are sealed to")
    made.add_argument("--out", type=Path, required=True, metavar="FILE", help="the private half")
    made.set_defaults(run=_run_keygen)


def _add_writing(command: Callable[..., argparse.ArgumentParser]) -> None:
    """Those that write about one worker; an option is named as the API's body names it."""
    enrolled = command(
        "enrol", "enrol a worker; the identity number is read from standard input",
        asked.Enrolment, writing.enrol,
    )  # fmt: skip
    enrolled.add_argument("--identity-kind", required=True, choices=tuple(identity.KINDS))
    enrolled.add_argument("--born", required=True, metavar="DAY")
    enrolled.add_argument("--sector", required=True, choices=("ride", "logistics"))
    enrolled.add_argument("--name", help="as on the card, if the fleet has another")
    enrolled.add_argument("--licence")
    declared = command(
        "category", "category or residency from a day on", asked.Declared, writing.declare
    )
    for parser in (enrolled, declared):
        parser.add_argument("--category")
        parser.add_argument("--residency")
        parser.add_argument("--day", metavar="DAY", help="from then on; today, if left out")
        parser.add_argument("--source", help="what it rests on")
    told = command("tell", "write down that a notice was shown", asked.Told, writing.tell)
    told.add_argument("--language", required=True)
    agreed = command("consent", "yes to a deduction", asked.Agreed, writing.agree)
    agreed.set_defaults(agree=True)
    refused = command("withdraw", "no, or not any more", asked.Agreed, writing.agree)
    refused.set_defaults(agree=False)
    for parser in (agreed, refused):
        parser.add_argument("--reference", help="where the paper is")
    for parser in (told, agreed, refused):
        parser.add_argument("--how", choices=("app", "paper", "call"), default="paper")
    chosen = command("plan", "a plan chosen", asked.Chosen, writing.choose)
    opted = command("opt-in", "the choice to be in a scheme", asked.OptedIn, writing.opt_in)
    for parser in (chosen, opted):
        parser.add_argument("--day", metavar="DAY", help="of the choice; today, if left out")
    bought = command("bought", "a plan bought at the institution", asked.BoughtPlan, writing.buy)
    for parser in (chosen, bought):
        parser.add_argument("--plan", required=True)
    bought.add_argument("--first-month", required=True, metavar="2026-07")
    bought.add_argument("--months", required=True, type=int, choices=(1, 12))
    bought.add_argument("--receipt", required=True, help="the institution's number")
    bought.add_argument("--is-seen", action="store_true", help="the receipt was seen, not told")
    numbered = command("number", "the institution's own number", asked.Numbered, writing.number)
    numbered.add_argument("--number", required=True)
    for parser in (told, agreed, refused, chosen, opted, bought, numbered):
        parser.add_argument("--scheme", required=True)
    command("erase", "erase a person who left", asked.About, erasing.erase)


def _add_show(commands: Any, open_desk: OpenDesk, open_people: OpenPeople) -> None:
    shown = commands.add_parser("show", help="what is on record of a worker")
    shown.add_argument("worker")
    common(shown)
    shown.set_defaults(
        run=guarded(partial(_run_read, open_desk=open_desk, open_people=open_people, read=_shown))
    )
    text = commands.add_parser("notice", help="print a notice, to be shown on paper")
    text.add_argument("scheme")
    text.add_argument("--language", required=True)
    common(text)
    text.set_defaults(run=guarded(lambda a: _run_notice(a, open_desk, open_people)))


def _run_write(
    arguments: argparse.Namespace,
    *,
    open_desk: OpenDesk,
    open_people: OpenPeople,
    model: type[BaseModel],
    write: _Write,
) -> int:
    """0: it stands; 1: refused, with why. An identity number is never an argument: others of the
    machine could read it in the list of processes."""
    desk = open_desk(arguments.config)
    given = {name: getattr(arguments, name, None) for name in model.model_fields}
    body = {name: value for name, value in given.items() if value is not None}
    if "identity" in model.model_fields:
        body["identity"] = _read_identity()
    path = {"tell": "notice", "withdraw": "consent"}.get(arguments.command, arguments.command)
    answer = _written(desk, open_people, f"{_ROUTES}/{path}", body, model, write)
    return _say(arguments, answer)


def _written(
    desk: Desk,
    open_people: OpenPeople,
    path: str,
    body: dict[str, Any],
    model: type[BaseModel],
    write: _Write,
) -> dict[str, Any]:
    def unit(session: Session, now: int) -> dict[str, Any]:
        return write(session, open_people(desk), model.model_validate(body), now)

    return desk_calls.written(desk, path, body, unit)


def _read_identity() -> str:
    if sys.stdin.isatty():
        return getpass.getpass("identity number: ").strip()
    return sys.stdin.readline().strip()


def _run_import(arguments: argparse.Namespace, open_desk: OpenDesk, open_people: OpenPeople) -> int:
    """Every fault with file and line; then nobody is enrolled."""
    try:
        text = arguments.file.read_text(encoding="utf-8")
    except OSError as error:
        print(f"wayfare: {arguments.file}: {error.strerror}", file=sys.stderr)
        return 1
    except UnicodeDecodeError:
        print(f"wayfare: {arguments.file}: it is not UTF-8; save it as CSV UTF-8", file=sys.stderr)
        return 1

    def write(session: Session, people: People, body: asked.Import, now: int) -> dict[str, Any]:
        return csv_import.enrol_all(session, people, body.csv, body.by, now)

    body = {"csv": text, "by": arguments.by}
    answer = _written(
        open_desk(arguments.config), open_people, f"{_ROUTES}/import", body, asked.Import, write
    )
    if "error" in answer:
        answer["error"] = answer["error"].replace("file, line", f"{arguments.file}, line")
    return _say(arguments, answer)


def _say(arguments: argparse.Namespace, answer: dict[str, Any]) -> int:
    if arguments.json:
        print(json.dumps(answer))
    elif "error" in answer:
        print(f"wayfare: nothing was written: {answer['error']}", file=sys.stderr)
    elif "workers" in answer:
        print(f"{answer['workers']} workers, {answer['new']} of them new or changed")
    else:
        print(f"{answer['worker']}: {'written' if answer['is_new'] else 'stood already'}")
    return 1 if "error" in answer else 0


def _run_read(
    arguments: argparse.Namespace,
    *,
    open_desk: OpenDesk,
    open_people: OpenPeople,
    read: Callable[..., Any],
) -> int:
    """One line each, or JSON. Beside a running node or without."""
    desk = open_desk(arguments.config)
    people = open_people(desk)
    extra = (arguments.worker,) if hasattr(arguments, "worker") else ()
    found = Store.read_once(desk.store_at, lambda session: read(session, people, *extra))
    if arguments.json:
        print(json.dumps(found, ensure_ascii=False))
        return 0
    for each in found if isinstance(found, list) else [found]:
        print(_line(each))
    return 0


def _line(found: dict[str, Any]) -> str:
    """Name and value of what is there, the facts of a worker each on a line of its own."""
    inner = [f"  {_line(each)}" for each in found.get("facts", ())]
    words = [
        f"{name} {_said(name, value)}"
        for name, value in found.items()
        if name not in ("facts", "text") and value not in (None, [], {})
    ]
    return "\n".join(["  ".join(words), *inner])


def _said(name: str, value: object) -> str:
    """A value as people write it: instants as times in UTC, yes and no, parts with commas."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) and (name == "at" or name.endswith("_at")):
        return moment(value)
    if isinstance(value, list):
        return ", ".join(_said(name, each) for each in value)
    if isinstance(value, dict):
        parts = ((key, each) for key, each in value.items() if each not in (None, [], {}))
        return ", ".join(f"{key} {_said(key, each)}" for key, each in parts)
    return str(value)


def _unregistered(session: Session, people: People) -> list[dict[str, Any]]:
    return listing.unregistered(session)


def _proofs(session: Session, people: People) -> list[dict[str, Any]]:
    return listing.proofs(session)


def _shown(session: Session, people: People, worker: str) -> dict[str, Any]:
    return listing.shown(session, writing.find_worker(session, worker))


def _run_notice(arguments: argparse.Namespace, open_desk: OpenDesk, open_people: OpenPeople) -> int:
    """The exact text; its version goes to standard error."""
    people = open_people(open_desk(arguments.config))
    found = notice.notice(people.scheme(arguments.scheme), people.ask, arguments.language)
    if arguments.json:
        print(json.dumps({"version": found.sha256, "text": found.text}, ensure_ascii=False))
    else:
        print(found.text, end="")
        print(f"version {found.sha256}", file=sys.stderr)
    return 0


def _run_keygen(arguments: argparse.Namespace) -> int:
    """Writes the private half (mode 0600, never over an existing file); prints the public one."""
    if arguments.out.exists():
        print(f"wayfare: {arguments.out} exists and is kept; name another file", file=sys.stderr)
        return 1
    private, public = identity.new_pair()
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    write_secret(arguments.out, private)
    print(f'identity_key = "{public}"')
    print("Keep the private half at the office, not on this node: the node never needs it.")
    return 0
