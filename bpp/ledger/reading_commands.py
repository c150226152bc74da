"""`wayfare ledger balances|trial-balance|statement|account|trust`: what the books say."""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from bpp.ledger import balances, chart, trust
from bpp.ledger.balances import Balance, StatementLine
from protocol_specs.node.store import Session, Store, StoreAt
from protocol_specs.wire import money

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Books:
    """Where a node's books are, the public half of the key that signs them, the numbers by which
    banks know its accounts ("1100", "1110"), and the cooperative's currency."""

    store_at: StoreAt
    public: bytes
    bank_accounts: dict[str, str]
    currency: str


Open = Callable[[Path], Books]
FindWorker = Callable[[Session, str], str | None]


def add(commands: Any, open_books: Open, find_worker: FindWorker) -> None:
    """To those of `wayfare ledger`."""
    shown = commands.add_parser("balances", help="what stands on every account")
    common(shown)
    shown.set_defaults(run=lambda arguments: run_balances(arguments, open_books))
    trial = commands.add_parser("trial-balance", help="debits and credits of every account")
    common(trial)
    trial.add_argument("--at", type=instant, metavar="TIME", help="entries up to then; all if not")
    trial.set_defaults(run=lambda arguments: run_trial_balance(arguments, open_books))
    told = commands.add_parser("statement", help="every transfer that touched a worker")
    common(told)
    told.add_argument("worker", help="the agent's id, or the local id of the books (w...)")
    told.set_defaults(run=lambda arguments: run_statement(arguments, open_books, find_worker))
    account = commands.add_parser("account", help="every transfer that touched an account")
    common(account)
    account.add_argument("name", metavar="NAME", help="its number, or its id such as 2100:w...")
    account.add_argument("--worker", help="only this worker's: the agent's id, or the local id")
    account.set_defaults(run=lambda arguments: run_account(arguments, open_books, find_worker))
    trusted = commands.add_parser("trust", help="whether the trust account is whole")
    common(trusted)
    trusted.set_defaults(run=lambda arguments: run_trust(arguments, open_books))


def common(parser: argparse.ArgumentParser) -> None:
    """What each of these commands takes."""
    parser.add_argument("--config", type=Path, required=True, metavar="FILE")
    parser.add_argument("--json", action="store_true", help="one JSON value on standard output")


def instant(text: str, *, day_ends: bool = True) -> int:
    """Seconds UTC of an instant with its zone, or of a day's end (or beginning) in UTC.

    Raises ArgumentTypeError.
    """
    of_day = "T23:59:59+00:00" if day_ends else "T00:00:00+00:00"
    try:
        found = datetime.fromisoformat(text + of_day if len(text) == len("2026-07-31") else text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no instant; write 2026-07-31 or 2026-07-31T18:00:00+08:00"
        )
    return int(found.timestamp())


def run_balances(arguments: argparse.Namespace, open_books: Open) -> int:
    """One line an account, or JSON."""
    lines = _read(arguments, open_books, balances.balances)
    if arguments.json:
        print(json.dumps([{**asdict(b), "balance_minor": b.balance_minor} for b in lines]))
        return 0
    for line in lines:
        print(_balance_line(line))
    return 0


def run_trial_balance(arguments: argparse.Namespace, open_books: Open) -> int:
    """Every account with its balance on the side on which it stands. 1: the sides differ."""
    lines = _read(arguments, open_books, lambda session: balances.balances(session, arguments.at))
    totals = balances.totals(lines)
    is_balanced = all(debit == credit for debit, credit in totals.values())
    if arguments.json:
        shown = {
            "at": arguments.at,
            "accounts": [{**asdict(b), "balance_minor": b.balance_minor} for b in lines],
            "totals": {
                currency: {"debit_minor": debit, "credit_minor": credit}
                for currency, (debit, credit) in totals.items()
            },
            "balanced": is_balanced,
        }
        print(json.dumps(shown))
        return 0 if is_balanced else 1
    for line in lines:
        if line.debit_minor or line.credit_minor:
            print(_trial_line(line))
    for currency in totals:
        nets = [b.debit_minor - b.credit_minor for b in lines if b.currency == currency]
        sides = (sum(net for net in nets if net > 0), -sum(net for net in nets if net < 0))
        debit, credit = (money.amount(side, currency) for side in sides)
        print(f"{'together':<87} {debit:>14} {credit:>14} {currency}")
    print("debits = credits" if is_balanced else "FAULT: debits and credits differ")
    return 0 if is_balanced else 1


def run_statement(arguments: argparse.Namespace, open_books: Open, find_worker: FindWorker) -> int:
    """One line a transfer, oldest first, or JSON."""

    def find(session: Session) -> list[StatementLine]:
        worker = find_worker(session, arguments.worker) or arguments.worker
        return balances.statement(session, worker)

    return _print_lines(arguments, _read(arguments, open_books, find), arguments.worker)


def run_account(arguments: argparse.Namespace, open_books: Open, find_worker: FindWorker) -> int:
    """The same of one account, or of all of one number."""

    def find(session: Session) -> list[StatementLine]:
        worker = arguments.worker and (find_worker(session, arguments.worker) or arguments.worker)
        return balances.of_accounts(session, arguments.name, worker)

    return _print_lines(arguments, _read(arguments, open_books, find), arguments.name)


def run_trust(arguments: argparse.Namespace, open_books: Open) -> int:
    """Scheme by scheme, what must be there and what is. 1: money due for over a day is missing."""
    now = int(time.time())
    found = _read(arguments, open_books, lambda session: trust.standing(session, now))
    if arguments.json:
        print(json.dumps([trust.shown(each) for each in found]))
    else:
        for each in found:
            print(*trust.told(each), sep="\n")
        print("" if found else "nothing was ever due or held", end="" if found else "\n")
    return 1 if any(each.overdue_minor for each in found) else 0


def _read(
    arguments: argparse.Namespace, open_books: Open, unit: Callable[[Session], list[T]]
) -> list[T]:
    return Store.read_once(open_books(arguments.config).store_at, unit)


def moment(at: int) -> str:
    """An instant for people at a desk, in UTC."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def _print_lines(arguments: argparse.Namespace, lines: Iterable[StatementLine], what: str) -> int:
    lines = list(lines)
    if not lines:
        print(f"wayfare: nothing was ever posted for {what}", file=sys.stderr)
        return 1
    if arguments.json:
        print(json.dumps([asdict(line) for line in lines]))
        return 0
    for line in lines:
        at = moment(line.at)
        value = f"{money.amount(line.amount_minor, line.currency)} {line.currency}"
        print(
            f"{at}  {line.kind:<12} {value:>14}  Dr {line.debit}  Cr {line.credit}  {line.entry}"
            + (f"  by {line.by}" if line.by else "")
        )
    return 0


def _balance_line(line: Balance) -> str:
    value = f"{money.amount(line.balance_minor, line.currency)} {line.currency}"
    return f"{line.account:<56} {chart.TITLES[line.number]:<32} {value:>16}"


def _trial_line(line: Balance) -> str:
    """The net of an account, in the debit or in the credit column."""
    net = line.debit_minor - line.credit_minor
    value = money.amount(abs(net), line.currency)
    debit, credit = (value, "") if net >= 0 else ("", value)
    title = chart.TITLES[line.number][:30]
    return f"{line.account:<56} {title:<30} {debit:>14} {credit:>14} {line.currency}"
