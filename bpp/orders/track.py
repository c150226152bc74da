"""track: where the vehicle is, while it works for this order and not a moment longer."""

from bpp.fleet.dispatch import Position
from bpp.orders.order import ACTIVE, Order
from protocol_specs.wire.order import Place, Tracking
from protocol_specs.wire.values import replace

ROUGH_DECIMALS = 3  # about 100 m, until the rider or the parcel is on board


def track(order: Order, position: Position | None, url: str | None = None) -> Tracking:
    """Active with a place between assignment and end; else inactive and without one.

    `url` is where the vehicle can be followed; it is told only while there is something to see.
    """
    hidden = Tracking("inactive", order_id=order.id, fulfillment_id=order.view.fulfillment.id)
    if order.status != ACTIVE or order.agent_id is None or order.is_ahead or position is None:
        return hidden
    lat, lon = position.lat, position.lon
    if not order.has_begun():
        lat, lon = round(lat, ROUGH_DECIMALS), round(lon, ROUGH_DECIMALS)
    return replace(
        hidden, status="active", location=Place(lat, lon), updated_at=position.at, url=url
    )
