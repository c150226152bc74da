"""rating: what the customer gives an order that is over, or a part of it."""

from bpp.orders.order import ACTIVE, Order
from bpp.orders.provider import Provider
from protocol_specs.wire.errors import (
    ActionNotApplicable,
    InvalidRatingValue,
    RatedEntityNotFound,
    UnsupportedRatingCategory,
)
from protocol_specs.wire.order import Rating


def rate(
    order: Order | None, ratings: tuple[Rating, ...], provider: Provider
) -> tuple[Order, tuple[Rating, ...]]:
    """The order and its ratings, to be kept: all of them or none. Raises Refused.

    The last value of a category counts. `order` is the sender's, by its transaction or its id.
    """
    if order is None:
        raise RatedEntityNotFound("no order of yours has this id", path="/message/ratings/0/id")
    for n, rating in enumerate(ratings):
        _require_known(order, rating, provider, f"/message/ratings/{n}")
    if order.status == ACTIVE:
        raise ActionNotApplicable("the order is not over yet; rate it then")
    # After this point they stand.
    return order, tuple({rating.category: rating for rating in ratings}.values())


def _require_known(order: Order, rating: Rating, provider: Provider, path: str) -> None:
    if rating.category not in provider.rating_categories:
        known = ", ".join(provider.rating_categories)
        reason = f"{rating.category} is not rated here; rate one of {known}"
        raise UnsupportedRatingCategory(reason, path=f"{path}/rating_category")
    if rating.id not in _ids(order, provider):
        reason = f"{rating.id[:80]!r} is no part of order {order.id}"
        raise RatedEntityNotFound(reason, path=f"{path}/id")
    value = rating.value
    if not (value.isascii() and value.isdigit() and len(value) < 4):
        raise InvalidRatingValue("a value is a whole number", path=f"{path}/value")
    if not 1 <= int(value) <= provider.rating_max:
        reason = f"a value is a whole number from 1 to {provider.rating_max}"
        raise InvalidRatingValue(reason, path=f"{path}/value")


def _ids(order: Order, provider: Provider) -> frozenset[str]:
    """What a rating of this order may name: the agent has no id on the wire but the ride's."""
    view = order.view
    named = (order.id, view.fulfillment.id, view.item_id, provider.id)
    agent = view.fulfillment.agent
    return frozenset((*named, agent.name) if agent else named)
