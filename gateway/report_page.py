"""GET /report: how each provider is served and answers, for anybody to read."""

from typing import Any

from aiohttp import web

from gateway.together import Together
from protocol_specs.node.server import Node
from protocol_specs.wire import strict_json

FRESH_S = 5  # reports of thousands of providers take milliseconds to make


class FreshReport:
    """The report, made at most once in 5 s, whoever asks how often."""

    def __init__(self, node: Node, together: Together) -> None:
        self._node, self._together = node, together
        self._made_at = -FRESH_S
        self._shown: dict[str, Any] = {}
        self._json: bytes | None = None

    async def shown(self) -> dict[str, Any]:
        """`{gateway, at, since, hour, day}`, see report.shown."""
        now = self._node.now()
        if not self._shown or not 0 <= now - self._made_at < FRESH_S:
            gateway = self._node.receiver.subscriber_id
            self._made_at = now  # who asks meanwhile has the one before
            shown = await self._together.report(now)
            self._shown, self._json = {"gateway": gateway, **shown}, None
        return self._shown

    async def json(self, request: web.Request) -> web.StreamResponse:
        """The report as JSON."""
        shown = await self.shown()
        if self._json is None:
            self._json = strict_json.dumps(shown)
        headers = {"Cache-Control": "no-store"}
        return web.Response(body=self._json, content_type="application/json", headers=headers)
