"""Ids: what a message names must exist in what was offered, and an order keeps its name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from protocol_specs.validate.conversation import (
    Conversation,
    Json,
    Message,
    Part,
    obj,
    parts,
    text,
    texts,
)
from protocol_specs.validate.rule import Found

_ORDERS = frozenset(
    f"{on}{action}"
    for action in ("select", "init", "confirm", "status", "update", "cancel")
    for on in ("", "on_")
)
_MAY_ADD = frozenset({"on_select", "on_init", "on_cancel"})
"""Callbacks by which a provider may bring in a fulfillment that its catalog did not have."""


@dataclass(slots=True)
class Offered:
    """The ids that a provider has named so far."""

    providers: set[str] = field(default_factory=set)
    items: set[str] = field(default_factory=set)
    fulfillments: set[str] = field(default_factory=set)
    locations: set[str] = field(default_factory=set)
    categories: set[str] = field(default_factory=set)
    payments: set[str] = field(default_factory=set)


def unknown(conversation: Conversation) -> Iterator[Found]:
    """Provider, items, fulfillments, locations, categories and payments exist where they are named.

    Nothing is unknown before a catalog was seen: a conversation without one is told elsewhere.
    """
    offered = Offered()
    for message in conversation.messages:
        if message.action == "on_search":
            yield from _catalog(message, offered)
        elif message.action in _ORDERS and offered.providers and message.order:
            yield from _order(message, offered)


def _catalog(message: Message, offered: Offered) -> Iterator[Found]:
    """Learns a catalog, and names what refers to nothing in it."""
    for path, provider in providers_of(message):
        _learn(offered.providers, [(path, provider)])
        for kind in ("items", "fulfillments", "locations", "categories", "payments"):
            _learn(getattr(offered, kind), parts(provider.get(kind), f"{path}/{kind}"))
        for where, item in parts(provider.get("items"), f"{path}/items"):
            yield from _references(message, where, item, offered, catalog=True)


def providers_of(message: Message) -> tuple[Part, ...]:
    """The providers of a catalog, in either shape."""
    catalog = obj(message.body.get("catalog"))
    name = "bpp/providers" if message.words.flat else "providers"
    pointer = name.replace("/", "~1")
    return parts(catalog.get(name), f"/message/catalog/{pointer}")


def _learn(known: set[str], given: tuple[Part, ...] | list[Part]) -> None:
    known.update(name for _, part in given if (name := text(part.get("id"))))


def _order(message: Message, offered: Offered) -> Iterator[Found]:
    if message.action in _MAY_ADD:
        _learn(offered.fulfillments, message.fulfillments)
    if message.is_callback and message.action != "on_confirm":
        _learn(offered.payments, message.payments)
    at = "/message/order"
    provider = obj(message.order.get("provider"))
    yield from _check(
        message, f"{at}/provider/id", provider.get("id"), offered.providers, "provider"
    )
    for path, item in message.items:
        yield from _check(message, f"{path}/id", item.get("id"), offered.items, "item")
        yield from _references(message, path, item, offered, catalog=False)
    for path, fulfillment in message.fulfillments:
        name = fulfillment.get("id")
        yield from _check(message, f"{path}/id", name, offered.fulfillments, "fulfillment")
    for path, payment in message.payments:
        if offered.payments:
            name = payment.get("id")
            yield from _check(message, f"{path}/id", name, offered.payments, "payment")


def _references(
    message: Message, path: str, item: Json, offered: Offered, *, catalog: bool
) -> Iterator[Found]:
    """What an item refers to."""
    kinds = ["fulfillment", "location", "category"] + ([] if catalog else ["payment"])
    plural = {"category": "categories"}
    for kind in kinds:
        known: set[str] = getattr(offered, plural.get(kind, f"{kind}s"))
        for where, name in texts(item.get(f"{kind}_ids"), f"{path}/{kind}_ids"):
            if known or kind != "payment":
                yield from _check(message, where, name, known, kind)
    yield from _check(
        message,
        f"{path}/fulfillment_id",
        item.get("fulfillment_id"),
        offered.fulfillments,
        "fulfillment",
    )


def _check(
    message: Message, path: str, name: object, known: set[str], kind: str
) -> Iterator[Found]:
    given = text(name)
    if given is not None and given not in known:
        yield Found(
            message, path, f"there is no {kind} {given[:60]!r} in what the provider offered"
        )


def duplicates(conversation: Conversation) -> Iterator[Found]:
    """Ids of a catalog are unique among their kind."""
    for message in conversation.of("on_search"):
        seen: set[tuple[str, str]] = set()
        for path, provider in providers_of(message):
            groups = [((path, provider),)]
            kinds = ["provider"]
            for kind in ("items", "fulfillments", "locations"):
                groups.append(parts(provider.get(kind), f"{path}/{kind}"))  # type: ignore[arg-type]
                kinds.append(f"{path} {kind}")
            for kind, group in zip(kinds, groups, strict=True):
                for where, part in group:
                    name = text(part.get("id"))
                    if name is not None and (kind, name) in seen:
                        yield Found(message, f"{where}/id", f"{name[:60]!r} stands twice")
                    elif name is not None:
                        seen.add((kind, name))


def orders(conversation: Conversation) -> Iterator[Found]:
    """Every later message names the order by the id it was given."""
    first: tuple[str, Message] | None = None
    source = conversation.messages[0].words.order_id_from if conversation.messages else ""
    made = next((one for one in conversation.of(source) if text(one.order.get("id"))), None)
    if made is not None:
        first = (str(made.order["id"]), made)
    for message in conversation.messages:
        for path, name in _order_ids(message):
            if first is None:
                first = (name, message)
            elif name != first[0] and _binds(message, first[1]):
                reason = f"is {name[:60]}, but the order is {first[0][:60]} ({first[1].file})"
                yield Found(message, path, reason)


def _binds(message: Message, made: Message) -> bool:
    """Before it was named, a status may ask by another id (technical cancellation)."""
    return message.number > made.number or message.is_callback


def _order_ids(message: Message) -> Iterator[tuple[str, str]]:
    for path, given in (
        ("/message/order/id", message.order.get("id")),
        ("/message/order_id", message.body.get("order_id")),
    ):
        if name := text(given):
            yield path, name


def nameless(conversation: Conversation) -> Iterator[Found]:
    """What is about an order says which."""
    for message in conversation.of("on_confirm", "on_status", "on_update", "on_cancel", "update"):
        if message.order and not text(message.order.get("id")):
            yield Found(message, "/message/order/id", "is missing: it must name the order")
    for message in conversation.of("status", "track", "cancel"):
        if not text(message.body.get("order_id")) and not text(message.body.get("ref_id")):
            yield Found(message, "/message/order_id", "is missing: it must name the order")


def payments(conversation: Conversation) -> Iterator[Found]:
    """A payment keeps the id that on_init gave it."""
    for message in conversation.of("confirm"):
        offered = {name for _, one in _offered_payments(conversation) if (name := one.get("id"))}
        for path, payment in message.payments:
            if offered and not text(payment.get("id")):
                yield Found(message, f"{path}/id", "is missing: confirm names on_init's payment")


def _offered_payments(conversation: Conversation) -> tuple[Part, ...]:
    offer = conversation.first("on_init")
    return offer.payments if offer is not None else ()
