"""What deciding about an order gives: the new order, the facts, and what the peer is told."""

from dataclasses import dataclass
from typing import Literal

from bpp.orders.events import OrderEvent
from bpp.orders.order import Order
from protocol_specs.wire.order import OrderView

CallbackAction = Literal["on_confirm", "on_status", "on_update", "on_cancel"]


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision, to be written in one commit: all of it or nothing.

    `callbacks` are told in this order. `answer_status` is the status that the answer tells where it
    is another than the order's own: UPDATED.
    """

    order: Order
    events: tuple[OrderEvent, ...] = ()
    callbacks: tuple[CallbackAction, ...] = ()
    answer_status: str | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """An answer that changes nothing: what a cancellation or a change would cost."""

    view: OrderView
