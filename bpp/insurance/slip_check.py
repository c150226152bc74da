"""Checks a slip offline: signature, arithmetic, and the way from its entry to a signed head.

Nothing but the slip and the cooperative's ledger key is needed; no node is asked.
"""

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bpp.insurance.engine.exact import Mode, capped, times
from bpp.insurance.engine.shares import Shares, Split, borne
from bpp.insurance.engine.standing import PeriodRule, Rounding
from bpp.insurance.slip import VERSION, MoneyIs, says, slip_id
from bpp.ledger import head, merkle, sealing
from protocol_specs.wire import strict_json
from protocol_specs.wire.canonical import canonical
from protocol_specs.wire.errors import Malformed
from protocol_specs.wire.keys import BadSignature, InvalidKey, public_key, strict_b64decode, verify
from protocol_specs.wire.money import exponent

SET_ASIDE, ROUNDING, DUE = "2200", "2205", "2210"


class BadSlip(ValueError):
    """The slip does not hold; the text names what is wrong with it."""


class _Exactly(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class SchemeShown(_Exactly):
    id: str
    title: str
    law: str
    institution: str
    basis: str
    mandate: str | None
    verified: bool
    unverified: list[str]
    after_remittance: str


class LineShown(_Exactly):
    code: str
    amount_minor: int


class BaseShown(_Exactly):
    lines: list[LineShown]
    commission_minor: int
    refund_minor: int
    base_minor: int


class RateShown(_Exactly):
    what: Literal["rate", "per_order", "per_job", "net"]
    value: str
    from_day: str = Field(alias="from")
    source: str
    verified: bool


class SharesShown(_Exactly):
    worker_rate: str
    cooperative_rate: str
    nothing_to_minor: int
    operator_only_to_minor: int
    reduced_to_minor: int
    reduced_factor: str


class OrderLineShown(_Exactly):
    amount_minor: int
    worker_minor: int
    posted_minor: int
    due_minor: int


class PeriodLineShown(_Exactly):
    rounding: Rounding
    unit_minor: int = Field(gt=0)
    mode: Mode
    origin_period: str
    declared_in: str
    posted_minor: int
    due_minor: int
    exact_sum: str
    total_minor: int
    worker_minor: int
    cap_minor: int | None
    offset_minor: int
    cap_scope: Literal["own"]


class TransferShown(_Exactly):
    n: int
    debit: str
    credit: str
    amount_minor: int


class EntryShown(_Exactly):
    id: str
    currency: str
    at: int
    kind: str
    order_key: str
    origin_period: str
    declared_in: str
    transfers: list[TransferShown]


class SlipShown(_Exactly):
    version: int
    kind: Literal["deduction_slip", "fee_slip"]
    slip_id: str
    supersedes: str | None
    state: Literal["provisional", "final"]
    issuer: str
    issued_at: int
    ledger_key: str
    worker: str
    scheme: SchemeShown
    liable_party: str
    liable_source: str
    borne_by: Literal["worker", "cooperative", "both"]
    funded_by: str | None
    currency: str
    base: BaseShown
    rate: RateShown
    shares: SharesShown | None
    job_cap_minor: int | None
    exact: str
    order_line: OrderLineShown
    period_line: PeriodLineShown
    reason: str | None
    money_is: MoneyIs
    covered_from: None
    says: str
    entry: EntryShown


@dataclass(frozen=True, slots=True)
class Verdict:
    """A slip that holds. `is_sealed`: its proof leads to a signed head, else it is pending."""

    slip_id: str
    kind: str
    state: str
    is_sealed: bool
    ledger_key: str
    scheme: str
    is_scheme_verified: bool
    currency: str
    amount_minor: int
    money_is: str
    says: str


def check(body: bytes, expected_key: bytes | None) -> Verdict:
    """Reads and checks a slip's file. Raises BadSlip naming the first thing that is wrong.

    `expected_key` is the cooperative's ledger key from elsewhere; without it the slip only proves
    that the holder of the key it names signed it.
    """
    try:
        file = strict_json.parse(body)
    except Malformed as error:
        raise BadSlip(f"the file is not a slip: {error}") from None
    if file.keys() != {"slip", "signature", "proof"}:
        raise BadSlip("the file is not a slip: it has slip, signature and proof, and nothing else")
    slip = _read(file["slip"])
    public = _key(slip, expected_key)
    _check_signature(file["slip"], file["signature"], public)
    _check_words(slip)
    _check_arithmetic(slip)
    _check_entry(slip)
    is_sealed = file["proof"] != "pending"
    if is_sealed:
        _check_proof(file["slip"]["entry"], file["proof"], public)
    return Verdict(
        slip_id=slip.slip_id,
        kind=slip.kind,
        state=slip.state,
        is_sealed=is_sealed,
        ledger_key=slip.ledger_key,
        scheme=slip.scheme.id,
        is_scheme_verified=slip.scheme.verified,
        currency=slip.currency,
        amount_minor=slip.order_line.amount_minor,
        money_is=slip.money_is,
        says=slip.says,
    )


def _read(document: object) -> SlipShown:
    try:
        slip = SlipShown.model_validate(document)
    except ValidationError as error:
        fault = error.errors()[0]
        place = ".".join(str(part) for part in fault["loc"])
        raise BadSlip(f"slip.{place}: {fault['msg']}") from None
    if slip.version != VERSION:
        raise BadSlip(f"slip.version: {slip.version} is not a version known here")
    return slip


def _key(slip: SlipShown, expected: bytes | None) -> bytes:
    try:
        named = public_key(slip.ledger_key)
    except InvalidKey as error:
        raise BadSlip(f"slip.ledger_key: {error}") from None
    if expected is not None and named != expected:
        raise BadSlip("slip.ledger_key: it is not the key you expect of this cooperative")
    return named


def _check_signature(document: object, signature: object, public: bytes) -> None:
    try:
        verify(public, canonical(document), strict_b64decode(str(signature)))
    except BadSignature:
        raise BadSlip("signature: it is not the ledger key's over this slip") from None
    except ValueError as error:
        raise BadSlip(f"signature: {error}") from None


def _check_words(slip: SlipShown) -> None:
    """The slip says what may be said of its kind of money, and carries the id of its entry."""
    kind = "fund_levy" if slip.kind == "fee_slip" else "insurance"
    _equal("says", slip.says, says(kind, slip.scheme.institution, slip.borne_by))
    _equal("slip_id", slip.slip_id, slip_id(slip.entry.id))
    for key in ("currency", "at"):
        own = slip.issued_at if key == "at" else slip.currency
        _equal(f"entry.{key}", getattr(slip.entry, key), own)
    for key in ("origin_period", "declared_in"):
        _equal(f"entry.{key}", getattr(slip.entry, key), getattr(slip.period_line, key))
    scheme, order_key, *_ = slip.entry.id.split("/")
    _equal("entry.id", (scheme, order_key), (slip.scheme.id, slip.entry.order_key))


def _check_arithmetic(slip: SlipShown) -> None:
    """Base, rate, rounding and caps give the amounts that are said."""
    base = slip.base
    earned = sum(line.amount_minor for line in base.lines)
    _equal(
        "base.base_minor",
        base.base_minor,
        max(0, earned - base.commission_minor - base.refund_minor),
    )
    exact = _decimal(slip.exact, "exact")
    _check_exact(slip, exact)
    rule = _rule(slip)
    amount = _order_line(slip, exact, rule)
    _equal("order_line.amount_minor", slip.order_line.amount_minor, amount.total)
    _equal("order_line.worker_minor", slip.order_line.worker_minor, amount.worker)
    period = slip.period_line
    if period.rounding == "period":
        target = rule.target(_decimal(period.exact_sum, "period_line.exact_sum"))
        _equal("period_line.total_minor", period.total_minor, target.total)
        _equal("period_line.worker_minor", period.worker_minor, target.worker)
    else:
        _equal("period_line.posted_minor", period.posted_minor, 0)


def _check_exact(slip: SlipShown, exact: Decimal) -> None:
    """The base times a rate, or what is left of it; or one order's amount, all or nothing."""
    value = _decimal(slip.rate.value, "rate.value")
    if slip.rate.what in ("rate", "net"):
        _equal("exact", exact, times(slip.base.base_minor, value))
    elif exact != 0:
        _equal("exact", exact, times(10 ** exponent(slip.currency), value))


def _rule(slip: SlipShown) -> PeriodRule:
    period = slip.period_line
    return PeriodRule(
        rounding=period.rounding,
        borne_by=slip.borne_by,
        unit_minor=period.unit_minor,
        mode=period.mode,
        cap_minor=period.cap_minor,
        offset_minor=period.offset_minor,
        shares=_shares(slip),
    )


def _shares(slip: SlipShown) -> Shares | None:
    shown = slip.shares
    if shown is None:
        return None
    return Shares(
        worker_rate=_decimal(shown.worker_rate, "shares.worker_rate"),
        cooperative_rate=_decimal(shown.cooperative_rate, "shares.cooperative_rate"),
        nothing_to_minor=shown.nothing_to_minor,
        operator_only_to_minor=shown.operator_only_to_minor,
        reduced_to_minor=shown.reduced_to_minor,
        reduced_factor=_decimal(shown.reduced_factor, "shares.reduced_factor"),
        unit_minor=slip.period_line.unit_minor,
    )


def _order_line(slip: SlipShown, exact: Decimal, rule: PeriodRule) -> Split:
    if rule.shares is not None:
        return rule.shares.order_line(exact)
    unit = rule.unit_minor if slip.rate.what == "rate" else 1
    return borne(capped(exact, slip.job_cap_minor, unit, rule.mode), rule.borne_by)


def _check_entry(slip: SlipShown) -> None:
    """The transfers move what the two lines say they move."""
    posted = slip.order_line.posted_minor + slip.period_line.posted_minor
    due = slip.order_line.due_minor + slip.period_line.due_minor
    aside = {SET_ASIDE, ROUNDING, DUE}
    _equal("entry.transfers (posted)", _net(slip.entry, aside), posted)
    _equal("entry.transfers (due)", _net(slip.entry, {DUE}), due)


def _net(entry: EntryShown, numbers: set[str]) -> int:
    """Credits less debits on accounts of these numbers."""
    credit = sum(t.amount_minor for t in entry.transfers if t.credit.split(":")[0] in numbers)
    debit = sum(t.amount_minor for t in entry.transfers if t.debit.split(":")[0] in numbers)
    return credit - debit


def _check_proof(entry: dict[str, Any], proof: object, public: bytes) -> None:
    """The entry and its salt lead along the path to the root of a head the ledger key signed."""
    keys = {"salt", "position", "path", "head", "head_signature"}
    if not isinstance(proof, dict) or proof.keys() != keys:
        raise BadSlip(f'proof: it has exactly {", ".join(sorted(keys))}, or is "pending"')
    if not isinstance(proof["path"], list):
        raise BadSlip("proof: its path is a list of hashes")
    try:
        found = head.read_head(proof["head"])
        head.check(found, strict_b64decode(str(proof["head_signature"])), public)
        path = [_hex(step, 32) for step in proof["path"]]
        leaf = sealing.leaf(entry, _hex(proof["salt"], sealing.SALT_BYTES))
        root = merkle.root_of_path(leaf, _whole(proof["position"]), found.leaf_count, path)
    except (ValueError, TypeError) as error:
        raise BadSlip(f"proof: {error}") from None
    _equal("proof: the root its path leads to", root.hex(), found.root)


def _hex(text: object, size: int) -> bytes:
    raw = bytes.fromhex(str(text))
    if raw.hex() != text or len(raw) != size:
        raise ValueError(f"{size} bytes in lower-case hex are needed")
    return raw


def _whole(value: object) -> int:
    if type(value) is not int:
        raise ValueError("the position is a whole number")
    return value


def _decimal(text: object, place: str) -> Decimal:
    try:
        value = Decimal(str(text))
    except InvalidOperation:
        raise BadSlip(f"slip.{place}: {text!r} is not a number") from None
    if not value.is_finite() or abs(value.adjusted()) > 30:
        raise BadSlip(f"slip.{place}: {text!r} is not an amount")
    return value


def _equal(place: str, said: object, found: object) -> None:
    if said != found:
        raise BadSlip(f"{place}: the slip says {said}, it comes to {found}")
