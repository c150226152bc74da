"""`wayfare ledger ...`: verify the books, show balances and statements, make a ledger key."""

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bpp.ledger import balances, chart, verify
from bpp.ledger.balances import Balance
from bpp.ledger.witness import BadWitness
from protocol_specs.node.settings import write_secret
from protocol_specs.node.store import Session, Store
from protocol_specs.wire import money
from protocol_specs.wire.keys import b64encode, generate_signing_key


@dataclass(frozen=True, slots=True)
class Books:
    """Where a node's books are, and the public half of the key that signs them."""

    data_dir: Path
    public: bytes


Open = Callable[[Path], Books]
FindWorker = Callable[[Session, str], str | None]


def add(subparsers: Any, open_books: Open, find_worker: FindWorker) -> None:
    """`open_books` reads a settings file; `find_worker` knows an agent's id in the books."""
    ledger = subparsers.add_parser("ledger", help="verify or read a cooperative's books")
    commands = ledger.add_subparsers(required=True, metavar="COMMAND")
    checked = commands.add_parser("verify", help="check every row against the sealed blocks")
    _common(checked)
    checked.add_argument(
        "--witness", type=Path, metavar="FILE", help="the file of signed heads kept elsewhere"
    )
    checked.set_defaults(run=lambda arguments: run_verify(arguments, open_books))
    shown = commands.add_parser("balances", help="what stands on every account")
    _common(shown)
    shown.set_defaults(run=lambda arguments: run_balances(arguments, open_books))
    told = commands.add_parser("statement", help="every transfer that touched a worker")
    _common(told)
    told.add_argument("worker", help="the agent's id, or the local id of the books (w...)")
    told.set_defaults(run=lambda arguments: run_statement(arguments, open_books, find_worker))
    made = commands.add_parser("keygen", help="make the key that signs heads and slips")
    made.add_argument("--out", type=Path, required=True, metavar="FILE")
    made.set_defaults(run=run_keygen)


def run_verify(arguments: argparse.Namespace, open_books: Open) -> int:
    """Exit 0 only if nothing was found; says what was not checked."""
    books = open_books(arguments.config)
    store = Store.read_only(books.data_dir)
    try:
        report = verify.verify(store, arguments.witness, books.public)
    except OSError as error:
        print(f"wayfare: {arguments.witness}: {error.strerror}", file=sys.stderr)
        return 1
    except BadWitness as error:
        print(f"wayfare: {error}", file=sys.stderr)
        return 1
    finally:
        store.close()
    if arguments.json:
        shown = asdict(report)
        shown["sealed_blocks"], shown["verified"] = shown.pop("blocks"), report.is_sound
        shown["witnessed"] = arguments.witness is not None
        print(json.dumps(shown))
    else:
        _print_report(report)
    return 0 if report.is_sound else 1


def run_balances(arguments: argparse.Namespace, open_books: Open) -> int:
    """One line an account, or JSON."""
    store = Store.read_only(open_books(arguments.config).data_dir)
    try:
        lines = store.read(balances.balances)
    finally:
        store.close()
    if arguments.json:
        print(json.dumps([{**asdict(b), "balance_minor": b.balance_minor} for b in lines]))
        return 0
    for line in lines:
        print(_balance_line(line))
    return 0


def run_statement(arguments: argparse.Namespace, open_books: Open, find_worker: FindWorker) -> int:
    """One line a transfer, oldest first, or JSON."""
    store = Store.read_only(open_books(arguments.config).data_dir)
    try:
        worker = store.read(lambda session: find_worker(session, arguments.worker))
        worker = worker or arguments.worker
        lines = store.read(lambda session: balances.statement(session, worker))
    finally:
        store.close()
    if not lines:
        print(f"wayfare: nothing was ever posted for {arguments.worker}", file=sys.stderr)
        return 1
    if arguments.json:
        print(json.dumps([asdict(line) for line in lines]))
        return 0
    for line in lines:
        at = datetime.fromtimestamp(line.at, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
        value = f"{money.amount(line.amount_minor, line.currency)} {line.currency}"
        print(f"{at}  {line.kind:<12} {value:>14}  Dr {line.debit}  Cr {line.credit}  {line.entry}")
    return 0


def run_keygen(arguments: argparse.Namespace) -> int:
    """Writes the private half (mode 0600, never over an existing file); prints the public one."""
    if arguments.out.exists():
        print(f"wayfare: {arguments.out} exists and is kept; name another file", file=sys.stderr)
        return 1
    key = generate_signing_key()
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    write_secret(arguments.out, b64encode(key.seed))
    print(f"ledger_public_key = {b64encode(key.public)}")
    return 0


def _common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, required=True, metavar="FILE")
    parser.add_argument("--json", action="store_true", help="one JSON value on standard output")


def _print_report(report: verify.Report) -> None:
    blocks = "1 sealed block" if report.blocks == 1 else f"{report.blocks} sealed blocks"
    print(f"{report.entries} entries, {blocks}, {report.waiting} waiting")
    for fault in report.faults:
        print(f"FAULT: {fault}")
    for note in report.notes:
        print(f"note: {note}")
    faults = len(report.faults)
    print(f"{faults} fault{'' if faults == 1 else 's'} found" if faults else "the books hold")


def _balance_line(line: Balance) -> str:
    value = f"{money.amount(line.balance_minor, line.currency)} {line.currency}"
    return f"{line.account:<56} {chart.TITLES[line.number]:<32} {value:>16}"
