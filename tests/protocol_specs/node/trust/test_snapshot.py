"""The registry's snapshot as a file: believed for its signature, read a record at a time."""

import hashlib
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from protocol_specs.node.trust.snapshot import BadSnapshot, Seal, Snapshot
from protocol_specs.wire import strict_json
from protocol_specs.wire.errors import Unauthenticated
from protocol_specs.wire.parties import SubscriberType
from tests.support import peers
from tests.support.peers import CITY, DELIVERIES, NOW, RIDES, Peer
from tests.support.standin_registry import record

REGISTRY = Peer("registry.example.org", SubscriberType.REGISTRY, "https://registry.example.org")
PINNED = REGISTRY.records()[0]
BAP, BPP = peers.bap(domains=(RIDES, DELIVERIES)), peers.bpp()
HEAD: dict[str, Any] = {
    "registry": REGISTRY.subscriber_id,
    "sequence": 7,
    "issued_at": "2026-09-21T14:13:20Z",
    "max_age_s": 300,
}


def tag(records: bytes, max_age_s: int = 300) -> str:
    return f'"{hashlib.sha256(b"%d" % max_age_s + records).hexdigest()[:40]}"'


def body_of(records: bytes, **head: Any) -> bytes:
    return strict_json.dumps(HEAD | head)[:-1] + b', "records": ' + records + b"}"


def all_of(*members: Peer) -> bytes:
    return strict_json.dumps([record(said) for peer in members for said in peer.records()])


def write(
    path: Path,
    body: bytes,
    etag: str,
    *,
    by: Peer = REGISTRY,
    signed: bytes | None = None,
    created: int = NOW,
) -> Path:
    signature = by.authorization(body if signed is None else signed, created=created)
    path.write_bytes(body + Seal(etag, signature).line())
    return path


def key_question(peer: Peer) -> dict[str, str]:
    key_id = peer.key_id
    return {"subscriber_id": key_id.subscriber_id, "key_id": key_id.unique_key_id, "ukId": "x"}


def test_a_snapshot_answers_as_the_registry_does(tmp_path: Path) -> None:
    elsewhere = peers.bpp("far.example.org", cities=("std:080",))
    everywhere = peers.bpp("all.example.org", cities=())
    records = all_of(BAP, BPP, elsewhere, everywhere)
    snapshot = Snapshot.open(write(tmp_path / "s", body_of(records), tag(records)), PINNED)
    assert snapshot.find(key_question(BAP)) == BAP.records()
    assert snapshot.find(key_question(replace(BAP, unique_key_id="k2"))) == []
    found = snapshot.find({"type": "BPP", "domain": RIDES, "city": CITY, "status": "SUBSCRIBED"})
    assert {r.subscriber_id for r in found} == {"bpp.example.org", "all.example.org"}
    assert len(snapshot.find({"type": "BPP", "domain": RIDES, "city": "*"})) == 3
    assert snapshot.find({"type": "BPP", "domain": DELIVERIES}) == []
    assert snapshot.head.sequence == 7
    assert snapshot.confirmed_at == NOW
    snapshot.close()


def test_records_may_be_spelled_in_every_way_json_allows(tmp_path: Path) -> None:
    said = record(BPP.records()[0])
    odd = said | {"note": '} ] { [ " \\ "records":[', "more": {"a": [{"b": [1, {}]}]}}
    spaced = b"[ \n" + strict_json.dumps(odd) + b" ,\n\t" + strict_json.dumps(said) + b" \r\n ]"
    before = b'{"x": {"records": []}, "records2": "]", "records" : '
    body = before + spaced + b"," + strict_json.dumps(HEAD)[1:]
    snapshot = Snapshot.open(write(tmp_path / "s", body, tag(spaced)), PINNED)
    assert snapshot.find(key_question(BPP)) == BPP.records() * 2
    snapshot.close()


def test_a_record_that_says_too_little_is_left_out_and_harms_no_other(tmp_path: Path) -> None:
    short = {"subscriber_id": "a.example.org"}
    records = strict_json.dumps([short, record(BPP.records()[0]), {}])
    snapshot = Snapshot.open(write(tmp_path / "s", body_of(records), tag(records)), PINNED)
    assert snapshot.find(key_question(BPP)) == BPP.records()
    assert snapshot.find({"subscriber_id": "a.example.org"}) == []
    snapshot.close()


RECORDS = all_of(BPP)
GOOD = body_of(RECORDS)
WRONG: dict[str, Callable[[Path], Path]] = {
    "another key": lambda p: write(p, GOOD, tag(RECORDS), by=peers.bap(REGISTRY.subscriber_id)),
    "another body": lambda p: write(p, GOOD, tag(RECORDS), signed=GOOD + b" "),
    "another registry": lambda p: write(p, body_of(RECORDS, registry="r2"), tag(RECORDS)),
    "another tag": lambda p: write(p, GOOD, tag(b"[]")),
    "no array": lambda p: write(p, body_of(b"{}"), tag(b"{}")),
    "a record that is none": lambda p: write(p, body_of(b"[7]"), tag(b"[7]")),
    "an open end": lambda p: write(p, body_of(b"[")[:-1], tag(b"[")),
    "no sequence": lambda p: write(p, body_of(RECORDS, sequence="7"), tag(RECORDS)),
    "an endless age": lambda p: write(p, body_of(RECORDS, max_age_s=86_401), tag(RECORDS, 86_401)),
    "no age": lambda p: write(p, body_of(RECORDS, max_age_s=0), tag(RECORDS, 0)),
    "no time": lambda p: write(p, body_of(RECORDS, issued_at="soon"), tag(RECORDS)),
    "no JSON": lambda p: write(p, b"hello", tag(RECORDS)),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_no_snapshot_of_our_registry_is_refused(tmp_path: Path, wrong: str) -> None:
    with pytest.raises(BadSnapshot):
        Snapshot.open(WRONG[wrong](tmp_path / "s"), PINNED)


@pytest.mark.parametrize("content", [b"", b"\n", b"{}", b"{}\n{}", b'{}\n{"etag":1}'])
def test_a_file_that_was_cut_short_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "s"
    path.write_bytes(content)
    with pytest.raises(BadSnapshot):
        Snapshot.open(path, PINNED)


def test_a_changed_byte_is_found_wherever_it_is(tmp_path: Path) -> None:
    content = write(tmp_path / "s", GOOD, tag(RECORDS)).read_bytes()
    for place in range(0, len(content), 37):
        changed = bytes([content[place] ^ 1])
        path = tmp_path / "changed"
        path.write_bytes(content[:place] + changed + content[place + 1 :])
        with pytest.raises(BadSnapshot):
            Snapshot.open(path, PINNED).close()


def test_only_the_registrys_word_over_this_tag_makes_a_snapshot_younger(tmp_path: Path) -> None:
    snapshot = Snapshot.open(write(tmp_path / "s", GOOD, tag(RECORDS)), PINNED)
    signed = snapshot.etag.encode()
    snapshot.confirm(REGISTRY.authorization(signed, created=NOW + 40), PINNED)
    assert snapshot.confirmed_at == NOW + 40
    assert snapshot.age_s(NOW + 50) == 10
    snapshot.confirm(REGISTRY.authorization(signed, created=NOW + 10), PINNED)
    assert snapshot.confirmed_at == NOW + 40
    other = REGISTRY.authorization(b'"another"', created=NOW + 60)
    forged = peers.bap(REGISTRY.subscriber_id).authorization(signed, created=NOW + 60)
    for line in (other, forged, ""):
        with pytest.raises(Unauthenticated):
            snapshot.confirm(line, PINNED)
    assert snapshot.confirmed_at == NOW + 40
    snapshot.close()


def test_a_large_snapshot_is_never_in_memory_at_once(tmp_path: Path) -> None:
    said = record(BPP.records()[0])
    records = strict_json.dumps([said | {"subscriber_id": f"{n}.org"} for n in range(20_000)])
    path = write(tmp_path / "s", body_of(records), tag(records))
    tracemalloc.start()
    try:
        snapshot = Snapshot.open(path, PINNED)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < len(records) / 50
    assert len(snapshot.find({"subscriber_id": "19999.org"})) == 1
    snapshot.close()
