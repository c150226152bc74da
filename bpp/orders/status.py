"""status: the order as it stands, to the BAP it belongs to."""

from bpp.orders.order import Order
from protocol_specs.wire.errors import OrderNotFound
from protocol_specs.wire.order import OrderView


def status(order: Order | None) -> OrderView:
    """What on_status shows. Raises OrderNotFound."""
    return require_found(order).shown()


def require_found(order: Order | None) -> Order:
    """The order. Another BAP's order and no order at all look alike (threats 1.4)."""
    if order is None:
        reason = "no order of this id for you; send the id of on_confirm"
        raise OrderNotFound(reason, path="/message/order_id")
    return order
