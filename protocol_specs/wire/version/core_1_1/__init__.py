"""Beckn core 1.1.x: how this dialect writes and reads every action that we speak."""

from protocol_specs.wire.schema import Schemas
from protocol_specs.wire.schema_documents import Profile
from protocol_specs.wire.version.core_1_1.read_after import (
    read_on_rating,
    read_rating,
    read_reasons,
    read_support,
    read_update,
)
from protocol_specs.wire.version.core_1_1.read_catalog import read_on_search, read_search
from protocol_specs.wire.version.core_1_1.read_orders import (
    read_cancel,
    read_confirm,
    read_init,
    read_on_order,
    read_on_track,
    read_select,
    read_status,
    read_track,
)
from protocol_specs.wire.version.core_1_1.vocabulary import ACTIONS
from protocol_specs.wire.version.core_1_1.write import (
    write_cancel,
    write_confirm,
    write_init,
    write_on_order,
    write_on_search,
    write_on_track,
    write_search,
    write_select,
    write_status,
    write_track,
)
from protocol_specs.wire.version.core_1_1.write_after import (
    write_on_rating,
    write_rating,
    write_reasons,
    write_support,
    write_update,
)
from protocol_specs.wire.version.dialect import Traits

traits = Traits(name="core-1.1", versions=("1.1.1", "1.1.0", "1.0.0"), actions=ACTIONS)


def schemas(profile: Profile) -> Schemas:
    """The schemas of core 1.1: strict for what we send, receive for what peers send us."""
    return Schemas.load(profile)


__all__ = [
    "read_cancel",
    "read_confirm",
    "read_init",
    "read_on_order",
    "read_on_rating",
    "read_on_search",
    "read_on_track",
    "read_rating",
    "read_reasons",
    "read_search",
    "read_select",
    "read_status",
    "read_support",
    "read_track",
    "read_update",
    "schemas",
    "traits",
    "write_cancel",
    "write_confirm",
    "write_init",
    "write_on_order",
    "write_on_rating",
    "write_on_search",
    "write_on_track",
    "write_rating",
    "write_reasons",
    "write_search",
    "write_select",
    "write_status",
    "write_support",
    "write_track",
    "write_update",
]
