"""status: the order as it stands, to the BAP it belongs to."""

from bpp.orders.order import Order
from protocol_specs.wire.errors import OrderNotFound
from protocol_specs.wire.order import OrderView


def status(order: Order) -> OrderView:
    """What on_status shows."""
    return order.shown()


def unknown_order() -> OrderNotFound:
    """The refusal for another BAP's order and for no order at all: alike."""
    reason = "no order of this id for you; send the id of on_confirm"
    return OrderNotFound(reason, path="/message/order_id")
