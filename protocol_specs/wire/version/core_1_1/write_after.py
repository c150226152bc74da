"""Writing what is said of an order that stands: update, rating, support, lists of choices."""

from __future__ import annotations

from collections.abc import Sequence

from protocol_specs.wire.order import Form, Rating, Reason, Support, UpdateRequest
from protocol_specs.wire.version.core_1_1 import write_parts as parts
from protocol_specs.wire.version.core_1_1.write_parts import Json, said


def write_update(request: UpdateRequest) -> Json:
    """Ask to change parts of an order. Core has no word for a soft one: raises ValueError."""
    if request.soft:
        raise ValueError("core 1.1 cannot ask what an update costs; send it, or none")
    return {"update_target": ",".join(request.targets), "order": changed(request)}


def changed(request: UpdateRequest) -> Json:
    """The order of an update: its id and the parts that are to change."""
    given = request.fulfillment
    return said(
        id=request.order_id,
        fulfillments=[parts.fulfillment(given, fulfillment_type=None)] if given else None,
        payments=[parts.payment(payment) for payment in request.payments],
        quote=parts.breakup_only(request.lines, request.currency),
    )


def write_rating(ratings: Sequence[Rating]) -> Json:
    """How it was."""
    return {
        "ratings": [
            {"rating_category": rating.category, "id": rating.id, "value": rating.value}
            for rating in ratings
        ]
    }


def write_on_rating(form: Form | None) -> Json:
    """Thanks, and a form for more words if the provider has one."""
    return said(feedback_form=parts.form(form) if form else None)


def write_support(support: Support) -> Json:
    """Ask for help, or say whom to call."""
    return {
        "support": said(
            ref_id=support.ref_id,
            callback_phone=support.callback_phone,
            phone=support.phone,
            email=support.email,
            url=support.url,
        )
    }


def write_reasons(reasons: Sequence[Reason], *, action: str) -> Json:
    """The choices in cancellation_reasons, return_reasons or rating_categories."""
    if action == "rating_categories":
        return {action: [reason.id for reason in reasons]}
    return {
        action: [
            {"id": reason.id, "descriptor": said(code=reason.id, name=reason.text)}
            for reason in reasons
        ]
    }
