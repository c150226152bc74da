"""The inbox: a message is written before it is ACKed, and handled once, in its turn.

While nothing waits its turn comes at once, in the commit that accepts it: one write less, and what
it brought about is there with it. A loop handles what waits: what came in a crowd, what failed.
"""

import asyncio
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import NamedTuple

from sqlalchemy import bindparam, exists, func, insert, select, update

from protocol_specs.node.loops import attempt, backoff_s
from protocol_specs.node.messages import bodies, conversations, kept
from protocol_specs.node.messages.actions import Durable
from protocol_specs.node.messages.tables import Body, Conversation, Received
from protocol_specs.node.store import Row, Session, Statement, Store, StoreUnavailable
from protocol_specs.node.telemetry.telemetry import Telemetry
from protocol_specs.node.telemetry.traces import CURRENT
from protocol_specs.wire.envelope import Envelope
from protocol_specs.wire.errors import ChangedDuplicate, Refused
from protocol_specs.wire.version import Dialects

CHANNEL = "inbox"
HANDLED_PER_COMMIT_MAX = 32
AT_ONCE_MAX = 64  # of those that one commit accepts; the rest waits, and others get their turn
SHARED_COMMIT_MAX = 8
TRIES_MAX = 8  # about two minutes
BACKOFF_S_MAX = 60.0
ENVELOPES_IN_MEMORY_MAX = 256
ENVELOPE_BYTES_IN_MEMORY_MAX = 16_384

_T = Received.__table__
_BODY = Body.__table__
_CONVERSATION = Conversation.__table__
_EARLIER = Received.__table__.alias("earlier")
_COLUMNS = [column.name for column in _T.columns if column.name != "id"]

_OF_IT = (
    _CONVERSATION.c.peer_id == bindparam("sender_id"),
    _CONVERSATION.c.transaction_id == bindparam("transaction_id"),
)
_BEFORE = Statement(  # what there is of this message and its conversation: one row, of None or not
    select(
        select(_T.c.digest)
        .where(
            _T.c.sender_id == bindparam("sender_id"),
            _T.c.action == bindparam("action"),
            _T.c.message_id == bindparam("message_id"),
            _T.c.callback_hash == bindparam("callback_hash"),
        )
        .scalar_subquery()
        .label("digest"),
        select(_CONVERSATION.c.id).where(*_OF_IT).scalar_subquery().label("conversation_id"),
        select(_EARLIER.c.id)
        .join(_CONVERSATION, _CONVERSATION.c.id == _EARLIER.c.conversation_id)
        .where(*_OF_IT, _EARLIER.c.state == "new")
        .limit(1)
        .scalar_subquery()
        .label("waiting"),
    )
)
_ACCEPT = Statement(insert(_T).values({name: bindparam(name) for name in _COLUMNS}))
_DUE = Statement(
    select(_T, _BODY.c.bytes, _CONVERSATION.c.transaction_id)
    .join(_BODY, _BODY.c.id == _T.c.body_id)
    .join(_CONVERSATION, _CONVERSATION.c.id == _T.c.conversation_id)
    .where(
        _T.c.state == "new",
        _T.c.next_at <= bindparam("now"),
        _T.c.conversation_id % bindparam("workers") == bindparam("slot"),
        ~exists().where(
            _EARLIER.c.conversation_id == _T.c.conversation_id,
            _EARLIER.c.state == "new",
            _EARLIER.c.id < _T.c.id,
        ),
    )
    .order_by(_T.c.next_at, _T.c.id)
    .limit(bindparam("limit"))
)
_MARK = Statement(
    update(_T)
    .where(_T.c.id == bindparam("row_id"), _T.c.state == "new")
    .values({name: bindparam(name) for name in ("state", "tries", "next_at", "error")})
)
_BRING_NEAR = Statement(
    update(_T)
    .where(_T.c.state == "new", _T.c.next_at > bindparam("furthest"))
    .values(next_at=bindparam("now"))
)
_OLDEST = Statement(select(func.min(_T.c.received_at).label("at")).where(_T.c.state == "new"))


class BrokenOff(StoreUnavailable):
    """The database failed while a message was handled as it was accepted; neither is kept."""


class Outcome(NamedTuple):
    """What became of one message, by its `ids`: handled, parked, or new and to be tried again.

    `tries` of 0: it was accepted, and waits.
    """

    ids: Row | Mapping[str, str]
    state: str
    tries: int
    next_at: int
    error: Exception | None = None

    @property
    def told(self) -> str | None:
        """What the row keeps of the error."""
        return None if self.error is None else f"{type(self.error).__name__}: {self.error}"


class Inbox:
    """The messages of one node that were ACKed, and who handles them."""

    def __init__(self, store: Store, telemetry: Telemetry, dialects: Dialects) -> None:
        self.wake = asyncio.Event()
        self.tried = 0  # how often a message was handled since the start, well or not
        # Where other processes lock rows too: how many messages are handled in one commit.
        self.shared_commit_max = SHARED_COMMIT_MAX
        self._store = store
        self._telemetry = telemetry
        self._dialects = dialects
        self._actions: dict[str, Durable] = {}
        self._fresh: OrderedDict[int, Envelope] = OrderedDict()  # spares a second parse
        self._is_behind = True  # messages may wait; so after a start
        self._at_once = 0  # handled in this commit as they were accepted
        self._looked_at = sys.maxsize  # the last process's clock may have run ahead of ours
        store.listen(CHANNEL, lambda _: self.wake.set())

    def serve(self, action: Durable) -> None:
        """Names who handles an action. Once each."""
        if action.action in self._actions:
            raise ValueError(f"{action.action} is served already")
        self._actions[action.action] = action

    def accept(self, session: Session, envelope: Envelope, now: int) -> bool:
        """Writes a verified message in the door's commit; after it the ACK may go.

        False when the same bytes were accepted before: the same ACK, and nothing else.
        Raises ChangedDuplicate when the message_id came before with other bytes, and what the
        action's judge raises.
        """
        return self.take(session, envelope, now, at_once=False) is not None

    def take(
        self, session: Session, envelope: Envelope, now: int, *, at_once: bool = True
    ) -> Outcome | None:
        """The same, and handles it in this commit if nothing waits before it; None for a repeat.

        `tell` what became of it once that is on disk. Raises BrokenOff too: accept it alone then.
        """
        key = {
            "sender_id": envelope.peer_id,
            "action": envelope.action,
            "message_id": envelope.message_id,
            "callback_hash": envelope.digest if envelope.action.startswith("on_") else "",
        }
        before = session.one(_BEFORE, **key, transaction_id=envelope.transaction_id)
        if before is not None and before["digest"] is not None:
            if before["digest"] != envelope.digest:
                raise ChangedDuplicate(
                    f"message_id {envelope.message_id} was used before for another "
                    f"{envelope.action}: give each request a new one",
                    path="/context/message_id",
                )
            return None
        judge = self._actions[envelope.action].judge
        if judge is not None:
            judge(envelope, now)
        # After this point the message is taken.
        conversation_id = None if before is None else before["conversation_id"]
        ids = {**key, "transaction_id": envelope.transaction_id}
        outcome = Outcome(ids, "new", 0, now)
        is_first = before is None or before["waiting"] is None
        at_once = at_once and self._is_its_turn(session, is_first=is_first)
        if conversation_id is None:
            conversation_id = conversations.begin(
                session, envelope.peer_id, envelope.transaction_id
            )
        if at_once:
            try:
                outcome = self._tried(session, outcome, lambda: envelope, CURRENT.get(), now)
            except StoreUnavailable as error:
                raise BrokenOff(str(error)) from error
        row = dict(
            key,
            conversation_id=conversation_id,
            digest=envelope.digest,
            body_id=bodies.keep(session, envelope.body),
            authorization=envelope.authorization,
            sender=kept.party_text(envelope.sender),
            gateway=None if envelope.gateway is None else kept.party_text(envelope.gateway),
            received_at=now,
            state=outcome.state,
            tries=outcome.tries,
            next_at=outcome.next_at,
            error=outcome.told,
            trace=CURRENT.get(),
        )
        if outcome.tries:
            session.write(_ACCEPT, **row)
            return outcome
        if self._store.share.has(conversation_id):
            self._remember(session.insert(_ACCEPT, **row), envelope)
        else:
            session.write(_ACCEPT, **row)
        session.notify(CHANNEL, conversation=conversation_id)
        return outcome

    def _is_its_turn(self, session: Session, *, is_first: bool) -> bool:
        """Whether a message need not wait for one of its conversation, nor too much comes at once.

        Where other processes write too, one that only accepts locks no row of business.
        """
        if self._store.engine.is_shared:
            return False
        if self._is_behind or self._at_once >= AT_ONCE_MAX:
            self._is_behind = True
            return False
        if not self._at_once:
            session.after_commit(self._committed)
        self._at_once += 1
        return is_first

    async def handle_next(self, now: int) -> bool:
        """Handles what is due, oldest first and many in one commit; says whether anything was.

        The messages of one conversation are handled in the order they came.
        """
        if now < self._looked_at:
            await self._clock_set_back(now)
        self._looked_at = now
        try:
            outcomes = await self._store.transact(partial(self._handle_due, now=now))
        except StoreUnavailable:
            outcomes = await self._handle_one(now)
        self.tell(outcomes)
        if not outcomes:  # whatever waits is not due yet
            self._is_behind, self._at_once = False, 0
        return bool(outcomes)

    def oldest_age_s(self, now: int) -> float:
        """Seconds since the oldest message came that still waits; 0 when none does."""
        row = self._store.read(lambda session: session.one(_OLDEST))
        return 0.0 if row is None or row["at"] is None else float(max(0, now - row["at"]))

    async def _clock_set_back(self, now: int) -> None:
        """Nothing waits for a time later than any back-off would name."""
        furthest = now + int(BACKOFF_S_MAX)
        await self._store.transact(lambda s: s.run(_BRING_NEAR, now=now, furthest=furthest))

    def _handle_due(
        self, session: Session, *, now: int, limit: int = HANDLED_PER_COMMIT_MAX
    ) -> list[Outcome]:
        if self._store.share.of > 1:
            limit = min(limit, self.shared_commit_max)
        rows = session.all(_DUE, now=now, limit=limit, **self._store.share.values)
        return [self._handle(session, row, now) for row in rows]

    async def _handle_one(self, now: int) -> list[Outcome]:
        """The oldest alone. If the database fails at it again, that counts as its failure: a
        message whose handling breaks a transaction must not stand before all others for ever."""
        try:
            return await self._store.transact(partial(self._handle_due, now=now, limit=1))
        except StoreUnavailable as error:
            return await self._store.transact(partial(self._blame_oldest, now=now, error=error))

    def _blame_oldest(self, session: Session, *, now: int, error: Exception) -> list[Outcome]:
        rows = session.all(_DUE, now=now, limit=1, **self._store.share.values)
        return [
            self._mark(session, row, _judged(row, row["tries"] + 1, error, now)) for row in rows
        ]

    def _handle(self, session: Session, row: Row, now: int) -> Outcome:
        def read() -> Envelope:
            return self._fresh.get(row["id"]) or kept.envelope(row, self._dialects)

        waiting = Outcome(row, "new", row["tries"], now)
        return self._mark(session, row, self._tried(session, waiting, read, row["trace"], now))

    def _tried(
        self,
        session: Session,
        before: Outcome,
        read: Callable[[], Envelope],
        trace: str | None,
        now: int,
    ) -> Outcome:
        """Handles a message; what that wrote is undone if it raised."""
        action = before.ids["action"]

        def work() -> None:
            self._actions[action].handle(session, read(), now)

        ids = {
            "action": action,
            "message_id": before.ids["message_id"],
            "peer": before.ids["sender_id"],
        }
        with self._telemetry.traces.span(f"handle {action}", trace, **ids):
            error = attempt(session, work)
        return _judged(before.ids, before.tries + 1, error, now)

    def _mark(self, session: Session, row: Row, outcome: Outcome) -> Outcome:
        session.write(
            _MARK,
            row_id=row["id"],
            state=outcome.state,
            tries=outcome.tries,
            next_at=outcome.next_at,
            error=outcome.told,
        )
        if outcome.state != "new":
            session.after_commit(partial(self._forget, row["id"]))
        return outcome

    def _remember(self, row_id: int, envelope: Envelope) -> None:
        """Before the COMMIT, for it is often handled in the same one. If that fails, the next to
        get this row_id takes the place here too."""
        self._fresh.pop(row_id, None)
        if len(envelope.body) <= ENVELOPE_BYTES_IN_MEMORY_MAX:
            self._fresh[row_id] = envelope
            if len(self._fresh) > ENVELOPES_IN_MEMORY_MAX:
                self._fresh.popitem(last=False)

    def _forget(self, row_id: int) -> None:
        self._fresh.pop(row_id, None)

    def tell(self, outcomes: Iterable[Outcome]) -> None:
        """Log and count what was tried, once it is on disk."""
        for ids, state, tries, _, error in outcomes:
            if not tries:
                continue
            self.tried += 1
            refused = isinstance(error, Refused)
            if error is not None and not refused:
                self._telemetry.fault("inbox", error)
            if error is None or refused or state == "parked":
                self._telemetry.log(
                    "given_up" if state == "parked" else "handled",
                    action=ids["action"],
                    transaction_id=ids["transaction_id"],
                    message_id=ids["message_id"],
                    peer=ids["sender_id"],
                    code=error.code if isinstance(error, Refused) else None,
                    error=None if error is None else type(error).__name__,
                )

    def _committed(self) -> None:
        self._at_once = 0


def _judged(ids: Row | Mapping[str, str], tries: int, error: Exception | None, now: int) -> Outcome:
    """What follows from a try; a refusal is an answer too."""
    if error is None or isinstance(error, Refused):
        return Outcome(ids, "handled", tries, now, error)
    state = "parked" if tries >= TRIES_MAX else "new"
    return Outcome(ids, state, tries, now + round(backoff_s(tries, BACKOFF_S_MAX)), error)
