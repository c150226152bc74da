"""The passing queue: tried inside its ttl, in bounded memory, and nothing of it on disk."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from protocol_specs.node.client.client import Undelivered
from protocol_specs.node.messages import passing
from protocol_specs.node.messages.passing import PassingQueue
from protocol_specs.wire.errors import Acknowledgement, Overloaded
from tests.support.peers import NOW, Clock
from tests.support.queues import FakeClient, Sent, quiet, until


def put(queue: PassingQueue, receiver: str = "bap.example.org", **given: Any) -> None:
    values: dict[str, Any] = {
        "receiver_id": receiver,
        "receiver_url": f"https://{receiver}",
        "action": "on_search",
        "transaction_id": "t1",
        "message_id": "m1",
        "body": b"{}",
        "expires_at": NOW + 30,
        **given,
    }
    queue.put(**values)


@asynccontextmanager
async def running(client: FakeClient, clock: Clock) -> AsyncIterator[PassingQueue]:
    queue = PassingQueue(client, quiet(), now=lambda: int(clock.at))
    stopping = asyncio.Event()
    task = asyncio.ensure_future(queue.run(stopping))
    yield queue
    stopping.set()
    queue.wake.set()
    await asyncio.wait_for(task, 60)


async def down(sent: Sent) -> Acknowledgement:
    raise Undelivered("down", True)


async def test_an_answer_is_sent_at_once_with_what_is_left_of_its_ttl() -> None:
    client = FakeClient()
    async with running(client, Clock()) as queue:
        put(queue)
        await until(lambda: queue._messages == 0, "not sent")
    assert client.sent == [Sent("https://bap.example.org", "on_search", b"{}", NOW, 30)]


async def test_it_is_tried_again_and_arrives_when_the_receiver_is_back() -> None:
    clock, failures = Clock(), 2

    async def returns(sent: Sent) -> Acknowledgement:
        nonlocal failures
        failures -= 1
        if failures >= 0:
            raise Undelivered("down", True)
        return Acknowledgement(acked=True)

    client = FakeClient(returns)
    async with running(client, clock) as queue:
        put(queue)
        for tries in (1, 2, 3):
            await until(lambda n=tries: len(client.sent) == n, f"try {tries} missing")
            await until(lambda: not queue._in_flight, "hangs")
            clock.at += 5
            queue.wake.set()
        assert queue._messages == 0
        assert queue._telemetry.count("sent", "on_search") == 1


async def test_after_its_ttl_it_is_dropped_and_counted() -> None:
    clock, client = Clock(), FakeClient(down)
    async with running(client, clock) as queue:
        put(queue, expires_at=NOW + 10)
        await until(lambda: client.sent and not queue._in_flight, "never tried")
        clock.at += 10
        queue.wake.set()
        await until(lambda: queue._messages == 0, "kept beyond its time")
        assert queue._telemetry.count("given_up", "on_search") == 1
        assert queue._bytes == 0
    assert len(client.sent) == 1


async def test_a_nack_ends_the_matter() -> None:
    async def refuses(sent: Sent) -> Acknowledgement:
        return Acknowledgement(acked=False, code="30000")

    client = FakeClient(refuses)
    async with running(client, Clock()) as queue:
        put(queue)
        await until(lambda: queue._messages == 0, "kept")
        assert queue._telemetry.count("given_up", "on_search") == 1
    assert len(client.sent) == 1


@pytest.mark.parametrize(
    ("limit", "value"),
    [
        ("MESSAGES_MAX", 6),
        ("MESSAGES_PER_RECEIVER_MAX", 3),
        ("BYTES_MAX", 16),
        ("BYTES_PER_RECEIVER_MAX", 6),
    ],
)
async def test_a_full_queue_says_so_and_takes_nothing(
    monkeypatch: pytest.MonkeyPatch, limit: str, value: int
) -> None:
    monkeypatch.setattr(passing, limit, value)
    queue = PassingQueue(FakeClient(), quiet(), now=lambda: NOW)
    room = 4 if limit == "BYTES_MAX" else 3
    for _ in range(room):
        put(queue)
    with pytest.raises(Overloaded):
        put(queue)
    assert queue._messages == room


async def test_receivers_that_do_not_answer_leave_half_of_the_memory_to_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(passing, "BYTES_MAX", 100)
    async with running(FakeClient(down), Clock()) as queue:
        for receiver in ("one.example.org", "two.example.org"):
            with suppress(Overloaded):
                for _ in range(100):
                    put(queue, receiver, body=b"x" * 5)
            assert queue._bytes <= 55  # half, and the first of each
        put(queue, "alive.example.org", body=b"x" * 40)


async def test_no_ttl_of_a_peer_keeps_a_message_for_longer_than_five_minutes() -> None:
    clock, client = Clock(), FakeClient(down)
    async with running(client, clock) as queue:
        for _ in range(9):  # more than are tried before the receiver counts as down
            put(queue, expires_at=NOW + 10**9)
        await until(lambda: not queue._in_flight and client.sent, "never tried")
        clock.at += passing.KEPT_S_MAX
        queue.wake.set()
        await until(lambda: queue._messages == 0, "kept for as long as the peer liked")


async def test_a_dead_receiver_does_not_hold_up_another() -> None:
    hangs = asyncio.Event()

    async def answer(sent: Sent) -> Acknowledgement:
        if "dead" in sent.url:
            await hangs.wait()
            raise Undelivered("timeout", True)
        return Acknowledgement(acked=True)

    client = FakeClient(answer)
    async with running(client, Clock()) as queue:
        for _ in range(300):
            put(queue, "dead.example.org")
        put(queue, "alive.example.org")
        await until(lambda: client.bodies("https://alive.example.org"), "waits for the dead")
        hangs.set()
