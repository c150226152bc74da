"""A NATS server for each test that asks for one, and nobody who gives up in two seconds."""

from collections.abc import Iterator

import pytest

from protocol_specs.node.nats import bus
from protocol_specs.node.nats import siblings as far
from protocol_specs.node.workers import siblings
from tests.support.nats_server import NatsServer


@pytest.fixture(autouse=True)
def _a_busy_machine_is_no_dead_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bus, "FLUSH_S", 8)
    for module in (siblings, far):
        monkeypatch.setattr(module, "DEADLINE_S", 30)


@pytest.fixture
def server() -> Iterator[NatsServer]:
    """Running; it may be killed and started again."""
    made = NatsServer()
    made.start()
    yield made
    made.remove()
