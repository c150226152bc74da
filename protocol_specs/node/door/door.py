"""The one signed door: headers and bytes in, an answer out; no HTTP framework in here.

Cheap checks first, then the registry, then everything `admit` asks, then the write, then the ACK
(docs/architecture.md). What is refused leaves nothing behind.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

from protocol_specs.node.buckets import Buckets
from protocol_specs.node.door.addresses import address_of
from protocol_specs.node.messages.actions import Durable, Passing
from protocol_specs.node.messages.inbox import BrokenOff
from protocol_specs.node.store import Conflict, Store, StoreUnavailable
from protocol_specs.node.telemetry.hops import Hop
from protocol_specs.wire import claims, traceparent
from protocol_specs.wire.claims import Claim, Headers
from protocol_specs.wire.envelope import Envelope, admit
from protocol_specs.wire.errors import (
    REQUEST_CODES,
    NotServed,
    Overloaded,
    RateLimited,
    Refused,
    TooLarge,
    Unauthenticated,
    ack,
    nack,
)
from protocol_specs.wire.parties import Keys, Receiver
from protocol_specs.wire.signing import KeyId, authenticate_value, parse_header

if TYPE_CHECKING:
    from protocol_specs.node.door.room import Room
    from protocol_specs.node.messages.arrivals import Arrivals
    from protocol_specs.node.messages.inbox import Inbox
    from protocol_specs.node.settings import Limits
    from protocol_specs.node.telemetry.telemetry import Telemetry
    from protocol_specs.node.trust.keyring import Keyring
    from protocol_specs.wire.version import Dialects

Action = Durable | Passing
FULL = "too many messages wait here; try again later"
UNSENT = "many answers to you wait to be sent; take those first"
TOO_OFTEN = "you send too much in a second; slow down"
JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What goes back to the peer at once. `is_common`: this very object is given to many."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    is_common: bool = False


ACKNOWLEDGED = Answer(200, JSON, ack(), is_common=True)


class Door:
    """Receives the actions of one node. `actions` is filled before the node starts."""

    def __init__(
        self,
        *,
        receiver: Receiver,
        dialects: Dialects,
        keyring: Keyring,
        store: Store,
        inbox: Inbox,
        arrivals: Arrivals,
        room: Room,
        telemetry: Telemetry,
        limits: Limits,
        clock: Callable[[], float],
    ) -> None:
        self.actions: dict[str, Action] = {}
        self.store_fault: str | None = None
        self.watch: Callable[[str, bytes], None] | None = None  # told of each verified message
        self.receive_passing = arrivals.receive  # of several workers, the holder's
        self._shed: Counter[tuple[str, str, int]] = Counter()
        self._full, self._unsent = self._common(Overloaded(FULL)), self._common(Overloaded(UNSENT))
        self._slower = lru_cache(maxsize=8)(self._slow_down)  # mostly: in a second
        self.room = room  # counted by Health, once a second
        self._receiver, self._dialects, self._keyring = receiver, dialects, keyring
        self._store, self._inbox, self._arrivals = store, inbox, arrivals
        self._telemetry = telemetry
        self._limits, self._clock = limits, clock
        self._lookups = Buckets(limits.key_lookups_per_s, burst=2 * limits.key_lookups_per_s)
        per_s = limits.messages_per_peer_per_s
        self._messages = Buckets(per_s, burst=2 * per_s, keys_max=limits.keys_max)

    async def receive(self, action: str, headers: Headers, body: bytes, address: str) -> Answer:
        """The answer to `body` posted to the path of `action`; `address` is the socket's.

        200 ACK: it is written (or queued, if it is a passing one), or it was before. Anything
        else: nothing is kept, and the body is a NACK. Exceptions are faults of ours.
        """
        trace = traceparent.read(headers.getall(traceparent.HEADER, ()))
        now = int(self._clock())
        claim: Claim | None = None
        with self._telemetry.traces.span(f"receive {action}", trace, action=action):
            try:
                served = self._served(action, body)
                claim = claims.claim(headers, body, now, receiver=self._receiver)
                may_ask = partial(self._may_ask, address, headers)
                envelope = await self._admit(claim, action, now, may_ask)
                self._pace(envelope.peer_id, now)
                if self.watch is not None:
                    self.watch(action, body)
                await self._take(served, envelope, now)
            except Refused as refused:
                return self.refuse(refused, action, claim)
            except StoreUnavailable as fault:
                return self.unavailable(fault, action, claim)
        return ACKNOWLEDGED

    def shed(self, action: str, headers: Headers) -> Answer | None:
        """The answer to what could not be taken anyhow, or not from this peer now; None for what
        is to be received. Asked first, before any work is done for a message: nothing of it is
        read but the name in its signature, which is only claimed here. So nothing is counted for
        that peer, and such answers are told of once a second (`tell_shed`), not each.
        """
        served = self.actions.get(action)
        if served is None:
            return None
        is_durable = isinstance(served, Durable)
        if self.room.is_full if is_durable else self._arrivals.is_full:
            return self._turned_away(action, Overloaded, self._full)
        peer_id = _claimed(headers)
        if peer_id is None:
            return None
        wait_s = self._messages.wait_s(peer_id, int(self._clock()))
        if wait_s:
            return self._turned_away(action, RateLimited, self._slower(wait_s))
        if is_durable and self.room.is_full_for(peer_id):
            return self._turned_away(action, Overloaded, self._full)
        asks = not action.startswith("on_")  # two that answer each other must not both wait
        if asks and is_durable and self.room.owes_much_to(peer_id):
            return self._turned_away(action, Overloaded, self._unsent)
        return None

    def _turned_away(self, action: str, kind: type[Refused], answer: Answer) -> Answer:
        self._shed[action, kind.__name__, answer.status] += 1
        return answer

    def _slow_down(self, wait_s: int) -> Answer:
        return self._common(RateLimited(TOO_OFTEN, retry_after_s=wait_s))

    def _common(self, refused: Refused) -> Answer:
        return replace(self._answer(refused), is_common=True)

    def serve(self, action: Action) -> None:
        """Take messages of `action` from now on. Once each."""
        if action.action in self.actions:
            raise ValueError(f"{action.action} is served already")
        self.actions[action.action] = action
        if isinstance(action, Durable):
            self._inbox.serve(action)

    def _served(self, action: str, body: bytes) -> Action:
        served = self.actions.get(action)
        if served is None:
            raise NotServed("this action is not served here")
        bytes_max = self._limits.body_bytes_max_of(action)
        if len(body) > bytes_max:
            raise TooLarge(f"the body is larger than {bytes_max} bytes")
        return served

    async def _admit(
        self, claim: Claim, action: str, now: int, may_ask: Callable[[], bool]
    ) -> Envelope:
        """The verified message. A remembered key that fails is asked for once more: there may be
        a new one. Either question is at the cost of the address that brings it about."""
        asked: list[KeyId] = []
        keys = self._keyring.fresh(claim.key_ids)
        if keys is None:
            asked = [key_id for key_id in claim.key_ids if not self._keyring.knows(key_id)]
            if asked and not may_ask():
                raise RateLimited("too many unknown keys from this address; try again later")
            keys = await self._keyring.keys(claim.key_ids)
        try:
            return self._admitted(claim, keys, action, now)
        except Unauthenticated as refused:
            doubted = refused.doubted_key
            if doubted is None or doubted in asked or not may_ask():
                raise
            if not await self._keyring.refetch(KeyId(*doubted)):
                raise
        return self._admitted(claim, await self._keyring.keys(claim.key_ids), action, now)

    def _may_ask(self, address: str, headers: Headers) -> bool:
        """Takes one of the questions to the registry that this address may bring about."""
        counted = address_of(address, headers, self._limits.proxies)
        return not self._lookups.take(counted, self._clock())

    def _pace(self, peer_id: str, now: int) -> None:
        """Only what is proven to be a peer's own counts for it, else others could use it up."""
        wait_s = self._messages.take(peer_id, now)
        if wait_s:
            raise RateLimited(TOO_OFTEN, retry_after_s=wait_s)

    def _admitted(self, claim: Claim, keys: Keys, action: str, now: int) -> Envelope:
        return admit(
            claim, keys, now, receiver=self._receiver, action=action, dialects=self._dialects
        )

    async def _take(self, served: Action, envelope: Envelope, now: int) -> None:
        """Write or queue the message, unless it was taken before."""
        if isinstance(served, Passing):
            is_new = await self.receive_passing(served, envelope, now)
            self._tell_taken(is_new, envelope)
            return
        if self.room.is_full_for(envelope.peer_id):  # it may have become so while keys were asked
            raise Overloaded(FULL)
        take = partial(self._inbox.take, envelope=envelope, now=now)
        try:
            outcome = await self._store.transact(take, shares=True)
        except Conflict:  # another process of ours took the same message at the same moment
            outcome = await self._store.transact(take, shares=True)
        except BrokenOff:  # by what it asks for, perhaps: who finds out is the inbox's loop
            outcome = await self._store.transact(partial(take, at_once=False), shares=True)
        self.store_fault = None
        self._tell_taken(outcome is not None, envelope)
        if outcome is not None:
            self.room.take(envelope.peer_id)
            self._inbox.tell((outcome,))

    def _tell_taken(self, is_new: bool, envelope: Envelope) -> None:
        self._telemetry.log("accepted" if is_new else "repeated", envelope=envelope)

    def refuse(self, refused: Refused, action: str, claim: Claim | None = None) -> Answer:
        """The answer that says no, logged and counted; a fault without a code of its own has that
        of the receiver's range."""
        if refused.code == Refused.code:
            refused.code = REQUEST_CODES[self._receiver.type]
        self._log_refusal(refused, action, claim)
        return self._answer(refused)

    def tell_shed(self) -> None:
        """One line for all that was shed of an action, for one reason, since the last time."""
        for (action, kind, status), times in self._shed.items():
            fields: dict[str, Any] = {"kind": kind, "status": status, "count": times}
            self._telemetry.log("refused", action=action, times=times, **fields)
        self._shed.clear()

    def _answer(self, refused: Refused) -> Answer:
        headers = dict(JSON)
        if isinstance(refused, Unauthenticated):
            headers[refused.challenge] = authenticate_value(self._receiver.subscriber_id)
        if refused.retry_after_s is not None:
            headers["Retry-After"] = str(refused.retry_after_s)
        return Answer(refused.status, headers, nack(refused))

    def unavailable(
        self, fault: StoreUnavailable, action: str, claim: Claim | None = None
    ) -> Answer:
        """Not ACKed when it cannot be kept."""
        self.store_fault = str(fault)
        self._telemetry.fault("store", fault)
        return self.refuse(Overloaded("this message cannot be stored now"), action, claim)

    def _log_refusal(self, refused: Refused, action: str, claim: Claim | None) -> None:
        """The kind and place of the fault and who claims to have sent it; no text of the peer."""
        header = claim.sender if claim is not None else None
        peer = header.key_id.subscriber_id if header else None
        told: dict[str, Any] = {
            "kind": type(refused).__name__,
            "code": refused.code,
            "status": refused.status,
            "created": header.created if header else None,
            "expires": header.expires if header else None,
        }
        self._telemetry.hops.note_refusal(Hop(self._clock(), "refused", action, None, peer, told))
        known = action if action in self.actions else None
        self._telemetry.log("refused", action=known, peer=peer, **told)


def _claimed(headers: Headers) -> str | None:
    """Who says to have signed; None where that cannot be read, which `claim` will refuse."""
    lines = headers.getall("Authorization", ())
    if len(lines) != 1:
        return None
    try:
        return parse_header(lines[0]).key_id.subscriber_id
    except Unauthenticated:
        return None
