#!/usr/bin/env python3
"""Runs worked contribution examples through the real engine: check_contributions.py FACTS_DIR.

Reads FACTS_DIR/contribution_vectors.json; exits 1 on any mismatch. Kinds that no part of the
engine covers yet are counted and named, never passed over in silence.
"""

import json
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from itertools import permutations
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bpp.insurance import contributions, scheme
from bpp.insurance.contributions import Period, Standing
from bpp.insurance.job import Job
from protocol_specs.wire.order import PaymentTerms, PriceLine

Vector = dict[str, Any]
MY, KA = "my.act872.gig", "in.karnataka.pbgw2025"
NOON = 1_783_000_000  # 2 July 2026
ON = scheme.load(MY).day(NOON)


def minor(text: str) -> int:
    """Minor units of a two-decimal currency."""
    value = Decimal(text) * 100
    if value != int(value):
        raise ValueError(f"{text} is finer than a minor unit")
    return int(value)


def major(amount_minor: int) -> str:
    return str((Decimal(amount_minor) / 100).quantize(Decimal("0.01")))


def job(*lines: PriceLine, currency: str, sector: str = "ride", vehicle: str = "CAB") -> Job:
    return Job(
        key="order",
        n=1,
        confirmed_at=NOON,
        planned_start=None,
        currency=currency,
        lines=lines,
        payment=PaymentTerms("BAP", "PRE-ORDER"),
        sector=sector,  # type: ignore[arg-type]  # one of the two words
        vehicle_category=vehicle,
        agent_id="agent",
        slot=1,
        status="completed",
    )


def shipped(name: str, rate: str) -> scheme.Scheme:
    """The shipped pack, whose rate must be the example's."""
    pack = scheme.load(name)
    if pack.rate_on(ON).rate != Decimal(rate):
        raise ValueError(f"{name} has another rate than the example's {rate}")
    return pack


def trip_base(given: Vector) -> Vector:
    pack = shipped(MY, given["rate"])
    tip = minor(given.get("tip", "0"))
    fare = minor(given["fare"]) - tip  # the example's fare includes the tip
    commission = Decimal(minor(given.get("commission", "0"))) / fare
    lines = (PriceLine("BASE_FARE", fare), PriceLine("TIP", tip))
    found = contributions.assess(pack, job(*lines, currency="MYR"), commission)
    return {"base": major(found.base_minor), "exact": str((found.exact / 100).normalize())}


def standing(pack: scheme.Scheme, base_minor: int) -> Standing:
    """What one job of this base comes to."""
    line = PriceLine("BASE_FARE", base_minor)
    found = contributions.assess(pack, job(line, currency="MYR"), Decimal(0))
    return Standing(found.exact, found.amount_minor, is_due=True)


def posts_of(steps: list[tuple[Standing, Standing]], cap: str | None) -> tuple[list[int], Period]:
    period, posts = Period(), []
    for before, now in steps:
        cap_minor = None if cap is None else minor(cap)
        posting, period = contributions.post(
            period, before, now, rounding="period", cap_minor=cap_minor
        )
        if posting.total_minor != posting.due_order_minor + posting.due_period_minor:
            raise ValueError("what is due differs from what was set aside")
        posts.append(posting.total_minor)
    return posts, period


def cumulative(given: Vector) -> Vector:
    pack = shipped(MY, given["rate"])
    steps = [(Standing(), standing(pack, minor(base))) for base in given["bases"]]
    posts, period = posts_of(steps, given.get("cap"))
    return {
        "posts": [major(post) for post in posts],
        "total": major(period.all.posted_minor),
        "per_trip_rounding_total": major(period.all.order_minor),
    }


def cumulative_n(given: Vector) -> Vector:
    pack = shipped(MY, given["rate"])
    steps = [(Standing(), standing(pack, minor(given["base"])))] * given["n"]
    posts, period = posts_of(steps, given["cap"])
    return {
        "first": major(posts[0]),
        "post_at": {str(n): major(posts[n - 1]) for n in given["show"]},
        "total": major(period.all.posted_minor),
        "per_trip_rounding_total": major(period.all.order_minor),
    }


def events(given: Vector) -> Vector:
    posts, total = play(given, given["events"])
    orders = permutations(given["events"]) if given.get("check_permutations") else ()
    same = all(play(given, list(order))[1] == total for order in orders)
    found: Vector = {"deltas": [major(post) for post in posts], "total": major(total)}
    return {**found, "same_total_in_any_order": same} if given.get("check_permutations") else found


def play(given: Vector, order: list[Vector]) -> tuple[list[int], int]:
    """Events as they arrive; each trip stands as all that is known of it says."""
    pack = shipped(MY, given["rate"])
    known: dict[str, dict[str, Vector]] = {}
    stands: dict[str, Standing] = {}
    steps = []
    for event in order:
        trip = known.setdefault(event["trip"], {})
        trip[event["event_id"]] = event
        before = stands.get(event["trip"], Standing())
        stands[event["trip"]] = standing(pack, base_of(list(trip.values())))
        steps.append((before, stands[event["trip"]]))
    posts, period = posts_of(steps, given.get("cap"))
    return posts, period.all.posted_minor


def base_of(facts: list[Vector]) -> int:
    if any(fact["type"] == "cancel" for fact in facts):
        return 0
    confirmed = sum(minor(fact["base"]) for fact in facts if fact["type"] == "confirm")
    refunded = sum(minor(fact["amount"]) for fact in facts if fact["type"] == "refund")
    return max(0, confirmed - refunded)


def pct_capped(given: Vector) -> Vector:
    tip, incentive = minor(given.get("tip", "0")), minor(given.get("incentive", "0"))
    fare = minor(given["payout"]) - tip - incentive
    lines = (
        PriceLine("BASE_FARE", fare),
        PriceLine("TIP", tip),
        PriceLine("INCENTIVE", incentive),
    )
    return {"fee": major(fee(given, lines)), "worker_deduction": "0.00"}


def pct_capped_refund(given: Vector) -> Vector:
    lines = (PriceLine("BASE_FARE", minor(given["payout"])),)
    before = fee(given, lines)
    after = fee(given, lines, refund_minor=minor(given["refund"]))
    return {"before": major(before), "after": major(after), "delta": major(after - before)}


def fee(given: Vector, lines: tuple[PriceLine, ...], refund_minor: int = 0) -> int:
    """The Karnataka fee of a job whose sector and vehicle have the example's cap."""
    pack = shipped(KA, given["rate"])
    if pack.borne_by != "cooperative":
        raise ValueError("the worker would bear it")
    sector, vehicle = pair_of(pack, minor(given["cap"]))
    one = job(*lines, currency="INR", sector=sector, vehicle=vehicle)
    one = replace(one, refund_by_worker_minor=refund_minor)
    return contributions.assess(pack, one, Decimal(0)).amount_minor


def pair_of(pack: scheme.Scheme, cap_minor: int) -> tuple[str, str]:
    for cap in pack.job_cap:
        for name, amount in cap.amounts.items():
            if pack.minor(amount) == cap_minor:
                return cap.sector, pack.vehicle_classes[name][0]
    raise ValueError(f"no sector and vehicle has the cap {cap_minor}")


def period(given: Vector) -> Vector:
    at = int(datetime.fromisoformat(given["instant"]).timestamp())
    local = replace(scheme.load(MY), zone=given["tz"])
    return {
        "local": datetime.fromtimestamp(at, ZoneInfo(given["tz"])).isoformat(),
        "month": local.period_of(at),
        "indian_fy_quarter": replace(local, period="indian_quarter").period_of(at),
    }


COVERED: dict[str, Callable[[Vector], Vector]] = {
    "cumulative": cumulative,
    "cumulative_n": cumulative_n,
    "events": events,
    "pct_capped": pct_capped,
    "pct_capped_refund": pct_capped_refund,
    "period": period,
    "trip_base": trip_base,
}


def main() -> int:
    if len(sys.argv) != 2:
        print("usage: check_contributions.py FACTS_DIR", file=sys.stderr)
        return 2
    path = Path(sys.argv[1]) / "contribution_vectors.json"
    vectors = json.loads(path.read_text(encoding="utf-8"))["vectors"]
    ran, wrong = Counter[str](), 0
    for vector in vectors:
        run = COVERED.get(vector["kind"])
        if run is None:
            continue
        ran[vector["kind"]] += 1
        found = run(vector["input"])
        if found != vector["expect"]:
            wrong += 1
            print(f"MISMATCH {vector['id']}: expected {vector['expect']}, engine gives {found}")
    waiting = Counter(v["kind"] for v in vectors if v["kind"] not in COVERED)
    for kind in sorted(COVERED.keys() - ran.keys()):
        wrong += 1
        print(f"MISMATCH: no example of kind {kind} was found")
    print(f"{ran.total()} examples ran, {wrong} wrong: {dict(sorted(ran.items()))}")
    print(f"{waiting.total()} wait for their part of the engine: {dict(sorted(waiting.items()))}")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
