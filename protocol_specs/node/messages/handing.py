"""A passing message is taken by the worker that holds what its key names, wherever it came in.

The worker that received it has verified it. The holder does all else, as if it had come there:
duplicates, the action's own questions, the queue, the handling. Its refusal goes back to the peer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

import orjson

from protocol_specs.node.messages import kept
from protocol_specs.node.messages.actions import Durable, Passing
from protocol_specs.node.sharing import Shared
from protocol_specs.node.telemetry.traces import CURRENT
from protocol_specs.node.workers.siblings import Siblings, SiblingUnavailable
from protocol_specs.wire.envelope import Envelope
from protocol_specs.wire.errors import Overloaded, Refused, Unauthenticated

if TYPE_CHECKING:
    from protocol_specs.node.messages.arrivals import Arrivals
    from protocol_specs.node.workers.workers import Share
    from protocol_specs.wire.version import Dialects

SUBJECT = "message"
AGAIN_S, PATIENCE_S = 0.05, 5.0  # with a holder that is away: its successor is coming
AWAY = "the worker that holds this conversation does not answer; send it again"
_NEW, _REPEAT = b"new", b"repeat"


class Handing:
    """Between the door and the arrivals of one of several workers."""

    def __init__(
        self,
        *,
        share: Share,
        siblings: Siblings,
        arrivals: Arrivals,
        actions: Mapping[str, Durable | Passing],
        dialects: Dialects,
        now: Callable[[], int],
    ) -> None:
        self._share, self._siblings, self._arrivals = share, siblings, arrivals
        self._actions, self._dialects, self._now = actions, dialects, now
        self._taking: Shared[tuple[str, ...], bytes] = Shared()
        siblings.serve(SUBJECT, self._handed)

    async def receive(self, action: Passing, envelope: Envelope, now: int) -> bool:
        """As Arrivals.receive, here or at the holder. Raises Refused; Overloaded also when the
        holder does not answer: then it is not known whether it took the message."""
        slot = self._share.slot
        if action.key is not None:
            slot = self._share.slot_of(action.key(envelope))
        if slot == self._share.slot:
            return await self._arrivals.receive(action, envelope, now)
        answer = await self._asked(slot, written(envelope))
        if answer not in (_NEW, _REPEAT):
            raise refused_of(answer)
        return answer == _NEW

    async def _asked(self, slot: int, message: bytes) -> bytes:
        """Asks again while there is time: who took it before says that it is a repeat."""
        loop = asyncio.get_running_loop()
        until = loop.time() + PATIENCE_S
        while True:
            try:
                return await self._siblings.ask(slot, SUBJECT, message)
            except SiblingUnavailable:
                if loop.time() > until:
                    raise Overloaded(AWAY) from None
                await asyncio.sleep(AGAIN_S)

    async def _handed(self, payload: bytes) -> bytes:
        """What a sibling received, taken here. One that is asked again while its action still asks
        others waits for the same answer: it counts once for its peer."""
        envelope, trace = read(payload, self._dialects)
        CURRENT.set(trace)  # of this question's own task
        action = self._actions[envelope.action]
        if not isinstance(action, Passing):
            raise TypeError(f"{envelope.action} is not handed over: it has a row")
        key = envelope.peer_id, envelope.action, envelope.message_id, envelope.digest
        return await self._taking.run(key, partial(self._taken, action, envelope))

    async def _taken(self, action: Passing, envelope: Envelope) -> bytes:
        try:
            is_new = await self._arrivals.receive(action, envelope, self._now())
        except Refused as refused:
            return refusal(refused)
        return _NEW if is_new else _REPEAT


def written(envelope: Envelope) -> bytes:
    """A verified message for a sibling: a line of what was verified, and the body's own bytes."""
    gateway = envelope.gateway
    head = {
        "sender": kept.party_text(envelope.sender),
        "gateway": None if gateway is None else kept.party_text(gateway),
        "authorization": envelope.authorization,
        "received_at": envelope.received_at,
        "digest": envelope.digest,
        "trace": CURRENT.get(),
    }
    return orjson.dumps(head) + b"\n" + envelope.body


def read(payload: bytes, dialects: Dialects) -> tuple[Envelope, str | None]:
    """The message as it was verified, and the trace it belongs to."""
    line, _, body = payload.partition(b"\n")
    head = orjson.loads(line)
    return kept.envelope(head | {"bytes": body}, dialects), head["trace"]


def refusal(refused: Refused) -> bytes:
    """A refusal for the sibling that asked."""
    told = {name: getattr(refused, name) for name in ("reason", "path", "code", "retry_after_s")}
    told["kind"] = type(refused).__name__
    if isinstance(refused, Unauthenticated):
        told["challenge"] = refused.challenge
    return orjson.dumps(told)


def refused_of(payload: bytes) -> Refused:
    """The refusal that a sibling told, of the same class."""
    told = orjson.loads(payload)
    kind = _kinds()[told.pop("kind")]
    challenge = told.pop("challenge", None)
    refused = kind(told.pop("reason"), **told)
    if isinstance(refused, Unauthenticated):
        refused.challenge = challenge
    return refused


def _kinds(of: type[Refused] = Refused) -> dict[str, type[Refused]]:
    """Every class of refusal that this program has, by name."""
    found = {of.__name__: of}
    for each in of.__subclasses__():
        found.update(_kinds(each))
    return found
