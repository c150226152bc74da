"""A node on a real socket of this machine, for tests."""

import random
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from protocol_specs.node.server import Node
from protocol_specs.node.settings import NodeSettings, write_secret
from protocol_specs.wire import keys
from tests.support.peers import CITY, COUNTRY, RIDES

S = TypeVar("S", bound=NodeSettings)


def listening_socket() -> socket.socket:
    """A socket bound to a free port, so that a url can be known before the node starts."""
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    sock.setblocking(False)
    return sock


def free_port() -> int:
    """For a process that will bind it later: one below those that the system gives to whoever asks
    for any (from 32768 on), so that nobody else gets it by chance meanwhile; and below those of
    demonstrations (from 15000 on) and of what documents tell to type (from 20400 on)."""
    chance = random.SystemRandom()  # no test's seed makes two processes draw the same
    while True:
        port = chance.randrange(10_000, 15_000)
        with socket.socket() as sock, suppress(OSError):
            sock.bind(("127.0.0.1", port))
            return port


def url_of(sock: socket.socket) -> str:
    """The http url of a bound socket."""
    return f"http://127.0.0.1:{sock.getsockname()[1]}"


def write_keys(folder: Path) -> dict[str, Path]:
    """Two fresh private keys in files of `folder`, as settings name them."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = {"signing_key": folder / "signing.key", "encryption_key": folder / "encryption.key"}
    write_secret(paths["signing_key"], keys.b64encode(keys.generate_signing_key().seed))
    write_secret(paths["encryption_key"], keys.b64encode(keys.generate_encryption_key().seed))
    return paths


def settings_of(
    cls: type[S], folder: Path, sock: socket.socket, *, subscriber_id: str, **more: Any
) -> S:
    """Settings of a node that will listen on `sock` and keep its things in `folder`."""
    values: dict[str, Any] = {
        "subscriber_id": subscriber_id,
        "unique_key_id": "k1",
        "url": url_of(sock),
        "port": 0,
        "data_dir": folder / "data",
        "network": "development",
        "domains": (RIDES,),
        "cities": (CITY,),
        "country": COUNTRY,
        "log_level": "error",
        **more,
    }
    if "signing_key" not in values:
        values.update(write_keys(folder / "keys"))
    return cls(**values)


@asynccontextmanager
async def running(node: Node, sock: socket.socket) -> AsyncIterator[Node]:
    """`node` listening on `sock`, stopped at the end."""
    await node.start(sock=sock)
    try:
        yield node
    finally:
        await node.stop()
