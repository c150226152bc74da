"""The desk's door to remittances: a running node closes by itself; what is wrong is refused."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bpp.insurance.remittance import commands
from bpp.insurance.scheme_file import load
from protocol_specs.node.commands import main
from tests.bpp.cooperative import Cooperative, cooperative
from tests.bpp.insurance.fare_cash import OFFERING, insured
from tests.bpp.insurance.support import MY
from tests.bpp.insurance.test_money_facts import at_the_limit, config_of

DAY_S = 86_400


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[Cooperative]:
    async with cooperative(tmp_path, insurance=insured(tmp_path, "0.50"), **OFFERING) as running:
        await at_the_limit(running)
        yield running


def period_of(there: Cooperative) -> str:
    return load(MY).period_of(there.node.now())


async def closed(there: Cooperative, body: dict[str, Any]) -> dict[str, Any]:
    """Asks again until the node's loop is done with it."""
    async with asyncio.timeout(60):
        while True:
            status, answer = await there.desk("POST", "insurance/remittance/close", body)
            assert status == 200, answer
            if answer["state"] != "closing":
                return dict(answer)
            await asyncio.sleep(0.01)


async def test_a_running_node_closes_sends_and_acknowledges(there: Cooperative) -> None:
    period = period_of(there)
    there.clock.at += 40 * DAY_S
    found = await closed(there, {"scheme": MY, "period": period, "by": "desk-1"})
    assert (found["state"], found["workers"]) == ("collected", 1)
    value = f"{found['amount_minor'] / 100:.2f}"
    facts = {
        "kind": "trust-sweep", "scheme": MY, "amount": value, "currency": "MYR",
        "reference": "t-1", "by": "desk-1",
    }  # fmt: skip
    assert (await there.desk("POST", "ledger/facts", facts))[0] == 201
    body = {"remittance": found["id"], "kind": "sent", "reference": "b-1", "by": "desk-1"}
    status, answer = await there.desk("POST", "insurance/remittance/steps", body)
    assert (status, answer["state"]) == (200, "sent")
    told = {**body, "kind": "acknowledged", "amount": value}
    status, answer = await there.desk("POST", "insurance/remittance/steps", told)
    assert (status, answer["state"]) == (200, "acknowledged")
    _, answer = await there.desk("GET", "insurance/remittances")
    assert [each["state"] for each in answer["remittances"]] == ["acknowledged"]
    assert (await there.drive("D1", "GET", "insurance/late"))[1] == {"late": []}


GOOD_CLOSE = {"scheme": MY, "period": "2026-01", "by": "desk-1"}
GOOD_STEP = {"remittance": f"{MY}/2026-01/1", "kind": "sent", "reference": "b-1", "by": "desk-1"}


@pytest.mark.parametrize(
    ("path", "change", "status", "says"),
    [
        ("close", {"period": "2099-12"}, 409, "not over"),
        ("close", {"period": "2026-13"}, 409, "no period"),
        ("close", {"scheme": "x.unknown"}, 409, "no scheme"),
        ("close", {"by": "Aminah binti"}, 400, "/by"),
        ("close", {"leave_open": 1}, 400, "/leave_open"),
        ("close", {"note": "x"}, 400, "/note"),
        ("steps", {}, 409, "no remittance"),
        ("steps", {"kind": "lost"}, 400, "/kind"),
        ("steps", {"worker": "w1"}, 409, "only where one line"),
        ("steps", {"at": 99_999_999_999}, 409, "has not happened"),
        ("steps", {"kind": "interest", "paid_on": "2026-02-31"}, 409, "no day"),
        ("steps", {"kind": "acknowledged", "amount": "1e3"}, 400, "not an amount"),
        ("steps", {"amount": 1.5}, 400, "/amount"),
        ("steps", {"file_sha256": "abc"}, 400, "/file_sha256"),
    ],
)
async def test_one_thing_wrong_is_refused_and_nothing_is_written(
    there: Cooperative, path: str, change: dict[str, Any], status: int, says: str
) -> None:
    good = GOOD_CLOSE if path == "close" else GOOD_STEP
    before = there.books()
    found, answer = await there.desk("POST", f"insurance/remittance/{path}", {**good, **change})
    assert (found, says in json.dumps(answer)) == (status, True), answer
    assert there.books() == before
    assert (await there.desk("GET", "insurance/remittances"))[1] == {"remittances": []}


async def test_only_the_desk_may(there: Cooperative) -> None:
    for path, body in (("close", GOOD_CLOSE), ("steps", GOOD_STEP)):
        asked = f"/desk/insurance/remittance/{path}"
        assert (await there.call("POST", asked, body, {}))[0] == 401
    assert (await there.call("GET", "/desk/insurance/remittances", None, {}))[0] == 401
    assert (await there.call("GET", "/driver/insurance/late", None, {}))[0] == 401


async def test_the_command_has_a_running_node_close_and_waits_for_it(
    there: Cooperative, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    period = period_of(there)
    there.clock.at += 40 * DAY_S
    config = str(config_of(tmp_path, there.node.port))
    words = ["remit", "close", MY, period, "--by", "desk-1", "--config", config]
    assert await asyncio.to_thread(main, words) == 0
    assert capsys.readouterr().out.startswith(f"{MY}/{period}/1: collected, ")
    send = [
        "remit",
        "send",
        f"{MY}/{period}/1",
        "--reference",
        "b",
        "--by",
        "d",
        "--config",
        config,
    ]
    assert await asyncio.to_thread(main, send) == 1
    assert "trust-sweep first" in capsys.readouterr().err


async def test_the_command_does_not_wait_for_ever_for_a_close_that_cannot_go_on(
    there: Cooperative,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    period = period_of(there)
    there.clock.at += 40 * DAY_S
    monkeypatch.setattr(commands, "WAIT_S", -1.0)
    config = str(config_of(tmp_path, there.node.port))
    words = ["remit", "close", MY, period, "--by", "desk-1", "--config", config]
    assert await asyncio.to_thread(main, words) == 1
    assert "the node goes on with it" in capsys.readouterr().err
