"""The delivery networks' documents keep what those of core promise: bounded, closed, explained."""

import re

import pytest

from protocol_specs.wire.schema_documents import action_schemas, documents, read_document
from tests.protocol_specs.schemas.test_documents import nodes

NAMES = ("log10-1.2.5", "log-1.2.0")
every_profile = pytest.mark.parametrize("profile", ["strict", "receive"])
every_name = pytest.mark.parametrize("name", NAMES)


@every_name
@every_profile
def test_texts_lists_and_numbers_have_bounds_and_patterns_are_anchored(name, profile) -> None:
    for action, schema in action_schemas(profile, name).items():
        for path, node in nodes(schema):
            types = node.get("type", ())
            types = {types} if isinstance(types, str) else set(types)
            where = f"{action}#{path}"
            assert "string" not in types or "maxLength" in node, where
            assert "array" not in types or "maxItems" in node, where
            assert types != {"integer"} or {"minimum", "maximum"} <= node.keys(), where
            if isinstance(pattern := node.get("pattern"), str):
                assert re.fullmatch(r"\^[ -\[\]-~]*\$", pattern), where


@every_name
@every_profile
def test_every_reference_stays_inside_the_schema(name, profile) -> None:
    for action, schema in action_schemas(profile, name).items():
        for path, node in nodes(schema):
            if isinstance(reference := node.get("$ref"), str):
                assert reference.removeprefix("#/$defs/") in schema["$defs"], f"{action}#{path}"


@every_name
def test_the_strict_profile_closes_every_object(name) -> None:
    for action, schema in action_schemas("strict", name).items():
        for path, node in nodes(schema):
            if node.get("type") == "object":
                assert node.get("additionalProperties") is False, f"{action}#{path}"


def test_the_receive_profile_opens_every_object_and_bounds_what_comes_in() -> None:
    for action, schema in action_schemas("receive", NAMES[0]).items():
        for path, node in nodes(schema):
            if "object" in node.get("type", ()):
                assert node.get("additionalProperties") is not False, f"{action}#{path}"
                assert node["maxProperties"] <= 100, f"{action}#{path}"


def test_both_editions_take_the_same() -> None:
    assert documents("receive", NAMES[0]) == documents("receive", NAMES[1])


def test_every_definition_says_what_it_is_and_where_it_comes_from() -> None:
    for name, definition in action_schemas("strict", NAMES[0])["search"]["$defs"].items():
        assert definition.get("title"), name
        assert definition.get("description"), name
        assert re.search("Beckn core 0.9|ONDC LOG10 1.2.5", definition.get("$comment", "")), name


@pytest.mark.parametrize("patch", ["receive", "strict_1_2_0"])
def test_every_patch_hits_something(patch: str) -> None:
    given = read_document(f"log10/{patch}.json")
    strict = action_schemas("strict", NAMES[0])
    definitions = strict["search"]["$defs"]
    assert set(given["definitions"]) - set(definitions) <= {"Unknown"}
    targets = [(definitions, given["definitions"], ""), (strict, given.get("actions", {}), "")]
    while targets:
        target, change, where = targets.pop()
        for name, value in change.items():
            if value is None:
                assert name in target, f"{where}/{name} is taken away from where it is not"
            elif isinstance(value, dict) and isinstance(target.get(name), dict):
                targets.append((target[name], value, f"{where}/{name}"))
