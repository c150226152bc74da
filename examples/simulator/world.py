"""The nodes of a simulated network: folders, keys, settings; started, crashed, restarted."""

from __future__ import annotations

import asyncio
import os
import random
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from string import Template
from typing import Any

from bap import app as bap_app
from bap.settings import BapSettings
from bpp import app as bpp_app
from bpp.settings import BppSettings
from examples.simulator.loop import LIFE, Life, living
from examples.simulator.machine import BEGAN_AT, Disk
from examples.simulator.wires import Wires
from gateway import app as gateway_app
from gateway.settings import GatewaySettings
from protocol_specs.node.server import Node
from protocol_specs.node.settings import TYPE_OF_ROLE, NodeSettings, write_secret
from protocol_specs.node.startup import load_keys
from protocol_specs.node.trust import subscription
from protocol_specs.wire import keys
from registry import app as registry_app
from registry.settings import RegistryNodeSettings

FIRST_PORT = 8601
DAY_S = 86_400
Document = dict[str, Any]
CLASSES: dict[str, type[NodeSettings]] = {
    "registry": RegistryNodeSettings,
    "gateway": GatewaySettings,
    "bpp": BppSettings,
    "bap": BapSettings,
}
BUILDS: dict[str, Callable[..., Node]] = {
    "registry": registry_app.assemble,
    "gateway": gateway_app.assemble,
    "bpp": bpp_app.build_from,
    "bap": bap_app.assemble,
}


class Door:
    """What a node listens at: stands where its bound socket would."""

    def __init__(self, port: int) -> None:
        self._port = port

    def getsockname(self) -> tuple[str, int]:
        """The port of the node's url."""
        return "127.0.0.1", self._port

    def close(self) -> None:
        """There is nothing to give back."""


@dataclass(slots=True)
class House:
    """One node through all its lives: what survives a crash is its folder."""

    name: str
    role: str
    port: int
    folder: Path
    document: Document  # its settings
    skew_s: float = 0.0  # of its clock
    life: Life = field(default_factory=lambda: Life("nobody"))
    node: Node | None = None
    starts: int = 0

    @property
    def url(self) -> str:
        """The registered url."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def subscriber_id(self) -> str:
        """The network-wide name."""
        return str(self.document["subscriber_id"])


class World:
    """All houses, and what runs in them. `loop`, `disk` and the machine's `chance` are the
    simulation's."""

    def __init__(
        self, loop: Wires, disk: Disk, chance: random.Random, data: Path, *, seed: int
    ) -> None:
        self.loop, self.disk, self.data = loop, disk, data
        self.dice = dice_of("world", seed)
        self._chance, self._seed_text = chance, str(seed)
        self.houses: dict[str, House] = {}
        self.over: list[Life] = []
        self.starting: set[str] = set()

    def of_role(self, role: str) -> list[House]:
        """The houses of one role."""
        return [house for house in self.houses.values() if house.role == role]

    def now(self) -> float:
        """The true time, seconds UTC."""
        return BEGAN_AT + self.loop.now

    # Building

    def add(self, name: str, role: str, like: str, **changes: Any) -> House:
        """A house with the settings of examples/nodes/`like`.toml, some of them changed."""
        port = FIRST_PORT + len(self.houses)
        folder = self.data / name
        self._write_keys(folder / "keys", keeps_books=role == "bpp")
        text = resources.files("examples").joinpath(f"nodes/{like}.toml").read_text("utf-8")
        values = {
            f"{like}_url": f"http://127.0.0.1:{port}",
            f"{like}_port": "0",
            "witness_dir": str(self.data / "witness"),
            "identity_key": keys.b64encode(keys.encryption_key(self._seed()).public),
            "registry": "" if role == "registry" else self._registry_table(),
        }
        document = tomllib.loads(Template(text).substitute(values))
        document.pop("record", None)
        document |= {"log_level": "info", **changes}
        house = House(name, role, port, folder, document)
        self.houses[name] = house
        self.loop.names[port] = name
        (self.data / "witness").mkdir(exist_ok=True)
        return house

    def _seed(self) -> str:
        return keys.b64encode(self.dice.randbytes(32))

    def _write_keys(self, folder: Path, *, keeps_books: bool) -> None:
        (folder / "ledger").mkdir(parents=True)
        names = ["signing.key", "encryption.key"] + ["ledger/signing.key"] * keeps_books
        for name in names:
            write_secret(folder / name, self._seed())

    def _registry_table(self) -> str:
        house = self.houses["registry"]
        own = load_keys(self._settings(house))
        return (
            f'[registry]\nurl = "{house.url}"\nsubscriber_id = "{house.subscriber_id}"\n'
            'unique_key_id = "k1"\n'
            f'signing_public_key = "{keys.b64encode(own.signing.public)}"\n'
            f'encryption_public_key = "{keys.b64encode(own.encryption.public)}"'
        )

    def _settings(self, house: House) -> NodeSettings:
        kind = CLASSES[house.role]
        return kind.model_validate(house.document, context={"folder": house.folder})

    # Living

    async def start(self, house: House) -> None:
        """A new life of the house, from what its folder holds."""
        life = Life(house.name)
        house.life, house.starts = life, house.starts + 1
        node = living(life).run(self._build, house)
        house.node = node
        # What a build imports for the first time in this process may have drawn: begin anew.
        self._chance.seed(f"{self._seed_text} {house.name} {house.starts}")
        door: Any = Door(house.port)
        task = self.loop.create_task(node.start(sock=door), context=living(life))
        await task

    def _build(self, house: House) -> Node:
        loop = self.loop

        def clock() -> float:
            return BEGAN_AT + loop.now + house.skew_s

        return BUILDS[house.role](self._settings(house), clock=clock)

    async def join(self, house: House) -> None:
        """Apply to the registry and wait for its yes."""
        task = self.loop.create_task(self._join(house), context=living(house.life))
        await task

    async def _join(self, house: House) -> None:
        node = house.node
        settings = self._settings(house)
        if node is None or settings.registry is None:
            raise RuntimeError(f"{house.name} does not run, or has no registry")
        body = subscription.application(
            settings,
            load_keys(settings),
            type=TYPE_OF_ROLE[house.role],  # type: ignore[index]  # the roles are those
            now=node.now(),
            valid_s=300 * DAY_S,
        )
        await subscription.subscribe(node.client, settings.registry.url, body)

    async def stop(self, house: House) -> None:
        """In good order."""
        if house.node is not None:
            node, house.node = house.node, None
            await self.loop.create_task(node.stop(), context=living(house.life))

    def crash(self, house: House) -> None:
        """The program ends at once, wherever it is; its connections are reset. May be called from
        within it."""
        if house.node is None or house.life.is_over:
            return
        self.loop.end(house.life)
        self.over.append(house.life)
        world = living(Life("world"))
        self.loop.call_soon(self._clear, house, house.life, house.node, context=world)
        house.node = None

    def _clear(self, house: House, life: Life, node: Node) -> None:
        self.loop.hang_up(life)
        self.disk.let_go(life)
        node.store.close()

    async def restart(self, house: House) -> None:
        """After a crash. A disk that is away keeps it from starting: it is tried again."""
        if house.node is None and house.name not in self.starting:
            self.starting.add(house.name)
            await asyncio.sleep(0)
            await self.start(house)
            self.starting.discard(house.name)


def dice_of(what: str, seed: int) -> random.Random:
    """Chance of its own for each part of a simulation: more of one does not move the others."""
    return random.Random(f"{what} {seed}")  # noqa: S311  dice, no secrets


def scratch() -> Path | None:
    """Memory to keep the nodes' files in, where the system offers some."""
    memory = Path("/dev/shm")  # noqa: S108  a new folder with an unguessable name is made in it
    return memory if os.access(memory, os.W_OK) else None


def as_life(name: str, address: str = "127.0.0.1") -> Life:
    """Somebody beside the nodes; the present task becomes theirs."""
    life = Life(name, address)
    LIFE.set(life)
    return life
