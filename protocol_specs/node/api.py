"""Helpers for a node's own JSON APIs (citizens, drivers, desks), which are not Beckn messages."""

from __future__ import annotations

import functools
import inspect
import typing
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

from aiohttp import web
from pydantic import BaseModel, ValidationError

from protocol_specs.node.asked import said
from protocol_specs.wire import strict_json
from protocol_specs.wire.errors import Malformed, Refused

if TYPE_CHECKING:
    from protocol_specs.node.server import Node

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Routes = Sequence[tuple[str, str, Callable[..., Awaitable[Any]]]]
"""Method, path, and what `json_route` makes a handler of."""


class ApiError(Exception):
    """A caller's fault. Rendered as `{"error": {"code", "message", "path"?}}` with `status`.

    `code` is a word a program can compare, `message` a sentence a person can use, `path` the JSON
    pointer of the fault in the body.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        path: str | None = None,
        *,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.path = status, code, message, path
        self.headers = headers or {}


def json_response(
    value: Any, status: int = 200, headers: dict[str, str] | None = None
) -> web.Response:
    """`value` as compact JSON that no cache keeps."""
    return web.Response(
        body=strict_json.dumps(value),
        status=status,
        content_type="application/json",
        headers={"Cache-Control": "no-store", **(headers or {})},
    )


def error_response(error: ApiError) -> web.Response:
    """The one rendering of an ApiError."""
    body: dict[str, Any] = {"code": error.code, "message": error.message}
    if error.path is not None:
        body["path"] = error.path
    return json_response({"error": body}, error.status, error.headers)


def json_route(handler: Callable[..., Awaitable[Any]]) -> Handler:
    """Make an aiohttp handler of `handler(request)` or `handler(request, body: Model)`.

    A second parameter must be annotated with a pydantic model: the request's JSON body is read
    strictly and validated as that model. The result is a dict or list (200), a pair
    `(status, dict)`, None (204) or a ready response. ApiError and Refused become JSON errors;
    any other exception is left to the server, which answers 503 for a store that cannot keep it
    and else 500, without a word of ours.
    """
    model: type[BaseModel] | None = None
    unread = len(inspect.signature(handler).parameters) > 1

    @functools.wraps(handler)
    async def route(request: web.Request) -> web.StreamResponse:
        nonlocal model, unread
        if unread:
            model, unread = body_model(handler), False
        try:
            arguments = () if model is None else (await read_body(request, model),)
            return _respond(await handler(request, *arguments))
        except ApiError as error:
            return error_response(error)
        except Refused as refused:
            wait_s = refused.retry_after_s
            headers = None if wait_s is None else {"Retry-After": str(wait_s)}
            return error_response(
                ApiError(
                    refused.status, refused.code, refused.reason, refused.path, headers=headers
                )
            )

    return route


def serve_json(node: Node, routes: Routes) -> None:
    """Serves these routes of a JSON API on this node."""
    for method, path, handler in routes:
        node.serve_route(method, path, json_route(handler))


def body_model(handler: Callable[..., Any]) -> type[BaseModel]:
    """The pydantic model with which the second parameter of `handler` is annotated."""
    name = list(inspect.signature(handler).parameters)[1]
    model = typing.get_type_hints(handler).get(name)
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        raise TypeError(f"{handler!r}: parameter {name!r} must be annotated with a pydantic model")
    return model


def _respond(result: Any) -> web.StreamResponse:
    if isinstance(result, web.StreamResponse):
        return result
    if result is None:
        return web.Response(status=204)
    if isinstance(result, tuple):
        status, value = result
        return json_response(value, status)
    return json_response(result)


M = typing.TypeVar("M", bound=BaseModel)


async def read_body(request: web.Request, model: type[M]) -> M:
    """The request's JSON body as `model`. Raises ApiError 400 with the path of the first fault."""
    try:
        return model.model_validate(strict_json.parse(await request.read()))
    except Malformed as malformed:
        raise ApiError(400, "bad_json", malformed.reason, malformed.path) from None
    except ValidationError as error:
        fault = error.errors()[0]
        path = "".join(f"/{part}" for part in fault["loc"])
        raise ApiError(400, "bad_body", f"{path or 'body'}: {said(fault)}", path) from None


def bearer(request: web.Request) -> str:
    """The bearer token of the request. Raises ApiError 401 when there is not exactly one."""
    lines = request.headers.getall("Authorization", [])
    scheme, _, token = lines[0].partition(" ") if len(lines) == 1 else ("", "", "")
    token = token.strip()
    if scheme.lower() != "bearer" or not 16 <= len(token) <= 256 or not token.isascii():
        raise ApiError(
            401,
            "unauthorized",
            "send the header Authorization: Bearer TOKEN, with the whole token",
            headers={"WWW-Authenticate": "Bearer"},
        )
    return token
