"""All that a SQLite file's schema says, so that two can be compared however each was made.

A table that `ALTER TABLE` changed has its columns elsewhere than one that was made whole, and other
quotes and spaces in its text; what it means is the set of its columns and constraints.
"""

import re
import sqlite3
from collections.abc import Iterable, Iterator

Said = frozenset[tuple[str, str, str]]
"""(table, index or trigger; its name; a column, a constraint, the options, or the whole text)."""
_OWN = "SELECT type, name, sql FROM sqlite_master WHERE sql <> '' AND name NOT GLOB 'sqlite_*'"


def catalog(connection: sqlite3.Connection) -> Said:
    """What this database says of itself, but for what SQLite keeps there for itself."""
    return frozenset(
        (kind, name, said)
        for kind, name, text in connection.execute(_OWN)
        for said in (_of_table(text) if kind == "table" else [_plain(text)])
    )


def differences(one: Said, other: Said) -> str:
    """What is in one of them only, by name; "" when they say the same."""
    return ", ".join(sorted({f"{kind} {name}" for kind, name, _ in one ^ other}))


def _of_table(text: str) -> Iterator[str]:
    begin, end = text.index("("), text.rindex(")")
    yield f"options {_plain(text[end + 1 :])}"
    yield from (_plain(part) for part in _parts(text[begin + 1 : end]))


def _parts(body: str) -> Iterable[str]:
    """What stands between the commas, but for those in brackets and in quotes."""
    depth, is_quoted, begun = 0, False, 0
    for at, letter in enumerate(body):
        if letter == "'":
            is_quoted = not is_quoted
        elif not is_quoted:
            depth += (letter == "(") - (letter == ")")
            if letter == "," and depth == 0:
                yield body[begun:at]
                begun = at + 1
    yield body[begun:]


def _plain(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip().replace('"', "")
