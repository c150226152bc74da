"""The report of a simulated day as one HTML page: for a city's officer, a board, its drivers."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from math import exp
from typing import Any

from examples.simulator import plots
from examples.simulator.city_report import Figures, minutes, money, quantile

HOURS = [f"{hour}:00" if hour % 3 == 0 else "" for hour in range(24)]
ASSIGNMENT = {
    "at_confirm": "to one at once",
    "in_turn": "asked one by one",
    "offer": "who accepts first",
}
STYLE = (
    ":root{color-scheme:light dark}"
    "body{font:16px/1.5 system-ui,sans-serif;max-width:48rem;margin:auto;padding:1rem}"
    "h2{margin-top:2.5rem}h3{font-size:1rem;margin:1.5rem 0 0}"
    "dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(10rem,1fr));gap:.8rem}"
    "dl div{border:1px solid #8886;border-radius:.5rem;padding:.6rem .8rem}"
    "dd{margin:0;font-size:1.4rem;line-height:1.3}dd:last-child{font-size:1rem}"
    "table{border-collapse:collapse}.wide{overflow-x:auto}"
    "td,th{padding:.25rem 1.2rem .25rem 0;text-align:right;font-weight:normal;"
    "border-bottom:1px solid #8884}td,tbody th{white-space:nowrap}"
    "thead th{vertical-align:bottom;font-weight:bold}td.w,th.w,th:first-child{text-align:left}"
    ".two{display:grid;grid-template-columns:1fr 1fr;gap:0 2rem}.two text{font-size:18px}"
    "@media(max-width:40rem){.two{display:block}}summary{cursor:pointer}"
)


def page(found: Figures) -> str:
    """One page that needs nothing else."""
    plan = found["plan"]
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>A simulated day</title><style>{STYLE}{plots.STYLE}</style><main>"
        "<h1>A simulated day</h1>"
        f"<p>{plan['hours']:g} hours from midnight on, {plan['drivers']:,} drivers of "
        f"{len(found['cooperatives'])} cooperatives, {found['wishes']:,} wishes for a ride or a "
        "delivery. Messages, dispatch and books are the real ones; people, streets and demand are "
        "made up: read it to compare rules and rosters, not as a forecast.</p>"
        f"{_glance(found)}{_customers(found)}{_drivers(found)}{_contributions(found)}"
        f"{_making(found)}</main></html>\n"
    )


def _glance(found: Figures) -> str:
    wishes, outcomes, waiting = found["wishes"], found["outcomes"], found["waiting_s"]
    without, drivers = found["without_a_job"], found["drivers_who_worked"]
    due = "\n".join(money(one["minor"], one["currency"]) for one in found["schemes"].values())
    tiles = [
        ("Carried out", *_part(outcomes.get("completed", 0), wishes)),
        ("Cancelled by the customer", *_part(outcomes.get("cancelled", 0), wishes)),
        ("Not served", *_part(found["unserved"], wishes)),
        ("Wait for the vehicle", minutes(waiting["p50"]),
         f"half waited less; 19 of 20 less than {minutes(waiting['p95'])}"),
        ("Drivers' time at work", f"{found['utilisation']:.0%}", "of their time online"),
        ("Drivers without a job", f"{without:,}", f"of {drivers:,} who worked"),
        ("Contributions due", due or "none", "to the drivers' social security"),
        ("The auditor found", f"{len(found['findings'])}" if found["findings"] else "nothing",
         "lost, doubled, or wrong in the books"),
    ]  # fmt: skip
    boxes = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(value).replace(chr(10), '<br>')}</dd>"
        f"<dd>{escape(more)}</dd></div>"
        for name, value, more in tiles
    )
    return f"<h2>The day in figures</h2><dl>{boxes}</dl>"


def _part(count: int, whole: int) -> tuple[str, str]:
    return f"{count:,}", f"{count / max(1, whole):.1%} of {whole:,} wishes"


def _customers(found: Figures) -> str:
    by_hour = found["by_hour"]
    served = [w - u for w, u in zip(by_hour["wishes"], by_hour["unserved"], strict=True)]
    waits: plots.Series = {
        name: [None if s is None else s / 60 for s in by_hour[f"waiting_{part}_s"]]
        for name, part in (("half waited less", "p50"), ("19 of 20 waited less", "p95"))
    }
    return (
        "<h2>Customers: was there a vehicle, and how soon?</h2>"
        f"<p>{escape(_why_not(found))} Waiting is counted from the search until the vehicle is at "
        "the pickup.</p>"
        + plots.bars(
            "Wishes by hour", {"served": served, "not served": by_hour["unserved"]}, HOURS, "wishes"
        )
        + plots.lines("Waiting by hour of the search", waits, HOURS, "minutes")
        + plots.lines(
            "Drivers and wishes by hour",
            {"drivers online": by_hour["online"], "wishes": by_hour["wishes"]},
            HOURS,
            "of all cooperatives",
        )
        + _hours(found)
        + _served(found)
        + _places(found)
    )


def _why_not(found: Figures) -> str:
    outcomes = found["outcomes"]
    if not found["unserved"]:
        return "No wish was left without a vehicle."
    near, nobody = outcomes.get("no offer", 0), outcomes.get("no driver", 0)
    other = found["unserved"] - near - nobody
    return (
        f"Of {found['wishes']:,} wishes {found['unserved']:,} were not served: for {near:,} no "
        f"free driver was near, {nobody:,} were booked and no driver came in time, {other:,} "
        "failed otherwise."
    )


def _served(found: Figures) -> str:
    head = ("cooperative", "carried out", "cancelled", "half waited less than", "19 of 20 less")
    rows = [
        (own["title"], own["orders"].get("COMPLETE", 0), own["orders"].get("CANCELLED", 0),
         minutes(own["waiting_s"]["p50"]), minutes(own["waiting_s"]["p95"]))
        for own in found["cooperatives"].values()
    ]  # fmt: skip
    return _table("By cooperative", head, rows)


def _drivers(found: Figures) -> str:
    drivers = max(1, found["drivers_who_worked"])
    jobs = found["outcomes"].get("completed", 0) / drivers
    charts = "".join(
        plots.lines(
            f"{own['title']}, from who earned least to most",
            {"fares": [minor / 100 for minor in own["hourly_minor"]]},
            _every(len(own["hourly_minor"])),
            f"{own['currency']} for an hour online",
        )
        for own in found["cooperatives"].values()
    )
    return (
        "<h2>Drivers: is the work shared?</h2>"
        f"<p>{jobs:.1f} jobs were carried out for each driver who worked. If chance alone gave "
        f"them out, {exp(-jobs):.1%} of the drivers would have none; "
        f"{found['without_a_job'] / drivers:.1%} had none.</p>"
        "<p>How even it was, by two measures. Gini: 0 when all have the same, towards 1 when one "
        "has all. Jain: 1 when all have the same, towards 0 when one has all.</p>"
        f"{_work(found)}{_shifts(found)}{_earnings(found)}"
        f'<div class="two">{charts}</div>'
    )


def _every(count: int) -> list[str]:
    """The numbers under so many drivers: four or five of them."""
    step = max(1, count // 40 * 10)
    return [str(n) if n % step == 0 else "" for n in range(1, count + 1)]


def _work(found: Figures) -> str:
    head = ("cooperative", "jobs are given", "drivers", "without a job", "time at work",
            "idle time: Gini", "Jain")  # fmt: skip
    rows = [
        (own["title"], ASSIGNMENT[own["assignment"]], own["drivers"], own["without_a_job"],
         f"{own['utilisation']:.0%}", _share(own["idle"]["gini"]), _share(own["idle"]["jain"]))
        for own in found["cooperatives"].values()
    ]  # fmt: skip
    return _table("Work", head, rows, words=(1,))


def _earnings(found: Figures) -> str:
    head = ("cooperative", "a tenth less than", "half less than", "a tenth more than", "Gini",
            "Jain")  # fmt: skip
    rows = []
    for own in found["cooperatives"].values():
        parts = [quantile(own["hourly_minor"], part) for part in (0.1, 0.5, 0.9)]
        shown = ["-" if each is None else money(each, own["currency"]) for each in parts]
        even = own["earnings"]
        rows.append((own["title"], *shown, _share(even["gini"]), _share(even["jain"])))
    return _table("Fares for an hour online, before commission", head, rows)


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _shifts(found: Figures) -> str:
    rows = [
        (name, own["drivers"], own["without_a_job"], f"{own['utilisation']:.0%}")
        for name, own in found["shifts"].items()
    ]
    head = ("from", "drivers", "without a job", "time at work")
    return _table("By the hour in which a shift begins", head, rows)


def _places(found: Figures) -> str:
    head = ("place", "wishes", "not served", "half waited less than", "drivers who live there",
            "of them without a job")  # fmt: skip
    rows = [
        (name, own["wishes"], own["unserved"], minutes(own["waiting_s"]["p50"]), own["drivers"],
         own["without_a_job"])
        for name, own in found["zones"].items()
    ]  # fmt: skip
    return _table("By place", head, rows)


def _hours(found: Figures) -> str:
    by_hour = found["by_hour"]
    head = ("hour", "wishes", "not served", "drivers online", "half waited less", "19 of 20 less")
    names = ("wishes", "unserved", "online", "waiting_p50_s", "waiting_p95_s")
    rows = [
        (f"{n}:00", wishes, unserved, round(online), minutes(half), minutes(most))
        for n, (wishes, unserved, online, half, most) in enumerate(
            zip(*(by_hour[name] for name in names), strict=True)
        )
    ]
    table = _table("By hour", head, rows)
    return f"<details><summary>The same hours as a table</summary>{table}</details>"


def _contributions(found: Figures) -> str:
    rows = [
        (one["title"], one["institution"], money(one["minor"], one["currency"]))
        for one in found["schemes"].values()
    ]
    shares = [
        (own["title"], money(own["fares_minor"], own["currency"]),
         money(own["due_minor"], own["currency"]))
        for own in found["cooperatives"].values()
    ]  # fmt: skip
    charts = "".join(
        plots.bars(
            f"{one['institution']}, by hour",
            {"due": [minor / 100 for minor in one["by_hour_minor"]]},
            HOURS,
            one["currency"],
        )
        for one in found["schemes"].values()
    )
    return (
        "<h2>Contributions: what is due to the drivers' social security?</h2>"
        "<p>Each completed job, and each fee for a late cancellation, adds what the law asks; the "
        "cooperative owes it to the institution from then on.</p>"
        + _table("By scheme", ("scheme", "to", "due"), rows, words=(1,))
        + _table("By cooperative", ("cooperative", "fares", "contributions due"), shares)
        + f'<div class="two">{charts}</div>'
    )


def _making(found: Figures) -> str:
    plan, messages = found["plan"], found["messages"]
    findings = "".join(f"<li>{escape(finding)}</li>" for finding in found["findings"])
    return (
        "<h2>How this day was made</h2>"
        f"<p>Seed {plan['seed']}: the same seed gives the same day. {messages.get('sent', 0):,} "
        f"signed messages were sent and {messages.get('refused', 0):,} refused; it took "
        f"{found['cpu_s']:,.0f} s of one processor.</p>"
        + (f"<p>The auditor found:</p><ul>{findings}</ul>" if findings else "")
    )


def _table(
    title: str, head: Sequence[str], rows: Sequence[Sequence[Any]], *, words: Sequence[int] = ()
) -> str:
    """The first column names the row; those in `words` are no figures, and stand to the left."""
    top = "".join(
        f'<th scope="col"{" class=w" if n in words else ""}>{escape(each)}</th>'
        for n, each in enumerate(head)
    )
    body = "".join(
        f'<tr><th scope="row">{escape(str(row[0]))}</th>'
        + "".join(
            f"<td{' class=w' if n in words else ''}>{escape(str(each))}</td>"
            for n, each in enumerate(row[1:], 1)
        )
        + "</tr>"
        for row in rows
    )
    return (
        f'<h3>{escape(title)}</h3><div class="wide" tabindex="0" role="region" '
        f'aria-label="{escape(title)}"><table><thead><tr>{top}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )
