"""Refusals and answers as HTTP responses: always JSON, never a word of the caller's input."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from protocol_specs.node.door.door import JSON, Answer
from protocol_specs.wire.errors import Malformed, NotServed, Refused, TooLarge, nack

if TYPE_CHECKING:
    from collections.abc import Mapping

SERVER = "wayfare"
CLOSING = frozenset({408, 413, 415, 500})


class TooSlow(Refused):
    """The body did not come in time."""

    status = 408


class WrongMethod(NotServed):
    """A path that is served, but not with this method."""

    status = 405


class Encoded(Malformed):
    """A body in a Content-Encoding: the bytes that are signed are the bytes that are read."""

    status = 415


class Unexpected(Malformed):
    """An Expect header other than 100-continue."""

    status = 417


class Internal(Refused):
    """Our own fault; the log knows more."""

    code = "50000"
    status = 500
    transient = True


INTERNAL = Answer(Internal.status, JSON, nack(Internal("internal fault")))


async def name_no_version(request: web.BaseRequest, response: web.StreamResponse) -> None:
    """aiohttp would tell everybody its version and Python's."""
    response.headers["Server"] = SERVER


def answer_response(answer: Answer) -> web.Response:
    """The door's answer as an HTTP one; after a body that was not read the connection closes."""
    response = web.Response(body=answer.body, status=answer.status, headers=answer.headers)
    if answer.status in CLOSING:
        response.force_close()
    return response


def refusal_response(refused: Refused, headers: Mapping[str, str] | None = None) -> web.Response:
    """`refused` as an HTTP answer: status, NACK, and when to try again."""
    response = web.Response(
        body=nack(refused),
        status=refused.status,
        content_type="application/json",
        headers=headers,
    )
    if refused.retry_after_s is not None:
        response.headers["Retry-After"] = str(refused.retry_after_s)
    if refused.status in CLOSING:
        response.force_close()
    return response


def as_refusal(exception: web.HTTPException) -> Refused:
    """The framework's own refusals in our words; its texts repeat the caller's input."""
    if exception.status == 404:
        return NotServed("nothing is served at this path")
    if exception.status == 405:
        return WrongMethod("this path is not served with this method")
    if exception.status == 413:
        return TooLarge("the body is too large")
    refused = Malformed("the request is not one this node understands")
    refused.status = exception.status if exception.status < 500 else 500
    return refused


def allow(exception: web.HTTPException) -> dict[str, str]:
    """The Allow header of a 405, which only the framework knows."""
    allow = exception.headers.get("Allow")
    return {"Allow": allow} if allow else {}
