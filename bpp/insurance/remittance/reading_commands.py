"""`wayfare remit periods|list|show|held|due`, and what a close would write: nothing is written."""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict
from functools import cache
from typing import Any, TypeVar

from bpp.declined import Declined
from bpp.insurance.desk_calls import Desk, OpenDesk
from bpp.insurance.remittance import closing, deadlines, excess, reading
from bpp.insurance.remittance.declaring import Draft, Known
from bpp.insurance.remittance.shown import (
    amount,
    days,
    deadline_shown,
    held_shown,
    line_shown,
    remittance_shown,
    told,
)
from bpp.insurance.scheme_file import SchemeError, load
from bpp.ledger.reading_commands import common
from protocol_specs.node.store import Session, Store

T = TypeVar("T")

scheme_named = cache(load)
"""The shipped scheme of a name, read once."""


def add(commands: Any, open_desk: OpenDesk) -> None:
    """To those of `wayfare remit`."""
    listed: tuple[tuple[str, str, Callable[[argparse.Namespace, Desk], int]], ...] = (
        ("periods", "every period that has something to declare, and its state", run_periods),
        ("due", "what is due within three days, today, or is late; 1 if anything is", run_due),
        ("list", "every remittance", run_list),
        ("held", "how many days the money of each remittance lay here", run_held),
    )
    for name, says, run in listed:
        found = commands.add_parser(name, help=says)
        common(found)
        found.set_defaults(
            run=lambda arguments, run=run: run(arguments, open_desk(arguments.config))
        )
    show = commands.add_parser("show", help="one remittance: its lines and every step")
    show.add_argument("id", metavar="ID")
    common(show)
    show.set_defaults(run=lambda arguments: run_show(arguments, open_desk(arguments.config)))


def run_periods(arguments: argparse.Namespace, desk: Desk) -> int:
    """A line each, by scheme and period."""
    now = int(time.time())
    found = Store.read_once(
        desk.store_at, lambda session: deadlines.deadlines(session, scheme_named)
    )
    shown = [
        deadline_shown(each, each.days_left(scheme_named(each.scheme).day(now))) for each in found
    ]
    return _print(arguments, shown, map(_period_line, shown), "no job has made anything due yet")


def run_due(arguments: argparse.Namespace, desk: Desk) -> int:
    """What the alarms say. 1: something is due within three days, today, or late."""
    now = int(time.time())
    found = Store.read_once(
        desk.store_at, lambda session: list(deadlines.alarming(session, scheme_named, now))
    )
    shown = [deadline_shown(each, left) for each, left in found]
    _print(arguments, shown, map(_period_line, shown), "nothing is due within three days")
    return 1 if shown else 0


def run_list(arguments: argparse.Namespace, desk: Desk) -> int:
    """A line each."""
    found = Store.read_once(desk.store_at, reading.remittances)
    lines = (
        f"{each.id:<40} {each.state:<13} {amount(each.payable_minor, each.currency):>16} "
        f"{each.workers:>7} workers  due {each.due_day or 'unknown'}"
        for each in found
    )
    return _print(arguments, [remittance_shown(each) for each in found], lines, "none yet")


def run_show(arguments: argparse.Namespace, desk: Desk) -> int:
    """The remittance, its steps, and a line a worker. 1: there is none of this id."""

    def find(session: Session) -> tuple[Any, list[Any]]:
        return reading.remittance(session, arguments.id), list(reading.lines(session, arguments.id))

    found, lines = Store.read_once(desk.store_at, find)
    if found is None:
        print(f"wayfare: there is no remittance {arguments.id}", file=sys.stderr)
        return 1
    shown = {**remittance_shown(found), "lines": [line_shown(line) for line in lines]}
    of_workers = (
        f"  {line.worker}  {amount(line.amount_minor, found.currency):>16}  {line.orders} jobs"
        + (f"  held {amount(line.excess_minor, found.currency)}" if line.excess_minor else "")
        + (
            f"  credit {amount(line.credit_used_minor, found.currency)}"
            * bool(line.credit_used_minor)
        )
        + ("  came back" if line.is_rejected else "")
        for line in lines
    )
    return _print(arguments, shown, (*told(found), *of_workers), "")


def run_held(arguments: argparse.Namespace, desk: Desk) -> int:
    """The days that the money of each remittance lay here, weighted by amount, with the oldest."""
    now = int(time.time())
    found = Store.read_once(
        desk.store_at,
        lambda session: [
            (each, deadlines.held_for(session, each, now)) for each in reading.remittances(session)
        ],
    )
    lines = (
        f"{each.id:<40} {amount(held.amount_minor, each.currency):>16} lay "
        f"{days(held.mean_days_tenths)} days on average, the oldest {held.oldest_days}"
        + ("" if each.state != "collected" else ", and still does")
        for each, held in found
    )
    return _print(arguments, [held_shown(held) for _, held in found], lines, "none yet")


def run_excess(arguments: argparse.Namespace, desk: Desk) -> int:
    """Whose money is held beyond a plan, and what an institution owes back."""

    def find(session: Session) -> tuple[list[excess.Held], list[excess.Held]]:
        return excess.held(session), excess.credits(session)

    held, credits = Store.read_once(desk.store_at, find)
    lines = (
        f"{each.worker}  {amount(each.amount_minor, each.currency):>16}  {what} {each.scheme}"
        for what, every in (("held beside", held), ("owed back by", credits))
        for each in every
    )
    shown = {"held": [asdict(each) for each in held], "credits": [asdict(e) for e in credits]}
    return _print(arguments, shown, lines, "nothing is held, nothing is owed back")


def run_dry(arguments: argparse.Namespace, desk: Desk, known: Known) -> int:
    """What a close would write now. 1: it would be refused, with why."""
    now = int(time.time())

    def find(session: Session) -> list[Draft]:
        scheme = known.scheme(arguments.scheme)
        closing.check_name(scheme, arguments.period)
        closing.check(session, scheme, arguments.period, now=now, leave_open=arguments.leave_open)
        return list(closing.dry_run(session, known, scheme, arguments.period))

    try:
        found, currency = (
            Store.read_once(desk.store_at, find),
            known.scheme(arguments.scheme).currency,
        )
    except (Declined, SchemeError) as declined:
        print(f"wayfare: it would not be closed: {declined}", file=sys.stderr)
        return 1
    shown = [
        {
            "worker": each.worker,
            "amount_minor": each.remitted.total,
            "worker_minor": each.remitted.worker,
            "excess_minor": each.excess_minor,
            "credit_used_minor": each.credit.total,
            "orders": each.orders,
        }
        for each in found
    ]
    lines = [
        f"{each.worker}  {amount(each.remitted.total, currency):>16}  {each.orders} jobs"
        for each in found
    ]
    total = amount(sum(each.remitted.total for each in found), currency)
    return _print(arguments, shown, (*lines, f"together {total}; nothing was written"), "")


def _period_line(shown: dict[str, Any]) -> str:
    left = shown["days_left"]
    when = "due on a day nobody could tell"
    if left is not None:
        when = f"due {shown['due_day']}, " + (
            "today" if left == 0 else f"in {left} days" if left > 0 else f"{-left} days late"
        )
    return f"{shown['scheme']:<28} {shown['period']:<12} {shown['state']:<13} {when}"


def _print(arguments: argparse.Namespace, shown: Any, lines: Iterable[str], none: str) -> int:
    if arguments.json:
        print(json.dumps(shown))
        return 0
    told_lines = list(lines)
    print(*(told_lines or [none]), sep="\n")
    return 0
