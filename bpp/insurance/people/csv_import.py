"""Workers from a CSV file: each fault with its line, and all of it or nothing."""

import csv
import io
from typing import Any

from pydantic import ValidationError

from bpp.declined import Declined
from bpp.insurance.people import writing
from bpp.insurance.people.asked import Enrolment
from bpp.insurance.people.writing import People
from protocol_specs.node.asked import said
from protocol_specs.node.store import Session

REQUIRED = ("worker", "identity_kind", "identity", "born", "sector")
OPTIONAL = ("name", "licence", "category", "residency", "day", "source")
ROWS_MAX = 500  # one transaction: orders wait some 0.3 s for so many


def enrol_all(
    session: Session, people: People, text: str, by: str, now: int, *, file: str = "file"
) -> dict[str, Any]:
    """Enrols every line. Raises Declined with a sentence per fault, naming `file` and line.

    No sentence repeats what stands in the line: identity numbers must not come into logs.
    """
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")), strict=True)
    try:
        faults = _header_faults(reader, file)
    except csv.Error as error:
        raise Declined(f"{file}, line 1: {error}") from None
    new = rows = 0
    for line, row in _rows(reader, file) if not faults else ():
        try:
            new += writing.enrol(session, people, _entry(row, by), now)["is_new"]
            rows += 1
        except (Declined, ValidationError) as fault:
            faults.append(f"{file}, line {line}: {_said(fault)}")
    if faults:
        raise Declined("\n".join(faults))
    return {"workers": rows, "new": new}


def _rows(reader: "csv.DictReader[str]", file: str) -> list[tuple[int, dict[str, str | None]]]:
    rows: list[tuple[int, dict[str, str | None]]] = []
    try:
        for row in reader:
            if len(rows) == ROWS_MAX:
                raise Declined(
                    f"{file}, line {reader.line_num}: more than {ROWS_MAX} workers; make several "
                    "files, each with the header"
                )
            rows.append((reader.line_num, dict(row)))
    except csv.Error as error:
        raise Declined(f"{file}, line {reader.line_num}: {error}") from None
    return rows


def _entry(row: dict[str, str | None], by: str) -> Enrolment:
    if None in row or None in row.values():
        raise Declined("it has another number of fields than the header")
    cells = {name.strip(): (value or "").strip() for name, value in row.items()}
    said = {name: cell for name, cell in cells.items() if cell}
    return Enrolment.model_validate(said | {"by": by})


def _header_faults(reader: "csv.DictReader[str]", file: str) -> list[str]:
    columns = [name.strip() for name in reader.fieldnames or ()]
    known = ", ".join(REQUIRED + OPTIONAL)
    return [
        *(f"{file}, line 1: column {n!r} is missing" for n in REQUIRED if n not in columns),
        *(
            f"{file}, line 1: unknown column {name!r}; known are {known}"
            for name in columns
            if name not in REQUIRED + OPTIONAL
        ),
    ]


def _said(fault: Declined | ValidationError) -> str:
    if isinstance(fault, Declined):
        return str(fault)
    return "; ".join(f"{each['loc'][0]}: {said(each)}" for each in fault.errors())
