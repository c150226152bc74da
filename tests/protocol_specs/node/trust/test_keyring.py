"""The keyring: how long it believes, how seldom it asks, and whom it leaves out."""

import asyncio
from dataclasses import replace

import pytest

from protocol_specs.node.trust import keyring
from protocol_specs.node.trust.keyring import Keyring
from protocol_specs.wire.errors import Overloaded
from protocol_specs.wire.parties import Subscriber, SubscriberType
from protocol_specs.wire.signing import KeyId
from tests.support import peers
from tests.support.peers import CITY, DELIVERIES, NOW, RIDES, Clock, FakeDirectory


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def bap() -> peers.Peer:
    return peers.bap()


@pytest.fixture
def directory(bap: peers.Peer) -> FakeDirectory:
    return FakeDirectory([bap])


@pytest.fixture
def ring(directory: FakeDirectory, clock: Clock) -> Keyring:
    return Keyring(directory, clock=clock, entries_max=3)


async def held(ring: Keyring, key_id: KeyId) -> list[Subscriber]:
    return list((await ring.keys((key_id,)))[key_id])


async def test_a_key_is_asked_for_once_in_a_minute(
    ring: Keyring, directory: FakeDirectory, clock: Clock, bap: peers.Peer
) -> None:
    assert await held(ring, bap.key_id) == bap.records()
    clock.at += 59
    assert await held(ring, bap.key_id) == bap.records()
    assert len(directory.asked) == 1
    clock.at += 1
    await held(ring, bap.key_id)
    assert len(directory.asked) == 2


async def test_an_unknown_key_is_asked_for_again_after_half_a_minute(
    ring: Keyring, directory: FakeDirectory, clock: Clock
) -> None:
    stranger = peers.bap("stranger.example.org")
    assert await held(ring, stranger.key_id) == []
    directory.held += stranger.records()
    clock.at += 29
    assert await held(ring, stranger.key_id) == []
    clock.at += 1
    assert await held(ring, stranger.key_id) == stranger.records()


async def test_what_was_known_serves_five_minutes_without_a_registry_and_no_longer(
    ring: Keyring, directory: FakeDirectory, clock: Clock, bap: peers.Peer
) -> None:
    await held(ring, bap.key_id)
    directory.is_down = True
    clock.at += 299
    assert await held(ring, bap.key_id) == bap.records()
    clock.at += 1
    with pytest.raises(Overloaded):
        await held(ring, bap.key_id)
    directory.is_down = False
    clock.at += keyring.DOWN_S
    assert await held(ring, bap.key_id) == bap.records()


async def test_a_registry_that_is_down_is_not_asked_for_each_message(
    ring: Keyring, directory: FakeDirectory, clock: Clock, bap: peers.Peer
) -> None:
    await held(ring, bap.key_id)
    directory.is_down = True
    clock.at += 60
    for _ in range(20):
        await held(ring, bap.key_id)
    assert len(directory.asked) == 2


async def test_many_who_ask_at_once_wait_for_one_answer(clock: Clock, bap: peers.Peer) -> None:
    asked, may_answer = [], asyncio.Event()

    async def slow(question: dict[str, str]) -> list[Subscriber]:
        asked.append(question)
        await may_answer.wait()
        return bap.records()

    ring = Keyring(slow, clock=clock)
    waiting = [asyncio.create_task(held(ring, bap.key_id)) for _ in range(20)]
    await asyncio.sleep(0)
    may_answer.set()
    assert await asyncio.gather(*waiting) == [bap.records()] * 20
    assert len(asked) == 1


async def test_only_a_message_that_would_make_the_registry_work_counts_as_a_look_up(
    directory: FakeDirectory, clock: Clock, bap: peers.Peer
) -> None:
    """A crowd under one known key, or a registry that is down, must not look like a flood."""
    may_answer = asyncio.Event()

    async def slow(question: dict[str, str]) -> list[Subscriber]:
        await may_answer.wait()
        return await directory(question)

    ring = Keyring(slow, clock=clock)
    assert not ring.knows(bap.key_id)
    first = asyncio.create_task(held(ring, bap.key_id))
    await asyncio.sleep(0)
    assert ring.knows(bap.key_id), "the question is on its way"
    assert not ring.knows(peers.bap("stranger.example.org").key_id)
    may_answer.set()
    await first
    clock.at += keyring.FRESH_S
    assert not ring.knows(bap.key_id)
    directory.is_down = True
    await held(ring, bap.key_id)
    assert ring.knows(bap.key_id), "the registry is left alone"
    clock.at += keyring.DOWN_S
    assert not ring.knows(bap.key_id)


class Held:
    """A registry that answers only when it is let."""

    def __init__(self, *records: Subscriber) -> None:
        self.records, self.asked = list(records), 0
        self.reached, self.may_answer = asyncio.Event(), asyncio.Event()

    async def __call__(self, question: dict[str, str]) -> list[Subscriber]:
        self.asked += 1
        self.reached.set()
        await self.may_answer.wait()
        return self.records


async def test_who_asked_first_may_give_up_and_those_who_wait_get_the_answer_all_the_same(
    clock: Clock, bap: peers.Peer
) -> None:
    registry = Held(*bap.records())
    ring = Keyring(registry, clock=clock)
    first, second = (asyncio.create_task(held(ring, bap.key_id)) for _ in range(2))
    await registry.reached.wait()
    first.cancel()
    await asyncio.wait((first,))
    assert first.cancelled()
    third = asyncio.create_task(held(ring, bap.key_id))
    registry.may_answer.set()
    for waiting in (second, third):
        assert await waiting == bap.records()
    assert registry.asked == 1
    assert ring.fresh((bap.key_id,)) == {bap.key_id: bap.records()}


async def test_closing_ends_the_question_and_those_who_wait_are_told_to_come_again(
    clock: Clock, bap: peers.Peer
) -> None:
    registry = Held()
    ring = Keyring(registry, clock=clock)
    asking = asyncio.create_task(held(ring, bap.key_id))
    await registry.reached.wait()
    await ring.close()
    with pytest.raises(Overloaded):
        await asking


async def test_one_failure_is_the_answer_of_all_who_waited(clock: Clock) -> None:
    may_answer = asyncio.Event()

    async def down(question: dict[str, str]) -> list[Subscriber]:
        await may_answer.wait()
        raise keyring.Undelivered("down", True)

    ring = Keyring(down, clock=clock)
    key_id = KeyId("a.example.org", "k1")
    waiting = [asyncio.create_task(held(ring, key_id)) for _ in range(3)]
    await asyncio.sleep(0)
    may_answer.set()
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(result) for result in results] == [Overloaded] * 3


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("subscriber_id", "other.example.org"),
        ("unique_key_id", "k2"),
        ("status", "UNSUBSCRIBED"),
        ("valid_until", NOW - 1),
        ("valid_from", NOW + 1),
    ],
)
async def test_a_registry_that_answers_with_too_much_is_not_believed(
    clock: Clock, bap: peers.Peer, field: str, value: object
) -> None:
    async def loose(question: dict[str, str]) -> list[Subscriber]:
        return [replace(record, **{field: value}) for record in bap.records()]  # type: ignore[arg-type]

    assert await held(Keyring(loose, clock=clock), bap.key_id) == []


async def test_a_refetch_is_made_at_most_once_in_five_seconds(
    ring: Keyring, directory: FakeDirectory, clock: Clock, bap: peers.Peer
) -> None:
    await held(ring, bap.key_id)
    assert await ring.refetch(bap.key_id)
    assert not await ring.refetch(bap.key_id)
    clock.at += keyring.REFETCH_EVERY_S
    assert await ring.refetch(bap.key_id)
    assert len(directory.asked) == 3


async def test_ids_that_join_to_the_same_text_are_different_keys(clock: Clock) -> None:
    one = peers.bap("a.example.org", unique_key_id="b|c")
    ring = Keyring(FakeDirectory([one]), clock=clock)
    assert await held(ring, KeyId("a.example.org", "b|c")) != []
    assert await held(ring, KeyId("a.example.org|b", "c")) == []


async def test_memory_is_bounded_and_the_oldest_goes_first(
    ring: Keyring, directory: FakeDirectory, bap: peers.Peer
) -> None:
    for number in range(3):
        await held(ring, KeyId(f"{number}.example.org", "k1"))
    await held(ring, KeyId("0.example.org", "k1"))
    await held(ring, bap.key_id)
    assert not ring.knows(KeyId("1.example.org", "k1"))
    assert ring.knows(KeyId("0.example.org", "k1"))


async def test_what_is_found_is_bounded_by_its_records_and_pushes_out_no_key(
    clock: Clock, bap: peers.Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who searches names the city: as many as they like, each with all who serve everywhere."""
    monkeypatch.setattr(keyring, "FOUND_RECORDS_MAX", 10)
    everywhere = [peers.bpp(f"{n}.example.org", cities=("*",)) for n in range(4)]
    directory = FakeDirectory([bap, *everywhere])
    ring = Keyring(directory, clock=clock)
    await held(ring, bap.key_id)
    for city in ("a", "b", "c"):
        await ring.find(type=SubscriberType.BPP, domain=RIDES, city=city)
    asked = len(directory.asked)
    await held(ring, bap.key_id)
    for city in ("b", "c"):
        await ring.find(type=SubscriberType.BPP, domain=RIDES, city=city)
    assert len(directory.asked) == asked
    await ring.find(type=SubscriberType.BPP, domain=RIDES, city="a")
    assert len(directory.asked) == asked + 1


async def test_a_clock_set_back_makes_the_keyring_ask_again(
    ring: Keyring, directory: FakeDirectory, clock: Clock, bap: peers.Peer
) -> None:
    await held(ring, bap.key_id)
    clock.at -= 10
    assert await held(ring, bap.key_id) == bap.records()
    assert len(directory.asked) == 2


async def test_find_gives_who_serves_a_city_and_domain_once(clock: Clock) -> None:
    here = peers.bpp("here.example.org")
    everywhere = peers.bpp("all.example.org", cities=("*",))
    elsewhere = peers.bpp("far.example.org", cities=("std:080",))
    other = peers.bpp("parcels.example.org", domains=(DELIVERIES,))
    directory = FakeDirectory([here, everywhere, elsewhere, other, peers.bap()])
    directory.held += peers.bpp("gone.example.org").records(status="UNSUBSCRIBED")
    directory.held += replace(here, unique_key_id="k2").records(valid_from=NOW - 5)
    ring = Keyring(directory, clock=clock)
    found = await ring.find(type=SubscriberType.BPP, domain=RIDES, city=CITY)
    assert {(record.subscriber_id, record.unique_key_id) for record in found} == {
        ("here.example.org", "k2"),
        ("all.example.org", "k1"),
    }
    await ring.find(type=SubscriberType.BPP, domain=RIDES, city=CITY)
    assert len(directory.asked) == 1
