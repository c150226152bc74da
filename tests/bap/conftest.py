"""A consumer node with the network around it, for each test of it that asks for one."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.bap.network import Network, network
from tests.support.browsing import Browsing


@pytest.fixture
def settings() -> dict[str, Any]:
    """Of the node, beyond the usual ones; a module that wants others has a fixture of this name."""
    return {}


@pytest.fixture
async def net(tmp_path: Path, settings: dict[str, Any]) -> AsyncIterator[Network]:
    async with network(tmp_path, **settings) as made:
        yield made


@pytest.fixture
def browser(net: Network) -> Browsing:
    return Browsing(net.citizen.url)
