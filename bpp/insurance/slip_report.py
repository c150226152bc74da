"""What checking a slip found, for people and for programs: what was checked, what not."""

from collections.abc import Iterator
from typing import Any

from bpp.insurance import slip_words as words
from bpp.insurance.slip_check import Verdict
from protocol_specs.wire.money import amount


def report(verdict: Verdict) -> str:
    """The lines of `wayfare slip verify`."""
    slip = verdict.slip
    value = f"{amount(slip.order_line.amount_minor, slip.currency)} {slip.currency}"
    lines = [
        f"{words.TITLE[slip.kind]} {slip.slip_id}: {value} for {slip.scheme.id}, {slip.money_is}",
        slip.says,
        words.state(slip),
    ]
    why = words.why_nothing(slip)
    lines += [why] if why else []
    lines += [f"checked: {each}" for each in checked(verdict)]
    lines += [f"NOT checked: {each}" for each in not_checked(verdict)]
    return "\n".join(lines)


def shown(verdict: Verdict) -> dict[str, Any]:
    """The same for programs."""
    slip = verdict.slip
    return {
        "verified": True,
        "form": verdict.form,
        "sealed": verdict.is_sealed,
        "proof": verdict.proof,
        "block": verdict.block,
        "key_expected": verdict.is_key_expected,
        "witnessed": verdict.is_witnessed,
        "slip_id": slip.slip_id,
        "kind": slip.kind,
        "state": slip.state,
        "issuer": slip.issuer,
        "ledger_key": slip.ledger_key,
        "scheme": slip.scheme.id,
        "is_scheme_verified": slip.scheme.verified,
        "unverified": slip.scheme.unverified,
        "currency": slip.currency,
        "amount_minor": slip.order_line.amount_minor,
        "money_is": slip.money_is,
        "covered_from": slip.covered_from,
        "says": slip.says,
        "reason": slip.reason,
        "checked": list(checked(verdict)),
        "not_checked": list(not_checked(verdict)),
    }


def checked(verdict: Verdict) -> Iterator[str]:
    """Which checks were made; all of them held."""
    said = words.CHECKED
    signed = "credential" if verdict.form == "credential" else "signature"
    yield said[signed].format(key=verdict.slip.ledger_key)
    if verdict.is_key_expected:
        yield said["key"]
    yield said["arithmetic"]
    yield said["entry"]
    if verdict.is_sealed:
        yield said["inclusion"].format(block=verdict.block)
    if verdict.is_witnessed:
        yield said["witness"]


def not_checked(verdict: Verdict) -> Iterator[str]:
    """Which were not, and how to make those that can be made."""
    said = words.NOT_CHECKED
    if not verdict.is_key_expected:
        yield said["key"]
    if verdict.proof != "sealed":
        yield said[verdict.proof]
    elif not verdict.is_witnessed:
        yield said["witness"]
    if not verdict.slip.scheme.verified:
        yield said["figures"]
    yield said["newer"]
    yield said["job"]
