"""The figures of a simulated day: what city.json holds, and the paragraph that is printed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from bpp.insurance import scheme_file

if TYPE_CHECKING:
    from examples.simulator.city import CityPlan, Shift
    from examples.simulator.people import Citizen, Town

HOUR_S = 3600
SERVED = ("completed", "cancelled")
Figures = dict[str, Any]


def gini(values: Sequence[float]) -> float | None:
    """0: all have the same; towards 1: one has all. None for nothing to share."""
    ordered, whole = sorted(values), sum(values)
    if not ordered or whole <= 0:
        return None
    count = len(ordered)
    ranked = sum((2 * n - count - 1) * value for n, value in enumerate(ordered, 1))
    return round(ranked / (count * whole), 3)


def jain(values: Sequence[float]) -> float | None:
    """1: all have the same; 1/n: one has all. None for nothing to share."""
    squares = sum(value * value for value in values)
    return round(sum(values) ** 2 / (len(values) * squares), 3) if squares else None


def quantile(values: Sequence[float], part: float) -> float | None:
    """The value below which `part` of them lie; None of none."""
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, int(part * len(ordered)))], 1) if ordered else None


def figures(
    plan: CityPlan,
    town: Town,
    shifts: list[Shift],
    books: list[dict[str, Any]],
    messages: dict[str, int],
) -> Figures:
    """All of the day in numbers; seconds, minor units of each currency, and shares of one."""
    worked = [shift for shift in shifts if shift.online_s > 0]
    earned = {book["name"]: book["earned"] for book in books}
    had = {shift.name: earned[shift.coop.name].get(shift.agent_id, 0) for shift in worked}
    return {
        "plan": {name: getattr(plan, name) for name in plan.__slots__},
        "wishes": len(town.journeys),
        "outcomes": dict(Counter(citizen.outcome for citizen in town.journeys)),
        "unserved": _unserved(town.journeys),
        "waiting_s": _waiting(town.journeys),
        "drivers_who_worked": len(worked),
        "utilisation": _utilisation(worked),
        "without_a_job": sum(not minor for minor in had.values()),
        "cooperatives": {book["name"]: _cooperative(book, worked, town.journeys) for book in books},
        "schemes": _schemes(books),
        "shifts": _shares(worked, had, lambda shift: f"{int(shift.spells[-1][0] // HOUR_S):02}:00"),
        "zones": _zones(worked, had, town.journeys),
        "messages": messages,
        "by_hour": _by_hour(worked, town.journeys),
    }


def _unserved(wishes: Iterable[Citizen]) -> int:
    return sum(citizen.outcome not in SERVED for citizen in wishes)


def _waiting(wishes: Iterable[Citizen]) -> dict[str, float | None]:
    """From the search to the vehicle at the pickup, of those who met theirs."""
    waits = [citizen.met_at - citizen.asked_at for citizen in wishes if citizen.met_at]
    return {"p50": quantile(waits, 0.5), "p95": quantile(waits, 0.95)}


def _utilisation(shifts: Sequence[Shift]) -> float:
    """The part of their time online that drivers had a job, the way to the pickup included."""
    return round(sum(s.busy_s for s in shifts) / max(1.0, sum(s.online_s for s in shifts)), 3)


def _cooperative(
    book: dict[str, Any], worked: list[Shift], wishes: list[Citizen]
) -> dict[str, Any]:
    """One cooperative's day: its customers, its money, and how even its drivers' day was."""
    own = [shift for shift in worked if shift.coop.name == book["name"]]
    hourly = [book["earned"].get(s.agent_id, 0) / (s.online_s / HOUR_S) for s in own]
    idle = [s.online_s - s.busy_s for s in own]
    return {name: book[name] for name in ("title", "assignment", "currency", "orders")} | {
        "waiting_s": _waiting(citizen for citizen in wishes if citizen.coop == book["name"]),
        "fares_minor": sum(book["earned"].values()),
        "due_minor": sum(sum(hours.values()) for hours in book["due"].values()),
        "drivers": len(own),
        "without_a_job": sum(value == 0 for value in hourly),
        "utilisation": _utilisation(own),
        "hourly_minor": sorted(round(value) for value in hourly),
        "earnings": {"gini": gini(hourly), "jain": jain(hourly)},
        "idle": {"gini": gini(idle), "jain": jain(idle)},
    }


def _schemes(books: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """What is due to whom under each scheme, in all and by the hour it was posted."""
    found: dict[str, dict[str, Any]] = {}
    for book in books:
        for name, hours in book["due"].items():
            pack = scheme_file.load(name)
            own = found.setdefault(
                name,
                {"title": pack.title, "institution": pack.institution,
                 "currency": book["currency"], "minor": 0, "by_hour_minor": [0] * 24},
            )  # fmt: skip
            own["minor"] += sum(hours.values())
            for hour, minor in hours.items():
                own["by_hour_minor"][min(23, hour)] += minor
    return found


def _shares(
    worked: list[Shift], had: dict[str, int], kind: Callable[[Shift], str]
) -> dict[str, dict[str, Any]]:
    """Drivers by a kind: how many, how many of them without a job, and how much of their time was
    work."""
    found: dict[str, list[Shift]] = {}
    for shift in sorted(worked, key=kind):
        found.setdefault(kind(shift), []).append(shift)
    return {
        name: {
            "drivers": len(own),
            "without_a_job": sum(not had[shift.name] for shift in own),
            "utilisation": _utilisation(own),
        }
        for name, own in found.items()
    }


def _zones(
    worked: list[Shift], had: dict[str, int], wishes: list[Citizen]
) -> dict[str, dict[str, Any]]:
    """Zones: who begins there, and who wishes to leave from there."""
    drivers = _shares(worked, had, lambda shift: shift.zone)
    found = {}
    for name in sorted({*drivers, *(citizen.zone for citizen in wishes)}):
        own = [citizen for citizen in wishes if citizen.zone == name]
        nobody = {"drivers": 0, "without_a_job": 0, "utilisation": None}
        found[name] = drivers.get(name, nobody) | {
            "wishes": len(own),
            "unserved": _unserved(own),
            "waiting_s": _waiting(own),
        }
    return found


def _by_hour(worked: list[Shift], wishes: list[Citizen]) -> dict[str, list[Any]]:
    """Each figure of the 24 hours; a wish belongs to the hour of its search."""
    hours: list[list[Citizen]] = [[] for _ in range(24)]
    for citizen in wishes:
        hours[int(citizen.asked_at // HOUR_S) % 24].append(citizen)
    waits = [_waiting(own) for own in hours]
    return {
        "wishes": [len(own) for own in hours],
        "unserved": [_unserved(own) for own in hours],
        "online": [_online(worked, hour) for hour in range(24)],
        "waiting_p50_s": [wait["p50"] for wait in waits],
        "waiting_p95_s": [wait["p95"] for wait in waits],
    }


def _online(worked: list[Shift], hour: int) -> float:
    """How many drivers were online in that hour, on average."""
    begin, end = hour * HOUR_S, (hour + 1) * HOUR_S
    spells = [spell for shift in worked for spell in shift.online]
    seconds = sum(max(0.0, min(end, until) - max(begin, since)) for since, until in spells)
    return round(seconds / HOUR_S, 1)


def paragraph(found: Figures) -> str:
    """The day in a few lines."""
    waiting, messages = found["waiting_s"], found["messages"]
    due = ", ".join(
        f"{money(one['minor'], one['currency'])} under {name}"
        for name, one in found["schemes"].items()
    )
    return (
        f"{found['plan']['hours']:g} h with {found['plan']['drivers']} drivers in "
        f"{found['cpu_s']:.0f} s of CPU: {found['wishes']} wishes, "
        f"{found['outcomes'].get('completed', 0)} carried out, "
        f"{found['outcomes'].get('cancelled', 0)} cancelled, {found['unserved']} not served.\n"
        f"Waiting: p50 {minutes(waiting['p50'])}, p95 {minutes(waiting['p95'])}. "
        f"Utilisation {found['utilisation']:.0%}; {found['without_a_job']} of "
        f"{found['drivers_who_worked']} drivers had no job. "
        f"{messages.get('sent', 0)} messages sent, {messages.get('refused', 0)} refused. "
        f"Due: {due or 'nothing'}."
    )


def minutes(seconds: float | None) -> str:
    """As a person reads it."""
    return "-" if seconds is None else f"{seconds / 60:.1f} min"


def money(minor: float, currency: str) -> str:
    """As a person reads it; both currencies of the city have a hundred parts."""
    return f"{currency} {minor / 100:,.2f}"
