"""Pages that everybody may read: the report of each provider, the network's figures."""

from typing import Any

from aiohttp import web

from gateway.figures import Figures
from gateway.report_page import FreshReport
from protocol_specs.web.visit import PageError, Visit

PAGE = 50


class Public:
    """GET /, /figures and /report.html."""

    def __init__(self, report: FreshReport, figures: Figures) -> None:
        self._report, self._figures = report, figures

    async def figures(self, visit: Visit) -> web.StreamResponse:
        """GET /figures?page=: searches, confirmed jobs, contributions, and who says so."""
        shown = await self._figures.shown()
        part = _part(visit, shown["by_cooperative"])
        return visit.page("gateway/figures.html", figures=shown, **part)

    async def report(self, visit: Visit) -> web.StreamResponse:
        """GET /report.html?window=&q=&page=: how each provider is asked and answers."""
        window = visit.arg("window") or "hour"
        if window not in ("hour", "day"):
            raise PageError(404)
        start, shown = visit.arg("q").strip().lower(), await self._report.shown()
        every = shown[window]["providers"]
        found = [one for one in every if one["subscriber_id"].startswith(start)]
        return visit.page(
            "gateway/report.html",
            report=shown,
            window=window,
            since=shown[window]["since"],
            q=start,
            **_part(visit, found),
        )


def _part(visit: Visit, rows: list[Any]) -> dict[str, Any]:
    """The rows of the page that was asked for, and the number of the next one, if there is one."""
    asked = visit.arg("page")
    n = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 6 else 0
    return {
        "rows": rows[n * PAGE : (n + 1) * PAGE],
        "more": n + 1 if len(rows) > (n + 1) * PAGE else None,
    }
