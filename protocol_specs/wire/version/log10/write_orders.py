"""Writing orders and what is asked about them: init to on_cancel of core 0.9."""

from __future__ import annotations

from protocol_specs.wire.money import amount
from protocol_specs.wire.order import (
    DELIVERY_STATES,
    Cancellation,
    CancelRequest,
    OrderView,
    PaymentTerms,
    Quote,
    Support,
    Terms,
    Tracking,
    UpdateRequest,
)
from protocol_specs.wire.version.log10 import tag_groups
from protocol_specs.wire.version.log10 import vocabulary as words
from protocol_specs.wire.version.log10 import write_fulfillments as deliveries
from protocol_specs.wire.version.log10 import write_parts as parts
from protocol_specs.wire.version.log10.vocabulary import Edition
from protocol_specs.wire.version.log10.write_parts import Json, said, wanted

_ACCEPTED = "Y"
_WITH_PAYMENT_STATUS = ("on_update", "on_status", "on_cancel")


def init(edition: Edition, view: OrderView) -> Json:
    """A parcel, from whom and to whom; there is no select before it."""
    order = said(
        provider={"id": view.provider_id},
        items=[_item(edition, view)],
        fulfillments=deliveries.drafted(edition, view),
        billing=parts.billing(view.billing, view.created_at),
        payment=_payment(edition, view),
        tags=[_acceptance()] if edition.is_tagged else None,
    )
    return {"order": order}


def confirm(edition: Edition, view: OrderView) -> Json:
    """The order, under the id that the buyer's platform made for it."""
    if view.fulfillment.ready_to_ship and not (
        view.fulfillment.start_code or view.fulfillment.instructions
    ):
        raise ValueError("ready to ship wants a start_code, or instructions")
    order = _whole(edition, view, "confirm") | {
        "state": "Created",
        "fulfillments": deliveries.ordered(edition, view),
        "tags": [_acceptance()],
    }
    return {"order": order}


def on_order(edition: Edition, view: OrderView, action: str) -> Json:
    """The order in a callback. Raises ValueError when the action needs more than the view says."""
    if action == "on_init":
        return {"order": _on_init(edition, view)}
    order = _whole(edition, view, action) | {
        "state": _state(edition, view, action),
        "fulfillments": deliveries.under_way(edition, view, action),
    }
    if view.cancellation is not None:
        order["cancellation"] = _cancellation(view.cancellation)
    elif action == "on_cancel":
        raise ValueError("on_cancel wants a cancellation")
    return {"order": order}


def _on_init(edition: Edition, view: OrderView) -> Json:
    return said(
        provider={"id": view.provider_id},
        items=[_item(edition, view)],
        fulfillments=deliveries.drafted(edition, view),
        quote=_quote(wanted(view.quote, "a quote in on_init"), view, with_ttl=True),
        payment=_payment(edition, view),
        tags=_terms(edition, view.bpp_terms),
    )


def _whole(edition: Edition, view: OrderView, action: str) -> Json:
    created = wanted(view.created_at, f"created_at in {action}")
    leg = view.fulfillment.return_leg
    items = [_item(edition, view, ordered_at=created)]
    if leg is not None:
        items.append(_item_back(edition, view, leg.id))
    return said(
        id=wanted(view.id, f"the order's id in {action}"),
        provider={"id": view.provider_id},
        items=items,
        quote=_quote(wanted(view.quote, f"a quote in {action}"), view),
        billing=parts.billing(view.billing, created),
        payment=_payment(edition, view, with_status=action in _WITH_PAYMENT_STATUS),
        created_at=parts.time(created),
        updated_at=parts.time(created if view.updated_at is None else view.updated_at),
        **{"@ondc/org/linked_order": _linked_order(view)},
    )


def _state(edition: Edition, view: OrderView, action: str) -> str:
    given = view.fulfillment
    if given.return_leg is not None:
        is_over = given.return_leg.state in words.RETURN_OVER
        going = "Completed" if is_over else "In-progress"
        return going if edition.has_return_state else "Cancelled"
    if view.status == "COMPLETE":
        return "Completed"
    if view.status == "CANCELLED":
        return "Cancelled"
    if view.status not in ("ACTIVE", "SOFT_CANCEL", "UPDATED"):  # asked or changed, it stands
        raise ValueError(f"these networks have no order state for {view.status!r}")
    is_new = action == "on_confirm" or given.state in (None, DELIVERY_STATES[0])
    return "Accepted" if is_new else "In-progress"


# Items and linked order


def _item(edition: Edition, view: OrderView, *, ordered_at: int | None = None) -> Json:
    time = None
    if ordered_at is not None:
        by = view.fulfillment.deliver_by
        within_s = words.TURNAROUND_S if by is None else max(0, by - ordered_at)
        time = parts.turnaround(ordered_at, within_s)
    return said(
        id=view.item_id,
        category_id=view.service_level or words.SERVICE_LEVEL,
        fulfillment_id=view.fulfillment.id,
        descriptor=said(code=edition.item_code),
        time=time,
    )


def _item_back(edition: Edition, view: OrderView, leg_id: str) -> Json:
    return _item(edition, view) | {"id": _back_id(view), "fulfillment_id": leg_id}


def _back_id(view: OrderView) -> str:
    return f"{view.item_id}{words.RETURN_SUFFIX}"


def _linked_order(view: OrderView) -> Json:
    given = view.fulfillment
    parcel = wanted(given.parcel, "a parcel in every order")
    sender = given.pickup_contact or given.customer
    pickup = given.route()[0]
    return parts.linked_order(
        parcel,
        order_id=wanted(view.id, "the order's id"),
        sender=parts.location(pickup, sender)["address"],
        name=wanted(sender.name if sender else None, "the name of the sender"),
    )


# Money


def _quote(quote: Quote, view: OrderView, *, with_ttl: bool = False) -> Json:
    """Lines of one kind are one line: a fare is `delivery`, and so is what a customer bears."""
    sums: dict[str, int] = {}
    for line in quote.lines:
        kind = words.title_type(line.code)
        sums[kind] = sums.get(kind, 0) + line.amount_minor
    breakup = [
        {
            "@ondc/org/item_id": _back_id(view) if kind == "rto" else view.item_id,
            "@ondc/org/title_type": kind,
            "price": parts.price(amount_minor, quote.currency),
        }
        for kind, amount_minor in (sums or {"delivery": 0}).items()
    ]
    ttl_s = words.QUOTE_TTL_S if quote.ttl_s is None else quote.ttl_s
    return said(
        price={
            "currency": quote.currency,
            "value": amount(quote.total_minor, quote.currency),
        },
        breakup=breakup,
        ttl=parts.span(ttl_s) if with_ttl else None,
    )


def _payment(edition: Edition, view: OrderView, *, with_status: bool = False) -> Json:
    if len(view.payments) != 1:
        raise ValueError("an order has one payment on these networks")
    payment, agreed = view.payments[0], view.bap_terms or Terms()
    return said(
        type=words.payment_type(payment.type),
        collected_by=payment.collected_by,
        status=payment.status if with_status else None,
        **{
            "@ondc/org/settlement_basis": agreed.settlement_basis,
            "@ondc/org/settlement_window": agreed.settlement_window,
            "@ondc/org/settlement_details": _settlements(edition, payment),
        },
    )


def _settlements(edition: Edition, payment: PaymentTerms) -> list[Json]:
    """Who gets the money of whoever collects it, and where."""
    given = (payment.account or "").split()
    if not given:
        return []
    bank = [word for word in given if "@" not in word]
    upi = " ".join(word for word in given if "@" in word)
    lsp, lbnp = edition.payees
    return [
        said(
            settlement_counterparty=lsp if payment.collected_by == "BAP" else lbnp,
            settlement_type="upi" if upi else "neft",
            settlement_ifsc_code=bank[0] if len(bank) > 1 else None,
            settlement_bank_account_no=" ".join(bank[1:] or bank),
            upi_address=upi,
        )
    ]


def _cancellation(given: Cancellation) -> Json:
    """A platform is named by its subscriber id; our word for it only where we lack that."""
    who = wanted(given.party_id or given.cancelled_by, "who cancelled")
    return {
        "cancelled_by": who,
        "reason": {"id": wanted(given.reason_id, "the reason of a cancellation")},
    }


# Terms


def _acceptance() -> Json:
    return tag_groups.group("bap_terms", accept_bpp_terms=_ACCEPTED)


def _terms(edition: Edition, terms: Terms | None) -> list[Json]:
    told = {code: getattr(terms or Terms(), code) for code in edition.terms}
    if edition.is_tagged and told["static_terms"] is None:
        told["static_terms"] = ""  # the rules want the tag, with or without a url
    values = {
        code: (str(value).lower() if isinstance(value, bool) else value)
        for code, value in told.items()
        if value is not None
    }
    return [tag_groups.group("bpp_terms", **values)] if values else []


# The small ones


def order_id(given: str) -> Json:
    """Ask how an order stands, or where it is."""
    return {"order_id": given}


def on_track(tracking: Tracking) -> Json:
    """Where the parcel is, or where to watch it. Raises ValueError without the two ids."""
    location: Json = {}
    if tracking.location is not None:
        seen = parts.time(wanted(tracking.updated_at, "updated_at beside a location"))
        location = {
            "gps": parts.gps(tracking.location),
            "time": {"timestamp": seen},
            "updated_at": seen,
        }
    order = tag_groups.group("order", id=wanted(tracking.order_id, "order_id in on_track"))
    config = tag_groups.group("config", attr="tracking.location.gps", type="live_poll")
    return {
        "tracking": said(
            id=wanted(tracking.fulfillment_id, "fulfillment_id in on_track"),
            status=tracking.status,
            location=location,
            url=tracking.url,
            tags=[order, config] if location else [order],
        )
    }


def cancel(edition: Edition, request: CancelRequest) -> Json:
    """Cancel. Raises ValueError for a reason that is not the network's, or for asking the fee."""
    if request.soft:
        raise ValueError("these networks cannot be asked what cancelling costs")
    reason = wanted(request.reason_id, "a reason to cancel")
    if edition.reasons and reason not in edition.reasons:
        raise ValueError(f"{reason!r} is none of their reasons: {sorted(edition.reasons)}")
    return {"order_id": request.order_id, "cancellation_reason_id": reason}


def update(edition: Edition, request: UpdateRequest) -> Json:
    """That a parcel may be fetched, or other instructions for it."""
    if request.targets not in (("fulfillments",), ("fulfillment",)) or request.soft:
        raise ValueError("only a delivery is updated on these networks, and at once")
    given = wanted(request.fulfillment, "a fulfillment in update")
    order = {
        "id": request.order_id,
        "items": [{"id": wanted(request.item_id, "item_id in update"), **_coded(edition)}],
        "fulfillments": deliveries.updated(given),
        "updated_at": parts.time(wanted(request.at, "the time `at` of an update")),
    }
    return {"update_target": "fulfillment", "order": order}


def _coded(edition: Edition) -> Json:
    return said(descriptor=said(code=edition.item_code))


def support(given: Support) -> Json:
    """Ask for help with an order, or say whom to call: what says how to call is an answer."""
    answer = said(phone=given.phone, email=given.email, uri=given.url)
    return answer or {"ref_id": wanted(given.ref_id, "ref_id in support")}
