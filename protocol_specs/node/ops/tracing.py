"""The hop query: what this node did with the messages of a transaction, told to who took part.

POST /trace, signed like any message, body `{"transaction_id": "...", "node": ID}` with the id of
the node that is asked: a signature names no receiver, and who is asked must not ask others in the
asker's name. The answer: `{"node", "type", "now", "transaction_id", "hops": [...], "refusals":
[...]}`. This node itself is told all hops here, others those with themselves and those about their
own messages.
`refusals` are the last messages refused at this door that named the asker as their sender: such a
message is not believed, so its transaction is not known.
"""

from __future__ import annotations

from typing import Any

import orjson
from sqlalchemy import bindparam, select

from protocol_specs.node.buckets import Buckets
from protocol_specs.node.client.client import Client
from protocol_specs.node.door.door import JSON, Answer
from protocol_specs.node.messages.tables import Conversation, Owed, Received
from protocol_specs.node.store import Session, Statement, Store
from protocol_specs.node.telemetry.hops import Hop, Hops
from protocol_specs.node.trust.keyring import Keyring
from protocol_specs.node.workers.siblings import Siblings
from protocol_specs.wire import claims, parties, strict_json
from protocol_specs.wire.claims import Headers
from protocol_specs.wire.errors import Malformed, Misaddressed, RateLimited
from protocol_specs.wire.parties import Receiver, Subscriber

SUBJECT = "trace"
ASKED_PER_S = 5  # by one address; twice in a burst
ID_CHARS_MAX = 255
ROWS_MAX = 200

_R, _O, _C = Received.__table__, Owed.__table__, Conversation.__table__
_RECEIVED = Statement(
    select(_R)
    .join(_C, _C.c.id == _R.c.conversation_id)
    .where(_C.c.transaction_id == bindparam("transaction_id"))
    .order_by(_R.c.id)
    .limit(ROWS_MAX)
)
_OWED = Statement(
    select(_O)
    .join(_C, _C.c.id == _O.c.conversation_id)
    .where(_C.c.transaction_id == bindparam("transaction_id"))
    .order_by(_O.c.id)
    .limit(ROWS_MAX)
)


class Tracing:
    """Answers hop queries of one node. `client` holds our own key, for questions by ourselves."""

    def __init__(
        self,
        *,
        receiver: Receiver,
        hops: Hops,
        keyring: Keyring,
        store: Store,
        client: Client,
        siblings: Siblings,
    ) -> None:
        self._receiver, self._hops, self._keyring = receiver, hops, keyring
        self._store, self._client = store, client
        self._siblings = siblings
        siblings.serve(SUBJECT, self._own)
        self._asked = Buckets(ASKED_PER_S, burst=2 * ASKED_PER_S)

    async def answer(self, headers: Headers, body: bytes, *, address: str, now: int) -> Answer:
        """The hops of the transaction that is asked about. Raises Refused."""
        wait_s = self._asked.take(address, now)
        if wait_s:
            raise RateLimited("too many questions from your address", retry_after_s=wait_s)
        claim = claims.claim(headers, body, now, receiver=self._receiver)
        asker = claim.sender.key_id.subscriber_id
        claims.authenticate(claim, await self._keys(claim), now, receiver=self._receiver)
        question = strict_json.parse(body)
        if question.get("node") != self._receiver.subscriber_id:
            raise Misaddressed("node must be the id of the node that is asked", path="/node")
        transaction_id = question.get("transaction_id")
        if not isinstance(transaction_id, str) or not 0 < len(transaction_id) <= ID_CHARS_MAX:
            raise Malformed("transaction_id is missing", path="/transaction_id")
        return Answer(200, JSON, strict_json.dumps(await self.told(transaction_id, asker, now)))

    async def told(self, transaction_id: str, asker: str, now: int) -> dict[str, Any]:
        """The answer to `asker`, who is known to be it, from all workers; this node itself may ask
        so for all."""
        about = None if asker == self._receiver.subscriber_id else asker
        question = orjson.dumps({"of": transaction_id, "about": about, "asker": asker})
        answers = [orjson.loads(each) for each in await self._siblings.ask_all(SUBJECT, question)]
        hops = [hop for answer in answers for hop in answer["hops"]]
        hops = hops or [hop.document() for hop in self._kept(transaction_id, about)]
        refusals = [hop for answer in answers for hop in answer["refusals"]]
        return {
            "node": self._receiver.subscriber_id,
            "type": self._receiver.type.value,
            "now": now,
            "transaction_id": transaction_id,
            "hops": sorted(hops, key=_at),
            "refusals": sorted(refusals, key=_at),
        }

    async def _own(self, payload: bytes) -> bytes:
        """What this process remembers."""
        asked = orjson.loads(payload)
        hops = self._hops.of(asked["of"], asked["about"])
        refused = self._hops.refused((asked["asker"],))
        told = {"hops": hops, "refusals": refused}
        return orjson.dumps({name: [hop.document() for hop in told[name]] for name in told})

    async def _keys(self, claim: claims.Claim) -> parties.Keys:
        """Our own key is known without the registry, which may be what is broken."""
        if claim.sender.key_id.subscriber_id == self._receiver.subscriber_id:
            return {self._client.key_id: (self._own_record(),)}
        return await self._keyring.keys(claim.key_ids)

    def _own_record(self) -> Subscriber:
        return Subscriber(
            subscriber_id=self._receiver.subscriber_id,
            unique_key_id=self._client.key_id.unique_key_id,
            type=self._receiver.type,
            domain="",
            url=self._receiver.url,
            signing_public_key=self._client.public_key,
            encryption_public_key=None,
            cities=(),
            country=None,
            valid_from=0,
            valid_until=2**40,
            status="SUBSCRIBED",
        )

    def _kept(self, transaction_id: str, asker: str | None) -> list[Hop]:
        """What the store still knows: messages that were ACKed for good, or owed."""

        def read(session: Session) -> list[Hop]:
            received = session.all(_RECEIVED, transaction_id=transaction_id)
            owed = session.all(_OWED, transaction_id=transaction_id)
            return [
                *(
                    Hop(
                        row["received_at"],
                        f"received, now {row['state']}",
                        row["action"],
                        row["message_id"],
                        row["sender_id"],
                        {"error": _kind(row["error"])},
                    )
                    for row in received
                ),
                *(
                    Hop(
                        row["created_at"],
                        f"owed, now {row['state']}",
                        row["action"],
                        row["message_id"],
                        row["receiver_id"],
                        {"error": _kind(row["error"]), "tries": row["tries"]},
                    )
                    for row in owed
                ),
            ]

        found = self._store.read(read)
        return [hop for hop in found if asker in (None, hop.peer)]


def _at(hop: dict[str, Any]) -> float:
    return float(hop["at"])


def _kind(error: str | None) -> str | None:
    """The type of what went wrong; its text may hold more than the asker is to know."""
    return None if error is None else error.partition(":")[0]
