"""The trust account: whether the workers' own money that is due lies there whole, scheme by scheme.

docs/money.md: 1110 >= 2210 + 2220 + 2240 - 1250, of what workers bear: the cooperative's own share
is its own money until it sends it.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import bindparam, func, select

from bpp.ledger.chart import is_debit_normal, scheme_of
from bpp.ledger.tables import AccountRow, EntryRow, TransferRow
from protocol_specs.node.store import Row, Session, Statement
from protocol_specs.wire import money

DAY_S = 86_400

_account = AccountRow.__table__
_entry = EntryRow.__table__
_transfer = TransferRow.__table__

_COUNTED = (1110, 1250, 2210, 2220, 2240, 5000)
_keys = (_account.c.currency, _account.c.number, _account.c.scheme, _account.c.remittance)
_moved = func.sum(_transfer.c.amount_minor).label("minor")


def _whole(side: str) -> Statement:
    """What ever moved on one side of each account that counts."""
    here = (_transfer.c[side] == _account.c.id) & (_transfer.c.currency == _account.c.currency)
    sums = select(*_keys, _moved).join(_transfer, here)
    return Statement(sums.where(_account.c.number.in_(_COUNTED)).group_by(*_keys))


_new = select(_entry.c.id).where(  # of jobs: what is declared or reopened is not newly due
    _entry.c.at >= bindparam("since"), _entry.c.order_key.is_not(None)
)


def _since(side: str) -> Statement:
    """The same of entries at or after an instant."""
    here = (_transfer.c[side] == _account.c.id) & (_transfer.c.currency == _account.c.currency)
    sums = (
        select(*_keys, _moved)
        .join(_transfer, here)
        .where(_transfer.c.entry.in_(_new), _account.c.number.in_((2210, 5000)))
    )
    return Statement(sums.group_by(*_keys))


def _between(debit: int, credit: int, kind: str | None = None) -> Statement:
    """What ever moved from accounts of one number to those of another, in entries of that kind."""
    from_, to = _account.alias("debited"), _account.alias("credited")
    keys = (
        _transfer.c.currency,
        func.coalesce(from_.c.scheme, to.c.scheme).label("scheme"),
        func.coalesce(from_.c.remittance, to.c.remittance).label("remittance"),
    )
    sums = (
        select(*keys, _moved)
        .join(from_, (from_.c.id == _transfer.c.debit) & (from_.c.currency == _transfer.c.currency))
        .join(to, (to.c.id == _transfer.c.credit) & (to.c.currency == _transfer.c.currency))
        .where(from_.c.id.between(f"{debit}", f"{debit};"), from_.c.number == debit)
        .where(to.c.id.between(f"{credit}", f"{credit};"), to.c.number == credit)
    )
    if kind is not None:
        of_kind = _entry.c.kind == kind
        sums = sums.join(_entry, _entry.c.id == _transfer.c.entry).where(of_kind)
    return Statement(sums.group_by(*keys))


# What the cooperative itself still owes of 2210 and 2220 beside the balance of 5000, with its sign:
# interest; what it put on the trust account to be sent, and got back; credit that it bears.
_OWN = (
    (1, _between(5010, 2220)),
    (-1, _between(2220, 5010)),
    (-1, _between(1110, 1100, "sent")),
    (1, _between(1100, 1110, "rejected")),
    (1, _between(1260, 5000)),
    (-1, _between(2220, 1260, "own-credit")),
)

_DEBITS, _CREDITS = _whole("debit"), _whole("credit")
_NEW_DEBITS, _NEW_CREDITS = _since("debit"), _since("credit")


@dataclass(frozen=True, slots=True)
class Trust:
    """One scheme's trust money in one currency, minor units; the word is beside the account.

    `newly_due_minor` is what workers' shares became due within the last day: the daily sweep need
    not have reached it yet.
    """

    scheme: str
    currency: str
    held_minor: int  # 1110
    due_minor: int  # 2210
    declared_minor: int  # 2220
    excess_minor: int  # 2240
    in_transit_minor: int  # 1250
    cooperative_minor: int  # what of these the cooperative bears and has not paid: 5000, 5010
    newly_due_minor: int

    @property
    def required_minor(self) -> int:
        """What must lie on 1110: the cooperative's own share is its own money until it pays."""
        owed = self.due_minor + self.declared_minor + self.excess_minor
        return max(0, owed - self.in_transit_minor - self.cooperative_minor)

    @property
    def missing_minor(self) -> int:
        """What the sweep moves to make it whole; 0: it is."""
        return max(0, self.required_minor - self.held_minor)

    @property
    def surplus_minor(self) -> int:
        """What lies there beyond what must."""
        return max(0, self.held_minor - self.required_minor)

    @property
    def overdue_minor(self) -> int:
        """What is missing of money that is due for longer than a day: an alarm."""
        return max(0, self.missing_minor - max(0, self.newly_due_minor))


def standing(session: Session, now: int) -> list[Trust]:
    """Every scheme whose money was ever due or held, by currency and name."""
    whole = _balances(session.all(_DEBITS), session.all(_CREDITS))
    since = now - DAY_S + 1
    new = _balances(session.all(_NEW_DEBITS, since=since), session.all(_NEW_CREDITS, since=since))
    own = _own(session)
    return [_trust(*key, whole[key], new.get(key, {}), own[key]) for key in sorted(whole)]


def of_scheme(session: Session, scheme: str, currency: str, now: int) -> Trust:
    """One scheme's; all zero if nothing was ever posted for it."""
    for found in standing(session, now):
        if (found.scheme, found.currency) == (scheme, currency):
            return found
    return _trust(currency, scheme, {}, {}, 0)


def shown(found: Trust) -> dict[str, Any]:
    """JSON-ready, with the four figures that follow from the others."""
    derived = ("required_minor", "missing_minor", "surplus_minor", "overdue_minor")
    return {**asdict(found), **{name: getattr(found, name) for name in derived}}


def told(found: Trust) -> tuple[str, ...]:
    """The same for people."""

    def value(minor: int) -> str:
        return f"{money.amount(minor, found.currency)} {found.currency}"

    if not found.missing_minor:
        what = "whole"
    elif not found.overdue_minor:
        what = f"{value(found.missing_minor)} to be moved with the next daily sweep"
    else:
        what = (
            f"SHORT of {value(found.missing_minor)}, {value(found.overdue_minor)} of it for over "
            "a day: move it, then wayfare ledger post trust-sweep"
        )
    return (
        f"{found.scheme}: {what}",
        f"  held on 1110                  {value(found.held_minor)}",
        f"  must be there                 {value(found.required_minor)}",
        f"    due 2210                    {value(found.due_minor)}",
        f"    declared 2220               {value(found.declared_minor)}",
        f"    workers' excess 2240        {value(found.excess_minor)}",
        f"    less in transit 1250        {value(found.in_transit_minor)}",
        f"    less borne by cooperative   {value(found.cooperative_minor)}",
    )


_Balances = dict[tuple[str, str], dict[int, int]]


def _balances(debits: Iterable[Row], credits: Iterable[Row]) -> _Balances:
    """Balances by (currency, scheme), then number, positive on the side on which each grows."""
    found: _Balances = defaultdict(lambda: defaultdict(int))
    for side, rows in ((1, debits), (-1, credits)):
        for row in rows:
            scheme = row["scheme"] or scheme_of(row["remittance"])
            sign = side if is_debit_normal(row["number"]) else -side
            found[row["currency"], scheme][row["number"]] += sign * row["minor"]
    return found


def _own(session: Session) -> dict[tuple[str, str], int]:
    """By (currency, scheme), what of `_OWN` there was."""
    found: dict[tuple[str, str], int] = defaultdict(int)
    for sign, statement in _OWN:
        for row in session.all(statement):
            scheme = row["scheme"] or scheme_of(row["remittance"])
            found[row["currency"], scheme] += sign * row["minor"]
    return found


def _trust(
    currency: str,
    scheme: str,
    stands: Mapping[int, int],
    new: Mapping[int, int],
    own_minor: int,
) -> Trust:
    return Trust(
        scheme=scheme,
        currency=currency,
        held_minor=stands.get(1110, 0),
        due_minor=stands.get(2210, 0),
        declared_minor=stands.get(2220, 0),
        excess_minor=stands.get(2240, 0),
        in_transit_minor=stands.get(1250, 0),
        cooperative_minor=stands.get(5000, 0) + own_minor,
        newly_due_minor=new.get(2210, 0) - new.get(5000, 0),
    )
