"""Slips of several cooperatives taken together: what one worker's period comes to in all.

Pure, offline: nothing but the slips and, if given, the cooperatives' ledger keys. One shortfall and
not one of each; a cap over all, who came first keeping what was taken (docs/statement.md). What a
cooperative set aside whose slips are not here cannot be seen.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from bpp.declined import Declined
from bpp.insurance.engine import calendar, plans
from bpp.insurance.engine.exact import EXACT
from bpp.insurance.engine.standing import PeriodRule
from bpp.insurance.scheme import NotInsurable, Scheme
from bpp.insurance.scheme_file import SchemeError, load
from bpp.insurance.slip_check import BadSlip, Verdict, check, period_rule
from bpp.insurance.slip_shape import SlipShown

Why = Literal["does_not_hold", "doubled", "contradicts", "superseded", "other_key"]


_ENTRY = re.compile(r"[^/]+/[^/]+/[0-9]{1,9}/[0-9]{1,9}")  # scheme, order, worker slot, event


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file that does not count, and why; `detail` names the fault or the slip that counts."""

    name: str
    why: Why
    detail: str

    @property
    def is_refused(self) -> bool:
        """Whether it is no mere repetition: it does not hold, or contradicts another."""
        return self.why in ("does_not_hold", "contradicts", "other_key")


@dataclass(frozen=True, slots=True)
class Taken:
    """What one cooperative's slips come to in a period, in minor units.

    `kept_minor` is what stays of it under the cap over all, by time; the rest is too much.
    `alone_minor` is the shortfall this cooperative would see by its own sums, None without plans.
    `unseen_minor`: by so much its newest slip's sum is above what the slips here come to, in exact
    decimal text; "0": all are here.
    """

    issuer: str
    slips: int
    provisional: int
    taken_minor: int
    worker_minor: int
    kept_minor: int
    alone_minor: int | None
    unseen: str

    @property
    def too_much_minor(self) -> int:
        return self.taken_minor - self.kept_minor


@dataclass(frozen=True, slots=True)
class Together:
    """One scheme's period over all cooperatives. `shortfall_minor` None: there are no plans."""

    scheme: str
    institution: str
    period: str
    currency: str
    kind: Literal["deduction_slip", "fee_slip"]
    verified: bool
    cap_minor: int | None
    prepaid_minor: int
    of: tuple[Taken, ...]
    plan: str | None
    plan_minor: int | None
    shortfall_minor: int | None
    excess_minor: int | None

    @property
    def taken_minor(self) -> int:
        return sum(each.taken_minor for each in self.of)

    @property
    def total_minor(self) -> int:
        """What counts of it: never above the cap over all."""
        return sum(each.kept_minor for each in self.of)


@dataclass(frozen=True, slots=True)
class Merged:
    """All periods, what was left out, and the issuers whose key nobody vouched for."""

    together: tuple[Together, ...]
    left_out: tuple[LeftOut, ...]
    unvouched: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Held:
    name: str
    verdict: Verdict

    @property
    def slip(self) -> SlipShown:
        return self.verdict.slip

    @property
    def place(self) -> tuple[str, ...]:
        """What it is about: issuer, scheme, order, worker slot."""
        return (self.slip.issuer, *self.slip.entry.id.split("/")[:3])

    @property
    def n(self) -> int:
        """The number of the order's event."""
        return int(self.slip.entry.id.split("/")[3])


def merge(
    files: Iterable[tuple[str, bytes]], keys: Mapping[str, bytes], plan: str | None = None
) -> Merged:
    """What these slips (name of the file, its bytes) mean together.

    `keys` are ledger keys by issuer, from elsewhere; `plan` the plan that the worker chose, the
    smallest without it. Raises Declined: slips of two people, or a plan that the scheme has not.
    """
    left_out: list[LeftOut] = []
    held = _one_key(list(_holding(files, keys, left_out)), keys, left_out)
    held = _once(held, left_out)
    _require_one_person(held)
    newest, first_at = _newest(held, left_out)
    by_period: dict[tuple[str, str, str], list[_Held]] = defaultdict(list)
    for each in newest:
        slip = each.slip
        by_period[slip.scheme.id, slip.period_line.origin_period, slip.currency].append(each)
    return Merged(
        together=tuple(_together(by_period[key], first_at, plan) for key in sorted(by_period)),
        left_out=tuple(left_out),
        unvouched=tuple(sorted({each.slip.issuer for each in newest} - keys.keys())),
    )


def _holding(
    files: Iterable[tuple[str, bytes]], keys: Mapping[str, bytes], left_out: list[LeftOut]
) -> Iterable[_Held]:
    for name, body in files:
        try:
            verdict = check(body, None)
            if verdict.slip.issuer in keys:
                verdict = check(body, keys[verdict.slip.issuer])
            held = _Held(name, verdict)
            if _ENTRY.fullmatch(held.slip.entry.id) is None:
                raise BadSlip("entry.id: it does not say order, worker slot and event")
            calendar.first_day(held.slip.period_line.origin_period)
            yield held
        except BadSlip as error:
            left_out.append(LeftOut(name, "does_not_hold", str(error)))
        except ValueError as error:
            left_out.append(LeftOut(name, "does_not_hold", f"period_line.origin_period: {error}"))


def _one_key(
    held: Sequence[_Held], keys: Mapping[str, bytes], left_out: list[LeftOut]
) -> list[_Held]:
    """Nobody vouched for an issuer whose slips name two keys: none of them counts."""
    named: dict[str, set[str]] = defaultdict(set)
    for each in held:
        named[each.slip.issuer].add(each.slip.ledger_key)
    kept = []
    for each in held:
        if each.slip.issuer in keys or len(named[each.slip.issuer]) == 1:
            kept.append(each)
        else:
            detail = f"slips of {each.slip.issuer} name different ledger keys; say which with --key"
            left_out.append(LeftOut(each.name, "other_key", detail))
    return kept


def _once(held: Sequence[_Held], left_out: list[LeftOut]) -> list[_Held]:
    """Each slip one time; two that share an id and differ count not at all."""
    of_id: dict[tuple[str, str], list[_Held]] = defaultdict(list)
    for each in held:
        of_id[each.slip.issuer, each.slip.slip_id].append(each)
    kept = []
    for same in of_id.values():
        first = same[0]
        if any(each.verdict.document != first.verdict.document for each in same):
            names = ", ".join(each.name for each in same)
            left_out += [LeftOut(each.name, "contradicts", names) for each in same]
            continue
        kept.append(first)
        left_out += [LeftOut(each.name, "doubled", first.name) for each in same[1:]]
    return kept


def _require_one_person(held: Sequence[_Held]) -> None:
    workers: dict[str, set[str]] = defaultdict(set)
    for each in held:
        workers[each.slip.issuer].add(each.slip.worker)
    for issuer, names in workers.items():
        if len(names) > 1:
            raise Declined(
                f"the slips of {issuer} are of {len(names)} workers ({', '.join(sorted(names))}); "
                "a merged statement is one person's: give one person's slips"
            )


def _newest(
    held: Sequence[_Held], left_out: list[LeftOut]
) -> tuple[list[_Held], dict[tuple[str, ...], int]]:
    """Of each job the newest slip, and when its first slip here was signed."""
    of_job: dict[tuple[str, ...], list[_Held]] = defaultdict(list)
    for each in held:
        of_job[each.place].append(each)
    kept, first_at = [], {}
    for place, slips in of_job.items():
        *older, last = sorted(slips, key=lambda each: each.n)
        first_at[place] = min(each.slip.issued_at for each in slips)
        kept.append(last)
        left_out += [LeftOut(each.name, "superseded", last.name) for each in older]
    return kept, first_at


def _together(
    held: Sequence[_Held], first_at: Mapping[tuple[str, ...], int], plan: str | None
) -> Together:
    some = held[0].slip
    in_time = sorted(held, key=lambda each: (first_at[each.place], each.place))
    rules = {issuer: _rule(slips) for issuer, slips in _by_issuer(held).items()}
    posts = _posts(in_time, rules)
    cap = _cap(held, rules)
    kept = _kept(posts, cap)
    found = _compared(some, sum(kept.values()), prepaid := _prepaid(rules), plan)
    taken = [
        _taken(issuer, slips, rules[issuer], posts, kept[issuer], found)
        for issuer, slips in _by_issuer(in_time).items()
    ]
    return Together(
        scheme=some.scheme.id,
        institution=some.scheme.institution,
        period=some.period_line.origin_period,
        currency=some.currency,
        kind=some.kind,
        verified=all(each.slip.scheme.verified for each in held),
        cap_minor=cap,
        prepaid_minor=prepaid,
        of=tuple(taken),
        plan=found.plan if found else None,
        plan_minor=found.plan_minor if found else None,
        shortfall_minor=found.shortfall_minor if found else None,
        excess_minor=found.excess_minor if found else None,
    )


def _by_issuer(held: Sequence[_Held]) -> dict[str, list[_Held]]:
    """In the order in which they first come."""
    found: dict[str, list[_Held]] = defaultdict(list)
    for each in held:
        found[each.slip.issuer].append(each)
    return found


def _last(slips: Sequence[_Held]) -> SlipShown:
    return max(slips, key=lambda each: (each.slip.issued_at, each.n)).slip


def _rule(slips: Sequence[_Held]) -> PeriodRule:
    """How this cooperative's period becomes money, as its newest slip says."""
    return period_rule(_last(slips))


def _prepaid(rules: Mapping[str, PeriodRule]) -> int:
    """What was bought ahead: each cooperative counts all of it, together it counts once."""
    return max((rule.offset_minor for rule in rules.values()), default=0)


def _cap(held: Sequence[_Held], rules: Mapping[str, PeriodRule]) -> int | None:
    """The cap of the period over all, less what was bought ahead; None: no slip names one.

    A scheme that rounds each job has caps of jobs alone: nothing is to be shared out.
    """
    caps = [rule.cap_minor for rule in rules.values() if rule.cap_minor is not None]
    if not caps or held[0].slip.period_line.rounding != "period":
        return None
    return max(0, max(caps) - _prepaid(rules))


def _posts(in_time: Sequence[_Held], rules: Mapping[str, PeriodRule]) -> list[tuple[str, int]]:
    """What each job adds to its own cooperative's sum, as it comes in time."""
    exact = dict.fromkeys(rules, Decimal(0))
    stood = dict.fromkeys(rules, 0)
    found = []
    for each in in_time:
        issuer, rule = each.slip.issuer, rules[each.slip.issuer]
        if rule.rounding != "period":
            found.append((issuer, each.slip.order_line.amount_minor))
            continue
        exact[issuer] = EXACT.add(exact[issuer], Decimal(each.slip.exact))
        now = rule.target(exact[issuer]).total
        found.append((issuer, now - stood[issuer]))
        stood[issuer] = now
    return found


def _kept(posts: Sequence[tuple[str, int]], cap_minor: int | None) -> dict[str, int]:
    """Who came first keeps what was taken, up to the cap over all."""
    kept: dict[str, int] = defaultdict(int)
    left = cap_minor
    for issuer, minor in posts:
        stays = minor if left is None else min(minor, left)
        kept[issuer] += stays
        left = None if left is None else left - stays
    return kept


@dataclass(frozen=True, slots=True)
class _Compared:
    plan: str
    plan_minor: int
    shortfall_minor: int
    excess_minor: int


def _compared(slip: SlipShown, total: int, prepaid: int, plan: str | None) -> _Compared | None:
    """The sum of all beside the scheme's plans; None: it has none, or its file is not known."""
    scheme = _pack(slip)
    if scheme is None or not scheme.plan:
        return None
    day = calendar.first_day(slip.period_line.origin_period)
    try:
        chosen = plans.plan_in(scheme, day, plan)
        every = [
            plans.contribution_minor(scheme, each, day) for each in plans.plans_on(scheme, day)
        ]
        wanted = plans.contribution_minor(scheme, chosen, day)
    except NotInsurable as error:
        raise Declined(str(error)) from None
    found = plans.compare(total + prepaid, every, wanted)
    return _Compared(chosen.name, wanted, found.shortfall_minor, found.excess_minor)


def _pack(slip: SlipShown) -> Scheme | None:
    try:
        return load(slip.scheme.id)
    except SchemeError:
        return None


def _taken(
    issuer: str,
    slips: Sequence[_Held],
    rule: PeriodRule,
    posts: Sequence[tuple[str, int]],
    kept_minor: int,
    found: _Compared | None,
) -> Taken:
    taken = sum(minor for name, minor in posts if name == issuer)
    exact = sum((Decimal(each.slip.exact) for each in slips), Decimal(0))
    if rule.rounding == "period":
        worker = rule.target(exact).worker
    else:
        worker = sum(each.slip.order_line.worker_minor for each in slips)
    alone = max(0, found.plan_minor - taken - rule.offset_minor) if found else None
    unseen = _sums_said(slips) - exact
    return Taken(
        issuer=issuer,
        slips=len(slips),
        provisional=sum(each.slip.state == "provisional" for each in slips),
        taken_minor=taken,
        worker_minor=worker,
        kept_minor=kept_minor,
        alone_minor=alone,
        unseen=format(max(unseen, Decimal(0)), "f"),
    )


def _sums_said(slips: Sequence[_Held]) -> Decimal:
    """The exact sum of the period as the newest slip has it; of several in one second, the most."""
    at = max(each.slip.issued_at for each in slips)
    newest = [each.slip for each in slips if each.slip.issued_at == at]
    return max(Decimal(slip.period_line.exact_sum) for slip in newest)
