"""docs/threats.md: every attack names what stands against it and a test of it that exists."""

import re

import pytest

from tests.house.test_promises import ROOT, are_proof

ROW = re.compile(r"^\| (?!what \||fault \||---)(.+?) \| (.+?) \| (.+?) \| (.+) \|$", re.MULTILINE)
ROWS = ROW.findall((ROOT / "docs" / "threats.md").read_text())


def test_every_part_of_the_house_has_its_attacks() -> None:
    assert len(ROWS) >= 40


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]}: {row[1][:40]}")
def test_every_test_that_an_attack_names_exists(row: tuple[str, str, str, str]) -> None:
    *_, proof = row
    are_proof(proof)
