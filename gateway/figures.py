"""The network's public figures: its searches, and what its cooperatives publish of themselves.

A gateway knows searches and nothing of orders. Jobs and contributions are what each cooperative
says at `/figures.json` of its own node, where it keeps back whatever could tell one job or one
worker (docs/operator.md, "Public figures"). They are added up as they are said: nobody has checked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any

import orjson
from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from yarl import URL

from gateway.lately import Lately
from gateway.together import Together
from protocol_specs.node.client.client import Undelivered
from protocol_specs.node.server import Node
from protocol_specs.node.workers.siblings import SiblingUnavailable
from protocol_specs.wire.errors import Overloaded
from protocol_specs.wire.parties import SubscriberType

EVERY_S = 900
EACH_S = 8
BYTES_MAX = 65_536
COOPERATIVES_MAX = 2_000
PATH = "/figures.json"
SUBJECT = "gateway figures"
SUMMED = ("workers", "collected_minor", "remitted_minor", "acknowledged_minor")

Figure = Annotated[int, Field(ge=0, le=2**50)] | None
Text = Annotated[str, Field(max_length=200)]


class _Said(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)


class SchemeSaid(_Said):
    """What a cooperative publishes of one scheme; None is kept back."""

    scheme: Text
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    workers: Figure = None
    collected_minor: Figure = None
    remitted_minor: Figure = None
    acknowledged_minor: Figure = None


class Said(_Said):
    """What a cooperative publishes. Other fields of its document are its own affair."""

    cooperative: Text
    confirmed_jobs: Figure = None
    confirmed_jobs_30_days: Figure = None
    schemes: Annotated[tuple[SchemeSaid, ...], Field(max_length=50, strict=False)] = ()


class Figures:
    """Of one gateway. Cooperatives are asked one after the other, about every 15 minutes, by its
    first worker; the others ask that one."""

    def __init__(self, node: Node, together: Together) -> None:
        self._node, self._together = node, together
        node.siblings.serve(SUBJECT, self._own)
        self._published = Lately(partial(node.siblings.ask, 0, SUBJECT, b""))
        self._waiting: list[str] = []
        self._said: dict[str, tuple[str, Said]] = {}
        self._known: dict[str, str] = {}  # every cooperative, and where it is
        self._begun_at = 0

    async def ask_next(self, now: int) -> bool:
        """Ask one cooperative; says whether there was one."""
        if not self._waiting:
            if 0 <= now - self._begun_at < (EVERY_S if self._known else EVERY_S // 30):
                return False
            self._begun_at = now
            await self._list()
        if not self._waiting:
            return False
        who = self._waiting.pop()
        said = await self._ask(self._known[who])
        if said is None:
            self._said.pop(who, None)
        else:
            self._said[who] = self._known[who], said
        return True

    async def _list(self) -> None:
        """Everybody who is a provider now."""
        found: dict[str, str] = {}
        for domain in self._node.settings.domains:
            try:
                records = await self._node.keyring.find(type=SubscriberType.BPP, domain=domain)
            except Overloaded:  # the registry cannot be asked: what was said before stands
                return
            found.update({record.subscriber_id: _origin(record.url) for record in records})
        known = [(who, origin) for who, origin in found.items() if origin]
        self._known = dict(known[:COOPERATIVES_MAX])
        self._waiting = list(self._known)
        self._said = {who: said for who, said in self._said.items() if who in self._known}

    async def _ask(self, origin: str) -> Said | None:
        """What is published there; None for nothing that can be read."""
        body = bytearray()
        try:
            async with asyncio.timeout(EACH_S):
                await self._node.client.fetch(
                    origin + PATH, etag=None, write=body.extend, bytes_max=BYTES_MAX
                )
            return Said.model_validate_json(bytes(body))
        except (Undelivered, TimeoutError, ValidationError):
            return None

    async def json(self, request: web.Request) -> web.StreamResponse:
        """GET /figures.json: the network's public figures."""
        headers = {"Cache-Control": "public, max-age=60"}
        body = orjson.dumps(await self.shown())
        return web.Response(body=body, content_type="application/json", headers=headers)

    async def shown(self) -> dict[str, Any]:
        """See docs/api.md; cooperatives in order of their names. Raises Overloaded."""
        published, now = await asyncio.gather(self._asked(), self._together.now())
        return {
            "gateway": self._node.receiver.subscriber_id,
            "at": self._node.now(),
            "since": now.since,
            "searches": {"hour": now.hour, "day": now.day},
            **published,
        }

    async def _asked(self) -> dict[str, Any]:
        try:
            published: dict[str, Any] = orjson.loads(await self._published())
        except SiblingUnavailable:
            raise Overloaded("these figures cannot be had now; try again") from None
        return published

    async def _own(self, payload: bytes) -> bytes:
        """What the cooperatives published. Asks no sibling: who asks us waits as long as we."""
        said = sorted(self._said.items(), key=lambda item: item[1][1].cooperative.casefold())
        each = [of for _, (_, of) in said]
        published = {
            "cooperatives": {"known": len(self._known), "publishing": len(each)},
            "confirmed_jobs": _sum(of.confirmed_jobs for of in each),
            "confirmed_jobs_30_days": _sum(of.confirmed_jobs_30_days for of in each),
            "contributions": _contributions(each),
            "by_cooperative": [
                {"subscriber_id": who, "url": f"{origin}/figures", **_of(of)}
                for who, (origin, of) in said
            ],
        }
        return orjson.dumps(published)


def _origin(url: str) -> str:
    """Where a node is by its record; "" for what is no url: other registries may list anything."""
    try:
        return str(URL(url).origin())
    except ValueError:
        return ""


def _of(said: Said) -> dict[str, Any]:
    return said.model_dump(include={"cooperative", "confirmed_jobs", "confirmed_jobs_30_days"})


def _contributions(each: Sequence[Said]) -> list[dict[str, Any]]:
    """By scheme and currency, what those who publish it say together."""
    found: dict[tuple[str, str], list[SchemeSaid]] = {}
    for said in each:
        for scheme in said.schemes:
            found.setdefault((scheme.scheme, scheme.currency), []).append(scheme)
    return [
        {
            "scheme": scheme,
            "currency": currency,
            "cooperatives": len(lines),
            **{name: _sum(getattr(line, name) for line in lines) for name in SUMMED},
        }
        for (scheme, currency), lines in sorted(found.items())
    ]


def _sum(values: Any) -> int | None:
    """Of what is said; None where nobody says anything."""
    known = [value for value in values if value is not None]
    return sum(known) if known else None
