"""For all tests: in the continuous check a skipped test is a failed one."""

import os
import resource
from collections.abc import Iterator
from functools import cache
from itertools import islice
from typing import Any

import pytest
from hypothesis import settings
from sqlalchemy import MetaData

from protocol_specs.node.database import sqlite

WORKERS_MAX = 8
FILES = 65_536  # may be open: a gateway of these tests has a thousand peers
# A busy machine is no fault of what an example tries; pytest's own limit on a test still holds.
settings.register_profile("wayfare", deadline=None)
settings.load_profile("wayfare")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--store", choices=("sqlite", "postgresql"), default="sqlite", help="of all nodes' data"
    )


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """`-n auto`: as many as processors that we may use; no more than eight, for each starts nodes
    and a database server of its own."""
    return min(len(os.sched_getaffinity(0)), WORKERS_MAX)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """`--dist loadscope` shares out by what a test needs started."""
    if config.getoption("dist") != "loadscope":
        return None
    from tests.support.sharing_out import ByNetwork

    return ByNetwork(config, log)


@pytest.hookimpl(trylast=True)  # of what is left
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With several workers, what may take longest begins first: it is not left for the end, alone.
    Each begins with its own piece of the list, so each piece begins with some of those."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    if workers == 1:
        return
    items.sort(key=_seconds_at_most, reverse=True)
    if config.option.markexpr == "slow":
        return
    long = [item for item in items if _seconds_at_most(item)]
    short, size = iter(items[len(long) :]), -(-len(items) // workers)
    items.clear()
    for n in range(workers):
        mine = long[n::workers]
        items += [*mine, *islice(short, size - len(mine))]


def _seconds_at_most(item: pytest.Item) -> float:
    marked = item.get_closest_marker("timeout")
    return float(marked.args[0]) if marked is not None else 0.0


def pytest_configure(config: pytest.Config) -> None:
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if most == resource.RLIM_INFINITY else min(most, FILES)
    if now != resource.RLIM_INFINITY and now < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))
    config.addinivalue_line("markers", "sqlite: it looks into SQLite's own file or connections")
    if config.getoption("--store") == "postgresql":
        from tests.support import postgres_everywhere

        postgres_everywhere.install()
        config.pluginmanager.register(postgres_everywhere)


@pytest.fixture(scope="session", autouse=True)
def _schemas_are_written_once() -> Iterator[None]:
    """Thousands of tests make a store of the same tables, by the same statements each time."""
    written = sqlite.definitions

    @cache
    def once(metadata: MetaData, tables: int) -> tuple[str, ...]:
        return tuple(written(metadata))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sqlite, "definitions", lambda metadata: once(metadata, len(metadata.tables)))
        yield


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = terminalreporter.stats.get("skipped", [])
    if skipped and os.environ.get("CI"):
        terminalreporter.write_line(f"{len(skipped)} skipped: in the continuous check that fails")


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") and reporter is not None and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
