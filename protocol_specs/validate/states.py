"""States of a job and words of its order: forwards only, and agreeing with each other."""

from __future__ import annotations

from collections.abc import Iterator

from protocol_specs.validate.conversation import (
    Conversation,
    Json,
    Message,
    obj,
    state_of,
    stops_of,
    text,
)
from protocol_specs.validate.rule import Found
from protocol_specs.validate.words import DELIVERY, RETURN, RIDE, UNSOLICITED, Ladder, ladder_of

ON_BOARD = 4
"""The rank from which a passenger or a parcel is on board, in both ladders."""

_REPORTS = ("on_confirm", *sorted(UNSOLICITED))


class Stand:
    """One fulfillment in one callback: its state, and the ladder on which that stands."""

    __slots__ = ("fulfillment", "ladder", "message", "path", "rank", "state")

    def __init__(self, message: Message, path: str, fulfillment: Json, state: str) -> None:
        self.message, self.path, self.fulfillment, self.state = message, path, fulfillment, state
        self.ladder: Ladder | None = ladder_of(state)
        self.rank = self.ladder.ranks.get(state) if self.ladder else None

    @property
    def state_path(self) -> str:
        return f"{self.path}/state/descriptor/code"

    @property
    def is_cancelled(self) -> bool:
        return self.ladder is not None and self.state in self.ladder.cancelled


def stands(conversation: Conversation) -> list[Stand]:
    """Every state that a callback reports, in order."""
    found: list[Stand] = conversation.once("stands", _stands)
    return found


def _stands(conversation: Conversation) -> list[Stand]:
    return [
        Stand(message, path, fulfillment, state)
        for message in conversation.of(*_REPORTS)
        for path, fulfillment in message.fulfillments
        if (state := state_of(fulfillment)) is not None
    ]


def known(conversation: Conversation) -> Iterator[Found]:
    """Every state is a word of the network."""
    for stand in stands(conversation):
        if stand.ladder is None:
            yield Found(stand.message, stand.state_path, f"{stand.state[:40]} is no state known")


def order(conversation: Conversation) -> Iterator[Found]:
    """States go forwards. Back to an earlier one only with another agent, before it has begun."""
    last: dict[str, Stand] = {}
    for stand in stands(conversation):
        key = f"{stand.fulfillment.get('id')}"
        before = last.get(key)
        if stand.ladder is None or stand.message in conversation.repeats:
            continue
        if before is not None and (reason := _wrong_step(before, stand)):
            yield Found(stand.message, stand.state_path, reason)
        else:
            last[key] = stand


def _wrong_step(before: Stand, now: Stand) -> str | None:
    step = f"{now.state} after {before.state} ({before.message.file})"
    if before.is_cancelled:
        return None if now.is_cancelled else f"{step}: it was over"
    if now.is_cancelled:
        begun = (
            before.rank is not None and now.ladder is not None and before.rank >= now.ladder.begun
        )
        return f"{step}: too late to cancel" if begun else None
    if before.rank is None or now.rank is None or before.ladder is not now.ladder:
        return None
    if now.rank >= before.rank:
        return None
    return None if _is_reassigned(before, now) else f"{step} goes backwards"


def _is_reassigned(before: Stand, now: Stand) -> bool:
    ladder = now.ladder
    if ladder is None or before.rank is None:
        return False
    had_agent = ladder.assigned <= before.rank < ON_BOARD
    return had_agent and (now.rank or 0) <= ladder.assigned and agent_of(before) != agent_of(now)


def agent_of(stand: Stand) -> tuple[str | None, ...]:
    """Who drives, as far as it is said: name, phone, number plate."""
    agent = obj(stand.fulfillment.get("agent"))
    person, contact = obj(agent.get("person")), obj(agent.get("contact"))
    vehicle = obj(stand.fulfillment.get("vehicle"))
    return (
        text(person.get("name")) or text(agent.get("name")),
        text(contact.get("phone")) or text(agent.get("phone")),
        text(vehicle.get("registration")),
    )


def agents(conversation: Conversation) -> Iterator[Found]:
    """From the assigned state on an agent with a name is there; before it, and after a quote
    alone, there is none."""
    for stand in stands(conversation):
        ladder, rank = stand.ladder, stand.rank
        if ladder is None or ladder is RETURN or rank is None:
            continue
        name = agent_of(stand)[0]
        path = f"{stand.path}/agent"
        if rank >= ladder.assigned and name is None:
            yield Found(stand.message, path, f"is missing or has no name in state {stand.state}")
        elif ladder is RIDE and rank < ladder.assigned and "agent" in stand.fulfillment:
            yield Found(stand.message, path, f"is there in state {stand.state}, before assignment")
    for message in conversation.of("on_select", "on_init"):
        for path, fulfillment in message.fulfillments:
            if not message.words.flat and "agent" in fulfillment:
                yield Found(message, f"{path}/agent", "is there before the order is confirmed")


def codes(conversation: Conversation) -> Iterator[Found]:
    """The start code is UNCLAIMED until the ride starts and CLAIMED from then on."""
    for stand in stands(conversation):
        if stand.ladder is not RIDE or stand.rank is None:
            continue
        wanted = "CLAIMED" if stand.rank >= RIDE.begun else "UNCLAIMED"
        for kind, path, stop in stops_of(stand.path, stand.fulfillment):
            status = text(obj(stop.get("authorization")).get("status"))
            if kind == "START" and status is not None and status != wanted:
                where = f"{path}/authorization/status"
                yield Found(stand.message, where, f"is {status} in {stand.state}, not {wanted}")


def statuses(conversation: Conversation) -> Iterator[Found]:
    """The order's word is one that its action may say."""
    for message in conversation.messages:
        allowed = message.words.statuses.get(message.action)
        if allowed is None or message.failed or not message.order:
            continue
        status = message.status
        if status is None and message.action in ("on_confirm", "on_cancel"):
            yield Found(message, message.status_path, f"is missing: {message.action} must say it")
        elif status is not None and status not in allowed:
            words = ", ".join(sorted(allowed))
            reason = f"{status[:40]} is not for {message.action}, which says {words}"
            yield Found(message, message.status_path, reason)


def agreement(conversation: Conversation) -> Iterator[Found]:
    """Order and job agree: an order is over exactly when its job is over or cancelled."""
    by_message: dict[Message, list[Stand]] = {}
    for stand in stands(conversation):
        by_message.setdefault(stand.message, []).append(stand)
    for message, found in by_message.items():
        if message.status is not None and not _agree(message, message.status, found):
            job = found[0].state
            reason = f"the order is {message.status}, but its job is {job}"
            yield Found(message, message.status_path, reason)


def _agree(message: Message, status: str, found: list[Stand]) -> bool:
    """A parcel on its way back ends the order in either word, so only its own job is asked."""
    words, job = message.words, found[0]
    if any(stand.ladder is RETURN for stand in found):
        return True
    if status in words.cancelled or job.is_cancelled:
        return status in words.cancelled and job.is_cancelled
    if status in words.ended or (_is_last(job) and words.flat):
        return status in words.ended and _is_last(job)
    return True


def _is_last(stand: Stand) -> bool:
    return stand.ladder is not None and stand.rank == stand.ladder.ended


def payments(conversation: Conversation) -> Iterator[Found]:
    """What was paid stays paid."""
    paid: dict[object, Message] = {}
    for message in conversation.of(*_REPORTS):
        if message in conversation.repeats:
            continue
        for path, payment in message.payments:
            key = payment.get("id") or path
            if payment.get("status") == "PAID":
                paid.setdefault(str(key), message)
            elif payment.get("status") == "NOT-PAID" and str(key) in paid:
                file = paid[str(key)].file
                yield Found(message, f"{path}/status", f"is NOT-PAID after PAID in {file}")


def times(conversation: Conversation) -> Iterator[Found]:
    """A parcel that was picked up or delivered says when (LOG10 1.2.5, on_status)."""
    for stand in stands(conversation):
        if stand.ladder is not DELIVERY or stand.rank is None or not stand.message.words.flat:
            continue
        ends = [("start", 4), ("end", DELIVERY.ended)]
        for name, rank in ends:
            moment = obj(obj(stand.fulfillment.get(name)).get("time")).get("timestamp")
            if stand.rank >= rank and text(moment) is None:
                path = f"{stand.path}/{name}/time/timestamp"
                yield Found(stand.message, path, f"is missing in state {stand.state}")
