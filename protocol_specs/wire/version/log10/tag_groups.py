"""Tags of core 0.9: a group has a code and a list of coded texts, no descriptors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from protocol_specs.wire.version.fields import Json, an_object, each, find, loose_text

Groups = Mapping[str, Mapping[str, str]]


def group(code: str, **values: str | None) -> dict[str, Any]:
    """One group; values that are None are left out."""
    told = {name: value for name, value in values.items() if value is not None}
    return {"code": code, "list": [{"code": name, "value": value} for name, value in told.items()]}


def groups(value: Json) -> Groups:
    """The tags of an object by group and code; of repeated groups the first counts.

    A tag without a code or a value says nothing; numbers, true and false are read as texts.
    """
    found: dict[str, Mapping[str, str]] = {}
    for given in each(value, "tags", an_object):
        found.setdefault(find(given, "code", loose_text) or "", _tags(given))
    return found


def _tags(given: Json) -> Mapping[str, str]:
    tags: dict[str, str] = {}
    for tag in each(given, "list", an_object):
        code, said = find(tag, "code", loose_text), find(tag, "value", loose_text)
        if code is not None and said is not None:
            tags.setdefault(code, said)
    return tags
