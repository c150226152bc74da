"""What the consumer node asks is counted and logged once, whether it was taken or not."""

from typing import Any

import orjson
import pytest

from protocol_specs.wire.values import replace
from tests.bap.network import Network


@pytest.fixture
def settings() -> dict[str, Any]:
    return {"log_level": "info"}


def counted(net: Network, event: str) -> dict[str, float]:
    actions = ("search", "select", "init", "confirm", "track")
    counts = {action: net.node.telemetry.count(event, action) for action in actions}
    return {action: count for action, count in counts.items() if count}


async def test_each_request_that_is_taken_is_counted_as_sent(net: Network) -> None:
    await net.booked()
    assert (await net.citizen.call("GET", "/track"))[0] in (200, 202)
    once = dict.fromkeys(("search", "select", "init", "confirm", "track"), 1.0)
    assert counted(net, "sent") == once
    assert counted(net, "given_up") == {}


async def test_a_gateway_that_is_down_and_the_next_that_takes_the_search_are_both_counted(
    net: Network,
) -> None:
    down = replace(
        net.gateway.peer.records()[0], url="http://127.0.0.1:1", subscriber_id="aa.example.org"
    )
    net.directory.held.insert(0, down)
    assert (await net.citizen.search())[0] == 201
    assert counted(net, "sent") == counted(net, "given_up") == {"search": 1.0}


async def test_a_select_that_is_refused_is_counted_as_given_up_with_its_ids_and_code(
    net: Network, capsys: pytest.CaptureFixture[str]
) -> None:
    journey = await net.searched()
    nack = {"message": {"ack": {"status": "NACK"}}, "error": {"code": "30004", "message": "no"}}
    net.coop.answer = (200, nack)
    capsys.readouterr()
    await net.citizen.call("POST", "/select", {"offer_id": journey["offers"][0]["offer_id"]})
    assert counted(net, "given_up") == {"select": 1.0}
    (said,) = (line for line in capsys.readouterr().err.splitlines() if "given_up" in line)
    line, asked = orjson.loads(said), net.coop.of("select")[0]["context"]
    assert (line["action"], line["code"], line["peer"]) == ("select", "30004", asked["bpp_id"])
    assert line["message_id"] == asked["message_id"]
    assert line["transaction_id"] == asked["transaction_id"]
