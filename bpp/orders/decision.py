"""What deciding about an order gives: the new order, the facts, and what the peer is told."""

from typing import Literal

from msgspec import Struct

from bpp.orders.events import OrderEvent
from bpp.orders.order import Order
from protocol_specs.wire.order import OrderView

CallbackAction = Literal["on_confirm", "on_status", "on_update", "on_cancel"]


class Decision(Struct, frozen=True):
    """One decision, to be written in one commit: all of it or nothing.

    `callbacks` are told in this order. `answer_status` is the status that the answer tells where it
    is another than the order's own: UPDATED.
    """

    order: Order
    events: tuple[OrderEvent, ...] = ()
    callbacks: tuple[CallbackAction, ...] = ()
    answer_status: str | None = None


class Told(Struct, frozen=True):
    """An answer that changes nothing: what a cancellation or a change would cost."""

    view: OrderView
