"""The JSON about bank files: the desk makes a payment file, and brings what the bank answers."""

from collections.abc import Callable
from typing import Any

from aiohttp import web

from bpp.insurance.remittance.files import asked
from bpp.insurance.remittance.files.asked import BankFileAsked, PaymentAsked
from bpp.insurance.settings import InsuranceSettings
from bpp.units import kept
from protocol_specs.node.api import json_route
from protocol_specs.node.server import Node
from protocol_specs.node.store import Session


def add(
    node: Node, settings: InsuranceSettings, require_desk: Callable[[web.Request], None]
) -> None:
    """Serve these routes on this node. `require_desk` raises ApiError for strangers."""
    api = BankFilesApi(node, settings, require_desk)
    node.serve_route("POST", asked.PAYMENT, json_route(api.payment))
    node.serve_route("POST", asked.BANK, json_route(api.bank))


class BankFilesApi:
    """The handlers."""

    def __init__(
        self,
        node: Node,
        settings: InsuranceSettings,
        require_desk: Callable[[web.Request], None],
    ) -> None:
        self._node, self._settings, self._require_desk = node, settings, require_desk

    async def payment(self, request: web.Request, body: PaymentAsked) -> dict[str, Any]:
        """The payment file (pain.001) of some remittances; again: the same."""
        now, issuer = self._node.now(), self._node.settings.subscriber_id
        return await self._written(
            request, lambda s: asked.payment(s, self._settings, body, issuer=issuer, now=now)
        )

    async def bank(self, request: web.Request, body: BankFileAsked) -> dict[str, Any]:
        """A bank's answer (pain.002, camt.054); again: nothing changes."""
        now, issuer = self._node.now(), self._node.settings.subscriber_id
        return await self._written(request, lambda s: asked.bank(s, body, issuer=issuer, now=now))

    async def _written(
        self, request: web.Request, unit: Callable[[Session], dict[str, Any]]
    ) -> dict[str, Any]:
        self._require_desk(request)
        return await kept(self._node.store, unit)
