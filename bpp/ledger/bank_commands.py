"""`wayfare ledger match FILE`: a bank's statement against the books; nothing is posted."""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bpp.ledger import bank, bank_files
from bpp.ledger.bank import BankLine, BankStatement, Matching, Pair, Posting
from bpp.ledger.reading_commands import Open, common
from protocol_specs.node.store import Session, Store
from protocol_specs.wire import money


def add(commands: Any, open_books: Open) -> None:
    """To those of `wayfare ledger`."""
    matched = commands.add_parser("match", help="a bank's statement (camt.053, CSV) against 11xx")
    matched.add_argument("file", type=Path, metavar="FILE")
    common(matched)
    matched.set_defaults(run=lambda arguments: run_match(arguments, open_books))


def run_match(arguments: argparse.Namespace, open_books: Open) -> int:
    """0: every line and posting has its other; 1: some have not, or the file was refused."""
    books = open_books(arguments.config)
    name = arguments.file.name
    try:
        statements = bank_files.read(arguments.file)
        accounts = [
            bank_files.account_of(each, books.bank_accounts, books.currency, name)
            for each in statements
        ]
    except bank_files.BadBankFile as refused:
        print(f"wayfare: {refused}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"wayfare: {arguments.file}: {error.strerror}", file=sys.stderr)
        return 1
    store = Store.read_only(books.store_at)
    try:
        found = [
            store.read(lambda session, a=account, s=statement: _matched(session, a, s))  # type: ignore[misc]  # bound now
            for account, statement in zip(accounts, statements, strict=True)
        ]
    finally:
        store.close()
    if arguments.json:
        print(json.dumps([_shown(*each) for each in found]))
    else:
        for each in found:
            print(*_told(*each), sep="\n")
    return 0 if all(matching.is_whole for _, _, _, matching in found) else 1


_Found = tuple[str, BankStatement, int, Matching]


def _matched(session: Session, account: str, statement: BankStatement) -> _Found:
    stood = bank.stood_minor(session, account, statement)
    postings = bank.postings(session, statement)
    return account, statement, stood, bank.match(statement, account, postings)


def _shown(account: str, statement: BankStatement, stood: int, found: Matching) -> dict[str, Any]:
    return {
        "account": account,
        "number": statement.number,
        "currency": statement.currency,
        "first": statement.first.isoformat(),
        "last": statement.last.isoformat(),
        "bank_minor": statement.closing_minor,
        "books_minor": stood,
        "matched": [_pair(each) for each in found.matched],
        "differing": [_pair(each) for each in found.differing],
        "missing_in_books": [_line(each) for each in found.missing_in_books],
        "missing_in_bank": [_posting(each) for each in found.missing_in_bank],
        "for_another_account": [
            {**_line(line), "account": other} for line, other in found.for_another_account
        ],
        "duplicates": [{**_line(line), "first": one.place} for line, one in found.duplicates],
    }


def _told(account: str, statement: BankStatement, stood: int, found: Matching) -> Iterator[str]:
    def value(minor: int) -> str:
        return f"{money.amount(minor, statement.currency):>12} {statement.currency}"

    yield f"{account} ({statement.number}), {statement.first} to {statement.last}"
    if statement.closing_minor is not None:
        yield f"  the bank says {value(statement.closing_minor)}, the books {value(stood)}"
    yield f"  {len(found.matched)} matched"
    for pair in found.differing:
        amounts = f"{value(pair.line.minor)}, in the books {value(pair.posting.minor)}"
        yield f"  ANOTHER AMOUNT    {amounts}: {pair.posting.entry} ({pair.line.place})"
    for line in found.missing_in_books:
        yield f"  MISSING IN BOOKS  {value(line.minor)}  {line.on}  {_words(line)} ({line.place})"
    for posting in found.missing_in_bank:
        yield f"  MISSING IN BANK   {value(posting.minor)}  {posting.on}  {posting.entry}"
    for line, other in found.for_another_account:
        yield f"  FOR {other:<13} {value(line.minor)}  {line.on}  {_words(line)} ({line.place})"
    for line, one in found.duplicates:
        yield f"  TWICE             {value(line.minor)}  {line.place} repeats {one.place}"
    what = "the books and the bank agree" if found.is_whole else "look at these; nothing was posted"
    yield f"  {what}"


def _words(line: BankLine) -> str:
    """Without what a terminal would obey."""
    said = " ".join([*sorted(line.references), line.text])
    return "".join(c if c.isprintable() else "?" for c in said)[:60]


def _line(line: BankLine) -> dict[str, Any]:
    return {
        "place": line.place,
        "on": line.on.isoformat(),
        "minor": line.minor,
        "references": sorted(line.references),
        "text": line.text,
    }


def _posting(posting: Posting) -> dict[str, Any]:
    return {"entry": posting.entry, "on": posting.on.isoformat(), "minor": posting.minor}


def _pair(pair: Pair) -> dict[str, Any]:
    return {"line": _line(pair.line), "posting": _posting(pair.posting), "by": pair.by}
