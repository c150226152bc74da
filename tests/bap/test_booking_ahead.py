"""Booking for later, for needs, and for somebody else: the pages, the client API, the wire."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bap.citizen.when import NoSuchTime, days_from, moment_of
from bap.settings import bundled_markets
from protocol_specs.web.settings import WebSettings
from protocol_specs.wire.order import VehicleNeeds
from protocol_specs.wire.values import replace
from protocol_specs.wire.version import core_1_1 as core
from tests.bap.network import FEES, SEARCH, Network, message_of, network, ordered, quoted
from tests.bap.pages import SEARCH as FORM
from tests.bap.pages import WHO, answered, chosen, form_of, searched
from tests.support.browsing import Browsing
from tests.support.peers import NOW

KL = ZoneInfo("Asia/Kuala_Lumpur")
BERLIN = ZoneInfo("Europe/Berlin")
DAY_S = 86_400


@pytest.fixture
def settings() -> dict[str, Any]:
    # The browser's own zone is another one: a city's clocks decide.
    return {"web": WebSettings(zone="America/New_York")}


def later(ahead_s: int) -> dict[str, str]:
    """The fields of a search for so much later, by the city's clocks, in whole minutes."""
    there = datetime.fromtimestamp(NOW + ahead_s, UTC).astimezone(KL)
    return {**FORM, "when": "later", "day": f"{there:%Y-%m-%d}", "clock": f"{there:%H:%M}"}


# A day and a time


def test_a_time_is_read_by_the_clocks_of_the_city() -> None:
    assert moment_of("2026-07-01", "08:30", KL) == moment_of("2026-07-01", "00:30", ZoneInfo("UTC"))


def test_an_hour_that_no_clock_shows_is_refused_and_one_that_comes_twice_is_the_first() -> None:
    with pytest.raises(NoSuchTime):
        moment_of("2026-03-29", "02:30", BERLIN)
    first = moment_of("2026-10-25", "02:30", BERLIN)
    assert first == int(datetime(2026, 10, 25, 0, 30, tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    ("day", "clock"),
    [
        ("", ""),
        ("2026-02-30", "08:00"),
        ("2026-01-01", "24:00"),
        ("0000-01-01", "08:00"),
        ("26-1-1", "8:0"),
        ("٢٠٢٦-01-01", "08:00"),
        ("9999-12-31", "23:59"),
    ],
)
def test_what_is_no_day_and_time_is_none(day: str, clock: str) -> None:
    found = moment_of(day, clock, ZoneInfo("America/New_York"))
    assert found is None or found > NOW + 10**9


def test_days_to_choose_from_are_those_of_the_city() -> None:
    evening = int(datetime(2026, 1, 1, 17, tzinfo=UTC).timestamp())
    assert days_from(evening, 7 * DAY_S, KL) == ("2026-01-02", "2026-01-09")


# The page


async def test_a_ride_for_later_is_asked_for_shown_and_booked(
    net: Network, browser: Browsing
) -> None:
    begins = NOW + 2 * DAY_S - NOW % 60
    begun = await browser.send_form("/", "/search", later(2 * DAY_S))
    assert begun.status == 303, begun.text
    search = await net.gateway.asked("search")
    assert core.read_search(search["message"]).start_at == begins
    await net.coop.offers(search, 1250)
    await net.handled()
    path = begun.headers["Location"]
    there = datetime.fromtimestamp(begins, UTC).astimezone(KL)
    assert f"Not before {there:%a}, {there.day} {there:%b}" in (await browser.get(path)).text
    await chosen(net, browser, path)
    page = (await browser.get(path)).text
    await answered(
        net,
        "init",
        browser.post(f"{path}/who", form_of(page, f"{path}/who") | WHO),
        lambda asked: message_of(quoted(asked, cancellation_terms=FEES), "on_init"),
    )
    page = (await browser.get(path)).text
    sent = browser.post(f"{path}/book", form_of(page, f"{path}/book"))
    await answered(
        net, "confirm", sent, lambda it: message_of(ordered(it, "RIDE_CONFIRMED"), "on_confirm")
    )
    confirm = core.read_confirm((await net.coop.asked("confirm"))["message"])
    assert confirm.fulfillment.start_at == begins
    page = (await browser.get(path)).text
    assert "Booked for " in page
    assert "A driver is found shortly before" in page
    assert "looking for a driver" not in page


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (later(-3600), "That time is over"),
        (later(8 * DAY_S), "too far ahead"),
        ({**later(DAY_S), "clock": ""}, "Choose a day and a time"),
        ({**later(DAY_S), "day": "tomorrow"}, "Choose a day and a time"),
    ],
)
async def test_a_time_that_cannot_be_is_said_in_words_and_nobody_is_asked(
    net: Network, browser: Browsing, wrong: dict[str, str], said: str
) -> None:
    seen = await browser.send_form("/", "/search", wrong)
    assert (seen.status, said in seen.text) == (422, True)
    assert 'value="KL Sentral"' in seen.text
    assert net.gateway.of("search") == []


async def test_where_clocks_are_put_forward_that_time_is_refused(tmp_path: Path) -> None:
    kl = bundled_markets()[0].model_copy(update={"zone": "Europe/Berlin"})
    async with network(tmp_path, markets=(kl,), book_ahead_s=90 * DAY_S) as net:
        net.clock.at = datetime(2027, 3, 1, tzinfo=UTC).timestamp()
        gap = {**FORM, "when": "later", "day": "2027-03-28", "clock": "02:30"}
        seen = await Browsing(net.citizen.url).send_form("/", "/search", gap)
        assert (seen.status, "put forward" in seen.text) == (422, True)
        assert net.gateway.of("search") == []


async def test_no_time_is_asked_for_where_nothing_is_booked_ahead(tmp_path: Path) -> None:
    async with network(tmp_path, book_ahead_s=0) as net:
        page = (await Browsing(net.citizen.url).get("/")).text
        assert 'name="when"' not in page
        assert 'name="wheelchair"' in page


async def test_who_does_not_promise_the_time_is_not_booked(net: Network) -> None:
    wanted = {**SEARCH, "start_at": NOW + DAY_S}
    await net.citizen.search(wanted)
    await net.coop.offers(await net.gateway.asked("search"), 1250)
    await net.citizen.journey(lambda journey: journey["offers"])
    await net.selected()

    def at_once(asked: dict[str, Any]) -> dict[str, Any]:
        view = quoted(asked, cancellation_terms=FEES)
        return message_of(
            replace(view, fulfillment=replace(view.fulfillment, start_at=None)), "on_init"
        )

    customer = {"customer": {"name": "Aisyah", "phone": "+60123456789"}}
    journey = await net.answered("init", "/init", customer, at_once)
    status, told = await net.citizen.call(
        "POST", "/confirm", {"quote_hash": journey["quote"]["hash"]}
    )
    assert (status, told["error"]["code"]) == (409, "start_not_promised")
    assert net.coop.of("confirm") == []


@pytest.mark.parametrize(
    ("start_at", "code"), [(NOW - 61, "start_over"), (NOW + 8 * DAY_S, "start_too_far")]
)
async def test_the_api_refuses_a_start_that_cannot_be(
    net: Network, start_at: int, code: str
) -> None:
    status, told = await net.citizen.search({**SEARCH, "start_at": start_at})
    assert (status, told["error"]["code"]) == (400, code)
    assert net.gateway.of("search") == []


async def test_needs_of_the_vehicle_are_said_in_the_search(net: Network, browser: Browsing) -> None:
    needs = {**FORM, "wheelchair": "yes", "child_seat": "yes", "seats": "3"}
    assert (await browser.send_form("/", "/search", needs)).status == 303
    search = await net.gateway.asked("search")
    assert core.read_search(search["message"]).needs == VehicleNeeds(True, True, 3)
    vehicle = search["message"]["intent"]["fulfillment"]["vehicle"]
    assert vehicle == {"wheelchair_access": "true", "capacity": 3}


async def test_a_wrong_number_of_people_is_said(net: Network, browser: Browsing) -> None:
    seen = await browser.send_form("/", "/search", {**FORM, "seats": "many"})
    assert (seen.status, "how many people" in seen.text) == (422, True)
    assert net.gateway.of("search") == []


async def test_the_size_of_a_parcel_is_said_and_a_wrong_one_asked_again(
    net: Network, browser: Browsing
) -> None:
    parcel = {"market": "1", "from": "MG Road", "to": "Lalbagh", "weight": "2", "from_at": ""}
    parcel["to_at"] = ""
    seen = await browser.send_form("/?market=1", "/search", {**parcel, "size": "60x40"})
    assert (seen.status, "three sides in cm" in seen.text) == (422, True)
    sent = await browser.send_form("/?market=1", "/search", {**parcel, "size": "60 x 40 x 30"})
    assert sent.status == 303
    carried = core.read_search((await net.gateway.asked("search"))["message"]).parcel
    assert carried is not None
    assert (carried.length_cm, carried.width_cm, carried.height_cm) == (60, 40, 30)


async def test_who_books_for_somebody_else_gets_the_code_and_pays(
    net: Network, browser: Browsing
) -> None:
    path = await searched(net, browser)
    page = await chosen(net, browser, path)
    other = {**WHO, "rider_name": "Pak Abu", "rider_phone": "+60 19-876 5432"}
    sent = browser.post(f"{path}/who", form_of(page, f"{path}/who") | other)
    await answered(net, "init", sent, lambda it: message_of(quoted(it), "on_init"))
    asked = core.read_init((await net.coop.asked("init"))["message"])
    assert asked.fulfillment.customer is not None
    assert (asked.fulfillment.customer.name, asked.fulfillment.customer.phone) == (
        "Pak Abu",
        "+60198765432",
    )
    assert asked.billing is not None
    assert asked.billing.name == "Aisyah"
    page = (await browser.get(path)).text
    sent = browser.post(f"{path}/book", form_of(page, f"{path}/book"))
    await answered(
        net, "confirm", sent, lambda it: message_of(ordered(it, "RIDE_ASSIGNED"), "on_confirm")
    )
    page = (await browser.get(path)).text
    for shown in ("4821", "This is for Pak Abu, +60198765432", "Make a link"):
        assert shown in page


async def test_somebody_else_without_a_phone_is_asked_for_again(
    net: Network, browser: Browsing
) -> None:
    path = await searched(net, browser)
    page = await chosen(net, browser, path)
    fields = form_of(page, f"{path}/who") | WHO | {"rider_name": "Pak Abu"}
    sent = await browser.post(f"{path}/who", fields)
    assert sent.status == 303
    assert "phone number with its country code" in (await browser.get(path)).text
    assert net.coop.of("init") == []
