"""Reading an order callback whose price may be faulty: the order is not lost for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from protocol_specs.wire.errors import Refused
from protocol_specs.wire.order import OrderView
from protocol_specs.wire.version import Dialect


@dataclass(frozen=True, slots=True)
class Told:
    """An order as told, and the message to keep. `fault`: why its price was left out, or None."""

    view: OrderView
    message: dict[str, Any]
    fault: str | None = None


def read_told(dialect: Dialect, message: dict[str, Any] | None) -> Told:
    """The order, without its quote if only that is at fault (a sum that is none, say).

    Raises Refused for any other fault.
    """
    try:
        return Told(dialect.read_on_order(message), message or {})
    except Refused as refused:
        stripped = _stripped(message)
        if stripped == message:
            raise
        return Told(dialect.read_on_order(stripped), stripped, refused.reason)


def _stripped(message: dict[str, Any] | None) -> dict[str, Any]:
    order = (message or {}).get("order")
    kept = order if isinstance(order, dict) else {}
    return {"order": {key: value for key, value in kept.items() if key != "quote"}}
