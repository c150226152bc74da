"""For tests of the door: each of them on both ways to it."""

import pytest

from protocol_specs.node.door import doorway


@pytest.fixture(params=["doorway", "aiohttp"])
def either_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The door's own HTTP, or aiohttp's because no head is plain enough."""
    if request.param == "aiohttp":
        monkeypatch.setattr(doorway, "plain_head", lambda head, paths: None)
