"""The fares page: looked at first, written once, withdrawn in time; a quote keeps its price."""

import re
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path

import pytest

from bpp.tariff import store as tariffs
from tests.bpp.cooperative import Cooperative, accepting
from tests.bpp.insurance.fare_cash import at_the_limit
from tests.bpp.office.support import BASE, hidden, log, signed_in, with_office
from tests.bpp.orders.test_a_ride import intent
from tests.support.browsing import Browsing, Seen

PAGE, PREVIEW = f"{BASE}/fares", f"{BASE}/fares/preview"
INPUT = re.compile(r'<input id="(\w+)" name="\w+" type="[\w-]+" value="([^"]*)"')
HOUR_S = 3600


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[Cooperative]:
    async with with_office(tmp_path) as running:
        yield running


def typed_at(at: float) -> str:
    """A moment as a browser in Kuala Lumpur writes it."""
    return (datetime.fromtimestamp(at, UTC) + timedelta(hours=8)).strftime("%Y-%m-%dT%H:%M")


def form(there: Cooperative, page: Seen, **changes: str) -> dict[str, str]:
    """The form as it stands on the page, and what is typed into it."""
    fields = {name: unescape(value) for name, value in INPUT.findall(page.text)}
    starts = typed_at(there.clock.at + 2 * HOUR_S)
    return {**fields, "starts": starts, **hidden(page, PREVIEW), **changes}


async def looked_at(there: Cooperative, browser: Browsing, **changes: str) -> Seen:
    return await browser.post(PREVIEW, form(there, await browser.get(PAGE), **changes))


async def written(there: Cooperative, browser: Browsing, **changes: str) -> Seen:
    return await browser.post(PAGE, hidden(await looked_at(there, browser, **changes), PAGE))


def every(there: Cooperative) -> list[tariffs.Dated]:
    return there.node.store.read(tariffs.every)


async def test_a_change_of_fares_is_looked_at_first_and_then_written_once(
    there: Cooperative,
) -> None:
    await at_the_limit(there)  # a job that was carried out, in cash
    browser, before = await signed_in(there, "treasurer"), there.books()
    seen = await looked_at(there, browser, base="13.00")
    assert (seen.status, every(there), there.books()) == (200, [], before)
    assert "Dearer" in seen.text
    fields = hidden(seen, PAGE)
    for _ in range(2):
        assert (await browser.post(PAGE, fields)).status == 303
    (one,) = every(there)
    assert (one.fares.base, one.fares.per_km, one.by) == ("13.00", "0.70", "treasurer-1")
    assert [what for _, what, _ in log(there)].count("tariff") == 1
    assert "to come" in (await browser.get(PAGE)).text


async def test_the_preview_tells_dearer_jobs_and_what_drivers_would_get(
    there: Cooperative,
) -> None:
    await at_the_limit(there)
    seen = await looked_at(there, await signed_in(there, "treasurer"), base="13.00")
    facts = dict(re.findall(r"<dt>([^<]*)</dt><dd>([^<]*)</dd>", seen.text))
    assert (facts["Jobs"], facts["Dearer"], facts["Cheaper"]) == ("1", "1", "0")

    def both(name: str) -> list[float]:
        return [float(x) for x in re.findall(r"[\d.]+", facts[name])]

    old, new = both("Fares together")
    assert new == pytest.approx(old + 10)
    old_pay, new_pay = both("Drivers&#39; pay, after commission and deductions")
    assert old_pay < new_pay < old_pay + 10


async def test_a_quote_keeps_its_price_and_the_next_one_has_the_new(there: Cooperative) -> None:
    await there.online("D1")
    browser = await signed_in(there, "treasurer")
    assert (await written(there, browser, base="13.00")).status == 303
    there.clock.at += 2 * HOUR_S - 60
    transaction = str(uuid.uuid4())
    draft = await there.quoted(transaction)
    there.clock.at += 120
    await there.online("D1")
    reply = await there.ask("confirm", accepting(draft), transaction_id=transaction)
    order = reply["message"]["order"]
    assert order["quote"]["price"]["value"] == draft["quote"]["price"]["value"]
    later = await there.quoted(str(uuid.uuid4()))
    old, new = (float(each["quote"]["price"]["value"]) for each in (draft, later))
    assert new == pytest.approx(old + 10)


async def test_the_published_fares_are_those_that_hold(there: Cooperative) -> None:
    browser = await signed_in(there, "treasurer")
    assert (await written(there, browser, base="13.00")).status == 303
    for base in ("3.00", "13.00"):
        await there.online("D1")
        found = await there.ask("search", intent())
        (item,) = found["message"]["catalog"]["providers"][0]["items"]
        told = [(x["descriptor"]["code"], x["value"]) for tag in item["tags"] for x in tag["list"]]
        assert ("BASE_FARE", base) in told
        there.clock.at += 2 * HOUR_S


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"base": "cheap"}, "base"),
        ({"base": ""}, "form"),
        ({"per_km": "-1"}, "per_km"),
        ({"night_multiplier": "2"}, "night_start"),
        ({"night_multiplier": "2", "night_start": "25:00", "night_end": "05:00"}, "night_start"),
        ({"zone0_name": "Airport", "zone0_at": "here", "zone0_radius_m": "100"}, "zone0_at"),
        ({"zone0_name": "Airport", "zone0_at": "3.1,101.7", "zone0_radius_m": "0"},
         "zone0_radius_m"),
        ({"category0_base": "x"}, "category0_base"),
        ({"starts": ""}, "starts"),
        ({"starts": "2020-01-01T00:00"}, "starts"),
        ({"starts": "0001-01-01T00:00"}, "starts"),
    ],
)  # fmt: skip
async def test_fares_with_one_thing_wrong_are_shown_again_and_not_written(
    there: Cooperative, wrong: dict[str, str], field: str
) -> None:
    browser, before = await signed_in(there, "treasurer"), (there.books(), log(there))
    for action in (PREVIEW, PAGE):
        fields = form(there, await browser.get(PAGE), **wrong)
        answer = await browser.post(action, fields)
        assert answer.status == 422
        assert (f'id="{field}-fault"' in answer.text) == (field != "form")
        assert wrong.get(field, "") in answer.text
    assert (there.books(), log(there), every(there)) == (*before, [])


async def test_zones_categories_night_and_ceiling_come_from_the_form_and_stand_in_it_again(
    there: Cooperative,
) -> None:
    browser = await signed_in(there, "treasurer")
    typed = {
        "zone0_name": "<b>Airport</b>", "zone0_at": "2.7456, 101.7099", "zone0_radius_m": "3000",
        "zone0_surcharge": "2.00", "zone0_base": "9.00", "category0_base": "4.00",
        "night_multiplier": "1.5", "night_start": "22:00", "night_end": "05:00",
        "ceiling_fixed": "50.00", "ceiling_per_km": "2.00",
    }  # fmt: skip
    assert (await written(there, browser, **typed)).status == 303
    (one,) = every(there)
    (zone,) = one.fares.zones
    assert (zone.name, zone.lat, zone.surcharge) == ("<b>Airport</b>", 2.7456, "2.00")
    assert zone.rates is not None
    assert (zone.rates.base, one.fares.by_category["CAB"].base) == ("9.00", "4.00")
    assert one.fares.night is not None
    assert one.fares.night.time_zone == "Asia/Kuala_Lumpur"
    again = await browser.get(f"{PAGE}?n=1")
    stands = {name: unescape(value) for name, value in INPUT.findall(again.text)}
    assert {name: stands[name] for name in typed} == typed
    assert "<b>Airport" not in again.text


async def test_a_tariff_is_withdrawn_once_and_not_after_it_holds(there: Cooperative) -> None:
    browser = await signed_in(there, "treasurer")
    assert (await written(there, browser, base="13.00")).status == 303
    action = f"{PAGE}/1/withdraw"
    fields = hidden(await browser.get(f"{PAGE}?n=1"), action)
    asked = await browser.post(action, fields)
    assert (asked.status, every(there)[0].withdrawn_at) == (200, None)
    yes = hidden(asked, action)
    for _ in range(2):
        assert (await browser.post(action, yes)).status == 303
    assert every(there)[0].withdrawn_by == "treasurer-1"
    assert [what for _, what, _ in log(there)].count("tariff_back") == 1
    assert (await written(there, browser, base="14.00")).status == 303
    late = hidden(await browser.get(f"{PAGE}?n=2"), f"{PAGE}/2/withdraw")
    there.clock.at += 3 * HOUR_S
    answer = await browser.post(f"{PAGE}/2/withdraw", late)
    assert (answer.status, every(there)[1].withdrawn_at) == (422, None)
    assert (await browser.post(f"{PAGE}/7/withdraw", late)).status == 404


async def test_everybody_in_the_office_sees_the_fares_and_only_the_treasurer_the_form(
    there: Cooperative,
) -> None:
    for role in ("member", "dispatcher", "auditor"):
        page = await (await signed_in(there, role)).get(PAGE)
        assert (page.status, "3.00" in page.text, "See what they" in page.text) == (
            200,
            True,
            False,
        )
