"""`wayfare statement ...`: the pass-book from the books, its check, and slips of several merged."""

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bpp.insurance.statement import document, plain
from bpp.insurance.statement.reading import Book, statement
from bpp.refused import Refused
from protocol_specs.node.store import Store
from protocol_specs.wire.keys import InvalidKey, SigningKey, public_key

FORMS = ("text", "json", "csv", "pdf")

OpenBook = Callable[[Path], tuple[Path, Book, SigningKey, tuple[Path, ...]]]
"""Of a settings file: the data folder, how its books are read, the ledger key, fonts for PDF."""


def add(subparsers: Any, open_book: OpenBook) -> None:
    """The commands about statements."""
    parser = subparsers.add_parser("statement", help="a worker's pass-book; check and merge")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    made = commands.add_parser("of", help="the pass-book of a worker, out of the books")
    made.add_argument("worker", metavar="WORKER", help="the agent's id, or the books' local id")
    made.add_argument("--config", type=Path, required=True, metavar="FILE")
    made.add_argument("--from", dest="first", metavar="MONTH", help="such as 2026-07")
    made.add_argument("--to", dest="last", metavar="MONTH", help="this month, if left out")
    made.add_argument("--format", choices=FORMS, default="text")
    made.add_argument("--language", default="en", help="en or ms")
    made.add_argument("--out", type=Path, help="instead of standard output; needed for a PDF")
    made.set_defaults(run=guarded(lambda arguments: run_of(arguments, open_book)))
    verify = commands.add_parser("verify", help="signature and sums of a statement, offline")
    verify.add_argument("file", type=Path, metavar="FILE", help="its JSON")
    verify.add_argument("--public-key", metavar="KEY", help="the cooperative's ledger key (base64)")
    verify.add_argument("--json", action="store_true", help="one JSON object on standard output")
    verify.set_defaults(run=guarded(run_verify))


def guarded(run: Callable[[argparse.Namespace], int]) -> Callable[[argparse.Namespace], int]:
    """Exit 1 and one line that says what cannot be had or does not hold."""

    def kept(arguments: argparse.Namespace) -> int:
        try:
            return run(arguments)
        except (Refused, document.BadStatement, InvalidKey) as error:
            print(f"wayfare: {error}", file=sys.stderr)
            return 1
        except OSError as error:
            if error.filename is None:  # no file of ours: whoever read our output is gone
                raise
            print(f"wayfare: {error.filename}: {error.strerror}", file=sys.stderr)
            return 1

    return kept


def run_of(arguments: argparse.Namespace, open_book: OpenBook) -> int:
    """Prints or writes the statement in the form asked for."""
    folder, book, key, fonts = open_book(arguments.config)
    now = int(time.time())
    store = Store.read_only(folder)
    try:
        found = store.read(
            lambda session: statement(
                session,
                book,
                arguments.worker,
                now,
                first_month=arguments.first,
                last_month=arguments.last,
            )
        )
    finally:
        store.close()
    if arguments.format == "pdf":
        from bpp.insurance.statement import pdf  # fonts and pictures: only where one is drawn

        if arguments.out is None:
            raise Refused("a PDF is written to a file: say --out FILE")
        arguments.out.write_bytes(pdf.drawn(found, arguments.language, fonts))
        return 0
    if arguments.format == "json":
        written = json.dumps(document.signed(found, key), ensure_ascii=False) + "\n"
    else:
        form = plain.text if arguments.format == "text" else plain.table
        written = form(found, arguments.language)
    if arguments.out is None:
        sys.stdout.write(written)
    else:
        arguments.out.write_text(written, encoding="utf-8", newline="")
    return 0


def run_verify(arguments: argparse.Namespace) -> int:
    """Exit 0 only if it holds; says what was checked and what was not."""
    given = arguments.public_key
    expected = None if given is None else public_key(given)
    checked = document.check(arguments.file.read_bytes(), expected)
    found = checked.statement
    if arguments.json:
        shown = {
            "verified": True,
            "key_expected": checked.is_key_expected,
            "issuer": found.issuer,
            "worker": found.worker,
            "ledger_key": found.ledger_key,
            "first_month": found.first_month,
            "last_month": found.last_month,
            "jobs": len(found.jobs),
            "missing": len(found.missing),
        }
        print(json.dumps(shown))
        return 0
    print(f"statement of {found.worker} by {found.issuer}, {found.first_month} to", end=" ")
    print(f"{found.last_month}: {len(found.jobs)} jobs, {len(found.missing)} things missing")
    print(f"checked: the signature is that of the ledger key {found.ledger_key}")
    if checked.is_key_expected:
        print("checked: that key is the one you gave")
    print("checked: every total is what its lines come to")
    if not checked.is_key_expected:
        print("NOT checked: whose key that is: give the published ledger key with --public-key")
    print("NOT checked: whether the books are whole: each job's slip has its own proof")
    return 0
