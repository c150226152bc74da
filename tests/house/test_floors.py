"""The import contracts hold, and each of them fails when it is broken."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("protocol_specs", "registry", "gateway", "bap", "bpp", "examples")

# Where a forbidden import is planted, the line planted, and the contract that must name it.
BREACHES = [
    ("protocol_specs/wire/money.py", "import asyncio", "wire is pure"),
    ("protocol_specs/wire/money.py", "import sqlalchemy", "wire is pure"),
    ("protocol_specs/wire/money.py", "import protocol_specs.node.store", "Floors"),
    ("protocol_specs/node/store.py", "import bpp.app", "Floors"),
    ("protocol_specs/validate/rules.py", "import protocol_specs.node.store", "Floors"),
    ("protocol_specs/node/ops/recording.py", "import protocol_specs.validate.rules", "Floors"),
    ("protocol_specs/node/store.py", "import protocol_specs.web.face", "Floors"),
    ("bap/app.py", "import bpp.app", "Floors"),
    ("registry/app.py", "import gateway.app", "Floors"),
    ("bpp/orders/store.py", "import bpp.insurance.scheme", "Inside the provider"),
    ("bpp/orders/store.py", "import bpp.ledger.journal", "Inside the provider"),
    ("bpp/ledger/journal.py", "import bpp.orders.store", "Inside the provider"),
    ("bpp/dispatch/rounds.py", "import bpp.orders.store", "Inside the provider"),
    ("bpp/fleet/dispatch.py", "import bpp.orders.store", "The fleet knows no orders"),
]


def lint_imports(root: Path) -> subprocess.CompletedProcess[str]:
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache"]
    return subprocess.run(
        [*map(str, command)],
        cwd=root,
        env={"PYTHONPATH": str(root), "PATH": "", "NO_COLOR": "1", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("house")
    for package in PACKAGES:
        shutil.copytree(
            ROOT / package, root / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    shutil.copy(ROOT / "pyproject.toml", root)
    return root


def test_every_import_contract_holds(copy: Path) -> None:
    result = lint_imports(copy)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(("where", "line", "contract"), BREACHES)
def test_a_forbidden_import_breaks_its_contract(
    copy: Path, where: str, line: str, contract: str
) -> None:
    path = copy / where
    before = path.read_text()
    try:
        path.write_text(f"{before}\n{line}\n")
        result = lint_imports(copy)
    finally:
        path.write_text(before)
    assert result.returncode != 0
    broken = [text for text in result.stdout.splitlines() if text.endswith("BROKEN")]
    assert any(text.startswith(contract) for text in broken), result.stdout
