"""An auditor's key at the real door: reads the books, writes nothing; each reading is kept."""

import json
from argparse import Namespace
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import text

from bpp.insurance import desk_calls
from bpp.insurance.agents import mandate, mandates
from bpp.insurance.report.api import OPENED
from bpp.insurance.report.commands import run_key
from protocol_specs.node.store import Statement
from protocol_specs.wire.keys import b64encode, generate_signing_key, signing_key
from tests.bpp.cooperative import Cooperative, cooperative
from tests.bpp.insurance.fare_cash import insured
from tests.bpp.insurance.support import MY

DAY_S = 86_400
KEYS = Statement(text("SELECT * FROM reading_key"))
READINGS = Statement(text("SELECT name, n, path FROM reading ORDER BY n"))
NEW = {"name": "auditor", "purpose": "audit of July", "days": 30, "by": "desk-1"}
OPEN = sorted(each.removeprefix("/desk/") for each in OPENED)
READ = ("ledger/balances", "ledger/trust", "insurance/filings", "insurance/report")


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[Cooperative]:
    async with cooperative(tmp_path, insurance=insured(tmp_path, None)) as running:
        yield running


async def made(there: Cooperative, **changes: Any) -> str:
    status, found = await there.desk("POST", "insurance/keys", {**NEW, **changes})
    assert status == 201, found
    token: str = found["token"]
    return token


async def by_key(
    there: Cooperative, token: str, method: str, path: str, body: Any = None
) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {token}"}
    return await there.call(method, f"/desk/{path}", body, headers)


def readings(there: Cooperative) -> list[tuple[Any, ...]]:
    return there.node.store.read(lambda s: [tuple(row) for row in s.all(READINGS)])


async def test_a_key_opens_the_books_and_each_reading_is_kept_and_shown(
    there: Cooperative,
) -> None:
    token = await made(there)
    for path in READ:
        assert (await by_key(there, token, "GET", path))[0] == 200, path
    kept = [("auditor", n, f"/desk/{path}") for n, path in enumerate(READ, 1)]
    assert readings(there) == kept
    _, shown = await there.desk("GET", "insurance/keys")
    assert [each["path"] for each in reversed(shown["readings"])] == [path for _, _, path in kept]
    assert shown["keys"][0]["readings"] == len(READ)
    _, told = await there.drive("D1", "GET", "insurance/readers")
    assert told["readers"][0]["readings"] == len(READ)
    assert "path" not in told["readers"][0]


async def test_only_a_hash_of_the_key_is_kept(there: Cooperative) -> None:
    token = await made(there)
    (row,) = there.node.store.read(lambda s: s.all(KEYS))
    assert token not in str(tuple(row))
    assert len(row["token_sha256"]) == 64


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "ledger/reversals", {"entry": "pay-in/1", "by": "x"}),
        ("POST", "insurance/keys", NEW),
        ("POST", "insurance/keys/auditor/withdraw", {"by": "x"}),
        ("GET", "drivers", None),
        ("GET", "orders", None),
        ("GET", "insurance/workers", None),
        ("GET", "insurance/workers/unregistered", None),
        ("GET", "insurance/workers/w1/record", None),
        ("GET", "insurance/report/../workers", None),
    ],
)
async def test_a_key_writes_nothing_and_opens_nothing_else(
    there: Cooperative, method: str, path: str, body: Any
) -> None:
    token = await made(there)
    status, _ = await by_key(there, token, method, path, body)
    assert status in (401, 403)
    assert readings(there) == []
    assert len(there.node.store.read(lambda s: s.all(KEYS))) == 1


async def test_a_key_ends_on_its_last_day_or_when_it_is_withdrawn(there: Cooperative) -> None:
    token = await made(there)
    other = await made(there, name="other", days=1)
    assert (await by_key(there, other, "GET", READ[0]))[0] == 200
    there.clock.at += DAY_S
    assert (await by_key(there, other, "GET", READ[0]))[0] == 401
    assert (await by_key(there, token, "GET", READ[0]))[0] == 200
    assert (await there.desk("POST", "insurance/keys/auditor/withdraw", {"by": "d"}))[0] == 200
    assert (await by_key(there, token, "GET", READ[0]))[0] == 401
    assert len(readings(there)) == 2
    assert (await by_key(there, token[:-1] + "!", "GET", READ[0]))[0] == 401


async def test_a_name_is_taken_once_and_a_key_lives_no_longer_than_is_allowed(
    there: Cooperative,
) -> None:
    await made(there)
    assert (await there.desk("POST", "insurance/keys", NEW))[0] == 409
    assert (await there.desk("POST", "insurance/keys", {**NEW, "days": 401}))[0] == 400
    assert len(there.node.store.read(lambda s: s.all(KEYS))) == 1


async def test_who_reads_too_fast_waits(there: Cooperative) -> None:
    token = await made(there)
    answers = [(await by_key(there, token, "GET", READ[0]))[0] for _ in range(61)]
    assert answers == [200] * 60 + [429]
    assert len(readings(there)) == 60


async def test_readings_cannot_be_taken_back(there: Cooperative) -> None:
    token = await made(there)
    await by_key(there, token, "GET", READ[0])
    for sql in ("DELETE FROM reading", "UPDATE reading SET path = ''", "DELETE FROM reading_key"):
        with pytest.raises(Exception, match="append-only"):
            there.node.store.transact_now(lambda s, q=sql: s.run(Statement(text(q))))


async def test_a_mandates_key_reads_while_the_mandate_is_in_force_and_no_longer(
    there: Cooperative, tmp_path: Path
) -> None:
    own = signing_key((tmp_path / "ledger.key").read_text().strip())
    office = generate_signing_key()
    today = "2022-08-01"
    document = {
        "id": "m-1",
        "principal": {
            "id": there.node.settings.subscriber_id,
            "name": "Taxi",
            "key": b64encode(own.public),
        },
        "agent": {"id": "books-1", "name": "Books", "key": b64encode(office.public)},
        "scope": ["send"],
        "schemes": [MY],
        "first_day": today,
        "last_day": "2099-12-31",
    }
    file = mandate.sign(mandate.sign(mandate.read({"mandate": document}), own), office)
    body = {"file": file.model_dump(mode="json"), "by": "desk-1"}
    status, shown = await there.desk("POST", "insurance/mandates", body)
    assert (status, shown["confirmed"]) == (201, False)
    token = await made(there, mandate="m-1")
    assert (await by_key(there, token, "GET", "insurance/filings"))[0] == 200
    day = there.node.store.read(lambda s: _today(there))
    ending = {"last_day": day, "reason": "another office", "by": "desk-1"}
    assert (await there.desk("POST", "insurance/mandates/m-1/end", ending))[0] == 200
    assert (await by_key(there, token, "GET", "insurance/filings"))[0] == 200
    there.clock.at += 2 * DAY_S
    assert (await by_key(there, token, "GET", "insurance/filings"))[0] == 401
    (held,) = there.node.store.read(mandates.every)
    assert held.end_reason == "another office"


def _today(there: Cooperative) -> str:
    from bpp.insurance.engine import calendar

    return calendar.local(int(there.clock.at), "Asia/Kuala_Lumpur").date().isoformat()


async def test_an_unsigned_mandate_is_refused_at_the_desk_and_kept_nowhere(
    there: Cooperative, tmp_path: Path
) -> None:
    own = signing_key((tmp_path / "ledger.key").read_text().strip())
    document = {
        "id": "m-1",
        "principal": {
            "id": there.node.settings.subscriber_id,
            "name": "Taxi",
            "key": b64encode(own.public),
        },
        "agent": {"id": "b-1", "name": "B", "key": b64encode(generate_signing_key().public)},
        "scope": ["send"],
        "schemes": [MY],
        "first_day": "2022-01-01",
        "last_day": "2099-12-31",
    }
    file = mandate.sign(mandate.read({"mandate": document}), own)
    body = {"file": file.model_dump(mode="json"), "by": "desk-1"}
    status, answer = await there.desk("POST", "insurance/mandates", body)
    assert (status, answer["error"]["code"]) == (409, "refused")
    assert "not signed by agent" in answer["error"]["message"]
    assert there.node.store.read(mandates.every) == []


async def test_a_key_reads_no_name_no_phone_and_no_number_of_anybody(there: Cooperative) -> None:
    token = await made(there)
    for path in OPEN:
        status, found = await by_key(there, token, "GET", path)
        assert status == 200, path
        for word in ("phone", "born", '"code"', "licence"):
            assert word not in json.dumps(found), path


async def test_a_wrong_key_writes_nothing_and_waits_for_nobody(
    there: Cooperative, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = await made(there)
    real = there.node.store.transact_now
    writes: list[object] = []
    monkeypatch.setattr(
        there.node.store, "transact_now", lambda unit: writes.append(unit) or real(unit)
    )
    for n in range(100):
        assert (await by_key(there, f"wayfare-read-{n}", "GET", READ[0]))[0] == 401
    assert writes == []
    assert (await by_key(there, token, "GET", READ[0]))[0] == 200
    assert len(writes) == 1


def test_the_command_writes_the_key_alone_to_standard_output(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = {"token": "wayfare-read-x", "expires_at": 1_795_383_053}
    monkeypatch.setattr(desk_calls, "written", lambda *_: found)
    arguments = Namespace(**NEW, mandate=None, json=False)
    assert run_key(arguments, cast(desk_calls.Desk, None)) == 0
    said = capsys.readouterr()
    assert said.out == "wayfare-read-x\n"
    assert "Authorization: Bearer KEY" in said.err
