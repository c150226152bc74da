"""`wayfare ledger export|import DIR`: all books as open files, and back into a new node's."""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Table

from bpp.ledger import archive
from bpp.ledger.archive import BadArchive, Manifest
from bpp.ledger.reading_commands import Open, common
from bpp.ledger.witness import BadWitness
from protocol_specs.node.store import Store

OpenNew = Callable[[Path], Store]
Tables = Callable[[], Sequence[Table]]


def add(commands: Any, open_books: Open, open_new: OpenNew, tables: Tables) -> None:
    """`open_new` makes or opens a stopped node's database; `tables` are those of all books."""
    out = commands.add_parser("export", help="write all books as JSON Lines with their hashes")
    out.add_argument("folder", type=Path, metavar="DIR", help="a new or empty folder")
    common(out)
    out.set_defaults(run=lambda arguments: run_export(arguments, open_books, tables))
    back = commands.add_parser("import", help="take exported books into an empty, stopped node")
    back.add_argument("folder", type=Path, metavar="DIR")
    back.add_argument(
        "--witness", type=Path, metavar="FILE", help="the file of signed heads, to compare with"
    )
    common(back)
    back.set_defaults(run=lambda arguments: run_import(arguments, open_books, open_new, tables))


def run_export(arguments: argparse.Namespace, open_books: Open, tables: Tables) -> int:
    """One committed state, beside a running node or not."""
    books = open_books(arguments.config)
    try:
        found = Store.read_once(
            books.store_at,
            lambda session: archive.export(session, arguments.folder, tables(), books.public),
        )
    except OSError as error:
        return _refuse(str(error))
    return _say(arguments, found, "written to")


def run_import(
    arguments: argparse.Namespace,
    open_books: Open,
    open_new: OpenNew,
    tables: Tables,
) -> int:
    """All or nothing: 1, and nothing is taken, where a hash or anything else does not hold."""
    books = open_books(arguments.config)
    store = open_new(arguments.config)
    try:
        found = store.transact_now(
            lambda session: archive.import_(
                session, arguments.folder, tables(), books.public, arguments.witness
            )
        )
    except (BadArchive, BadWitness, OSError) as refused:
        return _refuse(f"nothing was taken: {refused}")
    finally:
        store.close()
    return _say(arguments, found, "taken from")


def _refuse(why: str) -> int:
    print(f"wayfare: {why}", file=sys.stderr)
    return 1


def _say(arguments: argparse.Namespace, found: Manifest, what: str) -> int:
    rows = {written.table: written.rows for written in found.tables}
    if arguments.json:
        print(json.dumps({"rows": rows, "blocks": found.blocks, "head": found.head}))
    else:
        print(f"{rows['entry']} entries in {found.blocks} blocks {what} {arguments.folder}")
        print(f"newest head {found.head or 'none'}")
    return 0
