"""Pictures of a parcel reach the citizen as bytes of their own node's, or not at all."""

from collections.abc import Callable
from typing import Any

import pytest

from protocol_specs.node.client.client import Undelivered
from protocol_specs.wire.values import replace
from tests.bap.network import Network, message_of, ordered
from tests.bap.pages import PAGES, answered, chosen, form_of, ready, searched
from tests.support.browsing import Browsing
from tests.support.pictures import HTML, JPEG, with_segment


@pytest.fixture
def settings() -> dict[str, Any]:
    return PAGES


@pytest.fixture
def fetched(net: Network, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which urls the node asked for; each answers a picture with more in it than a picture."""
    asked: list[str] = []

    async def fetch(
        target: str, *, etag: str | None, write: Callable[[bytes], None], bytes_max: int
    ) -> None:
        asked.append(target)
        if target.endswith("/gone"):
            raise Undelivered("404", False)
        write(HTML if target.endswith("/html") else with_segment(0xE1, b"Exif 3.1390N") + HTML)

    monkeypatch.setattr(net.node.client, "fetch", fetch)
    return asked


async def told(net: Network, browser: Browsing, url: str) -> str:
    """The path of a journey whose order says that its picture is there."""
    path = await searched(net, browser)
    await chosen(net, browser, path)
    page = await ready(net, browser, path)

    def reply(asked: dict[str, Any]) -> dict[str, Any]:
        order = ordered(asked, "RIDE_ASSIGNED")
        parcel = replace(order.fulfillment, pickup_picture=url)
        return message_of(replace(order, fulfillment=parcel), "on_confirm")

    sent = browser.post(f"{path}/book", form_of(page, f"{path}/book"))
    await answered(net, "confirm", sent, reply)
    return path


async def test_a_picture_is_fetched_once_cleaned_and_shown_from_our_own_address(
    net: Network, fetched: list[str]
) -> None:
    browser = Browsing(net.citizen.url)
    url = f"{net.coop.peer.url}/pictures/abc"
    path = await told(net, browser, url)
    page = (await browser.get(path)).text
    assert f'<img src="{path}/picture/pickup"' in page
    assert url not in page
    for _ in range(2):
        status, headers, body = await browser.raw(f"{path}/picture/pickup")
        assert (status, headers["Content-Type"], body) == (200, "image/jpeg", JPEG)
        assert "no-store" in headers["Cache-Control"]
    assert fetched == [url]
    assert (await browser.raw(f"{path}/picture/drop"))[0] == 404
    assert (await Browsing(net.citizen.url).raw(f"{path}/picture/pickup"))[0] == 404


@pytest.mark.parametrize(
    "url",
    [
        "{other}/pictures/abc",
        "http://127.0.0.1:1/pictures/abc",
        "file:///etc/hostname",
        "{coop}.evil.example/pictures/abc",
        "{coop}/../pictures/abc",
        "javascript:alert(1)",
    ],
)
async def test_a_picture_elsewhere_is_never_fetched(
    net: Network, fetched: list[str], url: str
) -> None:
    browser = Browsing(net.citizen.url)
    named = url.format(other=net.other.peer.url, coop=net.coop.peer.url)
    path = await told(net, browser, named)
    assert ((await browser.raw(f"{path}/picture/pickup"))[0], fetched) == (502, [])
    assert named not in (await browser.get(path)).text


@pytest.mark.parametrize("what", ["html", "gone"])
async def test_what_is_no_picture_is_not_shown_and_not_asked_for_again_at_once(
    net: Network, fetched: list[str], what: str
) -> None:
    browser = Browsing(net.citizen.url)
    url = f"{net.coop.peer.url}/pictures/{what}"
    path = await told(net, browser, url)
    for _ in range(3):
        status, _, body = await browser.raw(f"{path}/picture/pickup")
        assert (status, HTML in body) == (502, False)
    assert fetched == [url]
