"""GET /report and /report.html: how each provider is served and answers, for anybody to read."""

from collections.abc import Callable
from html import escape
from typing import Any

from aiohttp import web

from gateway.report import Report
from protocol_specs.node.server import Node
from protocol_specs.wire import strict_json

FRESH_S = 5  # reports of thousands of providers take milliseconds to make
COLUMNS = {
    "subscriber_id": "Provider",
    "offered": "Offered",
    "answered": "Answered",
    "acked": "ACK",
    "refused": "Refused",
    "timed_out": "Timed out",
    "undelivered": "Not reached",
    "skipped": "Skipped",
    "relayed": "Answers relayed",
    "ack_ms_median": "Median ms",
    "ack_ms_p95": "95 % ms",
    "mean_place": "Mean place",
}
STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;margin:2rem;color-scheme:light dark}"
    "table{border-collapse:collapse;margin-bottom:2rem}"
    "th,td{padding:.2rem .7rem;border-bottom:1px solid #8886;text-align:right}"
    "th:first-child,td:first-child{text-align:left}"
)
PAGE_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "X-Content-Type-Options": "nosniff",
}


class ReportPages:
    """Both forms, each made at most once in 5 s, whoever asks how often."""

    def __init__(self, node: Node, report: Report) -> None:
        self._node, self._report = node, report
        self._made: dict[str, tuple[int, bytes]] = {}

    async def json(self, request: web.Request) -> web.StreamResponse:
        """The report as JSON."""
        body = self._fresh("json", strict_json.dumps)
        headers = {"Cache-Control": "no-store"}
        return web.Response(body=body, content_type="application/json", headers=headers)

    async def page(self, request: web.Request) -> web.StreamResponse:
        """The same as a page."""
        gateway = self._node.receiver.subscriber_id
        body = self._fresh("page", lambda shown: page(gateway, shown).encode())
        return web.Response(
            body=body, content_type="text/html", charset="utf-8", headers=PAGE_HEADERS
        )

    def _fresh(self, form: str, make: Callable[[dict[str, Any]], bytes]) -> bytes:
        now = self._node.now()
        made = self._made.get(form)
        if made is None or not 0 <= now - made[0] < FRESH_S:
            gateway = self._node.receiver.subscriber_id
            made = now, make({"gateway": gateway, **self._report.shown(now)})
            self._made[form] = made
        return made[1]


def add_routes(node: Node, report: Report) -> None:
    """GET /report and /report.html."""
    pages = ReportPages(node, report)
    node.serve_route("GET", "/report", pages.json)
    node.serve_route("GET", "/report.html", pages.page)


def page(gateway: str, shown: dict[str, Any]) -> str:
    """The report as HTML; everything that comes from elsewhere is escaped."""
    hour, day = (_table(shown[name]["providers"]) for name in ("hour", "day"))
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(gateway)}</title>'
        f"<style>{STYLE}</style><h1>What {escape(gateway)} offered, and what came back</h1>"
        "<p>Each search goes to all its providers in an order drawn anew; mean place is where a "
        "provider stood in it, 0 first and 1 last. Skipped: it did not answer lately, so it is "
        "asked more rarely until it does.</p>"
        f"<h2>Last hour</h2>{hour}<h2>Last day</h2>{day}</html>"
    )


def _table(providers: list[dict[str, Any]]) -> str:
    head = "".join(f"<th>{title}</th>" for title in COLUMNS.values())
    rows = "".join(
        f"<tr>{''.join(f'<td>{_cell(provider[name])}</td>' for name in COLUMNS)}</tr>"
        for provider in providers
    )
    return f"<table><tr>{head}</tr>{rows}</table>" if rows else "<p>No searches.</p>"


def _cell(value: object) -> str:
    return "" if value is None else escape(str(value))
