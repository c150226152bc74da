"""Who handles passing messages: so many at once, the rest waits.

Whoever received a message handles it too, once it is answered: what it was read into, ten times its
size, is then still in the processor's cache, and nobody has to be woken.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from protocol_specs.node.messages.deadlines import Deadlines
from protocol_specs.wire.errors import Refused

if TYPE_CHECKING:
    from protocol_specs.node.messages.arrivals import Arrivals, Waiting
    from protocol_specs.node.telemetry.telemetry import Telemetry


class Hands:
    """Handles what `arrivals` took, `most` messages at once."""

    def __init__(
        self, arrivals: Arrivals, telemetry: Telemetry, *, most: int, clock: Callable[[], float]
    ) -> None:
        self._arrivals, self._telemetry, self._most = arrivals, telemetry, most
        self._clock, self._deadlines = clock, Deadlines()
        self._at_work: set[asyncio.Task[Any]] = set()
        self._begun: set[asyncio.Task[None]] = set()
        self._is_looking = False
        arrivals.told = self._told

    async def work(self) -> None:
        """Handle what waits until nothing does; at once over when enough are at it."""
        task = asyncio.current_task()
        if task is None or len(self._at_work) >= self._most:
            return
        self._at_work.add(task)
        try:
            while (waiting := self._arrivals.take()) is not None:
                await self._handle(waiting)
        finally:
            self._at_work.discard(task)

    async def stop(self) -> None:
        """Leave what is being handled, and begin nothing more."""
        self._most = 0
        for task in self._at_work:
            task.cancel()
        await asyncio.gather(*self._at_work, return_exceptions=True)

    def _told(self) -> None:
        if not self._is_looking:
            self._is_looking = True
            asyncio.get_running_loop().call_soon(self._look)

    def _look(self) -> None:
        """What nobody took who received it: it came by aiohttp, or from a sibling."""
        self._is_looking = False
        loop = asyncio.get_running_loop()
        for _ in range(min(self._arrivals.count, self._most - len(self._at_work))):
            task = loop.create_task(self.work())
            self._begun.add(task)
            task.add_done_callback(self._begun.discard)

    async def _handle(self, waiting: Waiting) -> None:
        envelope = waiting.envelope
        span = self._telemetry.traces.span(
            f"handle {envelope.action}",
            waiting.trace,
            action=envelope.action,
            message_id=envelope.message_id,
            peer=envelope.peer_id,
        )
        now = self._clock()
        try:
            with span, self._deadlines.within(waiting.deadline - now):
                if waiting.deadline <= now:  # nobody waits for it: others are worth the work
                    raise TimeoutError
                await waiting.action.handle(envelope, int(now))
            self._telemetry.log("handled", envelope=envelope)
        except TimeoutError:
            self._telemetry.log("given_up", envelope=envelope, reason="ttl")
        except Refused as refused:
            self._telemetry.log("given_up", envelope=envelope, code=refused.code)
        except Exception as error:  # noqa: BLE001  one message must not stop the others
            self._telemetry.fault("passing", error, envelope=envelope)
            self._telemetry.log("given_up", envelope=envelope, reason="fault")
        finally:
            self._arrivals.done()
