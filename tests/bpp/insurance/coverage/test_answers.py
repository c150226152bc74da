"""That somebody is covered is said only by the institution's own signed answer, and only while it
holds."""

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from bpp.declined import Declined
from bpp.insurance.coverage import keeping
from bpp.insurance.coverage.keeping import CoverageAsked
from bpp.insurance.coverage.tables import TRIGGERS
from bpp.insurance.people.tables import MemberNumber
from bpp.insurance.statement import document, pdf, plain
from bpp.insurance.statement.questions import Asked, answer
from bpp.insurance.statement.reading import Book, statement
from bpp.insurance.statement.values import Statement as PassBook
from protocol_specs.node.store import Conflict, Statement
from protocol_specs.wire import data_integrity
from protocol_specs.wire.keys import SigningKey, b64encode, generate_signing_key
from tests.bpp.insurance.remittance.support import at, job
from tests.bpp.insurance.support import KA, MY, Coop, ka_coop, my_coop
from tests.support.databases import run_sql

PERKESO = generate_signing_key()
KEYS = {MY: b64encode(PERKESO.public)}
NOW = at("2026-08-10")


def credential(key: SigningKey = PERKESO, **changes: Any) -> dict[str, Any]:
    """As an institution signs it; `changes` before it does."""
    about = {"member": "SOC-1", "scheme": MY, "plan": "plan-2"}
    said: dict[str, Any] = {
        "@context": ["https://www.w3.org/ns/credentials/v2"],
        "id": "urn:perkeso:cover:1",
        "type": ["VerifiableCredential", "SocialInsuranceCoverage"],
        "issuer": {"id": data_integrity.did_key(key.public), "name": "PERKESO"},
        "validFrom": "2026-08-03T02:00:00Z",
        "validUntil": "2026-09-01T00:00:00Z",
        "credentialSubject": {**about, **changes.pop("subject", {})},
        **changes,
    }
    method = data_integrity.did_key_method(key.public)
    return data_integrity.secure(said, key, method=method)


def revocation(*ids: str, key: SigningKey = PERKESO) -> dict[str, Any]:
    said: dict[str, Any] = {
        "@context": ["https://www.w3.org/ns/credentials/v2"],
        "id": "urn:perkeso:revoked:1",
        "type": ["VerifiableCredential", "SocialInsuranceCoverageRevocation"],
        "issuer": {"id": data_integrity.did_key(key.public), "name": "PERKESO"},
        "validFrom": "2026-08-09T00:00:00Z",
        "credentialSubject": {"scheme": MY, "revoked": list(ids)},
    }
    method = data_integrity.did_key_method(key.public)
    return data_integrity.secure(said, key, method=method)


def member(coop: Coop, agent: str, scheme: str, number: str) -> None:
    row = Statement(MemberNumber.__table__.insert())
    values = {"worker": coop.local(agent), "scheme": scheme, "number": number, "at": 1, "by": "d"}
    coop.store.transact_now(lambda s: s.run(row, **values))


@pytest.fixture
def coop(tmp_path: Path) -> Coop:
    coop = my_coop(tmp_path)
    for trigger in TRIGGERS:
        run_sql(coop.store, trigger)
    job(coop, "one", 2000, "2026-08-04")
    job(coop, "two", 2000, "2026-08-04", "a2")
    member(coop, "a1", MY, "SOC-1")
    return coop


def take(coop: Coop, said: Any, keys: Any = KEYS, now: int = NOW) -> dict[str, Any]:
    asked = CoverageAsked(document=said, by="desk-1")
    return coop.store.transact_now(lambda s: keeping.take(s, keys, asked, now))


def told(coop: Coop, agent: str = "a1", now: int = NOW, keys: Any = KEYS) -> PassBook:
    book = Book.of(coop.schemes, "coop.example", coop.key.public, "MYR", keys)
    return coop.store.read(lambda s: statement(s, book, agent, now))


def covered(coop: Coop, agent: str = "a1", now: int = NOW, keys: Any = KEYS) -> str:
    return "\n".join(answer("covered", Asked.of(told(coop, agent, now, keys), "en")))


def test_only_by_the_institutions_answer_is_anybody_covered_and_only_in_its_time(
    coop: Coop,
) -> None:
    assert covered(coop).startswith("Not confirmed by PERKESO")
    assert take(coop, credential())["is_new"] is True
    assert take(coop, credential())["is_new"] is False
    said = covered(coop)
    assert said.startswith("Yes: PERKESO signed that you are covered under plan-2, from 2026-08-03")
    assert "until 2026-09-01 08:00. The proof is its credential urn:perkeso:cover:1" in said
    assert covered(coop, now=at("2026-08-31", "23:59:59")).startswith("Yes")
    assert covered(coop, now=at("2026-09-01", "00:00:00")).startswith("No longer")
    assert covered(coop, "a2").startswith("Not confirmed")
    assert covered(coop, keys={}).startswith("Not confirmed")
    assert coop.store.read(lambda s: keeping.proofs(s, coop.local("a1"))) == [credential()]


def test_cover_that_is_to_begin_is_not_cover_yet(coop: Coop) -> None:
    take(coop, credential(validFrom="2026-08-20T00:00:00Z"))
    assert covered(coop).startswith("Not yet: PERKESO signed that you are, from 2026-08-20")


def test_what_the_institution_takes_back_is_told_and_no_longer_relied_on(coop: Coop) -> None:
    take(coop, credential())
    with pytest.raises(Declined, match="issuer is not the institution's key"):
        take(coop, revocation("urn:perkeso:cover:1", key=generate_signing_key()))
    assert covered(coop).startswith("Yes")
    take(coop, revocation("urn:perkeso:cover:1", "urn:perkeso:cover:2"))
    assert covered(coop).startswith("No longer: PERKESO took urn:perkeso:cover:1 back")
    with pytest.raises(Declined, match="took it back"):
        take(coop, credential(id="urn:perkeso:cover:2"))


@pytest.mark.parametrize(
    ("change", "keys", "why"),
    [
        ({"validUntil": "2026-08-10T11:59:59Z"}, KEYS, "it ended already"),
        ({"validUntil": "2026-08-03T02:00:00Z"}, KEYS, "ends before it begins"),
        ({"subject": {"member": "SOC-2"}}, KEYS, "nobody here has that number"),
        ({"subject": {"scheme": KA}}, KEYS, "not in the settings"),
        ({"subject": {"scheme": KA}}, {KA: KEYS[MY]}, "is a fee"),
        ({"subject": {"scheme": "none"}}, KEYS, "none"),
        ({"key": generate_signing_key()}, KEYS, "issuer is not the institution's key"),
        ({}, {}, "institution_keys"),
        ({"subject": {"earnings": 5}}, KEYS, "earnings"),
        ({"subject": {"employer": "x"}}, KEYS, "employer"),
        ({"evidence": []}, KEYS, "evidence"),
        ({"credentialStatus": {}}, KEYS, "credentialStatus"),
        ({"@context": ["https://example"]}, KEYS, "@context"),
        ({"type": ["VerifiableCredential", "Other"]}, KEYS, "type"),
        ({"validFrom": "2026-08-03T10:00:00+08:00"}, KEYS, "validFrom"),
        ({"id": "1"}, KEYS, "/id"),
    ],
)
def test_an_answer_with_one_thing_wrong_is_refused_and_nothing_is_kept(
    coop: Coop, change: dict[str, Any], keys: Any, why: str
) -> None:
    with pytest.raises(Declined, match=why):
        take(coop, credential(**dict(change)), keys)
    assert coop.count("coverage_answer") == 0


def test_a_changed_byte_is_refused_and_no_id_stands_for_two(coop: Coop) -> None:
    changed = credential()
    changed["credentialSubject"]["plan"] = "plan-4"
    with pytest.raises(Declined, match="it was changed"):
        take(coop, changed)
    for name, value in (("verificationMethod", "did:key:z6Mk#z6Mk"), ("proofValue", "z1")):
        forged = credential()
        forged["proof"][name] = value
        with pytest.raises(Declined, match="urn:perkeso:cover:1"):
            take(coop, forged)
    assert coop.count("coverage_answer") == 0
    take(coop, credential())
    with pytest.raises(Declined, match="another answer already has the id"):
        take(coop, credential(validUntil="2026-10-01T00:00:00Z"))


def test_a_row_put_into_the_file_by_hand_says_nothing(coop: Coop) -> None:
    forged = credential(generate_signing_key())
    row = Statement(text(
        "INSERT INTO coverage_answer (id, worker, scheme, document, at, by) "
        "VALUES (:id, :w, :s, :d, 1, 'x')"
    ))  # fmt: skip
    values = {"id": forged["id"], "w": coop.local("a1"), "s": MY}
    raw = json.dumps(forged).encode()
    coop.store.transact_now(lambda s: s.run(row, d=raw, **values))
    assert covered(coop).startswith("Not confirmed")
    other = json.dumps(credential(id="urn:perkeso:cover:9")).encode()
    values = {"id": "urn:perkeso:cover:9", "w": coop.local("a2"), "s": MY}
    coop.store.transact_now(lambda s: s.run(row, d=other, **values))
    assert covered(coop, "a2").startswith("Not confirmed")  # another's answer


def test_answers_are_kept_until_the_person_goes(coop: Coop) -> None:
    take(coop, credential())
    for sql in ("DELETE FROM coverage_answer", "UPDATE coverage_answer SET worker = 'x'"):
        with pytest.raises(Conflict, match="append-only"):
            coop.store.transact_now(lambda s, q=sql: s.run(Statement(text(q))))
    gone = Statement(text("DELETE FROM local_worker WHERE agent_id = 'a1'"))
    coop.store.transact_now(lambda s: s.run(gone))
    assert coop.count("coverage_answer") == 0


def test_the_statement_tells_the_answer_and_is_no_proof_itself(coop: Coop) -> None:
    take(coop, credential())
    found = told(coop)
    body = json.dumps(document.signed(found, coop.key)).encode()
    assert document.check(body, coop.key.public).statement == found
    assert b"SOC-1" not in body
    said = plain.text(found)
    assert "PERKESO signed: cover under plan-2" in said
    assert "No part of it is proof of cover" in said
    assert "cover not confirmed by PERKESO" not in said
    assert "cover not confirmed by PERKESO" in plain.text(told(coop, "a2"))
    assert pdf.drawn(found)


def test_a_fee_covers_nobody(tmp_path: Path) -> None:
    coop = ka_coop(tmp_path)
    job(coop, "one", 2000, "2026-08-04")
    member(coop, "a1", KA, "SOC-1")
    with pytest.raises(Declined, match="is a fee"):
        take(coop, credential(subject={"scheme": KA}), {KA: KEYS[MY]})
