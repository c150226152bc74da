"""docs/wire.md names the dialects and actions that the code has."""

import re
from pathlib import Path

import pytest

from protocol_specs.wire.version import NAMES, named

TEXT = (Path(__file__).parents[2] / "docs" / "wire.md").read_text(encoding="utf-8")


def rows(heading: str) -> dict[str, list[str]]:
    """The cells of the table under a heading, by the dialect in its first column."""
    section = TEXT.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    found = re.findall(r"^\| `([^`]+)` \| (.*) \|$", section, re.MULTILINE)
    return {name: [cell.strip() for cell in rest.split("|")] for name, rest in found}


@pytest.mark.parametrize("heading", ["Dialects", "Actions"])
def test_a_table_has_every_dialect_and_no_other(heading: str) -> None:
    assert sorted(rows(heading)) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_dialect_is_told_with_the_version_that_it_writes(name: str) -> None:
    assert rows("Dialects")[name][0] == named(name).traits.versions[0]


@pytest.mark.parametrize("name", NAMES)
def test_a_dialect_is_told_with_the_actions_that_it_has(name: str) -> None:
    assert set(rows("Actions")[name][0].split()) == named(name).traits.actions
