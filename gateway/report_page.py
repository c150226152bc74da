"""GET /report: how each provider is served and answers, for anybody to read."""

from typing import Any

from aiohttp import web

from gateway.report import Report
from protocol_specs.node.server import Node
from protocol_specs.wire import strict_json

FRESH_S = 5  # reports of thousands of providers take milliseconds to make


class FreshReport:
    """The report, made at most once in 5 s, whoever asks how often."""

    def __init__(self, node: Node, report: Report) -> None:
        self._node, self._report = node, report
        self._made_at = -FRESH_S
        self._shown: dict[str, Any] = {}
        self._json: bytes | None = None

    def shown(self) -> dict[str, Any]:
        """`{gateway, at, since, hour, day}`, see Report.shown."""
        now = self._node.now()
        if not self._shown or not 0 <= now - self._made_at < FRESH_S:
            gateway = self._node.receiver.subscriber_id
            self._made_at, self._json = now, None
            self._shown = {"gateway": gateway, **self._report.shown(now)}
        return self._shown

    async def json(self, request: web.Request) -> web.StreamResponse:
        """The report as JSON."""
        shown = self.shown()
        if self._json is None:
            self._json = strict_json.dumps(shown)
        headers = {"Cache-Control": "no-store"}
        return web.Response(body=self._json, content_type="application/json", headers=headers)
