"""Kinds about jobs: what one comes to, what events post, how periods fill up."""

from datetime import date
from decimal import Decimal
from itertools import permutations
from typing import Any

from bpp.insurance.cases.values import (
    CaseRefused,
    Input,
    a_table,
    minor,
    minors,
    number,
    plain,
    shown,
    tables,
    whole,
    word,
)
from bpp.insurance.engine.assess import assess, units
from bpp.insurance.engine.exact import EXACT, capped
from bpp.insurance.engine.facts import Person, Work
from bpp.insurance.engine.shares import Split, borne
from bpp.insurance.engine.standing import Period, PeriodRule, Standing, post
from bpp.insurance.figures import Expense, JobCap, Rate
from bpp.insurance.scheme import Scheme
from bpp.insurance.scheme_file import load
from protocol_specs.wire.order import PriceLine
from protocol_specs.wire.values import replace

NOON = 1_783_000_000  # 2 July 2026
ANYBODY = Person(born=date(1990, 1, 1))
EVENTS_MAX = 7  # 5,040 orders
BY_CASE: dict[str, Any] = {"source": "case", "verified": False, "from": date(2000, 1, 1)}


def percent_scheme(given: Input, base: str = "my.act872.gig") -> Scheme:
    """A shipped scheme whose rate and rounding are the case's."""
    rate = Rate(rate=number(given, "rate"), **BY_CASE)
    return replace(load(base), rate=(rate,), job_cap=(), round_to=number(given, "unit", "0.01"))


def work(scheme: Scheme, lines: dict[str, int], **more: Any) -> Work:
    """A completed ride with these lines."""
    found = Work(
        origin_at=NOON,
        currency=scheme.currency,
        lines=tuple(PriceLine(code, amount) for code, amount in lines.items() if amount),
        sector="ride",
        vehicle_category="CAB",
    )
    return replace(found, **more)


def rule(given: Input, cap: str = "cap") -> PeriodRule:
    """Rounding by period to the case's unit, under its cap if it has one."""
    cap_minor = minor(given, cap) if given.get(cap) is not None else None
    return PeriodRule("period", unit_minor=minor(given, "unit", "0.01"), cap_minor=cap_minor)


def trip_base(given: Input) -> Input:
    scheme = percent_scheme(given)
    fare, tip = minor(given, "fare"), minor(given, "tip", "0")
    job = work(
        scheme,
        {"BASE_FARE": fare - tip, "TIP": tip},
        commission_minor=minor(given, "commission", "0"),
    )
    found = assess(scheme, job)
    return {"base": shown(found.base_minor), "exact": plain(found.exact.scaleb(-2))}


def cumulative(given: Input) -> Input:
    steps = [(Standing(), standing(given, base)) for base in minors(given, "bases")]
    posts, period = posts_of(steps, rule(given))
    return {
        "posts": [shown(each) for each in posts],
        "total": shown(period.all.posted_minor),
        "per_trip_rounding_total": shown(period.all.order_minor),
    }


def cumulative_n(given: Input) -> Input:
    step = (Standing(), standing(given, minor(given, "base")))
    posts, period = posts_of([step] * whole(given, "n"), rule(given))
    numbers = given.get("show", [])
    if not isinstance(numbers, list) or any(n not in range(1, len(posts) + 1) for n in numbers):
        raise CaseRefused(f"input.show: {numbers!r} are not numbers of jobs")
    return {
        "first": shown(posts[0]) if posts else None,
        "post_at": {str(n): shown(posts[n - 1]) for n in numbers},
        "total": shown(period.all.posted_minor),
        "per_trip_rounding_total": shown(period.all.order_minor),
    }


def events(given: Input) -> Input:
    facts = tables(given, "events")
    posts, total = _play(given, facts)
    found: Input = {"deltas": [shown(each) for each in posts], "total": shown(total)}
    if not given.get("check_permutations"):
        return found
    if len(facts) > EVENTS_MAX:
        raise CaseRefused(f"input.events: at most {EVENTS_MAX} are tried in every order")
    totals = {_play(given, list(order))[1] for order in permutations(facts)}
    return {**found, "same_total_in_any_order": totals == {total}}


def standing(given: Input, base_minor: int) -> Standing:
    """What one job of this base comes to."""
    scheme = percent_scheme(given)
    found = assess(scheme, work(scheme, {"BASE_FARE": base_minor}))
    return Standing(found.exact, found.amount, is_due=True)


def posts_of(steps: list[tuple[Standing, Standing]], by: PeriodRule) -> tuple[list[int], Period]:
    """What each step posts, and the period after all."""
    period, posts = Period(), []
    for before, now in steps:
        posting, period = post(period, before, now, by)
        posts.append(posting.total_minor)
    return posts, period


def _play(given: Input, order: list[Input]) -> tuple[list[int], int]:
    """Events as they arrive; each job stands as all that is known of it says, repeats once."""
    seen: dict[str, Input] = {}
    stands: dict[str, Standing] = {}
    steps = []
    for event in order:
        name, job = word(event, "event_id"), word(event, "trip")
        if seen.setdefault(name, event) != event:
            raise CaseRefused(f"input.events: {name!r} stands twice and says two things")
        before = stands.get(job, Standing())
        facts = [each for each in seen.values() if each["trip"] == job]
        stands[job] = standing(given, _base_of(facts))
        steps.append((before, stands[job]))
    posts, period = posts_of(steps, rule(given))
    return posts, period.all.posted_minor


def _base_of(facts: list[Input]) -> int:
    kinds = {word(fact, "type") for fact in facts}
    for kind in sorted(kinds - {"confirm", "cancel", "refund"}):
        raise CaseRefused(f"input.events: {kind!r} is no type of event")
    if "cancel" in kinds:
        return 0
    confirmed = sum(minor(fact, "base") for fact in facts if fact["type"] == "confirm")
    refunded = sum(minor(fact, "amount") for fact in facts if fact["type"] == "refund")
    return max(0, confirmed - refunded)


def pct_capped(given: Input) -> Input:
    tip, incentive = minor(given, "tip", "0"), minor(given, "incentive", "0")
    fare = minor(given, "payout") - tip - incentive
    found = _fee(given, {"BASE_FARE": fare, "TIP": tip, "INCENTIVE": incentive})
    return {"fee": shown(found.total), "worker_deduction": shown(found.worker)}


def pct_capped_refund(given: Input) -> Input:
    lines = {"BASE_FARE": minor(given, "payout")}
    before = _fee(given, lines).total
    after = _fee(given, lines, refund_minor=minor(given, "refund")).total
    return {"before": shown(before), "after": shown(after), "delta": shown(after - before)}


def _fee(given: Input, lines: dict[str, int], refund_minor: int = 0) -> Split:
    scheme = percent_scheme(given, "in.karnataka.pbgw2025")
    cap = JobCap(sector="ride", amounts={"4W": number(given, "cap")}, **BY_CASE)
    scheme = replace(scheme, job_cap=(cap,))
    return assess(scheme, work(scheme, lines, refund_minor=refund_minor)).amount


def per_order(given: Input) -> Input:
    scheme = load("cn.occupational-injury")
    accepted, voided = whole(given, "accepted"), whole(given, "voided", 0)
    if voided > accepted:
        raise CaseRefused("input.voided: more than were accepted")
    exact = units(scheme, accepted - voided, number(given, "rate"))
    amount = borne(capped(exact, None), scheme.borne_by)
    return {"contribution": shown(amount.total), "worker_deduction": shown(amount.worker)}


def feda(given: Input) -> Input:
    modes = a_table(given, "feda")
    expense = Expense(shares={mode: number(modes, mode) for mode in modes}, **BY_CASE)
    classes: dict[str, tuple[str, ...]] = {mode: (mode,) for mode in modes}
    scheme = replace(load("sg.cpf.platform"), expense=(expense,), vehicle_classes=classes)
    net = Decimal(0)
    for each in tables(given, "earnings"):
        lines = {"BASE_FARE": minor(each, "gross")}
        job = work(scheme, lines, vehicle_category=word(each, "mode"))
        found = assess(scheme, job, ANYBODY)
        net = EXACT.add(net, found.exact)
    return {"net": shown(capped(net, None))}


def micro_to_flat(given: Input) -> Input:
    each, flat = minor(given, "per_trip"), minor(given, "flat")
    now = Standing(Decimal(each), borne(each, "worker"), is_due=True)
    steps = [(Standing(), now)] * whole(given, "trips")
    posts, period = posts_of(steps, PeriodRule("period", cap_minor=flat))
    places = 0 if is_whole(given, "flat", "per_trip") else 2
    nonzero = [index for index, posted in enumerate(posts, 1) if posted]
    is_full = period.all.posted_minor == flat
    return {
        "trips_until_full": nonzero[-1] if is_full and nonzero else None,
        "last_nonzero_post": shown(posts[nonzero[-1] - 1], places) if nonzero else None,
        "total": shown(period.all.posted_minor, places),
        "post_on_last_trip": shown(posts[-1], places) if posts else None,
    }


def is_whole(given: Input, *keys: str) -> bool:
    """Whether the case writes these amounts without decimals, so that the answer has none."""
    return not any("." in str(given.get(key, "")) for key in keys)
