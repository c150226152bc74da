"""Which message may follow which, what a conversation lacks, and what may come after its end."""

from __future__ import annotations

from collections.abc import Iterator

from protocol_specs.validate.conversation import Conversation, Message, state_of
from protocol_specs.validate.rule import Found
from protocol_specs.validate.words import CALLBACKS, META, RETURN, UNSOLICITED, Words, ladder_of

_AFTER_CONFIRM = ("status", "track", "cancel", "update", "rating")
_AFTER_CANCELLED = frozenset(
    {"status", "on_status", "support", "on_support", "rating", "on_rating"}
)
_AFTER_ENDED = _AFTER_CANCELLED | {
    "update",
    "on_update",
    "track",
    "on_track",
    *META,
    *META.values(),
}


def needs(action: str, words: Words) -> str | None:
    """The action that must come before; None: it may come at any time."""
    if action in UNSOLICITED or action in _AFTER_CONFIRM:
        return "confirm"
    before = {"select": "on_search", "init": "on_select", "confirm": "on_init"}
    if not words.has_select:
        before["init"] = "on_search"
    return before.get(action) or CALLBACKS.get(action)


def order(conversation: Conversation) -> Iterator[Found]:
    """What must come first stands in the conversation, but later."""
    for message, needed in _unmet(conversation):
        if (late := conversation.first(needed)) is not None:
            reason = f"{message.action} comes before the {needed} it follows from ({late.file})"
            yield Found(message, "/context/action", reason)


def missing(conversation: Conversation) -> Iterator[Found]:
    """What must come first is nowhere."""
    for message, needed in _unmet(conversation):
        if conversation.first(needed) is None:
            yield Found(message, "/context/action", f"{message.action} without {_good(needed)}")


def _good(action: str) -> str:
    return f"an {action} that offers something" if action in CALLBACKS else f"a {action}"


def _unmet(conversation: Conversation) -> Iterator[tuple[Message, str]]:
    said: set[str] = set()
    for message in conversation.messages:
        needed = needs(message.action, message.words)
        if needed is not None and needed not in said:
            yield message, needed
        if not message.failed:
            said.add(message.action)


def unanswered(conversation: Conversation) -> Iterator[Found]:
    """A request that nothing answers, not even with another message_id.

    A search is an exception while nothing follows from it: a market may be empty.
    """
    answered = {conversation.request_of(one) for one in conversation.messages if one.is_callback}
    for message in conversation.messages:
        if message.is_callback or message in answered or message.action == "search":
            continue
        callback = META.get(message.action, f"on_{message.action}")
        if not any(one.number > message.number for one in conversation.of(callback)):
            yield Found(message, "/context/action", f"no {callback} answers it")


def searches(conversation: Conversation) -> Iterator[Found]:
    """A search that nobody answers."""
    for message in conversation.of("search"):
        if not any(one.number > message.number for one in conversation.of("on_search")):
            yield Found(message, "/context/action", "no on_search answers it")


def both(conversation: Conversation) -> Iterator[Found]:
    """A callback carries message or error, and a request a message."""
    for message in conversation.messages:
        has_message, has_error = "message" in message.document, "error" in message.document
        if has_message and has_error:
            yield Found(message, "/error", "stands beside message; a message carries one of them")
        elif has_error and not message.is_callback:
            yield Found(message, "/error", "a request carries no error")


def after_end(conversation: Conversation) -> Iterator[Found]:
    """After an order ended or was cancelled only questions about it may come."""
    ended_by: Message | None = None
    allowed: frozenset[str] = frozenset()
    for message in conversation.messages:
        if ended_by is not None and message.action not in allowed:
            request = conversation.request_of(message) if message.is_callback else None
            if request is None or request.number > ended_by.number:
                reason = f"{message.action} after the order ended in {ended_by.file}"
                yield Found(message, "/context/action", reason)
        end = _end(message)
        if end is not None and ended_by is None:
            ended_by, allowed = message, end


def _end(message: Message) -> frozenset[str] | None:
    """What may follow this message, if the order ends by it."""
    if message.action not in UNSOLICITED:
        return None
    if message.status in message.words.ended:
        return _AFTER_ENDED
    if message.status in message.words.cancelled:
        return _AFTER_CANCELLED
    return None


def unfinished(conversation: Conversation) -> Iterator[Found]:
    """An order was confirmed and the conversation stops before it ended or was cancelled."""
    confirmed = conversation.first("on_confirm")
    if confirmed is None or any(_ends(message) for message in conversation.messages):
        return
    last = conversation.messages[-1]
    yield Found(last, "", "the conversation stops here, and the order has neither ended nor failed")


def _ends(message: Message) -> bool:
    if _end(message) is not None:
        return True
    for _, fulfillment in message.fulfillments:
        state = state_of(fulfillment)
        ladder = ladder_of(state) if state is not None else None
        if state is not None and ladder is not None:
            is_last = ladder.ranks.get(state) == ladder.ended
            if is_last or (state in ladder.cancelled and ladder is not RETURN):
                return True
    return False
