"""Several processes of one node at one PostgreSQL database, for which threads stand."""

import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from protocol_specs.node.postgres.engine import PostgresEngine
from protocol_specs.node.postgres.migrating import migrate
from protocol_specs.node.store import Session, Store, StoreAt
from protocol_specs.node.workers import Share
from tests.support.postgres_server import server

CROWD = 8


@dataclass
class Crowd:
    """Each has connections of its own."""

    stores: list[Store]

    def at_once(self, unit: Callable[[Session, int], Any]) -> list[Any]:
        """All run the unit at the same moment; what each returned."""
        start, found = threading.Barrier(CROWD), [None] * CROWD

        def run(at: int) -> None:
            start.wait()
            found[at] = self.stores[at].transact_now(lambda session: unit(session, at))

        threads = [threading.Thread(target=run, args=(at,)) for at in range(CROWD)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return found

    def now(self, unit: Callable[[Session], Any]) -> Any:
        """One of them runs it alone."""
        return self.stores[0].transact_now(unit)


@contextmanager
def crowded(folder: Path, migrations: str) -> Iterator[Crowd]:
    """A node of these tables, as many processes as CROWD says."""
    at = StoreAt(folder, server().make(f"crowd{uuid.uuid4().hex[:8]}"))
    migrate(at, migrations)
    with ExitStack() as closing:
        shares = [Share(n, CROWD) for n in range(CROWD)]
        stores = [Store(PostgresEngine(at, share=share), share) for share in shares]
        for each in stores:
            closing.callback(each.close)
            each.transact_now(lambda session: None)  # connected before the race
        yield Crowd(stores)
