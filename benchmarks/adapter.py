"""A node that passes each on_confirm on before it is ACKed, and relays the answer: an adapter."""

import asyncio
import sys
from pathlib import Path

from sqlmodel import MetaData

from protocol_specs.node.client.http1 import Exchange
from protocol_specs.node.client.pool import Pool, tail
from protocol_specs.node.messages.actions import Passing
from protocol_specs.node.server import Node
from protocol_specs.node.settings import NodeSettings, load
from protocol_specs.wire.envelope import Envelope
from protocol_specs.wire.errors import Overloaded, WrongParty, read_ack
from protocol_specs.wire.parties import SubscriberType

LASTS_S = 8.0


class _Passed(Exchange):
    """One message on its way, and who waits for its answer."""

    __slots__ = ("answered",)

    answered: asyncio.Future[None]

    def ended(self) -> None:
        if not self.answered.done():
            self.answered.set_result(None)


def build(config: Path, application: str) -> Node:
    """A BAP whose application listens at the url `application`."""
    settings = load(config, NodeSettings)
    node = Node(settings, type=SubscriberType.BAP, metadata=MetaData())
    pool = Pool(settings.network)

    async def forward(envelope: Envelope, now: int) -> None:
        """At the door: signed by us and sent on; what is refused there is refused here."""
        signed = {"Authorization": node.client.countersignature(envelope.digest, now=now)}
        rest = tail(signed, envelope.body)
        target = pool.target(application, envelope.action)
        passed = _Passed(target, rest, lasts_s=LASTS_S, late_s=LASTS_S)
        passed.answered = asyncio.get_running_loop().create_future()
        pool.post(passed)
        await passed.answered
        if passed.fault is not None:
            raise Overloaded("the application does not answer")
        if not read_ack(passed.status, passed.body).acked:
            raise WrongParty("the application refuses this")

    async def done(envelope: Envelope, now: int) -> None:
        """It was passed on already."""

    node.serve_action(Passing("on_confirm", done, consult=forward))
    return node


if __name__ == "__main__":
    build(Path(sys.argv[1]), sys.argv[2]).run()
