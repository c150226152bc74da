"""The desk acts for a driver: nothing without the code of their phone, and it is known who did."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from bpp.office import acts
from protocol_specs.node.store import Statement
from protocol_specs.web import codes
from tests.bpp.cooperative import Cooperative
from tests.bpp.office.support import BASE, hidden, log, send, signed_in, with_office
from tests.bpp.office.test_deeds import agent
from tests.support.browsing import Browsing, Seen

FACTS = Statement(text("SELECT kind, scheme, by, detail FROM worker_fact ORDER BY worker, n"))


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[Cooperative]:
    async with with_office(tmp_path) as running:
        entry = {"code": "D7", "name": "Salmah", "phone": "+60127777777", "vehicle": "W D1"}
        assert (await running.desk("POST", "drivers", entry))[0] == 201
        yield running


def texts(there: Cooperative) -> list[str]:
    file = there.node.settings.data_dir / "codes.jsonl"
    lines = file.read_text().splitlines() if file.exists() else []
    said = [json.loads(line) for line in lines]
    return [each["text"] for each in said if each["phone"] == "+60127777777"]


async def sent(there: Cooperative, browser: Browsing, language: str = "ms") -> tuple[Seen, str]:
    """The page once a code is on its way, and the code."""
    page, before = f"{BASE}/drivers/{agent(there, 'D7')}/for", len(texts(there))
    answer = await send(browser, page, f"{page}/code", {"language": language})
    assert answer.status == 303, answer.text
    async with asyncio.timeout(5):
        while True:
            if len(texts(there)) > before:
                break
            await asyncio.sleep(0.01)
    code = re.search(r"\d{6}", texts(there)[-1])
    assert code
    return await browser.get(answer.headers["Location"]), code.group()


def facts(there: Cooperative) -> list[tuple[Any, ...]]:
    """What is on record of everybody: kind, scheme, by whom, how."""
    rows = there.node.store.read(lambda session: session.all(FACTS))
    return [(row[0], row[1], row[2], json.loads(row[3]).get("how")) for row in rows]


async def test_a_drivers_word_is_written_down_by_their_code_once_with_who_wrote_it(
    there: Cooperative,
) -> None:
    desk, driver = await signed_in(there, "dispatcher"), agent(there, "D7")
    page, code = await sent(there, desk)
    path = f"{BASE}/drivers/{driver}/for"
    assert f'href="{path}"' in (await desk.get(f"{BASE}/drivers/{driver}")).text
    assert 'lang="ms"' in page.text, "the notice is shown in the language it is read in"
    fields = hidden(page, path) | {"code": code, "said": "yes"}
    for _ in range(2):
        assert (await desk.post(path, fields)).status == 303
    scheme = fields["scheme"]
    assert [each for each in facts(there) if each[2] == "dispatcher-1"] == [
        ("notice", scheme, "dispatcher-1", "call"),
        ("consent", scheme, "dispatcher-1", "call"),
    ]
    told = [row for row in there.node.store.read(acts.newest) if row["what"] == "for_driver"]
    assert [(row["who"], row["about"]) for row in told] == [("dispatcher-1", driver)]
    assert code not in str(told)
    again = await desk.post(path, fields | {"_form": "another-form-of-mine"})
    assert (again.status, "used up" in again.text) == (422, True)


@pytest.mark.parametrize("wrong", ["code", "of_code", "another's", "late"])
async def test_without_the_code_of_their_phone_nothing_is_written(
    there: Cooperative, wrong: str
) -> None:
    desk, path = await signed_in(there, "dispatcher"), f"{BASE}/drivers/{agent(there, 'D7')}/for"
    page, code = await sent(there, desk)
    fields = hidden(page, path) | {"code": code, "said": "yes"}
    if wrong == "code":
        fields["code"] = f"{(int(code) + 1) % 10**6:06}"
    elif wrong == "of_code":
        fields["of_code"] = "x" * 22
    elif wrong == "another's":
        path = f"{BASE}/drivers/{agent(there, 'D1')}/for"
    else:
        there.clock.at += codes.LIFE_S
    before = log(there), facts(there)
    answer = await desk.post(path, fields)
    assert (answer.status, (log(there), facts(there))) == (422, before)


async def test_five_wrong_codes_end_it_and_codes_are_sent_at_a_pace(there: Cooperative) -> None:
    desk, path = await signed_in(there, "dispatcher"), f"{BASE}/drivers/{agent(there, 'D7')}/for"
    page, code = await sent(there, desk)
    wrong = f"{(int(code) + 1) % 10**6:06}"
    for n in range(5):
        fields = hidden(page, path) | {"code": wrong, "said": "yes"}
        page = await desk.post(path, fields)
        assert page.status == 422, n
    right = await desk.post(path, hidden(page, path) | {"code": code, "said": "yes"})
    assert (right.status, "used up" in right.text) == (422, True)
    for _ in range(2):
        await sent(there, desk)
    answer = await send(desk, f"{path}?of_code=x", f"{path}/code", {})
    assert (answer.status, "Wait a minute" in answer.text) == (422, True)


async def test_such_a_code_signs_nobody_in(there: Cooperative) -> None:
    desk = await signed_in(there, "dispatcher")
    page, code = await sent(there, desk)
    of_code = hidden(page, f"{BASE}/drivers/{agent(there, 'D7')}/for")["of_code"]
    thief = Browsing(there.url)
    for face in ("/drive", BASE):
        seen = await thief.get(f"{face}/sign-in/code?id={of_code}")
        answer = await thief.post(
            f"{face}/sign-in/code", seen.hidden | {"id": of_code, "code": code}
        )
        assert answer.status == 422, face
