"""Plants one defect at a time in a recorded conversation, and says how it must be found."""

import copy
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from protocol_specs.validate.conversation import Conversation, Message, Unread, parts, state_of
from protocol_specs.validate.reading import read_document
from protocol_specs.validate.rules import MONEY_RULES, Verdict, judge
from protocol_specs.validate.states import ON_BOARD, Stand, agent_of, stands
from protocol_specs.validate.words import CALLBACKS, RETURN, UNSOLICITED

Document = dict[str, Any]
Files = list[tuple[str, Document]]
DELETED = object()
ELSEWHERE = object()
"""A path that need not be the planted one: what is deleted shows at what refers to it."""

CLASSES = ("chain", "sum", "ids", "state order", "enumeration", "format", "missing part")


@dataclass(frozen=True)
class Plant:
    """One defect: `value` put at `pointer` of a file (None: the file is left out).

    It must be found under one of `codes`; in that file and at `path` unless that is ELSEWHERE.
    """

    kind: str
    file: str
    pointer: str | None
    value: Any
    codes: tuple[str, ...]
    path: Any = None


def conversation_of(files: Files, path: str = "a test") -> Conversation:
    """The conversation that these documents would be read as."""
    read = [read_document(name, n, document) for n, (name, document) in enumerate(files)]
    return Conversation(
        path=path,
        messages=tuple(one for one in read if isinstance(one, Message)),
        unread=tuple(one for one in read if isinstance(one, Unread)),
    )


def planted(files: Files, plant: Plant) -> Files:
    """A copy of the conversation with the defect in it."""
    if plant.pointer is None:
        return [(name, document) for name, document in files if name != plant.file]
    return [
        (name, changed(document, plant.pointer, plant.value) if name == plant.file else document)
        for name, document in files
    ]


def changed(document: Document, pointer: str, value: Any) -> Document:
    """A copy with another value at the JSON pointer, or without it."""
    made = copy.deepcopy(document)
    *way, last = [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]
    node: Any = made
    for step in way:
        node = node[int(step)] if isinstance(node, list) else node[step]
    key: Any = int(last) if isinstance(node, list) else last
    if value is DELETED:
        del node[key]
    else:
        node[key] = value
    return made


def is_faulty(before: Verdict, plant: Plant) -> bool:
    """Whether the place is already told of as that defect would be, or is unknown altogether."""
    path = plant.path if isinstance(plant.path, str) else plant.pointer or ""
    return any(
        fault.file == plant.file
        and (
            (fault.path == path and fault.code in plant.codes)
            or (fault.code == "unknown" and path.startswith(f"{fault.path}/"))
        )
        for fault in before.faults
    )


def is_found(before: Verdict, after: Verdict, plant: Plant) -> bool:
    """Whether the defect brought a new fault of its class, in its place."""
    known = {(fault.file, fault.path, fault.code) for fault in before.faults}
    new = [one for one in after.faults if (one.file, one.path, one.code) not in known]
    named = [one for one in new if one.code in plant.codes]
    if plant.path is ELSEWHERE:
        return bool(named)
    path = plant.path or plant.pointer
    return any(one.file == plant.file and one.path == path for one in named)


def misses(files: Files, plants: list[Plant]) -> Iterator[Plant]:
    """The defects that are not found."""
    before = judge(conversation_of(files))
    for plant in plants:
        if is_faulty(before, plant):
            continue
        if not is_found(before, judge(conversation_of(planted(files, plant))), plant):
            yield plant


def plants(files: Files) -> list[Plant]:
    """Every defect that can be planted in this conversation, of every class."""
    conversation = conversation_of(files)
    return [
        *_chain(conversation),
        *_sums(conversation),
        *_ids(conversation),
        *_states(conversation),
        *_words(conversation),
        *_forms(conversation),
        *_missing(conversation),
    ]


def _chain(conversation: Conversation) -> Iterator[Plant]:
    def plant(message: Message, pointer: str, value: Any, code: str) -> Plant:
        return Plant("chain", message.file, pointer, value, (code,))

    first = conversation.messages[0]
    seen: set[tuple[bool, str | None]] = set()
    for message in conversation.messages:
        asked = conversation.request_of(message) if message.is_callback else None
        if asked is not None and _answers_alone(conversation, message, asked):
            yield plant(message, "/context/message_id", str(uuid.uuid4()), "chain.message_id")
        if message is not first and not message.is_callback:
            taken = first.ctx("message_id")
            yield plant(message, "/context/message_id", taken, "chain.message_id")
        yield plant(message, "/context/transaction_id", str(uuid.uuid4()), "chain.transaction_id")
        yield plant(message, "/context/bap_id", "someone-else.example", "chain.party")
        sender = (message.is_callback, message.ctx("bpp_id" if message.is_callback else "bap_id"))
        if sender in seen and message not in conversation.repeats:
            early = "2001-01-01T00:00:00.000Z"
            yield plant(message, "/context/timestamp", early, "chain.timestamp")
        seen.add(sender)
        city = "/context/city" if message.words.flat else "/context/location/city/code"
        if message.words.flat or "city" in message.context.get("location", {}):
            yield plant(message, city, "std:0999", "chain.place")
        same = message.ctx("transaction_id")
        yield plant(message, "/context/message_id", same, "chain.ids")


def _answers_alone(conversation: Conversation, message: Message, asked: Message) -> bool:
    answers = [
        one for one in conversation.of(message.action) if conversation.request_of(one) is asked
    ]
    between = [
        one for one in conversation.of(message.action) if asked.number < one.number < message.number
    ]
    return answers == [message] and not (between and message.action in UNSOLICITED)


def _sums(conversation: Conversation) -> Iterator[Plant]:
    price = "/message/order/quote/price/value"
    for message in conversation.messages:
        if not _is_plain_quote(conversation, message):
            continue
        for path, line in parts(message.quote.get("breakup"), "/message/order/quote/breakup"):
            more = f"{float(line['price']['value']) + 0.01:.2f}"
            yield Plant("sum", message.file, f"{path}/price/value", more, ("sum.quote",), price)
            other = f"{path}/price/currency"
            yield Plant("sum", message.file, other, "USD", ("sum.currency",))
        total = f"{float(message.quote['price']['value']) + 1:.2f}"
        yield Plant("sum", message.file, price, total, ("sum.quote",))


def _is_plain_quote(conversation: Conversation, message: Message) -> bool:
    """Whether its sum holds before a defect is planted in it."""
    if not message.quote or not message.quote.get("breakup"):
        return False
    faults = conversation.once("sums", lambda one: judge(one, MONEY_RULES).faults)
    return not any(fault.file == message.file for fault in faults)


def _ids(conversation: Conversation) -> Iterator[Plant]:
    has_catalog = any("catalog" in message.body for message in conversation.messages)
    named = False
    for message in conversation.messages:
        if message.order and has_catalog:
            if "id" in message.order.get("provider", {}):
                yield _unknown(message, "/message/order/provider/id")
            for path, item in message.items:
                if "id" in item:
                    yield _unknown(message, f"{path}/id")
            for path, fulfillment in message.fulfillments:
                may_add = message.action in ("on_select", "on_init", "on_cancel")
                if "id" in fulfillment and not may_add:
                    yield _unknown(message, f"{path}/id")
        source = message.action == message.words.order_id_from
        for pointer, holder in (
            ("/message/order/id", message.order),
            ("/message/order_id", message.body),
        ):
            if named and not source and pointer.rsplit("/", 1)[1] in holder:
                yield Plant("ids", message.file, pointer, "another", ("id.order",))
        named = named or (source and "id" in message.order)


def _unknown(message: Message, pointer: str) -> Plant:
    return Plant("ids", message.file, pointer, "never-offered", ("id.unknown",))


def _states(conversation: Conversation) -> Iterator[Plant]:
    """A state one below what was already reached; and an order that is over while its job runs."""
    reached: dict[str, Stand] = {}
    for stand in stands(conversation):
        key, ladder = str(stand.fulfillment.get("id")), stand.ladder
        if ladder in (None, RETURN) or stand.rank is None or stand.message in conversation.repeats:
            continue
        before = reached.get(key)
        if before is not None and before.rank and not _may_be_reassigned(before, stand):
            lower = next(w for w, rank in before.ladder.ranks.items() if rank == before.rank - 1)
            yield Plant(
                "state order", stand.message.file, stand.state_path, lower, ("state.order",)
            )
        if before is None or stand.rank >= (before.rank or 0) or _may_be_reassigned(before, stand):
            reached[key] = stand
    for message in conversation.of("on_confirm"):
        if message.status is not None:
            over = next(iter(message.words.cancelled))
            codes = ("state.agree", "state.status")
            yield Plant("state order", message.file, message.status_path, over, codes)


def _may_be_reassigned(before: Stand, stand: Stand) -> bool:
    """Whether going back could be another agent's beginning."""
    assert before.ladder is not None
    assert before.rank is not None
    if not before.ladder.assigned <= before.rank < ON_BOARD:
        return False
    return agent_of(before) != agent_of(stand)


def _words(conversation: Conversation) -> Iterator[Plant]:
    for message in conversation.messages:
        for path, fulfillment in message.fulfillments:
            if state_of(fulfillment) and message.action in ("on_confirm", *UNSOLICITED):
                pointer = f"{path}/state/descriptor/code"
                yield Plant("enumeration", message.file, pointer, "FLYING", ("state.known", "enum"))
        if message.status is not None and message.action in message.words.statuses:
            codes = ("state.status", "enum")
            yield Plant("enumeration", message.file, message.status_path, "GOING", codes)
        for path, payment in message.payments:  # the older shape has one, not a list
            for name in {"type", "status", "collected_by"} & payment.keys():
                pointer = f"{path}/{name}"
                yield Plant("enumeration", message.file, pointer, "MAYBE", ("enum",))


def _forms(conversation: Conversation) -> Iterator[Plant]:
    for message in conversation.messages:
        for name, value in (("timestamp", "yesterday"), ("ttl", "30 seconds")):
            if name in message.context:
                yield Plant("format", message.file, f"/context/{name}", value, ("format",))
        if message.words.millis:
            coarse = "2099-01-01T00:00:00Z"
            yield Plant("format", message.file, "/context/timestamp", coarse, ("format",))
        if _is_plain_quote(conversation, message):
            pointer = "/message/order/quote/price/value"
            yield Plant("format", message.file, pointer, "12,50", ("format", "sum.amount"))
        for pointer in places(message.document):
            yield Plant("format", message.file, pointer, "somewhere", ("format",))


def places(node: Any, path: str = "") -> Iterator[str]:
    """Where a document says a position."""
    for name, value in node.items() if isinstance(node, dict) else enumerate(node):
        below = f"{path}/{str(name).replace('~', '~0').replace('/', '~1')}"
        if name == "gps":
            yield below
        elif isinstance(value, dict | list):
            yield from places(value, below)


def _missing(conversation: Conversation) -> Iterator[Plant]:
    needed = ("timestamp", "message_id", "transaction_id", "bap_uri", "bpp_uri")
    for message in conversation.messages:
        for name in needed:
            if name in message.context and message.action != "search":
                pointer = f"/context/{name}"
                yield Plant("missing part", message.file, pointer, DELETED, ("missing",))
        if message.action in ("on_confirm", "on_update") and "id" in message.order:
            pointer, codes = "/message/order/id", ("id.missing", "missing")
            yield Plant("missing part", message.file, pointer, DELETED, codes)
        if not _is_needed(conversation, message):
            continue
        codes = ("sequence.missing", "sequence.unanswered", "chain.message_id", "sequence.order")
        yield Plant("missing part", message.file, None, None, codes, ELSEWHERE)


def _is_needed(conversation: Conversation, message: Message) -> bool:
    """Whether its absence can be seen: an unasked callback and a repetition are not missed."""
    alike = list(conversation.of(message.action))
    if message in conversation.repeats or conversation.repeats.get(message) is not None:
        return False
    if message.is_callback:
        asked = conversation.request_of(message)
        return asked is not None and len(alike) == 1 and CALLBACKS[message.action] != "search"
    return f"on_{message.action}" not in UNSOLICITED and any(
        conversation.request_of(one) is message for one in conversation.messages if one.is_callback
    )
