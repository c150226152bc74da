"""What must hold of every conversation: no fault, both sides recorded the same, the books hold."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bpp.ledger import balances, verify
from protocol_specs.validate.reading import conversations
from protocol_specs.validate.rules import judge
from tests.conversations.network import Language, People, conversing
from tests.support.queues import until

Scenario = Callable[[People], None]
SET_ASIDE, DUE = 2200, 2210


@dataclass(frozen=True, slots=True)
class Told:
    """A conversation as the consumer's node recorded it, and the cooperative's contributions."""

    messages: tuple[dict[str, Any], ...]
    due_minor: int

    @property
    def actions(self) -> list[str]:
        """What was said, in its order."""
        return [message["context"]["action"] for message in self.messages]

    def last(self, action: str) -> dict[str, Any]:
        """The last message of that action."""
        return [one for one in self.messages if one["context"]["action"] == action][-1]


async def converse(folder: Path, language: Language, scenario: Scenario, **changes: Any) -> Told:
    """Plays it, and gives what was told once all that must hold was found to hold.

    `changes` are to the cooperative's settings.
    """
    async with conversing(folder, language, **changes) as people:
        await asyncio.to_thread(scenario, people)
        contributions = await _books(people)
    assert contributions[SET_ASIDE] == 0, "what was set aside is due, or was taken back"
    faults = list(_faults(folder))
    assert not faults, "\n".join(faults)
    bap, bpp = (_recorded(folder / name / "recording") for name in ("bap", "bpp"))
    _require_same(bap, bpp)
    return Told(bap, contributions[DUE])


def _faults(folder: Path) -> Iterator[str]:
    """What `wayfare validate` says of both recordings, warnings too."""
    for name in ("bap", "bpp"):
        for conversation in conversations([folder / name / "recording"]):
            for fault in judge(conversation).faults:
                yield f"{name} {fault.file} {fault.code} {fault.reason}"


async def _books(people: People) -> dict[int, int]:
    """What stands set aside and due, once the books are sealed, witnessed and verified."""
    store, public = people.bpp.store, people.ledger_key.public

    def is_witnessed() -> bool:
        for _, _, wake in people.bpp._loops:  # not at their next look, but now
            wake.set()
        has_heads = people.witness.exists() and people.witness.stat().st_size > 0
        if not has_heads:  # before the first block there is nothing to witness
            return store.read(balances.balances) == []
        report = verify.verify(store, people.witness, public)
        return not report.waiting and not report.notes

    await until(is_witnessed, "sealed and witnessed books")
    found = verify.verify(store, people.witness, public)
    assert found.is_sound, found.faults
    assert found.balanced
    lines = store.read(balances.balances)
    return {
        number: sum(line.balance_minor for line in lines if line.number == number)
        for number in (SET_ASIDE, DUE)
    }


def _recorded(recording: Path) -> tuple[dict[str, Any], ...]:
    (folder,) = [found for found in recording.iterdir() if found.is_dir()]
    return tuple(json.loads(path.read_bytes()) for path in sorted(folder.glob("*.json")))


def _require_same(ours: tuple[dict[str, Any], ...], theirs: tuple[dict[str, Any], ...]) -> None:
    """Both nodes recorded the same messages; only their pseudonyms for people differ."""
    mine, others = _by_id(ours), _by_id(theirs)
    assert mine.keys() == others.keys()
    pseudonyms: dict[tuple[str, Any], Any] = {}
    for key, message in mine.items():
        mine_there, others_there = dict(_leaves(message)), dict(_leaves(others[key]))
        assert mine_there.keys() == others_there.keys(), key
        for path, value in mine_there.items():
            other = others_there[path]
            if value != other:
                assert "/context/" not in path, f"{key} {path}: {value!r}, {other!r}"
                said_so = pseudonyms.setdefault((path.rpartition("/")[2], value), other)
                assert said_so == other, f"{key} {path}: {value!r} is {said_so!r} and {other!r}"


def _by_id(messages: tuple[dict[str, Any], ...]) -> dict[tuple[str, str], dict[str, Any]]:
    contexts = [(one, one["context"]) for one in messages]
    return {(context["action"], context["message_id"]): one for one, context in contexts}


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, part in value.items():
            yield from _leaves(part, f"{path}/{name}")
    elif isinstance(value, list):
        for n, part in enumerate(value):
            yield from _leaves(part, f"{path}/{n}")
    else:
        yield path, value
