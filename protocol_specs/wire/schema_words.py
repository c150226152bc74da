"""Says in words why a schema refused a document.

jsonschema-rs names the place and the keyword that refused; jsonschema judges that one keyword at
that one place again. So the work does not grow with the document: judging a megabyte again in
pure Python, or listing all its faults, takes seconds.
"""

import difflib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import jsonschema_rs
from jsonschema.exceptions import ValidationError

from protocol_specs.wire.schema_oracle import oracle

SHOWN_CHARACTERS_MAX = 60

_PEOPLE = "agent billing contact creds customer dob email jcard person phone callback_phone"
_PLACES = "address area_code gps location map_url stops"
_SECRETS = "authorization instructions params registration"
PERSONAL = frozenset(f"{_PEOPLE} {_PLACES} {_SECRETS}".split())
"""Below these members a refusal does not repeat the value: reasons end up in logs."""

_HELPERS = {
    "additionalProperties": ("properties",),
    "contains": ("minContains",),
    "maxContains": ("contains",),
    "minContains": ("contains",),
}
"""Keywords that mean something only beside others."""

_TYPES = {
    "string": "a text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}

_SENTENCES = {
    "type": "must be {noun}, not {shown}",
    "pattern": "must be {noun}, not {shown}",
    "format": "must be {noun}, not {shown}",
    "minimum": "must be {noun}, not {shown}",
    "maximum": "must be {noun}, not {shown}",
    "const": "must be {limit}, not {shown}",
    "enum": "must be one of {limit}, not {shown}",
    "required": "is missing: {noun} must have it",
    "additionalProperties": "is not a property that {noun} may have{hint}",
    "minLength": "is too short: it must be {noun}",
    "not": "must be {noun}",
    "minItems": "must have at least {limit} members, not {size}",
    "minProperties": "must have at least {limit} members, not {size}",
    "maxLength": "must have at most {limit} characters, not {size}",
    "maxItems": "must have at most {limit} members, not {size}",
    "maxProperties": "must have at most {limit} members, not {size}",
    "oneOf": 'must carry either "message" or "error", and not both',
    "anyOf": 'must carry "message" or "error"',
    "contains": "must contain {part}",
    "minContains": "must contain {part}",
    "maxContains": "must contain {part} only once",
}


def explain(
    schema: Mapping[str, Any], document: Any, error: jsonschema_rs.ValidationError
) -> tuple[str, str]:
    """Where and why: a JSON pointer, and a sentence that begins with it.

    A missing or unknown property is pointed at itself, not at the object around it.
    """
    refusing = _follow(schema, error.schema_path[:-1])
    fault = _judge_again(
        schema, refusing, str(error.schema_path[-1]), _follow(document, error.instance_path)
    )
    if fault is None:  # the two libraries differ: the refusal stands, in the other's words
        pointer = json_pointer(error.instance_path)
        return pointer, f"{pointer or 'the document'}: {error.message[:SHOWN_CHARACTERS_MAX]}"
    segments = [*error.instance_path, *_member(fault, refusing)]
    pointer = json_pointer(segments)
    words = _words(fault, refusing, is_personal=bool(PERSONAL.intersection(segments)))
    return pointer, f"{pointer or 'the document'} {words}"


def json_pointer(segments: Iterable[str | int]) -> str:
    """RFC 6901; the whole document is the empty text. Names are cut to a bearable length."""
    return "".join(
        "/" + str(segment)[:SHOWN_CHARACTERS_MAX].replace("~", "~0").replace("/", "~1")
        for segment in segments
    )


def _follow(node: Any, path: Sequence[str | int]) -> Any:
    for step in path:
        node = node[step]
    return node


def _judge_again(
    schema: Mapping[str, Any], refusing: Mapping[str, Any], keyword: str, instance: Any
) -> ValidationError | None:
    """jsonschema's fault for one keyword; its schema holds that keyword and its helpers alone."""
    names = (keyword, *_HELPERS.get(keyword, ()))
    narrow = {name: refusing[name] for name in names if name in refusing}
    if "properties" in narrow:
        narrow["properties"] = dict.fromkeys(narrow["properties"], True)
    narrow["$defs"] = schema.get("$defs", {})
    return next(iter(oracle(narrow).iter_errors(instance)), None)


def _member(fault: ValidationError, refusing: Mapping[str, Any]) -> list[str]:
    """The missing or unknown property that a fault is about, if it is about one."""
    instance: Any = fault.instance
    if fault.validator == "required":
        return [next(name for name in refusing["required"] if name not in instance)]
    if fault.validator == "additionalProperties":
        known = refusing.get("properties", {})
        return [next(name for name in instance if name not in known)]
    return []


def _words(fault: ValidationError, refusing: Mapping[str, Any], *, is_personal: bool) -> str:
    limit: Any = fault.validator_value
    value: Any = fault.instance
    if fault.validator in ("const", "enum"):
        limit = ", ".join(map(json.dumps, refusing.get("enum", [limit])))
    return _SENTENCES[str(fault.validator)].format(
        noun=refusing.get("title") or _kinds(limit),
        shown=_shown(value, is_personal=is_personal),
        limit=limit,
        size=len(value) if isinstance(value, str | list | dict) else "",
        hint=_hint(_member(fault, refusing), refusing),
        part=refusing.get("contains", {}).get("title", "another member"),
    )


def _kinds(types: Any) -> str:
    """What to call a value that has no title of its own."""
    if isinstance(types, str):
        types = [types]
    named = [_TYPES[name] for name in types if name in _TYPES] if isinstance(types, list) else []
    return " or ".join(named) or "the object around it"


def _hint(member: Sequence[str], refusing: Mapping[str, Any]) -> str:
    """Guesses what the writer of an unknown property meant."""
    if not member:
        return ""
    near = difflib.get_close_matches(
        member[0][:SHOWN_CHARACTERS_MAX], refusing.get("properties", {}), n=1
    )
    return f'; did you mean "{near[0]}"?' if near else ""


def _shown(value: Any, *, is_personal: bool) -> str:
    """The value as a sentence can show it; of a personal one only the kind."""
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    kind = "text" if isinstance(value, str) else "number"
    quoted = json.dumps(value, ensure_ascii=False)
    if is_personal or len(quoted) > SHOWN_CHARACTERS_MAX:
        return f"this {kind}"
    return f"the {kind} {quoted}"
