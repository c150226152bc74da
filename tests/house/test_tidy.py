"""The source keeps its own rules: first lines, sizes, clocks, excepts, and what it speaks of."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("protocol_specs", "registry", "gateway", "bap", "bpp", "examples", "benchmarks")
FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 500
# The only places that may catch whatever comes and go on, and why.
MAY_CATCH_ALL = {
    "protocol_specs/node/loops.py": "one bad message must not stop the others",
    "protocol_specs/node/messages/hands.py": "one bad message must not stop the others",
    "protocol_specs/node/door/doorway.py": "a peer gets an answer, and the log the fault",
    "protocol_specs/node/store.py": "a unit's error is its caller's alone, and is raised there",
    "protocol_specs/web/face.py": "a person gets a page, and the log the fault",
    "bpp/orders/writing.py": "a ride goes on whatever an extension does",
    "bpp/orders/office.py": "a ride goes on whatever an extension does",
}


def modules() -> Iterator[tuple[str, ast.Module]]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield str(path.relative_to(ROOT)), ast.parse(path.read_text())


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def tracked() -> list[Path]:
    names = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.split()
    return [ROOT / name for name in names]


def test_every_module_says_in_its_first_line_what_it_is() -> None:
    silent = [name for name, tree in modules() if not ast.get_docstring(tree)]
    assert silent == []


def test_no_file_is_dreaded_to_open() -> None:
    long = {
        name: lines
        for name, _ in modules()
        if (lines := len((ROOT / name).read_text().splitlines())) > FILE_LINES_MAX
    }
    assert long == {}


def test_functions_stay_within_a_screen() -> None:
    long = [
        f"{name}:{node.lineno} {node.name} {node.end_lineno - node.lineno + 1}"
        for name, tree in modules()
        for node in functions(tree)
        if node.end_lineno is not None and node.end_lineno - node.lineno >= FUNCTION_LINES_MAX
    ]
    assert long == []


def test_nothing_is_caught_wholesale_but_where_the_others_must_go_on() -> None:
    broad = [
        f"{name}:{node.lineno}"
        for name, tree in modules()
        if name not in MAY_CATCH_ALL
        for node in ast.walk(tree)
        if isinstance(node, ast.ExceptHandler)
        and (
            node.type is None
            or (isinstance(node.type, ast.Name) and node.type.id in {"Exception", "BaseException"})
        )
        and not any(isinstance(inside, ast.Raise) for inside in ast.walk(node))
    ]
    assert broad == []


@pytest.mark.parametrize(
    "floor", ["protocol_specs/wire", "bpp/orders", "bpp/ledger", "bpp/insurance"]
)
def test_decisions_never_read_a_clock(floor: str) -> None:
    reads = [
        f"{name}:{node.lineno}"
        for name, tree in modules()
        if name.startswith(floor)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and node.attr in {"now", "utcnow", "today", "time_ns", "monotonic"}
        and isinstance(node.value, ast.Name)
        and node.value.id in {"datetime", "date", "time"}
    ]
    assert reads == []


def test_no_tracked_file_names_a_package_index_or_a_home_folder() -> None:
    hosts = "|".join(("py" + "pi.org", "python" + "hosted.org", "npm" + "js.org", "crates" + ".io"))
    pattern = re.compile(rf"{hosts}|/(?:home|root|Users)/[a-z]")
    found = [
        str(path.relative_to(ROOT))
        for path in tracked()
        if path.is_file()
        and path.suffix not in {".png", ".ico"}
        and pattern.search(path.read_text(errors="replace"))
    ]
    assert found == []
