"""The order model narrowed to what the ride network can say, before core 1.1 writes it."""

from __future__ import annotations

from protocol_specs.wire.order import (
    Contact,
    Fulfillment,
    Kind,
    OrderView,
    PaymentTerms,
    PriceLine,
    Quote,
    Vehicle,
)
from protocol_specs.wire.values import replace
from protocol_specs.wire.version.trv10 import vocabulary as words


def require_ride(kind: Kind) -> None:
    """Raises ValueError for a delivery: this network carries people."""
    if kind is not Kind.RIDE:
        raise ValueError("the ride network has no deliveries")


def order(view: OrderView) -> OrderView:
    """The order without our tags and forms, its lines under the network's titles."""
    require_ride(view.fulfillment.kind)
    return replace(
        view,
        fulfillment=fulfillment(view.fulfillment),
        quote=quote(view.quote) if view.quote else None,
        payments=tuple(payment(terms) for terms in view.payments),
        billing=contact(view.billing),
        fare_policy=words.fare_policy(view.fare_policy),
        tags=(),
        form=None,
    )


def quote(given: Quote) -> Quote:
    """The quote with one line for each title of the network's list; the sum stays.

    BASE_FARE and DISTANCE_FARE are always there. An id is left out: the network has none.
    """
    return Quote("", given.currency, lines(given.lines), given.ttl_s)


def lines(given: tuple[PriceLine, ...]) -> tuple[PriceLine, ...]:
    """The lines under the network's titles, those of one title as one."""
    sums = {words.BASE_FARE: 0, words.DISTANCE_FARE: 0}
    for line in given:
        title = words.title(line.code)
        sums[title] = sums.get(title, 0) + line.amount_minor
    return tuple(PriceLine(title, minor) for title, minor in sums.items())


def fulfillment(given: Fulfillment) -> Fulfillment:
    """Who rides is said once, as the customer; who drives, only from RIDE_ASSIGNED on."""
    is_assigned = given.state not in (None, "RIDE_CONFIRMED")
    agent = given.agent if is_assigned else None
    return replace(
        given,
        customer=contact(given.customer),
        pickup_contact=None,
        drop_contact=None,
        agent=replace(agent, phone=words.phone(agent.phone)) if agent else None,
        vehicle=vehicle(given.vehicle, whole=is_assigned) if given.vehicle else None,
        code_claimed=given.code_claimed and given.start_code is not None,
        end_code=None,
    )


def vehicle(given: Vehicle, *, whole: bool) -> Vehicle:
    """A vehicle in the network's words; before a driver is assigned only what class it is of.

    Raises ValueError for a category that the network does not have.
    """
    require_category(given.category)
    variant = given.variant if given.variant in words.VARIANTS else None
    if not whole:
        return Vehicle(given.category, variant)
    energy_type = given.energy_type if given.energy_type in words.ENERGY_TYPES else None
    return replace(given, variant=variant, energy_type=energy_type)


def require_category(category: str | None) -> None:
    """Raises ValueError for a category of vehicle that the network does not have."""
    if category not in words.CATEGORIES:
        known = ", ".join(sorted(words.CATEGORIES))
        raise ValueError(f"the ride network has no vehicles of category {category!r}, only {known}")


def payment(given: PaymentTerms) -> PaymentTerms:
    """Before the ride or at its end: the network has no word for a time between or after."""
    if given.type == "PRE-FULFILLMENT":
        return replace(given, type="PRE-ORDER")
    if given.type == "POST-FULFILLMENT":
        return replace(given, type="ON-FULFILLMENT")
    return given


def contact(who: Contact | None) -> Contact | None:
    """A person with a number of ten digits."""
    return None if who is None else replace(who, phone=words.phone(who.phone))
