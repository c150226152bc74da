"""The figures of a simulated day, as JSON and as one page with plots."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from html import escape
from math import exp
from typing import TYPE_CHECKING, Any

from examples.simulator import plots

if TYPE_CHECKING:
    from examples.simulator.city import CityPlan, Shift
    from examples.simulator.people import Citizen, Town

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
    earned = {book["name"]: book["earned"] for book in books}
    had = {shift.name: earned[shift.coop.name].get(shift.agent_id, 0) for shift in worked}
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
        "without_a_job": sum(not minor for minor in had.values()),
        "fairness": _fairness(worked, books),
        "shifts": _shares(worked, had, lambda shift: f"{int(shift.spells[-1][0] // HOUR_S):02}:00"),
        "zones": _zones(worked, had, town.journeys),
        "cooperatives": [_cooperative(book) for book in books],
        "contributions_due_minor": _due(books),
        "messages": messages,
        "by_hour": {
            "wishes": wishes,
            "unserved": unserved,
            "online": [_online(worked, hour) for hour in range(24)],
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
            "without_a_job": sum(value == 0 for value in hourly),
            "hourly_minor": sorted(round(value) for value in hourly),
            "earnings": {"gini": gini(hourly), "jain": jain(hourly)},
            "idle": {"gini": gini(idle), "jain": jain(idle)},
        }
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
            "utilisation": round(sum(s.busy_s for s in own) / sum(s.online_s for s in own), 3),
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
        waits = [citizen.met_at - citizen.asked_at for citizen in own if citizen.met_at]
        nobody = {"drivers": 0, "without_a_job": 0, "utilisation": None}
        found[name] = drivers.get(name, nobody) | {
            "wishes": len(own),
            "unserved": sum(citizen.outcome not in SERVED for citizen in own),
            "waiting_p50_s": quantile(waits, 0.5),
        }
    return found


def _online(worked: list[Shift], hour: int) -> float:
    """How many drivers were online in that hour, on average."""
    begin, end = hour * HOUR_S, (hour + 1) * HOUR_S
    spells = [spell for shift in worked for spell in shift.online]
    seconds = sum(max(0.0, min(end, until) - max(begin, since)) for since, until in spells)
    return round(seconds / HOUR_S, 1)


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
        f"Utilisation {found['utilisation']:.0%}; {found['without_a_job']} of "
        f"{found['drivers_who_worked']} drivers had no job. "
        f"{messages.get('sent', 0)} messages sent, {messages.get('refused', 0)} refused. "
        f"Due: {due or 'nothing'}."
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
            "Drivers online and wishes, by hour",
            {"drivers online": by_hour["online"], "wishes": by_hour["wishes"]},
            LABELS,
            "of all cooperatives",
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
    currencies = {book["name"]: book["currency"] for book in found["cooperatives"]}
    for name, own in found["fairness"].items():
        hourly = [minor / 100 for minor in own["hourly_minor"]]
        currency = currencies[name]
        title = f"Earnings of an hour online, {name}: drivers from least to most"
        labels = [str(n + 1) for n in range(len(hourly))]
        charts.append(plots.lines(title, {"fares before commission": hourly}, labels, currency))
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><title>A simulated day</title>'
        "<style>body{font:16px/1.5 system-ui;max-width:44rem;margin:auto;padding:1rem;"
        "color-scheme:light dark}svg{width:100%}text{font-size:11px;fill:currentColor}"
        "figure{margin:1.5rem 0}td,th{padding:.2rem .8rem;text-align:right;font-weight:normal}"
        "th{vertical-align:bottom}td:first-child,th:first-child{text-align:left}"
        "td:first-child{white-space:nowrap}.wide{overflow-x:auto}"
        "@media(max-width:40rem){text{font-size:17px}td,th{padding:.2rem .4rem}}</style>"
        f"<h1>A simulated day</h1><p>{escape(paragraph(found))}</p>{''.join(charts)}"
        f"<h2>Fairness between drivers</h2><p>{escape(_chance(found))}</p>{_fairness_table(found)}"
        f"<h2>By the hour a shift begins</h2>{_shifts_table(found)}"
        f"<h2>By place</h2>{_zones_table(found)}</html>\n"
    )


def _chance(found: dict[str, Any]) -> str:
    """How many would have no job if nothing but chance gave them out: Poisson's share."""
    jobs = found["outcomes"].get("completed", 0) / max(1, found["drivers_who_worked"])
    return (
        f"{jobs:.1f} jobs were carried out for each driver who worked; if chance alone gave them "
        f"out, {exp(-jobs):.1%} of the drivers would have none. Gini: 0 is even. Jain: 1 is even."
    )


def _fairness_table(found: dict[str, Any]) -> str:
    head = ("cooperative", "drivers", "without a job", "earnings Gini", "Jain", "idle Gini", "Jain")
    rows = [
        (name, own["drivers"], own["without_a_job"], own["earnings"]["gini"],
         own["earnings"]["jain"], own["idle"]["gini"], own["idle"]["jain"])
        for name, own in found["fairness"].items()
    ]  # fmt: skip
    return _table(head, rows)


def _shifts_table(found: dict[str, Any]) -> str:
    rows = [
        (name, own["drivers"], own["without_a_job"], f"{own['utilisation']:.0%}")
        for name, own in found["shifts"].items()
    ]
    return _table(("from", "drivers", "without a job", "at work"), rows)


def _zones_table(found: dict[str, Any]) -> str:
    head = ("place", "drivers who begin", "without a job", "wishes", "not served", "waiting p50")
    rows = [
        (name, own["drivers"], own["without_a_job"], own["wishes"], own["unserved"],
         _minutes(own["waiting_p50_s"]))
        for name, own in found["zones"].items()
    ]  # fmt: skip
    return _table(head, rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    lines = ["".join(f"<th>{escape(each)}</th>" for each in head)]
    lines += ["".join(f"<td>{escape(str(each))}</td>" for each in row) for row in rows]
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return f'<div class="wide"><table>{body}</table></div>'
