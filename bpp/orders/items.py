"""Items: one per vehicle category, and one more for each set of needs; its id says all of it."""

from __future__ import annotations

import re

from protocol_specs.wire.order import VehicleNeeds

NOTHING = VehicleNeeds()
_NEEDS = re.compile(r"(-wheelchair)?(-child-seat)?(?:-([1-9][0-9]?)-seats)?")


def suffix(needs: VehicleNeeds) -> str:
    """What the needs add to an item's id."""
    wheelchair = "-wheelchair" if needs.wheelchair else ""
    child_seat = "-child-seat" if needs.child_seat else ""
    return wheelchair + child_seat + (f"-{needs.seats}-seats" if needs.seats else "")


def needs_in(text: str) -> VehicleNeeds | None:
    """The needs of such a suffix; None: it is none."""
    found = _NEEDS.fullmatch(text)
    if found is None:
        return None
    return VehicleNeeds(bool(found[1]), bool(found[2]), int(found[3]) if found[3] else None)


def in_words(needs: VehicleNeeds) -> str:
    """What a person reads behind an item's name: ", wheelchair access"."""
    told = ["wheelchair access"] if needs.wheelchair else []
    told += ["child seat"] if needs.child_seat else []
    told += [f"{needs.seats} seats"] if needs.seats else []
    return "".join(f", {one}" for one in told)
