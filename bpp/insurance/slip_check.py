"""Checks a slip offline, in whatever form it comes: signature, arithmetic, and the way from its
entry to a signed head.

Nothing but the slip and the cooperative's ledger key is needed; no node is asked. Forms: the file
`{slip, signature, proof}`, the verifiable credential, and the text of a QR code.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from bpp.insurance import slip_credential, slip_qr
from bpp.insurance.engine.exact import capped, times
from bpp.insurance.engine.shares import Shares, Split, borne
from bpp.insurance.engine.standing import PeriodRule
from bpp.insurance.slip import VERSION, says, slip_id
from bpp.insurance.slip_qr import LEFT_OUT
from bpp.insurance.slip_shape import CapShown, EntryShown, SlipShown
from bpp.ledger import head, merkle, sealing
from bpp.ledger.witness import Witnessed
from protocol_specs.wire import strict_json
from protocol_specs.wire.canonical import canonical
from protocol_specs.wire.data_integrity import BadProof
from protocol_specs.wire.errors import Malformed
from protocol_specs.wire.keys import BadSignature, InvalidKey, public_key, strict_b64decode, verify
from protocol_specs.wire.money import exponent

PENDING = "pending"
SET_ASIDE, ROUNDING, DUE = "2200", "2205", "2210"
DECLARED = {"1260", "2240"}  # what came back of it: owed by the institution, held beyond the plan

_PLAIN = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?")

Form = Literal["file", "credential", "qr"]


class BadSlip(ValueError):
    """The slip does not hold; the text names what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A slip that holds. `slip` is what it says, `document` the same as JSON.

    `proof`: sealed if it leads to a signed head (then `block` is its number), pending, or left out
    of a QR code. `is_key_expected`: the key was given from elsewhere. `is_witnessed`: that head is
    in the witness that was given.
    """

    form: Form
    slip: SlipShown
    document: dict[str, Any]
    signature: str | None  # of the slip alone; None in a credential
    proof: Literal["sealed", "pending", "left_out"]
    inclusion: object
    block: int | None
    is_key_expected: bool
    is_witnessed: bool

    @property
    def is_sealed(self) -> bool:
        return self.proof == "sealed"


def check(
    body: bytes, expected_key: bytes | None, witnessed: Sequence[Witnessed] | None = None
) -> Verdict:
    """Reads and checks a slip of any form. Raises BadSlip naming the first thing that is wrong.

    `expected_key` is the cooperative's ledger key from elsewhere; without it the slip only proves
    that the holder of the key it names signed it. `witnessed` are the heads of a witness: a proof
    that leads to none of them does not hold.
    """
    form, file = _open(body)
    document, proof = file["slip"], file["proof"]
    slip = _read(document)
    public = _key(slip, expected_key)
    if form == "credential":
        _check_credential(file["credential"], document, proof, public)
    else:
        _check_signature(document, file["signature"], public)
    _check_words(slip)
    try:
        _check_arithmetic(slip)
    except ArithmeticError:  # beyond 60 digits
        raise BadSlip("a figure has too many digits to be one") from None
    _check_entry(slip)
    sealed = (
        None if proof in (PENDING, LEFT_OUT) else _check_proof(document["entry"], proof, public)
    )
    if sealed is not None and witnessed is not None and sealed not in witnessed:
        raise BadSlip(f"proof: the witness does not know this block {sealed.head.number}")
    return Verdict(
        form=form,
        slip=slip,
        document=document,
        signature=file["signature"],
        proof="sealed" if sealed else proof,
        inclusion=proof,
        block=sealed.head.number if sealed else None,
        is_key_expected=expected_key is not None,
        is_witnessed=sealed is not None and witnessed is not None,
    )


def _open(body: bytes) -> tuple[Form, dict[str, Any]]:
    """The slip, its signature and proof, and the credential if it is one."""
    try:
        if slip_qr.is_text(body):
            return "qr", _file(strict_json.parse(slip_qr.unpack(body)))
        found = strict_json.parse(body)
    except (Malformed, slip_qr.BadText) as error:
        raise BadSlip(
            f"the file is not a slip: {error} Give the file of a slip, the text of its QR code, or "
            "its credential"
        ) from None
    if "credentialSubject" not in found:
        return "file", _file(found)
    subject = found["credentialSubject"]
    if not isinstance(subject, dict) or subject.keys() != {"slip", "inclusion"}:
        raise BadSlip("credentialSubject: it has slip and inclusion, and nothing else")
    parts = {"slip": subject["slip"], "proof": subject["inclusion"], "signature": None}
    return "credential", {**parts, "credential": found}


def _file(found: dict[str, Any]) -> dict[str, Any]:
    if found.keys() != {"slip", "signature", "proof"}:
        raise BadSlip("the file is not a slip: it has slip, signature and proof, and nothing else")
    return found


def _check_credential(
    credential: dict[str, Any], document: dict[str, Any], inclusion: object, public: bytes
) -> None:
    """The proof is the ledger key's, and around the slip stands what follows from it alone."""
    try:
        unsecured = slip_credential.verify(credential, public)
    except BadProof as error:
        raise BadSlip(str(error)) from None
    if unsecured != slip_credential.unsecured(document, inclusion, public):
        raise BadSlip("the credential says something around the slip that is not the slip's")


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
    try:
        exponent(slip.currency)
        ZoneInfo(slip.scheme.zone)
    except Malformed as error:
        raise BadSlip(f"slip.currency: {error}") from None
    except (KeyError, ValueError, OSError):
        raise BadSlip("slip.scheme.zone: it is not a time zone") from None
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
    rule = period_rule(slip)
    amount = _order_line(slip, exact, rule)
    _equal("order_line.amount_minor", slip.order_line.amount_minor, amount.total)
    _equal("order_line.worker_minor", slip.order_line.worker_minor, amount.worker)
    period = slip.period_line
    if slip.reason == "remitted":
        return  # more stands than the rule gives: what was declared is not given back
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


def period_rule(slip: SlipShown) -> PeriodRule:
    """How the exact sum of its period becomes money, as a slip that holds says it."""
    period = slip.period_line
    return PeriodRule(
        rounding=period.rounding,
        borne_by=slip.borne_by,
        unit_minor=period.unit_minor,
        mode=period.mode,
        cap_minor=_amount(period.cap),
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
    return borne(capped(exact, _amount(slip.job_cap), unit, rule.mode), rule.borne_by)


def _amount(cap: CapShown | None) -> int | None:
    return None if cap is None else cap.amount_minor


def _check_entry(slip: SlipShown) -> None:
    """The transfers move what the two lines say they move; where they move nothing, it says why."""
    posted = slip.order_line.posted_minor + slip.period_line.posted_minor
    due = slip.order_line.due_minor + slip.period_line.due_minor
    aside = {SET_ASIDE, ROUNDING, DUE, *DECLARED}
    _equal("entry.transfers (posted)", _net(slip.entry, aside), posted)
    _equal("entry.transfers (due)", _net(slip.entry, {DUE, *DECLARED}), due)
    if not posted and not due and slip.reason is None:
        raise BadSlip("reason: the entry moves nothing, and the slip does not say why")


def _net(entry: EntryShown, numbers: set[str]) -> int:
    """Credits less debits on accounts of these numbers."""
    credit = sum(t.amount_minor for t in entry.transfers if t.credit.split(":")[0] in numbers)
    debit = sum(t.amount_minor for t in entry.transfers if t.debit.split(":")[0] in numbers)
    return credit - debit


def _check_proof(entry: dict[str, Any], proof: object, public: bytes) -> Witnessed:
    """The entry and its salt lead along the path to the root of a head the ledger key signed."""
    keys = {"salt", "position", "path", "head", "head_signature"}
    if not isinstance(proof, dict) or proof.keys() != keys:
        raise BadSlip(f'proof: it has exactly {", ".join(sorted(keys))}, or is "pending"')
    if not isinstance(proof["path"], list):
        raise BadSlip("proof: its path is a list of hashes")
    try:
        found = head.read_head(proof["head"])
        signature = strict_b64decode(str(proof["head_signature"]))
        head.check(found, signature, public)
        path = [_hex(step, 32) for step in proof["path"]]
        leaf = sealing.leaf(entry, _hex(proof["salt"], sealing.SALT_BYTES))
        root = merkle.root_of_path(leaf, _whole(proof["position"]), found.leaf_count, path)
    except (ValueError, TypeError) as error:
        raise BadSlip(f"proof: {error}") from None
    _equal("proof: the root its path leads to", root.hex(), found.root)
    return Witnessed(found, signature)


def _hex(text: object, size: int) -> bytes:
    raw = bytes.fromhex(str(text))
    if raw.hex() != text or len(raw) != size:
        raise ValueError(f"{size} bytes in lower-case hex are needed")
    return raw


def _whole(value: object) -> int:
    if type(value) is not int:
        raise ValueError("the position is a whole number")
    return value


def _decimal(text: str, place: str) -> Decimal:
    if not _PLAIN.fullmatch(text):
        raise BadSlip(f"slip.{place}: {text[:40]!r} is not a plain decimal")
    return Decimal(text)


def _equal(place: str, said: object, found: object) -> None:
    if said != found:
        raise BadSlip(f"{place}: the slip says {said}, it comes to {found}")
