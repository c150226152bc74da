"""What is wrong with what a participant sent: every fault at once, each with its path."""

from typing import NamedTuple

from protocol_specs.wire.errors import Refused


class Fault(NamedTuple):
    """A JSON pointer into the body, and a sentence that says what to write there instead."""

    path: str
    reason: str


class Told(Refused):
    """A refusal that names every field at fault; `path` is the first of them."""

    def __init__(self, *faults: Fault) -> None:
        text = "; ".join(f"{fault.path}: {fault.reason}" for fault in faults)
        super().__init__(text, path=faults[0].path)
        self.faults = faults


class Unreadable(Told):
    """Fields that are missing, or not what they should be."""


class NotAllowed(Told):
    """Well formed, and this network does not admit it."""

    code = "50000"
    status = 403


def not_allowed(reason: str, path: str) -> NotAllowed:
    """The same for one field."""
    return NotAllowed(Fault(path, reason))
