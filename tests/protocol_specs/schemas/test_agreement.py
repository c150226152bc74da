"""jsonschema and jsonschema-rs agree about our schemas, on good messages and on spoilt ones."""

import random
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest

from protocol_specs.wire.schema_documents import Profile, action_schemas
from protocol_specs.wire.schema_oracle import oracle
from tests.protocol_specs.schemas.samples import MESSAGES, message

SEED = 20260102
MUTANTS = 25
ODD_VALUES: tuple[Any, ...] = (
    None, True, 0, -1, 1.0, 2.5, 10**9 + 1, 10**17, "", " ", "\n", "x", "20.00\n", "-0", "1.",
    ".5", "٢٠", "x" * 300, "x" * 70_000, "é" * 255, [], {}, [[]], [0] * 600, {"a": 1}, "P120S",
    "PT30S", "PT", "P1DT", "PT1H5S", "P2W", "2026-01-02T03:04:05Z", "2026-01-02t03:04:05.1+05:30",
    "2026-01-02T23:59:60Z", "2026-01-02T03:04:60Z", "2026-02-30T00:00:00Z",
    "2026-01-02T24:00:00Z", "2026-01-02 03:04:05Z", "2028-02-29", "2026-02-29", "1,2", "91,0",
    "90.0, 180.000", "-3.1,+101.6", "3.1,181", "C61D4AEA-bbfe-4cf4-b6ec-05aa20565c69",
    "c61d4aeabbfe4cf4b6ec05aa20565c69", "https://a.example/b?c=d#e", "http://[::1]:80/",
    "http://a b/", "urn:x:y", "//a", "a/b", "http://a/%zz", "https://é.example/", "a:", "a@b",
    "@", "ACTIVE", "active", "+60 (3) 1234-5678", "START",
)  # fmt: skip


def places(node: Any) -> Iterator[tuple[Any, Any]]:
    """Every container of the document, with each of its keys."""
    keys = list(node) if isinstance(node, dict) else list(range(len(node)))
    for key in keys:
        yield node, key
        if isinstance(node[key], dict | list):
            yield from places(node[key])


def mutant(action: str, chance: random.Random) -> dict[str, Any]:
    """The sample of `action` with one to three things changed."""
    document = message(action)
    for _ in range(chance.randint(1, 3)):
        container, key = chance.choice(list(places(document)))
        match chance.randrange(4):
            case 0:
                del container[key]
            case 1 if isinstance(container, dict):
                container[chance.choice(["unknown", "fulfillment", "error", "tags", "id"])] = 1
            case _:
                container[key] = chance.choice(ODD_VALUES)
        if not document:
            break
    return document


@pytest.mark.parametrize("profile", ["strict", "receive"])
@pytest.mark.parametrize("action", MESSAGES)
def test_both_libraries_give_the_same_verdict(action: str, profile: Profile) -> None:
    schema = action_schemas(profile)[action]
    fast = jsonschema_rs.Draft202012Validator(
        schema, validate_formats=True, pattern_options=jsonschema_rs.RegexOptions()
    )
    slow = oracle(schema)
    chance = random.Random(f"{SEED} {action}")
    documents = [message(action), *(mutant(action, chance) for _ in range(MUTANTS))]
    for n, document in enumerate(documents):
        found = {tuple(error.instance_path) for error in fast.iter_errors(document)}
        expected = {tuple(error.absolute_path) for error in slow.iter_errors(document)}
        assert found == expected, f"seed {SEED}, {profile} {action}, mutant {n}: {document}"
        assert fast.is_valid(document) == (not expected)


def test_most_mutants_are_refused_by_strict_and_some_taken_by_receive() -> None:
    """Mutants that are all good, or all bad, would compare nothing."""
    verdicts = {"strict": 0, "receive": 0}
    for profile in ("strict", "receive"):
        for action, schema in action_schemas(profile).items():
            validator = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
            chance = random.Random(f"{SEED} {action}")
            verdicts[profile] += sum(
                validator.is_valid(mutant(action, chance)) for _ in range(MUTANTS)
            )
    total = MUTANTS * len(MESSAGES)
    assert 0.02 < verdicts["strict"] / total < 0.5
    assert verdicts["strict"] < verdicts["receive"] < 0.8 * total
