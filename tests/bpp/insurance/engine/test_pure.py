"""The engine is pure: no clock, file, database or network, and nothing of orders or books."""

import ast
from pathlib import Path

import bpp.insurance.engine as engine

ALLOWED = {
    *("bpp.insurance.engine", "bpp.insurance.figures", "bpp.insurance.scheme"),
    *("calendar", "collections", "dataclasses", "datetime", "decimal", "fractions", "functools"),
    *("msgspec", "typing"),
    *("protocol_specs.wire.order", "protocol_specs.wire.values", "zoneinfo"),
}
CLOCKS = {"now", "today", "utcnow", "time"}


def imported(tree: ast.Module) -> set[str]:
    found = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import)
             for alias in node.names}  # fmt: skip
    return found | {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}


def test_the_engine_imports_nothing_that_could_read_a_clock_or_a_file() -> None:
    for path in Path(engine.__path__[0]).glob("*.py"):
        tree = ast.parse(path.read_text())
        for name in imported(tree):
            parents = {name.rsplit(".", n)[0] for n in range(name.count(".") + 1)} | {name}
            assert parents & ALLOWED, f"{path.name} imports {name}"
        calls = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        assert not calls & CLOCKS, path.name


def test_the_engine_has_no_float() -> None:
    for path in Path(engine.__path__[0]).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            is_float = isinstance(node, ast.Constant) and isinstance(node.value, float)
            assert not is_float, f"{path.name}:{getattr(node, 'lineno', 0)}"
            assert not (isinstance(node, ast.Name) and node.id == "float"), path.name
            assert not (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div)) or (
                path.name == "yearly.py" or path.name == "closing.py"
            ), f"{path.name}:{getattr(node, 'lineno', 0)} divides"
