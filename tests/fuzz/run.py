"""`make fuzz`: looks for bytes that break a target, and keeps what it learned.

python -m tests.fuzz.run [--seconds 60] [TARGET ...]
"""

import argparse
import subprocess
import sys
from pathlib import Path

CORPUS = Path(__file__).parent / "corpus"
TARGETS = sorted(path.name for path in CORPUS.iterdir())  # the module itself is instrumented first
FOUND = Path("build/fuzz")
BYTES_MAX = 4096
SLOWEST_S = 5  # libFuzzer's own bound; the promise of 50 ms is held by test_corpus.py


def fuzz(name: str, seconds: int) -> None:
    """Runs one target until its time is over or something is found; ends the process."""
    import atheris

    with atheris.instrument_imports(include=["protocol_specs", "bpp"]):
        from tests.fuzz import targets

    learned, broken = FOUND / name, FOUND / "broken"
    for folder in (learned, broken):
        folder.mkdir(parents=True, exist_ok=True)
    atheris.Setup(
        [
            "fuzz",
            f"-max_total_time={seconds}",
            f"-max_len={BYTES_MAX}",
            f"-timeout={SLOWEST_S}",
            f"-artifact_prefix={broken}/{name}-",
            str(learned),
            str(CORPUS / name),
        ],
        targets.TARGETS[name],
    )
    atheris.Fuzz()


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.run", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    parser.add_argument("--seconds", type=int, default=60, help="for each target (60)")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    unknown = set(arguments.targets) - set(TARGETS)
    if unknown:
        parser.error(
            f"no such target: {', '.join(sorted(unknown))}; there are {', '.join(TARGETS)}"
        )
    if arguments.here:
        fuzz(arguments.targets[0], arguments.seconds)
    failed = []
    for name in arguments.targets or TARGETS:
        say(f"{name}: {arguments.seconds} s")
        again = [sys.executable, "-m", "tests.fuzz.run", name, "--here"]
        if subprocess.run([*again, "--seconds", str(arguments.seconds)]).returncode:
            failed.append(name)
    if failed:
        say(f"broken: {', '.join(failed)}; the bytes are in {FOUND}/broken. Put them into")
        say("tests/fuzz/corpus/TARGET, mend the code, and `pytest tests/fuzz` holds it.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
