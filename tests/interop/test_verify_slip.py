"""The verifier in examples/verify-slip, on Node's own crypto, agrees with ours about every slip."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bpp.insurance import slip_qr
from bpp.ledger.witness import Witness
from protocol_specs.wire.canonical import canonical
from protocol_specs.wire.keys import b64encode, generate_signing_key
from tests.bpp.insurance.slip_files import (
    Document,
    credential,
    karnatakan,
    malaysian,
    of_scheme,
    qr_text,
    single_changes,
    slips,
    text_of,
)
from tests.bpp.insurance.support import Coop, Story, fare_of, my_coop

SCRIPT = Path(__file__).parents[2] / "examples" / "verify-slip" / "verify-slip.mjs"
Made = tuple[Coop, Document]
pytestmark = pytest.mark.interop


@pytest.fixture(params=[malaysian, karnatakan], ids=["insurance", "fee"])
def made(request: pytest.FixtureRequest, tmp_path: Path) -> Made:
    make: Callable[[Path], Made] = request.param
    return make(tmp_path / "coop")


def verified(*words: str | Path) -> tuple[int, list[str]]:
    """How the script ended, and its lines."""
    command = ["node", str(SCRIPT), *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.stderr == ""
    return done.returncode, done.stdout.splitlines()


def put(folder: Path, bodies: Iterator[tuple[str, bytes]]) -> dict[str, str]:
    """Each body as a file: what it is, by the file's name."""
    folder.mkdir()
    found = {}
    for n, (what, body) in enumerate(bodies):
        (folder / f"{n}").write_bytes(body)
        found[str(folder / f"{n}")] = what
    return found


def bodies_of(form: str, coop: Coop, file: Document) -> Iterator[tuple[str, bytes]]:
    """The form as it should be, and each with one thing changed."""
    whole = credential(coop, file) if form == "credential" else file
    yield "as it was", (qr_text(file).encode() if form == "qr" else text_of(whole))
    for what, wrong in single_changes(whole):
        yield what, (slip_qr.pack(canonical(wrong)).encode() if form == "qr" else text_of(wrong))


@pytest.mark.parametrize("form", ["file", "credential", "qr"])
def test_it_takes_ours_and_refuses_each_single_change(
    made: Made, tmp_path: Path, form: str
) -> None:
    coop, file = made
    files = put(tmp_path / "slips", bodies_of(form, coop, file))
    code, lines = verified("--key", b64encode(coop.key.public), *files)
    held = [line.split(":")[0] for line in lines if ": holds (" in line]
    refused = [line.split(":")[0] for line in lines if ": does NOT hold: " in line]
    assert code == 1
    assert [files[name] for name in held] == ["as it was"]
    assert len(refused) == len(files) - 1 > 100


def test_it_takes_slips_of_a_whole_story_and_says_what_it_did_not_check(tmp_path: Path) -> None:
    coop = my_coop(tmp_path / "coop")
    story = Story(agent_id="a1")
    coop.happen(
        story.event("confirmed"),
        story.event("fare_changed", lines=fare_of(3333)),
        story.event("completed", tip_minor=100),
        story.event("refunded", refund_minor=999, refund_borne_by="worker"),
    )
    given = slips(coop, "a1")
    files = put(tmp_path / "slips", ((f"{n}", text_of(file)) for n, file in enumerate(given)))
    code, lines = verified(*files)
    assert code == 0
    assert len([line for line in lines if ": holds (file)" in line]) == len(given) == 4
    assert "  NOT checked: that this is the cooperative's key" in lines
    assert "  NOT checked: that the entry stands in the books: its proof is pending" in lines


@pytest.mark.parametrize("name", ["sg.cpf.platform", "cn.occupational-injury", "id.bpu"])
def test_of_figures_that_are_no_rate_it_says_that_it_did_not_check_them(
    tmp_path: Path, name: str
) -> None:
    coop, (final, _) = of_scheme(tmp_path / "coop", name, "completed")
    files = put(
        tmp_path / "slips",
        iter([("credential", text_of(credential(coop, final))), ("qr", qr_text(final).encode())]),
    )
    code, lines = verified("--key", b64encode(coop.key.public), *files)
    assert code == 0
    assert lines.count("  NOT checked: base, rate, rounding and caps") == 2


def test_it_refuses_another_key_and_a_block_that_the_witness_does_not_hold(
    made: Made, tmp_path: Path
) -> None:
    coop, file = made
    heads = tmp_path / "elsewhere" / "witness.jsonl"
    coop.store.read(lambda session: Witness(heads).witness_next(session, 0))
    (files,) = put(tmp_path / "slips", iter([("slip", text_of(file))]))
    assert verified("--witness", heads, files)[0] == 0
    assert "not the key you expect" in verified("--key", other_key(), files)[1][0]
    heads.write_text("")
    assert "the witness does not know that block" in verified("--witness", heads, files)[1][0]


def other_key() -> str:
    return b64encode(generate_signing_key().public)
