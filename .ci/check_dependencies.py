"""What runs in production: its bills of materials (CycloneDX), and known faults of any part of it.

    check_dependencies.py OUT.json

One bill for a node as it is (OUT.json), one for each extra that is deployed (OUT-postgres.json).
Fails on a finding. Where the advisory service cannot be asked it says so, and that nothing was
looked up: pip-audit by itself would call that "no known vulnerabilities".
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
LOCKS = {"": "requirements.lock"} | {
    f"-{extra}": f"requirements-{extra}.lock" for extra in ("nats", "otel", "postgres")
}
BIN = Path(sys.executable).parent


def main() -> int:
    """Bills first, then the advisories; 1 when there is a finding."""
    for ending, lock in LOCKS.items():
        out = Path(sys.argv[1])
        out = out.with_stem(out.stem + ending)
        made = bill(ROOT / lock, out)
        print(f"bill of materials: {len(made['components'])} components in {out}")
    pins = locked()
    if not asked(pins[:1])["looked_up"]:
        print(
            f"NOT AUDITED: the advisory service cannot be asked from here; none of {len(pins)} "
            "locked packages was looked up. Run this again where it can be."
        )
        return 0
    found = asked(pins)
    print(f"{found['looked_up']} of {len(pins)} locked packages were looked up")
    for name in found["skipped"]:
        print(f"  not looked up: {name}")
    for line in found["faults"]:
        print(f"  FAULT {line}")
    return 1 if found["faults"] else 0


def locked() -> list[str]:
    """Each package and version that any of the locks names, once."""
    texts = [(ROOT / lock).read_text() for lock in LOCKS.values()]
    return sorted({line.split()[0] for text in texts for line in text.splitlines() if "==" in line})


def bill(lock: Path, out: Path) -> dict[str, Any]:
    """Every locked package with its version and hashes, as CycloneDX 1.6, validated."""
    out.parent.mkdir(parents=True, exist_ok=True)
    words = ["requirements", str(lock), "--pyproject", str(ROOT / "pyproject.toml")]
    words += ["--of", "JSON", "--output-reproducible", "--validate", "-o", str(out)]
    command = [sys.executable, "-W", "ignore", "-m", "cyclonedx_py", *words]
    subprocess.run(command, check=True, cwd=ROOT, timeout=120)
    document: dict[str, Any] = json.loads(out.read_text())
    return document


def asked(pins: list[str]) -> dict[str, Any]:
    """What pip-audit says of these pins: how many it looked up, which not, and the faults."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write("\n".join(pins) + "\n")
        file.flush()
        words = ["--disable-pip", "--no-deps", "--progress-spinner", "off", "--timeout", "15"]
        command = [str(BIN / "pip-audit"), "-r", file.name, "-f", "json", *words]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=600)
            told = json.loads(done.stdout)["dependencies"]
        except (ValueError, subprocess.TimeoutExpired):  # it could not even begin, or not end
            return {"looked_up": 0, "skipped": pins, "faults": []}
    return {
        "looked_up": sum("skip_reason" not in each for each in told),
        "skipped": [each["name"] for each in told if "skip_reason" in each],
        "faults": [
            f"{each['name']} {each['version']}: {fault['id']} (fixed in {fault['fix_versions']})"
            for each in told
            for fault in each.get("vulns", ())
        ],
    }


if __name__ == "__main__":
    sys.exit(main())
