"""The surplus at the desk: each part is seen first, booked once, taken back once; by page, by
command, and on the driver's own page."""

import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bpp.insurance.surplus import booking
from bpp.ledger import balances
from tests.bpp.cooperative import Cooperative
from tests.bpp.insurance.fare_cash import at_the_limit
from tests.bpp.office.support import BASE, hidden, log, send, send_surely, signed_in, with_office
from tests.support.browsing import Browsing, Seen

PAGE, LOOK = f"{BASE}/money/surplus", f"{BASE}/money/surplus/look"
DAY_S = 86_400


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[Cooperative]:
    """A driver with a cash job; 100.00 of members' funds; the day after."""
    async with with_office(tmp_path) as running:
        await at_the_limit(running)
        fact = {"kind": "members-funds", "amount": "100.00", "currency": "MYR"}
        body = {**fact, "reference": "m-1", "by": "t-1"}
        assert (await running.desk("POST", "ledger/facts", body))[0] == 201
        running.clock.at += 2 * DAY_S
        yield running


def asked(there: Cooperative, **changes: str) -> dict[str, str]:
    day = (datetime.fromtimestamp(there.clock.at, UTC) - timedelta(days=1)).date()
    first, last = str(day - timedelta(days=3)), str(day)
    return {"reference": "2026", "amount": "50.00", "first": first, "last": last, **changes}


def stands(there: Cooperative) -> dict[str, int]:
    every = there.node.store.read(balances.balances)
    return {each.account: each.balance_minor for each in every}


async def looked_at(there: Cooperative, browser: Browsing, **changes: str) -> Seen:
    return await send(browser, PAGE, LOOK, asked(there, **changes))


async def test_parts_are_seen_first_and_booked_once(there: Cooperative) -> None:
    browser, before = await signed_in(there, "treasurer"), stands(there)
    seen = await looked_at(there, browser)
    assert (seen.status, "D1" in seen.text, stands(there)) == (200, True, before)
    fields = hidden(seen, PAGE)
    for _ in range(2):
        answer = await browser.post(PAGE, fields)
        assert (answer.status, answer.headers["Location"]) == (303, f"{PAGE}/2026")
    (pay,) = (name for name in before if name.startswith("2100:"))
    assert stands(there)[pay] - before[pay] == 5_000
    assert before["3000"] - stands(there)["3000"] == 5_000
    assert [what for _, what, _ in log(there)].count("surplus") == 1
    fields["_form"] = "another-form-of-mine"
    assert (await browser.post(PAGE, fields)).status == 422
    assert stands(there)[pay] - before[pay] == 5_000


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"amount": "1e3"}, "Write an amount"),
        ({"amount": "999.00"}, "is more than the"),
        ({"reference": "the year"}, "Not as it is wanted"),
        ({"first": ""}, "Choose a first and a last day."),
        ({"last": "2099-01-01"}, "days that are over"),
    ],
)
async def test_a_division_with_one_thing_wrong_is_shown_again_and_not_booked(
    there: Cooperative, wrong: dict[str, str], says: str
) -> None:
    browser, before = await signed_in(there, "treasurer"), (stands(there), log(there))
    seen = hidden(await looked_at(there, browser), PAGE)
    for action in (LOOK, PAGE):
        answer = await browser.post(action, {**seen, **wrong})
        assert (answer.status, says in answer.text) == (422, True)
    assert (stands(there), log(there)) == before


async def test_parts_that_are_no_longer_those_that_were_seen_are_not_booked(
    there: Cooperative,
) -> None:
    browser, before = await signed_in(there, "treasurer"), stands(there)
    fields = hidden(await looked_at(there, browser), PAGE) | {"work": "1"}
    answer = await browser.post(PAGE, fields)
    assert (answer.status, "Look again" in answer.text, stands(there)) == (422, True, before)


async def test_a_division_is_taken_back_once_and_its_file_is_logged(there: Cooperative) -> None:
    browser, before = await signed_in(there, "treasurer"), stands(there)
    await browser.post(PAGE, hidden(await looked_at(there, browser), PAGE))
    one = f"{PAGE}/2026"
    file = await browser.get(f"{one}/csv")
    assert file.text.splitlines()[1].endswith(",50.00,MYR")
    assert log(there)[-1] == ("treasurer-1", "file", "surplus/2026")
    assert (await send_surely(browser, one, f"{one}/back", {})).status == 303
    assert stands(there) == before
    assert "Take it back" not in (await browser.get(one)).text
    late = hidden(await browser.get(f"{BASE}/money"), f"{BASE}/money")
    assert (await browser.post(f"{one}/back", {**late, "sure": "yes"})).status == 422
    assert [what for _, what, _ in log(there)].count("surplus_back") == 1
    assert (await browser.get(f"{PAGE}/none")).status == 404


async def test_no_part_of_a_division_is_taken_back_alone(there: Cooperative) -> None:
    browser = await signed_in(there, "treasurer")
    await browser.post(PAGE, hidden(await looked_at(there, browser), PAGE))
    (part,) = there.node.store.read(lambda session: booking.find(session, "2026"))["parts"]  # type: ignore[index]  # it was booked
    before = stands(there)
    entry = {"entry": f"surplus/2026/{part[0]}"}
    money = f"{BASE}/money"
    answer = await send(browser, money, f"{money}/reverse", entry | {"sure": "yes"})
    assert (answer.status, "take the division back" in answer.text) == (422, True)
    assert stands(there) == before
    assert not there.node.store.read(lambda session: booking.is_taken_back(session, "2026"))


async def test_members_see_what_was_divided_and_not_who_got_what(there: Cooperative) -> None:
    treasurer = await signed_in(there, "treasurer")
    await treasurer.post(PAGE, hidden(await looked_at(there, treasurer), PAGE))
    page = await (await signed_in(there, "member")).get(PAGE)
    assert ("50.00" in page.text, f'href="{PAGE}/2026"' in page.text) == (True, False)


async def test_the_running_node_divides_for_the_command_too(there: Cooperative) -> None:
    body = {**asked(there), "by": "t-1"}
    before = stands(there)
    status, seen = await there.desk("POST", "surplus", {**body, "dry_run": True})
    assert (status, [each["minor"] for each in seen["parts"]]) == (200, [5_000])
    assert stands(there) == before
    assert await there.desk("POST", "surplus", body) == (200, seen)
    status, again = await there.desk("POST", "surplus", body)
    assert (status, "divided already" in json.dumps(again)) == (409, True)
    assert (await there.call("POST", "/desk/surplus", body, {}))[0] == 401
    assert (await there.desk("POST", "surplus", {**body, "amount": "x"}))[0] == 400
    assert len(there.node.store.read(booking.every)) == 1
    (pay,) = (name for name in before if re.match("2100:", name))
    assert stands(there)[pay] - before[pay] == 5_000
