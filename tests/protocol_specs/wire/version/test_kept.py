"""Whatever a reader takes of a peer's message can be kept as a row and is read from it the same."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from protocol_specs.wire.errors import Malformed
from protocol_specs.wire.version import Dialect, named
from tests.protocol_specs.wire.version.log10 import deliveries, samples
from tests.protocol_specs.wire.version.trv10 import rides

SPOKEN = (*(named(name) for name in deliveries.NAMES), *rides.EDITIONS)
REQUESTS = {"search", "select", "init", "confirm", "cancel", "update", "support"}
ASIDE = ("on_rating", "on_support")  # nothing of these is kept in rows
OTHERS: tuple[Any, ...] = (
    0, 5, -1, 5.0, 2.5, 1e15, 2**53, True, False, None, "", "5", " 5 ", "5.0", "-5", "true",
    "9" * 15, "٣", "INR", "PT5M", "2026-01-01T00:00:00Z", [], [1], {}, {"a": 1},
)  # fmt: skip


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Each part of a message, as what holds it and its key there."""
    for key, part in value.items() if isinstance(value, dict) else enumerate(value):
        yield value, key
        if isinstance(part, dict | list):
            yield from places(part)


def reader(dialect: Dialect, action: str) -> Any:
    if action in REQUESTS or action in ("on_search", "on_track"):
        return getattr(dialect, f"read_{action}")
    return dialect.read_on_order


@pytest.mark.parametrize("dialect", SPOKEN, ids=lambda one: one.traits.name)
def test_what_is_taken_is_read_from_its_row_the_same(dialect: Dialect) -> None:
    messages = samples.messages if dialect.traits.name in deliveries.NAMES else rides.messages
    said = {
        action: msgspec.json.encode(document["message"])
        for action, document in messages(dialect).items()
        if action in REQUESTS or (action.startswith("on_") and action not in ASIDE)
    }
    chance, taken = random.Random(9), 0
    for _ in range(2_500):
        action = chance.choice(sorted(said))
        message = msgspec.json.decode(said[action])
        holder, key = chance.choice(list(places(message)))
        holder[key] = chance.choice(OTHERS)
        try:
            value = reader(dialect, action)(message)
        except Malformed:
            continue
        taken += 1
        if isinstance(value, msgspec.Struct):
            assert msgspec.json.decode(msgspec.json.encode(value), type=type(value)) == value
    assert taken > 1_000
