"""The books against a bank's statement: what is in both, what in one alone. Posts nothing."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import bindparam, select

from bpp.ledger import balances
from bpp.ledger.tables import EntryRow, TransferRow
from protocol_specs.node.store import Row, Session, Statement

DAYS_APART = 5  # a bank books a transfer later than we write it down, or we later than the bank
_TOKEN = re.compile(r"[A-Za-z0-9._-]{3,}")

_entry = EntryRow.__table__
_transfer = TransferRow.__table__
_in_days = (_entry.c.at >= bindparam("first")) & (_entry.c.at < bindparam("end"))
_MOVED = Statement(
    select(_transfer, _entry.c.at)
    .join(_entry, _entry.c.id == _transfer.c.entry)
    .where(
        _transfer.c.entry.in_(select(_entry.c.id).where(_in_days)),
        _transfer.c.currency == bindparam("currency"),
        _transfer.c.debit.like("11%") | _transfer.c.credit.like("11%"),
    )
    .order_by(_entry.c.at, _transfer.c.entry, _transfer.c.n)
)


@dataclass(frozen=True, slots=True)
class BankLine:
    """One line of a statement; `minor` above zero: money came. `place` is where it stands."""

    place: str
    on: date
    minor: int
    references: frozenset[str]
    text: str = ""

    @property
    def words(self) -> frozenset[str]:
        """All that may be a reference: what the bank calls one, and the words of its text."""
        return self.references | frozenset(_TOKEN.findall(self.text))


@dataclass(frozen=True, slots=True)
class BankStatement:
    """One account's lines of some days; the balances where the bank says them."""

    number: str  # as the bank knows the account
    currency: str
    first: date
    last: date
    opening_minor: int | None
    closing_minor: int | None
    lines: tuple[BankLine, ...]


@dataclass(frozen=True, slots=True)
class Posting:
    """What one entry moved on a bank account; `minor` above zero: money came."""

    entry: str
    on: date
    minor: int

    @property
    def reference(self) -> str:
        """The receipt's or bank's number: what stands behind the kind."""
        return self.entry.partition("/")[2]


@dataclass(frozen=True, slots=True)
class Pair:
    """A line and a posting, and what they agree in."""

    line: BankLine
    posting: Posting
    by: str  # "reference", "amount and day", or "reference, not amount"


@dataclass(frozen=True, slots=True)
class Matching:
    """Every line and every posting of these days, each in one place."""

    matched: tuple[Pair, ...]
    differing: tuple[Pair, ...]  # one reference, two amounts
    missing_in_books: tuple[BankLine, ...]
    missing_in_bank: tuple[Posting, ...]
    for_another_account: tuple[tuple[BankLine, str], ...]  # the line, and the account it is for
    duplicates: tuple[tuple[BankLine, BankLine], ...]  # the second, and the first

    @property
    def is_whole(self) -> bool:
        """Whether nothing is left to be looked at."""
        return not (
            self.differing
            or self.missing_in_books
            or self.missing_in_bank
            or self.for_another_account
            or self.duplicates
        )


def postings(session: Session, statement: BankStatement) -> dict[str, list[Posting]]:
    """By account id (1100, 1110:...), what the books moved around the days of the statement."""
    rows = session.all(
        _MOVED,
        first=_midnight(statement.first - timedelta(DAYS_APART)),
        end=_midnight(statement.last + timedelta(DAYS_APART + 1)),
        currency=statement.currency,
    )
    return _by_account(rows)


def match(statement: BankStatement, account: str, books: dict[str, list[Posting]]) -> Matching:
    """Pure. By reference first, then by amount and day where only one line and posting agree.

    `account` is 1100, 1110 or 1110 of a scheme; `books` what `postings` found.
    """
    ours = [p for id, some in books.items() if _is_of(id, account) for p in some]
    others = {
        p.reference: id for id, some in books.items() if not _is_of(id, account) for p in some
    }
    lines, duplicates = _apart(statement.lines)
    by_reference, lines, ours = _by_reference(lines, ours)
    by_day, lines, ours = _by_amount(lines, ours)
    differing, lines, ours = _by_reference(lines, ours, is_amount_free=True)
    elsewhere = [(line, id) for line in lines for id in _named(line, others)]
    missing = [line for line in lines if not _named(line, others)]
    return Matching(
        matched=tuple(by_reference + by_day),
        differing=tuple(differing),
        missing_in_books=tuple(missing),
        missing_in_bank=tuple(p for p in ours if statement.first <= p.on <= statement.last),
        for_another_account=tuple(elsewhere),
        duplicates=tuple(duplicates),
    )


def stood_minor(session: Session, account: str, statement: BankStatement) -> int:
    """What the books say of the account at the end of the statement's last day."""
    end = _midnight(statement.last + timedelta(1)) - 1
    return sum(
        line.balance_minor
        for line in balances.balances(session, end)
        if line.currency == statement.currency and _is_of(line.account, account)
    )


def _by_account(rows: Iterable[Row]) -> dict[str, list[Posting]]:
    moved: dict[tuple[str, str, int], int] = defaultdict(int)
    for row in rows:
        for account, sign in ((row["debit"], 1), (row["credit"], -1)):
            if account == "1100" or account.startswith("1110:"):
                moved[account, row["entry"], row["at"]] += sign * row["amount_minor"]
    found: dict[str, list[Posting]] = defaultdict(list)
    for (account, entry, at), minor in moved.items():
        found[account].append(Posting(entry, datetime.fromtimestamp(at, UTC).date(), minor))
    return found


def _is_of(id: str, account: str) -> bool:
    return id == account or id.startswith(f"{account}:")


def _apart(lines: Iterable[BankLine]) -> tuple[list[BankLine], list[tuple[BankLine, BankLine]]]:
    """The lines, and those that say again, to the reference, what one before them says."""
    first: dict[tuple[frozenset[str], int, date], BankLine] = {}
    kept: list[BankLine] = []
    again = []
    for line in lines:
        key = (line.references, line.minor, line.on)
        if line.references and key in first:
            again.append((line, first[key]))
        else:
            first[key] = line
            kept.append(line)
    return kept, again


_Rest = tuple[list[Pair], list[BankLine], list[Posting]]


def _by_reference(
    lines: Sequence[BankLine], ours: Sequence[Posting], *, is_amount_free: bool = False
) -> _Rest:
    """The lines that name a posting; each posting once."""
    left: dict[str, list[Posting]] = defaultdict(list)
    for posting in ours:
        left[posting.reference].append(posting)
    pairs, rest = [], []
    for line in lines:
        named = [p for word in sorted(line.words) for p in left.get(word, ())]
        found = next((p for p in named if is_amount_free or p.minor == line.minor), None)
        if found is None:
            rest.append(line)
        else:
            left[found.reference].remove(found)
            by = "reference, not amount" if is_amount_free else "reference"
            pairs.append(Pair(line, found, by))
    taken = {pair.posting.entry for pair in pairs}
    return pairs, rest, [posting for posting in ours if posting.entry not in taken]


def _by_amount(lines: Sequence[BankLine], ours: Sequence[Posting]) -> _Rest:
    """Lines and postings that agree in amount within some days, with nobody else: never a guess."""
    near = {
        line: [p for p in ours if p.minor == line.minor and _is_near(p.on, line.on)]
        for line in lines
    }
    claims: dict[str, int] = defaultdict(int)
    for some in near.values():
        for posting in some:
            claims[posting.entry] += 1
    pairs = [
        Pair(line, some[0], "amount and day")
        for line, some in near.items()
        if len(some) == 1 and claims[some[0].entry] == 1
    ]
    taken = {pair.posting.entry for pair in pairs}
    paired = {pair.line for pair in pairs}
    rest = [line for line in lines if line not in paired]
    return pairs, rest, [posting for posting in ours if posting.entry not in taken]


def _is_near(one: date, other: date) -> bool:
    return abs((one - other).days) <= DAYS_APART


def _named(line: BankLine, others: dict[str, str]) -> list[str]:
    return [others[word] for word in sorted(line.words & others.keys())][:1]


def _midnight(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
