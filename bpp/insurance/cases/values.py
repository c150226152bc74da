"""What stands in a case: amounts as decimal text, rates, days. Anything else refuses the case."""

import re
from datetime import date, datetime
from decimal import Decimal
from typing import Any

Input = dict[str, Any]

_NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,6})?", re.ASCII)
PLACES = 2
HIGHEST = 1_000_000


class CaseRefused(Exception):
    """The case cannot be worked out; the text says which part of its input is wrong."""


class Read(Input):
    """An input that remembers which of its parts were asked for: a misspelt one never is."""

    def __init__(self, given: Input) -> None:
        super().__init__(given)
        self.asked: set[str] = set()

    def get(self, key: str, default: Any = None) -> Any:
        self.asked.add(key)
        return super().get(key, default)

    def require_all_asked(self) -> None:
        """Raises CaseRefused for a part that its kind does not know."""
        for key in sorted(self.keys() - self.asked):
            raise CaseRefused(f"input.{key}: this kind does not know it")


def number(
    given: Input, key: str, default: str | None = None, *, is_signed: bool = False
) -> Decimal:
    """An exact decimal from text, below zero only where the kind has a sign for it."""
    value = given.get(key, default)
    if not isinstance(value, str) or not _NUMBER.fullmatch(value):
        raise CaseRefused(f'input.{key}: {value!r} is not a number as text, such as "249.50"')
    if value.startswith("-") and not is_signed:
        raise CaseRefused(f"input.{key}: {value!r} is below zero")
    return Decimal(value)


def minor(given: Input, key: str, default: str | None = None, *, is_signed: bool = False) -> int:
    """An amount in hundredths of its unit, which every case counts in."""
    found = number(given, key, default, is_signed=is_signed).scaleb(PLACES)
    if found != found.to_integral_value():
        raise CaseRefused(f"input.{key}: {given.get(key)!r} is finer than a hundredth")
    return int(found)


def minors(given: Input, key: str) -> list[int]:
    """A list of amounts."""
    return [minor({key: each}, key) for each in a_list(given, key)]


def whole(given: Input, key: str, default: int | None = None) -> int:
    """A count from 0 to a million."""
    value = given.get(key, default)
    if type(value) is not int or not 0 <= value <= HIGHEST:
        raise CaseRefused(f"input.{key}: {value!r} is not a whole number up to {HIGHEST}")
    return value


def word(given: Input, key: str) -> str:
    value = given.get(key)
    if not isinstance(value, str) or not value:
        raise CaseRefused(f"input.{key}: {value!r} is not a text")
    return value


def a_list(given: Input, key: str) -> list[Any]:
    value = given.get(key)
    if not isinstance(value, list):
        raise CaseRefused(f"input.{key}: {value!r} is not a list")
    return value


def a_table(given: Input, key: str) -> Input:
    value = given.get(key)
    if not isinstance(value, dict):
        raise CaseRefused(f"input.{key}: {value!r} is not a table")
    return value


def tables(given: Input, key: str) -> list[Input]:
    """A list of tables."""
    return [a_table({key: each}, key) for each in a_list(given, key)]


def day(given: Input, key: str) -> date:
    try:
        return date.fromisoformat(word(given, key))
    except ValueError:
        raise CaseRefused(f"input.{key}: {given[key]!r} is not a day like 2026-07-31") from None


def instant(given: Input, key: str) -> int:
    """Seconds UTC of a time with its offset."""
    try:
        found = datetime.fromisoformat(word(given, key))
    except ValueError:
        raise CaseRefused(f"input.{key}: {given[key]!r} is not a time") from None
    if found.tzinfo is None:
        raise CaseRefused(f"input.{key}: {given[key]!r} has no offset")
    return int(found.timestamp())


def shown(amount_minor: int, places: int = PLACES) -> str:
    """Hundredths as text, or whole units with `places` 0 (then nothing may be lost)."""
    value = Decimal(amount_minor).scaleb(-PLACES)
    return str(value.quantize(Decimal(1).scaleb(-places)) if places < PLACES else value)


def plain(value: Decimal) -> str:
    """An exact decimal without idle zeros or exponent: "0.0875"."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
