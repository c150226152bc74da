"""The chain of contexts: the same parties, place and ids all along, and times that rise."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from urllib.parse import urlsplit

from protocol_specs.validate.conversation import Conversation, Json, Message, obj, text
from protocol_specs.validate.rule import Found
from protocol_specs.validate.words import CALLBACKS, UNSOLICITED
from protocol_specs.wire import duration, timestamp
from protocol_specs.wire.errors import Malformed

_MILLIS = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z")
_DISCOVERY = frozenset({"search", "on_search"})
_THIS_MACHINE = frozenset({"127.0.0.1", "::1", "localhost"})
_PASSING = frozenset({"search", "select", "status", "track", "support"})
OVERTAKEN_MS = 60_000
_NEEDED = ("domain", "bap_id", "bap_uri", "transaction_id", "message_id", "timestamp")


def same(*names: str) -> Callable[[Conversation], Iterator[Found]]:
    """A check that these members of the context never change.

    A search may be answered by many providers, so the provider is held only in messages that are
    to or from one alone.
    """

    def check(conversation: Conversation) -> Iterator[Found]:
        for name in names:
            yield from _odd(
                (message, f"/context/{name}", message.ctx(name))
                for message in conversation.messages
                if not (name.startswith("bpp_") and message.action in _DISCOVERY)
            )

    return check


def place(conversation: Conversation) -> Iterator[Found]:
    """City and country, wherever the dialect writes them."""
    for name in ("city", "country"):
        yield from _odd((message, *_place(message, name)) for message in conversation.messages)


def version(conversation: Conversation) -> Iterator[Found]:
    """The version, whatever the dialect calls it."""
    yield from _odd(
        (message, f"/context/{name}", message.ctx(name))
        for message in conversation.messages
        for name in ("core_version" if message.words.flat else "version",)
    )


def near(conversation: Conversation) -> Iterator[Found]:
    """A contract that has no rules of its own here, told at the first message."""
    for message in conversation.messages[:1]:
        for name in ("domain", "version"):
            if (given := message.ctx(name)) in message.words.near:
                reason = f"is {given}: judged by the rules of {message.words.dialect}"
                yield Found(message, f"/context/{name}", reason)


def _odd(given: Iterable[tuple[Message, str, str | None]]) -> Iterator[Found]:
    """Those that say something else than most do: not each of the many after the one."""
    said = [(message, path, value) for message, path, value in given if value is not None]
    if not said:
        return
    usual = Counter(_plain(value) for *_, value in said).most_common(1)[0][0]
    for message, path, value in said:
        if _plain(value) != usual:
            yield Found(message, path, f"is {value[:80]}; elsewhere it is {usual[:80]}")


def _plain(value: str) -> str:
    """A uri with and without its last slash is the same base."""
    return value.rstrip("/")


def _place(message: Message, name: str) -> tuple[str, str | None]:
    if message.words.flat:
        return f"/context/{name}", message.ctx(name)
    location: Json = obj(message.context.get("location"))
    return f"/context/location/{name}/code", text(obj(location.get(name)).get("code"))


def needed(conversation: Conversation) -> Iterator[Found]:
    """What every context has, whatever the schema of its dialect asks for."""
    for message in conversation.messages:
        names: tuple[str, ...] = _NEEDED
        if message.action != "search":
            names += ("bpp_id", "bpp_uri")
        if not (message.words.flat and message.is_callback):
            names += ("ttl",)
        for name in names:
            if message.context.get(name) in (None, ""):
                yield Found(message, f"/context/{name}", "is missing: the context must have it")


def forms(conversation: Conversation) -> Iterator[Found]:
    """Timestamp and ttl in the form that the dialect writes."""
    for message in conversation.messages:
        moment, ttl = message.ctx("timestamp"), message.ctx("ttl")
        if moment is not None and not _is_time(moment, millis=message.words.millis):
            example = "2026-01-02T03:04:05.678Z"
            yield Found(message, "/context/timestamp", f"is {moment[:40]}, not a time as {example}")
        if ttl is not None and not _is_duration(ttl):
            yield Found(message, "/context/ttl", f"is {ttl[:40]}, not a duration such as PT30S")


def _is_time(value: str, *, millis: bool) -> bool:
    try:
        timestamp.parse_ms(value)
    except Malformed:
        return False
    return not millis or _MILLIS.fullmatch(value) is not None


def _is_duration(value: str) -> bool:
    try:
        duration.seconds(value)
    except Malformed:
        return False
    return True


def addressed(conversation: Conversation) -> Iterator[Found]:
    """A search to everybody names no provider."""
    for message in conversation.of("search"):
        for name in ("bpp_id", "bpp_uri"):
            if message.words.search_is_open and name in message.context:
                yield Found(message, f"/context/{name}", "a search goes to all and names nobody")


def two_ids(conversation: Conversation) -> Iterator[Found]:
    """The transaction and the message have each their own id."""
    for message in conversation.messages:
        if (given := message.ctx("message_id")) and given == message.ctx("transaction_id"):
            yield Found(message, "/context/message_id", "is the transaction_id; give it its own")


def message_ids(conversation: Conversation) -> Iterator[Found]:
    """A request and an unasked callback have a new message_id, an answer that of its request."""
    seen: dict[str | None, Message] = {}
    for message in conversation.messages:
        given = message.ctx("message_id")
        if given is None:
            continue
        before = seen.setdefault(given, message)
        if message.is_callback and conversation.request_of(message) is not None:
            continue
        reason = None
        if message.is_callback and message.action not in UNSOLICITED:
            reason = f"answers no {CALLBACKS[message.action]}: no such request has this message_id"
        elif message.is_callback and _stands_for_answer(conversation, message):
            asked = CALLBACKS[message.action]
            reason = f"is not that of the {asked} before, which nothing else answers"
        elif before is not message and message not in conversation.repeats:
            reason = f"was used by {before.action} in {before.file}; this needs a new one"
        if reason:
            yield Found(message, "/context/message_id", reason)


def _stands_for_answer(conversation: Conversation, callback: Message) -> bool:
    """Whether this unasked callback comes where the answer to a request should, and none does."""
    asked = CALLBACKS[callback.action]
    requests = [one for one in conversation.of(asked) if one.number < callback.number]
    if not requests:
        return False
    last = requests[-1]
    between = any(last.number < one.number < callback.number for one in conversation.messages)
    answered = any(conversation.request_of(one) is last for one in conversation.of(callback.action))
    return not answered and not (between and _is_late(conversation, last, callback))


def _is_late(conversation: Conversation, request: Message, callback: Message) -> bool:
    """Whether another callback of that kind came between them, which then stands for it."""
    return any(
        request.number < one.number < callback.number for one in conversation.of(callback.action)
    )


def repeats(conversation: Conversation) -> Iterator[Found]:
    """The same message again, to the letter: a sender that got no ACK in time does that."""
    for message, twin in conversation.repeats.items():
        yield Found(message, "", f"is {twin.file} once more")


def times(conversation: Conversation) -> Iterator[Found]:
    """Timestamps of one sender rise. What is said once more bears its old time.

    Messages that are worth nothing after their ttl travel beside those about the order, so one may
    overtake the other, but not by more than a minute.
    """
    last: dict[tuple[bool, str | None, bool], tuple[int, Message]] = {}
    for message in conversation.messages:
        sender = (message.is_callback, message.ctx("bpp_id" if message.is_callback else "bap_id"))
        moment = _ms(message)
        if moment is None or message in conversation.repeats:
            continue
        passes = message.action.removeprefix("on_") in _PASSING and not (
            conversation.is_unsolicited(message)
        )
        before, beside = last.get((*sender, passes)), last.get((*sender, not passes))
        late = before if before is not None and moment <= before[0] else None
        if beside is not None and moment < beside[0] - OVERTAKEN_MS:
            late = beside
        if late is not None:
            reason = f"is not later than {late[1].file} of the same sender"
            yield Found(message, "/context/timestamp", reason)
        else:
            last[(*sender, passes)] = (moment, message)


def answers_after(conversation: Conversation) -> Iterator[Found]:
    """An answer bears no earlier time than its request."""
    for message in conversation.messages:
        request = conversation.request_of(message) if message.is_callback else None
        if request is None:
            continue
        asked, answered = _ms(request), _ms(message)
        if asked is not None and answered is not None and answered < asked:
            reason = f"is earlier than the {request.action} it answers"
            yield Found(message, "/context/timestamp", reason)


def late(conversation: Conversation) -> Iterator[Found]:
    """An answer comes while its request is fresh."""
    for message in conversation.messages:
        request = conversation.request_of(message) if message.is_callback else None
        ttl = request.ctx("ttl") if request is not None else None
        if request is None or ttl is None or not _is_duration(ttl):
            continue
        asked, answered = _ms(request), _ms(message)
        if asked is None or answered is None or message in conversation.repeats:
            continue
        if answered - asked > 1000 * duration.seconds(ttl):
            reason = f"is later than the ttl of {request.file}, {ttl}"
            yield Found(message, "/context/timestamp", reason)


def _ms(message: Message) -> int | None:
    try:
        return timestamp.parse_ms(message.ctx("timestamp") or "")
    except Malformed:
        return None


def hosts(conversation: Conversation) -> Iterator[Found]:
    """A subscriber id is a bare name and its first label that of the uri's host.

    A network on one machine has no names: its hosts are all this machine.
    """
    for message in conversation.messages:
        for party in ("bap", "bpp"):
            name, uri = message.ctx(f"{party}_id"), message.ctx(f"{party}_uri")
            host = urlsplit(uri).hostname if uri and "://" in uri and "[" not in uri else None
            if host in _THIS_MACHINE:
                continue
            if name and host and name.split("/")[0].split(".")[0] != host.split(".")[0]:
                yield Found(message, f"/context/{party}_uri", f"{host} is not the host of {name}")
