"""A driver's phone gets its own pass-book and answers at the real door, strangers nothing."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bpp.insurance.statement import document
from protocol_specs.node.settings import write_secret
from protocol_specs.wire.keys import SigningKey, b64encode, generate_signing_key
from tests.bpp.cooperative import Cooperative, cooperative, token
from tests.bpp.insurance.support import KA

PATHS = ["statement", "ask", "ask/covered"]


@pytest.fixture
def key(tmp_path: Path) -> SigningKey:
    made = generate_signing_key()
    write_secret(tmp_path / "ledger.key", b64encode(made.seed))
    return made


@pytest.fixture
async def there(tmp_path: Path, key: SigningKey) -> AsyncIterator[Cooperative]:
    insurance = {
        "schemes": [KA],
        "allow_unverified": True,
        "ledger_key": tmp_path / "ledger.key",
        "witness": tmp_path / "elsewhere" / "heads.jsonl",
        "liable_party": {KA: {"party": "bpp", "source": "the Act"}},
        "funded_by": {KA: "commission"},
    }
    async with cooperative(tmp_path, insurance=insurance, currency="INR") as running:
        await running.online("D1")
        order = await running.confirmed()
        await running.carried_out(order["id"])
        yield running


async def got(there: Cooperative, driver: str | None, path: str) -> tuple[int, str, bytes]:
    headers = {"Authorization": f"Bearer {token(driver)}"} if driver else {}
    url = f"{there.url}/driver/insurance/{path}"
    async with there.session.get(url, headers=headers) as response:
        assert response.headers["Cache-Control"] == "no-store"
        return response.status, response.content_type, await response.read()


async def test_a_driver_gets_a_statement_that_holds_in_every_form(
    there: Cooperative, key: SigningKey
) -> None:
    status, _, body = await got(there, "D1", "statement")
    assert status == 200
    (job,) = document.check(body, key.public).statement.jobs
    assert job.state == "completed"
    forms = {"csv": b"month,at,job", "text": b"Pass-book", "pdf": b"%PDF"}
    for form, begins in forms.items():
        status, kind, body = await got(there, "D1", f"statement?format={form}")
        assert (status, form in kind or form == "text") == (200, True)
        assert body.startswith(begins)


async def test_a_driver_is_answered_from_their_own_books(there: Cooperative) -> None:
    _, _, listed = await got(there, "D1", "ask")
    assert "covered" in json.loads(listed)["questions"]
    status, _, body = await got(there, "D1", "ask/covered")
    assert status == 200
    assert "A fee is not cover." in json.loads(body)["answer"][0]


@pytest.mark.parametrize("path", PATHS)
async def test_a_stranger_gets_nothing(there: Cooperative, path: str) -> None:
    assert (await got(there, None, path))[0] == 401


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("statement?period=2026-13", 409),
        ("statement?language=xx&format=text", 409),
        ("statement?format=doc", 400),
        ("ask/weather", 409),
        ("ask/why?slip=zzz", 409),
    ],
)
async def test_what_cannot_be_had_is_refused_with_why(
    there: Cooperative, path: str, status: int
) -> None:
    found, _, body = await got(there, "D1", path)
    assert found == status
    assert json.loads(body)["error"]["message"]


async def test_a_driver_of_whom_nothing_stands_in_the_books_is_told_so(there: Cooperative) -> None:
    status, _, body = await got(there, "D2", "statement")
    assert (status, json.loads(body)["error"]["code"]) == (409, "no_statement")
