"""What the pages say of states, reasons and refusals: marked here, translated when shown."""

from __future__ import annotations

import re
from urllib.parse import quote

from bpp.dispatch.policy import Ranked
from bpp.orders.order import Order
from protocol_specs.web.languages import N_
from protocol_specs.web.site import Site
from protocol_specs.web.visit import Visit
from protocol_specs.wire.order import Contact, Place

RIDE_STEPS = {
    "RIDE_ASSIGNED": N_("Job taken"),
    "RIDE_ENROUTE_PICKUP": N_("On the way to the passenger"),
    "RIDE_ARRIVED_PICKUP": N_("At the pick-up"),
    "RIDE_STARTED": N_("Passenger on board"),
    "RIDE_ENDED": N_("Ride ended"),
}
PARCEL_STEPS = {
    "Agent-assigned": N_("Job taken"),
    "At-pickup": N_("At the sender"),
    "Order-picked-up": N_("Parcel picked up"),
    "Out-for-delivery": N_("On the way to the receiver"),
    "At-delivery": N_("At the receiver’s door"),
    "Order-delivered": N_("Delivered"),
}
RETURN_STEP = N_("Parcel goes back to its sender")

# The driver's own reasons to give a job up; the last two end the order (orders/steps.py).
RIDE_REASONS = {
    "013": N_("I took it by mistake, or cannot do it"),
    "000": N_("Vehicle or technical trouble"),
    "012": N_("The passenger is not there"),
    "014": N_("The passenger cannot be reached"),
}
PARCEL_REASONS = {
    "013": N_("I took it by mistake, or cannot do it"),
    "000": N_("Vehicle or technical trouble"),
    "012": N_("The sender is not there"),
    "014": N_("The sender cannot be reached"),
}
# Reasons of the network, refusals and words about dispatch that come from other parts in English.
KNOWN = (
    N_("The receiver cannot be reached"),
    N_("The receiver does not take it"),
    N_("The address cannot be found"),
    N_("another driver has taken this job"),
    N_("you have a job already; end it first"),
    N_("this job is not offered to you now; its turn went to another"),
    N_("this job is not offered to you now"),
    N_("you had a job"),
    N_("another job was offered to you"),
    N_("you declined this job"),
    N_("you let this job pass a moment ago"),
    N_("you gave this job up before"),
    N_("there is no way from where you were to the pickup"),
    N_("this job is for later; it is offered when its time is near"),
    N_("the parcel is not ready yet"),
    N_("you gave this job up before; ask the desk to assign it to you"),
    N_("your vehicle takes no wheelchair"),
    N_("your vehicle has no child seat"),
    N_("the parcel is too heavy for your vehicle"),
    N_("the parcel is too big for your vehicle"),
    N_("this is not the notice as it stands now: show the new one"),
)
# The same with a number or name in them.
FILLED = (
    N_("your vehicle has not %(seats)s seats for passengers"),
    N_("this job asks for a vehicle of category %(category)s"),
    N_(
        "You were not shown the notice of %(title)s yet, or it has changed. Read it, then you get "
        "jobs again."
    ),
    N_(
        "You have not said yet whether you agree to %(title)s. Say yes or no, then you get jobs "
        "again; after a no, nothing is deducted."
    ),
    N_("The desk does not know yet what category of worker you are, for %(title)s."),
    N_("The desk does not know yet your residency, for %(title)s."),
    N_(
        "You owe %(owed)s of fare cash; the limit is %(limit)s. Until you owe less than that you "
        "get no new cash jobs. Pay in at your cooperative's desk; prepaid jobs go on, and what you "
        "owe is taken from their pay."
    ),
)
LINES = {
    "BASE_FARE": N_("Base fare"),
    "DISTANCE_FARE": N_("Distance"),
    "TIME_FARE": N_("Time"),
    "WAITING_CHARGES": N_("Waiting"),
    "NIGHT_CHARGES": N_("Night"),
    "BUYER_ADDITIONAL_AMOUNT": N_("Tip"),
    "TIP": N_("Tip"),
    "TOLL_CHARGES": N_("Toll"),
}


def _pattern(text: str) -> re.Pattern[str]:
    parts = re.split(r"%\((\w+)\)s", text)
    names = (f"(?P<{part}>.+)" if at % 2 else re.escape(part) for at, part in enumerate(parts))
    return re.compile("".join(names))


_FILLED = tuple((_pattern(text), text) for text in FILLED)


def known(visit: Visit, sentence: str) -> str:
    """A sentence of another part in the driver's language if it is known there."""
    for pattern, text in _FILLED:
        if found := pattern.fullmatch(sentence):
            return visit._(text, **found.groupdict())
    return visit._(sentence) if sentence else ""


def said(visit: Visit, sentence: str) -> str:
    """The same, as a whole sentence."""
    told = known(visit, sentence)
    return told[:1].upper() + told[1:]


def steps_of(order: Order) -> dict[str, str]:
    """The steps of this kind of work, each with its text."""
    return RIDE_STEPS if order.states.all[0].startswith("RIDE") else PARCEL_STEPS


def place_name(visit: Visit, site: Site, place: Place) -> str:
    """A place as people say it: its address, else what is near, else its degrees."""
    if place.address:
        return place.address[:200]
    here = site.places.nearest(place.lat, place.lon, 200)
    if here is not None:
        return here.name
    near = site.places.nearest(place.lat, place.lon, 2_000)
    if near is not None:
        return visit._("Near %(place)s", place=near.name)
    return f"{place.lat:.4f}, {place.lon:.4f}"


def geo_link(place: Place, name: str) -> str:
    """Opens the phone's own maps (RFC 5870, with the query that phones know)."""
    at = f"{place.lat:.6f},{place.lon:.6f}"
    return f"geo:{at}?q={at}({quote(name[:60], safe='')})"


def osm_link(place: Place) -> str:
    """The place on OpenStreetMap's own page, for phones without maps."""
    lat, lon = f"{place.lat:.5f}", f"{place.lon:.5f}"
    return f"https://www.openstreetmap.org/?mlat={lat}&mlon={lon}#map=17/{lat}/{lon}"


def call_link(contact: Contact | None) -> str:
    """What a touch dials: the number that the customer's platform gave, often a masked one."""
    number = re.sub(r"[^0-9+]", "", contact.phone or "")[:20] if contact else ""
    return f"tel:{number}" if number else ""


def masked(contact: Contact | None) -> str:
    """The number's last digits, so that nobody reads the whole over a shoulder."""
    number = call_link(contact).removeprefix("tel:")
    return f"… {number[-3:]}" if len(number) > 3 else ""


def why_words(visit: Visit, found: Ranked, of: int) -> list[tuple[str, str]]:
    """The sum that placed the driver, line by line; seconds are said as minutes."""

    def minutes(seconds: int) -> str:
        return visit._(
            "%(minutes)s min %(seconds)s s", minutes=seconds // 60, seconds=f"{seconds % 60:02d}"
        )

    rows = [(visit._("Travel time to the pick-up"), minutes(found.travel_s))]
    if found.idle_bonus_s:
        rows.append((visit._("For the time you waited"), f"− {minutes(found.idle_bonus_s)}"))
    if found.earnings_bonus_s > 0:
        rows.append((visit._("You earned less of late"), f"− {minutes(found.earnings_bonus_s)}"))
    if found.earnings_bonus_s < 0:
        rows.append((visit._("You earned more of late"), f"+ {minutes(-found.earnings_bonus_s)}"))
    total = f"− {minutes(-found.score_s)}" if found.score_s < 0 else minutes(found.score_s)
    return [*rows, (visit._("Sum"), total)]
