"""A driver's own slip in the forms that a phone can keep: credential, page, QR code, SMS text."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

from aiohttp import web

from bpp.insurance import reading, slip_credential, slip_page, slip_qr, slip_sms
from bpp.insurance.slip_check import BadSlip, Verdict, check
from protocol_specs.node.api import ApiError, json_response, json_route
from protocol_specs.node.server import Node
from protocol_specs.wire.keys import SigningKey

PAGE_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
}


def add(node: Node, key: SigningKey, driver_of: Callable[[web.Request], str]) -> None:
    """Serve these routes on this node. `key` signs slips; `driver_of` raises for strangers."""
    api = SlipApi(node, key, driver_of)
    for form, handler in (
        ("credential", api.credential),
        ("page", api.page),
        ("qr", api.qr),
        ("sms", api.sms),
    ):
        node.serve_route("GET", f"/driver/slips/{{slip_id}}/{form}", json_route(handler))


class SlipApi:
    """The handlers. Pictures are drawn beside the loop: one takes a tenth of a second."""

    def __init__(
        self, node: Node, key: SigningKey, driver_of: Callable[[web.Request], str]
    ) -> None:
        self._node, self._key, self._driver_of = node, key, driver_of

    async def credential(self, request: web.Request) -> web.Response:
        """The slip as a W3C verifiable credential."""
        slip = self._checked(request)
        found = slip_credential.issue(slip.document, slip.inclusion, self._key)
        response = json_response(found)
        response.content_type = "application/vc"
        return response

    async def page(self, request: web.Request) -> web.Response:
        """The slip as a page to print."""
        html = await asyncio.to_thread(slip_page.page, self._checked(request))
        return web.Response(text=html, content_type="text/html", headers=PAGE_HEADERS)

    async def qr(self, request: web.Request) -> web.Response:
        """The slip as a QR code, SVG."""
        svg = await asyncio.to_thread(_svg, self._checked(request))
        return web.Response(body=svg, content_type="image/svg+xml", headers=PAGE_HEADERS)

    async def sms(self, request: web.Request) -> dict[str, Any]:
        """The slip as the text of one SMS."""
        try:
            return {"text": slip_sms.text(self._checked(request).slip)}
        except slip_sms.TooLong as error:
            raise ApiError(409, "too_long", str(error)) from None

    def _checked(self, request: web.Request) -> Verdict:
        agent_id, slip_id = self._driver_of(request), request.match_info["slip_id"]
        return checked(self._node, self._key, agent_id, slip_id)


def checked(node: Node, key: SigningKey, agent_id: str, slip_id: str) -> Verdict:
    """The driver's slip, checked as a stranger would check it. Raises ApiError."""
    found = node.store.read(lambda session: reading.slip(session, agent_id, slip_id))
    if found is None:
        raise ApiError(404, "not_found", "you have no slip of this id")
    try:
        return check(json.dumps(found).encode(), key.public)
    except BadSlip as error:  # signed by a ledger key before this one
        raise ApiError(409, "does_not_hold", str(error)) from None


def _svg(slip: Verdict) -> bytes:
    try:
        text = slip_qr.text(slip.document, str(slip.signature), slip.inclusion)
    except slip_qr.TooLong as error:
        raise ApiError(409, "too_long", str(error)) from None
    return slip_qr.svg(text)
