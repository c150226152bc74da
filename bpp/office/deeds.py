"""Doing what a form asks for: once, by whoever may, told first where it cannot be undone.

What is asked for is done in one commit with its line of the office's log. Where it asks first, the
same unit is run and undone, so that the figures shown are those that will stand.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeVar

from aiohttp import web
from pydantic import ValidationError

from bpp.declined import Declined
from bpp.fleet.workers import BadEntry
from bpp.office import acts
from bpp.orders.store import Overtaken
from protocol_specs.node.store import Conflict, Session, Store
from protocol_specs.web.visit import PageError, Visit
from protocol_specs.wire.errors import Malformed, OrderNotFound, Refused

T = TypeVar("T")
Figures = Sequence[tuple[str, str]]
"""What changes, for people: a name and a value each."""
Again = Callable[[dict[str, str]], web.Response]
"""The page of the form as it was typed, with what is wrong with which field."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked before something that cannot be undone."""

    title: str
    text: str
    button: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """One thing to be done. `unit` does it and tells what changed; `what` is its word in the log,
    `about` what it is about, `told` figures and references; `field` is beside which a refusal that
    names no field is shown."""

    what: str
    about: str
    unit: Callable[[Session], Figures]
    to: str
    flash: str
    told: Mapping[str, str] = field(default_factory=dict)
    asks: Question | None = None
    field: str = "form"


async def do(visit: Visit, deed: Deed, again: Again) -> web.StreamResponse:
    """Does it, or asks first, or shows the form again with why not. Raises PageError 404."""
    try:
        if deed.asks is not None and visit.text("sure") != "yes":
            figures = await rehearsed(visit.face.site.node.store, deed.unit)
            return _asked(visit, deed, deed.asks, figures)
        return await visit.once(lambda s: _done(s, visit, deed), flash=deed.flash)
    except OrderNotFound:
        raise PageError(404) from None
    except (*REFUSALS, Overtaken) as fault:
        return again(beside(visit, fault, deed.field))


def _done(session: Session, visit: Visit, deed: Deed) -> str:
    deed.unit(session)
    acts.note(
        session, at=visit.now, who=visit.who, what=deed.what, about=deed.about, told=deed.told
    )
    return deed.to


def _asked(visit: Visit, deed: Deed, question: Question, figures: Figures) -> web.Response:
    kept = {n: v for n, v in visit.typed.items() if not n.startswith("_") and n != "sure"}
    return visit.page(
        "office/sure.html",
        action=visit.request.path,
        question=question,
        figures=figures,
        kept=kept,
        back=visit.typed_page,
    )


class _Undone(Exception):
    """Ends a rehearsal, so that nothing of it is kept."""


async def rehearsed(store: Store, unit: Callable[[Session], T]) -> T:
    """What the unit would return; nothing of it is kept. Raises as the unit."""
    found: list[T] = []

    def both(session: Session) -> None:
        found.append(unit(session))
        raise _Undone

    with suppress(_Undone):
        await store.transact(both)
    return found[-1]


REFUSALS = (Refused, Declined, BadEntry, Conflict, ValidationError)


def beside(visit: Visit, fault: Exception, field: str) -> dict[str, str]:
    """Which field a refusal is shown beside, and its words."""
    if isinstance(fault, ValidationError):
        first = fault.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else field
        return {name: visit._("Not as it is wanted here. Look at the hint.")}
    if isinstance(fault, BadEntry):
        return {fault.field: fault.reason}
    if isinstance(fault, Malformed):
        return {"amount": visit._("Write an amount such as 20.00.")}
    if isinstance(fault, Refused):
        return {field: fault.reason}
    if isinstance(fault, Declined):
        return {field: str(fault)}
    return {field: visit._("Something changed meanwhile. Look again.")}
