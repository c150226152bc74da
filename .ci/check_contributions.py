#!/usr/bin/env python3
"""Runs the worked contribution examples through `wayfare schemes run`: none wrong, none left out.

check_contributions.py FACTS_DIR, which holds contribution_vectors.json. Exits 1 on any mismatch,
and if a kind that docs/vectors.md defines has no example.
"""

import json
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bpp.insurance.cases.run import KINDS


def main() -> int:
    if len(sys.argv) != 2:
        print("usage: check_contributions.py FACTS_DIR", file=sys.stderr)
        return 2
    path = Path(sys.argv[1]) / "contribution_vectors.json"
    wayfare = Path(sys.executable).with_name("wayfare")
    command = [str(wayfare), "schemes", "run", "--json", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    print(done.stderr, end="")
    if done.returncode == 2 or not done.stdout:
        return 1
    outcome = json.loads(done.stdout)
    held = len(json.loads(path.read_text(encoding="utf-8"))["vectors"])
    missing = sorted(KINDS.keys() - outcome["kinds"].keys())
    for wrong in outcome["wrong"]:
        print(f"MISMATCH {wrong['id']}: expected {wrong['expected']}, got {wrong['got']}")
    print(f"{outcome['cases']} of {held} examples ran, {len(outcome['wrong'])} wrong")
    if missing:
        print(f"no example of: {', '.join(missing)}")
    return int(bool(outcome["wrong"] or missing or outcome["cases"] != held))


if __name__ == "__main__":
    raise SystemExit(main())
