"""What pages say of papers, shifts and pictures: marked here, translated when shown."""

from __future__ import annotations

from datetime import date

from babel import dates

from bpp.work.documents import USUAL, Holder
from protocol_specs.web.languages import N_
from protocol_specs.web.visit import Visit

KINDS = {
    "licence": N_("Driving licence"),
    "permit": N_("Permit"),
    "medical": N_("Medical certificate"),
    "insurance": N_("Vehicle insurance"),
    "inspection": N_("Inspection"),
    "registration": N_("Registration paper"),
    "road_tax": N_("Road tax"),
}
STATES = {
    "holds": N_("holds"),
    "ends_soon": N_("ends soon"),
    "expired": N_("expired"),
    "missing": N_("missing"),
}
STATE_KINDS = {"holds": "good", "ends_soon": "warn", "expired": "bad", "missing": "bad"}
FAULTS = {
    "size": N_("The picture is too large. Choose one of at most 200 kB."),
    "kind": N_("This is no JPEG picture. Take a photo, or choose another file."),
    "sides": N_("A picture has 16 to 4,096 pixels on each side. Choose another one."),
    "broken": N_("The picture is not whole. Take it again."),
}
# Of bpp/work/standing.py, which speaks to candidates' lists in English.
REASONS = (
    N_("your document is missing"),
    N_("your document has expired"),
    N_("a document of your vehicle is missing"),
    N_("a document of your vehicle has expired"),
    N_("you have no shift now"),
    N_("your vehicle is in another driver's shift"),
    N_("your vehicle is still out on another driver's job"),
)


def kind(visit: Visit, name: str) -> str:
    """What a paper is called; a cooperative's own word as it wrote it."""
    return visit._(KINDS[name]) if name in KINDS else name.replace("_", " ")


def reason(visit: Visit, why: str) -> str:
    """Why somebody is passed over, in the visitor's language as far as it is known there."""
    said, colon, name = why.partition(": ")
    return f"{visit._(said)}: {kind(visit, name)}" if colon and said in REASONS else visit._(why)


def kinds_of(visit: Visit, holder: Holder, required: tuple[str, ...]) -> list[tuple[str, str]]:
    """For a field to choose from: what is required first, then what is usual."""
    return [(name, kind(visit, name)) for name in dict.fromkeys((*required, *USUAL[holder]))]


def day(visit: Visit, day: date | None) -> str:
    """A day as people write it; "" for none."""
    return dates.format_date(day, "medium", locale=visit.speech.locale) if day else ""
