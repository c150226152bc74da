"""A node on a real socket of this machine, for tests."""

import asyncio
import itertools
import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from protocol_specs.node.door.shell import Shell
from protocol_specs.node.server import Node
from protocol_specs.node.settings import NodeSettings, ops_port_beside, write_secret
from protocol_specs.wire import keys
from protocol_specs.wire.timestamp import rfc3339
from tests.support.peers import CITY, COUNTRY, RIDES, Peer, Said, context_of, signed_post

S = TypeVar("S", bound=NodeSettings)
CONFIG = """
role = "bpp"
subscriber_id = "bpp.example.org"
unique_key_id = "k1"
url = "http://127.0.0.1:9001"
network = "development"
port = 9001
data_dir = "data"
signing_key = "keys/signing.key"
encryption_key = "keys/encryption.key"
"""
"""The file of a provider's settings, beside the folder of its keys, for commands that read it."""


def listening_socket() -> socket.socket:
    """A socket bound to a free port, so that a url can be known before the node starts."""
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    sock.setblocking(False)
    return sock


def _own_ports() -> Iterator[int]:
    """Again and again those of this test process. Below what the system gives to whoever asks for
    any (from 32768 on), what demonstrations take (from 15000 on) and documents tell to type (from
    20400 on); the operators' ports beside them, a thousand higher, are nobody's here."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw8").removeprefix("gw")  # 8: no xdist
    return itertools.cycle(
        [row + n for row in (10_000, 12_000) for n in range(int(worker) % 9, 1000, 9)]
    )


_ports = _own_ports()


def free_port() -> int:
    """For a process that will bind it later; nobody else gets it meanwhile."""
    for port in _ports:
        with suppress(OSError), socket.socket() as sock, socket.socket() as beside:
            sock.bind(("127.0.0.1", port))
            beside.bind(("127.0.0.1", ops_port_beside(port)))
            return port
    raise AssertionError("a cycle has no end")


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
async def serving(shell: Shell, sock: socket.socket) -> AsyncIterator[None]:
    """`shell` listening on `sock` with its deadlines watched, stopped at the end."""
    await shell.start(sock)
    watchdog = asyncio.create_task(shell.watch())
    try:
        yield
    finally:
        watchdog.cancel()
        with suppress(asyncio.CancelledError):
            await watchdog
        await shell.stop()


@asynccontextmanager
async def running(node: Node, sock: socket.socket) -> AsyncIterator[Node]:
    """`node` listening on `sock`, stopped at the end."""
    await node.start(sock=sock)
    try:
        yield node
    finally:
        await node.stop()


async def confirm(node: Node, sender: Peer) -> Said:
    """What the provider `node` answers to a confirm of `sender`, signed now."""
    context = context_of(
        "confirm",
        sender=sender,
        to_id=node.settings.subscriber_id,
        to_url=node.settings.url,
        timestamp=rfc3339(node.now() * 1000),
    )
    order = {"provider": {"id": "p1"}, "items": [{"id": "i1"}]}
    document = {"context": context, "message": {"order": order}}
    return await signed_post(f"http://127.0.0.1:{node.port}", sender, document, created=node.now())
