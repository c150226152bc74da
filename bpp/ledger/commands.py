"""`wayfare ledger ...`: verify the books, make a ledger key; the others are in their own files."""

import argparse
import json
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from bpp.ledger import bank_commands, reading_commands, verify
from bpp.ledger.reading_commands import FindWorker, Open, common
from bpp.ledger.witness import BadWitness
from protocol_specs.node.settings import write_secret
from protocol_specs.node.store import Store
from protocol_specs.wire.keys import b64encode, generate_signing_key


def add(subparsers: Any, open_books: Open, find_worker: FindWorker) -> Any:
    """`open_books` reads a settings file; `find_worker` knows an agent's id in the books.

    Returns the subparsers of `wayfare ledger`, for commands of the parts above.
    """
    ledger = subparsers.add_parser("ledger", help="verify or read a cooperative's books")
    commands = ledger.add_subparsers(required=True, metavar="COMMAND")
    checked = commands.add_parser("verify", help="check every row against the sealed blocks")
    common(checked)
    checked.add_argument(
        "--witness", type=Path, metavar="FILE", help="the file of signed heads kept elsewhere"
    )
    checked.add_argument(
        "--data-dir", type=Path, metavar="DIR", help="these data instead: a restored backup"
    )
    checked.set_defaults(run=lambda arguments: run_verify(arguments, open_books))
    reading_commands.add(commands, open_books, find_worker)
    bank_commands.add(commands, open_books)
    made = commands.add_parser("keygen", help="make the key that signs heads and slips")
    made.add_argument("--out", type=Path, required=True, metavar="FILE")
    made.set_defaults(run=run_keygen)
    return commands


def run_verify(arguments: argparse.Namespace, open_books: Open) -> int:
    """Exit 0 only if nothing was found; says what was not checked."""
    books = open_books(arguments.config)
    at = books.store_at
    if arguments.data_dir is not None:
        at = replace(at, data_dir=arguments.data_dir, url=None)
    store = Store.read_only(at)
    try:
        report = verify.verify(store, arguments.witness, books.public, int(time.time()))
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


def _print_report(report: verify.Report) -> None:
    blocks = "1 sealed block" if report.blocks == 1 else f"{report.blocks} sealed blocks"
    print(f"{report.entries} entries, {blocks}, {report.waiting} waiting")
    for fault in report.faults:
        print(f"FAULT: {fault}")
    for note in report.notes:
        print(f"note: {note}")
    faults = len(report.faults)
    print(f"{faults} fault{'' if faults == 1 else 's'} found" if faults else "the books hold")
    if faults:
        print('Change nothing, keep a copy; then docs/ledger.md, "When the books do not hold"')
