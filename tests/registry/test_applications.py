"""Applications to take part: what is read, what is refused and why, one thing wrong at a time."""

import uuid
from typing import Any

import pytest

from protocol_specs.wire import keys, signing, timestamp
from protocol_specs.wire.errors import Refused, SchemaFault, Unauthenticated
from registry.applications import (
    Application,
    NotAllowed,
    authenticate,
    judge,
    read_application,
)
from registry.settings import Policy

NOW = 1_790_000_000
DAY_S = 86_400
KEY = keys.generate_signing_key()
OTHER_KEY = keys.generate_signing_key()
DOMAINS = frozenset({"nic2004:60221"})


def document(**changes: Any) -> dict[str, Any]:
    """A good application, with the given fields changed; None takes a field away."""
    fields = {
        "subscriber_id": "ride.example.coop",
        "url": "https://ride.example.coop/beckn",
        "type": "BPP",
        "domain": "nic2004:60221",
        "city": "std:080,std:03",
        "country": "IND",
        "key_id": "k1",
        "signing_public_key": keys.b64encode(KEY.public),
        "encr_public_key": keys.b64encode(keys.generate_encryption_key().public),
        "valid_from": timestamp.rfc3339((NOW - DAY_S) * 1000),
        "valid_until": timestamp.rfc3339((NOW + 90 * DAY_S) * 1000),
        "nonce": str(uuid.uuid4()),
    }
    return {name: value for name, value in (fields | changes).items() if value is not None}


def judged(application: Application, *, development: bool = False, **policy: Any) -> None:
    judge(application, policy=Policy(**policy), domains=DOMAINS, development=development, now=NOW)


def test_both_spellings_of_every_field_are_read() -> None:
    theirs = document(
        url=None,
        subscriber_url="https://ride.example.coop/beckn",
        key_id=None,
        ukId="k1",
        city=None,
        country=None,
        location={"city": {"code": "std:080"}, "country": {"code": "IND"}},
    )
    application = read_application(theirs)
    assert application.url == "https://ride.example.coop/beckn"
    assert application.unique_key_id == "k1"
    assert application.cities == ("std:080",)
    assert application.valid_until == NOW + 90 * DAY_S


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"subscriber_id": None}, "/subscriber_id"),
        ({"subscriber_id": "https://ride.example.coop"}, "/subscriber_id"),
        ({"subscriber_id": "Ride.Example.Coop"}, "/subscriber_id"),
        ({"subscriber_id": "ride|example"}, "/subscriber_id"),
        ({"type": "REGISTRY"}, "/type"),
        ({"type": None}, "/type"),
        ({"domain": None}, "/domains"),
        ({"city": None}, "/cities"),
        ({"city": None, "location": {"city": "std:080"}}, "/cities"),
        ({"city": None, "location": ["std:080"]}, "/cities"),
        ({"country": "IN"}, "/country"),
        ({"key_id": None}, "/unique_key_id"),
        ({"signing_public_key": "AAAA"}, "/signing_public_key"),
        ({"signing_public_key": None}, "/signing_public_key"),
        ({"encr_public_key": "not base64!"}, "/encr_public_key"),
        ({"valid_until": "tomorrow"}, "/valid_until"),
        ({"valid_from": None}, "/valid_from"),
        ({"nonce": "short"}, "/nonce"),
    ],
)
def test_a_fault_is_told_by_the_field_it_is_in(changes: dict[str, Any], path: str) -> None:
    with pytest.raises(Refused) as refused:
        read_application(document(**changes))
    assert refused.value.path == path


def test_several_faults_are_told_at_once() -> None:
    with pytest.raises(SchemaFault) as refused:
        read_application(document(country="IN", nonce="short"))
    assert "/country" in refused.value.reason
    assert "/nonce" in refused.value.reason


def test_an_application_survives_its_row() -> None:
    application = read_application(document())
    assert Application.model_validate_json(application.model_dump_json()) == application


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"domain": "nic2004:99999"}, "/domains"),
        ({"city": "*"}, "/cities"),
        ({"url": "http://ride.example.coop"}, "/url"),
        ({"url": "https://user@ride.example.coop"}, "/url"),
        ({"url": "https://ride.example.coop?x=1"}, "/url"),
        ({"url": "https://elsewhere.example"}, "/url"),
        ({"url": "https://evilride.example.coop"}, "/url"),
        ({"valid_until": timestamp.rfc3339(NOW * 1000)}, "/valid_until"),
        ({"valid_until": timestamp.rfc3339((NOW + 500 * DAY_S) * 1000)}, "/valid_until"),
    ],
)
def test_what_the_network_does_not_admit_is_named(changes: dict[str, Any], path: str) -> None:
    with pytest.raises(NotAllowed) as refused:
        judged(read_application(document(**changes)))
    assert refused.value.path == path


def test_a_host_below_the_subscriber_id_is_admitted_only_by_the_operators_policy() -> None:
    below = read_application(document(url="https://api.ride.example.coop/beckn"))
    with pytest.raises(NotAllowed) as refused:
        judged(below)
    assert refused.value.path == "/url"
    judged(below, hosts_below=True)


def test_a_host_that_only_ends_like_the_subscriber_id_is_never_admitted() -> None:
    with pytest.raises(NotAllowed):
        judged(read_application(document(url="https://evilride.example.coop")), hosts_below=True)


def test_plain_http_to_loopback_is_for_development_only() -> None:
    application = read_application(document(url="http://127.0.0.1:9000"))
    judged(application, development=True)
    with pytest.raises(NotAllowed):
        judged(application)


def signed(
    application: Application, key: keys.SigningKey, key_id: str, *, who: str | None = None
) -> tuple[signing.SignatureHeader, str]:
    name = signing.KeyId(who or application.subscriber_id, key_id)
    header = signing.sign(b"{}", key=key, key_id=name, created=NOW, expires=NOW + 60)
    return signing.parse_header(header), signing.digest(b"{}")


def test_a_newcomer_signs_with_the_key_it_brings() -> None:
    application = read_application(document())
    authenticate(application, *signed(application, KEY, "k1"), {})
    with pytest.raises(Unauthenticated):
        authenticate(application, *signed(application, OTHER_KEY, "k1"), {})
    with pytest.raises(Unauthenticated):
        authenticate(application, *signed(application, KEY, "k2"), {})


def test_nobody_applies_in_the_name_of_another() -> None:
    application = read_application(document())
    with pytest.raises(Unauthenticated) as refused:
        authenticate(application, *signed(application, KEY, "k1", who="other.example"), {})
    assert refused.value.path == "/subscriber_id"


def test_an_id_in_use_is_not_taken_over_with_a_new_key() -> None:
    current = {"k1": keys.b64encode(OTHER_KEY.public)}
    application = read_application(document())
    with pytest.raises(Unauthenticated):
        authenticate(application, *signed(application, KEY, "k1"), current)
    renamed = read_application(document(key_id="k2"))
    with pytest.raises(Unauthenticated):
        authenticate(renamed, *signed(renamed, KEY, "k2"), current)


def test_the_material_of_a_key_never_changes_under_its_id() -> None:
    current = {"k1": keys.b64encode(KEY.public)}
    brought = keys.b64encode(OTHER_KEY.public)
    application = read_application(document(signing_public_key=brought))
    with pytest.raises(NotAllowed) as refused:
        authenticate(application, *signed(application, KEY, "k1"), current)
    assert refused.value.path == "/signing_public_key"


def test_who_takes_part_changes_its_url_with_its_current_key() -> None:
    current = {"k1": keys.b64encode(KEY.public)}
    application = read_application(document(url="https://new.ride.example.coop"))
    authenticate(application, *signed(application, KEY, "k1"), current)
