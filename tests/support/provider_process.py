"""A ride cooperative's node as a process of its own, to be killed and started again.

The processes are forked from one that has imported the node already, so that a test may start
hundreds; each runs the command `wayfare serve bpp` in a folder that can be copied.
"""

import asyncio
import multiprocessing
import os
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from protocol_specs.node.commands import main
from protocol_specs.node.database.store_settings import StoreAt
from protocol_specs.node.settings import write_secret
from protocol_specs.wire import keys
from tests.support.nodes import write_keys
from tests.support.peers import CITY, COUNTRY, RIDES, Peer

BPP_ID = "bpp.example.org"
BPP_URL = "https://bpp.example.org"  # known to the network; where it listens is another matter
START_DEADLINE_S = 60
END_DEADLINE_S = 60

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(
    ["bpp.app", "protocol_specs.node.database.postgres.engine", "tests.support.provider_process"]
)

_SETTINGS = """
subscriber_id = "{bpp_id}"
unique_key_id = "k1"
url = "{bpp_url}"
port = 0
data_dir = "data"
signing_key = "keys/signing.key"
encryption_key = "keys/encryption.key"
network = "development"
domains = ["{domain}"]
cities = ["{city}"]
country = "{country}"
log_level = "error"
provider_id = "kl-taxi"
provider_name = "KL Taxi Cooperative"
kind = "ride"
currency = "MYR"
categories = ["CAB"]
assignment = "offer"
quote_ttl_s = 3600
service_area = [{{ lat = 3.139, lon = 101.6869, radius_m = 20000 }}]

[fares]
base = "3.00"
per_km = "0.70"

[[vehicles]]
registration = "W 1"
category = "CAB"

[insurance]
schemes = ["my.act872.gig"]
allow_unverified = true
commission_rate = "0.20"
ledger_key = "keys/ledger.key"
witness = "witness/heads.jsonl"

[insurance.liable_party."my.act872.gig"]
party = "bpp"
source = "a test"

[insurance.mandates]
"my.act872.gig" = "a test"

[registry]
url = "{registry.url}"
subscriber_id = "{registry.subscriber_id}"
unique_key_id = "{registry.unique_key_id}"
signing_public_key = "{signing}"
encryption_public_key = "{encryption}"
"""


@dataclass(frozen=True)
class Home:
    """The folder of one node: settings, keys, data, and the witness beside the data."""

    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "node.toml"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def witness(self) -> Path:
        return self.folder / "witness" / "heads.jsonl"

    @property
    def at(self) -> StoreAt:
        """Where its data are."""
        return StoreAt(self.data)

    def copy(self, folder: Path) -> "Home":
        """The same node elsewhere; it must not run meanwhile."""
        shutil.copytree(self.folder, folder)
        return Home(folder)

    def forget(self) -> None:
        """Gives free what a copy holds beside its folder, which goes with the test."""


def make_home(folder: Path, registry: Peer) -> Home:
    """A new cooperative with insurance, that trusts `registry`."""
    write_keys(folder / "keys")
    write_secret(folder / "keys/ledger.key", keys.b64encode(keys.generate_signing_key().seed))
    home = Home(folder)
    home.config.write_text(
        _SETTINGS.format(
            bpp_id=BPP_ID,
            bpp_url=BPP_URL,
            domain=RIDES,
            city=CITY,
            country=COUNTRY,
            registry=registry,
            signing=keys.b64encode(registry.key.public),
            encryption=keys.b64encode(registry.encryption.public),
        )
    )
    return home


class ProviderProcess:
    """A node that runs, and where it listens."""

    def __init__(self, process: ForkServerProcess, url: str) -> None:
        self.url = url
        self._process = process

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def kill(self) -> None:
        """kill -9, as an operator may do at any moment; a process gone already is fine."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def stop(self) -> None:
        """Asks it to end, as a service manager does; a process gone already is fine."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGTERM)

    async def ended(self, within_s: float = END_DEADLINE_S) -> int | None:
        """The exit code once it has ended, -9 when it was killed; None: it still runs."""
        await asyncio.to_thread(self._process.join, within_s)
        return self._process.exitcode

    def is_running(self) -> bool:
        return self._process.is_alive()


async def start(home: Home) -> ProviderProcess:
    """Starts the node and waits until it listens."""
    log = home.folder / f"log-{len(list(home.folder.glob('log-*')))}"
    log.touch()
    process = _FORKS.Process(target=_serve, args=(home.config, log), daemon=True)
    await asyncio.to_thread(process.start)
    deadline = asyncio.get_running_loop().time() + START_DEADLINE_S
    while " listens on " not in log.read_text():
        is_late = asyncio.get_running_loop().time() > deadline
        if is_late or not process.is_alive():
            process.kill()
            raise AssertionError(f"the node did not start:\n{log.read_text()[-3000:]}")
        await asyncio.sleep(0.01)
    return ProviderProcess(process, log.read_text().split(" listens on ")[1].split(",")[0])


@asynccontextmanager
async def running(home: Home) -> AsyncIterator[ProviderProcess]:
    """The node for the length of the block: asked to stop at its end, if nobody killed it."""
    process = await start(home)
    try:
        yield process
    finally:
        if process.is_running():
            process.stop()
        code = await process.ended()
        if code is None:
            process.kill()
    assert code in (0, -signal.SIGKILL), f"the node ended with {code}"


def _serve(config: Path, log: Path) -> None:
    descriptor = os.open(log, os.O_WRONLY | os.O_APPEND)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    raise SystemExit(main(["serve", "bpp", "--config", str(config)]))
