"""The registry node put together: who applies, who looks up, who operates."""

import time
from collections.abc import Callable
from pathlib import Path

from protocol_specs.node.operators import Operators
from protocol_specs.node.server import Node
from protocol_specs.node.settings import load, read_secret
from protocol_specs.wire import keys
from protocol_specs.wire.parties import SubscriberType
from registry import feed
from registry.challenges import Challenges
from registry.lookups import Lookups
from registry.operator_api import OperatorApi
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
    encryption = keys.encryption_key(read_secret(settings.encryption_key, key="encryption_key"))
    operators, challenges = Operators(settings.data_dir), Challenges(node.client, encryption)
    Subscriptions(node, settings, challenges).add_routes()
    Lookups(node, settings, key).add_routes()
    OperatorApi(node, operators).add_routes()
    feed.add(node)
    if settings.web is not None:
        from registry.operating import face  # templates and languages, only where there are pages

        face.add(node, settings, settings.web, operators, challenges)
    return node


def build(config: Path) -> Node:
    """The registry of a settings file, ready to run."""
    return assemble(load(config, RegistryNodeSettings))
