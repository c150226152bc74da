"""A passing message goes to the worker that holds its key: taken once, refused as there."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest

from protocol_specs.node.client.http1 import HEAD_BYTES_MAX
from protocol_specs.node.messages import handing
from protocol_specs.node.messages.actions import Consult, Passing
from protocol_specs.node.messages.arrivals import Arrivals, Waiting
from protocol_specs.node.messages.handing import Handing, read, refusal, refused_of, written
from protocol_specs.node.telemetry.traces import CURRENT
from protocol_specs.node.workers import siblings
from protocol_specs.node.workers.handover import Handover
from protocol_specs.node.workers.siblings import Siblings
from protocol_specs.node.workers.workers import HANDED_BODY_BYTES_MAX, Share
from protocol_specs.wire.envelope import Envelope
from protocol_specs.wire.errors import (
    ChangedDuplicate,
    Overloaded,
    RateLimited,
    Refused,
    Unauthenticated,
    WrongParty,
)
from protocol_specs.wire.version import Dialects
from tests.support import peers
from tests.support.peers import NOW
from tests.support.queues import envelope_of

BAP = peers.bap()
SHARES = Share(0, 2), Share(1, 2)


@dataclass
class Workers:
    """Two of one node, each with what it took."""

    handings: list[Handing]
    arrivals: list[Arrivals]
    action: Passing
    siblings: list[Siblings]

    def key_of(self, slot: int) -> str:
        """A key that this worker holds."""
        return next(key for key in map(str, range(99)) if SHARES[0].slot_of(key) == slot)

    def taken(self, slot: int) -> Waiting:
        """What this worker took first."""
        waiting = self.arrivals[slot].take()
        assert waiting is not None
        return waiting


def fault(where: str, error: Exception) -> None:
    raise AssertionError(where) from error


@asynccontextmanager
async def two_workers(
    folder: Path, refuse: Refused | None = None, consult: Consult | None = None
) -> AsyncIterator[Workers]:
    async def ignore(envelope: Envelope, now: int) -> None:
        return None

    def judge(envelope: Envelope, now: int) -> None:
        if refuse is not None:
            raise refuse

    action = Passing("search", ignore, judge, consult, key=lambda envelope: envelope.message_id)
    made = Workers([], [], action, [])
    for share in SHARES:
        one = Siblings(share, folder, fault=fault)
        arrivals = Arrivals(waiting_max=2, memory_max=10)
        one_handing = Handing(
            share=share,
            siblings=one,
            arrivals=arrivals,
            actions={"search": action},
            dialects=Dialects({}),
            now=lambda: NOW,
        )
        made.handings.append(one_handing)
        made.arrivals.append(arrivals)
        made.siblings.append(one)
        await one.start()
    try:
        yield made
    finally:
        for one in made.siblings:
            await one.stop()


async def test_a_message_is_taken_once_by_its_holder_wherever_it_comes_in(tmp_path: Path) -> None:
    async with two_workers(tmp_path) as workers:
        for slot in (0, 1):
            sent = envelope_of(BAP, "search", message_id=workers.key_of(slot))
            taken = [
                await workers.handings[at].receive(workers.action, sent, NOW) for at in (1, 0, 1)
            ]
            assert taken == [True, False, False]
            assert workers.taken(slot).envelope == sent
            changed = envelope_of(BAP, "search", text="y", message_id=workers.key_of(slot))
            for each in workers.handings:
                with pytest.raises(ChangedDuplicate) as refused:
                    await each.receive(workers.action, changed, NOW)
                assert refused.value.path == "/context/message_id"


async def test_the_largest_message_that_settings_allow_is_handed_over(tmp_path: Path) -> None:
    async with two_workers(tmp_path) as workers:
        key = workers.key_of(1)
        smallest = len(envelope_of(BAP, "search", text="", message_id=key).body)
        text = "x" * (HANDED_BODY_BYTES_MAX - smallest)
        sent = envelope_of(BAP, "search", text=text, message_id=key)
        long = sent._replace(authorization=sent.authorization + " " * HEAD_BYTES_MAX)
        assert len(sent.body) == HANDED_BODY_BYTES_MAX
        assert await workers.handings[0].receive(workers.action, long, NOW)
        assert workers.taken(1).envelope == long


async def test_the_trace_goes_with_the_message(tmp_path: Path) -> None:
    async with two_workers(tmp_path) as workers:
        sent = envelope_of(BAP, "search", message_id=workers.key_of(1))
        token = CURRENT.set("00-" + "a" * 32 + "-" + "b" * 16 + "-01")
        try:
            await workers.handings[0].receive(workers.action, sent, NOW)
            assert workers.taken(1).trace == CURRENT.get()
        finally:
            CURRENT.reset(token)


@pytest.mark.parametrize(
    "refused",
    [
        RateLimited("slow down", retry_after_s=7),
        WrongParty("not asked", path="/context/transaction_id", code="10000"),
        Overloaded("too many"),
    ],
)
async def test_what_the_holder_refuses_the_peer_hears_in_the_same_words(
    tmp_path: Path, refused: Refused
) -> None:
    async with two_workers(tmp_path, refused) as workers:
        sent = envelope_of(BAP, "search", message_id=workers.key_of(1))
        with pytest.raises(type(refused)) as told:
            await workers.handings[0].receive(workers.action, sent, NOW)
        assert refusal(told.value) == refusal(refused)
        assert not workers.arrivals[1].known(NOW)


async def test_a_holder_that_is_away_is_a_503_and_nothing_is_taken_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(siblings, "DEADLINE_S", 0.1)
    monkeypatch.setattr(handing, "PATIENCE_S", 0.1)
    async with two_workers(tmp_path) as workers:
        await workers.siblings[1].stop()
        sent = envelope_of(BAP, "search", message_id=workers.key_of(1))
        with pytest.raises(Overloaded) as refused:
            await workers.handings[0].receive(workers.action, sent, NOW)
        assert refused.value.retry_after_s
        assert not workers.arrivals[0].known(NOW)


async def test_a_message_waits_for_the_successor_of_its_holder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(siblings, "DEADLINE_S", 0.05)
    async with two_workers(tmp_path) as workers:
        await workers.siblings[1].stop()
        sent = envelope_of(BAP, "search", message_id=workers.key_of(1))
        asking = asyncio.create_task(workers.handings[0].receive(workers.action, sent, NOW))
        await asyncio.sleep(0.2)  # longer than one question waits
        successor = Siblings(SHARES[1], tmp_path, fault=fault)
        Handing(
            share=SHARES[1],
            siblings=successor,
            arrivals=workers.arrivals[1],
            actions={"search": workers.action},
            dialects=Dialects({}),
            now=lambda: NOW,
        )
        await successor.start()
        assert await asking
        await successor.stop()


@pytest.mark.parametrize("refused", [None, WrongParty("not asked")])
async def test_a_message_that_is_handed_over_again_while_others_are_asked_counts_once_for_its_peer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: Refused | None
) -> None:
    monkeypatch.setattr(siblings, "DEADLINE_S", 0.05)
    counted, answered = [], asyncio.Event()

    async def consult(envelope: Envelope, now: int) -> None:
        counted.append(envelope)
        await answered.wait()  # the registry is slow

    async with two_workers(tmp_path, refused, consult) as workers:
        handed = read_often(monkeypatch, answered, times=4)
        sent = envelope_of(BAP, "search", message_id=workers.key_of(1))
        taking = workers.handings[0].receive(workers.action, sent, NOW)
        if refused is None:
            assert await taking
        else:
            with pytest.raises(WrongParty):
                await taking
        assert len(handed) == 4
        assert counted == [sent]


def read_often(
    monkeypatch: pytest.MonkeyPatch, then: asyncio.Event, *, times: int
) -> list[Envelope]:
    """What is handed over, as it comes; `then` is set with the last of so many."""
    handed: list[Envelope] = []

    def reading(payload: bytes, dialects: Dialects) -> tuple[Envelope, str | None]:
        found = read(payload, dialects)
        handed.append(found[0])
        if len(handed) == times:
            then.set()
        return found

    monkeypatch.setattr(handing, "read", reading)
    return handed


def test_a_message_is_read_as_it_was_written() -> None:
    sent = envelope_of(BAP, "search")
    counter = sent._replace(gateway=peers.bpp().records()[0], received_at=NOW - 1)
    for each in (sent, counter):
        assert read(written(each), Dialects({})) == (each, None)


def test_a_refusal_is_told_with_its_challenge() -> None:
    refused = Unauthenticated("no", path="/x")
    refused.challenge = "Proxy-Authenticate"
    told = refused_of(refusal(refused))
    assert isinstance(told, Unauthenticated)
    assert told.challenge == "Proxy-Authenticate"


async def test_the_next_holder_knows_what_the_one_before_took(tmp_path: Path) -> None:
    one, two = (Arrivals(waiting_max=2, memory_max=10) for _ in range(2))
    sent = envelope_of(BAP, "search")
    action = Passing("search", SimpleNamespace)  # type: ignore[arg-type]
    one.offer(action, sent, NOW)
    path = tmp_path / "0.held"
    for arrivals in (one, two):
        handover = Handover(path)
        handover.add("arrivals", lambda arrivals=arrivals: arrivals.known(NOW), arrivals.know)  # type: ignore[misc]
        if arrivals is two:
            handover.write()  # it has not taken over yet, and leaves what is there
        handover.read()
        if arrivals is one:
            handover.write()
    assert not path.exists()
    assert not two.offer(action, sent, NOW)


def test_what_another_version_wrote_otherwise_is_left_aside_and_the_rest_is_taken(
    tmp_path: Path,
) -> None:
    path = tmp_path / "0.held"
    path.write_bytes(b'{"changed":{"one":1},"gone":[],"kept":[1,2]}')
    taken: list[int] = []

    def take_pairs(pairs: list[tuple[str, int]]) -> None:
        for _, n in pairs:
            taken.append(n)

    handover = Handover(path)
    handover.add("changed", list, take_pairs)
    handover.add("kept", list, taken.extend)
    handover.add("new", list, taken.extend)
    handover.read()
    assert taken == [1, 2]
