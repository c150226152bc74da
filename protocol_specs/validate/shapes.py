"""The schema rules: every message against the strict profile of its dialect."""

from __future__ import annotations

import functools
import itertools
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

BOUNDS = "bounds"


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
    if schemas is None or message.action not in schemas.actions:
        return
    try:
        schemas.validate(message.action, message.document)
    except Refused:
        document = dict(message.document)
        for fault in itertools.islice(schemas.faults(message.action, document), FAULTS_MAX):
            pointer, _, reason = fault.reason.partition(" ")
            code = CODES.get(fault.keyword, BOUNDS)
            where = pointer.rstrip(":") if pointer.startswith("/") else fault.at
            if where == "/context/version" and message.ctx("version") in message.words.older:
                continue  # told once, as chain.old_version
            yield code, Found(message, where, reason)


@functools.cache
def schemas_of(dialect: str) -> Schemas | None:
    """The strict schemas of a dialect."""
    try:
        return Schemas.load("strict", dialect)
    except KeyError:
        return None
