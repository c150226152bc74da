"""What the documents tell a reader to type works, and what they point to exists."""

import os
import random
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from examples.network import NODES
from protocol_specs.node.settings import OPS_PORT_OFFSET
from tests.support.preloaded import wayfare_in

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs").glob("*.md"))
DOCUMENTS = sorted([*ROOT.glob("*.md"), *PAGES, ROOT / "deploy" / "README.md"])
BLOCK = re.compile(r"^```(\w*)([^\n]*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
CONTINUES = re.compile(r"<!-- continues (\S+) -->")
PORT = re.compile(r"\b[89][67]\d\d\b")  # public ones, and the operators' beside them
PART = re.compile(r"\]\(([\w./-]*\.md)?#([^)\s]+)\)")
LINK = re.compile(r"\]\((?!https?://|mailto:)([^)#\s]+)(?:#[^)]*)?\)")


def commands(document: Path) -> list[str]:
    """What a reader types, in order: the `$ ...` lines of console blocks with their `> ...`
    continuations, and the files that blocks headed by a language and a path are to be put into.

    `continues OTHER.md` in a comment means that the reader has done the other document before.
    """
    text = document.read_text()
    typed: list[str] = []
    for before in CONTINUES.findall(text):
        typed += commands(document.parent / before)
    for language, path, block in BLOCK.findall(text):
        if language == "console":
            typed += console(block)
        elif path.strip():
            typed.append(f"cat > {path.strip()} <<'END OF FILE'\n{block}END OF FILE")
    return typed


def console(block: str) -> list[str]:
    typed: list[str] = []
    for line in block.splitlines():
        if line.startswith("$ "):
            typed.append(line[2:])
        elif line.startswith("> "):
            typed[-1] += "\n" + line[2:]
    return typed


def on_free_ports(typed: str) -> str:
    """The same with other ports: a reader who runs the tests may have a demonstration running."""
    named = {int(port) for port in PORT.findall(typed)}
    needed = {port + n for port in named for n in range(len(NODES))}
    # Below the ports that the system lends (from 32768 on), and above those that a demonstration
    # takes which may take any (up to 20400); each test process has its own.
    mine = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 4
    shifts = random.sample(range(11_800 + 2_600 * mine, 13_100 + 2_600 * mine), 100)
    shift = next(by for by in shifts if all(is_free(port + by) for port in needed))
    return PORT.sub(lambda port: str(int(port[0]) + shift), typed)


def is_free(port: int) -> bool:
    """This one, and the operator's beside it."""
    for each in (port, port + OPS_PORT_OFFSET):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", each)) == 0:
                return False
    return True


def with_commands() -> Iterator[object]:
    """Documents in docs/ with commands, but for those that another one continues: it types both."""
    before = {name for document in DOCUMENTS for name in CONTINUES.findall(document.read_text())}
    for document in DOCUMENTS:
        if document.parent.name == "docs" and document.name not in before and commands(document):
            yield pytest.param(document, id=document.name)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    dead = [
        target
        for target in LINK.findall(document.read_text())
        if not (document.parent / target).exists()
    ]
    assert dead == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_to_a_part_of_a_page_lead_to_a_heading_of_it(document: Path) -> None:
    gone = [
        f"{target}#{part}"
        for target, part in PART.findall(document.read_text())
        if part not in parts(document.parent / (target or document.name))
    ]
    assert gone == []


def parts(document: Path) -> set[str]:
    """The anchors of its headings, as they are made of them where Markdown is shown."""
    headings = re.findall(r"^#+ (.+)$", BLOCK.sub("", document.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings}


@pytest.mark.parametrize("document", PAGES, ids=lambda path: path.name)
def test_each_page_begins_with_for_whom_it_is_and_the_index_leads_to_it(document: Path) -> None:
    title, first, *_ = document.read_text().split("\n\n")
    assert re.fullmatch(r"# .+", title)
    assert first.startswith("For ")
    index = (ROOT / "docs" / "README.md").read_text()
    assert document.name == "README.md" or f"]({document.name})" in index


def test_the_readme_tells_the_two_commands_and_the_makefile_has_every_target_it_names() -> None:
    named = {command.split()[1] for command in commands(ROOT / "README.md") if "make " in command}
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {"demo", "test"} <= named <= targets


@pytest.fixture(scope="module")
def wayfare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a `wayfare` that begins at once; what begins like a reader's is tested with
    the demonstration and with the installed wheel."""
    with wayfare_in(tmp_path_factory.mktemp("wayfare")) as folder:
        yield folder


def type_in(document: Path, folder: Path, wayfare: Path) -> str:
    """Types all of the document's commands into a shell; "" if they worked, else what was said."""
    (folder / "examples").symlink_to(ROOT / "examples")
    (folder / "docs").symlink_to(ROOT / "docs")
    stop_what_was_started = "trap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT"
    typed = on_free_ports("\n".join(commands(document)))
    script = f"set -euo pipefail\n{stop_what_was_started}\n{typed}"
    environment = os.environ | {
        "PATH": f"{wayfare}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(folder),
    }
    result = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=590,
        check=False,
    )
    if result.returncode == 0:
        return ""
    return f"{script}\n--\n{result.stdout}\n--\n{result.stderr}"


@pytest.mark.processes
@pytest.mark.timeout(600)
@pytest.mark.parametrize("document", list(with_commands()))
def test_the_commands_of_a_document_work_one_after_the_other(
    document: Path, tmp_path: Path, wayfare: Path
) -> None:
    assert type_in(document, tmp_path, wayfare) == ""


@pytest.mark.processes
def test_the_command_that_documents_are_typed_to_is_a_process_like_any_other(
    tmp_path: Path, wayfare: Path
) -> None:
    def begun(*words: str) -> subprocess.Popen[str]:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen([wayfare / "wayfare", *words], cwd=tmp_path, text=True, **pipes)

    with begun("keygen", "--out", "keys") as made, begun("nonsense") as misspelt:
        said, told = made.communicate()
    assert (made.returncode, said.count("public_key"), "mode 0600" in told) == (0, 2, True)
    assert misspelt.returncode == 2
    with begun("keygen", "--out", "keys") as again:
        assert "exists and is kept" in again.communicate()[1]
    assert again.returncode == 1

    def ended_by(number: int) -> int:
        """Of a command that waits for what is written to it."""
        with begun("check-config", "bpp", "--config", "/dev/stdin") as waits:
            assert waits.stdin is not None
            assert waits.stdout is not None
            waits.stdin.write("[")
            waits.stdin.flush()
            waits.send_signal(number)
            assert waits.stdout.read() == ""  # to its end: nobody else holds it any more
            return waits.wait(timeout=30)

    assert ended_by(signal.SIGTERM) == -signal.SIGTERM
    assert ended_by(signal.SIGKILL) == -signal.SIGKILL
