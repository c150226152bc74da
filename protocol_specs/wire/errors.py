"""Refusals, with their Beckn codes and HTTP statuses, and the answers ACK and NACK.

Codes: BECKN-005 for what it names; the numbers 10000 to 30022 for signature and staleness are the
ones in use on Indian networks, because the core documents leave those faults without a code.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

SIGNATURE_CODES: Mapping[str, str] = {
    "BPP": "30016",
    "BAP": "20001",
    "BG": "10001",
    "REGISTRY": "30016",
}
"""Code of a refused signature or role, by the type of the receiver."""

STALE_CODES: Mapping[str, str] = {
    "BPP": "30022",
    "BAP": "20002",
    "BG": "10000",
    "REGISTRY": "30022",
}
"""Code of a message past its ttl, by the type of the receiver."""


REQUEST_CODES: Mapping[str, str] = {
    "BPP": "30000",
    "BAP": "30000",
    "BG": "10000",
    "REGISTRY": "30000",
}
"""Code of a bad request that has no code of its own, by the type of the receiver."""


class Refused(Exception):
    """A peer's message turned away. Subclasses fix code and status.

    `reason` is a sentence for the peer: what, where, what next. `path` is a JSON pointer to the
    fault. `status` is the HTTP status when refused at the door. `transient` says whether sending
    the same again can help, `retry_after_s` when.
    """

    code: str = "30000"
    status: int = 400
    transient: bool = False
    retry_after_s: int | None = None

    def __init__(
        self,
        reason: str,
        *,
        path: str | None = None,
        code: str | None = None,
        retry_after_s: int | None = None,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.path = path
        if code is not None:
            self.code = code
        if retry_after_s is not None:
            self.retry_after_s = retry_after_s


class Malformed(Refused):
    """Not the JSON, the text form or the field that the protocol asks for."""


class SchemaFault(Refused):
    """JSON, but not the shape its action asks for."""


class Misaddressed(Refused):
    """Well signed, but not for this node or not for this path."""


class ChangedDuplicate(Refused):
    """A message_id used again for other bytes."""


class TooLarge(Refused):
    """The body is larger than this door takes."""

    status = 413


class NotServed(Refused):
    """No such action here."""

    code = "40001"
    status = 404


class Unauthenticated(Refused):
    """The signature does not hold, or there is none.

    `challenge` names the response header that tells how to sign. `doubted_key` is set, as
    (subscriber_id, unique_key_id), when our knowledge of that key could be what is wrong: a
    keyring may fetch it again once before it believes the refusal.
    """

    code = SIGNATURE_CODES["BPP"]
    status = 401
    challenge: str = "WWW-Authenticate"
    doubted_key: tuple[str, str] | None = None


class WrongParty(Unauthenticated):
    """Signed, but by somebody who may not say this: other party, role, type or domain."""


class Stale(Refused):
    """Past its ttl, or dated in the future."""

    code = STALE_CODES["BPP"]


class Overloaded(Refused):
    """We cannot take it now; nothing was stored."""

    code = "50000"
    status = 503
    transient = True
    retry_after_s = 2


class RateLimited(Refused):
    """This sender has sent too much in too short a time."""

    code = "50000"
    status = 429
    transient = True
    retry_after_s = 1


class ProviderNotFound(Refused):
    """No provider of that id."""

    code = "30001"


class ItemNotFound(Refused):
    """No item of that id at that provider."""

    code = "30004"


class FulfillmentUnavailable(Refused):
    """The ride or delivery asked for cannot be carried out."""

    code = "30008"


class OrderNotFound(Refused):
    """No such order, or not the asker's."""

    code = "30010"


class InvalidCancellationReason(Refused):
    """A cancellation reason that was not published."""

    code = "30011"


class InvalidUpdateTarget(Refused):
    """The update names a part of the order that does not exist, or that is not changed so."""

    code = "30012"


class ChangedOutsideTarget(Refused):
    """The update changes a part of the order that it does not name."""

    code = "30013"


class RatedEntityNotFound(Refused):
    """What is rated is no part of an order of the sender's."""

    code = "30014"


class InvalidRatingValue(Refused):
    """The value of a rating is none that this provider takes."""

    code = "30015"


class BusinessError(Refused):
    """The business says no, for a reason without a code of its own."""

    code = "40000"


class ActionNotApplicable(Refused):
    """The action makes no sense for the order as it stands."""

    code = "40001"


class QuoteUnavailable(Refused):
    """The quote expired, or is not the one the order asks to be confirmed at."""

    code = "40003"


class PaymentNotSupported(Refused):
    """Payment terms we do not take."""

    code = "40004"


class TrackingNotSupported(Refused):
    """This fulfillment cannot be tracked now."""

    code = "40005"


class AgentUnavailable(Refused):
    """No driver or courier is free."""

    code = "40006"


class CancellationNotPossible(Refused):
    """The order has gone too far to be cancelled."""

    code = "50001"


class UpdateNotPossible(Refused):
    """The order has gone too far to be changed so."""

    code = "50002"


class UnsupportedRatingCategory(Refused):
    """What is rated here is another list; get_rating_categories tells it."""

    code = "50003"


class SupportUnavailable(Refused):
    """There is no help to be had from this provider."""

    code = "50004"


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """What a peer answered at once: will it answer (`acked`), or why not."""

    acked: bool
    code: str | None = None
    message: str | None = None


_ACK = b'{"message":{"ack":{"status":"ACK"}}}'
_DELIVERED = frozenset({200, 201, 202, 204})


def ack() -> bytes:
    """The body that says: received, and a callback will come."""
    return _ACK


def error_object(refused: Refused) -> dict[str, str]:
    """The Beckn 1.1 `error` of a callback or NACK: code, message and, if known, paths."""
    error = {"code": refused.code, "message": refused.reason}
    if refused.path is not None:
        error["paths"] = refused.path
    return error


def nack(refused: Refused) -> bytes:
    """The body that says: refused, no callback will come. The error stands at the top level."""
    document = {"message": {"ack": {"status": "NACK"}}, "error": error_object(refused)}
    return orjson.dumps(document)


def read_ack(status: int, body: bytes) -> Acknowledgement:
    """What a peer's synchronous answer means; never raises, peers answer in many ways.

    Delivered means 200, 201, 202 or 204 and no NACK in the body: a 200 may carry one. The error may
    stand at the top or inside `message`, its code may be a number.
    """
    document = _object(body)
    message = document.get("message")
    inner = message if isinstance(message, dict) else {}
    error = document.get("error") or inner.get("error")
    # An error beside no ack at all is a refusal too: some peers leave `message` out.
    acked = status in _DELIVERED and _said(document, inner) != "NACK"
    if acked and not (isinstance(error, dict) and _said(document, inner) is None):
        return Acknowledgement(True)
    return Acknowledgement(False, *_code_and_message(error, status))


def _object(body: bytes) -> dict[str, Any]:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return document if isinstance(document, dict) else {}


def _said(document: dict[str, Any], message: dict[str, Any]) -> str | None:
    """ACK, NACK or None; `message.status` is where newer adapters put it."""
    given = message.get("ack", document.get("ack"))
    status = given.get("status") if isinstance(given, dict) else message.get("status")
    return status.upper() if isinstance(status, str) else None


def _code_and_message(error: object, status: int) -> tuple[str | None, str | None]:
    if not isinstance(error, dict):
        return None, f"HTTP {status} without an error object"
    code, message = error.get("code"), error.get("message")
    text = message if isinstance(message, str) else None
    return (str(code) if isinstance(code, str | int) else None), text
