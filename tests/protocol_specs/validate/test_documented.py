"""docs/validate.md lists every code, and no code that there is not; warnings as warnings."""

import re
from pathlib import Path

from protocol_specs.validate.rule import Severity
from protocol_specs.validate.rules import RULES, UNREAD

DOCUMENT = Path(__file__).parents[3] / "docs" / "validate.md"


def rows() -> list[tuple[set[str], str]]:
    text = DOCUMENT.read_text().split("## Rules")[1].split("\n## ")[0]
    lines = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    return [(set(re.findall(r"`([^`]+)`", cell)), cell) for cell in lines]


def test_every_code_is_listed_and_nothing_else() -> None:
    listed = [code for codes, _ in rows() for code in codes]
    assert sorted(listed) == sorted({rule.code for rule in RULES} | set(UNREAD))


def test_what_is_a_warning_is_called_one() -> None:
    warnings = {rule.code for rule in RULES if rule.severity is Severity.WARNING}
    assert {code for codes, cell in rows() for code in codes if "(warning)" in cell} == warnings


def test_a_code_has_one_severity() -> None:
    for rule in RULES:
        alike = {other.severity for other in RULES if other.code == rule.code}
        assert len(alike) == 1, rule.code
