"""Remittances as JSON, and as lines for people."""

from dataclasses import asdict
from typing import Any

from bpp.insurance.remittance.deadlines import Deadline, HeldFor
from bpp.insurance.remittance.values import Line, Remittance
from protocol_specs.wire import money


def remittance_shown(found: Remittance) -> dict[str, Any]:
    """JSON-ready: what was declared, what became of it, and every step."""
    return {
        **{
            key: getattr(found, key)
            for key in ("id", "scheme", "period", "currency", "state", "workers", "at", "by")
        },
        **{
            f"{key}_minor": getattr(found, f"{key}_minor")
            for key in ("amount", "worker", "cooperative", "rejected", "interest", "payable")
        },
        "due_day": None if found.due_day is None else found.due_day.isoformat(),
        "events": [asdict(event) for event in found.events],
    }


def line_shown(line: Line) -> dict[str, Any]:
    """JSON-ready."""
    return asdict(line)


def deadline_shown(found: Deadline, left: int | None) -> dict[str, Any]:
    """JSON-ready; for logs and for people who must act."""
    remittance = found.remittance
    return {
        "scheme": found.scheme,
        "period": found.period,
        "state": found.state,
        "workers": found.workers,
        "due_day": None if found.due_day is None else found.due_day.isoformat(),
        "days_left": left,
        "remittance": None if remittance is None else remittance.id,
        "payable_minor": None if remittance is None else remittance.payable_minor,
        "currency": None if remittance is None else remittance.currency,
    }


def held_shown(found: HeldFor) -> dict[str, Any]:
    """JSON-ready; `mean_days` as text with one decimal."""
    shown = asdict(found)
    shown["mean_days"] = days(shown.pop("mean_days_tenths"))
    return shown


def days(tenths: int) -> str:
    """Tenths of a day as text: "12.5"."""
    return f"{tenths // 10}.{tenths % 10}"


def amount(minor: int, currency: str) -> str:
    """For people: "20.00 MYR"."""
    return f"{money.amount(minor, currency)} {currency}"


def told(found: Remittance) -> tuple[str, ...]:
    """A remittance for people: what was declared, and each step since."""
    of_worker = amount(found.worker_minor, found.currency)
    own = amount(found.cooperative_minor, found.currency)
    steps = tuple(
        f"  {event.kind:<14} {amount(event.amount_minor, found.currency):>16}  "
        f"{event.reference}  by {event.by}"
        + (f"  worker {event.worker}" if event.worker else "")
        + (f"  {event.text}" if event.text else "")
        for event in found.events
    )
    return (
        f"{found.id}: {found.state}, due {found.due_day or 'on a day nobody could tell'}",
        f"  declared       {amount(found.amount_minor, found.currency):>16}  of {found.workers} "
        f"workers: {of_worker} theirs, {own} the cooperative's",
        *steps,
        f"  to be paid     {amount(found.payable_minor, found.currency):>16}",
    )
