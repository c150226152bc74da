"""The live url of an order: under it its consumer's platform follows the vehicle. Pure.

Its token is a seal over the order's key, so that it costs no row and nobody can guess it.
"""

import hashlib
import hmac

from bpp.orders.order import ACTIVE, Order

PATH = "/tracking"
SEAL_BYTES = 16
OPEN_AFTER_END_S = 60


def path_of(secret: bytes, order: Order) -> str:
    """The path of the order's live url, below our public one."""
    return f"{PATH}/{order.job_id}/{_seal(secret, order)}"


def fits(secret: bytes, order: Order, token: str) -> bool:
    """Whether this is the order's token."""
    return hmac.compare_digest(_seal(secret, order).encode(), token.encode())


def is_open(order: Order, now: int) -> bool:
    """Whether the url leads anywhere: until a minute after the end."""
    return order.status == ACTIVE or now - (order.view.updated_at or 0) <= OPEN_AFTER_END_S


def _seal(secret: bytes, order: Order) -> str:
    return hmac.new(secret, order.key.encode(), hashlib.sha256).digest()[:SEAL_BYTES].hex()
