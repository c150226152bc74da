"""What a bank says of remittances, as values: `pain002` and `camt054` read these from its files."""

from dataclasses import dataclass
from datetime import date
from typing import Literal

Says = Literal["pending", "paid", "rejected", "came"]


@dataclass(frozen=True, slots=True)
class Word:
    """One thing a bank says. `place` is the file and the element it stands at.

    `pending`: not decided yet. `paid`: the money left our account. `rejected`: it did not leave, or
    it came back. `came`: money that nobody calls a return. `code` is the bank's own word (ACSC,
    RJCT, BOOK), `reasons` why (AC04 ...). None is what the file does not say; `end_to_end` None:
    all of `instruction` (PmtInfId), or of `message` where that is None too. `account` is ours as
    the bank knows it, `reference` the bank's number.
    """

    place: str
    says: Says
    code: str
    message: str | None
    end_to_end: str | None
    on: date
    amount_minor: int | None = None
    currency: str | None = None
    account: str | None = None
    reasons: tuple[str, ...] = ()
    reference: str = ""
    instruction: str | None = None
    echo: "Echo | None" = None


@dataclass(frozen=True, slots=True)
class Echo:
    """What a bank says back of a whole file or instruction; None is what it does not say.

    `sum` is decimal text, in whatever currency the file was.
    """

    made_at: int | None = None
    count: str | None = None
    sum: str | None = None


@dataclass(frozen=True, slots=True)
class BankFile:
    """A file of a bank: which message of ISO 20022 it is, the bank's id of it, and its words."""

    kind: Literal["pain.002", "camt.054"]
    id: str
    words: tuple[Word, ...]
