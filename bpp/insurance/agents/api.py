"""The desk's routes of mandates, filings and agents; a worker's own of the agent they are with."""

from collections.abc import Callable
from typing import Any, TypeVar

from aiohttp import web
from pydantic import Field

from bpp.insurance.agents import attribution, filing, mandates, quality, requests
from bpp.insurance.agents.requests import MandateEnding, NewAgent, NewMandate, Registration
from bpp.units import kept
from protocol_specs.node.api import Routes, serve_json
from protocol_specs.node.asked import StrictBody
from protocol_specs.node.server import Node
from protocol_specs.wire.keys import b64encode

T = TypeVar("T")


class OwnAgent(StrictBody):
    """The agent of a scheme that a worker wants to be with from now on; None: with nobody."""

    scheme: str = Field(max_length=128)
    agent: str | None = Field(max_length=64)


def add(
    node: Node,
    *,
    public: bytes,
    institution_keys: dict[str, str],
    driver_of: Callable[[web.Request], str],
    require_desk: Callable[[web.Request], None],
) -> None:
    """Serves the routes. `public` is the node's ledger key, with which mandates are signed."""
    api = AgentsApi(node, b64encode(public), institution_keys, driver_of, require_desk)
    routes: Routes = [
        ("GET", "/desk/insurance/mandates", api.mandates),
        ("POST", "/desk/insurance/mandates", api.add_mandate),
        ("POST", "/desk/insurance/mandates/{id}/end", api.end_mandate),
        ("GET", "/desk/insurance/filings", api.filings),
        ("GET", "/desk/insurance/agents", api.agents),
        ("POST", "/desk/insurance/agents", api.add_agent),
        ("POST", "/desk/insurance/agents/registrations", api.register),
        ("GET", "/desk/insurance/agents/quality", api.quality),
        ("POST", "/driver/insurance/agent", api.own_agent),
    ]
    serve_json(node, routes)


class AgentsApi:
    """The handlers."""

    def __init__(
        self,
        node: Node,
        key: str,
        institution_keys: dict[str, str],
        driver_of: Callable[[web.Request], str],
        require_desk: Callable[[web.Request], None],
    ) -> None:
        self._node, self._key, self._institution_keys = node, key, institution_keys
        self._driver_of, self._require_desk = driver_of, require_desk

    async def mandates(self, request: web.Request) -> dict[str, Any]:
        """Every mandate that was accepted."""
        self._require_desk(request)
        found = self._node.store.read(mandates.every)
        return {"mandates": [requests.mandate_shown(each) for each in found]}

    async def add_mandate(
        self, request: web.Request, body: NewMandate
    ) -> tuple[int, dict[str, Any]]:
        """Accept a mandate that both have signed, or say why not."""
        self._require_desk(request)
        principal, now = self._node.settings.subscriber_id, self._node.now()
        return 201, await kept(
            self._node.store,
            lambda session: requests.add_mandate(session, body, principal, self._key, now),
        )

    async def end_mandate(self, request: web.Request, body: MandateEnding) -> dict[str, Any]:
        """End a mandate before its own last day."""
        self._require_desk(request)
        id, now = request.match_info["id"], self._node.now()
        return await kept(
            self._node.store, lambda session: requests.end_mandate(session, id, body, now)
        )

    async def filings(self, request: web.Request) -> dict[str, Any]:
        """Who filed what for whom."""
        self._require_desk(request)
        found = self._node.store.read(filing.filings)
        return {"filings": [filing.shown(each) for each in found]}

    async def agents(self, request: web.Request) -> dict[str, Any]:
        """Every social-protection agent."""
        self._require_desk(request)
        found = self._node.store.read(attribution.agents)
        return {"agents": [requests.agent_shown(each) for each in found]}

    async def add_agent(self, request: web.Request, body: NewAgent) -> tuple[int, dict[str, Any]]:
        """Take an agent's record."""
        self._require_desk(request)
        now = self._node.now()
        return 201, await kept(
            self._node.store,
            lambda session: requests.add_agent(session, body, self._institution_keys, now),
        )

    async def register(
        self, request: web.Request, body: Registration
    ) -> tuple[int, dict[str, Any]]:
        """An agent registered a worker or refused one, or the worker left."""
        self._require_desk(request)
        now = self._node.now()
        return 201, await kept(
            self._node.store, lambda session: requests.register(session, body, now)
        )

    async def quality(self, request: web.Request) -> dict[str, Any]:
        """How well each agent did."""
        self._require_desk(request)
        return {"agents": self._node.store.read(quality.records)}

    async def own_agent(self, request: web.Request, body: OwnAgent) -> dict[str, Any]:
        """A worker goes to another agent, or to none: at once, free, and without asking anybody."""
        agent_id, now = self._driver_of(request), self._node.now()
        return await kept(
            self._node.store,
            lambda session: requests.own_agent(session, body.scheme, agent_id, body.agent, now),
        )
