"""The consumer node, put together."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from bap import callbacks, rows
from bap.asking import Asking
from bap.citizen import app as citizen
from bap.client_api import ClientApi
from bap.complaints_api import ComplaintsApi
from bap.form_api import FormApi
from bap.order_api import OrderApi
from bap.settings import BapSettings
from bap.stream import Stream
from bap.tables import METADATA
from bap.upkeep import Upkeep
from protocol_specs.node.server import Node
from protocol_specs.node.settings import load
from protocol_specs.node.trust.keyring import Directory
from protocol_specs.node.workers.hints import AGAIN
from protocol_specs.web.senders import Sender
from protocol_specs.web.waiting import Watch
from protocol_specs.wire.parties import SubscriberType


def build(config: Path) -> Node:
    """The node that a settings file describes; not yet started. Raises SettingsError."""
    return assemble(load(config, BapSettings))


def assemble(
    settings: BapSettings,
    *,
    clock: Callable[[], float] = time.time,
    directory: Directory | None = None,
    sender: Sender | None = None,
) -> Node:
    """The node of these settings: its door for callbacks, the client API, the loops, the pages.

    `sender` stands in for how the settings say that sign-in codes are sent.
    """
    node = Node(
        settings,
        type=SubscriberType.BAP,
        metadata=METADATA,
        clock=clock,
        directory=directory,
    )
    limits = settings.journeys
    watch = Watch(waiting_max=limits.waiting_max, each_max=limits.waiting_per_journey_max)
    node.store.listen(rows.CHANNEL, watch.ring)
    node.store.listen(AGAIN, lambda _: watch.ring_all())  # what another worker told may be lost
    asking = Asking(node, settings)
    api = ClientApi(node, settings, asking, watch)
    callbacks.serve(node, settings)
    api.serve()
    orders, forms = OrderApi(api), FormApi(node, settings, asking, api)
    orders.serve()
    ComplaintsApi(node, api).serve()
    forms.serve()
    Stream(node, api, watch, settings.heartbeat_s).serve()
    upkeep = Upkeep(node, settings, asking)
    node.outbox.on_given_up(upkeep.given_up)
    node.add_loop("release", _releasing(node, watch), wake=asyncio.Event(), everywhere=True)
    node.add_loop("chase", upkeep.chase_next, wake=asyncio.Event())
    node.add_loop("forget", upkeep.forget_next, wake=asyncio.Event())
    if settings.page:
        citizen.serve(
            node,
            settings,
            api=api,
            orders=orders,
            forms=forms,
            watch=watch,
            asking=asking,
            sender=sender,
        )
    return node


def _releasing(node: Node, watch: Watch) -> Callable[[int], Awaitable[bool]]:
    """A step that lets those who wait go, once the node stops: it must not wait for their time."""

    async def release_next(now: int) -> bool:
        if node.leaving.is_set():
            watch.ring_all()
        return False

    return release_next
