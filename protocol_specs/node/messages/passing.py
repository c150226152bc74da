"""Messages that are worth nothing after their ttl: sent from bounded memory, without a row."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from protocol_specs.node.client.client import Undelivered
from protocol_specs.node.loops import backoff_s, outcome, run_loop
from protocol_specs.node.messages.lanes import Lane, wait_s_max
from protocol_specs.node.messages.outbox import Sends
from protocol_specs.node.telemetry.telemetry import Telemetry
from protocol_specs.node.telemetry.traces import CURRENT
from protocol_specs.wire.errors import Acknowledgement, Overloaded

MESSAGES_MAX = 5_000
BYTES_MAX = 32 * 1_048_576
BYTES_PER_RECEIVER_MAX = BYTES_MAX // 4
MESSAGES_PER_RECEIVER_MAX = 500
KEPT_S_MAX = 300
IN_FLIGHT_MAX = 256
TRIES_MAX = 4
BACKOFF_S_MAX = 8.0


@dataclass(slots=True)
class Passing:
    """One message in memory. Times in seconds UTC."""

    receiver_id: str
    url: str
    action: str
    transaction_id: str
    message_id: str
    body: bytes
    expires_at: int
    trace: str | None
    tries: int = 0
    next_at: int = 0


class PassingQueue:
    """Sends search answers and the like; a message that cannot be sent in its ttl is dropped."""

    def __init__(self, client: Sends, telemetry: Telemetry, *, now: Callable[[], int]) -> None:
        self.wake = asyncio.Event()
        self._client, self._telemetry, self._now = client, telemetry, now
        self._lanes: dict[str, Lane[Passing]] = {}
        self._bytes_of: Counter[str] = Counter()  # by receiver
        self._messages = self._bytes = self._in_flight = 0
        self._senders: asyncio.TaskGroup | None = None

    def put(
        self,
        *,
        receiver_id: str,
        receiver_url: str,
        action: str,
        transaction_id: str,
        message_id: str,
        body: bytes,
        expires_at: int,
    ) -> None:
        """Queues a message until `expires_at`, five minutes at most, whatever ttl a peer named.

        Raises Overloaded when memory or lane is full. Beyond the first for each, receivers whose
        last word was no answer share half of the memory: dead ones leave room for the others; and
        one that only takes them slowly has a quarter of it.
        """
        lane = self._lanes.setdefault(receiver_id, Lane(receiver_id))
        share = 2 if lane.waiting and not lane.is_proven else 1
        if (
            self._messages >= MESSAGES_MAX // share
            or self._bytes + len(body) > BYTES_MAX // share
            or len(lane.waiting) >= MESSAGES_PER_RECEIVER_MAX
            or (lane.waiting and self._bytes_of[receiver_id] + len(body) > BYTES_PER_RECEIVER_MAX)
        ):
            raise Overloaded(f"too many messages wait to be sent to {receiver_id}: try again later")
        self._messages += 1
        self._bytes += len(body)
        self._bytes_of[receiver_id] += len(body)
        expires_at = min(expires_at, self._now() + KEPT_S_MAX)
        lane.waiting.append(
            Passing(
                receiver_id,
                receiver_url,
                action,
                transaction_id,
                message_id,
                body,
                expires_at,
                CURRENT.get(),
            )
        )
        self.wake.set()

    async def run(self, stopping: asyncio.Event) -> None:
        """Sends until `stopping` is set (and `wake`); then waits for what is in the air."""
        async with asyncio.TaskGroup() as self._senders:
            await run_loop(
                "passing",
                self.turn,
                wake=self.wake,
                stopping=stopping,
                now=self._now,
                telemetry=self._telemetry,
            )

    async def turn(self, now: int) -> bool:
        """Starts what may be sent now and drops what is too late."""
        for receiver_id, lane in list(self._lanes.items()):
            self._start(lane, now)
            if not lane.waiting and not lane.in_flight and not lane.failures:
                del self._lanes[receiver_id]
        return False

    def _start(self, lane: Lane[Passing], now: int) -> None:
        for _ in range(len(lane.waiting)):
            message = lane.waiting.popleft()
            if message.expires_at <= now:
                self._drop(message, "too late")
            elif (
                message.next_at > now
                or not lane.has_room(now)
                or self._in_flight >= IN_FLIGHT_MAX
                or self._senders is None
            ):
                lane.waiting.append(message)  # once around keeps the order
            else:
                lane.in_flight += 1
                self._in_flight += 1
                self._senders.create_task(self._deliver(lane, message, now))

    async def _deliver(self, lane: Lane[Passing], message: Passing, now: int) -> None:
        began_in_round = lane.rounds
        result = await outcome(self._send(message, now))
        lane.in_flight -= 1
        self._in_flight -= 1
        self.wake.set()
        if isinstance(result, Acknowledgement):
            lane.answered()
            self._forget(message)
            self._log("sent" if result.acked else "given_up", message, code=result.code)
            return
        now = self._now()
        lane.failed(now, began_in_round=began_in_round, most_s=wait_s_max(result))
        self._try_again(lane, message, result, now)

    async def _send(self, message: Passing, now: int) -> Acknowledgement:
        ids = {
            "action": message.action,
            "message_id": message.message_id,
            "peer": message.receiver_id,
        }
        with self._telemetry.traces.span(f"send {message.action}", message.trace, **ids):
            return await self._client.send(
                url=message.url,
                action=message.action,
                body=message.body,
                now=now,
                ttl_s=message.expires_at - now,
            )

    def _try_again(self, lane: Lane[Passing], message: Passing, error: Exception, now: int) -> None:
        if not isinstance(error, Undelivered):
            self._telemetry.fault("passing", error)
        message.tries += 1
        message.next_at = now + round(backoff_s(message.tries, BACKOFF_S_MAX))
        is_final = isinstance(error, Undelivered) and not error.transient
        if is_final or message.tries >= TRIES_MAX or message.next_at >= message.expires_at:
            self._drop(message, type(error).__name__)
        else:
            lane.waiting.append(message)

    def _drop(self, message: Passing, why: str) -> None:
        self._forget(message)
        self._log("given_up", message, error=why)

    def _forget(self, message: Passing) -> None:
        self._messages -= 1
        self._bytes -= len(message.body)
        self._bytes_of[message.receiver_id] -= len(message.body)
        if not self._bytes_of[message.receiver_id]:
            del self._bytes_of[message.receiver_id]

    def _log(self, event: str, message: Passing, **fields: Any) -> None:
        self._telemetry.log(
            event,
            action=message.action,
            transaction_id=message.transaction_id,
            message_id=message.message_id,
            peer=message.receiver_id,
            queue="passing",
            **fields,
        )
