"""Beckn core 1.1.x: how this dialect writes and reads every action that we speak."""

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

__all__ = [
    "read_cancel",
    "read_confirm",
    "read_init",
    "read_on_order",
    "read_on_search",
    "read_on_track",
    "read_search",
    "read_select",
    "read_status",
    "read_track",
    "write_cancel",
    "write_confirm",
    "write_init",
    "write_on_order",
    "write_on_search",
    "write_on_track",
    "write_search",
    "write_select",
    "write_status",
    "write_track",
]
