"""The routes of institutions' signed answers: the desk brings them, a worker takes theirs along."""

from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

from bpp.insurance import books
from bpp.insurance.coverage import keeping
from bpp.insurance.coverage.keeping import CoverageAsked
from bpp.units import kept
from protocol_specs.node.api import json_route
from protocol_specs.node.server import Node
from protocol_specs.node.store import Session


def add(
    node: Node,
    institution_keys: Mapping[str, str],
    driver_of: Callable[[web.Request], str],
    require_desk: Callable[[web.Request], None],
) -> None:
    """Serves the routes. `institution_keys` are public keys by scheme."""

    async def take(request: web.Request, body: CoverageAsked) -> tuple[int, dict[str, Any]]:
        """Keep what an institution signed about somebody, or say why not."""
        require_desk(request)
        now = node.now()
        found = await kept(
            node.store, lambda session: keeping.take(session, institution_keys, body, now)
        )
        return 201 if found["is_new"] else 200, found

    async def mine(request: web.Request) -> dict[str, Any]:
        """The credentials about this worker, as the institutions signed them."""
        agent_id = driver_of(request)

        def read(session: Session) -> list[Any]:
            worker = books.find_worker(session, agent_id)
            return [] if worker is None else keeping.proofs(session, worker)

        return {"credentials": node.store.read(read)}

    node.serve_route("POST", keeping.PATH, json_route(take))
    node.serve_route("GET", "/driver/insurance/coverage", json_route(mine))
