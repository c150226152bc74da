"""What a vehicle can take beside its category: wheelchairs, child seats, people, loads."""

from __future__ import annotations

import re
from dataclasses import dataclass

from protocol_specs.wire.order import Parcel, VehicleNeeds

WHEELCHAIR, CHILD_SEAT = "wheelchair", "child_seat"
FEATURES = (CHILD_SEAT, WHEELCHAIR)
SIDES = re.compile(r"([1-9][0-9]{0,2})x([1-9][0-9]{0,2})x([1-9][0-9]{0,2})")


@dataclass(frozen=True, slots=True)
class Abilities:
    """`seats` for passengers, the heaviest parcel, the sides in cm of the room for parcels.

    None: not written down. Seats nobody wrote down are none; a load nobody limited is taken.
    """

    features: frozenset[str] = frozenset()
    seats: int | None = None
    load_kg: int | None = None
    load_cm: tuple[int, int, int] | None = None


def sides(text: str | None) -> tuple[int, int, int] | None:
    """The sides in a text such as 60x40x40, in cm; None for any other."""
    found = SIDES.fullmatch(text or "")
    return (int(found[1]), int(found[2]), int(found[3])) if found else None


def lack(has: Abilities, needs: VehicleNeeds, parcel: Parcel | None) -> str | None:
    """Why a vehicle cannot do a job, in words for its driver; None: it can."""
    if needs.wheelchair and WHEELCHAIR not in has.features:
        return "your vehicle takes no wheelchair"
    if needs.child_seat and CHILD_SEAT not in has.features:
        return "your vehicle has no child seat"
    if needs.seats is not None and (has.seats or 0) < needs.seats:
        return f"your vehicle has not {needs.seats} seats for passengers"
    return None if parcel is None else _too_much(has, parcel)


def _too_much(has: Abilities, parcel: Parcel) -> str | None:
    if has.load_kg is not None and parcel.weight_grams > has.load_kg * 1000:
        return "the parcel is too heavy for your vehicle"
    told = sorted(
        (
            side
            for side in (parcel.length_cm, parcel.width_cm, parcel.height_cm)
            if side is not None
        ),
        reverse=True,
    )
    # Turned as it fits best: the longest side along the longest. Sides that were not said fit.
    room = sorted(has.load_cm or (), reverse=True)
    if any(side > most for side, most in zip(told, room, strict=False)):
        return "the parcel is too big for your vehicle"
    return None
