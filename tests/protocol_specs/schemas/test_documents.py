"""The schema documents keep what they promise: bounded, closed, local, explained."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from protocol_specs.wire import errors
from protocol_specs.wire.schema_documents import (
    Profile,
    action_names,
    action_schemas,
    merge_patch,
    read_document,
)

PROFILES: tuple[Profile, ...] = ("strict", "receive")
CORE = [
    "search",
    "select",
    "init",
    "confirm",
    "status",
    "track",
    "cancel",
    "update",
    "rating",
    "support",
]
META = ["cancellation_reasons", "return_reasons", "rating_categories"]


def nodes(node: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """All objects of a schema with their place; the insides of enum and const are not schemas."""
    if isinstance(node, dict):
        yield path, node
        for name, part in node.items():
            if name not in ("enum", "const"):
                yield from nodes(part, f"{path}/{name}")
    elif isinstance(node, list):
        for n, part in enumerate(node):
            yield from nodes(part, f"{path}/{n}")


def schemas_and_tags(profile: Profile) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, schema in action_schemas(profile).items():
        for path, node in nodes(schema):
            yield f"{name}#{path}", node
    for path, node in nodes(read_document("contribution-tags.json")):
        yield f"contribution-tags#{path}", node


def test_every_action_its_callback_and_the_meta_calls_have_a_schema() -> None:
    wanted = {*CORE, *(f"on_{name}" for name in CORE), *META, *(f"get_{name}" for name in META)}
    assert set(action_names()) == wanted


@pytest.mark.parametrize("profile", PROFILES)
def test_every_text_list_and_number_has_a_bound(profile: Profile) -> None:
    for path, node in schemas_and_tags(profile):
        types = node.get("type", ())
        types = {types} if isinstance(types, str) else set(types)
        if "string" in types:
            is_fixed = re.fullmatch(r"\^\[[^]]+\]\{[0-9]+\}\$", node.get("pattern", ""))
            assert "maxLength" in node or is_fixed, path
        if "array" in types:
            assert "maxItems" in node, path
        if "integer" in types and "string" not in types:
            assert {"minimum", "maximum"} <= node.keys(), path


@pytest.mark.parametrize("profile", PROFILES)
def test_every_pattern_is_anchored_ascii_and_the_same_in_every_dialect(profile: Profile) -> None:
    for path, node in schemas_and_tags(profile):
        if isinstance(pattern := node.get("pattern"), str):
            assert pattern.startswith("^"), path
            assert pattern.endswith("$"), path
            assert pattern.isascii(), path
            assert not re.search(r"\\|\(\?", pattern), path


@pytest.mark.parametrize("profile", PROFILES)
def test_every_reference_stays_inside_the_schema(profile: Profile) -> None:
    for name, schema in action_schemas(profile).items():
        for path, node in nodes(schema):
            if isinstance(reference := node.get("$ref"), str):
                target = reference.removeprefix("#/$defs/")
                assert target in schema["$defs"], f"{name}#{path}: {reference}"


def test_the_strict_profile_closes_every_object_but_two_free_ones() -> None:
    is_open = {
        path.split("#")[1]
        for path, node in schemas_and_tags("strict")
        if node.get("type") == "object" and node.get("additionalProperties") is not False
    }
    assert is_open == {"/$defs/Contact/properties/jcard", "/$defs/Form/properties/data"}


def test_the_receive_profile_opens_every_object_and_bounds_what_comes_in() -> None:
    for path, node in schemas_and_tags("receive"):
        if "object" in node.get("type", ()) and not path.startswith("contribution-tags"):
            assert node.get("additionalProperties") is not False, path
            assert node["maxProperties"] <= 100, path


def test_every_definition_says_what_it_is_and_where_it_comes_from() -> None:
    for path, node in nodes(action_schemas("strict")["search"]["$defs"]):
        if path.count("/") == 1:
            assert node.get("title"), path
            assert node.get("description"), path
            assert "Beckn core 1.1.1" in node.get("$comment", ""), path


def test_every_patch_of_the_receive_profile_hits_something() -> None:
    patch = read_document("core_1_1/receive.json")
    strict = action_schemas("strict")
    definitions = strict["search"]["$defs"]
    assert set(patch["definitions"]) - set(definitions) == {"Unknown"}
    assert set(patch["actions"]) <= set(strict)
    targets = [(definitions, patch["definitions"]), (strict, patch["actions"])]
    while targets:
        target, change = targets.pop()
        for name, value in change.items():
            if value is None:
                assert name in target, f"{name} is taken away from where it is not"
            elif isinstance(value, dict) and name in target:
                targets.append((target[name], value))


@pytest.mark.parametrize(
    ("target", "patch", "merged"),
    [
        ({"a": 1, "b": 2}, {"a": 3}, {"a": 3, "b": 2}),
        ({"a": 1, "b": 2}, {"a": None}, {"b": 2}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": None}}, {"a": {"c": 2}}),
        ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
        ({"a": 1}, {"b": {"c": None}}, {"a": 1, "b": {}}),
        ("text", {"a": 1}, {"a": 1}),
    ],
)
def test_a_merge_patch_does_what_rfc_7396_says(target: Any, patch: Any, merged: Any) -> None:
    assert merge_patch(target, patch) == merged


def test_every_code_that_our_refusals_carry_is_explained() -> None:
    codes = read_document("errors.json")["codes"]
    used = {*errors.SIGNATURE_CODES.values(), *errors.STALE_CODES.values()}
    used |= {kind.code for kind in vars(errors).values() if hasattr(kind, "transient")}
    assert used <= codes.keys()
    for code, entry in codes.items():
        assert re.fullmatch("[0-9]{5}", code)
        assert all(entry[member] for member in ("name", "meaning", "from")), code
        assert (code in used) == bool(entry["sent_by"]), f"{code}: is it sent or not?"
