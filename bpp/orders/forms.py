"""The form a cooperative may want filled in before it takes an order (BECKN-007): pure.

Nothing is stored for a form that was only offered: its id names the transaction it is for, under a
seal of ours, so that a search costs no row.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from html import escape
from typing import Literal

from msgspec import Struct

from protocol_specs.wire.errors import BusinessError, Refused
from protocol_specs.wire.order import Form

FieldType = Literal["text", "number", "date", "email", "tel"]
Step = Literal["search", "select", "init"]
Answers = tuple[tuple[str, str], ...]
"""By the label of a field, what was filled in."""

ANSWER_CHARS_MAX = 500
ID_CHARS_MAX = 1_500
PATH = "/message/order/xinput/form/submission_id"
_SEAL_BYTES = 16
_FORMS = {
    "number": re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,6})?"),
    "email": re.compile(r"[^@\s]{1,64}@[^@\s]{1,255}"),
    "tel": re.compile(r"\+?[0-9][0-9 -]{2,30}"),
}


@dataclass(frozen=True, slots=True)
class Field:
    """One question; `name` is its key in what is posted."""

    name: str
    label: str
    type: FieldType = "text"
    required: bool = True


@dataclass(frozen=True, slots=True)
class FormWanted:
    """The cooperative's form; its url goes out with on_`step`. `secret` seals the ids of forms."""

    title: str
    fields: tuple[Field, ...]
    step: Step = "init"
    required: bool = True
    url: str = ""
    secret: bytes = b""


class Submission(Struct, frozen=True):
    """What was filled in for one transaction."""

    id: str
    bap_id: str
    transaction_id: str
    at: int
    answers: Answers


def offered(wanted: FormWanted | None, step: Step, bap_id: str, transaction_id: str) -> Form | None:
    """The form to show with the answer of this step, if it is that step's."""
    if wanted is None or wanted.step != step:
        return None
    name = form_id(wanted, bap_id, transaction_id)
    return Form(url=f"{wanted.url}/forms/{name}", required=wanted.required)


def form_id(wanted: FormWanted, bap_id: str, transaction_id: str) -> str:
    """The id of the form of one transaction."""
    whose = f"{bap_id}\n{transaction_id}".encode()
    return base64.urlsafe_b64encode(_seal(wanted, whose) + whose).rstrip(b"=").decode()


def whose(wanted: FormWanted, form_id: str) -> tuple[str, str] | None:
    """The BAP and the transaction a form is for; None for an id that is not of our making."""
    if len(form_id) > ID_CHARS_MAX:
        return None
    try:
        sealed = base64.b64decode(form_id + "=" * (-len(form_id) % 4), b"-_", validate=True)
        bap_id, _, transaction_id = sealed[_SEAL_BYTES:].decode().partition("\n")
    except (binascii.Error, ValueError):
        return None
    seal = _seal(wanted, sealed[_SEAL_BYTES:])
    is_ours = hmac.compare_digest(sealed[:_SEAL_BYTES], seal)
    return (bap_id, transaction_id) if is_ours else None


def page(wanted: FormWanted, action: str) -> str:
    """The form as HTML without script, style or button: the consumer's platform brings its own."""
    inputs = "".join(
        f'<p><label for="{escape(one.name)}">{escape(one.label)}</label>'
        f'<input id="{escape(one.name)}" name="{escape(one.name)}" type="{one.type}"'
        f' maxlength="{ANSWER_CHARS_MAX}"{" required" if one.required else ""}></p>'
        for one in wanted.fields
    )
    title = escape(wanted.title)
    return (
        f'<!doctype html><html><head><meta charset="utf-8"><title>{title}</title></head><body>'
        f'<h1>{title}</h1><form action="{escape(action)}" method="post">{inputs}</form>'
        "</body></html>"
    )


def answers(wanted: FormWanted, given: Mapping[str, object]) -> tuple[Answers, list[str]]:
    """What was filled in, by label, and what is wrong with it: one sentence for each field."""
    found: list[tuple[str, str]] = []
    errors = [
        f"{name[:40]}: there is no such field" for name in given if name not in _names(wanted)
    ]
    for one in wanted.fields:
        value = given.get(one.name, "")
        fault = _fault(one, value)
        if fault:
            errors.append(f"{one.name}: {fault}")
        elif isinstance(value, str) and value.strip():
            found.append((one.label, value.strip()))
    return tuple(found), errors


def require_submitted(
    wanted: FormWanted | None,
    steps: tuple[Step, ...],
    submitted: Submission | None,
    form: Form | None,
    *,
    has_place: bool,
) -> Answers:
    """The answers to a form that came with one of `steps`, those before this message: for an init
    search and select, for a confirm init. Raises Refused.

    `submitted` is what this transaction handed in, `form` what the message says of it. A dialect
    without a place for forms (`has_place` False) is asked for none.
    """
    if wanted is None or not has_place or wanted.step not in steps:
        return ()
    said = form.submission_id if form else None
    if said is None and not wanted.required:
        return ()
    if said is None:
        raise _missing(f"fill in the form of on_{wanted.step} and send its submission_id")
    if submitted is None or submitted.id != said:
        raise _missing("this submission_id was not given for this transaction")
    return submitted.answers


def _missing(reason: str) -> Refused:
    return BusinessError(reason, path=PATH)


def _names(wanted: FormWanted) -> frozenset[str]:
    return frozenset(one.name for one in wanted.fields)


def _fault(one: Field, value: object) -> str | None:
    if not isinstance(value, str):
        return "must be a text"
    text = value.strip()
    if not text:
        return "is required" if one.required else None
    if len(text) > ANSWER_CHARS_MAX or not text.replace("\n", " ").replace("\r", "").isprintable():
        return f"must be at most {ANSWER_CHARS_MAX} printable characters"
    if one.type == "date":
        return None if _is_date(text) else "must be a date such as 2026-11-22"
    form = _FORMS.get(one.type)
    return None if form is None or form.fullmatch(text) else f"must be a {one.type}"


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _seal(wanted: FormWanted, whose: bytes) -> bytes:
    return hmac.new(wanted.secret, whose, hashlib.sha256).digest()[:_SEAL_BYTES]
