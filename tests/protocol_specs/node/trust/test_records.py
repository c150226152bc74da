"""Registry records in the spellings that real registries use."""

from typing import Any

import pytest

from protocol_specs.node.trust.records import BadRecord, read_record, read_records
from protocol_specs.wire import keys, timestamp
from protocol_specs.wire.parties import SubscriberType
from tests.support import peers
from tests.support.peers import NOW

BAP = peers.bap()
SPKI_ED25519 = bytes.fromhex("302a300506032b6570032100")
SPKI_X25519 = bytes.fromhex("302a300506032b656e032100")


def core() -> dict[str, Any]:
    return {
        "subscriber_id": BAP.subscriber_id,
        "url": BAP.url,
        "type": "BAP",
        "domain": peers.RIDES,
        "key_id": "k1",
        "location": {"city": {"code": "std:03"}, "country": {"code": "MYS"}},
        "signing_public_key": keys.b64encode(BAP.key.public),
        "encr_public_key": keys.b64encode(BAP.encryption.public),
        "valid_from": timestamp.rfc3339((NOW - 86_400) * 1000),
        "valid_until": timestamp.rfc3339((NOW + 86_400) * 1000),
        "status": "SUBSCRIBED",
    }


def test_a_core_record_is_read() -> None:
    assert [read_record(core())] == BAP.records()


@pytest.mark.parametrize(
    ("name", "other"),
    [("url", "subscriber_url"), ("key_id", "unique_key_id"), ("key_id", "ukId")],
)
def test_the_other_spelling_of_a_field_is_read(name: str, other: str) -> None:
    record = core()
    record[other] = record.pop(name)
    assert [read_record(record)] == BAP.records()


@pytest.mark.parametrize("word", ["buyerApp", "bap", "BAP"])
def test_the_words_of_other_networks_for_a_type_are_read(word: str) -> None:
    assert read_record({**core(), "type": word}).type is SubscriberType.BAP


def test_cities_are_read_from_one_text_with_commas() -> None:
    record = core()
    del record["location"]
    record |= {"city": "std:080, std:022", "country": "IND"}
    assert read_record(record).cities == ("std:080", "std:022")
    assert read_record(record).country == "IND"


def test_keys_in_der_are_read_as_raw() -> None:
    record = core()
    record["signing_public_key"] = keys.b64encode(SPKI_ED25519 + BAP.key.public)
    record["encr_public_key"] = keys.b64encode(SPKI_X25519 + BAP.encryption.public)
    assert [read_record(record)] == BAP.records()


@pytest.mark.parametrize(
    "name",
    ["subscriber_id", "url", "type", "key_id", "signing_public_key", "valid_until", "status"],
)
@pytest.mark.parametrize("value", [None, 7, "", ["x"]])
def test_a_record_that_says_too_little_is_left_out(name: str, value: object) -> None:
    with pytest.raises(BadRecord):
        read_record({**core(), name: value})
    assert read_records([{**core(), name: value}, core(), "nonsense"]) == BAP.records()
