"""The outbox: what is owed arrives, in order, whatever the receivers do and however long."""

import asyncio
import random
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from protocol_specs.node.client.client import Undelivered
from protocol_specs.node.messages import owed
from protocol_specs.node.messages.outbox import OWED_TO_ONE_MAX, Outbox
from protocol_specs.node.messages.owing import ORDER_CALLBACK_KEPT_S
from protocol_specs.node.messages.tables import Owed
from protocol_specs.node.store import Row, Session, Store, StoreUnavailable
from protocol_specs.wire.errors import Acknowledgement
from tests.support.databases import writer_of
from tests.support.peers import NOW, Clock
from tests.support.queues import FakeClient, Sent, acks, open_store, owe_one, quiet, rows, until

ACK = Acknowledgement(acked=True)
NACK = Acknowledgement(acked=False, code="30010", message="no such order")
DAY_S = 86_400


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = open_store(tmp_path)
    yield store
    store.close()


class Running:
    """An outbox that runs, on a clock that a test moves."""

    def __init__(self, store: Store, client: FakeClient) -> None:
        self.clock = Clock()
        self.client = client
        self.store = store
        self.outbox = Outbox(store, client, quiet(), now=lambda: int(self.clock.at))

    def move(self, seconds: float) -> None:
        self.clock.at += seconds
        self.outbox.wake.set()

    async def owe(self, *many: dict[str, object]) -> list[bytes]:
        """Owes messages in one commit; their bodies."""

        def unit(session: Session) -> list[bytes]:
            now = int(self.clock.at)
            ids = [owe_one(session, **{"now": now, **one}) for one in many]  # type: ignore[arg-type]
            return [b'{"of":"%s"}' % one.encode() for one in ids]

        return await self.store.transact(unit)

    def states(self) -> list[str]:
        return [row["state"] for row in rows(self.store, Owed)]

    async def settled(self, *states: str) -> None:
        await until(lambda: self.states() == list(states), f"{self.states()} is not {states}")

    async def all_sent(self) -> None:
        await until(lambda: set(self.states()) == {"sent"}, f"not all sent: {self.states()}")


@asynccontextmanager
async def running(store: Store, client: FakeClient) -> AsyncIterator[Running]:
    there = Running(store, client)
    stopping = asyncio.Event()
    task = asyncio.ensure_future(there.outbox.run(stopping))
    try:
        yield there
    finally:
        stopping.set()
        there.outbox.wake.set()
        await asyncio.wait_for(task, 60)


class Switch:
    """A receiver that can be down, and remembers what reached it."""

    def __init__(self, *, status: int | None = None) -> None:
        self.is_down = False
        self.status = status
        self.reached: list[bytes] = []

    async def __call__(self, sent: Sent) -> Acknowledgement:
        await asyncio.sleep(0)
        if self.is_down:
            raise Undelivered("down", True, status=self.status)
        self.reached.append(sent.body)
        return ACK


async def test_what_is_owed_is_sent_once_to_the_registered_url(store: Store) -> None:
    async with running(store, FakeClient()) as there:
        (body,) = await there.owe({"receiver_url": "https://bap.example.org/beckn"})
        await there.all_sent()
        there.move(9_999)
        await there.outbox.turn(int(there.clock.at))
    assert there.client.sent == [
        Sent("https://bap.example.org/beckn", "on_confirm", body, NOW, None)
    ]


async def test_nothing_is_sent_of_a_unit_that_was_rolled_back(store: Store) -> None:
    def fails(session: Session) -> None:
        owe_one(session)
        raise ValueError

    async with running(store, FakeClient()) as there:
        with pytest.raises(ValueError):  # noqa: PT011 - ours
            await store.transact(fails)
        await there.owe({})
        await there.all_sent()
    assert len(there.client.sent) == 1


async def test_what_was_owed_before_the_start_is_sent_after_it(store: Store) -> None:
    for n in range(300):
        store.transact_now(lambda s, n=n: owe_one(s, f"bap{n % 3}.example.org"))
    async with running(store, FakeClient()) as there:
        await there.all_sent()
    assert len(there.client.sent) == 300


async def test_a_transaction_is_sent_in_order_though_others_run_beside_it(store: Store) -> None:
    async def slow(sent: Sent) -> Acknowledgement:
        await asyncio.sleep(random.random() / 500)
        return ACK

    async with running(store, FakeClient(slow)) as there:
        expected: dict[str, list[bytes]] = defaultdict(list)
        for _ in range(15):
            for transaction_id in ("a", "b", "c", "d"):
                expected[transaction_id] += await there.owe({"transaction_id": transaction_id})
        await there.all_sent()
    sent = there.client.bodies()
    for transaction_id, bodies in expected.items():
        assert [body for body in sent if body in bodies] == bodies, transaction_id


async def test_a_nack_ends_the_matter_and_lets_the_next_go(store: Store) -> None:
    told: list[tuple[str, str]] = []

    async def refuses(sent: Sent) -> Acknowledgement:
        return NACK if sent.action == "confirm" else ACK

    def tell(session: Session, row: Row, reason: str) -> None:
        told.append((row["message_id"], reason))

    async with running(store, FakeClient(refuses)) as there:
        there.outbox.on_given_up(tell)
        await there.owe(
            {"transaction_id": "a", "action": "confirm", "expires_at": NOW + 30},
            {"transaction_id": "a", "action": "cancel", "expires_at": NOW + 30},
        )
        await there.settled("parked", "sent")
        there.move(3600)
        await there.outbox.turn(int(there.clock.at))
    parked = rows(store, Owed)[0]
    assert parked["error"] == "NACK 30010: no such order"
    assert told == [(parked["message_id"], "NACK 30010: no such order")]
    assert [sent.action for sent in there.client.sent] == ["confirm", "cancel"]


async def test_a_refused_signature_is_tried_again_since_clocks_and_keys_are_mended(
    store: Store,
) -> None:
    is_wrong = True

    async def doubts(sent: Sent) -> Acknowledgement:
        return Acknowledgement(False, "20001", "created in the future") if is_wrong else ACK

    async with running(store, FakeClient(doubts)) as there:
        await there.owe({"action": "on_cancel"})
        await until(lambda: rows(store, Owed)[0]["tries"] == 1, "the first refusal")
        assert rows(store, Owed)[0]["error"] == "NACK 20001: created in the future"
        is_wrong = False
        there.move(60)
        await there.all_sent()
    assert [sent.action for sent in there.client.sent] == ["on_cancel", "on_cancel"]


async def test_a_request_is_given_up_at_its_ttl_and_the_next_goes(store: Store) -> None:
    peer, told = Switch(), list[str]()
    peer.is_down = True
    async with running(store, FakeClient(peer)) as there:
        there.outbox.on_given_up(lambda session, row, reason: told.append(reason))
        await there.owe({"transaction_id": "a", "action": "confirm", "expires_at": NOW + 30})
        await until(lambda: there.client.sent, "never tried")
        assert there.client.sent[0].ttl_s == 30
        there.move(30)
        await there.settled("expired")
        peer.is_down = False
        await there.owe({"transaction_id": "a", "action": "cancel", "expires_at": NOW + 90})
        await there.settled("expired", "sent")
    assert told == ["expired"]
    assert len(peer.reached) == 1


async def test_a_peer_down_for_a_day_gets_all_of_it_in_order_when_it_is_back(
    store: Store,
) -> None:
    peer = Switch()
    async with running(store, FakeClient(peer)) as there:
        peer.is_down = True
        expected: dict[str, list[bytes]] = defaultdict(list)
        for n in range(60):
            expected[f"t{n % 20}"] += await there.owe({"transaction_id": f"t{n % 20}"})
        probed: list[int] = []
        for minute in range(24 * 60):
            before = len(there.client.sent)
            there.move(60)
            await there.outbox.turn(int(there.clock.at))
            await until(lambda: there.outbox._in_flight == 0, "a probe hangs")
            probed += [minute] * (len(there.client.sent) - before)
        assert len(there.client.sent) < 250, "a dead receiver is hammered"
        gaps = [b - a for a, b in zip([0, *probed], probed, strict=False)]
        assert max(gaps) <= 16, "probed every fifteen minutes at least"
        peer.is_down = False
        lane = there.outbox._lanes["bap.example.org"]
        there.move(lane.retry_at - there.clock.at)  # one probe, and then all that waits
        await there.all_sent()
    for transaction_id, bodies in expected.items():
        assert [b for b in peer.reached if b in bodies] == bodies, transaction_id
    assert len(peer.reached) == 60


async def test_an_order_callback_is_parked_and_shown_after_72_hours(store: Store) -> None:
    peer = Switch()
    peer.is_down = True
    async with running(store, FakeClient(peer)) as there:
        await there.owe({})
        await until(lambda: rows(store, Owed)[0]["tries"] == 1, "never tried")
        there.move(ORDER_CALLBACK_KEPT_S - 1)
        await there.outbox.turn(int(there.clock.at))
        assert there.states() == ["pending"]
        there.move(1)
        await there.settled("parked")
    (row,) = rows(store, Owed)
    assert row["error"] == "down"
    assert row["body_id"] is not None


async def test_dead_receivers_do_not_slow_the_others(store: Store) -> None:
    hangs = asyncio.Event()

    async def answer(sent: Sent) -> Acknowledgement:
        if "dead" in sent.url:
            await hangs.wait()
            raise Undelivered("timeout", True)
        return ACK

    async with running(store, FakeClient(answer)) as there:
        await there.owe(*[{"receiver": f"dead{n % 140}.example.org"} for n in range(1400)])
        await until(lambda: there.client.sent, "never tried")
        bodies = await there.owe(*[{"receiver": "alive.example.org"} for _ in range(100)])
        await until(
            lambda: set(bodies) <= set(there.client.bodies("https://alive.example.org")),
            "the living one waits for the dead",
        )
        hangs.set()
        await until(lambda: there.outbox._in_flight == 0, "hangs on")


async def test_a_message_that_only_fails_itself_stops_holding_back_its_cancellation(
    store: Store,
) -> None:
    async def chokes(sent: Sent) -> Acknowledgement:
        if sent.action == "on_status":
            raise Undelivered("500", True, status=500)
        return ACK

    async with running(store, FakeClient(chokes)) as there:
        await there.owe(
            {"transaction_id": "a", "action": "on_status"},
            {"transaction_id": "a", "action": "on_cancel"},
        )
        for _ in range(60):
            there.move(10)
            await there.outbox.turn(int(there.clock.at))
            await until(lambda: there.outbox._in_flight == 0, "hangs")
        assert there.states() == ["pending", "sent"]


async def test_a_peer_that_is_down_does_not_lose_its_order_to_that_rule(store: Store) -> None:
    peer = Switch(status=503)
    peer.is_down = True
    async with running(store, FakeClient(peer)) as there:
        bodies = await there.owe({"transaction_id": "a"}, {"transaction_id": "a"})
        for _ in range(60):
            there.move(900)
            await there.outbox.turn(int(there.clock.at))
            await until(lambda: there.outbox._in_flight == 0, "hangs")
        assert set(there.client.bodies()) == {bodies[0]}
        peer.is_down = False
        there.move(901)
        await there.all_sent()
    assert peer.reached == bodies


async def test_a_newer_status_supersedes_the_unsent_one_of_the_same_order(store: Store) -> None:
    peer = Switch()
    peer.is_down = True
    async with running(store, FakeClient(peer)) as there:
        key = {"transaction_id": "a", "action": "on_status", "supersedes": "on_status:order-1"}
        _, other, new = await there.owe(key, {**key, "supersedes": "on_status:order-2"}, key)
        await there.settled("superseded", "pending", "pending")
        peer.is_down = False
        there.move(5)
        await there.settled("superseded", "sent", "sent")
    assert peer.reached == [other, new]


async def test_superseding_spares_what_is_owed_to_another_receiver(store: Store) -> None:
    peer = Switch()
    peer.is_down = True
    async with running(store, FakeClient(peer)) as there:
        key = {"action": "on_status", "supersedes": "on_status:order-1"}
        await there.owe(
            {**key, "receiver": "one.example.org"}, {**key, "receiver": "two.example.org"}
        )
        assert there.states() == ["pending", "pending"]


async def test_while_one_is_in_the_air_the_newer_of_its_conversation_waits(store: Store) -> None:
    lands = asyncio.Event()

    async def flies(sent: Sent) -> Acknowledgement:
        await lands.wait()
        return ACK

    async with running(store, FakeClient(flies)) as there:
        key = {"transaction_id": "a", "action": "on_status", "supersedes": "on_status:order-1"}
        (old,) = await there.owe(key)
        await until(lambda: there.client.sent, "never tried")
        (new,) = await there.owe(key)
        await there.outbox.turn(NOW)
        assert there.client.bodies() == [old]
        lands.set()
        await there.all_sent()
    assert there.client.bodies() == [old, new]


async def test_a_url_that_our_own_rules_forbid_is_parked_at_once(store: Store) -> None:
    async def forbidden(sent: Sent) -> Acknowledgement:
        raise Undelivered("plain http to 10.0.0.1 is not allowed", False)

    async with running(store, FakeClient(forbidden)) as there:
        await there.owe({"transaction_id": "a"})
        await there.settled("parked")
    assert rows(store, Owed)[0]["error"] == "plain http to 10.0.0.1 is not allowed"


async def test_a_receiver_may_say_how_long_to_wait(store: Store) -> None:
    async def busy(sent: Sent) -> Acknowledgement:
        raise Undelivered("429", True, status=429, retry_after_s=120)

    async with running(store, FakeClient(busy)) as there:
        await there.owe({})
        await until(lambda: rows(store, Owed)[0]["tries"] == 1, "no try recorded")
    assert rows(store, Owed)[0]["next_at"] == NOW + 120


async def test_one_answer_of_a_receiver_that_was_down_releases_all_that_waits(
    store: Store,
) -> None:
    is_down = True

    async def busy_at_first(sent: Sent) -> Acknowledgement:
        if is_down:
            raise Undelivered("503", True, status=503, retry_after_s=800)
        return ACK

    async with running(store, FakeClient(busy_at_first)) as there:
        await there.owe({}, {}, {})
        await until(lambda: len(there.client.sent) == 3, "not tried")
        await until(lambda: not there.outbox._in_flight, "hangs")
        is_down = False
        await there.owe({})
        there.move(2)
        await there.all_sent()


async def test_an_accident_of_our_own_in_sending_stops_nothing(store: Store) -> None:
    async def falls(sent: Sent) -> Acknowledgement:
        if "odd" in sent.url:
            raise ZeroDivisionError
        return ACK

    async with running(store, FakeClient(falls)) as there:
        await there.owe({"receiver": "odd.example.org"}, {"receiver": "even.example.org"})
        await until(lambda: there.states()[1] == "sent", "the other one waits")
        await until(lambda: rows(store, Owed)[0]["tries"] == 1, "no try recorded")
        assert there.states() == ["pending", "sent"]


async def test_what_could_not_be_read_when_it_was_told_of_is_sent_all_the_same(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    take, failures = owed.take, 0

    def fails_once(session: Session, row_id: int, now: int) -> Row | None:
        nonlocal failures
        if failures:
            return take(session, row_id, now)
        failures += 1
        raise StoreUnavailable("disk I/O error")

    async with running(store, FakeClient()) as there:
        await there.owe({})
        await there.all_sent()
        monkeypatch.setattr(owed, "take", fails_once)
        await there.owe({}, {"receiver_id": "other.example.org"})
        await until(lambda: failures > 0, "nothing was read")
        there.move(1)  # the poll looks at what is in memory: the table was asked at the start
        await there.all_sent()


@pytest.mark.sqlite
async def test_a_send_whose_outcome_the_disk_refuses_is_not_sent_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "protocol_specs.node.messages.outbox.backoff_s", lambda failures, most: 0.01
    )
    async with running(store, FakeClient()) as there:
        await there.owe({})
        await there.all_sent()
        (second,) = await there.owe({"transaction_id": "b"})
        writer_of(store).execute("PRAGMA query_only=ON")
        await until(lambda: len(there.client.sent) == 2, "not sent")
        for _ in range(5):
            there.move(60)
            await asyncio.sleep(0.02)
        assert there.client.bodies()[1:] == [second]
        writer_of(store).execute("PRAGMA query_only=OFF")
        await there.all_sent()
    assert there.client.bodies()[1:] == [second]


async def test_stopping_waits_for_what_is_in_the_air(store: Store) -> None:
    lands = asyncio.Event()

    async def flies(sent: Sent) -> Acknowledgement:
        await lands.wait()
        return ACK

    outbox = Outbox(store, FakeClient(flies), quiet(), now=lambda: NOW)
    stopping = asyncio.Event()
    store.transact_now(lambda s: owe_one(s))
    task = asyncio.ensure_future(outbox.run(stopping))
    await until(lambda: outbox._in_flight, "never tried")
    stopping.set()
    outbox.wake.set()
    lands.set()
    await asyncio.wait_for(task, 60)
    assert [row["state"] for row in rows(store, Owed)] == ["sent"]


async def test_more_than_memory_holds_is_found_in_the_table(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("protocol_specs.node.messages.outbox.WAITING_MAX", 5)
    monkeypatch.setattr("protocol_specs.node.messages.outbox.PICKED_MAX", 40)
    async with running(store, FakeClient(acks)) as there:
        bodies = await there.owe(*[{} for _ in range(500)])
        await there.all_sent()
    assert sorted(there.client.bodies()) == sorted(bodies)


async def test_a_clock_that_ran_ahead_of_the_last_process_holds_nothing_up(store: Store) -> None:
    await store.transact(lambda session: owe_one(session, now=NOW + 3600))
    async with running(store, FakeClient()) as there:
        await there.all_sent()


async def test_a_clock_set_back_does_not_hold_up_what_is_to_be_tried_again(store: Store) -> None:
    switch = Switch()
    switch.is_down = True
    async with running(store, FakeClient(switch)) as there:
        there.move(3600)
        await there.owe({"now": NOW + 3600})
        await until(lambda: rows(store, Owed)[0]["tries"] == 1, "never tried")
        switch.is_down = False
        there.move(-3600)
        await there.all_sent()


async def test_a_clock_set_back_does_not_hold_up_what_was_never_tried(store: Store) -> None:
    async with running(store, FakeClient()) as there:
        await there.owe({"now": NOW + 3600})
        await there.all_sent()


async def test_a_receiver_that_answers_slowly_is_owed_much_and_one_that_is_down_is_not_meant(
    store: Store,
) -> None:
    go_on = asyncio.Event()

    async def answer(sent: Sent) -> Acknowledgement:
        await go_on.wait()
        return ACK

    async with running(store, FakeClient(answer)) as there:
        await there.owe(*[{} for _ in range(OWED_TO_ONE_MAX + 40)])
        await until(lambda: there.client.sent, "never tried")
        assert not there.outbox.owes_much_to("bap.example.org"), "it never answered"
        lane = there.outbox._lanes["bap.example.org"]
        lane.answered()
        assert there.outbox.owes_much_to("bap.example.org")
        lane.failures = 1
        assert not there.outbox.owes_much_to("bap.example.org")
        lane.failures = 0
        go_on.set()
        await there.all_sent()
        assert not there.outbox.owes_much_to("bap.example.org")
