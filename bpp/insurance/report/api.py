"""Figures for the desk and for anybody, and the door that a reading key opens."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from aiohttp import web

from bpp.insurance import cash
from bpp.insurance.report import figures, keys, public
from bpp.insurance.report.keys import KeyEnding, NewKey
from bpp.units import kept
from protocol_specs.node.api import ApiError, Routes, bearer, serve_json
from protocol_specs.node.buckets import Buckets
from protocol_specs.node.server import Node
from protocol_specs.node.store import Session, Store

T = TypeVar("T")
OPENED = frozenset(
    {
        "/desk/ledger/balances",
        "/desk/ledger/trust",
        "/desk/insurance/agents",
        "/desk/insurance/agents/quality",
        "/desk/insurance/filings",
        "/desk/insurance/keys",
        "/desk/insurance/mandates",
        "/desk/insurance/remittances",
        "/desk/insurance/report",
        "/desk/insurance/workers/notices",
    }
)
"""What a reading key opens, and nothing that comes to be beside it: names and phones of workers
stand below /desk/insurance too.
"""
PER_S, BURST = 5, 60  # readings of one key: each is a row that stays
PATH_MAX = 300
DAY_S = 86_400

Guard = Callable[[web.Request], None]


def opened_by_keys(node: Node, require_desk: Guard) -> Guard:
    """The desk's guard, which lets a reading key through where the books are read; each reading is
    written down before it is answered. Raises ApiError 401, 403, 429.
    """
    buckets = Buckets(PER_S, burst=BURST)

    def require(request: web.Request) -> None:
        token = bearer(request)
        if not token.startswith(keys.PREFIX):
            require_desk(request)
            return
        if request.method != "GET" or request.path not in OPENED:
            raise ApiError(403, "reads_only", "this key reads the books and does nothing else")
        now = node.now()
        name = node.store.read(lambda session: keys.opened_by(session, token, now))
        if name is None:
            raise ApiError(401, "unauthorized", "this key opens nothing now: expired or withdrawn")
        wait_s = buckets.take(name, now)
        if wait_s:
            headers = {"Retry-After": str(wait_s)}
            raise ApiError(429, "too_many", "this key reads too fast", headers=headers)
        path = request.path_qs[:PATH_MAX]
        node.store.transact_now(lambda session: keys.note(session, name, path, now))

    return require


def add(
    node: Node,
    limit: cash.Limit,
    driver_of: Callable[[web.Request], str],
    require_desk: Guard,
) -> None:
    """Serves the routes."""
    api = ReportApi(node, limit, driver_of, require_desk)
    routes: Routes = [
        ("GET", "/desk/insurance/report", api.report),
        ("GET", "/desk/insurance/keys", api.keys),
        ("POST", "/desk/insurance/keys", api.make),
        ("POST", "/desk/insurance/keys/{name}/withdraw", api.withdraw),
        ("GET", "/driver/insurance/readers", api.readers),
        ("GET", "/insurance/figures", api.public),
    ]
    serve_json(node, routes)


class ReportApi:
    """The handlers."""

    def __init__(
        self,
        node: Node,
        limit: cash.Limit,
        driver_of: Callable[[web.Request], str],
        require_desk: Guard,
    ) -> None:
        self._node, self._limit = node, limit
        self._driver_of, self._require_desk = driver_of, require_desk
        self._making = asyncio.Lock()
        self._public: tuple[int, dict[str, Any]] | None = None

    async def report(self, request: web.Request) -> dict[str, Any]:
        """Deducted against remitted, cash debts and blocks, without cells under 10 workers."""
        self._require_desk(request)

        now = self._node.now()

        def read(session: Session) -> dict[str, Any]:
            return {
                "deducted": figures.deducted(session, is_inside=False, now=now),
                "cash_debts": figures.cash_debts(session, is_inside=False),
                "blocks": figures.blocks(session, self._limit, is_inside=False),
            }

        return self._node.store.read(read)

    async def keys(self, request: web.Request) -> dict[str, Any]:
        """Every reading key, and the newest readings."""
        self._require_desk(request)
        return self._node.store.read(
            lambda session: {"keys": keys.keys(session), "readings": keys.readings(session)}
        )

    async def make(self, request: web.Request, body: NewKey) -> tuple[int, dict[str, Any]]:
        """A new reading key; its token is in the answer, and nowhere else ever again."""
        self._require_desk(request)
        now = self._node.now()
        return 201, await kept(self._node.store, lambda session: keys.make(session, body, now))

    async def withdraw(self, request: web.Request, body: KeyEnding) -> dict[str, Any]:
        """The key opens nothing any more."""
        self._require_desk(request)
        name, now = request.match_info["name"], self._node.now()
        return await kept(
            self._node.store, lambda session: keys.withdraw(session, name, body.by, now)
        )

    async def readers(self, request: web.Request) -> dict[str, Any]:
        """Who may read the books a worker stands in, and did."""
        self._driver_of(request)
        return {"readers": self._node.store.read(keys.for_workers)}

    async def public(self, request: web.Request) -> dict[str, Any]:
        """Workers, collected, remitted, acknowledged and days to remit, for anybody; made once a
        day, beside the loop."""
        day = self._node.now() // DAY_S
        async with self._making:
            if self._public is None or self._public[0] != day:
                found = await asyncio.to_thread(self._figures, day * DAY_S)
                self._public = (day, {"at": day * DAY_S, "schemes": found})
            return self._public[1]

    def _figures(self, now: int) -> list[dict[str, Any]]:
        at = self._node.settings.store_at
        return Store.read_once(at, lambda session: public.public(session, now))
