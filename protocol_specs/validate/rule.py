"""What a rule is, and what it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from protocol_specs.validate.conversation import Conversation, Message


class Severity(StrEnum):
    """error: the conversation fails. warning: told and counted, the verdict stands."""

    ERROR = "error"
    WARNING = "warning"


class Found(NamedTuple):
    """One place where a rule is broken: the message, a JSON pointer into it, and why."""

    message: Message
    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `code` never changes; `says` is its line in docs/validate.md.

    `check` looks at a conversation and yields each breach; it is pure and trusts no shape.
    `dialects`: those it is for, None for all. `whole`: it needs a whole conversation, so it does
    not judge a file given alone.
    """

    code: str
    says: str
    check: Callable[[Conversation], Iterator[Found]]
    dialects: frozenset[str] | None = None
    severity: Severity = Severity.ERROR
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Fault:
    """One line of the report."""

    file: str
    path: str
    code: str
    reason: str
    severity: Severity = Severity.ERROR
