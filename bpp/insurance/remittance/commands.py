"""`wayfare remit close|send|acknowledge|reject|interest|excess`: what the desk writes down."""

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from bpp.insurance import desk_calls
from bpp.insurance.desk_calls import Desk, OpenDesk
from bpp.insurance.people import reading as people
from bpp.insurance.remittance import closing, reading_commands, shown
from bpp.insurance.remittance.declaring import PersonOf, SchemeOf
from bpp.ledger.reading_commands import common, instant
from protocol_specs.node.store import Session, Store

POLL_S = 0.2
WAIT_S = 600.0  # for a running node's close; it goes on there whether or not we wait
STEPS = {
    "send": ("sent", "the money left for the institution"),
    "acknowledge": ("acknowledged", "the institution says that it has it"),
    "reject": ("rejected", "it came back: the whole, or one worker's line"),
    "interest": ("interest", "interest for being late, borne by the cooperative"),
}


@dataclass(frozen=True, slots=True)
class Beside:
    """What declaring needs, where no node is around."""

    scheme: SchemeOf = field(default=reading_commands.scheme_named)
    person: PersonOf = field(default=people.person)


def add(subparsers: Any, open_desk: OpenDesk) -> Any:
    """Registers `wayfare remit`; returns its commands, for whoever adds more."""
    remit = subparsers.add_parser("remit", help="close periods, declare and remit what is due")
    commands = remit.add_subparsers(required=True, metavar="COMMAND")
    _add_close(commands, open_desk)
    for name, (kind, says) in STEPS.items():
        _add_step(commands, open_desk, name, kind, says)
    _add_excess(commands, open_desk)
    reading_commands.add(commands, open_desk)
    return commands


def _add_close(commands: Any, open_desk: OpenDesk) -> None:
    close = commands.add_parser("close", help="close a period and build its declaration")
    close.add_argument("scheme", metavar="SCHEME")
    close.add_argument("period", metavar="PERIOD", help="such as 2026-07 or FY2026-27Q2")
    close.add_argument("--dry-run", action="store_true", help="show its lines, write nothing")
    close.add_argument("--by", help="short id of whoever closes; no name")
    close.add_argument("--mandate", help="the mandate under which an agent closes")
    close.add_argument(
        "--leave-open", action="store_true", help="jobs that are not over are declared later"
    )
    common(close)
    close.set_defaults(run=lambda arguments: run_close(arguments, open_desk))


def _add_step(commands: Any, open_desk: OpenDesk, name: str, kind: str, says: str) -> None:
    found = commands.add_parser(name, help=says)
    found.add_argument("id", metavar="ID", help="such as my.act872.gig/2026-07/1")
    found.add_argument("--reference", required=True, help="the bank's or institution's number")
    found.add_argument("--by", required=True, help="short id of whoever writes it down; no name")
    found.add_argument("--at", type=instant, help="when it happened; now, if left out")
    found.add_argument("--text", default="", help="what they said, up to 500 characters")
    found.add_argument("--mandate", help="the mandate under which an agent files")
    if name == "reject":
        found.add_argument("--worker", help="one line only: the agent's id, or the local id")
    if name in ("acknowledge", "interest"):
        found.add_argument("--amount", help='such as "20.00", as they said or billed it')
    if name == "interest":
        found.add_argument("--paid-on", metavar="DAY", help="interest until that day; today if not")
    common(found)
    found.set_defaults(run=lambda arguments: run_step(arguments, open_desk, kind))


def _add_excess(commands: Any, open_desk: OpenDesk) -> None:
    excess = commands.add_parser("excess", help="what is held beyond plans, and what becomes of it")
    for word in ("scheme", "worker", "choice"):
        choices = ("next", "back") if word == "choice" else None
        excess.add_argument(word, nargs="?", metavar=word.upper(), choices=choices)
    excess.add_argument("--reference", help="the worker's paper or message")
    excess.add_argument("--by", help="short id of whoever writes it down; no name")
    excess.add_argument("--amount", help="only so much of it")
    common(excess)
    excess.set_defaults(run=lambda arguments: run_excess(arguments, open_desk))


def run_close(arguments: argparse.Namespace, open_desk: OpenDesk) -> int:
    """Closes the period, or has the running node close it, and waits until it is done."""
    found = open_desk(arguments.config)
    if arguments.dry_run:
        return reading_commands.run_dry(arguments, found, Beside())
    if not arguments.by:
        print("wayfare: say --by, a short id of whoever closes", file=sys.stderr)
        return 1

    from bpp.insurance.remittance import desk  # pydantic is slow: not for --help

    body = _given(arguments, "scheme", "period", "by", "leave_open", "mandate")

    def unit(session: Session, now: int) -> dict[str, Any]:
        return desk.close(session, Beside(), desk.CloseAsked(**body), issuer=found.issuer, now=now)

    answer = desk_calls.written(found, f"{desk.PATH}/close", body, unit)
    for _ in range(round(WAIT_S / POLL_S)):
        if answer.get("state") != "closing":
            return _say(arguments, answer)
        _go_on(found)
        answer = desk_calls.written(found, f"{desk.PATH}/close", body, unit)
    print(f"wayfare: {answer['id']} {_GOING_ON}", file=sys.stderr)
    return 1


_GOING_ON = (
    "is closed, and not all of its lines are written yet: the node goes on with it. If its log "
    "says why it cannot, mend that; say the same again to see how far it is"
)


def _go_on(found: Desk) -> None:
    """Works the close to its end beside a stopped node; waits a little for a running one."""
    from protocol_specs.node.store import StoreInUse

    try:
        store = Store.open_existing(found.store_at)
    except StoreInUse:
        time.sleep(POLL_S)
        return
    try:
        finish(store, int(time.time()))
    finally:
        store.close()


def finish(store: Store, now: int) -> None:
    """Every close that was begun, chunk by chunk, each in a transaction of its own."""
    known, after = Beside(), ""
    while going_on := store.read(closing.unfinished):
        chunk = partial(closing.next_chunk, known=known, close=going_on[0], after=after, now=now)
        after = store.transact_now(chunk) or ""


def run_step(arguments: argparse.Namespace, open_desk: OpenDesk, kind: str) -> int:
    """Writes a step down. 0: it stands; 1: refused, with why."""
    found = open_desk(arguments.config)

    from bpp.insurance.remittance import desk

    names = ("reference", "by", "at", "text", "worker", "amount", "paid_on", "mandate")
    body = {"remittance": arguments.id, "kind": kind, **_given(arguments, *names)}

    def unit(session: Session, now: int) -> dict[str, Any]:
        return desk.step(session, Beside(), desk.StepAsked(**body), issuer=found.issuer, now=now)

    return _say(arguments, desk_calls.written(found, f"{desk.PATH}/steps", body, unit))


def run_excess(arguments: argparse.Namespace, open_desk: OpenDesk) -> int:
    """Without words, who has money held; with them, does what the worker chose."""
    found = open_desk(arguments.config)
    if arguments.scheme is None:
        return reading_commands.run_excess(arguments, found)
    if not (arguments.choice and arguments.reference and arguments.by):
        print("wayfare: say SCHEME WORKER next|back --reference R --by ID", file=sys.stderr)
        return 1

    from bpp.insurance.remittance import desk

    body = _given(arguments, "scheme", "worker", "choice", "reference", "by", "amount")

    def unit(session: Session, now: int) -> dict[str, Any]:
        return desk.decide_excess(session, Beside(), desk.ExcessAsked(**body), now=now)

    answer = desk_calls.written(found, f"{desk.PATH}/excess", body, unit)
    return _say(arguments, answer, lambda done: (f"{done['entry']}: posted",))


def _given(arguments: argparse.Namespace, *names: str) -> dict[str, Any]:
    """What was said of these."""
    return {name: value for name in names if (value := getattr(arguments, name, None)) is not None}


def _lines_of(answer: dict[str, Any]) -> tuple[str, ...]:
    value = shown.amount(answer["payable_minor"], answer["currency"])
    return (f"{answer['id']}: {answer['state']}, {value} of {answer['workers']} workers",)


def _say(
    arguments: argparse.Namespace,
    answer: dict[str, Any],
    lines: Callable[[dict[str, Any]], tuple[str, ...]] = _lines_of,
) -> int:
    if arguments.json:
        print(json.dumps(answer))
    elif "error" in answer:
        print(f"wayfare: nothing was written: {answer['error']}", file=sys.stderr)
    else:
        print(*lines(answer), sep="\n")
    return 1 if "error" in answer else 0
