"""docs/promises.md: all twenty stand there, and every test that is named exists."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"^\| P(\d+) \| (.+?) \| (.+) \| (.+) \|$", re.MULTILINE)
TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`( \(slow\))?")
TOLD = (ROOT / "docs" / "promises.md").read_text()
PROMISES = ROW.findall(TOLD)


@cache
def functions_of(path: Path) -> dict[str, str]:
    """The test functions of a file, and what marks each of them."""
    tree = ast.parse(path.read_text())
    of_all = " ".join(
        ast.unparse(node)
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "pytestmark"
    )
    return {
        node.name: " ".join([of_all, *map(ast.unparse, node.decorator_list)])
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def are_proof(cell: str) -> None:
    """Fails unless a cell of a table names tests, which exist, and says nothing else."""
    assert TEST.search(cell), "no test"
    assert TEST.sub("", cell).replace(",", "").strip() == "", "a proof is a test and no words"
    all_exist(cell)


def all_exist(told: str) -> None:
    """Fails unless every test that is named there exists, and is slow where it is called so."""
    for path, name, slow in TEST.findall(told):
        marks = functions_of(ROOT / path).get(name)
        assert marks is not None, f"{path} has no {name}"
        assert ("pytest.mark.slow" in marks) == bool(slow), f"{name}: slow or not"


def test_every_promise_is_listed_once() -> None:
    assert [int(number) for number, *_ in PROMISES] == list(range(1, 21))


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: f"P{promise[0]}")
def test_every_test_that_a_promise_names_exists(promise: tuple[str, str, str, str]) -> None:
    _, _, proof, _ = promise
    if proof.startswith("not proven yet: "):
        return
    are_proof(proof)


def test_every_bad_day_has_a_test_that_exists() -> None:
    days = TOLD.partition("## Bad days")[2]
    rows = re.findall(r"^\| (?!fault)(.+) \| (`.+) \|$", days, re.MULTILINE)
    assert len(rows) >= 14
    for _, proof in rows:
        all_exist(proof)
