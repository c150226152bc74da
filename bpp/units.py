"""Units of work asked for through our JSON APIs: done, or an error that a person can use."""

from collections.abc import Callable
from typing import TypeVar

from bpp.declined import Declined
from bpp.orders.store import Overtaken
from protocol_specs.node.api import ApiError
from protocol_specs.node.server import Node
from protocol_specs.node.store import Session, Store
from protocol_specs.wire.errors import (
    ActionNotApplicable,
    CancellationNotPossible,
    OrderNotFound,
    RateLimited,
    Refused,
)

T = TypeVar("T")


async def kept(store: Store, unit: Callable[[Session], T]) -> T:
    """Of the books: what the unit returned, once on disk. Raises ApiError 409 where it was
    declined."""
    try:
        return await store.transact(unit)
    except Declined as declined:
        raise ApiError(409, "refused", str(declined)) from None


async def transact(node: Node, unit: Callable[[Session], T]) -> T:
    """Of orders: what the unit returned, once on disk. Raises ApiError."""
    try:
        return await node.store.transact(unit)
    except Overtaken:
        raise ApiError(409, "changed", "the order changed meanwhile; look again") from None
    except OrderNotFound:
        raise ApiError(404, "unknown_order", "there is no such job for you") from None
    except RateLimited as refused:
        after = {"Retry-After": str(refused.retry_after_s or 60)}
        raise ApiError(429, "slow_down", refused.reason, "/code", headers=after) from None
    except (ActionNotApplicable, CancellationNotPossible) as refused:
        raise ApiError(409, "not_now", refused.reason) from None
    except Refused as refused:
        raise ApiError(400, refused.code, refused.reason, refused.path) from None
