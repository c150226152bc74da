"""Helpers of our own JSON APIs: bodies in, dicts out, faults with code, message and path."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from pydantic import BaseModel, ConfigDict

from protocol_specs.node.api import ApiError, bearer, json_route
from protocol_specs.wire.errors import OrderNotFound
from tests.support.nodes import listening_socket, url_of
from tests.support.peers import Said

TOKEN = "t" * 32


class Position(BaseModel):
    """A body."""

    model_config = ConfigDict(extra="forbid", strict=True)

    lat: float
    lon: float


async def place(request: web.Request, body: Position) -> dict[str, float]:
    return {"lat": body.lat}


async def made(request: web.Request) -> tuple[int, dict[str, int]]:
    return 201, {"made": 1}


async def nothing(request: web.Request) -> None:
    return None


async def mine(request: web.Request) -> dict[str, str]:
    if bearer(request) != TOKEN:
        raise ApiError(403, "forbidden", "not yours")
    return {"it": "is yours"}


async def refuses(request: web.Request) -> None:
    raise OrderNotFound("no such order", path="/order_id")


@pytest.fixture
async def url() -> AsyncIterator[str]:
    app = web.Application()
    for handler in (place, made, nothing, mine, refuses):
        app.router.add_post(f"/{handler.__name__}", json_route(handler))
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    sock = listening_socket()
    await web.SockSite(runner, sock).start()
    yield url_of(sock)
    await runner.cleanup()


async def call(url: str, body: bytes = b"", **headers: str) -> Said:
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, data=body, headers=headers) as response,
    ):
        return Said(response.status, response.headers.copy(), await response.read())


async def test_a_body_is_validated_and_a_dict_comes_back(url: str) -> None:
    said = await call(f"{url}/place", b'{"lat": 3.1, "lon": 101.6}')
    assert (said.status, said.json) == (200, {"lat": 3.1})
    assert said.headers["Cache-Control"] == "no-store"


async def test_a_pair_sets_the_status_and_none_is_204(url: str) -> None:
    assert (await call(f"{url}/made")).status == 201
    assert (await call(f"{url}/nothing")).status == 204


@pytest.mark.parametrize(
    ("body", "code", "path"),
    [
        (b'{"lat": "3", "lon": 1.0}', "bad_body", "/lat"),
        (b'{"lat": 3.0}', "bad_body", "/lon"),
        (b'{"lat": 3.0, "lon": 1.0, "x": 1}', "bad_body", "/x"),
        (b'{"lat": 3.0, "lat": 4.0, "lon": 1.0}', "bad_json", None),
        (b"not json", "bad_json", None),
        (b"", "bad_json", None),
    ],
)
async def test_a_bad_body_is_told_by_its_path(
    url: str, body: bytes, code: str, path: str | None
) -> None:
    said = await call(f"{url}/place", body)
    assert said.status == 400
    error: dict[str, Any] = said.json["error"]
    assert (error["code"], error.get("path")) == (code, path)
    assert error["message"]


@pytest.mark.parametrize(
    "value", ["", "Bearer", "Bearer short", f"Basic {TOKEN}", f"Bearer {TOKEN * 10}"]
)
async def test_anything_but_one_bearer_token_is_401(url: str, value: str) -> None:
    said = await call(f"{url}/mine", Authorization=value)
    assert (said.status, said.json["error"]["code"]) == (401, "unauthorized")
    assert said.headers["WWW-Authenticate"] == "Bearer"


async def test_a_token_opens_its_own_door_only(url: str) -> None:
    assert (await call(f"{url}/mine", Authorization=f"Bearer {TOKEN}")).status == 200
    other = await call(f"{url}/mine", Authorization=f"Bearer {'u' * 32}")
    assert (other.status, other.json["error"]["message"]) == (403, "not yours")


async def test_a_refusal_of_the_protocol_keeps_its_code(url: str) -> None:
    said = await call(f"{url}/refuses")
    assert said.status == 400
    assert said.json["error"] == {
        "code": "30010",
        "message": "no such order",
        "path": "/order_id",
    }


def test_a_handler_without_a_model_for_its_body_is_a_mistake_of_ours() -> None:
    async def bad(request: web.Request, body: dict[str, Any]) -> None: ...

    from protocol_specs.node.api import body_model

    with pytest.raises(TypeError, match="pydantic"):
        body_model(bad)
