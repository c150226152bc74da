"""Our own conversations have no fault, and whatever is planted in them is found in its place."""

from __future__ import annotations

import collections

import pytest

from protocol_specs.validate.rules import judge
from tests.protocol_specs.validate.stories import EVERY, Story, files
from tests.support.planting import CLASSES, conversation_of, misses, plants

IDS = [f"{name}-{story.__name__}" for name, story in EVERY]


@pytest.mark.parametrize(("name", "story"), EVERY, ids=IDS)
def test_a_conversation_of_ours_has_no_fault_and_no_warning(name: str, story: Story) -> None:
    verdict = judge(conversation_of(files(name, story)))
    assert [(fault.file, fault.code, fault.reason) for fault in verdict.faults] == []


@pytest.mark.parametrize(("name", "story"), EVERY, ids=IDS)
def test_every_defect_is_found_in_the_place_where_it_was_planted(name: str, story: Story) -> None:
    recorded = files(name, story)
    missed = list(misses(recorded, plants(recorded)))
    assert [f"{plant.kind}: {plant.file} {plant.pointer}" for plant in missed] == []


def test_every_class_of_defect_is_planted_many_times() -> None:
    planted = collections.Counter(
        plant.kind for name, story in EVERY for plant in plants(files(name, story))
    )
    assert set(planted) == set(CLASSES)
    assert min(planted.values()) >= 60, planted
