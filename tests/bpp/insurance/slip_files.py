"""Slips of a cooperative as their workers get them, and what single changes make of a document."""

import copy
import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

from bpp.insurance import reading, slip_credential, slip_qr
from bpp.insurance.engine.facts import Person
from bpp.insurance.scheme_file import load
from bpp.ledger.sealing import Sealer
from bpp.orders.events import EventKind
from protocol_specs.wire.order import PriceLine
from tests.bpp.insurance.support import (
    CASH,
    NOON,
    Coop,
    Story,
    fare_of,
    ka_coop,
    ka_story,
    my_coop,
)

Document = dict[str, Any]


def seal(coop: Coop) -> None:
    coop.store.transact_now(lambda session: Sealer(coop.key).seal_next(session, NOON))


def slips(coop: Coop, agent_id: str) -> list[Document]:
    """The agent's slips as files, newest first."""
    listed = coop.store.read(lambda session: reading.slips_of(session, agent_id))
    found = [
        coop.store.read(lambda s, id=line["slip_id"]: reading.slip(s, agent_id, id))
        for line in listed
    ]
    return [file for file in found if file is not None]


def malaysian(folder: Path) -> tuple[Coop, Document]:
    """A cooperative with a sealed cash job between others, and the job's final slip."""
    coop = my_coop(folder)
    for n in range(3):
        story = Story(key=f"{n:032x}", agent_id=f"a{n}", payment=CASH)
        story.lines = (PriceLine("BASE_FARE", 1500), PriceLine("WAITING_CHARGES", 577))
        coop.happen(story.event("confirmed"), story.event("completed"))
    seal(coop)
    return coop, slips(coop, "a1")[0]


def karnatakan(folder: Path) -> tuple[Coop, Document]:
    """The same for a fee that the cooperative bears."""
    coop = ka_coop(folder)
    for n in range(3):
        story = ka_story(key=f"{n:032x}", agent_id=f"a{n}")
        coop.happen(story.event("confirmed"), story.event("completed"))
    seal(coop)
    return coop, slips(coop, "a1")[0]


def of_scheme(folder: Path, name: str, last: EventKind) -> tuple[Coop, list[Document]]:
    """A cooperative under that scheme with one job that went so far, and its slips."""
    scheme = load(name)
    person = Person(born=date(1996, 3, 9))
    coop = Coop(folder, (scheme,), person=lambda session, worker, period: person)
    story = Story(agent_id="a1", currency=scheme.currency, lines=fare_of(200_000))
    events = [story.event("confirmed")]
    if last == "reassigned":
        events.append(story.event(last, agent_id="a2"))
    elif last != "confirmed":
        events.append(story.event(last))
    coop.happen(*events)
    seal(coop)
    return coop, slips(coop, "a1")


def qr_text(file: Document) -> str:
    return slip_qr.text(file["slip"], file["signature"], file["proof"])


def credential(coop: Coop, file: Document) -> Document:
    return slip_credential.issue(file["slip"], file["proof"], coop.key)


def single_changes(document: Document) -> Iterator[tuple[str, Document]]:
    """Every copy with exactly one thing changed: a value, a member left out, a member more."""
    for path in list(_paths(document)):
        *parents, last = path
        for kind in ("changed", "left out"):
            wrong = copy.deepcopy(document)
            place: Any = wrong
            for name in parents:
                place = place[name]
            if kind == "left out":
                del place[last]
            else:
                place[last] = _other(place[last])
            yield f"{'.'.join(map(str, path))} {kind}", wrong
    yield "one member more", {**document, "extra": 1}


def _paths(value: Any) -> Iterator[tuple[Any, ...]]:
    members = value.items() if isinstance(value, dict) else enumerate(value)
    for name, part in members:
        if isinstance(part, dict | list) and part:
            yield from ((name, *rest) for rest in _paths(part))
        else:
            yield (name,)


def _other(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, str) and value:
        return value[:-1] + ("A" if value[-1] != "A" else "B")
    return "x" if not isinstance(value, list | dict) else [1]


def text_of(document: Document) -> bytes:
    return json.dumps(document).encode()
