"""Terms between the platforms: given where the dialect wants them, kept, and accepted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from protocol_specs.validate.conversation import Conversation, Json, Message, obj, parts
from protocol_specs.validate.ids import providers_of
from protocol_specs.validate.rule import Found
from protocol_specs.validate.words import DELIVERIES, LOG_125, TRV_20, TRV_21
from protocol_specs.wire import tags

Groups = Mapping[str, Mapping[str, str]]

_TRV_21 = {
    "search": ("BAP_TERMS",),
    "on_search": ("BPP_TERMS",),
    "init": ("BAP_TERMS",),
    "on_init": ("BPP_TERMS",),
    "confirm": ("BAP_TERMS", "BPP_TERMS"),
    "on_confirm": ("BAP_TERMS", "BPP_TERMS"),
}
_TRV_20 = dict.fromkeys(_TRV_21, ("BUYER_FINDER_FEES", "SETTLEMENT_TERMS"))
_LOG = {
    "on_search": ("bpp_terms",),
    "init": ("bap_terms",),
    "on_init": ("bpp_terms",),
    "confirm": ("bap_terms",),
}
WANTED: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    TRV_20: _TRV_20,
    TRV_21: _TRV_21,
    LOG_125: _LOG,
}
"""Groups that each action must carry, by dialect."""

_AGREED = (
    "BUYER_FINDER_FEES_PERCENTAGE",
    "SETTLEMENT_WINDOW",
    "SETTLEMENT_BASIS",
    "SETTLEMENT_TYPE",
    "MANDATORY_ARBITRATION",
    "COURT_JURISDICTION",
    "DELAY_INTEREST",
    "STATIC_TERMS",
)
_SETTLED = ("init", "on_init", "confirm", "on_confirm")
_YES = frozenset({"yes", "y", "true"})


def missing(conversation: Conversation) -> Iterator[Found]:
    """The groups of terms that an action must carry."""
    for message in conversation.messages:
        wanted = WANTED.get(message.words.dialect, {}).get(message.action, ())
        if not wanted or message.failed:
            continue
        path, groups = given(message)
        for name in wanted:
            if name not in groups:
                yield Found(message, path, f"lacks the terms {name}, which {message.action} gives")


def changed(conversation: Conversation) -> Iterator[Found]:
    """Terms stay what the party that set them first said, from its init or on_init on."""
    first: dict[tuple[str, str], tuple[str, str]] = {}
    for message in conversation.of(*_SETTLED):
        path, groups = given(message)
        for name, values in groups.items():
            owner = _owner(message)
            for code in _AGREED:
                value = values.get(code)
                if value is None:
                    continue
                before = first.setdefault((f"{owner}{name}", code), (value, message.file))
                if before[0].lower() != value.lower():
                    reason = f"{name} {code} is {value[:60]}, but was {before[0][:60]}"
                    yield Found(message, path, f"{reason} in {before[1]}")


def _owner(message: Message) -> str:
    """In 2.0 both parties write groups of one name, each its own; in 2.1 the name says whose."""
    if message.words.dialect != TRV_20:
        return ""
    return "BPP " if message.is_callback else "BAP "


def refused(conversation: Conversation) -> Iterator[Found]:
    """The buyer's side says that it takes the provider's terms (LOG10 1.2.5: accept_bpp_terms)."""
    for message in conversation.of("init", "confirm"):
        if message.words.dialect not in DELIVERIES:
            continue
        for path, group in parts(message.order.get("tags"), "/message/order/tags"):
            if group.get("code") != "bap_terms":
                continue
            for where, tag in parts(group.get("list"), f"{path}/list"):
                is_asked = tag.get("code") == "accept_bpp_terms"
                if is_asked and str(tag.get("value")).lower() not in _YES:
                    shown = str(tag.get("value"))[:20]
                    yield Found(message, f"{where}/value", f"is {shown}: terms not accepted")


def collector(conversation: Conversation) -> Iterator[Found]:
    """Who collects stays who was named in init."""
    first: tuple[str, Message] | None = None
    for message in conversation.of(*_SETTLED, "on_update", "on_status", "on_cancel"):
        for path, payment in message.payments:
            who = payment.get("collected_by")
            if not isinstance(who, str):
                continue
            if first is None:
                first = (who, message)
            elif who.upper() != first[0].upper():
                reason = f"is {who[:20]}, but was {first[0][:20]} in {first[1].file}"
                yield Found(message, f"{path}/collected_by", reason)


def given(message: Message) -> tuple[str, Groups]:
    """Where a message of this dialect carries its terms, and the groups there."""
    if message.words.dialect == TRV_20:
        return _in_payments(message)
    if message.action == "search":
        return "/message/intent/tags", tags.read(obj(message.body.get("intent")).get("tags"))
    if message.action == "on_search":
        catalog = obj(message.body.get("catalog"))
        if message.words.flat:
            described: Json = obj(catalog.get("bpp/descriptor"))
            return "/message/catalog/bpp~1descriptor/tags", tags.read(described.get("tags"))
        return "/message/catalog/tags", tags.read(catalog.get("tags"))
    return "/message/order/tags", tags.read(message.order.get("tags"))


def _in_payments(message: Message) -> tuple[str, Groups]:
    if message.action == "search":
        payment = obj(obj(message.body.get("intent")).get("payment"))
        return "/message/intent/payment/tags", tags.read(payment.get("tags"))
    if message.action == "on_search":
        for path, provider in providers_of(message):
            for where, payment in parts(provider.get("payments"), f"{path}/payments"):
                return f"{where}/tags", tags.read(payment.get("tags"))
        return "/message/catalog/providers", {}
    for path, payment in message.payments:
        return f"{path}/tags", tags.read(payment.get("tags"))
    return "/message/order/payments", {}
