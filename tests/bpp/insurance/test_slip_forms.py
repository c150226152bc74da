"""A slip in other coats, a credential, a QR code, a page, an SMS, says the same and no more."""

import hashlib
import json
import re
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zxingcpp
from nacl.signing import VerifyKey

from bpp.insurance import slip_credential, slip_page, slip_qr, slip_sms
from bpp.insurance.scheme_file import load
from bpp.insurance.slip_check import BadSlip, Verdict, check
from bpp.insurance.slip_report import checked, not_checked
from bpp.insurance.slip_words import REASONS, SMS_WHY
from bpp.ledger import witness
from bpp.ledger.witness import Witness
from bpp.orders.events import EventKind
from protocol_specs.node.commands import main
from protocol_specs.wire import data_integrity
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
from tests.bpp.insurance.support import Coop, Story, my_coop

Made = tuple[Coop, Document]
SCHEMES = [
    "my.act872.gig",
    "in.karnataka.pbgw2025",
    "sg.cpf.platform",
    "cn.occupational-injury",
    "id.bpu",
]
ROOT = Path(__file__).parents[3]


@pytest.fixture(params=[malaysian, karnatakan], ids=["insurance", "fee"])
def made(request: pytest.FixtureRequest, tmp_path: Path) -> Made:
    make: Callable[[Path], Made] = request.param
    return make(tmp_path)


@pytest.fixture
def my(tmp_path: Path) -> Made:
    return malaysian(tmp_path)


def forms(made: Made) -> dict[str, bytes]:
    coop, file = made
    return {
        "file": text_of(file),
        "credential": text_of(credential(coop, file)),
        "qr": qr_text(file).encode(),
    }


def verdict_of(made: Made) -> Verdict:
    return check(text_of(made[1]), made[0].key.public)


# All forms


def test_every_form_holds_and_says_the_same(made: Made) -> None:
    for form, body in forms(made).items():
        verdict = check(body, made[0].key.public)
        assert verdict.form == form
        assert verdict.document == made[1]["slip"]
        assert verdict.is_sealed


@pytest.mark.parametrize("form", ["file", "credential", "qr"])
def test_a_single_changed_field_is_refused_in_every_form(made: Made, form: str) -> None:
    coop, file = made
    whole = credential(coop, file) if form == "credential" else file
    taken, changes = [], 0
    for what, wrong in single_changes(whole):
        body = slip_qr.pack(canonical(wrong)).encode() if form == "qr" else text_of(wrong)
        try:
            check(body, coop.key.public)
        except BadSlip:
            changes += 1
        else:
            taken.append(what)
    assert taken == []
    assert changes > 100


@pytest.mark.parametrize("last", ["confirmed", "completed", "cancelled", "reassigned"])
@pytest.mark.parametrize("name", SCHEMES)
def test_slips_of_every_scheme_have_every_form(tmp_path: Path, name: str, last: EventKind) -> None:
    coop, found = of_scheme(tmp_path, name, last)
    for file in found:
        for body in forms((coop, file)).values():
            assert check(body, coop.key.public).document == file["slip"]
        verdict = verdict_of((coop, file))
        assert slip_sms.fits(slip_sms.text(verdict.slip))
        assert "<svg" in slip_page.page(verdict)
    newest = verdict_of((coop, found[0])).slip
    assert (newest.reason is None) or (newest.reason in ("cancelled", "reassigned"))
    if newest.reason:
        assert SMS_WHY[newest.reason] in slip_sms.text(newest)
        assert REASONS[newest.reason] in slip_page.page(verdict_of((coop, found[0])))


@pytest.mark.parametrize("form", ["file", "credential", "qr"])
def test_another_key_than_the_expected_one_is_refused_in_every_form(my: Made, form: str) -> None:
    with pytest.raises(BadSlip, match="ledger_key"):
        check(forms(my)[form], generate_signing_key().public)


def test_it_says_which_checks_were_made_and_which_were_not(my: Made, tmp_path: Path) -> None:
    coop, file = my
    heads = tmp_path / "elsewhere" / "witness.jsonl"
    coop.store.read(lambda session: Witness(heads).witness_next(session, 0))
    bare = check(text_of(file), None)
    assert len(list(checked(bare))) == 4
    assert [line.split(":")[0] for line in not_checked(bare)][:2] == [
        "whose key that is",
        "whether others hold the head of that block",
    ]
    full = check(text_of(file), coop.key.public, witness.read(heads))
    assert len(list(checked(full))) == 6
    assert not any("key" in line or "witness" in line for line in not_checked(full))
    pending = check(text_of({**file, "proof": "pending"}), None)
    assert any("pending" in line for line in not_checked(pending))


def test_a_proof_that_the_witness_does_not_know_is_refused(my: Made) -> None:
    coop, file = my
    with pytest.raises(BadSlip, match="the witness does not know this block 1"):
        check(text_of(file), coop.key.public, [])


# The credential


def test_a_credential_is_one_of_vc_2_0_whose_issuer_is_the_ledger_key(my: Made) -> None:
    coop, file = my
    found = credential(coop, file)
    assert found["@context"][0] == "https://www.w3.org/ns/credentials/v2"
    assert found["type"] == ["VerifiableCredential", "DeductionSlip"]
    assert found["issuer"] == {
        "id": data_integrity.did_key(coop.key.public),
        "name": "coop.example",
    }
    assert re.fullmatch(r"2026-07-02T\d\d:\d\d:\d\dZ", found["validFrom"])
    assert found["credentialSubject"] == {"slip": file["slip"], "inclusion": file["proof"]}
    assert found == credential(coop, file)  # to the byte: there is no clock in it


def test_a_few_lines_written_anew_find_the_credentials_proof_good(made: Made) -> None:
    coop, file = made
    document = credential(coop, file)
    proof = dict(document.pop("proof"))
    value, letters = (
        proof.pop("proofValue"),
        "123456789ABCDEFGHJKLMNPQRSTUVWXYZ" + ("abcdefghijkmnopqrstuvwxyz"),
    )
    number = 0
    for letter in value[1:]:
        number = number * 58 + letters.index(letter)

    def hashed(part: Any) -> bytes:
        text = json.dumps(part, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(text.encode()).digest()

    VerifyKey(coop.key.public).verify(hashed(proof) + hashed(document), number.to_bytes(64, "big"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("@context", ["https://www.w3.org/ns/credentials/v2"]),
        ("id", "urn:x-wayfare:slip:another"),
        ("type", ["VerifiableCredential", "ProofOfCover"]),
        ("issuer", {"id": "did:key:z6Mk", "name": "PERKESO"}),
        ("validFrom", "2020-01-01T00:00:00Z"),
        ("validUntil", "2030-01-01T00:00:00Z"),
        ("description", "This worker is covered."),
    ],
)
def test_what_stands_around_the_slip_cannot_differ_even_when_signed(
    my: Made, name: str, value: object
) -> None:
    coop, file = my
    unsecured = slip_credential.unsecured(file["slip"], file["proof"], coop.key.public)
    method = data_integrity.did_key_method(coop.key.public)
    wrong = data_integrity.secure({**unsecured, name: value}, coop.key, method=method)
    with pytest.raises(BadSlip, match="around the slip"):
        check(text_of(wrong), coop.key.public)


# The QR code


def test_a_qr_text_is_under_two_thousand_characters_and_holds_the_signed_bytes(made: Made) -> None:
    text = qr_text(made[1])
    assert len(text) < 2_000
    assert canonical(made[1]["slip"]) in slip_qr.unpack(text.encode())
    assert set(text) <= set(slip_qr.BASE45)  # the alphabet of a code's alphanumeric mode
    assert slip_qr.image(text).mode == "alphanumeric"


def test_an_independent_reader_reads_the_picture(made: Made, tmp_path: Path) -> None:
    text, picture = qr_text(made[1]), tmp_path / "slip.png"
    slip_qr.save(text, picture)
    (found,) = zxingcpp.read_barcodes(pixels_of(picture))
    assert found.text == text
    assert check(found.text.encode(), made[0].key.public).is_sealed


def test_a_proof_that_does_not_fit_is_left_out_and_that_is_said(my: Made) -> None:
    coop, file = my
    long = {**file["proof"], "path": [hashlib.sha256(bytes([n])).hexdigest() for n in range(20)]}
    text = slip_qr.text(file["slip"], file["signature"], long)
    verdict = check(text.encode(), coop.key.public)
    assert (verdict.proof, verdict.is_sealed) == ("left_out", False)
    assert any("left out" in line for line in not_checked(verdict))


def test_a_slip_too_long_for_a_code_is_refused_and_its_page_says_so(tmp_path: Path) -> None:
    from dataclasses import replace

    noise = hashlib.shake_256(b"").hexdigest(3_000)
    coop = Coop(tmp_path, (replace(load("my.act872.gig"), law=noise),))
    coop.happen(Story(agent_id="a1").event("confirmed"))
    (file,) = slips(coop, "a1")
    with pytest.raises(slip_qr.TooLong):
        qr_text(file)
    assert "too long for a QR code" in slip_page.page(verdict_of((coop, file)))


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[:-3],
        lambda text: text + "000",
        lambda text: text[:50] + text[53:],
        lambda text: text[:50] + "?" + text[51:],
        lambda text: text[:50] + ":::" + text[53:],
        lambda text: "WFS1:",
        lambda text: "WFS2:" + text[5:],
        lambda text: text.lower(),
    ],
)
def test_a_damaged_text_is_refused(my: Made, damage: Callable[[str], str]) -> None:
    with pytest.raises(BadSlip):
        check(damage(qr_text(my[1])).encode(), None)


def test_a_text_wrong_in_any_character_is_refused(my: Made) -> None:
    text = qr_text(my[1])
    for at in range(5, len(text), 11):
        other = "0" if text[at] != "0" else "1"
        with pytest.raises(BadSlip):
            check((text[:at] + other + text[at + 1 :]).encode(), my[0].key.public)


def test_a_text_that_swells_is_stopped() -> None:
    with pytest.raises(BadSlip, match="cut short"):
        check(slip_qr.pack(b"0" * 10_000_000).encode(), None)


def test_base45_is_that_of_its_rfc() -> None:
    for raw, text in [(b"AB", "BB8"), (b"Hello!!", "%69 VD92EX0"), (b"base-45", "UJCLQE7W581")]:
        assert slip_qr.base45(raw) == text
        assert slip_qr.base45_bytes(text) == raw
    for wrong in ("GGW", "A", "::", "ab"):
        with pytest.raises(ValueError, match="base45"):
            slip_qr.base45_bytes(wrong)


def test_the_words_of_the_prefix_never_change_and_the_example_has_the_same() -> None:
    ours = (ROOT / "bpp/insurance/slip_dictionary.json").read_bytes()
    assert (ROOT / "examples/verify-slip/slip_dictionary.json").read_bytes() == ours
    assert hashlib.sha256(ours).hexdigest() == DICTIONARY_SHA256, "texts in print become unreadable"


DICTIONARY_SHA256 = "1ed95adfde01752500c93f127086a11f137f1168f80867f67512b7e03d678ff1"


# The page


def test_the_page_is_whole_in_itself_and_says_what_the_slip_says(made: Made) -> None:
    verdict = verdict_of(made)
    html = slip_page.page(verdict)
    plain = html.replace("&#x27;", "'")
    assert verdict.slip.says in plain
    assert verdict.slip.slip_id in html
    assert verdict.slip.ledger_key in html
    assert all(each in plain for each in verdict.slip.scheme.unverified)
    assert "size: A5" in html
    assert "<svg" in html
    assert not re.search(r"<script|https?://(?!www\.w3\.org/2000/svg)|@import|url\(|\son\w+=", html)


def test_the_page_is_made_of_text_and_never_of_markup_in_a_slip(tmp_path: Path) -> None:
    from dataclasses import replace

    scheme = replace(load("my.act872.gig"), institution="<b>&PERKESO", title='"<script>x</script>')
    coop = Coop(tmp_path, (scheme,))
    coop.happen(Story(agent_id="a1").event("confirmed"))
    (file,) = slips(coop, "a1")
    html = slip_page.page(verdict_of((coop, file)))
    assert "<b>" not in html
    assert "<script" not in html
    assert "&lt;b&gt;&amp;PERKESO" in html


# The SMS


def test_an_sms_says_the_amount_what_it_is_not_and_which_slip(made: Made) -> None:
    slip = verdict_of(made).slip
    text = slip_sms.text(slip)
    assert slip_sms.fits(text)
    assert "0.21" in text or "0.16" in text
    assert "cover not confirmed" in text or "A fee is not cover" in text
    assert "Figures not confirmed." in text
    assert text.endswith(slip.slip_id[:8])


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("a" * 160, True),
        ("a" * 161, False),
        ("€" * 80, True),
        ("€" * 80 + "a", False),
        ("社" * 70, True),
        ("社" + "a" * 70, False),
        ("𝄞" * 35, True),
        ("𝄞" * 36, False),
    ],
)
def test_one_sms_holds_160_characters_of_gsm_or_70_others(text: str, fits: bool) -> None:
    assert slip_sms.fits(text) is fits


def test_an_sms_in_another_script_is_short_and_still_says_that_it_is_no_cover(my: Made) -> None:
    document = json.loads(json.dumps(my[1]["slip"]))
    slip = verdict_of(my).slip
    for institution in ("社会保险", "社会保险经办机构" * 4):
        scheme = slip.scheme.model_copy(update={"institution": institution})
        text = slip_sms.text(slip.model_copy(update={"scheme": scheme, "issuer": "合作社"}))
        assert slip_sms.fits(text)
        assert "not cover" in text or "cover not confirmed" in text
        assert document["slip_id"][:8] in text


# Words


def test_no_text_about_a_slip_claims_cover(made: Made) -> None:
    verdict = verdict_of(made)
    page = re.sub(r"<svg.*?</svg>|<style>.*?</style>", "", slip_page.page(verdict), flags=re.DOTALL)
    told = [page, slip_sms.text(verdict.slip), *checked(verdict), *not_checked(verdict)]
    for text in told:
        assert not re.search(r"\b(covered|insured|protected|paid to)\b", text, re.IGNORECASE)


# The commands


@pytest.fixture
def at_the_desk(my: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Made:
    (tmp_path / "slip.json").write_bytes(text_of(my[1]))
    monkeypatch.chdir(tmp_path)
    return my


def test_each_form_is_made_by_one_command_and_verified(
    at_the_desk: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = b64encode(at_the_desk[0].key.public)
    for out in ("slip.png", "slip.svg"):
        assert main(["slip", "qr", "slip.json", "--out", out]) == 0
    assert main(["slip", "print", "slip.json", "--out", "slip.html"]) == 0
    assert {"slip.png", "slip.svg", "slip.html"} <= {each.name for each in tmp_path.iterdir()}
    capsys.readouterr()
    assert main(["slip", "qr", "slip.json"]) == 0
    (tmp_path / "slip.txt").write_text(capsys.readouterr().out)
    assert main(["slip", "verify", "slip.txt", "--public-key", key, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["form"], said["verified"], said["covered_from"]) == ("qr", True, None)
    assert main(["slip", "sms", "slip.txt"]) == 0
    assert "cover not confirmed" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["verify", "qr", "print", "sms"])
def test_no_form_is_made_of_a_slip_that_does_not_hold(
    at_the_desk: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    forged = {**at_the_desk[1], "slip": {**at_the_desk[1]["slip"], "worker": "w0"}}
    (tmp_path / "forged.json").write_bytes(text_of(forged))
    out = ["--out", "made.svg"] if command in ("qr", "print") else []
    assert main(["slip", command, "forged.json", *out]) == 1
    said = capsys.readouterr()
    assert "does NOT hold: signature" in said.err
    assert not said.out
    assert not (tmp_path / "made.svg").exists()


def test_a_picture_of_another_kind_is_refused(
    at_the_desk: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["slip", "qr", "slip.json", "--out", "slip.gif"]) == 1
    assert "written as .png or .svg" in capsys.readouterr().err
    assert not (tmp_path / "slip.gif").exists()


@pytest.mark.parametrize("command", ["qr", "print"])
def test_what_cannot_be_written_is_named(
    at_the_desk: Made, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    assert main(["slip", command, "slip.json", "--out", "nowhere/slip.svg"]) == 1
    assert "nowhere/slip.svg cannot be written: No such file" in capsys.readouterr().err


def test_a_witness_that_is_missing_is_named(
    at_the_desk: Made, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["slip", "verify", "slip.json", "--witness", "nowhere.jsonl"]) == 1
    assert "nowhere.jsonl: the witness is missing" in capsys.readouterr().err


def test_a_credential_has_no_qr_code_of_the_slip(
    at_the_desk: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "vc.json").write_bytes(text_of(credential(*at_the_desk)))
    assert main(["slip", "qr", "vc.json"]) == 1
    assert "made of the slip's file" in capsys.readouterr().err


def test_only_the_key_that_signed_a_slip_makes_its_credential(
    at_the_desk: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import argparse

    from bpp.insurance import commands

    keys = {"ours.toml": at_the_desk[0].key, "theirs.toml": generate_signing_key()}
    parser = argparse.ArgumentParser()
    commands.add(parser.add_subparsers(), lambda config: keys[config.name])

    def make(config: str) -> int:
        words = ["slip", "credential", "slip.json", "--config", config, "--out", f"{config}.json"]
        arguments = parser.parse_args(words)
        result: int = arguments.run(arguments)
        return result

    assert make("theirs.toml") == 1
    assert "another ledger key" in capsys.readouterr().err
    assert not (tmp_path / "theirs.toml.json").exists()
    assert make("ours.toml") == 0
    body = (tmp_path / "ours.toml.json").read_bytes()
    assert check(body, at_the_desk[0].key.public).form == "credential"


def test_where_the_money_is_once_all_cash_came_back(tmp_path: Path) -> None:
    from bpp.insurance import cash
    from bpp.insurance.cash import Limit
    from tests.bpp.insurance.support import CASH, NOON

    coop, story = my_coop(tmp_path), Story(agent_id="a1", payment=CASH)
    coop.happen(story.event("confirmed"), story.event("completed"))
    worker, limit = coop.local("a1"), Limit(None, "MYR")
    coop.store.transact_now(lambda session: cash.pay_in(session, limit, worker, 420, "r1", NOON))
    coop.happen(story.event("refunded", refund_minor=50, refund_borne_by="cooperative"))
    assert [file["slip"]["money_is"] for file in slips(coop, "a1")] == [
        "paid_in",
        "advanced_by_cooperative",
        "set_aside",
    ]
    assert all(check(text_of(file), coop.key.public) for file in slips(coop, "a1"))


def pixels_of(picture: Path) -> memoryview:
    """The grey pixels of a PNG with one bit a pixel and rows as they are or as differences (up)."""
    data, at, stream = picture.read_bytes(), 8, b""
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at : at + 8])
        part = data[at + 8 : at + 8 + size]
        if kind == b"IHDR":
            width, height, depth, colour = struct.unpack(">IIBB", part[:10])
            assert (depth, colour) == (1, 0)
        stream += part if kind == b"IDAT" else b""
        at += size + 12
    rows, step, above, grey = zlib.decompress(stream), (width + 7) // 8 + 1, b"", bytearray()
    for y in range(height):
        how, row = rows[y * step], rows[y * step + 1 : (y + 1) * step]
        assert how in (0, 2)
        if how == 2:
            row = bytes((a + b) % 256 for a, b in zip(row, above, strict=True))
        grey += bytes(255 if row[x // 8] >> (7 - x % 8) & 1 else 0 for x in range(width))
        above = row
    return memoryview(bytes(grey)).cast("B", shape=[height, width])
