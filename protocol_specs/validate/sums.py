"""Money: quotes that add up to the minor unit, in one currency, and stay what was agreed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from protocol_specs.validate.conversation import Conversation, Json, Message, obj, parts, text
from protocol_specs.validate.rule import Found
from protocol_specs.wire import money
from protocol_specs.wire.errors import Malformed

_QUOTE = "/message/order/quote"
_CHARGES = frozenset({"CANCELLATION_CHARGES", "BASE_FARE", "rto"})


def add_up(conversation: Conversation) -> Iterator[Found]:
    """The lines of a quote sum to its price."""
    for message, (whole, *lines) in quotes(conversation).items():
        minors = [line.minor for line in lines if line.minor is not None]
        if whole.minor is None or whole.currency is None or not lines or len(minors) < len(lines):
            continue  # what is no amount is named by the rule about amounts
        difference = whole.minor - sum(minors)
        if difference:
            shown = money.amount(abs(difference), whole.currency)
            way = "much" if difference > 0 else "little"
            reason = f"is not the sum of its breakup: {shown} too {way}"
            yield Found(message, f"{_QUOTE}/price/value", reason)


def amounts(conversation: Conversation) -> Iterator[Found]:
    """Every amount of a quote is a decimal text no finer than its currency."""
    for message, priced in quotes(conversation).items():
        for path, line, minor, code in priced:
            if minor is None and code is not None:
                value = str(obj(line.get("price")).get("value"))[:20]
                reason = f"{value!r} is no amount of {code} such as 249.50"
                yield Found(message, f"{path}/price/value", reason)


def signs(conversation: Conversation) -> Iterator[Found]:
    """A refund takes away, at most the fare; a charge adds; a total is never below zero."""
    for message, (whole, *lines) in quotes(conversation).items():
        for path, line, minor, _ in lines:
            title = _title(line)
            if minor is not None and title == "REFUND" and minor > 0:
                yield Found(message, f"{path}/price/value", "a REFUND is not positive")
            elif minor is not None and title in _CHARGES and minor < 0:
                yield Found(message, f"{path}/price/value", f"{title} is not negative")
        if refunded(lines) > charged(lines):
            yield Found(message, _QUOTE, "refunds more than the fare that was charged")
        if (whole.minor or 0) < 0:
            yield Found(message, f"{_QUOTE}/price/value", "a total is not negative")


def refunded(lines: Iterable[Priced]) -> int:
    """What refund lines give back."""
    return -sum(line.minor or 0 for line in lines if _title(line.line) == "REFUND")


def charged(lines: Iterable[Priced]) -> int:
    """The fare: all lines but refunds and the fee for cancelling, which nobody gives back."""
    apart = ("REFUND", "CANCELLATION_CHARGES")
    return sum(line.minor or 0 for line in lines if _title(line.line) not in apart)


def currency(conversation: Conversation) -> Iterator[Found]:
    """One currency all along."""
    first: str | None = None
    for message, priced in quotes(conversation).items():
        for path, _, _, code in priced:
            first = first or code
            if code is not None and code != first:
                yield Found(message, f"{path}/price/currency", f"is {code}, but was {first} before")


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


class Priced(NamedTuple):
    """A line of a breakup, or the whole: its place, the object, minor units and currency."""

    path: str
    line: Json
    minor: int | None
    currency: str | None


def quotes(conversation: Conversation) -> dict[Message, list[Priced]]:
    """Of each message with a quote, the price and then the lines of its breakup."""
    found: dict[Message, list[Priced]] = conversation.once("quotes", _quotes)
    return found


def _quotes(conversation: Conversation) -> dict[Message, list[Priced]]:
    return {
        message: [
            _priced(_QUOTE, message.quote),
            *(
                _priced(path, line)
                for path, line in parts(message.quote.get("breakup"), f"{_QUOTE}/breakup")
            ),
        ]
        for message in conversation.messages
        if message.quote
    }


def _priced(path: str, line: Json) -> Priced:
    price = line.get("price")
    return Priced(path, line, _minor(price), _currency(price))


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
