"""A statement as a frozen value. Its lines are facts of the books; every total follows from them.

Amounts are minor units of the statement's currency, times are seconds UTC, days and months are
civil ones of its `zone`. Nothing here says that anybody is covered.
"""

from dataclasses import dataclass
from datetime import date
from typing import Literal

from bpp.insurance.engine.standing import Reason
from bpp.insurance.remittance.values import EventKind, Stands
from bpp.insurance.slip import MoneyIs

AccountName = Literal["pay", "tips", "cash_owed", "other_owed"]
ACCOUNTS: tuple[AccountName, ...] = ("pay", "tips", "cash_owed", "other_owed")
IN_ORDER: tuple[Stands, ...] = ("not_due", "due", "declared", "sent", "acknowledged")
What = Literal[
    "no_slip", "not_posted", "not_remitted", "not_acknowledged", "no_due_day", "rejected", "gap"
]


@dataclass(frozen=True, slots=True)
class Figures:
    """How the amount of one job comes about, as its slip says it; `exact` is decimal text."""

    earned_minor: int
    commission_minor: int
    refund_minor: int
    base_minor: int
    what: Literal["rate", "per_order", "per_job", "net"]
    value: str
    exact: str
    cap_minor: int | None
    verified: bool
    reason: Reason | None


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one job came to for one scheme. `slip_id` None: no slip was found for it.

    `amount_minor` is the order line as it stands, `worker_minor` the worker's part of it.
    """

    scheme: str
    period: str
    amount_minor: int
    worker_minor: int
    is_due: bool
    slip_id: str | None
    money_is: MoneyIs | None
    figures: Figures | None


@dataclass(frozen=True, slots=True)
class Job:
    """One job of the worker: what it earned, and what was set aside for it.

    `fare_minor` is what was left for worker and cooperative, `commission_minor` the cooperative's
    part of it (less a discount it bears), `refund_minor` what the worker bore of a refund.
    """

    order_key: str
    at: int
    state: Literal["open", "completed", "cancelled", "left"]
    is_cash: bool
    fare_minor: int
    commission_minor: int
    refund_minor: int
    tip_minor: int
    contributions: tuple[Contribution, ...]

    @property
    def set_aside_minor(self) -> int:
        """All schemes' order lines, whoever bears them."""
        return sum(each.amount_minor for each in self.contributions)

    @property
    def borne_minor(self) -> int:
        """The worker's part of that."""
        return sum(each.worker_minor for each in self.contributions)

    @property
    def net_minor(self) -> int:
        """What the job leaves the worker: tips with it, the worker's own contributions off."""
        earned = self.fare_minor - self.commission_minor - self.refund_minor + self.tip_minor
        due = sum(each.worker_minor for each in self.contributions if each.is_due)
        return earned - due


@dataclass(frozen=True, slots=True)
class Movement:
    """Money that moved beside any job: a payout, a pay-in, a write-off. Signed changes."""

    at: int
    kind: str
    reference: str
    pay_minor: int
    tips_minor: int
    cash_owed_minor: int
    other_owed_minor: int


@dataclass(frozen=True, slots=True)
class Account:
    """One account over a month: before, what jobs and what other money changed, after."""

    name: AccountName
    opening_minor: int
    jobs_minor: int
    other_minor: int

    @property
    def closing_minor(self) -> int:
        return self.opening_minor + self.jobs_minor + self.other_minor


@dataclass(frozen=True, slots=True)
class Notice:
    """What the worker was told in writing."""

    at: int
    text: str


@dataclass(frozen=True, slots=True)
class Month:
    """One civil month: the jobs that began in it, and what moved on the accounts in it."""

    name: str
    jobs: tuple[Job, ...]
    accounts: tuple[Account, ...]
    movements: tuple[Movement, ...]
    notices: tuple[Notice, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """How much of a period stands where; `remittance` and `declared_in` where there is one."""

    stands: Stands
    amount_minor: int
    worker_minor: int
    remittance: str | None
    declared_in: str | None


@dataclass(frozen=True, slots=True)
class Step:
    """What became of a remittance, and when. `reference` is the bank's or the institution's."""

    remittance: str
    kind: Literal["declared"] | EventKind
    at: int
    reference: str


@dataclass(frozen=True, slots=True)
class SchemePeriod:
    """All that was set aside for one scheme's period: order lines, and the period line.

    `due_day` None: nobody could tell the rule. `by_cooperative`: who bears it.
    """

    scheme: str
    title: str
    institution: str
    kind: Literal["insurance", "fund_levy"]
    borne_by: Literal["worker", "cooperative", "both"]
    verified: bool
    period: str
    due_day: date | None
    orders_minor: int
    period_line_minor: int
    worker_minor: int
    places: tuple[Place, ...]
    steps: tuple[Step, ...]

    @property
    def total_minor(self) -> int:
        return self.orders_minor + self.period_line_minor

    def standing(self, *stands: Stands) -> int:
        """How much of it stands at any of these."""
        return sum(each.amount_minor for each in self.places if each.stands in stands)


@dataclass(frozen=True, slots=True)
class Held:
    """Money of the worker at a scheme beside any period: excess held, and credit there."""

    scheme: str
    institution: str
    excess_minor: int
    credit_minor: int


@dataclass(frozen=True, slots=True)
class CoverAnswer:
    """What an institution signed about this worker's cover, told and never said by us.

    `id` is its credential's, which is the proof. It holds from the one instant up to the other;
    `revoked_from`: the institution took it back from then on.
    """

    id: str
    scheme: str
    institution: str
    plan: str | None
    valid_from: int
    valid_until: int
    revoked_from: int | None

    @property
    def ends(self) -> int:
        """The first instant at which it holds no longer."""
        stops = self.valid_until if self.revoked_from is None else self.revoked_from
        return min(self.valid_until, stops)

    def holds(self, now: int) -> bool:
        """Whether it holds at that instant; one that was taken back is never relied on again."""
        return self.revoked_from is None and self.valid_from <= now < self.valid_until


@dataclass(frozen=True, slots=True)
class Missing:
    """Something that ought to be there and is not. `amount_minor` 0: it is not about an amount."""

    what: What
    scheme: str
    where: str  # an order key, a period, or a remittance
    amount_minor: int
    due_day: date | None


@dataclass(frozen=True, slots=True)
class Statement:
    """The pass-book of one worker in one cooperative's books, from a month to a month."""

    issuer: str
    ledger_key: str
    worker: str
    currency: str
    zone: str
    made_at: int
    first_month: str
    last_month: str
    months: tuple[Month, ...]
    periods: tuple[SchemePeriod, ...]
    held: tuple[Held, ...]
    answers: tuple[CoverAnswer, ...]
    missing: tuple[Missing, ...]

    @property
    def jobs(self) -> tuple[Job, ...]:
        return tuple(job for month in self.months for job in month.jobs)

    def closing_minor(self, name: AccountName) -> int:
        """What stood on that account at the end of the last month; 0 without one."""
        last = self.months[-1].accounts if self.months else ()
        return sum(each.closing_minor for each in last if each.name == name)
