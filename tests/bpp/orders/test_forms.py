"""A form before the order: offered, filled in under a signature, required, shown."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from bpp.orders.forms import Field, FormWanted, answers, form_id, page, whose
from tests.bpp.cooperative import (
    Consumer,
    Cooperative,
    accepting,
    cooperative,
    order_asked,
)

TRANSACTION = "0d0f3f52-7c21-4d3a-8ff5-7c1f5a5a2d01"
OTHER_TRANSACTION = "0d0f3f52-7c21-4d3a-8ff5-7c1f5a5a2d02"
FORM = {
    "title": "Who rides?",
    "step": "init",
    "fields": [
        {"name": "name", "label": "Name of the rider"},
        {"name": "wheelchair", "label": "Wheelchair", "required": False},
        {"name": "day", "label": "Day", "type": "date", "required": False},
    ],
}
FILLED = {"name": "Siti", "wheelchair": "yes"}


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[Cooperative]:
    async with cooperative(tmp_path, form=FORM) as running:
        await running.online("D1")
        yield running


async def hand_in(
    there: Cooperative,
    url: str,
    filled: dict[str, str],
    sender: Consumer | None = None,
    body: bytes | None = None,
) -> tuple[int, dict[str, Any]]:
    """POST the form as the consumer's platform does; `body` is what goes out instead."""
    signed = urlencode(filled).encode()
    peer = (sender or there.bap).peer
    headers = {
        "Authorization": peer.authorization(signed, created=int(there.clock.at)),
        "Content-Type": "application/x-www-form-urlencoded",
    }
    async with there.session.post(url, data=body or signed, headers=headers) as answer:
        return answer.status, await answer.json()


async def test_a_form_is_shown_filled_in_required_and_its_answers_reach_driver_and_desk(
    there: Cooperative,
) -> None:
    draft = await there.quoted(TRANSACTION)
    url = draft["xinput"]["form"]["url"]
    async with there.session.get(url) as shown:
        html = await shown.text()
        assert shown.content_type == "text/html"
    assert "Who rides?" in html
    assert not any(word in html for word in ("<script", "<style", "<button"))
    without = await there.ask("confirm", accepting(draft), transaction_id=TRANSACTION)
    assert without["error"]["code"] == "40000"
    status, answer = await hand_in(there, url, FILLED)
    assert (status, answer["status"], answer["errors"]) == (200, True, [])
    form = {"form": {"submission_id": answer["submission_id"]}}
    confirm = accepting(draft, xinput=form)
    told = await there.ask("confirm", confirm, transaction_id=TRANSACTION)
    assert "error" not in told, told
    seen = [
        {"label": "Name of the rider", "value": "Siti"},
        {"label": "Wheelchair", "value": "yes"},
    ]
    _, job = await there.drive("D1", "GET", "job")
    assert job["job"]["answers"] == seen
    _, desk = await there.desk("GET", "orders")
    assert desk["orders"][0]["answers"] == seen


async def test_a_submission_of_another_transaction_is_refused_and_makes_no_order(
    there: Cooperative,
) -> None:
    draft = await there.quoted(TRANSACTION)
    other = await there.quoted(OTHER_TRANSACTION)
    _, answer = await hand_in(there, other["xinput"]["form"]["url"], FILLED)
    before = there.books()
    form = {"form": {"submission_id": answer["submission_id"]}}
    told = await there.ask("confirm", accepting(draft, xinput=form), transaction_id=TRANSACTION)
    assert told["error"]["code"] == "40000"
    assert there.books() == before


async def test_what_is_filled_in_wrongly_is_told_field_by_field_and_not_kept(
    there: Cooperative,
) -> None:
    url = (await there.quoted(TRANSACTION))["xinput"]["form"]["url"]
    before = there.books()
    wrong = {"name": " ", "day": "tomorrow", "extra": "1"}
    status, answer = await hand_in(there, url, wrong)
    assert (status, answer["status"]) == (200, False)
    assert [said.partition(":")[0] for said in answer["errors"]] == ["extra", "name", "day"]
    assert there.books() == before


async def test_only_the_platform_of_the_transaction_hands_its_form_in(there: Cooperative) -> None:
    url = (await there.quoted(TRANSACTION))["xinput"]["form"]["url"]
    before = there.books()
    assert (await hand_in(there, url, FILLED, there.other))[0] == 401
    assert (await hand_in(there, url, FILLED, body=b"name=Mallory"))[0] == 401
    async with there.session.post(url, data=FILLED) as unsigned:
        assert unsigned.status == 401
    last = "A" if url[-1] != "A" else "B"
    assert (await hand_in(there, f"{url[:-8]}{last}{url[-7:]}", FILLED))[0] == 404
    assert there.books() == before


async def test_a_form_of_the_search_must_be_there_at_init(tmp_path: Path) -> None:
    async with cooperative(tmp_path, form={**FORM, "step": "search"}) as there:
        await there.online("D1")
        stops = order_asked()["order"]["fulfillments"][0]["stops"]
        intent = {"intent": {"fulfillment": {"stops": stops}}}
        found = await there.ask("search", intent, transaction_id=TRANSACTION)
        item = found["message"]["catalog"]["providers"][0]["items"][0]
        before = there.books()
        without = await there.ask("init", order_asked(), transaction_id=TRANSACTION)
        assert without["error"]["code"] == "40000"
        assert there.books() == before
        _, answer = await hand_in(there, item["xinput"]["form"]["url"], FILLED)
        form = {"form": {"submission_id": answer["submission_id"]}}
        asked = order_asked(xinput=form)
        told = await there.ask("init", asked, transaction_id=TRANSACTION)
        assert "error" not in told, told
        draft = told["message"]["order"]
        assert "xinput" not in draft
        told = await there.ask("confirm", accepting(draft), transaction_id=TRANSACTION)
        assert "error" not in told, told
        assert there.order(told["message"]["order"]["id"]).answers[0][1] == next(
            iter(FILLED.values())
        )


WANTED = FormWanted("A <b>form</b>", (Field("a", 'A "quoted"'),), secret=b"s", url="https://x")


def test_a_forms_id_names_its_transaction_and_cannot_be_made_by_others() -> None:
    made = form_id(WANTED, "bap.example.org", "t1")
    assert whose(WANTED, made) == ("bap.example.org", "t1")
    for other in (made[:-1], made + "A", "", "%%%", "A" * 2000, made[:10] + "é" + made[11:]):
        assert whose(WANTED, other) is None


def test_the_page_escapes_what_the_cooperative_wrote() -> None:
    html = page(WANTED, "https://x/forms/1")
    assert "<b>" not in html
    assert "A &quot;quoted&quot;" in html


@pytest.mark.parametrize(
    ("type_", "good", "bad"),
    [
        ("number", "12.50", "12,50"),
        ("email", "a@b.example", "a.example"),
        ("tel", "+60 12 345 6789", "call me"),
        ("date", "2026-11-22", "2026-11-31"),
        ("text", "anything", "\u0000"),
        ("text", "x" * 500, "x" * 501),
    ],
)
def test_each_type_of_field_takes_its_form_alone(type_: Any, good: str, bad: str) -> None:
    wanted = FormWanted("F", (Field("a", "A", type_),))
    assert answers(wanted, {"a": good}) == ((("A", good),), [])
    assert answers(wanted, {"a": bad})[1]
    assert answers(wanted, {"a": 1})[1]
