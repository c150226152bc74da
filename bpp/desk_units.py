"""What is asked of the books through our JSON APIs: kept, or refused with 409."""

from collections.abc import Callable
from typing import TypeVar

from bpp.declined import Declined
from protocol_specs.node.api import ApiError
from protocol_specs.node.store import Session, Store

T = TypeVar("T")


async def kept(store: Store, unit: Callable[[Session], T]) -> T:
    """What the unit returned, once on disk. Raises ApiError 409 with a refusal's reason."""
    try:
        return await store.transact(unit)
    except Declined as declined:
        raise ApiError(409, "refused", str(declined)) from None
