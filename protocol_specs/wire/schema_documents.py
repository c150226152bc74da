"""Reads the schema documents and makes of them one self-contained schema per action and profile.

The strict profile is what the documents say. The receive profile is derived from it in two steps:

1. every closed object is opened: `additionalProperties: false` becomes a reference to `Unknown`,
   so unknown properties are tolerated but stay bounded in number and size;
2. `receive.json` is applied, a JSON Merge Patch (RFC 7396) per definition and per action.
"""

import functools
import re
from collections.abc import Mapping
from importlib import resources
from typing import Any, Literal

import orjson

Profile = Literal["strict", "receive"]
"""strict: what we send. receive: what live traffic needs."""

PROPERTIES_MAX = 100
"""Properties of an opened object, known and unknown together."""

_REFERENCE = re.compile(r"(?:\.\./definitions/)?[a-z]+\.json(#/\$defs/[A-Za-z]+)")

Schema = dict[str, Any]


def read_document(name: str) -> Schema:
    """The document `name`, a path under `protocol_specs/schemas`; a new copy each time."""
    document: Schema = orjson.loads(_files().joinpath(name).read_bytes())
    return document


@functools.cache
def action_names() -> tuple[str, ...]:
    """The actions and callbacks that have a schema, in alphabetical order."""
    files = _files().joinpath("core_1_1/actions").iterdir()
    return tuple(sorted(file.name.removesuffix(".json") for file in files))


def action_schemas(profile: Profile) -> dict[str, Schema]:
    """One schema per action; each holds all definitions and refers to nothing outside itself."""
    definitions = _definitions()
    actions = {
        name: _local(read_document(f"core_1_1/actions/{name}.json")) for name in action_names()
    }
    if profile == "receive":
        definitions, actions = _relaxed(definitions, actions)
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


def _definitions() -> dict[str, Schema]:
    """The definitions of all documents under one roof. Raises ValueError if two share a name."""
    together: dict[str, Schema] = {}
    files = _files().joinpath("core_1_1/definitions").iterdir()
    for name in sorted(file.name for file in files):
        document = _local(read_document(f"core_1_1/definitions/{name}"))
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


def _relaxed(
    definitions: dict[str, Schema], actions: dict[str, Schema]
) -> tuple[dict[str, Schema], dict[str, Schema]]:
    """Definitions and actions of the receive profile."""
    patch = read_document("core_1_1/receive.json")
    relaxed = {name: _opened(action) for name, action in actions.items()}
    for name, action in relaxed.items():
        if "error" in action["properties"]:
            relaxed[name] = merge_patch(action, patch["callbacks"])
    return merge_patch(_opened(definitions), patch["definitions"]), merge_patch(
        relaxed, patch["actions"]
    )


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
