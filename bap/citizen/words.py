"""What codes of the network mean, in words to be translated where they are shown."""

from __future__ import annotations

from typing import Any

from bap.progress import UNDER_WAY_RANK, rank_of
from protocol_specs.web.languages import N_
from protocol_specs.web.visit import Visit

Document = dict[str, Any]

LINES = {
    "BASE_FARE": N_("Base fare"),
    "DISTANCE_FARE": N_("Distance"),
    "TIME_FARE": N_("Time"),
    "NIGHT_CHARGES": N_("Night charge"),
    "WAITING_CHARGES": N_("Waiting"),
    "ZONE_CHARGES": N_("Zone charge"),
    "CANCELLATION_CHARGES": N_("Cancellation fee"),
    "REFUND": N_("Refund"),
    "TAX": N_("Tax"),
    "BUYER_ADDITIONAL_AMOUNT": N_("Tip"),
    "TIP": N_("Tip"),
    "RTO": N_("Way back"),
    "FARE": N_("Price"),
}
# How a fare is made; M is money, other units follow the number.
POLICY = {
    "BASE_FARE": (N_("Base fare"), "M"),
    "MIN_FARE": (N_("At least"), "M"),
    "PER_KM_CHARGE": (N_("Each kilometre"), "M"),
    "PER_MINUTE_CHARGE": (N_("Each minute"), "M"),
    "WAITING_CHARGE_PER_MIN": (N_("Each minute of waiting"), "M"),
    "FREE_WAITING_MIN": (N_("Waiting that is free"), " min"),
    "MIN_FARE_DISTANCE_KM": (N_("Distance in the base fare"), " km"),
    "NIGHT_CHARGE_MULTIPLIER": (N_("At night, times"), ""),
    "NIGHT_SHIFT_START_TIME": (N_("Night begins"), ""),
    "NIGHT_SHIFT_END_TIME": (N_("Night ends"), ""),
    "CEILING_FIXED": (N_("Never above, by regulation"), "M"),
    "CEILING_PER_KM": (N_("That limit rises for each kilometre by"), "M"),
    "SURCHARGE": (N_("Surcharge"), "M"),
}
PAY = {
    "ON-FULFILLMENT": N_("On the way or at the end, to the driver"),
    "POST-FULFILLMENT": N_("Afterwards, to the cooperative"),
    "PRE-ORDER": N_("Before booking, with a payment reference"),
    "PRE-FULFILLMENT": N_("Before it starts, with a payment reference"),
}
VEHICLES = {
    "CAB": N_("Car"),
    "AUTO_RICKSHAW": N_("Auto rickshaw"),
    "TWO_WHEELER": N_("Two-wheeler"),
}
STEPS = {
    "ride": (
        ("RIDE_CONFIRMED", N_("Booked")),
        ("RIDE_ASSIGNED", N_("Driver found")),
        ("RIDE_ENROUTE_PICKUP", N_("Driver on the way")),
        ("RIDE_ARRIVED_PICKUP", N_("Driver is waiting for you")),
        ("RIDE_STARTED", N_("On the road")),
        ("RIDE_ENDED", N_("Arrived")),
    ),
    "delivery": (
        ("Pending", N_("Booked")),
        ("Searching-for-Agent", N_("Looking for a courier")),
        ("Agent-assigned", N_("Courier found")),
        ("At-pickup", N_("Courier is at the pick-up")),
        ("Order-picked-up", N_("Parcel picked up")),
        ("Out-for-delivery", N_("On its way")),
        ("At-delivery", N_("At the door")),
        ("Order-delivered", N_("Delivered")),
    ),
}
CHANGED = {
    "total_minor": N_("Price"),
    "payee": N_("Who is paid"),
    "cancellation_fee_minor": N_("Cancellation fee"),
    "currency": N_("Currency"),
    "provider": N_("Provider"),
    "item": N_("Service"),
    "quote": N_("Price"),
}
RATED = {  # the first category of each that the cooperative takes
    "ride": (
        (("Fulfillment", "Order"), N_("The ride")),
        (("Agent",), N_("The driver")),
        (("Provider",), N_("The cooperative")),
    ),
    "delivery": (
        (("Fulfillment", "Order"), N_("The delivery")),
        (("Agent",), N_("The courier")),
        (("Provider",), N_("The cooperative")),
    ),
}
ABOUT = {
    "safety": N_("Safety or behaviour"),
    "extra": N_("I was asked for more than the price"),
    "price": N_("Price or payment"),
    "service": N_("Late, not done, or done badly"),
    "parcel": N_("Something lost or damaged"),
    "other": N_("Something else"),
}
REASONS = {  # why an API refused, by its code
    "quote_changed": N_("It has changed meanwhile. Look at the new price, and agree if you like."),
    "quote_unknown": N_("It has changed meanwhile. Look at the new price, and agree if you like."),
    "quote_expired": N_("This price is no longer offered. Take the offer again."),
    "fee_changed": N_("Cancelling costs something else now. Look at the fee, then decide."),
    "already_asked": N_("This was asked already. The cooperative's answer will show here."),
    "already_booked": N_("This is booked already."),
    "too_late": N_("It is too late for that. Call the driver or the cooperative."),
    "form_needed": N_("The cooperative wants its questions answered first."),
    "offer_unknown": N_("This offer is no longer here. Choose another."),
    "payment_not_offered": N_("It cannot be paid this way. Choose another."),
    "no_gateway": N_("Nobody can be asked now. Try again in a few minutes."),
    "search_failed": N_("Nobody can be asked now. Try again in a few minutes."),
    "too_many": N_("Too many requests. Wait a minute."),
    "same_place": N_("From and to are the same place."),
    "start_over": N_("That time is over. Choose a later one."),
    "start_too_far": N_("That is too far ahead. Choose an earlier day."),
    "start_not_promised": N_("This cooperative does not promise that time. Choose another offer."),
    "provider_refused": N_("The cooperative cannot be reached now. Try again soon."),
    "form_unreachable": N_("The cooperative's questions cannot be shown now. Try again soon."),
}
# Why a cooperative ended an order: the numbers of TRV10, which ours use for parcels too.
WHY = {
    "ride": {
        "000": N_("A technical fault."),
        "011": N_("No driver could come."),
        "012": N_("The driver did not find you at the pick-up."),
        "013": N_("The driver could not do it after all."),
        "014": N_("The driver could not reach you."),
    },
    "delivery": {
        "000": N_("A technical fault."),
        "011": N_("No courier could come."),
        "012": N_("The courier did not find the sender."),
        "013": N_("The courier could not do it after all."),
        "014": N_("The courier could not reach the sender."),
    },
}
# Why a parcel comes back: the numbers of LOG10.
WHY_BACK = {
    "011": N_("The receiver could not be reached."),
    "013": N_("The receiver did not take it."),
    "014": N_("The address was not found."),
}
WAITING = frozenset(
    {"RIDE_CONFIRMED", "RIDE_ASSIGNED", "Pending", "Searching-for-Agent", "Agent-assigned"}
)
RETURNED = frozenset({"RTO-Delivered", "RTO-Disposed"})


def plain(code: str | None) -> str:
    """A code nobody has words for, made readable."""
    text = (code or "").replace("_", " ").replace("-", " ").strip().lower()
    return text[:1].upper() + text[1:]


def said(visit: Visit, words: dict[str, str], code: str | None) -> str:
    """The words for a code in the visitor's language; the code itself where there are none."""
    return visit._(words[code]) if code in words else plain(code)


def title(visit: Visit, doc: Document, begins: str = "") -> str:
    """The one sentence that says how an order stands; `begins` is its planned start in words."""
    order, kind = doc["order"], doc["kind"]
    if order is None:
        lost = doc["state"] == "lost"
        return visit._("Not confirmed") if lost else visit._("Waiting for the cooperative's word")
    if order["return"]:
        over = order["return"]["state"] in RETURNED
        return visit._("The parcel came back") if over else visit._("Coming back to you")
    if doc["state"] == "cancelled":
        theirs = (order["cancelled"] or {}).get("by") == "PROVIDER"
        return visit._("The cooperative cancelled") if theirs else visit._("Cancelled")
    if doc["state"] == "completed":
        return visit._("You have arrived") if kind == "ride" else visit._("Delivered")
    if begins and order["start_at"] and order["start_at"] > visit.now and is_waiting(order):
        return visit._("Booked for %(when)s", when=begins)
    if order["state"] == "RIDE_CONFIRMED":
        return visit._("Booked, looking for a driver")
    return said(visit, dict(STEPS[kind]), order["state"])


def why(visit: Visit, doc: Document, *, is_flat: bool) -> str:
    """Why the cooperative ended the order, or why the parcel comes back; "" where nothing is known.

    Networks of the flat shape have numbers of their own for the first.
    """
    order = doc["order"] or {}
    cancelled, back = order.get("cancelled") or {}, order.get("return")
    code, known = cancelled.get("reason_id"), WHY[doc["kind"]]
    if back:
        code, known = back["reason_id"] or code, WHY_BACK
    elif is_flat or cancelled.get("by") != "PROVIDER":
        return ""
    return visit._(known[code]) if code in known else ""


def is_waiting(order: Document) -> bool:
    """Whether nobody is on the way to the pick-up yet."""
    return order["state"] in WAITING


def steps(visit: Visit, doc: Document) -> tuple[list[str], int]:
    """The states of the order in words, and which holds now; none of one that was ended or comes
    back, which goes through them no more."""
    if doc["state"] == "cancelled" or (doc["order"] and doc["order"]["return"]):
        return [], 0
    found = STEPS[doc["kind"]]
    codes = [code for code, _ in found]
    state = doc["order"]["state"] if doc["order"] else None
    at = codes.index(state) if state in codes else 0
    return [visit._(text) for _, text in found], len(codes) if doc["state"] == "completed" else at


def is_under_way(doc: Document) -> bool:
    """Whether passenger or parcel is on board."""
    return rank_of(doc["order"]["state"]) >= UNDER_WAY_RANK


def insurance(visit: Visit, one: Document, *, later: bool) -> str:
    """What is set aside for the worker, never more than the institution itself would say."""
    if one["status"] == "pending":
        return visit._("What is set aside for the worker's social insurance is being worked out.")
    if one["status"] == "reversed":
        return visit._("What was set aside went back: nothing is kept.")
    amount = visit._("An amount")
    if one["amount"]:
        amount = visit.speech.money(one["amount"]["minor"], one["amount"]["currency"])
    payer = {
        "worker": visit._("It comes from the worker's share."),
        "customer": visit._("It is part of your price."),
        "cooperative": visit._("The cooperative pays it."),
    }.get(one["borne_by"], "")
    return " ".join(filter(None, (_aside(visit, one, amount, later), payer, _claim(visit, one))))


def _aside(visit: Visit, one: Document, amount: str, later: bool) -> str:
    later = later or one["status"] == "estimate"
    if one["kind"] == "fee":
        if later:
            return visit._("%(amount)s will go to a workers' welfare fund.", amount=amount)
        return visit._("%(amount)s goes to a workers' welfare fund.", amount=amount)
    if later:
        return visit._(
            "%(amount)s will be set aside for the worker's social insurance.", amount=amount
        )
    return visit._("%(amount)s is set aside for the worker's social insurance.", amount=amount)


def _claim(visit: Visit, one: Document) -> str:
    if one["kind"] == "fee":
        return visit._("It is a fee; by itself it gives nobody insurance cover.")
    return visit._("Whether it starts cover is for the institution to say.")


def policy(visit: Visit, given: list[Document], currency: str) -> list[tuple[str, str]]:
    """How a fare is made, line by line."""
    names = {one["code"]: one["value"] for one in given}
    return [
        _policy_line(visit, one["code"], one["value"], currency, names)
        for one in given
        if not one["code"].endswith("_NAME") and not _says_nothing(one["code"], one["value"])
    ]


def _says_nothing(code: str, value: str) -> bool:
    of = code.split("_", 2)[2] if code.startswith("ZONE_") and code.count("_") > 1 else code
    return of in ("MIN_FARE_DISTANCE_KM", "CEILING_PER_KM") and not value.strip("0.")


def _policy_line(
    visit: Visit, code: str, value: str, currency: str, names: dict[str, str]
) -> tuple[str, str]:
    _, zone, of = (*code.split("_", 2), "", "")[:3] if code.startswith("ZONE_") else ("", "", code)
    text, unit = POLICY.get(of, (plain(of), ""))
    label = visit._(text) if of in POLICY else text
    if zone:
        label = f"{names.get(f'ZONE_{zone}_NAME', zone)}: {label}"
    if unit == "M":
        return label, f"{currency} {value}"
    return label, f"{value}{unit}"
