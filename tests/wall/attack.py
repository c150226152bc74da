"""Every way a peer may name an address, sent through every way out of a node; run inside the
namespace: `python -m tests.wall.attack FOLDER [--without-wall]`. Prints what was hit, as JSON."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

from protocol_specs.node.client import client as client_module
from protocol_specs.node.client import following as following_module
from protocol_specs.node.client import pool as pool_module
from protocol_specs.node.client import urls
from protocol_specs.node.client.client import Client, Undelivered
from protocol_specs.node.client.following import Following
from protocol_specs.node.client.http1 import Exchange
from protocol_specs.node.client.pool import Pool, Target, tail
from protocol_specs.node.client.urls import UrlRefused
from protocol_specs.wire import keys
from protocol_specs.wire.signing import KeyId
from tests.wall.world import CANARIES, GOOD, NAMES, PROXY, PUBLIC, REBINDING, World, build

BODY = b'{"context":{}}'
SPELLINGS = (
    "0x7f000001",
    "0177.0.0.1",
    "2130706433",
    "127.1",
    "①②⑦.0.0.1",
    "127.0.0.1.",
    "localhost",
    "LOCALHOST",
    "localhost.",
    "0",
    "[::]",
    "[::ffff:10.0.0.5]",
    "[::ffff:a9fe:a9fe]",
    "[::127.0.0.1]",
    "[fe80::5%25lo]",
    "10.0.0.5%2f.good.example",
    "good.example@10.0.0.5",
    "good.example:443@10.0.0.5",
    "10.0.0.5#good.example",
    "10.0.0.5\\@good.example",
)
Way = Callable[[str], Awaitable[bool]]


def targets() -> list[str]:
    """Urls none of which may be connected to."""
    hosts = [f"[{each}]" if ":" in each else each for each in CANARIES]
    hosts += [name for name in NAMES if not name.startswith("good")]
    hosts += SPELLINGS
    found = [
        f"{scheme}://{host}{port}"
        for host in hosts
        for scheme in ("https", "http")
        for port in ("", ":8080", ":8443")
    ]
    return [*found, f"http://{GOOD}", f"https://{GOOD}:80", f"http://{PUBLIC}:8080"]


async def attack(world: World) -> dict[str, object]:
    """What each way out delivered of all this; and what the canaries saw."""
    client = Client(
        key=keys.generate_signing_key(),
        key_id=KeyId("bap.example", "k1"),
        network="production",
        now=lambda: int(time.time()),
    )
    await client.open()
    pool = Pool("production")
    following = Following("production", each_max=10, all_max=10)
    ways = {
        **_of_client(client),
        "pool": lambda url: _by_pool(pool, url),
        "follow": lambda url: _by_following(following, url),
    }
    try:
        reached = [
            f"{name} {url}" for name, way in ways.items() for url in targets() if await way(url)
        ]
        good = [
            (name, host)
            for name, way in ways.items()
            for host in (GOOD, "good6.example", PUBLIC)
            if await way(f"https://{host}")
        ]
        redirected = [
            f"{name} {path}"
            for name, way in ways.items()
            for path in ("302", "307")
            if await way(f"https://{GOOD}/{path}")
        ]
    finally:
        await client.close()
        await pool.close()
        await following.close()
    return {
        "good": good,
        "reached": reached,
        "redirected": redirected,
        "rebound": await _rebind(),
        "hits": world.hits,
        "served": len(world.served),
        "asked": len(world.asked),
    }


def _of_client(client: Client) -> dict[str, Way]:
    async def fetched(url: str) -> None:
        await client.fetch(f"{url}/x", etag=None, write=lambda _: None, bytes_max=1_000)

    calls: dict[str, Callable[[str], Awaitable[object]]] = {
        "send": lambda url: client.send(url=url, action="on_confirm", body=BODY),
        "forward": lambda url: client.forward(url=url, action="search", body=BODY, headers={}),
        "call": lambda url: client.call(url, "/lookup", BODY),
        "submit": lambda url: client.submit(f"{url}/form", BODY, "text/plain"),
        "fetch": fetched,
    }
    return {name: lambda url, call=call: _delivered(call(url)) for name, call in calls.items()}


async def _delivered(call: Awaitable[object]) -> bool:
    try:
        await call
    except Undelivered:
        return False
    return True


class _Asked(Exchange):
    def __init__(self, target: Target, body: bytes) -> None:
        super().__init__(target, body, lasts_s=5, late_s=5)
        self.done = asyncio.Event()

    def ended(self) -> None:
        self.done.set()


async def _by_pool(pool: Pool, url: str) -> bool:
    try:
        target = pool.target(url, "search")
    except UrlRefused:
        return False
    exchange = _Asked(target, tail({}, BODY))
    pool.post(exchange)
    await exchange.done.wait()
    return exchange.fault is None and exchange.status == 200


async def _by_following(following: Following, url: str) -> bool:
    """Whether anybody answered; nobody here streams anything."""
    try:
        async with following.events(f"{url}/live"):
            return True
    except Undelivered as fault:
        return fault.status == 200


async def _rebind() -> int:
    """A name whose address changes between judging and connecting, if ever it is asked twice.
    Answers how often it was delivered, to the public address it then had."""
    delivered = 0
    for _ in range(12):
        client = Client(
            key=keys.generate_signing_key(),
            key_id=KeyId("bap.example", "k1"),
            network="production",
            now=lambda: int(time.time()),
        )
        await client.open()
        pool = Pool("production")
        with suppress(Undelivered):
            await client.send(url=f"https://{REBINDING}", action="on_confirm", body=BODY)
            delivered += 1
        delivered += await _by_pool(pool, f"https://{REBINDING}")
        await client.close()
        await pool.close()
    return delivered


def without_wall() -> None:
    """For the test of the test: everything is public, and plain http is called."""
    urls.is_public = lambda address: True

    def anything(text: str, network: str) -> urls.URL:
        try:
            url = urls.URL(text)
        except ValueError as error:
            raise UrlRefused(str(error)) from None
        if url.user is not None or not url.host:
            raise UrlRefused("not even aiohttp takes this")
        return url

    client_module.check_url = pool_module.check_url = following_module.check_url = anything


def main() -> None:
    """Build the world, see that its canaries sing, attack."""
    world = build(Path(sys.argv[1]))
    for address in ("10.0.0.5", "169.254.169.254"):
        socket.create_connection((address, 8080), timeout=30).close()
    deadline = time.monotonic() + 30
    while len(world.hits) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    sings, world.hits[:] = len(world.hits) == 2, []
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"):
        os.environ[name] = PROXY
    if "--without-wall" in sys.argv:
        without_wall()
    said = asyncio.run(attack(world))
    time.sleep(1)  # a connection that was made is accepted by now
    sys.stdout.write(json.dumps({"sings": sings, **said}) + "\n")


if __name__ == "__main__":
    main()
