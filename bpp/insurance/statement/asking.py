"""Asks a question of the books: the statement, and the few facts that an answer needs beside it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bpp.insurance.engine import calendar
from bpp.insurance.people.reading import person
from bpp.insurance.statement.questions import Asked, answer
from bpp.insurance.statement.reading import Book, statement
from protocol_specs.node.store import Session


@dataclass(frozen=True, slots=True)
class Asks:
    """The books, the limit of fare cash, and the options chosen for schemes."""

    book: Book
    limit_minor: int | None
    options: Mapping[str, Mapping[Any, str]]


def answered(
    session: Session,
    asks: Asks,
    question: str,
    worker: str,
    now: int,
    *,
    slip: str = "",
    language: str = "en",
) -> list[str]:
    """The lines of the answer to a worker (agent_id or local id). Raises Declined."""
    found = statement(session, asks.book, worker, now)
    month = calendar.period_name(calendar.local(now, asks.book.zone).date(), "month")
    schemes = {period.scheme for period in found.periods}
    chosen = {name: asks.options.get(name, {}) for name in schemes}
    counts = {
        n for n in schemes if asks.book.scheme(n).option("prepaid_offset", chosen[n]) == "full"
    }
    asked = Asked.of(
        found,
        language,
        slip=slip,
        bought=person(session, found.worker, month).bought,
        counts_prepaid=frozenset(counts),
        limit_minor=asks.limit_minor,
    )
    return answer(question, asked)
