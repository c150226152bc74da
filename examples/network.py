"""Five nodes on one machine: their folders, keys and settings, started and joined."""

from __future__ import annotations

import fcntl
import random
import shutil
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from string import Template
from typing import IO

from bpp.insurance.people import identity
from examples.process import DemoFault, Started, run, start, stop, wait_healthy
from protocol_specs.node.settings import ops_port_beside, write_secret
from protocol_specs.wire import keys

NODES = {
    "registry": "registry",
    "gateway": "gateway",
    "rides": "bpp",
    "couriers": "bpp",
    "bap": "bap",
}
"""Name and role, in the order in which they start; also the order of their ports."""
KEEPS_BOOKS = ("rides", "couriers")
BLOCKS = [first for row in (15_000, 17_000) for first in range(row, row + 1000, 8)]
"""Below the ports that the system lends to outgoing connections (from 32768 on Linux), which could
be lent before a node starts; the operators' ports beside them lie between."""
MARK = "wayfare-demo"
BESIDE = ("witness", "slips", "office")  # only in the office can identity numbers be opened


@dataclass(slots=True)
class Network:
    """The network in one data folder. `started` is filled as nodes start."""

    data: Path
    ports: dict[str, int]
    started: dict[str, Started] = field(default_factory=dict)

    def url(self, name: str) -> str:
        """The registered url of a node."""
        return f"http://127.0.0.1:{self.ports[name]}"

    def ops_url(self, name: str) -> str:
        """Where a node tells its operator how it is."""
        return f"http://127.0.0.1:{ops_port_beside(self.ports[name])}"

    def folder(self, name: str) -> Path:
        """Where a node has its settings, keys, data and log."""
        return self.data / name

    def config(self, name: str) -> Path:
        """A node's settings file."""
        return self.folder(name) / "node.toml"

    def witness(self, name: str) -> Path:
        """The file outside a cooperative's folder where the heads of its books are kept."""
        return self.data / "witness" / f"{name}.jsonl"

    def ledger_public_key(self, name: str) -> str:
        """The public half of the key that signs a cooperative's books and slips."""
        secret = self.folder(name) / "keys" / "ledger" / "signing.key"
        return keys.b64encode(keys.signing_key(secret.read_text().strip()).public)


@contextmanager
def network(data: Path, port_base: int) -> Iterator[Network]:
    """A network in `data`, ready to start; at the end its processes are ended.

    Raises DemoFault when ports are taken, or the folder cannot be used, before anything is written.
    """
    with chosen_ports(port_base) as ports, _folder(data.resolve()):
        plan = Network(data.resolve(), ports)
        try:
            yield plan
        finally:
            stop(list(reversed(plan.started.values())))


@contextmanager
def chosen_ports(port_base: int) -> Iterator[dict[str, int]]:
    """A port for each node: five in a row from `port_base`, or any that are free when it is 0; no
    other demonstration takes these meanwhile.

    Raises DemoFault naming the ports that others use.
    """
    if port_base and not 1024 <= port_base <= 65535 - len(NODES):
        raise DemoFault(f"--port-base {port_base}: choose one from 1024 to 65530, or 0 for any")
    with ExitStack() as held:
        first = port_base or _own_block(held)
        taken = [str(first + n) for n in range(len(NODES)) if not _is_free(first + n)]
        if taken:
            others = f"--port-base {port_base + 100}"
            raise DemoFault(
                f"in use by another program (another demonstration?): port {', '.join(taken)}. "
                f'Stop it, or choose other ports: {others} (make demo DEMO="{others}")'
            )
        yield {name: first + n for n, name in enumerate(NODES)}


def _own_block(held: ExitStack) -> int:
    """The first of eight ports whose last one, which `held` keeps, no other demonstration has."""
    for first in random.sample(BLOCKS, len(BLOCKS)):
        mark = held.enter_context(socket.socket())
        with suppress(OSError):
            mark.bind(("127.0.0.1", first + 7))
            if all(_is_free(first + n) for n in range(len(NODES))):
                return first
    raise DemoFault("no free ports from 15000 to 19000; choose others: --port-base PORT")


def _is_free(port: int) -> bool:
    """This one, and the operator's beside it."""
    try:
        for each in (port, ops_port_beside(port)):
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(("127.0.0.1", each))
    except OSError:
        return False
    return True


@contextmanager
def _folder(data: Path) -> Iterator[None]:
    """The folder, emptied of an earlier demonstration and held against another one at once."""
    try:
        mark = _mark(data)
    except OSError as error:
        raise DemoFault(
            f"{error.filename or data}: {error.strerror}. Name a folder you may write to: "
            "--data DIR"
        ) from None
    with mark:
        yield


def _mark(data: Path) -> IO[str]:
    data.mkdir(parents=True, exist_ok=True)
    strangers = [] if (data / MARK).exists() else [path.name for path in data.iterdir()]
    if strangers:
        raise DemoFault(
            f"{data} holds other files ({strangers[0]} ...), which are kept. Name an empty or new "
            "folder: --data DIR"
        )
    mark = (data / MARK).open("w")
    try:
        fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        mark.close()
        raise DemoFault(
            f"another demonstration runs in {data}. Stop it, or name another folder: --data DIR"
        ) from None
    for name in (*NODES, *BESIDE):
        if (data / name).exists():
            shutil.rmtree(data / name)
    return mark


# Settings and keys


def write_settings(plan: Network) -> None:
    """Keys (mode 0600) and settings for each node, every one trusting the same registry."""
    for name in BESIDE:
        (plan.data / name).mkdir()
    for name in NODES:
        _write_keys(plan, name)
    values = {f"{name}_url": plan.url(name) for name in NODES}
    values |= {f"{name}_port": str(port) for name, port in plan.ports.items()}
    values["registry"] = _registry_table(plan)
    private, values["identity_key"] = identity.new_pair()
    write_secret(plan.data / "office" / "identity.key", private)
    values["witness_dir"] = str(plan.data / "witness")
    for name in NODES:
        text = resources.files("examples").joinpath(f"nodes/{name}.toml").read_text("utf-8")
        plan.config(name).write_text(Template(text).substitute(values), encoding="utf-8")


def _write_keys(plan: Network, name: str) -> None:
    folder = plan.folder(name) / "keys"
    folder.mkdir(parents=True)
    write_secret(folder / "signing.key", keys.b64encode(keys.generate_signing_key().seed))
    write_secret(folder / "encryption.key", keys.b64encode(keys.generate_encryption_key().seed))
    if name in KEEPS_BOOKS:
        (folder / "ledger").mkdir()
        seed = keys.generate_signing_key().seed
        write_secret(folder / "ledger" / "signing.key", keys.b64encode(seed))


def _registry_table(plan: Network) -> str:
    """What every participant is told of the registry: where it is, and its pinned keys."""
    folder = plan.folder("registry") / "keys"
    signing = keys.signing_key((folder / "signing.key").read_text().strip())
    encryption = keys.encryption_key((folder / "encryption.key").read_text().strip())
    return (
        "[registry]\n"
        f'url = "{plan.url("registry")}"\n'
        'subscriber_id = "registry.wayfare.example"\n'
        'unique_key_id = "k1"\n'
        f'signing_public_key = "{keys.b64encode(signing.public)}"\n'
        f'encryption_public_key = "{keys.b64encode(encryption.public)}"'
    )


# Running


def start_all(plan: Network) -> None:
    """Start the five processes at once and wait until each answers. Raises DemoFault."""
    for name, role in NODES.items():
        plan.started[name] = start(name, role=role, config=plan.config(name), url=plan.url(name))
    for node in plan.started.values():
        wait_healthy(node)


def join_all(plan: Network) -> None:
    """Each participant asks the registry in, and answers its challenge. Raises DemoFault."""
    for name in NODES:
        if name == "registry":
            continue
        said = run("join", "--config", str(plan.config(name)))
        if said.status != 0:
            reason = f"{said.errors} {said.output}".strip()
            raise DemoFault(f"the registry did not admit {name}: {reason}")
