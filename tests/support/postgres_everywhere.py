"""`pytest --store postgresql`: every store of the run is a database of a real server."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from sqlalchemy import MetaData

from protocol_specs.node import store as store_module
from protocol_specs.node.database.postgres.engine import opened
from protocol_specs.node.store import Store, StoreAt
from protocol_specs.node.workers.workers import WHOLE, Share
from tests.support.postgres_server import be_patient, database_of, give_back

_OPEN = Store.open


def install() -> None:
    """From here on a folder means a database, for all who open one in this process."""
    be_patient(pytest.MonkeyPatch())
    store_module.place = _place
    Store.open = staticmethod(_open)  # type: ignore[method-assign]


def _place(where: Path | StoreAt) -> StoreAt:
    folder = where if isinstance(where, Path) else where.data_dir
    if isinstance(where, StoreAt) and where.url is not None:
        return where
    return database_of(folder, None)


def _open(
    where: Path | StoreAt,
    metadata: MetaData,
    *,
    triggers: Sequence[str] = (),
    share: Share = WHOLE,
) -> Store:
    if isinstance(where, StoreAt) and where.url is not None:
        return _OPEN(where, metadata, triggers=triggers, share=share)
    folder = where if isinstance(where, Path) else where.data_dir
    return Store(opened(database_of(folder, metadata, triggers), lambda link: None))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Iterator[None]:
    """After the test's own fixtures: what stood for its folder is free for the next."""
    yield
    folder = getattr(item, "funcargs", {}).get("tmp_path")
    if folder is not None:
        give_back(folder)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What a test says of SQLite's own file is not asked of a server."""
    left = [item for item in items if item.get_closest_marker("sqlite")]
    if left:
        config.hook.pytest_deselected(items=left)
        items[:] = [item for item in items if item not in left]
