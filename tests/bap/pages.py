"""A citizen's way over the pages, from search to booking, for tests."""

import asyncio
import re
from collections.abc import Callable, Coroutine
from typing import Any

from protocol_specs.web.settings import WebSettings
from protocol_specs.wire.parties import callback_of
from tests.bap.network import FEES, Network, message_of, ordered, quoted
from tests.support.browsing import Browsing, Seen

Sending = Coroutine[Any, Any, Seen]
Reply = Callable[[dict[str, Any]], dict[str, Any]]
MARKUP = "<img src=x onerror=alert(1)>"
SEARCH = {"from": "KL Sentral", "from_at": "", "to": "Petronas Twin Towers", "to_at": ""}
PAGES = {"web": WebSettings(zone="Asia/Kuala_Lumpur")}
"""Settings of a node that shows pages."""
WHO = {"name": "Aisyah", "phone": "+60 12-345 6789", "payment": "ON-FULFILLMENT"}


def form_of(page: str, action: str) -> dict[str, str]:
    """The hidden fields of the form on a page that goes there."""
    assert f'action="{action}"' in page, page.partition("<main")[2]
    form = page.split(f'action="{action}"', 1)[1].split("</form>", 1)[0]
    hidden = r'<input type="hidden" name="(\w+)" value="([^"]*)"'
    found: list[tuple[str, str]] = re.findall(hidden, form)
    return dict(found)


async def searched(net: Network, browser: Browsing, *prices: int, **more: Any) -> str:
    """The path of a journey with offers of these prices."""
    begun = await browser.send_form("/", "/search", SEARCH)
    assert begun.status == 303, begun.text
    said = await net.coop.offers(await net.gateway.asked("search"), *(prices or (1250,)), **more)
    assert said.is_ack, said.body
    await net.handled()
    path: str = begun.headers["Location"]
    return path


async def answered(net: Network, action: str, sending: Sending, reply: Reply) -> Seen:
    """What a form comes to whose request the cooperative answers."""
    before = len(net.coop.of(action))
    task = asyncio.ensure_future(sending)
    request = await net.coop.asked(action, before + 1)
    said = await net.coop.say(callback_of(action), request, reply(request))
    assert said.is_ack, said.body
    seen = await task
    assert seen.status == 303, seen.text
    return seen


async def chosen(net: Network, browser: Browsing, path: str) -> str:
    """The page with the exact price of the first offer."""
    offers = (await browser.get(path)).text
    sent = browser.post(f"{path}/choose", form_of(offers, f"{path}/choose"))
    await answered(net, "select", sent, lambda asked: message_of(quoted(asked), "on_select"))
    return (await browser.get(path)).text


async def ready(net: Network, browser: Browsing, path: str) -> str:
    """The page with the final terms, from the one with the price."""
    page = (await browser.get(path)).text
    sent = browser.post(f"{path}/who", form_of(page, f"{path}/who") | WHO)
    reply = lambda asked: message_of(quoted(asked, cancellation_terms=FEES), "on_init")  # noqa: E731
    await answered(net, "init", sent, reply)
    return (await browser.get(path)).text


async def booked(net: Network, browser: Browsing, path: str, **more: Any) -> str:
    """The page of the order, from the first one of the journey."""
    await chosen(net, browser, path)
    page = await ready(net, browser, path)
    sent = browser.post(f"{path}/book", form_of(page, f"{path}/book"))
    reply = lambda asked: message_of(ordered(asked, "RIDE_ASSIGNED", **more), "on_confirm")  # noqa: E731
    await answered(net, "confirm", sent, reply)
    return (await browser.get(path)).text
