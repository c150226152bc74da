"""What participants say of themselves: /subscribe with its challenge, /unsubscribe, /retire."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from aiohttp import ClientSSLError, web

from protocol_specs.node.api import json_response
from protocol_specs.node.buckets import Buckets
from protocol_specs.node.client.client import Undelivered
from protocol_specs.node.loops import outcome
from protocol_specs.node.server import Node
from protocol_specs.node.store import Row, Session
from protocol_specs.node.trust.records import KEY_ID
from protocol_specs.web.pacing import Pace
from protocol_specs.wire import claims, keys, strict_json
from protocol_specs.wire.errors import (
    Malformed,
    Overloaded,
    RateLimited,
    Refused,
    Unauthenticated,
)
from protocol_specs.wire.signing import verify_header
from registry import applications, changes, directory, participants, pending
from registry.answers import refusal
from registry.applications import Application
from registry.challenges import Challenges
from registry.faults import Fault, NotAllowed, Told, Unreadable
from registry.lookups import bounded_body, pace
from registry.reading import KEY_NAME, Place, Reader, Rules, read_application
from registry.settings import RegistryNodeSettings

RETRY_S = (1, 2, 4, 8, 16)
CHALLENGES_AT_ONCE = 32
CHALLENGE_S = 20  # for all urls of an application
FAULT_CHARS_MAX = 500  # what an endpoint answered is shown, not all of it
APPLIED = "applied"  # notified for the worker that challenges
LEASE_S = 60  # longer than any challenge takes; after a crash it is made again


Change = Callable[[Session, claims.Claim, dict[str, Any]], dict[str, Any]]


class Failed(NamedTuple):
    """Why a challenge was not passed, and the status word for it if there is one."""

    reason: str
    status: str = ""

    @classmethod
    def at(cls, url: str, why: str, status: str = "") -> Failed:
        """What that url's endpoint did wrong."""
        return cls(f"{url}/on_subscribe {why}"[:FAULT_CHARS_MAX], status)


class Subscriptions:
    """The routes that change the directory, and the loop that challenges who applied."""

    def __init__(self, node: Node, settings: RegistryNodeSettings, challenges: Challenges) -> None:
        self._node, self._settings = node, settings
        self._wake = asyncio.Event()
        self._challenges = challenges
        bounds = settings.bounds
        workers = node.share.of
        self._paced = Buckets(
            bounds.subscribe_per_s / workers, burst=bounds.subscribe_burst / workers
        )
        per_h = bounds.changes_per_subscriber_per_h
        self._tries = Buckets(per_h / 3600, burst=per_h)
        self._changes = Pace("changes of", every_s=3600 / per_h, burst=per_h)
        node.store.listen(APPLIED, lambda _: self._wake.set())

    def add_routes(self) -> None:
        """Opens them, and starts the challenges with the node."""
        self._node.serve_route("POST", "/subscribe", self.subscribe)
        self._node.serve_route("POST", "/unsubscribe", self.unsubscribe)
        self._node.serve_route("POST", "/retire", self.retire)
        for _ in range(CHALLENGES_AT_ONCE):
            self._node.add_loop("challenge", self.challenge_next, wake=self._wake)
        self._node.add_loop("applications", pending.prune_next, wake=asyncio.Event())

    # Applying

    async def subscribe(self, request: web.Request) -> web.StreamResponse:
        """POST /subscribe: check, write, answer; the challenge follows. The answer names the fields
        that have no effect, with the reason."""
        try:
            claim, document = await self._signed(request)
            application, ignored = read_application(document, self._rules())
            await self._node.store.transact(lambda s: self._apply(s, application, claim))
        except Refused as refused:
            return self._refused("subscribe", refused)
        self._node.telemetry.log("accepted", action="subscribe", peer=application.subscriber_id)
        answer: dict[str, Any] = {"status": "UNDER_SUBSCRIPTION"}
        if ignored:
            answer["ignored"] = [fault._asdict() for fault in ignored]
        return json_response(answer)

    def _refused(self, action: str, refused: Refused) -> web.Response:
        """The NACK, and a line of our log: codes and paths, never what stood there."""
        paths = [f.path for f in refused.faults] if isinstance(refused, Told) else [refused.path]
        told = [path for path in paths if path is not None]
        self._node.telemetry.log("refused", action=action, code=refused.code, paths=told)
        return refusal(refused)

    async def _signed(self, request: web.Request) -> tuple[claims.Claim, dict[str, Any]]:
        """Who says they signed the body, and the body; nothing is verified yet but times."""
        pace(self._node, self._paced, request)
        body = await bounded_body(request)
        claim = claims.claim(request.headers, body, self._node.now(), receiver=self._node.receiver)
        return claim, strict_json.parse(body)

    def _rules(self) -> Rules:
        settings = self._settings
        development = settings.network == "development"
        domains = frozenset(settings.domains)
        return Rules(settings.policy, domains, development, self._node.now())

    def _apply(self, session: Session, application: Application, claim: claims.Claim) -> None:
        now, who = self._node.now(), application.subscriber_id
        changes.alone(session)
        current = directory.current_keys(session, who, now)
        kind = applications.authenticate(application, claim.sender, claim.digest, current)
        if current:
            self._pace_changes(session, who)
        self._find_room(session, who, takes_part=bool(current))
        participants.check_key(session, application)
        if kind == "key":
            most = self._settings.policy.keys_max
            participants.check_addition(session, application, now=now, most=most)
        signer = claim.sender.key_id.unique_key_id if current else ""
        pending.apply(session, application, kind=kind, signer=signer, now=now)
        session.notify(APPLIED)

    def _pace_changes(self, session: Session, who: str) -> None:
        """Raise RateLimited when a subscriber, proven to be it, changes too often: each change is
        an entry of the log for ever, and a new snapshot for everybody. Several workers count
        changes together, and each what is refused."""
        now = self._node.now()
        wait_s = self._tries.take(who, now)
        if not wait_s and self._node.share.of > 1:
            wait_s = self._changes.take_of_all(session, who, now)
        if wait_s:
            told = f"you have changed too often lately; wait {wait_s} s"
            raise RateLimited(told, path="/subscriber_id", retry_after_s=wait_s)

    def _find_room(self, session: Session, who: str, *, takes_part: bool) -> None:
        """Raise when too many applications are open. Strangers cannot use up the place of who
        takes part already: in its name nobody else can apply."""
        bounds = self._settings.bounds
        is_full = pending.count_waiting(session, who) >= bounds.open_per_subscriber_max
        if is_full and (takes_part or not pending.make_room(session, who, now=self._node.now())):
            raise RateLimited(
                f"{bounds.open_per_subscriber_max} applications of {who} are open: wait until one "
                "is decided",
                path="/subscriber_id",
                retry_after_s=60,
            )
        if not takes_part and pending.count_waiting(session) >= bounds.open_max:
            raise Overloaded(
                "too many applications are open here; try again later", retry_after_s=60
            )

    # The challenge

    async def challenge_next(self, now: int) -> bool:
        """Challenge one application; says whether one waited. Several of these run at once, so
        that endpoints that do not answer hold up nobody else."""
        store = self._node.store
        if store.read(lambda s: s.one(pending.NEXT_CHALLENGE, now=now)) is None:
            return False
        row = await store.transact(
            lambda s: pending.next_challenge(s, now=now, until=now + LEASE_S)
        )
        if row is None:
            return False
        failed = await outcome(self._challenge(applications.read_document(row["document"])))
        if isinstance(failed, Exception):
            self._node.telemetry.fault("challenge", failed)
            failed = Failed("the registry could not challenge it")
        await store.transact(partial(self._challenged, row=row, failed=failed))
        return True

    async def _challenge(self, application: Application) -> Failed | None:
        """None if the endpoint of every url decrypted a fresh challenge, else what went wrong."""
        try:
            async with asyncio.timeout(CHALLENGE_S):
                return await self._challenge_each(application)
        except TimeoutError:
            return Failed(f"its urls took more than {CHALLENGE_S} s to answer")

    async def _challenge_each(self, application: Application) -> Failed | None:
        for url in application.urls:
            try:
                await self._challenge_at(url, application)
            except Undelivered as undelivered:
                is_tls = isinstance(undelivered.__cause__, ClientSSLError)
                why = f"could not be asked: {undelivered}"
                return Failed.at(url, why, "INVALID_SSL" if is_tls else "")
            except Malformed as malformed:
                return Failed.at(url, malformed.reason)
        return None

    async def _challenge_at(self, url: str, application: Application) -> None:
        await self._challenges.ask(
            url,
            subscriber_id=application.subscriber_id,
            signing_public_key=application.signing_public_key,
            encryption_public_key=application.encryption_public_key,
        )

    def _challenged(self, session: Session, row: Row, failed: Failed | None) -> None:
        now = self._node.now()
        changes.alone(session)
        try:
            if failed is None:
                self._passed(session, row, now)
                return
            again = row["tries"] + 1 < self._settings.policy.challenge_tries_max
            state = "challenge" if again else "refused"
            next_at = now + RETRY_S[min(row["tries"], len(RETRY_S) - 1)]
            why, status = failed
            pending.move(session, row, state, now=now, reason=why, fault=status, next_at=next_at)
        except NotAllowed as refused:
            pending.move(session, row, "refused", now=now, reason=refused.reason)

    def _passed(self, session: Session, row: Row, now: int) -> None:
        """The endpoint proved itself: a key is added, who may come in comes in, others wait."""
        application = applications.read_document(row["document"])
        if row["kind"] == "key":
            participants.add_key(session, row, now=now)
        else:
            why = participants.needs_approval(session, application, self._settings.policy)
            if why is None:
                participants.grant(session, row, who="policy", now=now)
            else:
                pending.move(session, row, "approval", now=now, reason=why)
        pending.supersede(session, row, now=now)

    # Leaving

    async def unsubscribe(self, request: web.Request) -> web.StreamResponse:
        """POST /unsubscribe `{action, subscriber_id, type?, domain?}`, signed with a current key:
        what it takes part as ends now, all of it or what is named. Its keys stay its own."""
        return await self._change_by_signature("unsubscribe", request, self._unsubscribe)

    async def retire(self, request: web.Request) -> web.StreamResponse:
        """POST /retire `{action, subscriber_id, key_id}`, signed with another current key: that key
        ends now, for ever."""
        return await self._change_by_signature("retire", request, self._retire)

    async def _change_by_signature(
        self, action: str, request: web.Request, change: Change
    ) -> web.StreamResponse:
        """`change`, if the body says that this is what was meant: a signature is over the body and
        not over the path, and a participant that asks after itself signs the same names."""
        try:
            claim, document = await self._signed(request)
            if document.get("action") != action:
                raise Unreadable(Fault("/action", f'must be "{action}"'))
            answer = await self._node.store.transact(lambda s: change(s, claim, document))
        except Refused as refused:
            return self._refused(action, refused)
        self._node.telemetry.log("accepted", action=action, peer=answer["subscriber_id"])
        return json_response(answer)

    def _signer(self, session: Session, claim: claims.Claim, document: dict[str, Any]) -> str:
        """The subscriber that the body names and one of whose current keys signed it. Raises."""
        changes.alone(session)
        who = document.get("subscriber_id")
        header = claim.sender
        applications.check_signer(who if isinstance(who, str) else "nobody", header)
        current = directory.current_keys(session, header.key_id.subscriber_id, self._node.now())
        public = current.get(header.key_id.unique_key_id)
        if public is None:
            raise Unauthenticated(f"{header.key_id} is not a current key here")
        verify_header(header, claim.digest, keys.strict_b64decode(public))
        self._pace_changes(session, header.key_id.subscriber_id)
        return header.key_id.subscriber_id

    def _unsubscribe(
        self, session: Session, claim: claims.Claim, document: dict[str, Any]
    ) -> dict[str, Any]:
        who = self._signer(session, claim, document)
        only: dict[str, Any] = {k: document[k] for k in ("type", "domain") if k in document}
        wrong = [name for name, value in only.items() if not isinstance(value, str)]
        if wrong:
            raise Unreadable(*(Fault(f"/{name}", "must be a text") for name in wrong))
        signature = keys.b64encode(claim.sender.signature)
        if not pending.spend(session, signature, until=claim.sender.expires):
            raise Unauthenticated("this was signed for once and is used up: sign it afresh")
        left = participants.set_status(
            session,
            who,
            "LEFT",
            "unsubscribed",
            after=frozenset({"SUBSCRIBED"}),
            who=who,
            now=self._node.now(),
            only=only,
        )
        if not left:
            raise NotAllowed(Fault("/subscriber_id", "does not take part in what this names"))
        return {"subscriber_id": who, "status": "UNSUBSCRIBED"}

    def _retire(
        self, session: Session, claim: claims.Claim, document: dict[str, Any]
    ) -> dict[str, Any]:
        who = self._signer(session, claim, document)
        reader = Reader(self._rules())
        key_id = reader.text(Place(document), KEY_ID, KEY_NAME, "the id of a key")
        reader.refuse()
        if key_id == claim.sender.key_id.unique_key_id:
            raise NotAllowed(
                Fault("/key_id", "sign with another key of yours than the one that ends")
            )
        participants.retire(session, who, key_id, who=who, now=self._node.now())
        return {"subscriber_id": who, "key_id": key_id, "status": "EXPIRED"}
