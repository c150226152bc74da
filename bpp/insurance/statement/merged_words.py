"""What slips of several cooperatives mean together, in words and for programs."""

from collections.abc import Iterator
from typing import Any

from bpp.insurance.statement.merging import LeftOut, Merged, Taken, Together
from bpp.insurance.statement.telling import harmless
from protocol_specs.wire import money

LEFT_OUT = {
    "does_not_hold": "does NOT hold and does not count: {detail}",
    "contradicts": "does not count: these share an id and say different things: {detail}",
    "other_key": "does not count: {detail}",
    "doubled": "counts once, as {detail}",
    "superseded": "is older than {detail}, which counts in its place",
}
UNSEEN = (
    "Only slips that were given can count. What another cooperative set aside, whose slips are not "
    "here, cannot be seen."
)
NO_COVER = "None of this is proof of cover: only the institution's own signed answer is."


def report(merged: Merged) -> str:
    """The lines of `wayfare statement merge`."""
    return "\n".join(harmless(line) for line in _report(merged))


def _report(merged: Merged) -> Iterator[str]:
    for each in merged.together:
        yield from _together(each)
        yield ""
    yield from (_left_out(each) for each in merged.left_out)
    for issuer in merged.unvouched:
        yield (
            f"NOT checked: whose key signed the slips of {issuer}: give the published one, "
            f"--key {issuer}=KEY"
        )
    yield UNSEEN
    yield NO_COVER


def _together(each: Together) -> Iterator[str]:
    def amount(minor: int) -> str:
        return f"{money.amount(minor, each.currency)} {each.currency}"

    what = "fees" if each.kind == "fee_slip" else "contributions"
    yield f"{each.scheme} {each.period}: {what} for {each.institution}, {amount(each.taken_minor)}"
    for taken in each.of:
        yield from (f"  {line}" for line in _taken(taken, each))
    if each.cap_minor is not None:
        yield f"  at most {amount(each.cap_minor)} over all: {amount(each.total_minor)} counts"
    if each.prepaid_minor:
        yield f"  bought ahead, counted once: {amount(each.prepaid_minor)}"
    if each.plan is not None and each.plan_minor is not None:
        yield from (f"  {line}" for line in _plan(each))
    if not each.verified:
        yield f"  the figures are not confirmed by {each.institution}"


def _taken(taken: Taken, each: Together) -> Iterator[str]:
    def amount(minor: int) -> str:
        return f"{money.amount(minor, each.currency)} {each.currency}"

    jobs = "1 job" if taken.slips == 1 else f"{taken.slips} jobs"
    open_ = f", {taken.provisional} not over yet" if taken.provisional else ""
    yield f"{taken.issuer}: {amount(taken.taken_minor)} of {jobs}{open_}"
    if taken.unseen != "0":
        yield (
            f"  slips of {taken.issuer} are missing here: its newest one counts more jobs; "
            "fetch them and merge again"
        )
    if taken.too_much_minor:
        yield (
            f"  {amount(taken.too_much_minor)} is beyond the limit of all together: the others "
            f"came first. Claim it from {taken.issuer}, with these slips"
        )


def _plan(each: Together) -> Iterator[str]:
    def amount(minor: int) -> str:
        return f"{money.amount(minor, each.currency)} {each.currency}"

    plan_minor = each.plan_minor or 0
    if each.shortfall_minor:
        yield (
            f"lacking to plan {each.plan} ({amount(plan_minor)}): {amount(each.shortfall_minor)} "
            f"in all. Only {each.institution} can say it finally"
        )
    else:
        yield f"nothing lacks to plan {each.plan} ({amount(plan_minor)})"
    if each.excess_minor:
        yield f"beyond the highest plan that it pays for: {amount(each.excess_minor)}"
    wrong = [t for t in each.of if t.alone_minor and t.alone_minor != each.shortfall_minor]
    for taken in wrong if len(each.of) > 1 else ():
        yield (
            f"{taken.issuer} alone would see {amount(taken.alone_minor or 0)} lacking: it cannot "
            "know of the others"
        )


def _left_out(each: LeftOut) -> str:
    return f"{each.name}: {LEFT_OUT[each.why].format(detail=each.detail)}"


def shown(merged: Merged) -> dict[str, Any]:
    """The same for programs."""
    return {
        "together": [_shown(each) for each in merged.together],
        "left_out": [
            {"file": each.name, "why": each.why, "detail": each.detail} for each in merged.left_out
        ],
        "key_not_given": list(merged.unvouched),
        "says": [UNSEEN, NO_COVER],
    }


def _shown(each: Together) -> dict[str, Any]:
    names = [name for name in each.__slots__ if name != "of"]
    of = [
        {**{name: getattr(t, name) for name in t.__slots__}, "too_much_minor": t.too_much_minor}
        for t in each.of
    ]
    return {
        **{name: getattr(each, name) for name in names},
        "taken_minor": each.taken_minor,
        "total_minor": each.total_minor,
        "cooperatives": of,
    }
