"""The registry node put together: who applies, who looks up, who operates."""

import time
from collections.abc import Callable
from pathlib import Path

from protocol_specs.node.server import Node
from protocol_specs.node.settings import load, read_secret
from protocol_specs.wire import keys
from protocol_specs.wire.envelope import SubscriberType
from registry.lookups import Lookups
from registry.operator_api import OperatorApi
from registry.operator_page import OperatorPage
from registry.operators import Operators
from registry.settings import RegistryNodeSettings
from registry.subscriptions import Subscriptions
from registry.tables import METADATA, TRIGGERS


def assemble(settings: RegistryNodeSettings, *, clock: Callable[[], float] = time.time) -> Node:
    """The registry's parts put together, not yet listening."""
    node = Node(
        settings,
        type=SubscriberType.REGISTRY,
        metadata=METADATA,
        triggers=TRIGGERS,
        clock=clock,
    )
    key = keys.signing_key(read_secret(settings.signing_key, key="signing_key"))
    operators = Operators(settings.data_dir)
    Subscriptions(node, settings).add_routes()
    Lookups(node, settings, key).add_routes()
    OperatorApi(node, operators).add_routes()
    OperatorPage(node, operators).add_routes()
    return node


def build(config: Path) -> Node:
    """The registry of a settings file, ready to run."""
    return assemble(load(config, RegistryNodeSettings))
