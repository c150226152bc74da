"""The two libraries agree about the ride network's rules, and every refusal has words."""

from __future__ import annotations

import copy
import random
from typing import Any

import jsonschema_rs
import pytest

from protocol_specs.wire.errors import SchemaFault
from protocol_specs.wire.schema_documents import action_schemas
from protocol_specs.wire.schema_oracle import oracle
from protocol_specs.wire.version import named
from tests.protocol_specs.schemas.test_agreement import ODD_VALUES, places
from tests.protocol_specs.wire.version.trv10 import rides

SEED, MUTANTS = 20260102, 15


def mutants(document: dict[str, Any], chance: random.Random) -> list[dict[str, Any]]:
    """Copies with one thing taken away, added or made odd."""
    made = []
    for _ in range(MUTANTS):
        spoilt = copy.deepcopy(document)
        container, key = chance.choice(list(places(spoilt)))
        match chance.randrange(4):
            case 0:
                del container[key]
            case 1 if isinstance(container, dict):
                container[chance.choice(["unknown", "agent", "tags", "type", "id"])] = 1
            case _:
                container[key] = chance.choice(ODD_VALUES)
        made.append(spoilt)
    return made


@pytest.mark.parametrize("name", ["trv10-2.1.0", "trv10-2.0.1"])
@pytest.mark.parametrize("action", sorted(rides.messages(rides.EDITIONS[0])))
def test_both_libraries_give_the_same_verdict_and_a_reason(name: str, action: str) -> None:
    schema = action_schemas("strict", name)[action]
    fast = jsonschema_rs.Draft202012Validator(
        schema, validate_formats=True, pattern_options=jsonschema_rs.RegexOptions()
    )
    slow, dialect = oracle(schema), named(name)
    good = rides.messages(dialect)[action]
    for spoilt in mutants(good, random.Random(f"{SEED} {name} {action}")):
        assert fast.is_valid(spoilt) == slow.is_valid(spoilt), spoilt
        if not fast.is_valid(spoilt):
            with pytest.raises(SchemaFault) as refused:
                dialect.schemas("strict").validate(action, spoilt)
            fault = refused.value
            assert not fault.reason.startswith(f"{fault.path or 'the document'}: "), fault.reason
