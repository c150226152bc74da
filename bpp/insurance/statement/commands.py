"""`wayfare statement ...` and `wayfare ask`: the pass-book, its check, slips merged, answers."""

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from bpp.declined import Declined
from bpp.insurance.statement import document, merged_words, plain
from bpp.insurance.statement.asking import Asks, answered
from bpp.insurance.statement.merging import merge
from bpp.insurance.statement.questions import listed
from bpp.insurance.statement.reading import statement
from protocol_specs.node import files
from protocol_specs.node.store import Store, StoreAt
from protocol_specs.wire.keys import InvalidKey, SigningKey, public_key

T = TypeVar("T")

FORMS = ("text", "json", "csv", "pdf")


@dataclass(frozen=True, slots=True)
class Shelf:
    """Of a settings file: where the books are and how they are read, the key that signs, the fonts
    for PDF, and what answers need beside the books."""

    store_at: StoreAt
    asks: Asks
    key: SigningKey
    fonts: tuple[Path, ...]


OpenShelf = Callable[[Path], Shelf]


def add(subparsers: Any, open_shelf: OpenShelf) -> Any:
    """The commands about statements, which may be added to, and `wayfare ask`."""
    parser = subparsers.add_parser("statement", help="a worker's pass-book; check and merge")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    made = commands.add_parser("of", help="the pass-book of a worker, out of the books")
    made.add_argument("worker", metavar="WORKER", help="the id that wayfare workers list shows")
    made.add_argument("--config", type=Path, required=True, metavar="FILE")
    made.add_argument("--from", dest="first", metavar="MONTH", help="such as 2026-07")
    made.add_argument("--to", dest="last", metavar="MONTH", help="this month, if left out")
    made.add_argument("--format", choices=FORMS, default="text")
    made.add_argument("--language", default="en", help="en or ms")
    made.add_argument("--out", type=Path, help="instead of standard output; needed for a PDF")
    made.set_defaults(run=guarded(lambda arguments: run_of(arguments, open_shelf)))
    verify = commands.add_parser("verify", help="signature and sums of a statement, offline")
    verify.add_argument("file", type=Path, metavar="FILE", help="its JSON")
    verify.add_argument("--public-key", metavar="KEY", help="the cooperative's ledger key (base64)")
    verify.add_argument("--json", action="store_true", help="one JSON object on standard output")
    verify.set_defaults(run=guarded(run_verify))
    merged = commands.add_parser("merge", help="what slips of several cooperatives mean together")
    merged.add_argument("slips", nargs="+", type=Path, metavar="SLIP")
    merged.add_argument(
        "--key", action="append", default=[], metavar="ISSUER=KEY", help="a ledger key (base64)"
    )
    merged.add_argument("--plan", help="the plan that you chose; the smallest, if left out")
    merged.add_argument("--json", action="store_true", help="one JSON object on standard output")
    merged.set_defaults(run=guarded(run_merge))
    _add_ask(subparsers, open_shelf)
    return commands


def _add_ask(subparsers: Any, open_shelf: OpenShelf) -> None:
    told = "\n".join(f"  {name:<10}{says}" for name, says in listed().items())
    ask = subparsers.add_parser(
        "ask",
        help="what drivers ask first, answered from the books",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=f"questions:\n{told}",
    )
    ask.add_argument("question", nargs="?", metavar="QUESTION", help="without one they are listed")
    ask.add_argument("slip", nargs="?", default="", metavar="SLIP", help="for why: a slip's id")
    ask.add_argument("--worker", help="the agent's id, or the books' local id")
    ask.add_argument("--config", type=Path, metavar="FILE")
    ask.add_argument("--language", default="en", help="en or ms")
    ask.add_argument("--json", action="store_true", help="one JSON object on standard output")
    ask.set_defaults(run=guarded(lambda arguments: run_ask(arguments, open_shelf)))


def guarded(run: Callable[[argparse.Namespace], int]) -> Callable[[argparse.Namespace], int]:
    """Exit 1 and one line that says what cannot be had or does not hold."""

    def kept(arguments: argparse.Namespace) -> int:
        try:
            return run(arguments)
        except (Declined, document.BadStatement, InvalidKey) as error:
            print(f"wayfare: {error}", file=sys.stderr)
            return 1
        except OSError as error:
            if error.filename is None:  # no file of ours: whoever read our output is gone
                raise
            print(f"wayfare: {error.filename}: {error.strerror}", file=sys.stderr)
            return 1

    return kept


def run_of(arguments: argparse.Namespace, open_shelf: OpenShelf) -> int:
    """Prints or writes the statement in the form asked for."""
    shelf, now = open_shelf(arguments.config), int(time.time())
    months = {"first_month": arguments.first, "last_month": arguments.last}
    found = Store.read_once(
        shelf.store_at,
        lambda session: statement(session, shelf.asks.book, arguments.worker, now, **months),
    )
    if arguments.format == "pdf":
        from bpp.insurance.statement import pdf  # fonts and pictures: only where one is drawn

        if arguments.out is None:
            raise Declined("a PDF is written to a file: say --out FILE")
        files.replace(arguments.out, pdf.drawn(found, arguments.language, shelf.fonts))
        return 0
    if arguments.format == "json":
        written = json.dumps(document.signed(found, shelf.key), ensure_ascii=False) + "\n"
    else:
        form = plain.text if arguments.format == "text" else plain.table
        written = form(found, arguments.language)
    if arguments.out is None:
        sys.stdout.write(written)
    else:
        files.replace(arguments.out, written.encode())
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


def run_ask(arguments: argparse.Namespace, open_shelf: OpenShelf) -> int:
    """Prints the answer; without a question, which there are."""
    if arguments.question is None:
        if arguments.json:
            print(json.dumps({"questions": listed()}))
        else:
            print(*(f"{name:<10}{says}" for name, says in listed().items()), sep="\n")
        return 0
    if arguments.worker is None or arguments.config is None:
        raise Declined("say of whom and where: --worker WORKER --config FILE")
    shelf, now = open_shelf(arguments.config), int(time.time())
    lines = Store.read_once(
        shelf.store_at,
        lambda session: answered(
            session,
            shelf.asks,
            arguments.question,
            arguments.worker,
            now,
            slip=arguments.slip,
            language=arguments.language,
        ),
    )
    if arguments.json:
        print(json.dumps({"question": arguments.question, "answer": lines}, ensure_ascii=False))
    else:
        print(*lines, sep="\n")
    return 0


def run_merge(arguments: argparse.Namespace) -> int:
    """Says what the slips come to. 1: one of them does not hold, or none counts."""
    keys = dict(_key(given) for given in arguments.key)
    files = [(str(path), path.read_bytes()) for path in arguments.slips]
    merged = merge(files, keys, arguments.plan)
    if arguments.json:
        print(json.dumps(merged_words.shown(merged), ensure_ascii=False))
    else:
        print(merged_words.report(merged))
    is_whole = merged.together and not any(each.is_refused for each in merged.left_out)
    return 0 if is_whole else 1


def _key(given: str) -> tuple[str, bytes]:
    issuer, is_pair, key = given.partition("=")
    if not (issuer and is_pair):
        raise Declined(f"--key {given}: write ISSUER=KEY, such as rides.example=MCow...")
    return issuer, public_key(key)
