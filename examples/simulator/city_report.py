"""The figures of a simulated day, as JSON and as one page with plots."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from examples.simulator import plots

if TYPE_CHECKING:
    from examples.simulator.city import CityPlan, Shift
    from examples.simulator.people import Town

HOUR_S = 3600
LABELS = [str(hour) for hour in range(24)]
SERVED = ("completed", "cancelled")


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
) -> dict[str, Any]:
    """All of the day in numbers; seconds, minor units of each currency, and shares of one."""
    worked = [shift for shift in shifts if shift.online_s > 0]
    wishes, unserved = [0] * 24, [0] * 24
    waits: dict[int, list[float]] = {hour: [] for hour in range(24)}
    for citizen in town.journeys:
        hour = int(citizen.asked_at // HOUR_S) % 24
        wishes[hour] += 1
        unserved[hour] += citizen.outcome not in SERVED
        if citizen.met_at:
            waits[hour].append(citizen.met_at - citizen.asked_at)
    every = [wait for each in waits.values() for wait in each]
    return {
        "plan": {name: getattr(plan, name) for name in plan.__slots__},
        "wishes": len(town.journeys),
        "outcomes": dict(Counter(citizen.outcome for citizen in town.journeys)),
        "unserved": sum(unserved),
        "waiting_s": {"p50": quantile(every, 0.5), "p95": quantile(every, 0.95)},
        "drivers_who_worked": len(worked),
        "utilisation": round(
            sum(s.busy_s for s in worked) / max(1.0, sum(s.online_s for s in worked)), 3
        ),
        "fairness": _fairness(worked, books),
        "cooperatives": [_cooperative(book) for book in books],
        "contributions_due_minor": _due(books),
        "messages": messages,
        "by_hour": {
            "wishes": wishes,
            "unserved": unserved,
            "waiting_p50_s": [quantile(waits[hour], 0.5) for hour in range(24)],
            "waiting_p95_s": [quantile(waits[hour], 0.95) for hour in range(24)],
            "due_minor": _due_by_hour(books),
        },
    }


def _fairness(worked: list[Shift], books: list[dict[str, Any]]) -> dict[str, Any]:
    """Between the drivers of each cooperative: earnings for an hour online, and idle time."""
    found = {}
    for book in books:
        own = [shift for shift in worked if shift.coop.name == book["name"]]
        hourly = [book["earned"].get(s.agent_id, 0) / (s.online_s / HOUR_S) for s in own]
        idle = [s.online_s - s.busy_s for s in own]
        found[book["name"]] = {
            "drivers": len(own),
            "hourly_minor": sorted(round(value) for value in hourly),
            "earnings": {"gini": gini(hourly), "jain": jain(hourly)},
            "idle": {"gini": gini(idle), "jain": jain(idle)},
        }
    return found


def _cooperative(book: dict[str, Any]) -> dict[str, Any]:
    fares = sum(book["earned"].values())
    return {name: book[name] for name in ("name", "currency", "orders")} | {"fares_minor": fares}


def _due(books: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for book in books:
        for scheme, hours in book["due"].items():
            own = found.setdefault(scheme, {"currency": book["currency"], "minor": 0})
            own["minor"] += sum(hours.values())
    return found


def _due_by_hour(books: list[dict[str, Any]]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for book in books:
        for scheme, hours in book["due"].items():
            own = found.setdefault(scheme, [0] * 24)
            for hour, minor in hours.items():
                own[min(23, hour)] += minor
    return found


def paragraph(found: dict[str, Any]) -> str:
    """The day in a few lines."""
    waiting, messages = found["waiting_s"], found["messages"]
    due = ", ".join(
        f"{one['currency']} {one['minor'] / 100:.2f} under {scheme}"
        for scheme, one in found["contributions_due_minor"].items()
    )
    return (
        f"{found['plan']['hours']:g} h with {found['plan']['drivers']} drivers in "
        f"{found['took_s']:.0f} s: {found['wishes']} wishes, "
        f"{found['outcomes'].get('completed', 0)} carried out, "
        f"{found['outcomes'].get('cancelled', 0)} cancelled, {found['unserved']} not served.\n"
        f"Waiting: p50 {_minutes(waiting['p50'])}, p95 {_minutes(waiting['p95'])}. "
        f"Utilisation {found['utilisation']:.0%}. {messages.get('sent', 0)} messages sent, "
        f"{messages.get('refused', 0)} refused. Due: {due or 'nothing'}."
    )


def _minutes(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds / 60:.1f} min"


def page(found: dict[str, Any]) -> str:
    """One HTML page that needs nothing else."""
    by_hour = found["by_hour"]
    served = [w - u for w, u in zip(by_hour["wishes"], by_hour["unserved"], strict=True)]
    charts = [
        plots.bars(
            "Wishes by hour",
            {"served": served, "not served": by_hour["unserved"]},
            LABELS,
            "wishes",
        ),
        plots.lines(
            "Waiting for the vehicle",
            {
                name: [None if s is None else s / 60 for s in by_hour[f"waiting_{name}_s"]]
                for name in ("p50", "p95")
            },
            LABELS,
            "minutes from the search on, by the hour of the search",
        ),
    ]
    for scheme, minor in by_hour["due_minor"].items():
        currency = found["contributions_due_minor"][scheme]["currency"]
        amounts = [each / 100 for each in minor]
        charts.append(
            plots.bars(f"Contributions due, {scheme}", {scheme: amounts}, LABELS, currency)
        )
    for name, own in found["fairness"].items():
        hourly = [minor / 100 for minor in own["hourly_minor"]]
        title = f"Earnings of an hour online, {name}: drivers from least to most"
        labels = [str(n + 1) for n in range(len(hourly))]
        charts.append(plots.lines(title, {"fares before commission": hourly}, labels, "per hour"))
    rows = "".join(
        f"<tr><td>{escape(name)}</td><td>{own['drivers']}</td><td>{own['earnings']['gini']}</td>"
        f"<td>{own['earnings']['jain']}</td><td>{own['idle']['gini']}</td>"
        f"<td>{own['idle']['jain']}</td></tr>"
        for name, own in found["fairness"].items()
    )
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><title>A simulated day</title>'
        "<style>body{font:16px/1.5 system-ui;max-width:44rem;margin:auto;padding:1rem;"
        "color-scheme:light dark}svg{width:100%}text{font-size:11px;fill:currentColor}"
        "figure{margin:1.5rem 0}td,th{padding:.2rem .8rem;text-align:right}"
        "td:first-child{text-align:left}</style>"
        f"<h1>A simulated day</h1><p>{escape(paragraph(found))}</p>{''.join(charts)}"
        "<h2>Fairness between drivers</h2><p>Gini: 0 is even. Jain: 1 is even.</p>"
        "<table><tr><th>cooperative<th>drivers<th>earnings Gini<th>Jain<th>idle time Gini<th>Jain"
        f"</tr>{rows}</table></html>\n"
    )
