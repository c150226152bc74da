"""A NATS server for each test that asks for one."""

from collections.abc import Iterator

import pytest

from tests.support.nats_server import NatsServer


@pytest.fixture
def server() -> Iterator[NatsServer]:
    """Running; it may be killed and started again."""
    made = NatsServer()
    made.start()
    yield made
    made.remove()
