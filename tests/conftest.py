"""For all tests: in the continuous check a skipped test is a failed one."""

import os
from typing import Any

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--store", choices=("sqlite", "postgresql"), default="sqlite", help="of all nodes' data"
    )


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """`-n auto`: one more than processors, for somebody always waits for a process or a clock."""
    return (os.cpu_count() or 1) + 1


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """`--dist loadscope` shares out by what a test needs started."""
    if config.getoption("dist") != "loadscope":
        return None
    from tests.support.sharing_out import ByNetwork

    return ByNetwork(config, log)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "sqlite: it looks into SQLite's own file or connections")
    if config.getoption("--store") == "postgresql":
        from tests.support import postgres_everywhere

        postgres_everywhere.install()
        config.pluginmanager.register(postgres_everywhere)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = terminalreporter.stats.get("skipped", [])
    if skipped and os.environ.get("CI"):
        terminalreporter.write_line(f"{len(skipped)} skipped: in the continuous check that fails")


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") and reporter is not None and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
