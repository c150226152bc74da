"""Messages on their way to many receivers at once: slots, patience, and what each one answered.

Whoever takes longer than `late_s` gives its slot back and is waited for outside of it, so that a
receiver that hangs costs nobody else more than that.
"""

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterable
from enum import StrEnum

from gateway.reach import Reach
from gateway.settings import Fanout
from protocol_specs.node.client.client import TRANSIENT
from protocol_specs.node.client.http1 import Exchange, Fault
from protocol_specs.node.client.pool import Pool, Target
from protocol_specs.node.client.urls import UrlRefused
from protocol_specs.wire.envelope import Envelope
from protocol_specs.wire.errors import ack, read_ack
from protocol_specs.wire.parties import Subscriber

PARTICIPANTS_MAX = 20_000
RELAY_BYTES_MAX = 32 * 1_048_576
RELAY_BYTES_OF_ONE = RELAY_BYTES_MAX // 4  # who is slow leaves room for the others
FATES_MAX = 100  # remembered of one message, for those who trace it
_ACK = ack()


class Outcome(StrEnum):
    """How a message to one receiver ended."""

    ACKED = "acked"
    REFUSED = "refused"  # a NACK
    TIMED_OUT = "timed_out"
    UNDELIVERED = "undelivered"  # no connection, no HTTP, or a server in trouble
    SKIPPED = (
        "skipped"  # not tried: it does not answer lately, has enough to do, or the ttl is over
    )


class Parcel:
    """One message for its receivers, the same bytes for all; `until` in seconds UTC.

    `may_wait`: if the receiver has enough to do, the message waits for it and is not skipped.
    """

    def __init__(
        self,
        envelope: Envelope,
        receivers: Iterable[Subscriber],
        *,
        tail: bytes,
        until: float,
        may_wait: bool = False,
    ) -> None:
        self.envelope, self.tail, self.until, self.may_wait = envelope, tail, until, may_wait
        self.receivers = deque(receivers)
        self.size = self.left = len(self.receivers)
        self.in_flight = 0
        self.outcomes: Counter[Outcome] = Counter()
        self.without: list[str] = []  # who was not ACKed by, the first of them
        self.fates: dict[str, str] = {}  # how it ended with each receiver, the first of them
        self.begun = asyncio.Event()


class Sent(Exchange):
    """A parcel on its way to one receiver. `place`: how many were asked before it."""

    __slots__ = ("parcel", "place", "reach", "sending", "to")

    sending: "Sending"
    parcel: Parcel
    reach: Reach
    to: str
    place: int

    def late(self) -> None:
        self.sending.late(self)

    def ended(self) -> None:
        self.sending.ended(self)


class Sending:
    """All parcels on their way. `heard` is told of each receiver's outcome, `done` of each
    parcel's end."""

    def __init__(
        self,
        pool: Pool,
        bounds: Fanout,
        *,
        clock: Callable[[], float],
        heard: Callable[[Sent, Outcome], None],
        skipped: Callable[[Parcel, str], None],
        done: Callable[[Parcel], None],
    ) -> None:
        self._pool, self._bounds, self._clock = pool, bounds, clock
        self._heard, self._skipped, self._done = heard, skipped, done
        self._reach: OrderedDict[str, Reach] = OrderedDict()
        self._in_flight = 0
        self._late: dict[Sent, None] = {}
        self._stalled: deque[Parcel] = deque()
        self._waiting: dict[str, deque[tuple[Parcel, Subscriber]]] = {}
        self._waiting_bytes = 0
        self._unfinished = 0
        self._idle = asyncio.Event()
        self._idle.set()

    def reach(self, subscriber_id: str) -> Reach:
        """How this participant can be reached; it is remembered from now on."""
        known = self._reach.get(subscriber_id)
        if known is None:
            known = self._reach[subscriber_id] = Reach()
            while len(self._reach) > PARTICIPANTS_MAX:
                self._reach.popitem(last=False)
        return known

    def unreached(self) -> list[tuple[str, Reach]]:
        """Those whose last call failed, by id."""
        failed = [(who, reach) for who, reach in self._reach.items() if reach.failures]
        return sorted(failed, key=lambda each: each[0])

    def has_room_for(self, subscriber_id: str, size: int) -> bool:
        """Whether one more message of `size` bytes may wait for this receiver."""
        waiting = self._waiting.get(subscriber_id, ())
        held = sum(len(parcel.tail) for parcel, _ in waiting)
        return (
            len(waiting) < self._bounds.relays_waiting_max
            and held + size <= RELAY_BYTES_OF_ONE
            and self._waiting_bytes + size <= RELAY_BYTES_MAX
        )

    async def send(self, parcel: Parcel) -> None:
        """Returns once it is on its way to all; their answers come later."""
        self._unfinished += 1
        self._idle.clear()
        if parcel.left:
            self._pump(parcel)
        else:
            self._finish(parcel)
        await parcel.begun.wait()

    async def settled(self) -> None:
        """Returns when no message is on its way."""
        await self._idle.wait()

    def _pump(self, parcel: Parcel) -> None:
        bounds = self._bounds
        while parcel.receivers and parcel.in_flight < bounds.in_parallel:
            if self._in_flight >= bounds.in_flight_max:
                self._stalled.append(parcel)
                return
            self._begin(parcel, parcel.receivers.popleft())
        if not parcel.receivers:
            parcel.begun.set()

    def _begin(self, parcel: Parcel, to: Subscriber) -> None:
        now = self._clock()
        reach = self.reach(to.subscriber_id)
        lasts_s = min(self._bounds.each_s, parcel.until - now)
        if lasts_s <= 0:
            self._skip(parcel, to)
        elif reach.may_try(int(now)):
            self._try(parcel, to, reach, lasts_s)
        elif parcel.may_wait and reach.in_flight and not reach.is_down:
            self._waiting.setdefault(to.subscriber_id, deque()).append((parcel, to))
            self._waiting_bytes += len(parcel.tail)
        else:
            self._skip(parcel, to)

    def _try(self, parcel: Parcel, to: Subscriber, reach: Reach, lasts_s: float) -> None:
        try:
            target = self._pool.target(to.url, parcel.envelope.action)
        except UrlRefused:
            self._skip(parcel, to)
            return
        sent = self._sent(parcel, target, reach, lasts_s)
        sent.to = to.subscriber_id
        parcel.in_flight += 1
        reach.in_flight += 1
        self._in_flight += 1
        self._pool.post(sent)

    def _sent(self, parcel: Parcel, target: Target, reach: Reach, lasts_s: float) -> Sent:
        sent = Sent(target, parcel.tail, lasts_s=lasts_s, late_s=self._bounds.late_s)
        sent.sending, sent.parcel, sent.reach = self, parcel, reach
        sent.place = parcel.size - len(parcel.receivers) - 1
        return sent

    def late(self, sent: Sent) -> None:
        """Its slot is given to others. Of too many that are late the oldest is given up."""
        sent.reach.late()
        self._give_back(sent)
        self._late[sent] = None
        if len(self._late) > self._bounds.late_max:
            self._pool.give_up(next(iter(self._late)))
        self._go_on(sent.parcel)

    def ended(self, sent: Sent) -> None:
        """Judge the answer, or what stands for it, and let the next ones go."""
        if sent.is_late:
            self._late.pop(sent, None)
        else:
            self._give_back(sent)
        sent.reach.in_flight -= 1
        outcome = self._judged(sent)
        self._heard(sent, outcome)
        self._count(sent.parcel, sent.to, outcome)
        if sent.to in self._waiting:
            self._next_for(sent.to, sent.reach)
        self._go_on(sent.parcel)

    def _give_back(self, sent: Sent) -> None:
        sent.parcel.in_flight -= 1
        self._in_flight -= 1

    def _go_on(self, parcel: Parcel) -> None:
        if parcel.receivers and parcel not in self._stalled:
            self._pump(parcel)
        while self._stalled and self._in_flight < self._bounds.in_flight_max:
            self._pump(self._stalled.popleft())

    def _judged(self, sent: Sent) -> Outcome:
        fault, reach = sent.fault, sent.reach
        if fault is None:
            reach.answered()
            if sent.body == _ACK and sent.status == 200:
                return Outcome.ACKED
            return _said(sent.status, sent.body)
        if fault is not Fault.OURS:
            reach.failed(int(self._clock()))
        return Outcome.TIMED_OUT if fault is Fault.TIMED_OUT else Outcome.UNDELIVERED

    def _next_for(self, subscriber_id: str, reach: Reach) -> None:
        """Send what waits for this receiver; drop it once it is down."""
        waiting = self._waiting[subscriber_id]
        while waiting and (reach.is_down or reach.may_try(int(self._clock()))):
            parcel, to = waiting.popleft()
            self._waiting_bytes -= len(parcel.tail)
            if reach.is_down:
                self._skip(parcel, to)
            else:
                self._begin(parcel, to)
        if not waiting:
            del self._waiting[subscriber_id]

    def _skip(self, parcel: Parcel, to: Subscriber) -> None:
        self._skipped(parcel, to.subscriber_id)
        self._count(parcel, to.subscriber_id, Outcome.SKIPPED)

    def _count(self, parcel: Parcel, subscriber_id: str, outcome: Outcome) -> None:
        parcel.outcomes[outcome] += 1
        if outcome is not Outcome.ACKED and len(parcel.without) < 20:
            parcel.without.append(subscriber_id)
        if len(parcel.fates) < FATES_MAX:
            parcel.fates[subscriber_id] = outcome.value
        parcel.left -= 1
        if not parcel.left:
            self._finish(parcel)

    def _finish(self, parcel: Parcel) -> None:
        parcel.begun.set()
        self._unfinished -= 1
        if not self._unfinished:
            self._idle.set()
        self._done(parcel)


def _said(status: int, body: bytes) -> Outcome:
    """The outcome of an answer that is no plain ACK. A redirect is not followed."""
    if status in TRANSIENT or status >= 500 or 300 <= status < 400:
        return Outcome.UNDELIVERED
    return Outcome.ACKED if read_ack(status, body).acked else Outcome.REFUSED
