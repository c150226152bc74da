"""A driver's own pass-book and answers over HTTP. Pages are drawn beside the loop."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aiohttp import web

from bpp.declined import Declined
from bpp.insurance.statement import asking, document, plain
from bpp.insurance.statement.asking import Asks
from bpp.insurance.statement.questions import listed
from bpp.insurance.statement.reading import statement
from bpp.insurance.statement.values import Statement
from protocol_specs.node.api import ApiError, json_route
from protocol_specs.node.server import Node
from protocol_specs.wire.keys import SigningKey

KEPT_BY_NOBODY = {"Cache-Control": "no-store"}


def add(
    node: Node,
    asks: Asks,
    key: SigningKey,
    driver_of: Callable[[web.Request], str],
    *,
    fonts: tuple[Path, ...] = (),
) -> None:
    """Serve these routes on this node. `key` signs statements; `driver_of` raises for strangers."""
    api = StatementApi(node, asks, key, driver_of, fonts)
    node.serve_route("GET", "/driver/insurance/statement", json_route(api.statement))
    node.serve_route("GET", "/driver/insurance/ask", json_route(api.questions))
    node.serve_route("GET", "/driver/insurance/ask/{question}", json_route(api.ask))


class StatementApi:
    """The handlers. A driver gets their own and nobody else's."""

    def __init__(
        self,
        node: Node,
        asks: Asks,
        key: SigningKey,
        driver_of: Callable[[web.Request], str],
        fonts: tuple[Path, ...],
    ) -> None:
        self._node, self._asks, self._key = node, asks, key
        self._driver_of, self._fonts = driver_of, fonts

    async def statement(self, request: web.Request) -> web.Response | dict[str, Any]:
        """The driver's pass-book: `period` a month, all if not; `format` json, csv, text, pdf."""
        agent_id, query = self._driver_of(request), request.query
        form, language = query.get("format", "json"), query.get("language", "en")
        month, now = query.get("period"), self._node.now()
        try:
            found = self._node.store.read(
                lambda session: statement(
                    session, self._asks.book, agent_id, now, first_month=month, last_month=month
                )
            )
            if form == "json":
                return document.signed(found, self._key)
            return await written(found, form, language, self._fonts)
        except Declined as declined:
            raise ApiError(409, "no_statement", str(declined)) from None

    async def questions(self, request: web.Request) -> dict[str, Any]:
        """What can be asked."""
        self._driver_of(request)
        return {"questions": listed()}

    async def ask(self, request: web.Request) -> dict[str, Any]:
        """One question: `slip` for why, `language` en or ms."""
        agent_id, question = self._driver_of(request), request.match_info["question"]
        language, slip = request.query.get("language", "en"), request.query.get("slip", "")
        now = self._node.now()
        try:
            lines = self._node.store.read(
                lambda session: asking.answered(
                    session, self._asks, question, agent_id, now, slip=slip, language=language
                )
            )
        except Declined as declined:
            raise ApiError(409, "no_answer", str(declined)) from None
        return {"question": question, "answer": lines}


async def written(
    found: Statement, form: str, language: str, fonts: tuple[Path, ...]
) -> web.Response:
    """The statement as pdf, csv or text. Raises ApiError for another form, Declined for a language
    or letter that it cannot be written in."""
    if form == "pdf":
        from bpp.insurance.statement import pdf  # fonts and pictures: only where one is drawn

        body = await asyncio.to_thread(pdf.drawn, found, language, fonts)
        return web.Response(body=body, content_type="application/pdf", headers=KEPT_BY_NOBODY)
    writers = {"text": (plain.text, "text/plain"), "csv": (plain.table, "text/csv")}
    if form not in writers:
        raise ApiError(400, "bad_format", "format is json, csv, text or pdf")
    write, kind = writers[form]
    text = write(found, language)
    return web.Response(text=text, content_type=kind, headers=KEPT_BY_NOBODY)
