"""What was remitted against what the institution says it has: 01 paid, 02 over, 03 under, 04 none.

The words are those of ONDC's reconciliation of orders. The institution's word is what was written
down as acknowledged, or its own answer as CSV: docs/reconcile.md.
"""

import csv
import io
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bpp.declined import Declined
from bpp.insurance.engine import closing
from bpp.insurance.people import reading as people
from bpp.insurance.remittance import reading
from bpp.insurance.remittance.values import Remittance
from bpp.ledger.bank_files import BadBankFile, minor_of
from protocol_specs.node.store import Session

Status = Literal["01", "02", "03", "04"]
SAYS: dict[Status, str] = {"01": "paid", "02": "over", "03": "under", "04": "none"}
COLUMNS = ["remittance", "member", "amount", "currency", "reference"]
BYTES_MAX = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Answered:
    """One row of an answer: what the institution has of a remittance, or of one member of it (its
    own number of the worker, or the worker's local id). `place` is where it stands.
    """

    place: str
    remittance: str
    member: str
    minor: int
    currency: str
    reference: str


@dataclass(frozen=True, slots=True)
class Compared:
    """One remittance, or one worker of it (`worker` None: the whole); minor units.

    The difference has no sign: the status has it.
    """

    remittance: str
    worker: str | None
    currency: str
    remitted_minor: int
    received_minor: int
    status: Status
    difference_minor: int


def read_answer(path: Path) -> list[Answered]:
    """The institution's CSV. Raises Declined with the line."""
    try:
        with path.open("rb") as file:
            raw = file.read(BYTES_MAX + 1)
        text = raw.decode("utf-8-sig")
    except OSError as error:
        raise Declined(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise Declined(f"{path.name}: byte {error.start} is not UTF-8") from None
    if len(raw) > BYTES_MAX:
        raise Declined(f"{path.name} is larger than {BYTES_MAX // 1024 // 1024} MB")
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        if [column.strip().lower() for column in next(rows, [])] != COLUMNS:
            raise Declined(f"{path.name}, line 1: the columns are {','.join(COLUMNS)}")
        return _unrepeated(
            [_row(row, f"{path.name}, line {n}") for n, row in enumerate(rows, 2) if any(row)]
        )
    except csv.Error as error:
        raise Declined(f"{path.name}, line {rows.line_num}: {error}") from None


def reconcile(session: Session, answer: Iterable[Answered] | None = None) -> list[Compared]:
    """Every remittance that was sent; with an `answer`, what that says of those it names (by member
    where it names members), and nothing of what was written down here. Raises Declined: a row for
    no remittance of ours, one not sent, another currency, an unknown member.
    """
    sent = {
        each.id: each
        for each in reading.remittances(session)
        if each.state in ("sent", "acknowledged")
    }
    if answer is None:
        return [_compared(each, _acknowledged_minor(each)) for each in sent.values()]
    found = []
    for id, rows in _by_remittance(sent, answer).items():
        found.append(_compared(sent[id], sum(row.minor for row in rows)))
        if any(row.member for row in rows):
            found += _members(session, sent[id], rows)
    silent = [each for id, each in sent.items() if id not in {x.remittance for x in found}]
    return [*found, *(_compared(each, 0) for each in silent if each.state == "sent")]


def status(remitted_minor: int, received_minor: int) -> tuple[Status, int]:
    """The status and the difference; none: something was remitted and nothing received."""
    if remitted_minor and not received_minor:
        return "04", remitted_minor
    found = closing.reconcile(remitted_minor, received_minor)
    return found.status, found.difference_minor


def _compared(found: Remittance, received_minor: int) -> Compared:
    how, difference = status(found.payable_minor, received_minor)
    return Compared(
        found.id, None, found.currency, found.payable_minor, received_minor, how, difference
    )


def _acknowledged_minor(found: Remittance) -> int:
    return sum(event.amount_minor for event in found.events if event.kind == "acknowledged")


def _by_remittance(
    sent: Mapping[str, Remittance], answer: Iterable[Answered]
) -> dict[str, list[Answered]]:
    rows: dict[str, list[Answered]] = defaultdict(list)
    for row in answer:
        known = sent.get(row.remittance)
        if known is None:
            raise Declined(
                f"{row.place}: {row.remittance} is no remittance that was sent from here"
            )
        if row.currency != known.currency:
            raise Declined(
                f"{row.place}: it is in {row.currency}, {known.id} is in {known.currency}"
            )
        rows[row.remittance].append(row)
    return rows


def _members(session: Session, found: Remittance, rows: list[Answered]) -> list[Compared]:
    """Worker by worker, only those that do not agree: a month may have ten thousand."""
    worker_of = {number: w for w, number in people.member_numbers(session, found.scheme).items()}
    received: dict[str, int] = defaultdict(int)
    place_of = {}
    for row in rows:
        worker = worker_of.get(row.member, row.member)
        received[worker] += row.minor
        place_of[worker] = row.place
    compared = []
    for line in reading.lines(session, found.id):
        minor = 0 if line.is_rejected else line.amount_minor
        given = received.pop(line.worker, 0)
        how, difference = status(minor, given)
        if how != "01":
            compared.append(
                Compared(found.id, line.worker, found.currency, minor, given, how, difference)
            )
    for worker in received:
        if worker:  # interest has no member
            raise Declined(f"{place_of[worker]}: {worker} is no member of {found.id}")
    return compared


def _row(row: list[str], place: str) -> Answered:
    if len(row) != len(COLUMNS):
        raise Declined(f"{place}: {len(row)} fields, the header has {len(COLUMNS)}")
    remittance, member, amount, currency, reference = (cell.strip() for cell in row)
    try:
        minor = minor_of(amount, currency, place)
    except BadBankFile as bad:
        raise Declined(str(bad)) from None
    if minor < 0:
        raise Declined(f"{place}: an amount received is not below zero")
    return Answered(place, remittance, member, minor, currency, reference)


def _unrepeated(rows: list[Answered]) -> list[Answered]:
    first: dict[tuple[str, str, str], str] = {}
    for row in rows:
        key = (row.remittance, row.member, row.reference)
        if key in first:
            raise Declined(f"{row.place} repeats {first[key]}: the same reference twice")
        first[key] = row.place
    return rows
