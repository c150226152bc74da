"""Asking providers: opens a call, then sends it at once (passing) or owes it (durable)."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bap import calls, rows
from bap.calls import Call
from bap.decide import refused
from bap.journey import Event, Journey, State, intent_bytes
from bap.order_wishes import LISTS
from bap.settings import BapSettings, Market
from bap.wishes import Request, said
from protocol_specs.node.api import ApiError
from protocol_specs.node.client.client import Undelivered
from protocol_specs.node.messages.owing import owe
from protocol_specs.node.server import Node
from protocol_specs.node.store import Session
from protocol_specs.wire import duration, strict_json
from protocol_specs.wire.context import new_context
from protocol_specs.wire.order import Intent
from protocol_specs.wire.parties import Subscriber, SubscriberType, callback_of
from protocol_specs.wire.values import replace

DURABLE = frozenset({"init", "confirm", "update", "cancel", "rating"})
GATEWAYS_MAX = 5
REASON_CHARS_MAX = 300

Wish = Callable[[Session, Journey, int], Request]


@dataclass(frozen=True, slots=True)
class Sent:
    """A request that is on its way."""

    journey_id: str
    message_id: str


def hash_secret(secret: str) -> bytes:
    """What is kept of a journey's secret."""
    return hashlib.sha256(secret.encode()).digest()


class Asking:
    """The consumer's side of every exchange, on one node."""

    def __init__(self, node: Node, settings: BapSettings) -> None:
        self._node = node
        self._settings = settings

    async def search(self, market: Market, intent: Intent) -> tuple[Sent, str]:
        """Opens a journey and searches; its secret is told here and never again.

        The gateways of the domain are tried one after the other until one ACKs. Raises ApiError,
        and keeps nothing, when there is none or none does.
        """
        gateways = await self._node.keyring.find(type=SubscriberType.BG, domain=market.domain)
        if not gateways:
            reason = f"no gateway serves {market.name} now; nobody could be asked"
            raise ApiError(503, "no_gateway", reason)
        intent = replace(intent, bap_terms=self._settings.terms.terms())
        secret = secrets.token_urlsafe(32)
        journey = self._new_journey(market, intent, secret)
        call = self._call(journey, "search", None)
        message = said(lambda: journey.speech.write_search(intent))
        body = self._body(journey, call, message, None)

        def begin(session: Session) -> None:
            rows.add(session, journey)
            calls.open_call(session, call)

        await self._node.store.transact(begin)
        try:
            await self._send_to_one(gateways[:GATEWAYS_MAX], journey, call, body)
        except ApiError:
            await self._node.store.transact(lambda session: rows.drop(session, journey.id))
            raise
        return Sent(journey.id, call.message_id), secret

    async def ask(self, journey: Journey, bpp_id: str, action: str, wish: Wish) -> Sent:
        """Asks the provider `bpp_id`. `wish` decides, in the transaction that opens the call.

        A durable request is written with the journey and sent by the outbox; a passing one is sent
        here, and raises ApiError if the provider will not answer it: not for a list, which has
        a substitute.
        """
        provider = await self.provider(journey.domain, bpp_id)

        def begin(session: Session) -> tuple[Call, bytes]:
            return self._begin(session, journey.id, provider, wish)

        call, body = await self._node.store.transact(begin)
        if action not in DURABLE:
            await self._send(journey, call, provider, body)
        return Sent(journey.id, call.message_id)

    def _begin(
        self, session: Session, journey_id: str, provider: Subscriber, wish: Wish
    ) -> tuple[Call, bytes]:
        now = self._node.now()
        before = rows.lock(session, journey_id)
        if before is None:
            raise ApiError(404, "journey_unknown", "there is no such journey")
        request = wish(session, before, now)
        if request.journey.bpp_id != provider.subscriber_id:
            raise ApiError(409, "offer_changed", "another offer was selected meanwhile")
        # After this point the request is made.
        call = self._call(request.journey, request.action, provider.subscriber_id, request.soft)
        calls.open_call(session, call, supersedes=request.supersedes)
        asked = Event("asked", {"action": request.action, "state": request.journey.state})
        rows.save(session, before, request.journey, (asked,), now)
        body = self._body(request.journey, call, request.message, provider)
        if request.action in DURABLE:
            self._owe(session, request.journey, call, provider, body)
        return call, body

    def _owe(
        self, session: Session, journey: Journey, call: Call, provider: Subscriber, body: bytes
    ) -> None:
        owe(
            session,
            receiver_id=provider.subscriber_id,
            receiver_url=provider.url,
            transaction_id=journey.transaction_id,
            action=call.action,
            message_id=call.message_id,
            body=body,
            now=call.opened_at,
            expires_at=call.expires_at,
        )

    async def provider(self, domain: str, bpp_id: str) -> Subscriber:
        """The provider's registered record: the url it is called at, whatever its messages say."""
        found = await self._node.keyring.find(
            type=SubscriberType.BPP, domain=domain, subscriber_id=bpp_id
        )
        if not found:
            raise ApiError(503, "provider_gone", f"{bpp_id} is not on the network any more")
        return found[0]

    async def _send_to_one(
        self, gateways: list[Subscriber], journey: Journey, call: Call, body: bytes
    ) -> None:
        said = []
        for gateway in gateways:
            fault = await self._deliver(gateway, journey, call, body)
            if fault is None:
                return
            said.append(f"{gateway.subscriber_id}: {fault[1]}")
        raise ApiError(502, "search_failed", f"no gateway took the search ({'; '.join(said)})")

    async def _send(self, journey: Journey, call: Call, provider: Subscriber, body: bytes) -> None:
        fault = await self._deliver(provider, journey, call, body)
        if fault is None:
            return
        code, reason = fault
        await self._node.store.transact(lambda session: self._note(session, call, code, reason))
        if call.action in LISTS:
            return
        raise ApiError(502, "provider_refused", f"{provider.subscriber_id}: {reason}")

    async def _deliver(
        self, receiver: Subscriber, journey: Journey, call: Call, body: bytes
    ) -> tuple[str | None, str] | None:
        """None once it is ACKed, else code and reason. Either is logged and counted."""
        try:
            answer = await self._node.client.send(url=receiver.url, action=call.action, body=body)
        except Undelivered as undelivered:
            self._log("given_up", receiver, journey, call, error=type(undelivered).__name__)
            return None, undelivered.reason
        if answer.acked:
            self._log("sent", receiver, journey, call)
            return None
        self._log("given_up", receiver, journey, call, code=answer.code)
        return answer.code, (answer.message or "it refused")[:REASON_CHARS_MAX]

    def _log(
        self, event: str, receiver: Subscriber, journey: Journey, call: Call, **why: Any
    ) -> None:
        self._node.telemetry.log(
            event,
            action=call.action,
            transaction_id=journey.transaction_id,
            message_id=call.message_id,
            peer=receiver.subscriber_id,
            **why,
        )

    def _note(self, session: Session, call: Call, code: str | None, reason: str) -> None:
        """Writes that a request will have no answer."""
        before = rows.lock(session, call.journey_id)
        calls.close_call(session, call.message_id, "refused")
        if before is None or call.action in LISTS:
            return
        now = self._node.now()
        outcome = refused(before, callback_of(call.action), code, reason, now)
        rows.save(session, before, *outcome, now)

    def _call(self, journey: Journey, action: str, bpp_id: str | None, soft: bool = False) -> Call:
        now = self._node.now()
        return Call(
            message_id=str(uuid.uuid4()),
            journey_id=journey.id,
            action=action,
            bpp_id=bpp_id,
            soft=soft,
            opened_at=now,
            expires_at=now + self._settings.ask_ttl_s,
            outcome=None,
        )

    def _body(
        self, journey: Journey, call: Call, message: dict[str, Any] | None, to: Subscriber | None
    ) -> bytes:
        """The bytes to be signed and sent. Without a message the context says it all."""
        context = new_context(
            action=call.action,
            domain=journey.domain,
            version=journey.speech.traits.versions[0],
            city=journey.city,
            country=journey.country,
            bap_id=self._settings.subscriber_id,
            bap_uri=self._settings.url,
            bpp_id=to.subscriber_id if to else None,
            bpp_uri=to.url if to else None,
            transaction_id=journey.transaction_id,
            message_id=call.message_id,
            now_ms=self._node.now_ms(),
            ttl=duration.text(self._settings.ask_ttl_s),
            is_flat=journey.speech.traits.is_flat,
        )
        said_too = {} if message is None else {"message": message}
        return strict_json.dumps({"context": context, **said_too})

    def _new_journey(self, market: Market, intent: Intent, secret: str) -> Journey:
        now = self._node.now()
        return Journey(
            id=str(uuid.uuid4()),
            secret_hash=hash_secret(secret),
            kind=market.kind,
            domain=market.domain,
            dialect=market.dialect,
            city=market.city,
            country=market.country,
            currency=market.currency,
            transaction_id=str(uuid.uuid4()),
            state=State.SEARCHING,
            version=0,
            intent=intent_bytes(intent),
            created_at=now,
            updated_at=now,
        )
