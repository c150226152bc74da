"""For the browser's tests: one city and one Chromium for the whole folder, a fresh citizen each."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser.city import City, city
from tests.support.gallery import Gallery
from tests.support.nodes import listening_socket, running, url_of

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.browser.citizen import Citizen

collect_ignore_glob: list[str] = []
if importlib.util.find_spec("playwright") is None:
    collect_ignore_glob.append("test_*.py")  # .ci/run installs it, and fails when nothing ran

QUIET = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="package")
def streets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    """The city, for as long as the folder's tests run."""
    there = city(tmp_path_factory.mktemp("city"))
    with ThreadPoolExecutor(1) as beside:  # the browser's event loop holds this thread
        yield beside.submit(there.__enter__).result()
        beside.submit(there.__exit__, None, None, None).result()


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Chromium with a profile of its own."""
    from playwright.sync_api import expect, sync_playwright

    from tests.browser.citizen import WAIT_MS

    expect.set_options(timeout=WAIT_MS)
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    assert chromium, "no chromium on the PATH; name one by CHROMIUM=/path/to/chromium"
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=list(QUIET))
        yield running
        running.close()


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The gallery's node in a thread of its own: its address, and the file of its codes."""
    folder, sock, over = tmp_path_factory.mktemp("gallery"), listening_socket(), threading.Event()
    ready = threading.Event()

    async def serve() -> None:
        made = Gallery(folder, sock, time.time)
        async with running(made.node, sock):
            ready.set()
            await asyncio.to_thread(over.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(60)
    yield url_of(sock), folder / "data" / "codes.jsonl"
    over.set()
    thread.join()


@pytest.fixture
def town(streets: City) -> Iterator[City]:
    """The city with nobody on duty yet."""
    yield streets
    streets.send_home()


@pytest.fixture
def citizen(town: City, browser: Browser) -> Iterator[Callable[..., Citizen]]:
    """Opens browser windows; at the end none of them may have complained or gone elsewhere."""
    from tests.browser.citizen import Citizen

    windows: list[Citizen] = []

    def opened(**settings: object) -> Citizen:
        windows.append(Citizen.at(town.page, browser, **settings))
        return windows[-1]

    yield opened
    complaints = [complaint for window in windows for complaint in window.complaints]
    for window in windows:
        window.page.context.close()
    assert complaints == []
