"""Tokens of operators: whose they are, and what was opened with them."""

from pathlib import Path

import pytest

from protocol_specs.node.operators import Operators, token_file
from protocol_specs.node.settings import SettingsError, write_secret


def with_asha(folder: Path) -> Operators:
    operators = Operators(folder)
    (folder / "operators").mkdir()
    write_secret(token_file(folder, "asha"), "the-token-of-asha")
    return operators


def test_each_token_names_its_person_and_any_other_names_nobody(tmp_path: Path) -> None:
    operators = with_asha(tmp_path)
    first = token_file(tmp_path, "operator").read_text().strip()
    assert operators.name_of(first) == "operator"
    assert operators.name_of("the-token-of-asha") == "asha"
    for wrong in ("", "the-token-of-ash", "the-token-of-asha ", "tökén", first[:-1]):
        assert operators.name_of(wrong) is None
        assert operators.mark_of(wrong) is None


def test_a_mark_ends_with_the_token_it_was_made_with(tmp_path: Path) -> None:
    operators = with_asha(tmp_path)
    mark = operators.mark_of("the-token-of-asha")
    assert mark is not None
    assert "the-token-of-asha" not in mark
    assert operators.holder(mark) == "asha"
    path = token_file(tmp_path, "asha")
    path.unlink()
    assert operators.holder(mark) is None
    write_secret(path, "another")
    assert operators.holder(mark) is None


def test_a_token_that_others_can_read_is_none(tmp_path: Path) -> None:
    operators = with_asha(tmp_path)
    mark = operators.mark_of("the-token-of-asha")
    assert mark is not None
    token_file(tmp_path, "asha").chmod(0o644)
    assert operators.name_of("the-token-of-asha") is None
    assert operators.holder(mark) is None


@pytest.mark.parametrize("name", ["../operator", "Asha", "", "a/b", "x" * 40])
def test_a_name_that_is_a_path_is_no_name(tmp_path: Path, name: str) -> None:
    operators = with_asha(tmp_path)
    with pytest.raises(SettingsError):
        token_file(tmp_path, name)
    assert operators.holder(f"{name} {'0' * 32}") is None
