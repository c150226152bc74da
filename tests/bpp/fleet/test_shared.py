"""The fleet in several processes: what one is told of the others' drivers, late, twice or wrong."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bpp.fleet import roster
from bpp.fleet import tables as _tables  # noqa: F401 - declares the tables
from bpp.fleet.csv_import import parse_roster
from bpp.fleet.dispatch import Position
from bpp.fleet.fleet import GONE, SEEN, Fleet
from bpp.tables import METADATA
from protocol_specs.node.store import Store
from protocol_specs.node.workers.hints import Ears, Word
from protocol_specs.node.workers.workers import Share

CSV = "code,name,phone,vehicle,category\nD1,Aminah,60123456781,WXY 1001,CAB\n"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(tmp_path, METADATA)
    opened.transact_now(lambda session: roster.put_roster(session, parse_roster(CSV)))
    yield opened
    opened.close()


@pytest.fixture
def fleet(store: Store) -> Fleet:
    shared = Fleet()
    store.read(shared.load)
    shared.share(store)
    return shared


@pytest.fixture
def ears(store: Store, fleet: Fleet) -> Ears:
    """What comes from other processes."""
    heard = Ears(Share(0, 2))
    heard.listen(store.hear)
    return heard


@pytest.fixture
def agent(fleet: Fleet) -> str:
    """The one driver's id."""
    [worker] = fleet.workers()
    return worker.agent_id


Say = Callable[[str, str], None]


@pytest.fixture
def say(ears: Ears) -> Say:
    return lambda channel, payload: ears.hear(Word(1, None, channel, payload).text())


@pytest.mark.parametrize(
    "payload",
    ["", "somebody", "{} north east 5", "{} 1.0 2.0 noon", "{} nan 2.0 5", "{} 91.0 2.0 5"],
)
def test_a_foreign_word_about_a_driver_raises_nothing_and_moves_nobody(
    fleet: Fleet, agent: str, say: Say, ears: Ears, payload: str
) -> None:
    say(SEEN, payload.format(agent))
    assert fleet.position(agent) is None
    assert ears.unread == 1


def test_a_word_about_somebody_who_does_not_work_here_is_not_kept(fleet: Fleet, say: Say) -> None:
    say(SEEN, "nobody 3.1 101.6 5")
    assert fleet.position("nobody") is None


def test_a_late_word_does_not_move_a_driver_back(fleet: Fleet, agent: str, say: Say) -> None:
    for at in (10, 20, 15, 20):
        say(SEEN, f"{agent} {at / 10} 101.6 {at}")
    assert fleet.position(agent) == Position(2.0, 101.6, 20)


def test_who_went_offline_unheard_is_offline_once_others_are_heard_again(
    store: Store, fleet: Fleet, agent: str, say: Say, ears: Ears
) -> None:
    say(SEEN, f"{agent} 3.1 101.6 5")
    ears.must_ask = True
    store.transact_now(lambda session: roster.write_seen(session, agent, Position(3.1, 101.6, 5)))
    ears.ask()
    assert fleet.position(agent) is not None
    store.transact_now(lambda session: roster.write_seen(session, agent, None))
    ears.must_ask = True
    ears.ask()
    assert fleet.position(agent) is None


def test_who_is_told_to_be_gone_is_gone(fleet: Fleet, agent: str, say: Say) -> None:
    say(SEEN, f"{agent} 3.1 101.6 5")
    say(GONE, agent)
    say(GONE, agent)
    assert fleet.position(agent) is None
