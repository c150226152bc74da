"""Tariffs in the database: written and withdrawn in the caller's transaction, read back in full."""

from dataclasses import dataclass

from sqlalchemy import func, insert, select

from bpp.declined import Declined
from bpp.fares_settings import FareSettings
from bpp.tariff.tables import TariffRow, TariffWithdrawnRow
from bpp.tariff.tariff import Tariff
from protocol_specs.node.store import Row, Session, Statement

LEAD_S = 300
"""How long ahead a tariff is written: every process of the node has read it before it holds."""
AHEAD_S_MAX = 366 * 86_400

_T, _W = TariffRow.__table__, TariffWithdrawnRow.__table__
_ADD = Statement(insert(_T))
_WITHDRAW = Statement(insert(_W))
_LAST = Statement(select(func.coalesce(func.max(_T.c.n), 0).label("n")))
_MARK = Statement(
    select(
        select(func.count()).select_from(_T).scalar_subquery().label("written"),
        select(func.count()).select_from(_W).scalar_subquery().label("withdrawn"),
    )
)
_ALL = Statement(
    select(_T, _W.c.at.label("withdrawn_at"), _W.c.by.label("withdrawn_by"))
    .outerjoin(_W, _W.c.n == _T.c.n)
    .order_by(_T.c.starts_at, _T.c.n)
)


class NotWritten(Declined):
    """A tariff that must not be written or withdrawn; the text says why, for who asked."""


@dataclass(frozen=True, slots=True)
class Dated:
    """One tariff as it was written; `withdrawn_by` None: it stands."""

    n: int
    starts_at: int
    written_at: int
    by: str
    currency: str
    fares: FareSettings
    withdrawn_at: int | None
    withdrawn_by: str | None


def write(
    session: Session, fares: FareSettings, *, starts_at: int, currency: str, by: str, now: int
) -> int:
    """Writes a tariff that holds from `starts_at` on; its number.

    Raises NotWritten: too soon, too far ahead, or another one begins then. Raises Malformed for
    fares that cannot be read.
    """
    check(session, fares, currency, starts_at, now)
    last = session.one(_LAST)
    n = (last["n"] if last else 0) + 1
    session.run(
        _ADD,
        n=n,
        starts_at=starts_at,
        written_at=now,
        by=by,
        currency=currency,
        document=fares.model_dump_json(exclude_none=True).encode(),
    )
    return n


def check(session: Session, fares: FareSettings, currency: str, starts_at: int, now: int) -> None:
    """Raises as `write`, and writes nothing."""
    fares.policy(currency)
    if starts_at < now + LEAD_S:
        raise NotWritten(f"a tariff takes effect at least {LEAD_S // 60} minutes from now")
    if starts_at > now + AHEAD_S_MAX:
        raise NotWritten("a tariff takes effect within a year")
    if any(one.starts_at == starts_at and one.withdrawn_at is None for one in every(session)):
        raise NotWritten("another tariff takes effect at that moment; withdraw that one first")


def withdraw(session: Session, n: int, *, by: str, now: int) -> None:
    """Withdraws a tariff that does not hold yet. Raises NotWritten: unknown, done, or it holds."""
    found = next((one for one in every(session) if one.n == n), None)
    if found is None:
        raise NotWritten("there is no such tariff")
    if found.withdrawn_at is not None:
        raise NotWritten("it was withdrawn already")
    if found.starts_at <= now:
        raise NotWritten("it holds already; write another one to end it")
    session.run(_WITHDRAW, n=n, at=now, by=by)


def every(session: Session) -> list[Dated]:
    """All that were written, by their beginning, withdrawn ones too."""
    return [_dated(row) for row in session.all(_ALL)]


class Reader:
    """Keeps a tariff in memory as the rows are; each process of the node has one."""

    def __init__(self, tariff: Tariff) -> None:
        self._tariff = tariff
        self._mark = (0, 0)

    def load(self, session: Session) -> None:
        """Reads the tariffs again: at the start, and after one was written or withdrawn."""
        known = every(session)
        standing = [
            (one.starts_at, one.n)
            for one in known
            if one.withdrawn_at is None and one.currency == self._tariff.currency
        ]
        self._tariff.hold(standing, {one.n: one.fares.policy(one.currency) for one in known})
        self._mark = _mark(session)

    def reread_next(self, session: Session, now: int) -> bool:
        """Reads them again where a process of this node wrote one. Never more to do."""
        if _mark(session) != self._mark:
            self.load(session)
        return False


def _mark(session: Session) -> tuple[int, int]:
    """What changes with each tariff written or withdrawn."""
    row = session.one(_MARK)
    return (row["written"], row["withdrawn"]) if row else (0, 0)


def _dated(row: Row) -> Dated:
    return Dated(
        n=row["n"],
        starts_at=row["starts_at"],
        written_at=row["written_at"],
        by=row["by"],
        currency=row["currency"],
        fares=FareSettings.model_validate_json(row["document"]),
        withdrawn_at=row["withdrawn_at"],
        withdrawn_by=row["withdrawn_by"],
    )
