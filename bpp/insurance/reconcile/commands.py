"""`wayfare reconcile ...`: what does not agree, in text or JSON; exit 1 when anything is open."""

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from bpp.declined import Declined
from bpp.insurance.desk_commands import Run, guarded
from bpp.insurance.reconcile import banked, fares, orders, remitted
from bpp.ledger import bank_files
from bpp.ledger.reading_commands import Books, Open, common, instant
from protocol_specs.node.store import Session, Store
from protocol_specs.wire import money

T = TypeVar("T")
LISTED_MAX = 1000  # orders whose fare changed; all of them are counted


def add(subparsers: Any, open_books: Open) -> None:
    """`open_books` reads a settings file."""
    parser = subparsers.add_parser(
        "reconcile", help="hold orders, books, institution, bank together"
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    first = partial(instant, day_ends=False)
    timed_commands: tuple[tuple[str, str, Callable[[argparse.Namespace, Books], int]], ...] = (
        ("orders", "confirmed orders against contributions", run_orders),
        ("fares", "the fare as confirmed against the final one", run_fares),
    )
    for name, about, run in timed_commands:
        timed = commands.add_parser(name, help=about)
        common(timed)
        timed.add_argument("--from", dest="first", type=first, default=0, metavar="DAY")
        timed.add_argument("--until", type=instant, default=orders.FOREVER, metavar="DAY")
        timed.set_defaults(run=guarded(_on_books(run, open_books)))
    answers = commands.add_parser("remitted", help="what was sent against what was acknowledged")
    common(answers)
    answers.add_argument("--answer", type=Path, metavar="FILE", help="the institution's own CSV")
    answers.set_defaults(run=guarded(lambda a: run_remitted(a, open_books(a.config))))
    bank = commands.add_parser("bank", help="the trust account's statement, by remittance")
    bank.add_argument("file", type=Path, metavar="FILE")
    common(bank)
    bank.set_defaults(run=guarded(lambda a: run_bank(a, open_books(a.config))))


def _on_books(run: Callable[[argparse.Namespace, Books], int], open_books: Open) -> Run:
    return lambda arguments: run(arguments, open_books(arguments.config))


def run_orders(arguments: argparse.Namespace, books: Books) -> int:
    """A line for each that does not agree."""
    found = Store.read_once(
        books.store_at, lambda s: orders.reconcile(s, arguments.first, arguments.until)
    )
    if arguments.json:
        print(json.dumps(asdict(found)))
    else:
        for each in found.found:
            print(_order_line(each))
        print(f"{found.orders} orders, {found.events} events: {_open(len(found.found))}")
    return 1 if found.found else 0


def run_fares(arguments: argparse.Namespace, books: Books) -> int:
    """Each order whose fare or contribution changed, and the sums. Open: over, but not due."""

    def read(session: Session) -> tuple[dict[str, int], list[fares.Compared]]:
        sums = dict.fromkeys(("orders", "changed", "open", "fare_minor", "contribution_minor"), 0)
        listed: list[fares.Compared] = []
        for each in fares.reconcile(session, arguments.first, arguments.until):
            sums["orders"] += 1
            sums["changed"] += each.changed
            sums["open"] += each.is_open
            sums["fare_minor"] += each.final_minor - each.estimate_minor
            sums["contribution_minor"] += (
                each.contribution_minor - each.contribution_at_confirm_minor
            )
            if (each.changed or each.is_open) and len(listed) < LISTED_MAX:
                listed.append(each)
        return sums, listed

    sums, listed = Store.read_once(books.store_at, read)
    if arguments.json:
        print(json.dumps({**sums, "listed": [asdict(each) for each in listed]}))
    else:
        for each in listed:
            print(_fare_line(each))
        shown = {name: money.amount(sums[name], books.currency) for name in sums if "_" in name}
        print(
            f"{sums['orders']} jobs over, {sums['changed']} changed: fares {shown['fare_minor']}, "
            f"contributions {shown['contribution_minor']} {books.currency}; {_open(sums['open'])}"
        )
    return 1 if sums["open"] else 0


def run_remitted(arguments: argparse.Namespace, books: Books) -> int:
    """A line a remittance, and one for each worker that does not agree."""
    answer = remitted.read_answer(arguments.answer) if arguments.answer else None
    found = Store.read_once(books.store_at, lambda session: remitted.reconcile(session, answer))
    is_open = sum(each.status != "01" for each in found)
    if arguments.json:
        print(json.dumps([asdict(each) for each in found]))
    else:
        for each in found:
            print(_remitted_line(each))
        print(f"{len(found)} compared: {_open(is_open)}")
    return 1 if is_open else 0


def run_bank(arguments: argparse.Namespace, books: Books) -> int:
    """Sums by remittance; the lines themselves are told by `wayfare ledger match`."""
    name = arguments.file.name
    try:
        statements = bank_files.read(arguments.file)
        ours = [
            (bank_files.account_of(each, books.bank_accounts, books.currency, name), each)
            for each in statements
        ]
    except bank_files.BadBankFile as bad:
        raise Declined(str(bad)) from None
    except OSError as error:
        raise Declined(f"{arguments.file}: {error.strerror}") from None
    for account, _ in ours:
        if not account.startswith("1110"):
            raise Declined(
                f"{name}: it is the statement of {account}; this one is for the trust account 1110"
            )
    shown, is_whole = [], True
    for account, each in ours:
        matching, sums = Store.read_once(
            books.store_at,
            lambda s, a=account, e=each: banked.reconcile(s, a, e),  # type: ignore[misc]  # bound now
        )
        is_whole = is_whole and matching.is_whole
        shown += [{"account": account, **asdict(one)} for one in sums]
    if arguments.json:
        print(json.dumps(shown))
    else:
        for one in shown:
            print(_bank_line(one, books.currency))
        print("whole" if is_whole else f"open: see wayfare ledger match {name}")
    return 0 if is_whole else 1


def _order_line(each: orders.Found) -> str:
    if each.fault == "gap":
        return f"GAP  {each.worker} {each.scheme} {each.period}: {orders.SAYS['gap']}"
    about = " ".join(str(part) for part in (each.scheme, each.entry) if part)
    event = f" event {each.n}" if each.n is not None else ""
    return f"{each.fault.upper()}  order {each.order}{event} {about}: {orders.SAYS[each.fault]}"


def _fare_line(each: fares.Compared) -> str:
    fare, final, first, last = (
        money.amount(minor, each.currency)
        for minor in (
            each.estimate_minor,
            each.final_minor,
            each.contribution_at_confirm_minor,
            each.contribution_minor,
        )
    )
    note = "  OPEN: over, but not due" if each.is_open else ""
    return (
        f"{each.order} {each.ended}: fare {fare} -> {final}, contribution {first} -> {last}{note}"
    )


def _remitted_line(each: remitted.Compared) -> str:
    remitted_, received, difference = (
        f"{money.amount(minor, each.currency)} {each.currency}"
        for minor in (each.remitted_minor, each.received_minor, each.difference_minor)
    )
    whose = f" {each.worker}" if each.worker else ""
    by = "" if each.status == "01" else f" by {difference}"
    says = remitted.SAYS[each.status]
    return f"{each.status} {says}{by}  {each.remittance}{whose}: {remitted_} sent, {received} there"


def _bank_line(one: dict[str, Any], currency: str) -> str:
    books, bank = (money.amount(one[name], currency) for name in ("books_minor", "bank_minor"))
    what = one["remittance"] or "no remittance"
    return f"{what}  books {books}, bank {bank} {currency}  {_open(one['open_lines'])}"


def _open(count: int) -> str:
    return f"{count} open" if count else "nothing open"
