"""docs/postgres.md: what an administrator types for a new database works, in that order."""

import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from protocol_specs.node.settings import write_secret
from tests.support.postgres_server import programs, server

ROOT = Path(__file__).parents[5]
BLOCKS = re.findall(r"^```sh\n(.*?)^```", (ROOT / "docs/postgres.md").read_text(), re.M | re.S)
[MADE] = [block for block in BLOCKS if block.startswith("createdb wayfare_bpp\n")]
[UPGRADED] = [block for block in BLOCKS if block.startswith("wayfare store migrate")]


@pytest.mark.processes
def test_a_database_is_made_shared_out_brought_up_to_date_and_emptied(tmp_path: Path) -> None:
    folder = parse_qs(urlsplit(server().url("postgres")).query)["host"][0]
    write_secret(tmp_path / "database", "of the node's role alone")
    settings = (ROOT / "deploy/settings/bpp.toml").read_text().replace("#pg [store]", "[store]")
    here = f'postgresql://wayfare_app@/wayfare_bpp?host={folder}"\npassword_file = "database"'
    settings = re.sub(r'#pg url = "postgresql://wayfare_app.*"', f'url = "{here}', settings)
    (tmp_path / "bpp.toml").write_text(settings)
    surroundings = os.environ | {
        "PATH": f"{programs()}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PGHOST": folder,
        "PGUSER": "postgres",
    }

    def typed(script: str) -> str:
        words = ["bash", "-euo", "pipefail", "-c", script]
        ran = subprocess.run(
            words, cwd=tmp_path, env=surroundings, capture_output=True, text=True, check=False
        )
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    try:
        told = typed(without_a_keyboard(MADE))
        assert told.startswith("the schema went base -> 0001\n")
        refused = "! psql -U wayfare_app -c 'DELETE FROM transfer' wayfare_bpp"
        typed(refused)
        told = typed(UPGRADED)
        assert told.startswith("the schema is 0001\n")
        assert told.endswith("the schema went 0001 -> base\n")
    finally:
        typed("dropdb --if-exists wayfare_bpp")


def without_a_keyboard(block: str) -> str:
    """All but the lines that ask for passwords."""
    return "\n".join(line for line in block.splitlines() if r"\password" not in line)
