"""CSV files that an office opens in a spreadsheet: no cell of them is ever a formula."""

import csv
import io
import re
from collections.abc import Iterable

_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write(
    columns: Iterable[str], rows: Iterable[Iterable[object]], notes: Iterable[str] = ()
) -> bytes:
    """UTF-8 with CRLF (RFC 4180); None is an empty cell. Each note is a row of one cell above the
    columns, and begins with #.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerows([_cell(f"# {note}")] for note in notes)
    writer.writerow(columns)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue().encode()


def _cell(value: object) -> str:
    """Numbers as they are; other text that a spreadsheet would compute, behind an apostrophe."""
    if value is None:
        return ""
    if not isinstance(value, str):
        return str(value)
    plain = "".join(c if c.isprintable() else " " for c in value)
    is_safe = _NUMBER.fullmatch(value) or not value.startswith(_STARTS_A_FORMULA)
    return plain if is_safe else f"'{plain}"
