"""`wayfare sign` and `wayfare verify`, as somebody types them."""

import json

import pytest

from protocol_specs.node.commands import main
from protocol_specs.node.settings import write_secret
from protocol_specs.wire import keys, signing

CREATED = 1_767_323_045
BODY = b'{"context": {"city": "K\xc3\xb6ln"}}'


@pytest.fixture
def signed(tmp_path, capsys):
    """A key file, a body file, and the header that `wayfare sign` made of them."""
    key = keys.generate_signing_key()
    write_secret(tmp_path / "signing.key", keys.b64encode(key.seed))
    (tmp_path / "body.json").write_bytes(BODY)
    words = ["sign", "--key", str(tmp_path / "signing.key"), "--key-id", "bap.example.org|k7"]
    given = [*words, "--at", str(CREATED), "--header-only", str(tmp_path / "body.json")]
    assert main(given) == 0
    header = capsys.readouterr().out.strip()

    def verify(*more: str, header: str = header, public: bytes = key.public) -> tuple[int, str]:
        words = ["verify", "--public-key", keys.b64encode(public), "--header", header]
        status = main([*words, *more, str(tmp_path / "body.json")])
        return status, capsys.readouterr().out

    verify.header, verify.folder, verify.words = header, tmp_path, words
    return verify


def test_what_sign_prints_is_what_a_peer_verifies(signed) -> None:
    header = signing.parse_header(signed.header)
    assert str(header.key_id) == "bap.example.org|k7"
    assert (header.created, header.expires) == (CREATED, CREATED + 60)
    status, said = signed("--at", str(CREATED + 10))
    assert status == 0
    assert "good: bap.example.org|k7 signed these" in said
    assert f"(created): {CREATED}\n(expires): {CREATED + 60}\ndigest: BLAKE-512=" in said


def test_sign_shows_the_digest_and_the_three_lines(signed, capsys) -> None:
    assert (
        main([*signed.words, "--at", "2026-01-02T03:04:05Z", str(signed.folder / "body.json")]) == 0
    )
    said = capsys.readouterr().out
    assert f"BLAKE-512={signing.digest(BODY)}" in said
    assert said.rstrip().endswith(signed.header)


@pytest.mark.parametrize(
    ("at", "why"),
    [
        (CREATED + 61, "expired 1 s ago"),
        (CREATED - 6, "was created 6 s in the future"),
    ],
)
def test_a_refusal_names_both_times_and_the_skew(signed, at, why) -> None:
    status, said = signed("--at", str(at))
    assert status == 1
    assert f"refused: The signature of bap.example.org|k7 {why}" in said
    assert f"our time {at}" in said
    assert f"), {abs(at - CREATED)} s {'before' if at > CREATED else 'after'} our time" in said


def test_the_lines_that_keygen_prints_are_a_public_key(signed, capsys) -> None:
    assert main(["keygen", "--out", str(signed.folder / "other")]) == 0
    public = signed.folder / "public.toml"
    public.write_text(capsys.readouterr().out)
    body = str(signed.folder / "body.json")
    words = ["--header", signed.header, "--at", str(CREATED), body]
    assert main(["verify", "--public-key", str(public), *words]) == 1
    assert "does not verify with key" in capsys.readouterr().out
    assert main(["verify", "--public-key", "publik.toml", *words]) == 1
    assert "There is no file publik.toml. Give the sign" in capsys.readouterr().err


def test_another_body_key_or_header_is_refused_with_the_reason(signed) -> None:
    other = keys.generate_signing_key().public
    status, said = signed("--at", str(CREATED), public=other)
    assert (status, "does not verify" in said) == (1, True)
    status, said = signed("--at", str(CREATED), header=signed.header.replace("ed25519", "rsa"))
    assert (status, "keyId is not as BECKN-006" in said) == (1, True)
    (signed.folder / "body.json").write_bytes(json.dumps(json.loads(BODY)).encode())
    status, said = signed("--at", str(CREATED))
    assert (status, "no second serialisation" in said) == (1, True)


@pytest.mark.parametrize(
    "words",
    [
        ["sign", "--key", "missing.key", "body.json"],
        ["sign", "--key", "signing.key", "--key-id", "nobody", "body.json"],
        ["sign", "--key", "signing.key", "--key-id", "no body|k1", "body.json"],
        ["sign", "--key", "signing.key", "--at", "5", "body.json"],
        ["sign", "--key", "signing.key", "--at", "²", "body.json"],
        ["sign", "--key", "signing.key", "--at", "9" * 17, "body.json"],
        ["sign", "--key", "signing.key", "missing.json"],
        ["verify", "--public-key", "AAAA", "--header", "x", "body.json"],
        ["verify", "--public-key", "AAAA", "--header", "x", "--at", "noon", "body.json"],
    ],
)
def test_what_the_person_at_the_keyboard_can_mend_is_one_line(signed, words, capsys, monkeypatch):
    monkeypatch.chdir(signed.folder)
    assert main(words) == 1
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert said.err.startswith("wayfare: ")
