"""Blocks nested at will, with writes that wait: each leaves what SQLite's would."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import pytest

from protocol_specs.node.database.postgres import link
from protocol_specs.node.store import Conflict, Session, Store
from tests.protocol_specs.node.database.postgres.test_commits import in_one_turn
from tests.protocol_specs.node.database.postgres.test_postgres import ALL, PUT, at, names, store

__all__ = ["at", "store"]

NAMES, GROUPS = 8, 120
WAYS: tuple[Callable[[Session], Callable[..., object]], ...] = (
    lambda session: session.run,
    lambda session: session.write,
    lambda session: session.write,
    lambda session: session.numbered,
)


class Undone(Exception):
    """Ends a block."""


@dataclass
class Player:
    """Does by chance, the same each time it is run, what a unit may do; `names` may be taken."""

    seed: float
    names: list[str]

    def unit(self, session: Session) -> set[str]:
        """What stands at its end."""
        chance = random.Random(self.seed)
        stands = self._block(session, chance, seen(session), 0)
        if chance.random() < 0.2:
            raise Undone
        return stands

    def _block(
        self, session: Session, chance: random.Random, before: set[str], depth: int
    ) -> set[str]:
        stands = set(before)
        for _ in range(chance.randint(0, 5)):
            what = chance.random()
            if what < 0.6:
                self._put(session, chance, stands)
            elif what < 0.7:
                assert seen(session) == stands
            elif depth < 4:
                stands = self._nested(session, chance, stands, depth)
        return stands

    def _put(self, session: Session, chance: random.Random, stands: set[str]) -> None:
        """A name that is taken is refused, in a savepoint; if not at once, the unit runs again."""
        name, way = chance.choice(self.names), chance.choice(WAYS)
        put = partial(way(session), PUT, name=name, amount_minor=1, blob=None)
        if name not in stands and chance.random() < 0.7:
            put()
        else:
            try:
                with session.savepoint():
                    put()
            except Conflict:
                assert name in stands
        stands.add(name)

    def _nested(
        self, session: Session, chance: random.Random, before: set[str], depth: int
    ) -> set[str]:
        raises = chance.random() < 0.4
        try:
            with session.savepoint():
                stands = self._block(session, chance, before, depth + 1)
                if raises:
                    raise Undone
        except Undone:
            return before
        return stands


def seen(session: Session) -> set[str]:
    return {row["name"] for row in session.all(ALL)}


async def test_each_block_of_units_that_share_a_commit_leaves_its_own_writes_and_no_others(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "AWAITED_AFTER_A_GUESS", 4)
    chance = random.Random(7)
    for group in range(GROUPS):
        stood = set(names(store))
        fresh = [f"{group // 3}-{n}" for n in range(NAMES)]
        players = [Player(chance.random(), fresh) for _ in range(chance.randint(1, 4))]
        outcomes = await in_one_turn(store, *(player.unit for player in players))
        for outcome in outcomes:
            if not isinstance(outcome, Undone):
                assert isinstance(outcome, set), outcome
                stood = outcome
        assert set(names(store)) == stood
