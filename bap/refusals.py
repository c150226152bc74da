"""Callbacks turned away at the door of a consumer node."""

from __future__ import annotations

from protocol_specs.wire.errors import Refused


class Unasked(Refused):
    """An answer that nobody asked this provider for (20006: invalid response)."""

    code = "20006"


class OutOfSequence(Refused):
    """An answer to a request that a later one replaced (20008: out of sequence)."""

    code = "20008"
