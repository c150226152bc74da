"""The outbox: sends what is owed, signed afresh each time, in order, a lane for each receiver."""

import asyncio
import sys
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Protocol

from protocol_specs.node.client.client import Undelivered
from protocol_specs.node.loops import attempt, backoff_s, outcome, pause, run_loop
from protocol_specs.node.messages import owed
from protocol_specs.node.messages.lanes import BACKOFF_S_MAX, WAITING_MAX, Lane, wait_s_max
from protocol_specs.node.messages.owing import CHANNEL
from protocol_specs.node.store import Row, Session, Store, StoreUnavailable
from protocol_specs.node.telemetry.telemetry import Telemetry
from protocol_specs.node.workers.hints import AGAIN
from protocol_specs.wire.errors import SIGNATURE_CODES, Acknowledgement

IN_FLIGHT_MAX = 256
OWED_TO_ONE_MAX = 256  # more than that to a receiver that answers: no new requests of its own
UNPROVEN_IN_FLIGHT_MAX = 128
ASKED_EVERY_S = 10  # where hints get lost: to whom we owe, whatever was told
PICKED_MAX = 256  # more than one lane can have in the air, so each pick finds new ones
NOT_THE_MESSAGE = frozenset({429, 502, 503, 504})  # statuses that blame load or a proxy

GivenUp = Callable[[Session, Row, str], None]


class Sends(Protocol):
    """The part of the client that the outbox needs."""

    async def send(
        self, *, url: str, action: str, body: bytes, now: int | None, ttl_s: int | None
    ) -> Acknowledgement: ...


class Outbox:
    """Sends one node's owed messages. The table is the truth; what is in memory is a hint."""

    def __init__(
        self, store: Store, client: Sends, telemetry: Telemetry, *, now: Callable[[], int]
    ) -> None:
        self.wake = asyncio.Event()
        self._store, self._client, self._telemetry, self._now = store, client, telemetry, now
        self._hints_get_lost = store.engine.loses_hints
        self._lanes: dict[str, Lane[int]] = {}
        self._ready: dict[str, None] = {}  # lanes to look at in the next turn, first come first
        self._in_flight = self._unproven_in_flight = 0
        self._looked_at_all = sys.maxsize  # the last process's clock may have run ahead of ours
        self._asked_at = sys.maxsize  # when the table was last asked to whom we owe; not yet
        self._given_up: list[GivenUp] = []
        self._stopping = asyncio.Event()
        self._senders: asyncio.TaskGroup | None = None
        store.listen(CHANNEL, self._notice)
        store.listen(owed.BACK, self._is_back)
        store.listen(AGAIN, lambda _: self._hears_again())

    def on_given_up(self, handler: GivenUp) -> None:
        """Calls `handler(session, row, reason)` in the commit that parks or expires a message."""
        self._given_up.append(handler)

    async def run(self, stopping: asyncio.Event) -> None:
        """Sends until `stopping` is set (and `wake`); then waits for what is in the air."""
        self._stopping = stopping
        async with asyncio.TaskGroup() as self._senders:
            await run_loop(
                "outbox",
                self.turn,
                wake=self.wake,
                stopping=stopping,
                now=self._now,
                telemetry=self._telemetry,
            )

    async def turn(self, now: int) -> bool:
        """Starts what may be sent now; False, since an answer or the clock brings the next turn."""
        if now != self._looked_at_all:  # the poll: whatever a lost hint has left behind
            if now < self._looked_at_all:
                await self._clock_set_back(now)
            self._looked_at_all = now
            await self._give_up_late(now)
            for lane in self._lanes.values():
                lane.behind = lane.behind or (lane.due_at is not None and lane.due_at <= now)
                if lane.behind or lane.waiting:
                    self._ready[lane.receiver_id] = None
        if now < self._asked_at or (self._hints_get_lost and now >= self._asked_at + ASKED_EVERY_S):
            self._ask(now)
        ready, self._ready = self._ready, {}
        if ready:
            self._store.read(partial(self._start_all, ready=ready, now=now))
        return False

    def _start_all(self, session: Session, ready: Iterable[str], now: int) -> None:
        for receiver_id in ready:
            self._start(session, self._lanes[receiver_id], now)

    def oldest_age_s(self, now: int) -> float:
        """Seconds since the oldest message was owed that still waits; 0 when none does."""
        at = self._store.read(owed.oldest_at)
        return 0.0 if at is None else float(max(0, now - at))

    def owes_much_to(self, receiver_id: str) -> bool:
        """Whether a receiver that answers is owed more than we get sent; one that is down is not
        meant: it may come back with a request."""
        lane = self._lanes.get(receiver_id)
        if lane is None or not lane.is_proven:
            return False
        return len(lane.waiting) + lane.in_flight >= OWED_TO_ONE_MAX

    def _lane(self, receiver_id: str) -> Lane[int]:
        lane = self._lanes.get(receiver_id)
        if lane is None:
            lane = self._lanes[receiver_id] = Lane(receiver_id)
        return lane

    def _notice(self, payload: str) -> None:
        row_id, _, receiver_id = payload.partition(" ")
        lane = self._lane(receiver_id)
        if len(lane.waiting) >= WAITING_MAX:
            lane.behind = True
        if not lane.behind:
            lane.waiting.append(int(row_id))
        self._look_at(lane)

    def _is_back(self, receiver_id: str) -> None:
        lane = self._lanes.get(receiver_id)
        if lane is not None:
            lane.behind, lane.retry_at = True, 0
            self._look_at(lane)

    def _hears_again(self) -> None:
        for lane in self._lanes.values():
            lane.retry_at = 0  # who is back was told meanwhile
        self._asked_at = sys.maxsize
        self.wake.set()

    def _ask(self, now: int) -> None:
        for receiver_id in self._store.read(partial(owed.receivers, share=self._store.share)):
            self._lane(receiver_id).behind = True
            self._ready[receiver_id] = None
        self._asked_at = now

    def _look_at(self, lane: Lane[int]) -> None:
        self._ready[lane.receiver_id] = None
        self.wake.set()

    def _start(self, session: Session, lane: Lane[int], now: int) -> None:
        while lane.has_room(now) and (lane.waiting or lane.behind):
            if not self._has_slot(lane):
                self._ready[lane.receiver_id] = None  # the next answer wakes us
                return
            if not lane.waiting:
                self._refill(session, lane, now)
                continue
            row_id = lane.waiting[0]
            row = owed.take(session, row_id, now)
            lane.waiting.popleft()  # a read that fails is made again
            if row is None:
                continue
            if row["conversation_id"] not in lane.busy:
                self._send(lane, row, now)
            elif lane.busy[row["conversation_id"]] != row_id:
                lane.missed.add(row["conversation_id"])

    def _refill(self, session: Session, lane: Lane[int], now: int) -> None:
        share = self._store.share
        ids, lane.due_at = owed.pick(session, lane.receiver_id, now, PICKED_MAX, share)
        lane.waiting.extend(ids)
        lane.behind = len(ids) == PICKED_MAX

    def _has_slot(self, lane: Lane[int]) -> bool:
        # Those that never answered share half of the slots; beyond that each gets one, so that
        # sixty dead receivers do not keep the node from meeting the next one.
        crowded = self._unproven_in_flight >= UNPROVEN_IN_FLIGHT_MAX
        if crowded and lane.in_flight and not lane.is_proven:
            return False
        return self._in_flight < IN_FLIGHT_MAX

    def _send(self, lane: Lane[int], row: Row, now: int) -> None:
        if self._senders is None:
            raise RuntimeError("the outbox is not running")
        lane.busy[row["conversation_id"]] = row["id"]
        lane.in_flight += 1
        self._in_flight += 1
        unproven = not lane.is_proven
        self._unproven_in_flight += unproven
        self._senders.create_task(self._deliver(lane, row, now, unproven))

    async def _deliver(self, lane: Lane[int], row: Row, now: int, unproven: bool) -> None:
        began_in_round, others = lane.rounds, lane.answers
        result = await outcome(self._call(row, now))
        now = self._now()
        result = _unless_mendable(result)
        if isinstance(result, Acknowledgement):
            record = self._answer(lane, row, result, now)
        else:
            fault = lane.is_proven or lane.answers > others or _blames_message(result)
            fault = fault and not getattr(result, "is_ours", False)
            lane.failed(now, began_in_round=began_in_round, most_s=wait_s_max(result))
            record = self._failure(lane, row, result, fault=fault, now=now)
        behind = await self._record(record)
        lane.in_flight -= 1
        self._in_flight -= 1
        self._unproven_in_flight -= unproven
        self._release(lane, row["conversation_id"], behind)

    async def _call(self, row: Row, now: int) -> Acknowledgement:
        ids = {"action": row["action"], "message_id": row["message_id"], "peer": row["receiver_id"]}
        with self._telemetry.traces.span(f"send {row['action']}", row["trace"], **ids):
            return await self._client.send(
                url=row["url"],
                action=row["action"],
                body=row["bytes"],
                now=now,
                ttl_s=None if row["expires_at"] is None else row["expires_at"] - now,
            )

    def _answer(
        self, lane: Lane[int], row: Row, answer: Acknowledgement, now: int
    ) -> Callable[[Session], int | None]:
        is_back = lane.answered()
        state = "sent" if answer.acked else "parked"
        error = None if answer.acked else f"NACK {answer.code}: {answer.message}"
        if is_back:
            lane.behind = True
        self._log("sent" if answer.acked else "given_up", row, code=answer.code)

        def record(session: Session) -> int | None:
            behind = owed.end(session, row, state, error)
            if is_back:
                owed.revive(session, row["receiver_id"], now)
            if error is not None:
                self._tell_given_up(session, row, error)
            return behind

        return record

    def _failure(
        self, lane: Lane[int], row: Row, error: Exception, *, fault: bool, now: int
    ) -> Callable[[Session], int | None]:
        if not isinstance(error, Undelivered):
            self._telemetry.fault("outbox", error)
        elif not error.transient and error.status is None:  # our own rules forbid that url
            self._log("given_up", row, error=type(error).__name__)
            reason = error.reason

            def park(session: Session) -> int | None:
                self._tell_given_up(session, row, reason)
                return owed.end(session, row, "parked", reason)

            return park
        asked_s = getattr(error, "retry_after_s", None) or 0
        wait_s = max(min(asked_s, BACKOFF_S_MAX), backoff_s(row["tries"] + 1, wait_s_max(error)))
        next_at = now + round(wait_s)
        lane.due_at = next_at if lane.due_at is None else min(lane.due_at, next_at)
        self._log("undelivered", row, tries=row["tries"] + 1, next_at=next_at)
        return partial(owed.fail, row=row, fault=fault, next_at=next_at, error=str(error))

    async def _record(self, record: Callable[[Session], int | None]) -> int | None:
        """Writes the outcome however long the database refuses: sent again it would be doubled."""
        failures = 0
        while True:
            try:
                return await self._store.transact(record, shares=True)
            except StoreUnavailable as error:
                failures += 1
                self._telemetry.fault("outbox", error)
                if self._stopping.is_set():
                    return None
                await pause(self._stopping, backoff_s(failures, 30.0))

    def _release(self, lane: Lane[int], conversation_id: int, behind: int | None) -> None:
        del lane.busy[conversation_id]
        if conversation_id in lane.missed:
            lane.missed.discard(conversation_id)
            lane.behind = True
        if behind is not None:
            lane.waiting.appendleft(behind)
        self._look_at(lane)

    async def _clock_set_back(self, now: int) -> None:
        furthest = now + int(BACKOFF_S_MAX)
        await self._store.transact(partial(owed.bring_near, now=now, furthest=furthest))
        for lane in self._lanes.values():
            lane.retry_at = min(lane.retry_at, furthest)
            lane.behind = True

    async def _give_up_late(self, now: int) -> None:
        share = self._store.share
        while self._store.read(partial(owed.is_any_late, now=now, share=share)):
            given_up = await self._store.transact(
                partial(owed.give_up_late, now=now, also=self._tell_given_up, share=share)
            )
            for row, state, behind in given_up:
                self._log("given_up", row, state=state)
                lane = self._lane(row["receiver_id"])
                if behind is not None:
                    lane.waiting.append(behind)

    def _tell_given_up(self, session: Session, row: Row, reason: str) -> None:
        for handler in self._given_up:
            error = attempt(session, partial(handler, session, row, reason))
            if error is not None:
                self._telemetry.fault("outbox", error)

    def _log(self, event: str, row: Row, **fields: Any) -> None:
        self._telemetry.log(
            event,
            action=row["action"],
            transaction_id=row["transaction_id"],
            message_id=row["message_id"],
            peer=row["receiver_id"],
            queue="outbox",
            **fields,
        )


def _unless_mendable(result: Acknowledgement | Exception) -> Acknowledgement | Exception:
    """A refused signature says nothing of the message: the next try is signed afresh, and a clock
    that is wrong, or a key that is not known yet, is mended meanwhile."""
    if isinstance(result, Acknowledgement) and result.code in SIGNATURE_CODES.values():
        return Undelivered(f"NACK {result.code}: {result.message}", True, status=401)
    return result


def _blames_message(error: Exception) -> bool:
    """Whether the receiver did answer, and not about its load."""
    status = getattr(error, "status", None)
    return status is not None and status not in NOT_THE_MESSAGE
