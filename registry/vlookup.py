"""ONDC's /vlookup: a look-up signed over its own parameters, for those who take part.

The signature covers `country|domain|type|city|subscriber_id`, of these what is there, and neither
time nor request_id: both are checked, but only the parameters are proven.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from protocol_specs.node.store import Session
from protocol_specs.node.trust.records import TYPES
from protocol_specs.node.workers.siblings import Siblings, SiblingUnavailable
from protocol_specs.node.workers.workers import Share
from protocol_specs.wire import keys, timestamp
from protocol_specs.wire.errors import Overloaded, Refused, Unauthenticated
from protocol_specs.wire.signing import HEADER_CHARS_MAX
from registry import directory
from registry.faults import Fault, Unreadable

SIGNED = ("country", "domain", "type", "city", "subscriber_id")
WORDS = {"BAP": "buyerApp", "BPP": "sellerApp", "BG": "gateway"}
FRESH_S = 60
SKEW_S = 5
REMEMBERED_MAX = 20_000
SUBJECT, FRESH = "vlookup", b"fresh"


@dataclass(frozen=True)
class Question:
    """Who asks what; `signed` is the text the signature is over, `filters` are under our names."""

    sender_id: str
    request_id: str
    signature: bytes
    signed: bytes
    filters: Mapping[str, str]


def read(document: Mapping[str, Any], now: int) -> Question:
    """The question of a /vlookup body. Raises Unreadable with every field at fault."""
    faults: list[Fault] = []

    def text(fields: Mapping[str, Any], name: str, prefix: str = "") -> str:
        value = fields.get(name)
        if isinstance(value, str) and 0 < len(value) <= 255 and "|" not in value:
            return value
        faults.append(Fault(f"{prefix}/{name}", "must be a text of 1 to 255 characters without |"))
        return ""

    sender_id, request_id = text(document, "sender_subscriber_id"), text(document, "request_id")
    signature = _signature(text(document, "signature"), faults)
    _check_time(text(document, "timestamp"), now, faults)
    given = document.get("search_parameters")
    parameters = given if isinstance(given, dict) else {}
    said = {n: text(parameters, n, "/search_parameters") for n in SIGNED if n in parameters}
    if not said:
        names = ", ".join(SIGNED)
        faults.append(Fault("/search_parameters", f"must be an object with some of {names}"))
    if faults:
        raise Unreadable(*faults)
    kind = TYPES.get(said.get("type", "").upper())
    filters = said | ({"type": str(kind.value)} if kind else {})
    return Question(sender_id, request_id, signature, "|".join(said.values()).encode(), filters)


def _signature(text: str, faults: list[Fault]) -> bytes:
    try:
        return keys.strict_b64decode(text[:HEADER_CHARS_MAX])
    except ValueError:
        faults.append(Fault("/signature", "must be standard base64"))
        return b""


def _check_time(text: str, now: int, faults: list[Fault]) -> None:
    try:
        at = timestamp.parse_ms(text) // 1000
    except Refused as refused:
        if text:
            faults.append(Fault("/timestamp", refused.reason))
        return
    if not now - FRESH_S <= at <= now + SKEW_S:
        reason = f"is not within {FRESH_S} s of our time, {timestamp.rfc3339(now * 1000)}"
        faults.append(Fault("/timestamp", reason))


def authenticate(session: Session, question: Question, now: int) -> None:
    """Raise Unauthenticated unless a subscribed sender signed it with one of its current keys."""
    rows = session.all(directory.ROLES_OF, subscriber_id=question.sender_id)
    if any(row["status"] == "SUBSCRIBED" for row in rows):
        for public in directory.current_keys(session, question.sender_id, now).values():
            try:
                keys.verify(keys.strict_b64decode(public), question.signed, question.signature)
            except keys.BadSignature:
                continue
            return
    raise Unauthenticated(
        "the signature is not one of a subscribed sender over country|domain|type|city|"
        "subscriber_id, of these what search_parameters holds",
        path="/signature",
    )


class Once:
    """Request ids that were used, for as long as their timestamp could be fresh. One worker keeps
    those of one sender."""

    def __init__(self, siblings: Siblings, share: Share) -> None:
        self._used: OrderedDict[bytes, int] = OrderedDict()
        self._siblings, self._share = siblings, share
        siblings.serve(SUBJECT, self._use)

    async def use(self, question: Question, now: int) -> None:
        """Raise Unreadable if this sender used the request id before; Overloaded."""
        slot = self._share.slot_of(question.sender_id)
        one = hashlib.sha256(f"{question.sender_id}|{question.request_id}".encode()).digest()
        try:
            answer = await self._siblings.ask(slot, SUBJECT, b"%d " % now + one)
        except SiblingUnavailable:
            raise Overloaded("this cannot be answered now; ask again") from None
        if answer != FRESH:
            raise Unreadable(Fault("/request_id", "was used before: send a fresh one"))

    async def _use(self, payload: bytes) -> bytes:
        at, _, one = payload.partition(b" ")
        now = int(at)
        while self._used and (
            len(self._used) >= REMEMBERED_MAX or next(iter(self._used.values())) < now
        ):
            self._used.popitem(last=False)
        if one in self._used:
            return b""
        self._used[one] = now + FRESH_S + SKEW_S
        return FRESH
