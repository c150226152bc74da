"""The schema rules: every message against the strict profile of its dialect."""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Callable, Iterator

from protocol_specs.validate.conversation import Conversation, Message
from protocol_specs.validate.rule import Found
from protocol_specs.wire.errors import Refused
from protocol_specs.wire.schema import Schemas

FAULTS_MAX = 50
"""Of one message; more would only hide the first ones."""

CODES = {
    "enum": "enum",
    "const": "enum",
    "format": "format",
    "pattern": "format",
    "required": "missing",
    "minItems": "missing",
    "contains": "missing",
    "minContains": "missing",
    "anyOf": "missing",
    "minProperties": "missing",
    "type": "type",
    "additionalProperties": "unknown",
}
"""The code under which each keyword of a schema is reported; the others are `bounds`."""

BOUNDS, UUID, TAG = "bounds", "uuid", "tag.text"
_TAG_VALUE = re.compile(r"/tags/[0-9]+/list/[0-9]+/value\Z")
_IDS = ("/context/transaction_id", "/context/message_id")


def by_code(code: str) -> Callable[[Conversation], Iterator[Found]]:
    """The check for one code."""

    def check(conversation: Conversation) -> Iterator[Found]:
        for found_code, found in conversation.once("shapes", _all):
            if found_code == code:
                yield found

    return check


def _all(conversation: Conversation) -> list[tuple[str, Found]]:
    return [one for message in conversation.messages for one in _faults(message)]


def _faults(message: Message) -> Iterator[tuple[str, Found]]:
    schemas = schemas_of(message.words.dialect)
    if message.action not in schemas.actions:
        return
    try:
        schemas.validate(message.action, message.document)  # a third of the cost of listing
    except Refused:
        yield from _listed(message, schemas)


def _listed(message: Message, schemas: Schemas) -> Iterator[tuple[str, Found]]:
    found = list(itertools.islice(_named(message, schemas), FAULTS_MAX))
    wrong_kind = {one.path for code, one in found if code in ("type", TAG)}
    for code, one in found:
        is_same = code not in ("type", TAG) and one.path in wrong_kind  # no word, being no text
        if not is_same and not _is_near(message, one.path):
            yield code, one


def _named(message: Message, schemas: Schemas) -> Iterator[tuple[str, Found]]:
    """Every fault under its code and at its place; what is missing is pointed at itself."""
    for fault in schemas.faults(message.action, dict(message.document)):
        pointer, _, reason = fault.reason.partition(" ")
        where = pointer.rstrip(":") if pointer.startswith("/") else fault.at
        code = CODES.get(fault.keyword, BOUNDS)
        if where in _IDS and code in ("format", BOUNDS):
            code = UUID
        elif code == "type" and _TAG_VALUE.search(where):
            code = TAG
        yield code, Found(message, where, reason)


def _is_near(message: Message, path: str) -> bool:
    """The version or domain of a contract that is judged by its neighbour's rules."""
    name = path.rpartition("/")[2]
    return path == f"/context/{name}" and message.ctx(name) in message.words.near


@functools.cache
def schemas_of(dialect: str) -> Schemas:
    """The strict schemas of a dialect."""
    return Schemas.load("strict", dialect)
