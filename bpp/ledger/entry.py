"""An entry: one dated set of transfers with an id that makes it unrepeatable."""

from msgspec import Struct

from bpp.declined import Declined
from bpp.ledger.chart import Account


class LedgerError(Exception):
    """The books refuse: an entry contradicts what is written, or the history was changed."""


class PostingStopped(Declined):
    """The books do not balance, and so nothing is posted."""


class Transfer(Struct, frozen=True):
    """One amount from a debit to a credit account. Minor units, more than zero."""

    debit: Account
    credit: Account
    amount_minor: int

    def __post_init__(self) -> None:
        if self.amount_minor <= 0:
            raise LedgerError(
                f"transfer {self.debit.id} / {self.credit.id}: {self.amount_minor} is not above 0"
            )
        if self.debit.id == self.credit.id:
            raise LedgerError(f"transfer of {self.amount_minor} from {self.debit.id} to itself")


class Entry(Struct, frozen=True):
    """Balanced by shape: each transfer is both sides. No transfers is a fact of 0.00.

    `id` is scheme / our order key / worker slot / event number. `kind` is the event.
    `origin_period` is the scheme's period the fact belongs to, `declared_in` the period in whose
    declaration it counts; both None for entries of no scheme. `by` is whoever wrote it down by
    hand, as a short id and never a name; None: the node itself did, after an event.
    """

    id: str
    at: int
    kind: str
    order_key: str | None
    origin_period: str | None
    declared_in: str | None
    currency: str
    transfers: tuple[Transfer, ...]
    by: str | None = None


def move(debit: Account, credit: Account, amount_minor: int) -> tuple[Transfer, ...]:
    """The transfer of a signed amount: none for 0, the other way round when negative."""
    if amount_minor == 0:
        return ()
    if amount_minor < 0:
        return (Transfer(credit, debit, -amount_minor),)
    return (Transfer(debit, credit, amount_minor),)
