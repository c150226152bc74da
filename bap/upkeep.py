"""What a consumer node does unasked: chases a confirm without an answer, forgets old journeys."""

from __future__ import annotations

import re
from contextlib import suppress

from bap import calls, decide, order_wishes, rows, wishes
from bap.asking import Asking
from bap.journey import UNANSWERED, Journey
from bap.settings import BapSettings
from protocol_specs.node.api import ApiError
from protocol_specs.node.server import Node
from protocol_specs.node.store import Row, Session
from protocol_specs.web import pacing
from protocol_specs.wire.errors import Refused
from protocol_specs.wire.parties import callback_of

_NACK = re.compile(r"NACK (\S+): (.+)", re.DOTALL)


class Upkeep:
    """The loops of a consumer node, one unit of work a call."""

    def __init__(self, node: Node, settings: BapSettings, asking: Asking) -> None:
        self._node = node
        self._settings = settings
        self._asking = asking

    async def chase_next(self, now: int) -> bool:
        """Asks for the status of one order whose confirm had no answer in time.

        The provider answers with the order, which books the journey as on_confirm would have, or
        with 30010: then the journey is lost, until a late on_confirm finds it.
        """
        due = await self._node.store.transact(lambda session: calls.chase(session, now))
        if due is None or due.bpp_id is None:
            return False
        with suppress(ApiError, Refused):  # the journey shows it; asked again later
            await self._asking.ask(due, due.bpp_id, "status", _still_unanswered)
        return True

    async def forget_next(self, now: int) -> bool:
        """Deletes journeys untouched for `keep_days`, with the phones and places they hold; and who
        searched too often."""
        before = now - self._settings.keep_days * 24 * 3600

        def forget(session: Session) -> bool:
            return pacing.forget(session, now) | (rows.forget(session, before) > 0)

        return await self._node.store.transact(forget)

    def given_up(self, session: Session, row: Row, reason: str) -> None:
        """Notes a durable request that the outbox gives up, in the outbox's transaction.

        A refusal ends the request. Time that ran out does not say that nothing arrived: a confirm
        is then chased by its status, the others can be asked again.
        """
        rows.lock_transaction(session, row["transaction_id"])
        call = calls.find_call(session, row["message_id"])
        journey = None if call is None else rows.find(session, call.journey_id)
        if call is None or journey is None or call.outcome is not None:
            return
        now = self._node.now()
        if reason == "expired" and call.action == "confirm":
            outcome = decide.unreached(journey, now)
        else:
            code, text = _nack(reason)
            outcome = decide.refused(journey, callback_of(call.action), code, text, now)
            calls.close_call(session, call.message_id, "refused")
        rows.save(session, journey, *outcome, now)


def _still_unanswered(session: Session, journey: Journey, now: int) -> wishes.Request:
    if journey.state not in UNANSWERED:
        raise ApiError(409, "answered", "the confirm was answered meanwhile")
    return order_wishes.status(journey)


def _nack(reason: str) -> tuple[str, str]:
    """Code and sentence of what the outbox says: `NACK 40003: the quote has expired`."""
    found = _NACK.fullmatch(reason)
    if found is None:
        return "unreachable", "The cooperative could not be reached."
    return found[1], found[2]
