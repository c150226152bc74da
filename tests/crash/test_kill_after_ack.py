"""kill -9 of the provider between ACK and callback: an ACK outlives the process that gave it."""

import json
from pathlib import Path

import pytest

from protocol_specs.node.commands import main
from protocol_specs.wire import strict_json
from tests.support.provider_process import make_home, running
from tests.support.standing import settled, standing
from tests.support.surroundings import surroundings


@pytest.mark.processes
async def test_what_was_acked_before_a_kill_is_answered_after_it_and_stands_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with surroundings() as around:
        home = make_home(tmp_path / "home", around.registry)
        async with running(home) as node:
            confirm = around.confirm(await around.quoted(node.url))
        around.is_down = True
        async with running(home) as node:
            assert await around.send(node.url, confirm)
            node.kill()
            assert await node.ended() == -9
        assert confirm.message_id not in around.heard

        around.is_down = False
        async with running(home) as node:
            answer = await around.answer(confirm)
            await settled(home, confirm)
            after = standing(home, confirm)
            assert await around.send(node.url, confirm), "the same bytes again get the same ACK"

    assert answer["context"]["action"] == "on_confirm"
    assert answer["message"]["order"]["status"] == "ACTIVE"
    assert set(around.heard[confirm.message_id]) == {strict_json.dumps(answer)}
    assert after.received == ["handled"]
    assert after.orders == ["ACTIVE"]
    assert after.events == ["confirmed"]
    assert [(kind, amount) for kind, _, _, amount in after.transfers] == [("confirmed", 6)]
    assert after.contributions == [("set_aside", 6)]
    assert after.owed == [("on_confirm", "sent")]
    assert standing(home, confirm) == after, "a repeat of the confirm changes nothing"
    verify = ["ledger", "verify", "--config", str(home.config), "--witness", str(home.witness)]
    assert main([*verify, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["entries"], report["waiting"], report["faults"]) == (1, 0, [])
