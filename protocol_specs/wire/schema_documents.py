"""Reads the schema documents and makes of them one self-contained schema per action and profile.

A dialect is a base folder of documents and patches on them, as `schemas/dialects.json` lists them.
The strict profile is what the base says after the dialect's strict patches. The receive profile is
derived from the bare base in two steps:

1. every closed object is opened: `additionalProperties: false` becomes a reference to `Unknown`,
   so unknown properties are tolerated but stay bounded in number and size;
2. the dialect's receive patches are applied.

A patch is a JSON Merge Patch (RFC 7396) per definition, for all callbacks, and per action.
"""

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any, Literal

import orjson

Profile = Literal["strict", "receive"]
"""strict: what we send. receive: what live traffic needs."""

CORE = "core-1.1"
"""The dialect that the others are made from."""

PROPERTIES_MAX = 100
"""Properties of an opened object, known and unknown together."""

_REFERENCE = re.compile(r"(?:\.\./definitions/)?[a-z]+\.json(#/\$defs/[A-Za-z]+)")

Schema = dict[str, Any]


def read_document(name: str) -> Schema:
    """The document `name`, a path under `protocol_specs/schemas`; a new copy each time."""
    document: Schema = orjson.loads(_files().joinpath(name).read_bytes())
    return document


@dataclass(frozen=True, slots=True)
class Documents:
    """What one profile of a dialect is made of: a base folder, and the patches on it in order."""

    base: str
    patches: tuple[str, ...]
    is_open: bool


@functools.cache  # asked for with every message
def documents(profile: Profile, dialect: str = CORE) -> Documents:
    """The documents of that profile; raises KeyError for a dialect that `dialects.json` lacks."""
    entry = read_document("dialects.json")["dialects"][dialect]
    return Documents(entry["base"], tuple(entry[profile]), is_open=profile == "receive")


@functools.cache
def action_names(base: str = "core_1_1") -> tuple[str, ...]:
    """The actions and callbacks that have a schema, in alphabetical order."""
    files = _files().joinpath(base, "actions").iterdir()
    return tuple(sorted(file.name.removesuffix(".json") for file in files))


def action_schemas(profile: Profile, dialect: str = CORE) -> dict[str, Schema]:
    """One schema per action; each holds all definitions and refers to nothing outside itself."""
    return schemas_of(documents(profile, dialect))


def schemas_of(made_of: Documents) -> dict[str, Schema]:
    """The schemas that these documents make, per action."""
    base, definitions = made_of.base, _definitions(made_of.base)
    actions = {
        name: _local(read_document(f"{base}/actions/{name}.json")) for name in action_names(base)
    }
    if made_of.is_open:
        definitions, actions = _opened(definitions), _opened(actions)
    for patch in map(read_document, made_of.patches):
        definitions = merge_patch(definitions, patch.get("definitions", {}))
        for name, action in actions.items():
            if "error" in action["properties"]:
                actions[name] = merge_patch(action, patch.get("callbacks", {}))
        actions = merge_patch(actions, patch.get("actions", {}))
    return {name: action | {"$defs": definitions} for name, action in actions.items()}


def merge_patch(target: Any, patch: Any) -> Any:
    """`target` after `patch` (RFC 7396); neither is changed."""
    if not isinstance(patch, Mapping):
        return patch
    merged = dict(target) if isinstance(target, Mapping) else {}
    for name, change in patch.items():
        if change is None:
            merged.pop(name, None)
        else:
            merged[name] = merge_patch(merged.get(name), change)
    return merged


def _files() -> Any:
    return resources.files("protocol_specs.schemas")


def _definitions(base: str) -> dict[str, Schema]:
    """The definitions of the base under one roof. Raises ValueError if two share a name."""
    together: dict[str, Schema] = {}
    files = _files().joinpath(base, "definitions").iterdir()
    for name in sorted(file.name for file in files):
        document = _local(read_document(f"{base}/definitions/{name}"))
        if twice := together.keys() & document["$defs"].keys():
            raise ValueError(f"{name} defines {sorted(twice)} once more")
        together |= document["$defs"]
    return together


def _local(node: Any) -> Any:
    """`node` with references to other documents turned into references within one."""
    if isinstance(node, list):
        return [_local(part) for part in node]
    if not isinstance(node, dict):
        return node
    return {
        name: _REFERENCE.sub(r"\1", part) if name == "$ref" else _local(part)
        for name, part in node.items()
    }


def _opened(node: Any) -> Any:
    """`node` with every closed object in it opened to bounded unknown properties."""
    if isinstance(node, list):
        return [_opened(part) for part in node]
    if not isinstance(node, dict):
        return node
    opened = {name: _opened(part) for name, part in node.items()}
    if opened.get("additionalProperties") is False:
        opened["additionalProperties"] = {"$ref": "#/$defs/Unknown"}
        opened["maxProperties"] = PROPERTIES_MAX
    return opened
