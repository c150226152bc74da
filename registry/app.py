"""The registry node: /subscribe with its challenge, /lookup, and the operator's JSON API."""

import asyncio
import hmac
import secrets
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from aiohttp import web
from pydantic import BaseModel, ConfigDict

from protocol_specs.node.api import ApiError, bearer, json_response, json_route
from protocol_specs.node.buckets import Buckets
from protocol_specs.node.client import Undelivered
from protocol_specs.node.http_answers import refusal_response
from protocol_specs.node.loops import outcome
from protocol_specs.node.server import Node
from protocol_specs.node.settings import load, private_file, read_secret
from protocol_specs.node.store import Row, Session
from protocol_specs.wire import challenge, envelope, keys, strict_json
from protocol_specs.wire.envelope import SubscriberType
from protocol_specs.wire.errors import Malformed, Overloaded, RateLimited, Refused, TooLarge
from registry import applications, directory
from registry.settings import RegistryNodeSettings
from registry.tables import METADATA, TRIGGERS

BODY_BYTES_MAX = 65_536
RETRY_S = (1, 2, 4, 8, 16)
CHALLENGES_AT_ONCE = 8
LEASE_S = 60  # longer than any challenge takes; after a crash it is made again
LOOKUP_NAMES = ("subscriber_id", "type", "domain", "country", "city", "status")
KEY_SPELLINGS = ("unique_key_id", "key_id", "ukId")


class Reason(BaseModel):
    """Why the operator did it, for the record of changes."""

    model_config = ConfigDict(extra="forbid")

    reason: str = ""


class Registry:
    """The registry's routes and its one loop, over the directory."""

    def __init__(self, node: Node, settings: RegistryNodeSettings) -> None:
        self.node = node
        self.settings = settings
        self.wake = asyncio.Event()
        self.encryption_key = keys.encryption_key(
            read_secret(settings.encryption_key, key="encryption_key")
        )
        self.operator_token = private_file(settings.data_dir / "operator.token")
        bounds = settings.bounds
        self._subscribes = Buckets(bounds.subscribe_per_s, burst=bounds.subscribe_burst)
        self._lookups = Buckets(bounds.lookup_per_s, burst=2 * bounds.lookup_per_s)

    def _pace(self, buckets: Buckets, request: web.Request) -> None:
        """Raise RateLimited when the request's address has asked too often."""
        wait_s = buckets.take(self.node.address_of(request), self.node.now())
        if wait_s:
            raise RateLimited(
                f"too many requests from your address; wait {wait_s} s", retry_after_s=wait_s
            )

    async def subscribe(self, request: web.Request) -> web.StreamResponse:
        """POST /subscribe: check, write, answer; the challenge follows."""
        try:
            self._pace(self._subscribes, request)
            body = await bounded_body(request)
            claim = envelope.claim(
                request.headers, body, self.node.now(), receiver=self.node.receiver
            )
            application = applications.read_application(strict_json.parse(body))
            self._judge(application)
            await self.node.store.transact(lambda s: self._apply(s, application, claim))
        except Refused as refused:
            return refusal_response(refused)
        self.wake.set()
        return json_response({"status": "UNDER_SUBSCRIPTION"})

    def _judge(self, application: applications.Application) -> None:
        applications.judge(
            application,
            policy=self.settings.policy,
            domains=frozenset(self.settings.domains),
            development=self.settings.network == "development",
            now=self.node.now(),
        )

    def _apply(
        self, session: Session, application: applications.Application, claim: envelope.Claim
    ) -> None:
        now = self.node.now()
        rows = session.all(directory.CURRENT_KEYS, subscriber_id=application.subscriber_id, now=now)
        current = {row["unique_key_id"]: row["signing_public_key"] for row in rows}
        applications.authenticate(application, claim.sender, claim.digest, current)
        self._find_room(session, application.subscriber_id, takes_part=bool(current))
        directory.apply(session, application, now=now)

    def _find_room(self, session: Session, who: str, *, takes_part: bool) -> None:
        """Raise when too many applications are open. Strangers cannot use up the place of who
        takes part already: in its name nobody else can apply."""
        bounds = self.settings.bounds
        if directory.count_waiting(session, who) >= bounds.open_per_subscriber_max:
            raise RateLimited(
                f"{bounds.open_per_subscriber_max} applications of {who} are open: wait until one "
                "is decided",
                path="/subscriber_id",
                retry_after_s=60,
            )
        if not takes_part and directory.count_waiting(session) >= bounds.open_max:
            raise Overloaded(
                "too many applications are open here; try again later", retry_after_s=60
            )

    async def challenge_next(self, now: int) -> bool:
        """Challenge one application; says whether one waited. Several of these run at once, so
        that endpoints that do not answer hold up nobody else."""
        if self.node.store.read(lambda s: s.one(directory.NEXT_CHALLENGE, now=now)) is None:
            return False
        row = await self.node.store.transact(
            lambda s: directory.next_challenge(s, now=now, until=now + LEASE_S)
        )
        if row is None:
            return False
        fault = await outcome(self._challenge(directory.read_document(row["document"])))
        if isinstance(fault, Exception):
            self.node.telemetry.fault("challenge", fault)
            fault = "the registry could not challenge it"
        await self.node.store.transact(partial(self._challenged, row=row, fault=fault))
        return True

    async def _challenge(self, application: applications.Application) -> str | None:
        """None if the endpoint decrypted a fresh challenge, else what went wrong.

        A challenge is made once and never repeated, so an old answer is worth nothing. It names
        the key that it is about: a node must not answer for the key of somebody else.
        """
        plain = secrets.token_hex(16)
        public = keys.strict_b64decode(application.encryption_public_key)
        question = {
            "subscriber_id": application.subscriber_id,
            "signing_public_key": application.signing_public_key,
            "challenge": challenge.encrypt(plain, self.encryption_key, public),
        }
        try:
            answer = await self.node.client.call(
                application.url, "/on_subscribe", strict_json.dumps(question)
            )
            given = strict_json.parse(answer).get("answer")
        except Undelivered as undelivered:
            return f"{application.url}/on_subscribe: {undelivered}"
        except Malformed as malformed:
            return f"{application.url}/on_subscribe answered no JSON object: {malformed.reason}"
        if not isinstance(given, str) or not hmac.compare_digest(given.encode(), plain.encode()):
            return f"{application.url}/on_subscribe answered the challenge wrongly"
        return None

    def _challenged(self, session: Session, row: Row, fault: str | None) -> None:
        now = self.node.now()
        try:
            if fault is None:
                self._passed(session, row, now)
            elif row["tries"] + 1 < self.settings.policy.challenge_tries_max:
                wait = RETRY_S[min(row["tries"], len(RETRY_S) - 1)]
                directory.move(session, row, "challenge", now=now, reason=fault, next_at=now + wait)
            else:
                directory.refuse(session, row, now=now, reason=fault)
        except applications.NotAllowed as refused:
            directory.refuse(session, row, now=now, reason=refused.reason)

    def _passed(self, session: Session, row: Row, now: int) -> None:
        if self._may_grant(session, directory.read_document(row["document"])):
            directory.grant(session, row, actor="policy", now=now)
        else:
            directory.move(session, row, "approval", now=now, reason="the operator's approval")
        directory.supersede(session, row, now=now)

    def _may_grant(self, session: Session, application: applications.Application) -> bool:
        """Whether policy alone admits it: a listed type; and of who takes part already, no other
        role, never suspended, and a key that was its own before (the challenge alone proves an
        endpoint, not that a new key belongs to it)."""
        if application.type not in self.settings.policy.automatic:
            return False
        rows = session.all(directory.ROLES_OF, subscriber_id=application.subscriber_id)
        if rows and not directory.holds_key(session, application):
            return False
        return all(
            row["type"] == application.type and row["status"] == "SUBSCRIBED" for row in rows
        )

    async def lookup(self, request: web.Request) -> web.StreamResponse:
        """POST /lookup: a partial record in, the records that match out; [] when none does.

        SUBSCRIBED only unless `status` asks otherwise; `status` INITIATED or UNDER_SUBSCRIPTION
        with a subscriber_id shows that subscriber's open application and what it waits for.
        """
        try:
            self._pace(self._lookups, request)
            filters = read_filters(strict_json.parse(await bounded_body(request)))
        except Refused as refused:
            return refusal_response(refused)
        status = filters.pop("status", "SUBSCRIBED")
        if status in {"INITIATED", "UNDER_SUBSCRIPTION"}:
            who = filters.get("subscriber_id", "")
            open_rows = self.node.store.read(lambda s: s.all(directory.OPEN_OF, subscriber_id=who))
            return json_response(directory.waiting(open_rows))
        rows = self.node.store.read(
            lambda s: directory.find(s, filters, status=status, now=self.node.now())
        )
        return json_response([directory.record(row) for row in rows])

    def operator(self, request: web.Request) -> None:
        """Raise unless the request carries the operator's token."""
        if not hmac.compare_digest(bearer(request).encode(), self.operator_token.encode()):
            raise ApiError(401, "unauthorized", "this is not the operator's token")

    async def participants(self, request: web.Request) -> dict[str, Any]:
        """GET /operator/participants: who takes part, who is suspended, who waits and for what."""
        self.operator(request)
        now = self.node.now()

        def everything(session: Session) -> dict[str, Any]:
            return {
                status.lower(): [
                    directory.record(row)
                    for row in directory.find(session, {}, status=status, now=now)
                ]
                for status in ("SUBSCRIBED", "UNSUBSCRIBED")
            } | {"waiting": directory.waiting(session.all(directory.OPEN))}

        return self.node.store.read(everything)

    async def approve(self, request: web.Request) -> dict[str, Any]:
        """POST /operator/participants/{id}/approve: grant its application, or lift a suspension."""
        self.operator(request)
        who = request.match_info["subscriber_id"]
        return {"subscriber_id": who, "status": await self._transact(self._approve, who, "")}

    def _approve(self, session: Session, who: str, reason: str) -> str:
        now = self.node.now()
        row = session.one(directory.OPEN_OF, subscriber_id=who)
        if row is not None and row["state"] == "approval":
            directory.grant(session, row, actor="operator", now=now)
            directory.supersede(session, row, now=now)
        elif session.run(directory.SET_STATUS, of=who, to="SUBSCRIBED", now=now):
            directory.note(session, who, "reinstated", actor="operator", now=now, reason=reason)
        elif row is not None and row["state"] == "challenge":
            raise ApiError(409, "challenge_open", f"{who} has not answered its challenge yet")
        elif row is not None and row["state"] == "refused":
            raise ApiError(409, "challenge_failed", f"{who} must join again: {row['reason']}")
        else:
            reason = f"{who} has no application that waits, and is not suspended"
            raise ApiError(404, "unknown", reason)
        return "SUBSCRIBED"

    async def suspend(self, request: web.Request, body: Reason) -> dict[str, Any]:
        """POST /operator/participants/{id}/suspend: nobody finds or trusts it from now on."""
        self.operator(request)
        who = request.match_info["subscriber_id"]
        return {
            "subscriber_id": who,
            "status": await self._transact(self._suspend, who, body.reason),
        }

    def _suspend(self, session: Session, who: str, reason: str) -> str:
        now = self.node.now()
        if not session.run(directory.SET_STATUS, of=who, to="UNSUBSCRIBED", now=now):
            raise ApiError(404, "unknown", f"{who} does not take part, or is suspended already")
        directory.note(session, who, "suspended", actor="operator", now=now, reason=reason)
        return "UNSUBSCRIBED"

    async def _transact(self, unit: Any, who: str, reason: str) -> str:
        status: str = await self.node.store.transact(lambda s: unit(s, who, reason))
        return status


async def bounded_body(request: web.Request) -> bytes:
    """The body, which the shell has read already; raises TooLarge beyond 64 KiB."""
    body = await request.read()
    if len(body) > BODY_BYTES_MAX:
        raise TooLarge(f"the body is larger than {BODY_BYTES_MAX} bytes")
    return body


def read_filters(document: dict[str, Any]) -> dict[str, str]:
    """The filters of a /lookup body under our names; fields it does not know are left aside."""
    filters = {name: document[name] for name in LOOKUP_NAMES if name in document}
    for spelling in KEY_SPELLINGS:
        if spelling in document:
            filters["unique_key_id"] = document[spelling]
    for name, code in applications.codes_of(document.get("location")).items():
        filters.setdefault(name, code)
    for name, value in filters.items():
        if not isinstance(value, str) or not 0 < len(value) <= 255:
            raise Malformed(f"{name} must be a text of 1 to 255 characters", path=f"/{name}")
    return filters


def assemble(settings: RegistryNodeSettings, *, clock: Callable[[], float] = time.time) -> Node:
    """The registry's parts put together, not yet listening."""
    node = Node(
        settings,
        type=SubscriberType.REGISTRY,
        metadata=METADATA,
        triggers=TRIGGERS,
        clock=clock,
    )
    registry = Registry(node, settings)
    node.serve_route("POST", "/subscribe", registry.subscribe)
    node.serve_route("POST", "/lookup", registry.lookup)
    node.serve_route("GET", "/operator/participants", json_route(registry.participants))
    operate = "/operator/participants/{subscriber_id:.+}"
    node.serve_route("POST", f"{operate}/approve", json_route(registry.approve))
    node.serve_route("POST", f"{operate}/suspend", json_route(registry.suspend))
    for _ in range(CHALLENGES_AT_ONCE):
        node.add_loop("challenge", registry.challenge_next, wake=registry.wake)
    node.add_loop("applications", directory.prune_next, wake=asyncio.Event())
    return node


def build(config: Path) -> Node:
    """The registry of a settings file, ready to run."""
    return assemble(load(config, RegistryNodeSettings))
