"""Writing how a delivery is carried out: its two ends, its tags, and its way back."""

from __future__ import annotations

from protocol_specs.wire.order import (
    DELIVERY_CANCELLED,
    DELIVERY_STATES,
    Contact,
    Fulfillment,
    OrderView,
    Parcel,
    ReturnLeg,
)
from protocol_specs.wire.version.core_1_1.write_parts import coded
from protocol_specs.wire.version.log10 import tag_groups
from protocol_specs.wire.version.log10 import vocabulary as words
from protocol_specs.wire.version.log10 import write_parts as parts
from protocol_specs.wire.version.log10.vocabulary import Edition
from protocol_specs.wire.version.log10.write_parts import Json, said, wanted

_OTHER_CODE, _PICKUP_CODE, _DROP_CODE = "5", "2", "2"
_TAGGED = ("confirm", "on_confirm")
"""Where the wishes of the order are said: ready to ship, and bring back what nobody takes."""


def drafted(edition: Edition, view: OrderView) -> list[Json]:
    """A delivery before it is ordered: two places, and whom to call there."""
    given = view.fulfillment
    start, end = _ends(view)
    tags = [_linked_provider(view)] if edition.is_tagged else None
    return [said(id=given.id, type=words.DELIVERY, start=start, end=end, tags=tags)]


def ordered(edition: Edition, view: OrderView) -> list[Json]:
    """A delivery as ordered: people and code words too, and how soon an agent is to come."""
    given = view.fulfillment
    start, end = _ends(view, whole=True)
    start["time"] = {"duration": _pickup_in(view)}
    return [
        said(
            id=given.id,
            type=words.DELIVERY,
            start=start,
            end=end,
            tags=_tags(edition, view, "confirm"),
        )
    ]


def under_way(edition: Edition, view: OrderView, action: str) -> list[Json]:
    """A delivery as it stands, and its way back if it is on that."""
    given, leg = view.fulfillment, view.fulfillment.return_leg
    start, end = _ends(view, whole=True)
    pickup_by, deliver_by = _promised(view)
    created = parts.time(view.created_at)
    start["time"] = said(
        duration=_pickup_in(view),
        range={"start": created, "end": parts.time(pickup_by)},
        timestamp=parts.time(given.picked_up_at),
    )
    end["time"] = said(
        range={"start": parts.time(pickup_by), "end": parts.time(deliver_by)},
        timestamp=parts.time(given.delivered_at),
    )
    delivery = said(
        id=given.id,
        type=words.DELIVERY,
        state=coded(_state(edition, given)),
        start=start,
        end=end,
        agent=parts.agent(given.agent) if given.agent else None,
        vehicle=parts.vehicle(given.vehicle) if given.vehicle else None,
        tags=_tags(edition, view, action),
    )
    delivery["tracking"] = True
    return [delivery, _way_back(leg)] if leg else [delivery]


def updated(given: Fulfillment) -> list[Json]:
    """That a parcel may be fetched, with the code word of the pickup."""
    start = said(instructions=_pickup_words(given))
    if given.ready_to_ship and not start:
        raise ValueError("ready to ship wants a start_code, or instructions")
    return [
        said(
            id=given.id,
            type=words.DELIVERY,
            start=start,
            end=said(instructions=_drop_words(given)),
            tags=[_ready(given)],
        )
    ]


def _state(edition: Edition, given: Fulfillment) -> str:
    if given.return_leg is not None:
        return words.RETURN if edition.has_return_state else DELIVERY_CANCELLED
    state = given.state or DELIVERY_STATES[0]
    if state not in (*DELIVERY_STATES, DELIVERY_CANCELLED):
        raise ValueError(f"these networks have no state {state!r}")
    return state


def _way_back(leg: ReturnLeg) -> Json:
    started = wanted(leg.started_at, "started_at of a way back")
    end = said(time=said(timestamp=parts.time(leg.ended_at)))
    if leg.state in words.RETURN_OVER and not end:
        raise ValueError("a way back that is over wants ended_at")
    return said(
        id=leg.id,
        type=words.RETURN,
        state=coded(leg.state),
        start={"time": {"timestamp": parts.time(started)}},
        end=end,
    )


# The two ends


def _ends(view: OrderView, *, whole: bool = False) -> tuple[Json, Json]:
    given = view.fulfillment
    pickup, drop = given.route()
    sender, taker = _sender(view), _taker(view)
    billed = view.billing.email if view.billing else None
    start = {
        "location": {"id": words.START_ID, **parts.location(pickup, sender)},
        "contact": parts.contact(sender, email=billed),
    }
    end = {"location": parts.location(drop, taker), "contact": parts.contact(taker)}
    wanted(start["contact"].get("email"), "an email of the sender or in billing")
    if whole:
        start["person"] = {"name": sender.name if sender else None}
        end["person"] = {"name": taker.name if taker else None}
        start |= said(instructions=_pickup_words(given))
        end |= said(instructions=_drop_words(given))
        for stop in (start, end):
            wanted(stop["person"]["name"], "the name of a person at both ends")
    return start, end


def _sender(view: OrderView) -> Contact | None:
    return view.fulfillment.pickup_contact or view.fulfillment.customer


def _taker(view: OrderView) -> Contact | None:
    return view.fulfillment.drop_contact or view.fulfillment.customer


def _pickup_words(given: Fulfillment) -> Json:
    images = [given.pickup_picture] if given.pickup_picture else None
    if given.start_code is None and given.instructions is None:
        return said(code=_OTHER_CODE if images else None, images=images)
    code = _OTHER_CODE if given.start_code is None else _PICKUP_CODE
    short = given.start_code or (given.instructions or "")[:255]
    return said(code=code, short_desc=short, long_desc=given.instructions, images=images)


def _drop_words(given: Fulfillment) -> Json:
    images = [given.drop_picture] if given.drop_picture else None
    code = None if given.end_code is None else _DROP_CODE
    return said(code=code, short_desc=given.end_code, images=images)


def _promised(view: OrderView) -> tuple[int, int]:
    """By when it is fetched and brought: as said, or as its level of service promises."""
    created = wanted(view.created_at, "created_at, which an order's times are reckoned from")
    given = view.fulfillment
    pickup_by = created + words.PICKUP_S if given.pickup_by is None else given.pickup_by
    deliver_by = created + words.TURNAROUND_S if given.deliver_by is None else given.deliver_by
    return pickup_by, deliver_by


def _pickup_in(view: OrderView) -> str:
    pickup_by, _ = _promised(view)
    return parts.span(max(0, pickup_by - (view.created_at or 0)))


# Tags


def _tags(edition: Edition, view: OrderView, action: str) -> list[Json]:
    given = view.fulfillment
    tags = _linked(view) if edition.is_tagged else []
    if action in _TAGGED:
        tags += [
            _ready(given),
            tag_groups.group("rto_action", return_to_origin=words.yes_no(claim=True)),
        ]
    else:
        tags.append(tag_groups.group("tracking", gps_enabled="yes", url_enabled="no"))
    if given.cancelled_in is not None:
        tags.append(_state_before(view, given.cancelled_in))
    if given.return_leg is not None:
        tags.append(_return_event(view, given.return_leg))
    return tags


def _ready(given: Fulfillment) -> Json:
    return tag_groups.group("state", ready_to_ship=words.yes_no(bool(given.ready_to_ship)))


def _linked(view: OrderView) -> list[Json]:
    parcel: Parcel | None = view.fulfillment.parcel
    tags = [_linked_provider(view)]
    if parcel is not None:
        tags.append(tag_groups.group("linked_order", **parts.linked_tags(parcel, view.id)))
    return tags


def _linked_provider(view: OrderView) -> Json:
    """The sender: on these networks that is a shop."""
    sender = _sender(view)
    return tag_groups.group(
        "linked_provider", id=words.START_ID, name=sender.name if sender else None
    )


def _state_before(view: OrderView, state: str) -> Json:
    when = parts.time(view.updated_at)
    return tag_groups.group("precancel_state", fulfillment_state=state, updated_at=when)


def _return_event(view: OrderView, leg: ReturnLeg) -> Json:
    why = view.cancellation
    return tag_groups.group(
        "rto_event",
        retry_count=str(leg.attempts),
        rto_id=leg.id,
        cancellation_reason_id=wanted(leg.reason_id, "reason_id of a way back"),
        cancelled_by=(why.party_id or why.cancelled_by) if why else None,
    )
