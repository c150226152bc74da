"""A provider's form, at the real door: fetched, filled in, handed in signed, and said back."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from protocol_specs.wire import signing
from protocol_specs.wire.order import Form
from protocol_specs.wire.version import core_1_1 as version
from tests.bap.network import CUSTOMER, FEES, Network, message_of, network, quoted
from tests.support.peers import NOW

PAGE = """<form action="/forms/in" method="post"><label>Seats <input name="seats" required></label>
<input type="hidden" name="order" value="7"><button>Send</button></form>"""


@pytest.fixture
async def net(tmp_path: Path) -> AsyncIterator[Network]:
    async with network(tmp_path) as made:
        made.coop.page = (200, "text/html", PAGE)
        made.coop.form_answer = {"status": True, "submission_id": "s-1"}
        yield made


def _form(net: Network, url: str | None = None, **more: Any) -> Form:
    return Form(url=url or f"{net.coop.peer.url}/forms/a?order=7", **more)


async def _asked_at_select(net: Network, form: Form) -> Any:
    await net.searched()
    body = {"offer_id": (await net.citizen.journey())["offers"][0]["offer_id"]}
    return await net.answered(
        "select",
        "/select",
        body,
        lambda asked: message_of(quoted(asked, form=form), "on_select"),
    )


async def _ready(net: Network, **more: Any) -> Any:
    return await net.answered(
        "init",
        "/init",
        CUSTOMER,
        lambda asked: message_of(quoted(asked, cancellation_terms=FEES, **more), "on_init"),
    )


async def test_a_form_is_shown_filled_in_and_said_back_with_init_and_confirm(
    net: Network,
) -> None:
    journey = await _asked_at_select(net, _form(net))
    assert (journey["form"]["stage"], journey["form"]["fields"]) == ("select", [])
    assert "url" not in journey["form"]
    status, journey = await net.citizen.call("GET", "/form")
    assert status == 200
    assert net.coop.fetched == ["/forms/a?order=7"]
    assert [(one["name"], one["label"]) for one in journey["form"]["fields"]] == [
        ("seats", "Seats")
    ]
    status, journey = await net.citizen.call("POST", "/form", {"answers": {"seats": "2"}})
    assert (status, journey["form"]["is_submitted"]) == (200, True)
    await _ready(net)
    init = version.read_init(net.coop.of("init")[0]["message"])
    assert init.form is not None
    assert init.form.submission_id == "s-1"
    quote_hash = (await net.citizen.journey())["quote"]["hash"]
    await net.citizen.call("POST", "/confirm", {"quote_hash": quote_hash})
    confirm = version.read_confirm((await net.coop.asked("confirm"))["message"])
    assert confirm.form is not None
    assert confirm.form.submission_id == "s-1"


async def test_the_answers_are_signed_by_this_node_over_the_very_bytes(net: Network) -> None:
    await _asked_at_select(net, _form(net))
    await net.citizen.call("GET", "/form")
    await net.citizen.call("POST", "/form", {"answers": {"seats": "2"}})
    ((path, header, body),) = net.coop.filled
    assert (path, body) == ("/forms/in", b"seats=2&order=7")
    said = signing.parse_header(header)
    assert said.key_id.subscriber_id == "bap.example.org"
    public = net.node.client._key.public
    signing.verify_header(said, signing.digest(body), public)
    assert said.created == NOW


async def test_a_required_form_holds_back_the_request_that_follows_it(net: Network) -> None:
    await _asked_at_select(net, _form(net))
    status, told = await net.citizen.call("POST", "/init", CUSTOMER)
    assert (status, told["error"]["code"]) == (409, "form_needed")
    assert net.coop.of("init") == []


async def test_a_form_that_need_not_be_filled_in_holds_back_nothing(net: Network) -> None:
    await _asked_at_select(net, _form(net, required=False))
    journey = await _ready(net)
    assert (journey["state"], journey["form"]["is_submitted"]) == ("ready", False)


async def test_a_form_of_on_init_is_filled_in_before_the_confirm(net: Network) -> None:
    await net.searched()
    await net.selected()
    journey = await _ready(net, form=_form(net))
    body = {"quote_hash": journey["quote"]["hash"]}
    status, told = await net.citizen.call("POST", "/confirm", body)
    assert (status, told["error"]["code"]) == (409, "form_needed")
    assert net.coop.of("confirm") == []


async def test_a_form_of_an_offer_is_known_once_it_is_chosen(net: Network) -> None:
    await net.citizen.search()
    search = await net.gateway.asked("search")
    assert (await net.coop.offers(search, 1250, form=_form(net))).is_ack
    journey = await net.citizen.journey(lambda now: now["offers"])
    assert journey["offers"][0]["form"] == {"required": True}
    journey = await net.selected()
    assert journey["form"]["stage"] == "search"


async def test_what_the_provider_does_not_take_is_told_and_can_be_mended(net: Network) -> None:
    await _asked_at_select(net, _form(net))
    await net.citizen.call("GET", "/form")
    net.coop.form_answer = {"status": False, "errors": [{"message": "two at most"}]}
    _, journey = await net.citizen.call("POST", "/form", {"answers": {"seats": "9"}})
    assert journey["form"]["errors"] == ["two at most"]
    assert journey["form"]["is_submitted"] is False
    net.coop.form_answer = {"status": True, "submission_id": "s-2"}
    _, journey = await net.citizen.call("POST", "/form", {"answers": {"seats": "2"}})
    assert (journey["form"]["errors"], journey["form"]["is_submitted"]) == ([], True)


async def test_a_form_elsewhere_is_never_fetched(net: Network) -> None:
    await _asked_at_select(net, _form(net, url=f"{net.other.peer.url}/forms/a"))
    status, told = await net.citizen.call("GET", "/form")
    assert (status, told["error"]["code"]) == (502, "form_elsewhere")
    assert net.other.fetched == []


async def test_answers_are_never_posted_elsewhere(net: Network) -> None:
    net.coop.page = (200, "text/html", PAGE.replace("/forms/in", f"{net.other.peer.url}/forms/in"))
    await _asked_at_select(net, _form(net))
    await net.citizen.call("GET", "/form")
    status, told = await net.citizen.call("POST", "/form", {"answers": {"seats": "2"}})
    assert (status, told["error"]["code"]) == (502, "form_elsewhere")
    assert (net.other.filled, net.coop.filled) == ([], [])
    assert (await net.citizen.journey())["form"]["is_submitted"] is False


@pytest.mark.parametrize(
    ("page", "code"),
    [
        ((302, "text/html", PAGE), "form_unreachable"),
        ((500, "text/html", PAGE), "form_unreachable"),
        ((200, "text/html", PAGE + "x" * 70_000), "form_unreachable"),
        ((200, "image/svg+xml", PAGE), "form_refused"),
        ((200, "text/html", "<p>nothing</p>"), "form_refused"),
    ],
)
async def test_a_page_that_is_no_form_is_told_and_not_shown(
    net: Network, page: Any, code: str
) -> None:
    net.coop.page = page
    await _asked_at_select(net, _form(net))
    status, told = await net.citizen.call("GET", "/form")
    assert (status, told["error"]["code"]) == (502, code)
    assert (await net.citizen.journey())["form"]["fields"] == []


async def test_a_page_that_never_comes_is_not_waited_for(tmp_path: Path) -> None:
    async with network(tmp_path, journeys={"form_deadline_s": 0.1}) as net:
        net.coop.goes_on = asyncio.Event()
        await _asked_at_select(net, _form(net))
        status, told = await net.citizen.call("GET", "/form")
        assert (status, told["error"]["code"]) == (502, "form_unreachable")
        assert net.coop.fetched == ["/forms/a?order=7"]
        net.coop.goes_on.set()


async def test_a_form_is_read_before_it_is_filled_in(net: Network) -> None:
    await _asked_at_select(net, _form(net))
    status, told = await net.citizen.call("POST", "/form", {"answers": {"seats": "2"}})
    assert (status, told["error"]["code"]) == (409, "form_unread")
    assert net.coop.filled == []


async def test_without_a_form_there_is_none_to_fill_in(net: Network) -> None:
    await net.searched()
    await net.selected()
    status, told = await net.citizen.call("GET", "/form")
    assert (status, told["error"]["code"]) == (404, "no_form")
