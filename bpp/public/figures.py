"""The cooperative's public figures: confirmed jobs from its orders, contributions from its books.

Nothing of it may tell of one job or one worker. Jobs are counted to the end of the last whole day
(UTC) and told in tens, fewer than ten not at all: who asks daily and subtracts sees steps of ten.
Contributions are those of bpp/insurance/report/public.py: by whole months, of ten workers or more.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

from aiohttp import web
from sqlalchemy import bindparam, func, select

from bpp.insurance.report import public
from bpp.orders.provider import Provider
from bpp.orders.tables import OrderRow
from protocol_specs.node.server import Node
from protocol_specs.node.store import Session, Statement, Store
from protocol_specs.wire import strict_json

DAY_S = 86_400
STEP = 10

_O = OrderRow.__table__
_CONFIRMED = Statement(
    select(func.count().label("n"))
    .select_from(_O)
    .where(_O.c.created_at >= bindparam("first"), _O.c.created_at < bindparam("end"))
)


class Figures:
    """Of one node; made once a day, beside the loop."""

    def __init__(self, node: Node, provider: Provider, *, keeps_books: bool) -> None:
        self._node, self._provider, self._keeps_books = node, provider, keeps_books
        self._making = asyncio.Lock()
        self._made: tuple[int, dict[str, Any]] | None = None

    async def shown(self) -> dict[str, Any]:
        """JSON-ready; see docs/api.md. None stands for what is kept back."""
        day = self._node.now() // DAY_S
        async with self._making:
            if self._made is None or self._made[0] != day:
                self._made = day, await asyncio.to_thread(self._read, day * DAY_S)
            return self._made[1]

    async def json(self, request: web.Request) -> web.StreamResponse:
        """GET /figures.json: the cooperative's public figures."""
        headers = {"Cache-Control": "public, max-age=3600"}
        body = strict_json.dumps(await self.shown())
        return web.Response(body=body, content_type="application/json", headers=headers)

    def _read(self, end: int) -> dict[str, Any]:
        at = self._node.settings.store_at
        return Store.read_once(at, lambda session: self._figures(session, end))

    def _figures(self, session: Session, end: int) -> dict[str, Any]:
        return {
            "subscriber_id": self._node.settings.subscriber_id,
            "cooperative": self._provider.name,
            "until": datetime.fromtimestamp(end, UTC).date().isoformat(),
            "confirmed_jobs": _confirmed(session, 0, end),
            "confirmed_jobs_30_days": _confirmed(session, end - 30 * DAY_S, end),
            "schemes": public.public(session, end) if self._keeps_books else [],
        }


def _confirmed(session: Session, first: int, end: int) -> int | None:
    """Whole tens of the jobs confirmed in that time; None for fewer than ten."""
    row = session.one(_CONFIRMED, first=first, end=end)
    return in_tens(0 if row is None else int(row["n"]))


def in_tens(n: int) -> int | None:
    """1234 is 1230; 9 is None."""
    return n // STEP * STEP or None
