"""What a node on SQLite must not have loaded when it starts: each costs its start or its memory."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
NODES = ("registry.app", "gateway.app", "bap.app", "bpp.app")
LATER = (
    "alembic", "fpdf", "jsonschema", "nats", "opentelemetry", "psycopg", "segno",
    "sqlalchemy.dialects.postgresql", "stdnum.do", "uharfbuzz", "yaml",
)  # fmt: skip


def test_what_only_some_nodes_or_some_pages_need_is_not_loaded_by_a_start() -> None:
    code = (
        f"import sys, {', '.join(NODES)}\nprint(*[name for name in {LATER} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == ("", "")
