"""The citizen's pages at the door: what they show, whom they refuse, what is done only once."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest

from bap.citizen.searching import amount
from protocol_specs.wire.order import Agent, PriceLine, Vehicle
from protocol_specs.wire.values import replace
from tests.bap.network import FEES, Network, cancelled, message_of, ordered, quoted
from tests.bap.pages import (
    MARKUP,
    PAGES,
    SEARCH,
    answered,
    booked,
    chosen,
    form_of,
    ready,
    searched,
)
from tests.support.browsing import Browsing
from tests.support.peers import NOW


@pytest.fixture
def settings() -> dict[str, Any]:
    return PAGES


async def test_a_ride_is_searched_priced_and_booked_without_any_script(
    net: Network, browser: Browsing
) -> None:
    path = await searched(net, browser, 1250, 990)
    offers = (await browser.get(path)).text
    assert offers.index("RM9.90") < offers.index("RM12.50")
    assert offers.index("RM9.90") > (await browser.get(f"{path}?sort=time")).text.index("RM12.50")
    price = await chosen(net, browser, path)
    assert "What the price is made of" in price
    terms = await ready(net, browser, path)
    assert "If you cancel" in terms
    assert "Book for RM12.50" in terms
    sent = browser.post(f"{path}/book", form_of(terms, f"{path}/book"))
    await answered(
        net, "confirm", sent, lambda it: message_of(ordered(it, "RIDE_ASSIGNED"), "on_confirm")
    )
    order = (await browser.get(path)).text
    for shown in ("Driver found", "4821", "Ravi", "WXY 1234", "tel:+60111111111", "tel:999"):
        assert shown in order
    assert "RM12.50" in (await browser.get(f"{path}/receipt")).text
    assert path in (await browser.get("/trips")).text


async def test_a_form_sent_twice_books_once(net: Network, browser: Browsing) -> None:
    path = await searched(net, browser)
    await chosen(net, browser, path)
    page = await ready(net, browser, path)
    fields = form_of(page, f"{path}/book")
    both = asyncio.gather(
        browser.post(f"{path}/book", fields), browser.post(f"{path}/book", fields)
    )
    confirm = await net.coop.asked("confirm")
    await net.coop.say(
        "on_confirm", confirm, message_of(ordered(confirm, "RIDE_ASSIGNED"), "on_confirm")
    )
    assert [seen.status for seen in await both] == [303, 303]
    again = await browser.post(f"{path}/book", fields)
    assert (again.status, again.headers["Location"]) == (303, path)
    assert len(net.coop.of("confirm")) == 1


async def test_a_quote_that_changed_after_it_was_shown_is_asked_about_again(
    net: Network, browser: Browsing
) -> None:
    path = await searched(net, browser)
    await chosen(net, browser, path)
    old = form_of(await ready(net, browser, path), f"{path}/book")
    dearer = (PriceLine("BASE_FARE", 1_900),)
    init = net.coop.of("init")[0]
    changed = message_of(quoted(init, dearer, cancellation_terms=FEES), "on_init")
    assert (await net.coop.say("on_init", init, changed)).is_ack
    await net.handled()
    sent = await browser.post(f"{path}/book", old)
    assert (sent.status, sent.headers["Location"]) == (303, path)
    page = (await browser.get(path)).text
    assert "It has changed meanwhile" in page
    assert "Book for RM19.00" in page
    assert net.coop.of("confirm") == []


async def test_another_browser_finds_no_journey_and_changes_none(
    net: Network, browser: Browsing
) -> None:
    path = await searched(net, browser)
    await booked(net, browser, path)
    stranger = Browsing(net.citizen.url)
    own = (await stranger.send_form("/", "/language", {"language": "en"})).status
    assert own == 303
    for part in ("", "/part?key=offers", "/events", "/where", "/receipt"):
        assert (await stranger.get(path + part)).status == 404
    fields = (await stranger.get("/")).hidden
    for verb in ("cancel", "share", "complain", "tip", "rate", "help", "book", "agree"):
        sent = {**fields, "reason": "005", "text": "x", "about": "price", "tip": "1"}
        assert (await stranger.post(f"{path}/{verb}", sent)).status == 404, verb
    assert net.coop.of("cancel") == net.coop.of("support") == net.coop.of("update") == []
    assert path not in (await stranger.get("/trips")).text
    assert "Driver found" in (await browser.get(path)).text


async def test_what_a_provider_writes_stays_text(net: Network, browser: Browsing) -> None:
    path = await searched(
        net,
        browser,
        provider_name=MARKUP,
        vehicle_category=MARKUP,
        fare_policy=((MARKUP, MARKUP), ("BASE_FARE", MARKUP), ("ZONE_1_SURCHARGE", MARKUP)),
    )
    assert "&lt;img" in (await browser.get(path)).text
    order = await booked(net, browser, path)
    confirm = net.coop.of("confirm")[0]
    told = ordered(confirm, "RIDE_ENROUTE_PICKUP", NOW + 30)
    there = Vehicle("CAB", make=MARKUP, model=MARKUP, registration=MARKUP, color=MARKUP)
    driver = Agent(MARKUP, f"javascript:{MARKUP}")
    told = replace(told, fulfillment=replace(told.fulfillment, agent=driver, vehicle=there))
    assert (await net.unasked("on_status", told)).is_ack
    await net.handled()
    order = (await browser.get(path)).text
    await browser.post(f"{path}/share", form_of(order, f"{path}/share"))
    shared = re.search(r"/shared/[\w-]+", (await browser.get(path)).text)
    assert shared
    for page in (path, f"{path}/receipt", "/trips", shared.group()):
        text = (await browser.get(page)).text
        assert "<img src=x" not in text, page
        assert 'href="javascript:' not in text
        assert 'href="tel:javascript' not in text
    assert "&lt;img" in order


async def test_a_shared_link_shows_the_vehicle_and_nothing_of_who_rides(
    net: Network, browser: Browsing
) -> None:
    path = await searched(net, browser)
    order = await booked(net, browser, path)
    await browser.post(f"{path}/share", form_of(order, f"{path}/share"))
    page = (await browser.get(path)).text
    link = re.search(r"/shared/[\w-]{32}", page)
    assert link
    friend = Browsing(net.citizen.url)
    for part in ("", "/part"):
        seen = await friend.get(link.group() + part)
        assert seen.status == 200
        assert "WXY 1234" in seen.text
        for private in ("Aisyah", "6789", "+601", "4821", "Twin Towers</", "order-1", path):
            assert private not in seen.text.partition("<main")[2].partition("<figure")[0]
    assert "Aisyah" not in seen.text
    assert (await friend.get(path)).status == 404
    await browser.post(f"{path}/unshare", form_of(page, f"{path}/unshare"))
    assert (await friend.get(link.group())).status == 404
    assert (await friend.get(f"{link.group()}/events")).status == 404


async def test_cancelling_costs_the_fee_that_stood_on_the_page_or_asks_again(
    net: Network, browser: Browsing
) -> None:
    path = await searched(net, browser)
    order = await booked(net, browser, path)
    assert "Cancelling costs RM3.00 now." in order
    fields = form_of(order, f"{path}/cancel") | {"reason": "005"}
    sent = await browser.post(f"{path}/cancel", {**fields, "fee": "0"})
    assert sent.status == 303
    assert "Cancelling costs something else now" in (await browser.get(path)).text
    assert net.coop.of("cancel") == []
    fresh = form_of((await browser.get(path)).text, f"{path}/cancel") | {"reason": "005"}
    confirm = net.coop.of("confirm")[0]
    reply = message_of(cancelled(confirm, 300), "on_cancel")
    await answered(net, "cancel", browser.post(f"{path}/cancel", fresh), lambda _: reply)
    page = (await browser.get(path)).text
    assert "<h1>Cancelled</h1>" in page
    assert "What is left to pay" in page


async def test_signing_in_takes_along_what_the_browser_began_and_leaves_others_alone(
    net: Network, browser: Browsing, tmp_path: Path
) -> None:
    path = await searched(net, browser)
    await booked(net, browser, path)
    await sign_in(net, browser, "+60123456789")
    assert path in (await browser.get("/trips")).text
    phone = Browsing(net.citizen.url)
    assert path not in (await phone.get("/trips")).text
    await sign_in(net, phone, "+60123456789")
    assert path in (await phone.get("/trips")).text
    await sign_in(net, phone, "+60129999999")
    assert path not in (await phone.get("/trips")).text
    assert (await browser.get(path)).status == 200


async def test_a_sign_in_that_ended_is_asked_for_again_and_what_was_typed_is_kept(
    net: Network, browser: Browsing
) -> None:
    path = await searched(net, browser)
    await booked(net, browser, path)
    await sign_in(net, browser, "+60123456789")
    page = (await browser.get(path)).text
    fields = form_of(page, f"{path}/complain") | {"about": "price", "text": "Two fares were taken"}
    net.clock.at += 15 * 86_400
    sent = await browser.post(f"{path}/complain", fields)
    assert sent.status == 303
    assert sent.headers["Location"].startswith("/sign-in?next=%2Ftrips%2F")
    assert "kept=" in sent.headers["Location"]
    assert (await browser.get(path)).status == 404


async def test_a_complaint_is_kept_with_its_time_answered_once_and_shown(
    net: Network, browser: Browsing
) -> None:
    path = await searched(net, browser)
    order = await booked(net, browser, path)
    fields = form_of(order, f"{path}/complain") | {"about": "parcel", "text": MARKUP}
    for _ in range(2):
        assert (await browser.post(f"{path}/complain", fields)).status == 303
    page = (await browser.get(path)).text
    assert page.count('class="complaint"') == 1
    assert "An answer is due by" in page
    assert "&lt;img" in page
    net.clock.at += 73 * 3_600
    assert "It is late." in (await browser.get(path)).text
    desk = "/desk/complaints"
    assert (await desk_call(net, "GET", desk, token="guessed"))[0] == 401
    _, told = await desk_call(net, "GET", desk)
    [waiting] = told["complaints"]
    assert (waiting["text"], waiting["about"]) == (MARKUP, "parcel")
    answer = f"{desk}/{waiting['id']}/answer"
    assert (await desk_call(net, "POST", answer, {"answer": "x"}, token="guessed"))[0] == 401
    assert (await desk_call(net, "POST", answer, {"answer": "It was found."}))[0] == 200
    assert (await desk_call(net, "POST", answer, {"answer": "No."}))[0] == 404
    assert "It was found." in (await browser.get(path)).text
    assert (await desk_call(net, "GET", desk))[1] == {"complaints": []}


async def test_places_are_found_by_name_or_coordinates_and_wrong_ones_are_said(
    net: Network, browser: Browsing
) -> None:
    for typed, told in {
        "nowhere at all": "No such place",
        "3.1340, 101.6865": "From and to are the same place.",
        "m": "Which one:",
        "91.0, 101.0": "No such place",
        "nan,nan": "No such place",
    }.items():
        seen = await browser.send_form("/", "/search", {**SEARCH, "to": typed})
        assert seen.status == 422, typed
        assert told in seen.text
        assert 'value="KL Sentral"' in seen.text
    assert net.gateway.of("search") == []


async def test_a_parcel_says_what_it_weighs(net: Network, browser: Browsing) -> None:
    home = (await browser.get("/?market=1")).text
    parcel = {"from": "MG Road", "to": "Lalbagh", "from_at": "", "to_at": ""}
    for weight in ("", "0", "-1", "1e9", "101", "nan"):
        fields = form_of(home, "/search") | parcel | {"weight": weight}
        assert "up to 100" in (await browser.post("/search", fields)).text
    fields = form_of(home, "/search") | parcel | {"weight": "2,5", "contents": "Books"}
    assert (await browser.post("/search", fields)).status == 303
    assert '"2500"' in json.dumps(await net.gateway.asked("search"))


def test_amounts_are_read_as_people_type_them() -> None:
    assert amount("2,5", 3, least=1, most=10_000) == 2_500
    assert amount(".5", 2, least=1, most=100) == 50
    for text in ("", ".", "1.2.3", "-1", "1e3", "٣", "1.234", "99999999999"):
        assert amount(text, 2, least=1, most=10**9) is None, text


async def desk_call(
    net: Network, method: str, path: str, body: Any = None, token: str = ""
) -> tuple[int, Any]:
    """What the platform's own people ask."""
    held = (net.node.settings.data_dir / "desk.token").read_text().strip()
    headers = {"Authorization": f"Bearer {token or held}"}
    url = net.citizen.url + path
    async with net.citizen.session.request(method, url, json=body, headers=headers) as answer:
        return answer.status, await answer.json()


async def sign_in(net: Network, browser: Browsing, phone: str) -> None:
    """By the code that the node sends."""
    asked = await browser.send_form("/sign-in", "/sign-in", {"phone": phone})
    code = await net.mailbox.code()
    signed = await browser.send_form(asked.headers["Location"], "/sign-in/code", {"code": code})
    assert signed.status == 303
