"""A recorded conversation, and of each message the parts that rules ask for, in any dialect.

Nothing here is trusted: what has the wrong shape reads as absent, and the schema rules say so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from protocol_specs.validate.words import CALLBACKS, UNSOLICITED, WORDS, Words

Json = Mapping[str, Any]
Part = tuple[str, Json]
"""A JSON pointer within the message, and the object there."""


@dataclass(frozen=True, slots=True)
class Unread:
    """A file that holds no message: why, and under which code it is reported."""

    file: str
    code: str
    path: str
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class Message:
    """One recorded message. `number` is its place in the conversation."""

    file: str
    number: int
    document: Json
    words: Words
    action: str
    context: Json
    body: Json
    order: Json
    fulfillments: tuple[Part, ...]
    items: tuple[Part, ...]
    payments: tuple[Part, ...]
    quote: Json

    @property
    def is_callback(self) -> bool:
        """Said by the provider."""
        return self.action in CALLBACKS

    @property
    def failed(self) -> bool:
        """A callback that says error and not message."""
        return "error" in self.document and not self.body

    @property
    def status(self) -> str | None:
        """The order's word: order.status, in the older shape order.state."""
        return text(self.order.get("state" if self.words.flat else "status"))

    @property
    def status_path(self) -> str:
        """Where that word stands."""
        return f"/message/order/{'state' if self.words.flat else 'status'}"

    def ctx(self, name: str) -> str | None:
        """A text of the context, None where there is none."""
        return text(self.context.get(name))


def message_of(file: str, number: int, document: Json, dialect: str) -> Message:
    """The message in `document`, which is known to have a context and an action."""
    words = WORDS[dialect]
    context, body = obj(document.get("context")), obj(document.get("message"))
    order = obj(body.get("order"))
    at = "/message/order"
    payments = [(f"{at}/payment", order["payment"])] if "payment" in order and words.flat else None
    return Message(
        file=file,
        number=number,
        document=document,
        words=words,
        action=str(context.get("action")),
        context=context,
        body=body,
        order=order,
        fulfillments=parts(order.get("fulfillments"), f"{at}/fulfillments"),
        items=parts(order.get("items"), f"{at}/items"),
        payments=tuple((path, obj(part)) for path, part in payments)
        if payments
        else parts(order.get("payments"), f"{at}/payments"),
        quote=obj(order.get("quote")),
    )


@dataclass(frozen=True, slots=True, eq=False)
class Conversation:
    """Messages in the order in which they were recorded. `whole`: a folder was given, so what is
    not there was not said; one file alone is judged by itself."""

    path: str
    messages: tuple[Message, ...]
    unread: tuple[Unread, ...] = ()
    whole: bool = True
    _cache: dict[str, Any] = field(default_factory=dict)

    def of(self, *actions: str) -> Iterator[Message]:
        """The messages of these actions, in order."""
        return (message for message in self.messages if message.action in actions)

    def first(self, *actions: str) -> Message | None:
        """The first of these actions that does not report an error."""
        return next((found for found in self.of(*actions) if not found.failed), None)

    def once(self, name: str, make: Callable[[Conversation], Any]) -> Any:
        """What several rules need and one computes."""
        if name not in self._cache:
            self._cache[name] = make(self)
        return self._cache[name]

    @property
    def repeats(self) -> Mapping[Message, Message]:
        """Messages that say an earlier one again, to the letter, each with that earlier one."""
        found: Mapping[Message, Message] = self.once("repeats", _repeats)
        return found

    def request_of(self, callback: Message) -> Message | None:
        """The request that a callback answers, by action and message_id; None: it answers none."""
        asked = self.once("asked", _asked)
        found: Message | None = asked.get(
            (CALLBACKS.get(callback.action), callback.ctx("message_id"))
        )
        return found

    def is_unsolicited(self, callback: Message) -> bool:
        """Whether it came unasked, as three callbacks may."""
        return callback.action in UNSOLICITED and self.request_of(callback) is None


def _repeats(conversation: Conversation) -> dict[Message, Message]:
    found: dict[Message, Message] = {}
    said: dict[tuple[str, str | None], list[Message]] = {}
    for message in conversation.messages:
        before = said.setdefault((message.action, message.ctx("message_id")), [])
        if twin := next((one for one in before if one.document == message.document), None):
            found[message] = twin
        before.append(message)
    return found


def _asked(conversation: Conversation) -> dict[tuple[str, str | None], Message]:
    asked: dict[tuple[str, str | None], Message] = {}
    for message in conversation.messages:
        if not message.is_callback:
            asked.setdefault((message.action, message.ctx("message_id")), message)
    return asked


def obj(value: object) -> Json:
    """The object, or an empty one."""
    return value if isinstance(value, dict) else {}


def text(value: object) -> str | None:
    """The text, or None."""
    return value if isinstance(value, str) and value else None


def parts(value: object, path: str) -> tuple[Part, ...]:
    """The objects of a list with their places."""
    if not isinstance(value, list):
        return ()
    return tuple((f"{path}/{n}", part) for n, part in enumerate(value) if isinstance(part, dict))


def texts(value: object, path: str) -> Iterator[tuple[str, str]]:
    """The texts of a list with their places."""
    for n, part in enumerate(value if isinstance(value, list) else ()):
        if isinstance(part, str):
            yield f"{path}/{n}", part


def state_of(fulfillment: Json) -> str | None:
    """state.descriptor.code, the same in all dialects."""
    return text(obj(obj(fulfillment.get("state")).get("descriptor")).get("code"))


def stops_of(path: str, fulfillment: Json) -> Iterator[tuple[str, str, Json]]:
    """(type, place, stop) of each stop; in the older shape start and end are START and END."""
    for at, stop in parts(fulfillment.get("stops"), f"{path}/stops"):
        yield str(stop.get("type")).upper(), at, stop
    for name in ("start", "end"):
        if isinstance(fulfillment.get(name), dict):
            yield name.upper(), f"{path}/{name}", fulfillment[name]
