"""A division asked for as JSON, at the desk of the running node or by the command itself."""

import asyncio
from collections.abc import Callable
from datetime import date
from typing import Any

from aiohttp import web
from pydantic import Field

from bpp.insurance.surplus import booking
from bpp.insurance.surplus.booking import Asked, Division, Terms
from bpp.ledger.money_facts import REFERENCE
from bpp.units import kept
from protocol_specs.node.api import ApiError, Routes, serve_json
from protocol_specs.node.asked import Body
from protocol_specs.node.server import Node
from protocol_specs.node.store import Session, Store
from protocol_specs.wire import money
from protocol_specs.wire.errors import Malformed

PATH = "/desk/surplus"
ID = f"^{REFERENCE}$"


class SurplusAsked(Body):
    """A sum, the days whose work it is divided by, and whether only to look."""

    reference: str = Field(pattern=ID)
    amount: str = Field(max_length=32)
    first: date
    last: date
    by: str = Field(pattern=ID)
    dry_run: bool = False

    def asked(self, currency: str) -> Asked:
        """The same in minor units. Raises Malformed."""
        minor = money.minor_units(self.amount, currency)
        return Asked(reference=self.reference, amount_minor=minor, first=self.first, last=self.last)


def add(node: Node, terms: Terms, require_desk: Callable[[web.Request], None]) -> None:
    """Serves POST /desk/surplus on this node; `require_desk` raises ApiError for strangers."""

    async def divide(request: web.Request, body: SurplusAsked) -> dict[str, Any]:
        """Books it, or with `dry_run` tells what it would book. The sums are made beside the
        node's loop."""
        require_desk(request)
        now, at = node.now(), node.settings.store_at
        try:
            asked = body.asked(terms.currency)
        except Malformed as fault:
            raise ApiError(400, "bad_amount", fault.reason, "/amount") from None
        try:
            found = await asyncio.to_thread(
                Store.read_once, at, lambda s: booking.divide(s, terms, asked, now)
            )
        except booking.NotDivided as refused:
            raise ApiError(409, "refused", str(refused)) from None
        if body.dry_run:
            return shown(found)

        def unit(session: Session) -> dict[str, Any]:
            booking.book(session, terms, found, by=body.by, now=now)
            return shown(found)

        return await kept(node.store, unit)

    routes: Routes = [("POST", PATH, divide)]
    serve_json(node, routes)


def done(session: Session, terms: Terms, body: SurplusAsked, now: int) -> dict[str, Any]:
    """The same in one transaction, for a command beside a stopped node."""
    found = booking.divide(session, terms, body.asked(terms.currency), now)
    if not body.dry_run:
        booking.book(session, terms, found, by=body.by, now=now)
    return shown(found)


def shown(found: Division) -> dict[str, Any]:
    """Each worker's work and part, JSON-ready."""
    return {
        "reference": found.asked.reference,
        "amount_minor": found.asked.amount_minor,
        "parts": [
            {"worker": worker, "work": found.work[worker], "minor": minor}
            for worker, minor in found.parts.items()
        ],
    }
