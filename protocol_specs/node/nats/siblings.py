"""Questions between workers on several machines: NATS request and reply, sealed (`siblings`).

The same promises as over a unix socket: bounded, within the deadline, and asked again only where
it is certain that nobody heard. A question is good for a few seconds and answered once, so that
whoever records the bus cannot have it done again.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from struct import Struct

from nacl.utils import random

from protocol_specs.node.nats import subjects
from protocol_specs.node.nats.bus import Bus, BusUnavailable, Unheard
from protocol_specs.node.nats.sealing import Sealing
from protocol_specs.node.workers.siblings import (
    AGAIN_S,
    ASKED_BYTES_MAX,
    ASKED_MAX,
    DEADLINE_S,
    SiblingUnavailable,
)

GOOD_S = 5.0  # a question's life, and how far the clocks of two machines may differ
ASKED_KEPT_MAX = 50_000  # numbers of questions, so that none is answered twice
_HEAD = Struct("!d16sB")  # when it was asked, its number, the length of the subject
_ANSWER, _FAILED, _LEAVING = b"A", b"F", b"L"

Answer = Callable[[str, bytes], Awaitable[bytes | Exception]]


class NatsSiblings:
    """The way to the workers of one node on other machines, and theirs to this one."""

    def __init__(
        self,
        bus: Bus,
        sealing: Sealing,
        subscriber_id: str,
        slot: int,
        *,
        answer: Answer,
        clock: Callable[[], float],
    ) -> None:
        """`answer(subject, payload)` is asked for what others ask here."""
        self._bus, self._sealing, self._clock, self._answer = bus, sealing, clock, answer
        self._subjects = subjects.siblings(subscriber_id)
        self._asked_here: OrderedDict[bytes, float] = OrderedDict()
        self._answering: set[asyncio.Task[None]] = set()
        self._is_leaving = False
        self._asked = self._bytes = 0
        self._own = f"{self._subjects}.{slot}"
        bus.serve(self._own, self._heard)

    async def ask(self, slot: int, subject: bytes, payload: bytes) -> bytes:
        """What that worker answers; who calls holds the deadline. Raises SiblingUnavailable."""
        size = len(subject) + len(payload)
        if self._asked >= ASKED_MAX or self._bytes + size > ASKED_BYTES_MAX:
            raise SiblingUnavailable("too much is asked of other machines at once")
        self._asked += 1
        self._bytes += size
        try:
            return await self._ask(f"{self._subjects}.{slot}", subject, payload)
        except BusUnavailable as error:
            raise SiblingUnavailable(str(error)) from None
        finally:
            self._asked -= 1
            self._bytes -= size

    async def leave(self) -> None:
        """Do no more of what is asked, and say so; what was asked is answered."""
        self._is_leaving = True
        if self._answering:
            await asyncio.wait(self._answering, timeout=DEADLINE_S)

    async def _ask(self, to: str, subject: bytes, payload: bytes) -> bytes:
        number = random(16)
        while True:
            asked = _HEAD.pack(self._clock(), number, len(subject)) + subject + payload
            try:
                said = await self._bus.request(to, self._sealing.seal(to, asked), DEADLINE_S)
            except Unheard:  # nobody was there: the successor, or the server, is on its way
                await asyncio.sleep(AGAIN_S)
                continue
            answer = self._sealing.open(_back(to, number), said.data)
            if answer is not None and answer[:1] == _ANSWER:
                return answer[1:]
            if answer != _LEAVING:
                raise SiblingUnavailable("the worker failed")
            await asyncio.sleep(AGAIN_S)  # until its successor is there

    def _heard(self, subject: str, sealed: bytes, reply: str) -> None:
        asked = self._sealing.open(subject, sealed)
        if asked is None or len(asked) < _HEAD.size:
            return
        at, number, letters = _HEAD.unpack_from(asked)
        if self._is_leaving or len(self._answering) >= ASKED_MAX:
            self._say(reply, number, _LEAVING if self._is_leaving else _FAILED)
            return
        if not self._is_new(at, number):
            return
        name, payload = asked[_HEAD.size :][:letters], asked[_HEAD.size + letters :]
        one = asyncio.create_task(
            self._reply(reply, number, name.decode("ascii", "replace"), payload)
        )
        self._answering.add(one)
        one.add_done_callback(self._answering.discard)

    def _is_new(self, at: float, number: bytes) -> bool:
        """Whether it was asked just now, and was not heard before."""
        now, heard = self._clock(), self._asked_here
        while heard and (
            len(heard) >= ASKED_KEPT_MAX or now - next(iter(heard.values())) > 2 * GOOD_S
        ):
            heard.popitem(last=False)
        if not abs(now - at) <= GOOD_S or number in heard:
            return False
        heard[number] = now
        return True

    async def _reply(self, reply: str, number: bytes, subject: str, payload: bytes) -> None:
        try:
            async with asyncio.timeout(DEADLINE_S):
                answer = await self._answer(subject, payload)
        except TimeoutError:
            return  # nobody waits for it any more
        said = _FAILED if isinstance(answer, Exception) else _ANSWER + answer
        self._say(reply, number, _FAILED if len(said) > self._bus.payload_max else said)

    def _say(self, reply: str, number: bytes, said: bytes) -> None:
        self._bus.say(reply, self._sealing.seal(_back(self._own, number), said))


def _back(subject: str, number: bytes) -> str:
    """What seals the answer to one question, and to no other."""
    return f"{subject} {number.hex()}"
