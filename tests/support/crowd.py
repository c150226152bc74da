"""Several processes of one node at one PostgreSQL database, for which threads stand."""

import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from protocol_specs.node.database.postgres.engine import PostgresEngine
from protocol_specs.node.database.postgres.migrating import migrate
from protocol_specs.node.store import Session, Store, StoreAt
from protocol_specs.node.workers.workers import Share
from tests.support.postgres_server import be_patient, server

CROWD = 8


@dataclass
class Crowd:
    """Each has connections of its own. What they are refused with, of the kinds in `lost`, counts
    as their answer."""

    stores: list[Store]
    lost: tuple[type[Exception], ...] = ()

    def at_once(self, unit: Callable[[Session, int], Any], many: int | None = None) -> list[Any]:
        """All run the unit at the same moment; what each returned or was refused with."""
        many = many or len(self.stores)
        start, found = threading.Barrier(many), [None] * many
        faults: list[Exception] = []

        def run(at: int) -> None:
            start.wait()
            try:
                found[at] = self.stores[at].transact_now(lambda session: unit(session, at))
            except self.lost as lost:
                found[at] = lost  # type: ignore[call-overload]
            except Exception as error:  # noqa: BLE001 - told by the test, not by the thread
                faults.append(error)

        threads = [threading.Thread(target=run, args=(at,)) for at in range(many)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if faults:
            raise ExceptionGroup(f"{len(faults)} of {many}", faults)
        return found

    def now(self, unit: Callable[[Session], Any]) -> Any:
        """One of them runs it alone."""
        return self.stores[0].transact_now(unit)


@contextmanager
def crowded(
    folder: Path, migrations: str, many: int = CROWD, lost: tuple[type[Exception], ...] = ()
) -> Iterator[Crowd]:
    """A node of these tables, as many processes."""
    at = StoreAt(folder, server().make(f"crowd{uuid.uuid4().hex[:8]}"))
    migrate(at, migrations)
    with ExitStack() as closing:
        be_patient(closing.enter_context(pytest.MonkeyPatch.context()))
        shares = [Share(n, many) for n in range(many)]
        stores = [Store(PostgresEngine(at, share=share), share) for share in shares]
        for each in stores:
            closing.callback(each.close)
            each.transact_now(lambda session: None)  # connected before the race
        yield Crowd(stores, lost)
