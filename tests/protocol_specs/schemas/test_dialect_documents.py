"""The patches that make a dialect hit something, and leave its schemas bounded and local."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from protocol_specs.wire.schema import Schemas
from protocol_specs.wire.schema_documents import (
    CORE,
    Profile,
    action_schemas,
    documents,
    merge_patch,
    read_document,
    schemas_of,
)
from tests.protocol_specs.schemas.test_documents import nodes

DIALECTS = sorted(set(read_document("dialects.json")["dialects"]) - {CORE})
PROFILES: tuple[Profile, ...] = ("strict", "receive")


def all_nodes(dialect: str, profile: Profile) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, schema in action_schemas(profile, dialect).items():
        for path, node in nodes(schema):
            yield f"{dialect} {name}#{path}", node


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_text_and_list_of_a_dialect_has_a_bound(dialect: str, profile: Profile) -> None:
    for path, node in all_nodes(dialect, profile):
        types = node.get("type", ())
        types = {types} if isinstance(types, str) else set(types)
        if "string" in types:
            is_fixed = re.fullmatch(r"\^\[[^]]+\]\{[0-9]+\}\$", node.get("pattern", ""))
            assert "maxLength" in node or is_fixed, path
        if "array" in types:
            assert "maxItems" in node, path


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_pattern_of_a_dialect_is_anchored_ascii(dialect: str, profile: Profile) -> None:
    for path, node in all_nodes(dialect, profile):
        if isinstance(pattern := node.get("pattern"), str):
            assert pattern.startswith("^"), path
            assert pattern.endswith("$"), path
            assert pattern.isascii(), path
            assert not re.search(r"\\|\(\?", pattern), path


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_reference_of_a_dialect_stays_inside(dialect: str, profile: Profile) -> None:
    for name, schema in action_schemas(profile, dialect).items():
        for path, node in nodes(schema):
            if isinstance(reference := node.get("$ref"), str):
                target = reference.removeprefix("#/$defs/")
                assert target in schema["$defs"], f"{name}#{path}: {reference}"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_patch_of_a_dialect_hits_something(dialect: str) -> None:
    made_of = documents("strict", dialect)
    schemas = schemas_of(type(made_of)(made_of.base, (), is_open=False))
    definitions = next(iter(schemas.values()))["$defs"]
    for patch in map(read_document, made_of.patches):
        changed, asked = patch.get("definitions", {}), patch.get("actions", {})
        assert set(asked) <= set(schemas)
        assert_hits(definitions, changed)
        assert_hits(schemas, asked)
        for name in set(changed) - set(definitions):
            made = changed[name]
            assert all(made.get(word) for word in ("title", "description", "$comment")), name
        definitions, schemas = merge_patch(definitions, changed), merge_patch(schemas, asked)


def assert_hits(target: dict[str, Any], change: dict[str, Any]) -> None:
    for name, value in change.items():
        if value is None:
            assert name in target, f"{name} is taken away from where it is not"
        elif isinstance(value, dict) and name in target:
            assert_hits(target[name], value)


def test_dialects_with_the_same_documents_share_their_schemas() -> None:
    assert Schemas.load("receive", "trv10-2.1.0") is Schemas.load("receive")
    assert Schemas.load("strict", "trv10-2.1.0") is not Schemas.load("strict")


def test_a_dialect_that_is_not_listed_has_no_schemas() -> None:
    with pytest.raises(KeyError):
        Schemas.load("strict", "trv10-9.9.9")
