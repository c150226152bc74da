"""Money: quotes that add up to the minor unit, in one currency, and stay what was agreed."""

from __future__ import annotations

from collections.abc import Iterator

from protocol_specs.validate.conversation import Conversation, Json, Message, obj, parts, text
from protocol_specs.validate.rule import Found
from protocol_specs.wire import money
from protocol_specs.wire.errors import Malformed

_QUOTE = "/message/order/quote"


def add_up(conversation: Conversation) -> Iterator[Found]:
    """The lines of a quote sum to its price."""
    for message in conversation.messages:
        price = _minor(message.quote.get("price"))
        lines = _lines(message)
        if price is None or not lines or any(minor is None for *_, minor in lines):
            continue  # what is no amount is named by the rule about amounts
        total = sum(minor for *_, minor in lines if minor is not None)
        if total != price:
            difference = _shown(price - total, message)
            reason = f"is not the sum of its breakup: {difference} too {_way(price - total)}"
            yield Found(message, f"{_QUOTE}/price/value", reason)


def _shown(minor: int, message: Message) -> str:
    return money.amount(abs(minor), _currency(message.quote.get("price")) or "INR")


def _way(minor: int) -> str:
    return "much" if minor > 0 else "little"


def amounts(conversation: Conversation) -> Iterator[Found]:
    """Every amount of a quote is a decimal text no finer than its currency."""
    for message in conversation.messages:
        priced = [(f"{_QUOTE}/price", message.quote.get("price"))] if message.quote else []
        priced += [(f"{path}/price", line.get("price")) for path, line, _ in _lines(message)]
        for path, price in priced:
            if price is not None and _minor(price) is None and _currency(price) is not None:
                value = str(obj(price).get("value"))[:20]
                reason = f"{value!r} is no amount of {_currency(price)} such as 249.50"
                yield Found(message, f"{path}/value", reason)


def signs(conversation: Conversation) -> Iterator[Found]:
    """A refund takes away, a charge adds, and a total is never below zero."""
    for message in conversation.messages:
        for path, line, minor in _lines(message):
            title = _title(line)
            if minor is None:
                continue
            if title == "REFUND" and minor > 0:
                yield Found(message, f"{path}/price/value", "a REFUND is not positive")
            elif title in ("CANCELLATION_CHARGES", "BASE_FARE", "rto") and minor < 0:
                yield Found(message, f"{path}/price/value", f"{title} is not negative")
        if (_minor(message.quote.get("price")) or 0) < 0:
            yield Found(message, f"{_QUOTE}/price/value", "a total is not negative")


def currency(conversation: Conversation) -> Iterator[Found]:
    """One currency all along."""
    first: str | None = None
    for message in conversation.messages:
        priced = [(f"{_QUOTE}/price", message.quote.get("price"))] if message.quote else []
        priced += [(f"{path}/price", line.get("price")) for path, line, _ in _lines(message)]
        for path, price in priced:
            given = _currency(price)
            first = first or given
            if given is not None and given != first:
                yield Found(message, f"{path}/currency", f"is {given}, but was {first} before")


def agreed(conversation: Conversation) -> Iterator[Found]:
    """What on_init offers is what is confirmed: in confirm where it carries a quote, in on_confirm
    always."""
    offered: Message | None = None
    for message in conversation.of("on_init", "confirm", "on_confirm"):
        if not message.quote:
            continue
        if message.action == "on_init":
            offered = message
        elif offered is not None and (reason := _differs(offered.quote, message.quote)):
            yield Found(message, f"{_QUOTE}/price/value", f"{reason} in {offered.file}")


def _differs(before: Json, now: Json) -> str | None:
    offered, given = before.get("price"), now.get("price")
    if _minor(offered) != _minor(given):
        return f"is {obj(given).get('value')}, but was {obj(offered).get('value')}"
    return None


def _lines(message: Message) -> list[tuple[str, Json, int | None]]:
    """(place, line, minor units) of each line of the breakup."""
    return [
        (path, line, _minor(line.get("price")))
        for path, line in parts(message.quote.get("breakup"), f"{_QUOTE}/breakup")
    ]


def _title(line: Json) -> str | None:
    return text(line.get("title")) or text(line.get("@ondc/org/title_type"))


def _currency(price: object) -> str | None:
    given = text(obj(price).get("currency"))
    try:
        if given is not None:
            money.exponent(given)
            return given
    except Malformed:
        pass  # the schema names a currency that is none
    return None


def _minor(price: object) -> int | None:
    given, code = obj(price).get("value"), _currency(price)
    if not isinstance(given, str) or code is None:
        return None
    try:
        return money.minor_units(given, code)
    except Malformed:
        return None
