"""What is on record of one worker: facts in their order, folded into what holds. Pure."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

from bpp.insurance.engine.facts import Bought

Kind = Literal[
    "notice", "consent", "withdrawal", "plan", "bought", "opt_in", "category", "residency"
]


@dataclass(frozen=True, slots=True)
class Fact:
    """One recorded thing. `at` is when it was recorded (seconds UTC), `day` from when it counts."""

    kind: Kind
    scheme: str
    day: date
    value: str
    detail: dict[str, Any]
    at: int
    by: str
    n: int = 0


@dataclass(slots=True)
class Record:
    """What holds of one worker. By scheme: the version of the notice last shown, and whether a
    mandate stands. By day: plans, category and residency, the latest recorded of a day last.
    """

    shown: dict[str, str] = field(default_factory=dict)
    agreed: dict[str, bool] = field(default_factory=dict)
    plans: list[tuple[date, str]] = field(default_factory=list)
    bought: list[Bought] = field(default_factory=list)
    opted_in_on: date | None = None
    categories: list[tuple[date, str]] = field(default_factory=list)
    residencies: list[tuple[date, str]] = field(default_factory=list)

    def category_on(self, day: date) -> str | None:
        """The category of that day; None: none was told for it."""
        return _holds(self.categories, day)

    def residency_on(self, day: date) -> str | None:
        """The residency of that day; None: none was told for it."""
        return _holds(self.residencies, day)


def fold(facts: Iterable[Fact], at: int | None = None) -> Record:
    """What held at that instant, of facts in the order recorded; None: after all of them."""
    record = Record()
    for fact in facts:
        if at is None or fact.at <= at:
            _take(record, fact)
    return record


def _take(record: Record, fact: Fact) -> None:
    match fact.kind:
        case "notice":
            record.shown[fact.scheme] = fact.value
        case "consent" | "withdrawal":
            record.agreed[fact.scheme] = fact.kind == "consent"
        case "plan":
            _put(record.plans, fact)
        case "bought":
            _put_bought(record.bought, _bought(fact))
        case "opt_in":
            earlier = record.opted_in_on
            record.opted_in_on = fact.day if earlier is None else min(earlier, fact.day)
        case "category":
            _put(record.categories, fact)
        case "residency":
            _put(record.residencies, fact)


def _put(dated: list[tuple[date, str]], fact: Fact) -> None:
    """A day has one value: the last one told for it."""
    dated[:] = [each for each in dated if each[0] != fact.day]
    dated.append((fact.day, fact.value))


def _put_bought(bought: list[Bought], new: Bought) -> None:
    """A receipt is told once; when it is seen after all, that takes the place."""
    bought[:] = [each for each in bought if each.receipt != new.receipt]
    bought.append(new)


def _bought(fact: Fact) -> Bought:
    detail = fact.detail
    return Bought(
        plan=fact.value,
        first_month=detail["first_month"],
        months=detail["months"],
        receipt=detail["receipt"],
        is_seen=detail["is_seen"],
    )


def _holds(dated: Iterable[tuple[date, str]], day: date) -> str | None:
    """The value of the latest day reached."""
    reached = [each for each in dated if each[0] <= day]
    return max(reached, key=lambda each: each[0])[1] if reached else None


def detail_text(detail: dict[str, Any]) -> str:
    """A fact's detail as its row keeps it."""
    return json.dumps(detail, ensure_ascii=False, sort_keys=True)
