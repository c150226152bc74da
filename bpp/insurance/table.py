"""CSV files that an office opens in a spreadsheet: no cell of them is ever a formula."""

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import chain, islice

ROWS_AT_ONCE = 500
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_STARTS_A_FORMULA = ("=", "+", "-", "@", "|", "%")


def write(
    columns: Iterable[str], rows: Iterable[Iterable[object]], notes: Iterable[str] = ()
) -> bytes:
    """UTF-8 with CRLF (RFC 4180); None is an empty cell. Each note is a row of one cell above the
    columns, and begins with #.
    """
    return b"".join(parts(columns, rows, notes))


def parts(
    columns: Iterable[str], rows: Iterable[Iterable[object]], notes: Iterable[str] = ()
) -> Iterator[bytes]:
    """The same, some rows at a time: the rows of a quarter are not held in memory."""
    heads = chain(([f"# {note}"] for note in notes), [columns])
    every: Iterator[Iterable[object]] = chain(heads, rows)
    while some := list(islice(every, ROWS_AT_ONCE)):
        text = io.StringIO(newline="")
        csv.writer(text).writerows([cell(value) for value in row] for row in some)
        yield text.getvalue().encode()


def cell(value: object) -> str:
    """Numbers as they are; other text that a spreadsheet would compute, behind an apostrophe."""
    if value is None:
        return ""
    if not isinstance(value, str):
        return str(value)
    return f"'{_printable(value)}" if is_formula(value) else _printable(value)


def is_formula(text: str) -> bool:
    """Whether a spreadsheet would compute it: it passes over blanks, and takes the wide forms of
    East Asia for the signs they are. A number is none.
    """
    first = unicodedata.normalize("NFKC", _printable(text).lstrip())
    return not _NUMBER.fullmatch(text) and first.startswith(_STARTS_A_FORMULA)


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)
