"""What remittances are made of, as values: whoever reads or writes one speaks of these."""

from dataclasses import dataclass
from datetime import date
from typing import Literal

State = Literal["collected", "sent", "acknowledged", "rejected"]
EventKind = Literal["sent", "acknowledged", "rejected", "interest"]
Stands = Literal[
    "not_due", "due", "declared", "sent", "acknowledged", "rejected", "excess", "credit_used"
]


@dataclass(frozen=True, slots=True)
class Event:
    """One step of a remittance, as written down. `worker` None: it is about the whole of it.

    `at` is seconds UTC, `reference` the bank's or institution's number, `by` a short id.
    """

    n: int
    kind: EventKind
    at: int
    by: str
    reference: str
    worker: str | None
    amount_minor: int
    file_sha256: str | None
    text: str


@dataclass(frozen=True, slots=True)
class Remittance:
    """One declaration of a scheme's period and the money for it: `my.act872.gig/2026-07/1`.

    Amounts are minor units and stand as declared; what was rejected and what interest came on top
    is in `events`, in their order. `workers` counts the lines above zero. `due_day` None: nobody
    could tell the rule.
    """

    id: str
    scheme: str
    period: str
    currency: str
    workers: int
    amount_minor: int
    worker_minor: int
    cooperative_minor: int
    due_day: date | None
    at: int
    by: str
    events: tuple[Event, ...] = ()

    @property
    def state(self) -> State:
        """How far the whole of it came. Interest that is sent later takes nothing of that back."""
        kinds = {event.kind for event in self.events if event.worker is None}
        states: tuple[State, ...] = ("rejected", "acknowledged", "sent")
        return next((state for state in states if state in kinds), "collected")

    @property
    def rejected_minor(self) -> int:
        """What of it was rejected, and is due again."""
        return sum(event.amount_minor for event in self.events if event.kind == "rejected")

    @property
    def interest_minor(self) -> int:
        """Interest for being late, borne by the cooperative."""
        return sum(event.amount_minor for event in self.events if event.kind == "interest")

    @property
    def payable_minor(self) -> int:
        """What is to reach the institution: what was declared and not rejected, with interest."""
        return self.amount_minor - self.rejected_minor + self.interest_minor


@dataclass(frozen=True, slots=True)
class Line:
    """One worker of a remittance; never below zero, and never written into a file when zero.

    `amount_minor` is remitted: what was due less `excess_minor` (held for the worker, 2240) and
    `credit_used_minor` (the institution had it already, 1260). `exact` is the exact sum of the
    period behind it, in minor units as decimal text (with shares: the net earnings). `orders`
    counts its jobs. `shortfall_minor` compares with the worker's plan by our own sums alone: never
    final; None where there are no plans.
    """

    remittance: str
    worker: str
    amount_minor: int
    worker_minor: int
    cooperative_minor: int
    exact: str
    orders: int
    credit_used_minor: int
    excess_minor: int
    shortfall_minor: int | None
    is_rejected: bool = False


@dataclass(frozen=True, slots=True)
class Share:
    """How much of a worker's origin period stands where, in minor units, by who bears it.

    `not_due`: the job is not over. `due`: to be declared. `declared`, `sent`, `acknowledged` in
    that `remittance`. `rejected`: it came back from that one and counts again under `due`, so it is
    no part of the whole. `excess`: beyond the plan, held for the worker. `credit_used`: the
    institution had it already.
    """

    stands: Stands
    amount_minor: int
    worker_minor: int
    remittance: str | None = None
    declared_in: str | None = None
