"""The two classes of messages that a node serves: durable ones, and passing ones."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from protocol_specs.node.store import Session
from protocol_specs.wire.envelope import Envelope

Judge = Callable[[Envelope, int], None]
"""Looks at a verified message that is not a repeat, before the ACK; raises Refused to NACK it."""


Consult = Callable[[Envelope, int], Awaitable[None]]
"""The same, for what has to be asked of others (the registry) before the ACK."""


@dataclass(frozen=True)
class Durable:
    """An action that is written before it is ACKed, and handled afterwards in one commit.

    `handle(session, envelope, now)` is a plain function: it changes state, records events and owes
    the answers. What it refuses by decision it answers by owing the callback with `error`; it
    raises Refused only where no answer can be owed. Any other exception is our fault: what it
    wrote is undone, it is tried again, and parked after some tries. It may run more than once.
    """

    action: str
    handle: Callable[[Session, Envelope, int], None]
    judge: Judge | None = None


@dataclass(frozen=True)
class Passing:
    """An action that is kept in memory only and is worth nothing after its ttl.

    `handle(envelope, now)` may read the store and send; what it raises is logged, and lost. Of
    several workers the one that `key(envelope)` names takes the message: all of one key are taken
    by one. Without a `key` it is the one that received it.
    """

    action: str
    handle: Callable[[Envelope, int], Awaitable[None]]
    judge: Judge | None = None
    consult: Consult | None = None
    key: Callable[[Envelope], str] | None = None
