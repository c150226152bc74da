"""A driver's app and the desk at a running node: notices read, answers given, strangers refused."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bpp.insurance.people import identity
from tests.bpp.cooperative import Cooperative, cooperative
from tests.bpp.insured import RIDE_PACK, insured

ENROLMENT = {
    "worker": "D3", "by": "desk-1", "identity_kind": "mykad", "identity": "880512-14-5566",
    "born": "1988-05-12", "sector": "ride",
}  # fmt: skip
STATUS = {"category": "self_employed", "residency": "citizen", "source": "own declaration"}


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[Cooperative]:
    """Two drivers were told; the desk then adds D3, who was not."""
    more: dict[str, Any] = {
        "mandates": {RIDE_PACK: "file 7"},
        "identity_key": identity.new_pair()[1],
    }
    async with cooperative(tmp_path, insurance=insured(tmp_path, RIDE_PACK, **more)) as running:
        body = {"code": "D3", "name": "Aminah", "phone": "60131112222", "vehicle": "W D1"}
        status, answer = await running.desk("POST", "drivers", body)
        assert status == 201
        running.tokens = {"D3": answer["token"]}  # type: ignore[attr-defined]
        yield running


async def own(there: Cooperative, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    """One call of D3's phone."""
    token = there.tokens["D3"]  # type: ignore[attr-defined]
    headers = {"Authorization": f"Bearer {token}"}
    return await there.call(method, f"/driver/insurance/{path}", body, headers)


async def test_a_driver_reads_and_agrees_and_it_is_on_record(there: Cooperative) -> None:
    status, _ = await there.desk("POST", "insurance/workers/enrol", {**ENROLMENT, **STATUS})
    assert status == 201
    status, answer = await own(there, "GET", "notices?language=ms")
    (notice,) = answer["notices"]
    assert (status, notice["scheme"], notice["asks_consent"]) == (200, RIDE_PACK, True)
    told = {"scheme": RIDE_PACK, "language": "ms", "version": notice["version"]}
    assert (await own(there, "POST", "notices", told))[0] == 201
    assert (await own(there, "POST", "notices", told))[0] == 200
    assert (await own(there, "POST", "consent", {"scheme": RIDE_PACK, "agree": True}))[0] == 201
    assert (await own(there, "GET", "notices"))[1] == {"notices": []}
    _, record = await own(there, "GET", "record")
    assert "5566" not in str(record)
    assert [fact["kind"] for fact in record["facts"]][-2:] == ["notice", "consent"]
    _, found = await there.desk("GET", "insurance/workers/notices")
    assert notice["text"] in [each["text"] for each in found["notices"]]


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"identity": "880512-17-5566"}, 409),
        ({"born": "2099-01-01"}, 409),
        ({"worker": "D9"}, 409),
        ({"income": "5000"}, 400),
        ({"sector": "boat"}, 400),
    ],
)
async def test_an_enrolment_with_one_thing_wrong_is_refused_and_nothing_is_kept(
    there: Cooperative, change: dict[str, str], status: int
) -> None:
    said, answer = await there.desk("POST", "insurance/workers/enrol", {**ENROLMENT, **change})
    assert said == status
    assert "5566" not in str(answer)
    _, found = await there.desk("GET", "insurance/workers")
    assert not any(each["enrolled"] for each in found["workers"])


async def test_strangers_and_drivers_do_not_reach_the_desks_routes(there: Cooperative) -> None:
    headers = {"Authorization": "Bearer " + "x" * 32}
    for path in ("/desk/insurance/workers", "/driver/insurance/record"):
        assert (await there.call("GET", path, None, headers))[0] == 401
