"""Reading what is said of an order that stands: update, rating, support, lists of choices."""

from __future__ import annotations

from typing import Any

from protocol_specs.wire.errors import Malformed, UnsupportedRatingCategory
from protocol_specs.wire.order import (
    Form,
    Rating,
    RatingCategory,
    Reason,
    Support,
    UpdateRequest,
)
from protocol_specs.wire.version.core_1_1 import read_money as money
from protocol_specs.wire.version.core_1_1 import read_places as parts
from protocol_specs.wire.version.core_1_1 import vocabulary as words
from protocol_specs.wire.version.fields import (
    Json,
    an_object,
    each,
    find,
    name,
    need,
    text,
    truth,
    under,
)

RATING_CATEGORIES: dict[str, RatingCategory] = {
    "ITEM": "Item",
    "ORDER": "Order",
    "FULFILLMENT": "Fulfillment",
    "PROVIDER": "Provider",
    "AGENT": "Agent",
    "SUPPORT": "Support",
    # The words of the ride network's own file, for the same things.
    "RIDER": "Fulfillment",
    "DRIVER": "Agent",
    "SERVICE": "Order",
}


def read_update(message: Any) -> UpdateRequest:
    """A wish to change parts of an order; soft when its order says SOFT_UPDATE."""
    given = under("/message", lambda: an_object(message))
    targets = under("/message", lambda: need(given, "update_target", _targets))
    return under("/message", lambda: need(given, "order", lambda part: _update(part, targets)))


def _targets(value: Any) -> tuple[str, ...]:
    """The parts named, without the `order.` that some write before each."""
    named = (part.strip().removeprefix("order.") for part in text(value).split(","))
    targets = tuple(part for part in named if part)
    if not targets:
        raise Malformed("name the parts of the order that are to change, such as fulfillments")
    return targets


def _update(value: Any, targets: tuple[str, ...]) -> UpdateRequest:
    order = an_object(value)
    fulfillments = each(order, "fulfillments", an_object)
    if len(fulfillments) > 1:
        reason = f"an order here has one of fulfillments, not {len(fulfillments)}"
        raise Malformed(reason, path="/fulfillments")
    each(order, "fulfillments", lambda part: parts.refuse_other_stops(an_object(part)))
    read = parts.fulfillment_reader({}, None, "")
    currency, lines = find(order, "quote", money.lines) or (None, ())
    return UpdateRequest(
        order_id=need(order, "id", name),
        targets=targets,
        soft=(find(order, "status", text) or "").upper() == words.SOFT_UPDATE,
        fulfillment=under("/fulfillments/0", lambda: read(fulfillments[0]))
        if fulfillments
        else None,
        payments=each(order, "payments", money.payment_reader(currency)),
        lines=lines,
        currency=currency,
    )


def read_rating(message: Any) -> tuple[Rating, ...]:
    """The values given. Raises Malformed without any, UnsupportedRatingCategory."""
    ratings = under("/message", lambda: each(an_object(message), "ratings", _rating))
    if not ratings:
        raise Malformed("there is no rating", path="/message/ratings")
    return ratings


def _rating(value: Any) -> Rating:
    given = an_object(value)
    category = need(given, "rating_category", text)
    known = RATING_CATEGORIES.get(category.upper())
    if known is None:
        names = ", ".join(sorted(set(RATING_CATEGORIES.values())))
        raise UnsupportedRatingCategory(f"{category[:40]!r} cannot be rated; rate one of {names}")
    return Rating(known, need(given, "id", name), need(given, "value", text))


def read_on_rating(message: Any) -> Form | None:
    """The form for more words, if the provider has one."""
    return under("/message", lambda: find(an_object(message), "feedback_form", form))


def form(value: Any) -> Form:
    """An XInput: where the form is, or the id of what was submitted."""
    given = an_object(value)
    inner = find(given, "form", an_object) or {}
    required = find(given, "required", truth)
    return Form(
        url=under("/form", lambda: find(inner, "url", text)),
        required=True if required is None else required,
        mime_type=under("/form", lambda: find(inner, "mime_type", text)) or "text/html",
        submission_id=under("/form", lambda: find(inner, "submission_id", text)),
    )


def read_support(message: Any) -> Support:
    """What help is asked for, or whom to call: support and on_support have one shape."""

    def read(value: Any) -> Support:
        given = an_object(value)
        members = ("ref_id", "callback_phone", "phone", "email", "url")
        return Support(**{member: find(given, member, text) for member in members})

    return under("/message", lambda: find(an_object(message), "support", read)) or Support()


def read_reasons(message: Any, *, action: str) -> tuple[Reason, ...]:
    """The choices in cancellation_reasons, return_reasons or rating_categories."""
    read = _category if action == "rating_categories" else _reason
    return under("/message", lambda: each(an_object(message), action, read))


def _category(value: Any) -> Reason:
    return Reason(name(value))


def _reason(value: Any) -> Reason:
    given: Json = an_object(value)
    descriptor = find(given, "descriptor", an_object) or {}
    code = find(descriptor, "code", text) or need(given, "id", name)
    said = find(descriptor, "name", text) or find(descriptor, "short_desc", text)
    return Reason(code, said)
