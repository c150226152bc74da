"""Writing the parts that core 1.1 messages share. Strict: what leaves here passes our own schemas.

Plain dicts, JSON-ready; what the model leaves unsaid is left out, never written as null.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from protocol_specs.wire import duration, tags
from protocol_specs.wire.money import amount
from protocol_specs.wire.order import (
    Agent,
    Cancellation,
    CancellationTerm,
    Contact,
    Form,
    Fulfillment,
    Parcel,
    PaymentTerms,
    Place,
    PriceLine,
    Quote,
    Vehicle,
    VehicleNeeds,
)
from protocol_specs.wire.timestamp import rfc3339
from protocol_specs.wire.version.core_1_1 import vocabulary as words

Json = dict[str, Any]
_NUMBERS = (int, float, bool)


def said(**members: Any) -> Json:
    """The members that are neither None nor empty."""
    return {
        key: value
        for key, value in members.items()
        if value or type(value) in _NUMBERS  # 0 and false say something
    }


def coded(code: str) -> Json:
    """`{"descriptor": {"code": code}}`."""
    return {"descriptor": {"code": code}}


def price(minor: int, currency: str) -> Json:
    """An amount with its currency, the value as a decimal string."""
    return {"currency": currency, "value": amount(minor, currency)}


def time(at: int | None) -> str | None:
    """An RFC 3339 time in UTC with milliseconds."""
    return None if at is None else rfc3339(at * 1000)


def planned(start_at: int | None) -> Json:
    """The time of a stop that is not driven to before then."""
    return said(timestamp=time(start_at))


def location(place: Place) -> Json:
    """gps with six decimals, the form that every known peer reads."""
    return said(
        gps=f"{place.lat:.6f},{place.lon:.6f}", address=place.address, area_code=place.area_code
    )


def contact(who: Contact | None) -> Json:
    """`person` and `contact`, to stand in a stop or a customer."""
    if who is None:
        return {}
    return said(person=said(name=who.name), contact=said(phone=who.phone, email=who.email))


def billing(who: Contact | None) -> Json:
    """Whom the bill names."""
    return {} if who is None else said(name=who.name, phone=who.phone, email=who.email)


def agent(who: Agent) -> Json:
    """Who drives."""
    person = said(name=who.name, image=said(url=who.photo))
    return said(person=person, contact=said(phone=who.phone))


def vehicle(given: Vehicle) -> Json:
    """A vehicle as far as it is known."""
    return said(
        category=given.category,
        variant=given.variant,
        make=given.make,
        model=given.model,
        registration=given.registration,
        color=given.color,
        energy_type=given.energy_type,
    )


def needed(needs: VehicleNeeds) -> Json:
    """What is asked of a vehicle, as far as core has members for it."""
    return said(wheelchair_access="true" if needs.wheelchair else None, capacity=needs.seats)


def needed_tags(needs: VehicleNeeds) -> list[Json]:
    """What is asked of a vehicle beside: core has no member for a child seat."""
    return [tags.group(words.NEEDS, {words.CHILD_SEAT: "yes"})] if needs.child_seat else []


def parcel(carried: Parcel) -> Json:
    """A parcel as a TagGroup: core has no place of its own for it."""
    values = {
        words.PARCEL_WEIGHT: carried.weight_grams,
        words.PARCEL_LENGTH: carried.length_cm,
        words.PARCEL_WIDTH: carried.width_cm,
        words.PARCEL_HEIGHT: carried.height_cm,
        words.PARCEL_VALUE: carried.declared_value_minor,
        words.PARCEL_DESCRIPTION: carried.description,
    }
    told = {code: str(value) for code, value in values.items() if value is not None}
    return tags.group(words.PARCEL, told)


def stops(given: Fulfillment) -> list[Json]:
    """START and END, as far as the order says them."""
    start = said(
        location=location(given.pickup) if given.pickup else None,
        time=planned(given.start_at),
        authorization=_authorization(given),
        instructions=said(short_desc=given.instructions, images=_images(given.pickup_picture)),
        **contact(given.pickup_contact),
    )
    end = said(
        location=location(given.drop) if given.drop else None,
        authorization=said(type="OTP", token=given.end_code) if given.end_code else None,
        instructions=said(images=_images(given.drop_picture)),
        **contact(given.drop_contact),
    )
    return [{"type": kind, **stop} for kind, stop in (("START", start), ("END", end)) if stop]


def _images(url: str | None) -> list[Json]:
    return [{"url": url}] if url else []


def _authorization(given: Fulfillment) -> Json:
    if given.start_code is None and not given.code_claimed:
        return {}
    status = "CLAIMED" if given.code_claimed else "UNCLAIMED"
    return said(
        type="OTP", token=given.start_code, valid_to=time(given.code_valid_until), status=status
    )


def fulfillment(given: Fulfillment, *, fulfillment_type: str | None) -> Json:
    """A fulfillment; requests leave the type out (rides network rule on select and update).

    Core has no second fulfillment for a parcel's way back: that is this one's state.
    """
    state = given.return_leg.state if given.return_leg else given.state
    return said(
        id=given.id,
        type=fulfillment_type,
        state=coded(state) if state else None,
        customer=contact(given.customer),
        agent=agent(given.agent) if given.agent else None,
        vehicle=vehicle(given.vehicle) if given.vehicle else None,
        stops=stops(given),
        tags=[parcel(given.parcel)] if given.parcel else None,
    )


def quote(given: Quote) -> Json:
    """A quote with its breakup."""
    return said(
        id=given.id,
        price=price(given.total_minor, given.currency),
        breakup=_lines(given.lines, given.currency),
        ttl=None if given.ttl_s is None else duration.text(given.ttl_s),
    )


def breakup_only(lines: Sequence[PriceLine], currency: str | None) -> Json:
    """The lines of a quote that are to change, without its total; empty for none.

    Raises ValueError for lines without a currency.
    """
    if not lines:
        return {}
    if currency is None:
        raise ValueError("the lines of a quote need a currency")
    return {"breakup": _lines(lines, currency)}


def _lines(lines: Sequence[PriceLine], currency: str) -> list[Json]:
    """A line's title on the wire is its code; its text is the item's."""
    return [
        said(
            title=line.code,
            price=price(line.amount_minor, currency),
            item={"descriptor": {"name": line.title}} if line.title else None,
        )
        for line in lines
    ]


def form(given: Form) -> Json:
    """An XInput: where the form is, or what was submitted."""
    inner = said(url=given.url, submission_id=given.submission_id)
    if given.url:
        inner["mime_type"] = given.mime_type
    return {"form": inner, "required": given.required}


def payment(given: PaymentTerms) -> Json:
    """Payment terms. Raises ValueError for an amount without a currency."""
    sum_text = None
    if given.amount_minor is not None:
        if given.currency is None:
            raise ValueError("a payment's amount needs a currency")
        sum_text = amount(given.amount_minor, given.currency)
    return said(
        id=given.id,
        collected_by=given.collected_by,
        type=given.type,
        status=given.status,
        params=said(
            transaction_id=given.reference,
            amount=sum_text,
            currency=given.currency,
            **_account(given.account or ""),
        ),
    )


def _account(account: str) -> Json:
    words_given = account.split()
    bank = [word for word in words_given if "@" not in word]
    return said(
        bank_code=bank[0] if len(bank) > 1 else None,
        bank_account_number=" ".join(bank[1:] or bank),
        virtual_payment_address=" ".join(word for word in words_given if "@" in word),
    )


def term(given: CancellationTerm) -> Json:
    """A cancellation term. Raises ValueError unless it says one of amount and percentage."""
    if (given.fee_minor is None) == (given.fee_percentage is None):
        raise ValueError("a cancellation term has an amount or a percentage, and not both")
    if given.fee_minor is None:
        fee: Json = {"percentage": given.fee_percentage}
    elif given.currency is None:
        raise ValueError("a cancellation fee needs a currency")
    else:
        fee = {"amount": price(given.fee_minor, given.currency)}
    return {
        "fulfillment_state": coded(given.state),
        "reason_required": given.reason_required,
        "cancellation_fee": fee,
    }


def cancellation(given: Cancellation) -> Json:
    """Who cancelled, when and why."""
    return said(
        time=time(given.at),
        cancelled_by=given.cancelled_by,
        reason=coded(given.reason_id) if given.reason_id else None,
        additional_description=said(short_desc=given.description),
    )
