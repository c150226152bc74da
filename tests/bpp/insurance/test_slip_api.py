"""A driver's phone gets each form of its own slip at the node's real door, and strangers none."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bpp.insurance import slip_qr
from bpp.insurance.slip_check import check
from protocol_specs.node.settings import write_secret
from protocol_specs.wire.keys import SigningKey, b64encode, generate_signing_key
from tests.bpp.cooperative import Cooperative, cooperative, token
from tests.bpp.insurance.support import MY

FORMS = ["credential", "page", "qr", "sms"]


@pytest.fixture
def key(tmp_path: Path) -> SigningKey:
    made = generate_signing_key()
    write_secret(tmp_path / "ledger.key", b64encode(made.seed))
    return made


@pytest.fixture
async def there(tmp_path: Path, key: SigningKey) -> AsyncIterator[Cooperative]:
    insurance = {
        "schemes": [MY],
        "allow_unverified": True,
        "commission_rate": "0.20",
        "ledger_key": tmp_path / "ledger.key",
        "witness": tmp_path / "elsewhere" / "heads.jsonl",
        "liable_party": {MY: {"party": "bpp", "source": "Act 872 s.83"}},
        "mandates": {MY: "file 7"},
    }
    async with cooperative(tmp_path, insurance=insurance) as running:
        await running.online("D1")
        await running.confirmed()
        yield running


async def got(there: Cooperative, driver: str | None, slip_id: str, form: str) -> tuple[int, bytes]:
    headers = {"Authorization": f"Bearer {token(driver)}"} if driver else {}
    url = f"{there.url}/driver/slips/{slip_id}/{form}"
    async with there.session.get(url, headers=headers) as response:
        if response.status == 200:
            assert response.headers["Cache-Control"] == "no-store"
        return response.status, await response.read()


async def the_slip(there: Cooperative) -> str:
    _, answer = await there.drive("D1", "GET", "slips")
    slip_id: str = answer["slips"][0]["slip_id"]
    return slip_id


async def test_a_driver_gets_the_credential_the_page_the_code_and_the_text(
    there: Cooperative, key: SigningKey
) -> None:
    slip_id = await the_slip(there)
    found = {form: await got(there, "D1", slip_id, form) for form in FORMS}
    assert [status for status, _ in found.values()] == [200] * 4
    verdict = check(found["credential"][1], key.public)
    assert (verdict.form, verdict.slip.slip_id) == ("credential", slip_id)
    assert f"{slip_id}".encode() in found["page"][1]
    assert b"cover not confirmed by PERKESO" in found["page"][1]
    assert found["qr"][1].startswith(b"<?xml")
    assert b"cover not confirmed" in found["sms"][1]


@pytest.mark.parametrize("form", FORMS)
async def test_no_form_of_it_is_for_another_driver_or_a_stranger(
    there: Cooperative, form: str
) -> None:
    slip_id = await the_slip(there)
    assert (await got(there, "D2", slip_id, form))[0] == 404
    assert (await got(there, None, slip_id, form))[0] == 401
    assert (await got(there, "D1", "0" * 32, form))[0] == 404


async def test_a_slip_too_long_for_a_code_is_said_to_be(
    there: Cooperative, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slip_qr, "TEXT_MAX", 100)
    status, body = await got(there, "D1", await the_slip(there), "qr")
    assert (status, b"too_long" in body) == (409, True)
