"""Applications to take part: what is read, what is refused and why, one thing wrong at a time."""

import uuid
from typing import Any

import pytest

from protocol_specs.wire import keys, signing, timestamp
from protocol_specs.wire.errors import Refused, Unauthenticated
from registry import reading
from registry.applications import Application, authenticate
from registry.faults import NotAllowed, Told, Unreadable
from registry.reading import Rules
from registry.reading import read_application as read
from registry.settings import Policy

NOW = 1_790_000_000
DAY_S = 86_400
KEY = keys.generate_signing_key()
OTHER_KEY = keys.generate_signing_key()
RIDES, PARCELS = "nic2004:60221", "nic2004:60232"
DOMAINS = frozenset({RIDES, PARCELS})


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


def read_application(fields: dict[str, Any], *, development: bool = False, **policy: Any) -> Any:
    """The application in a body, by these rules of a network."""
    return read(fields, Rules(Policy(**policy), DOMAINS, development, NOW))[0]


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
    [role] = application.roles
    assert role.url == "https://ride.example.coop/beckn"
    assert application.unique_key_id == "k1"
    assert role.cities == ("std:080",)
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
        ({"domain": None}, "/domain"),
        ({"city": None}, "/city"),
        ({"city": None, "location": {"city": "std:080"}}, "/city"),
        ({"city": None, "location": ["std:080"]}, "/city"),
        ({"country": "IN"}, "/country"),
        ({"key_id": None}, "/key_id"),
        ({"key_id": "k1,k2"}, "/key_id"),
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


def faults_of(fields: dict[str, Any], kind: type[Told] = Unreadable) -> list[str]:
    with pytest.raises(kind) as refused:
        read_application(fields)
    return [fault.path for fault in refused.value.faults]


def test_every_fault_of_a_body_is_told_at_once_also_what_the_network_does_not_admit() -> None:
    wrong = document(country="IN", nonce="short", signing_public_key="AAAA", domain="nic2004:99999")
    assert faults_of(wrong) == ["/country", "/signing_public_key", "/nonce", "/domain"]
    denied = document(url="https://elsewhere.example", city="std:080,*")
    assert faults_of(denied, NotAllowed) == ["/url", "/city"]


def test_two_spellings_of_one_field_that_differ_are_a_fault() -> None:
    assert faults_of(document(subscriber_url="https://other.example")) == ["/subscriber_url"]
    assert faults_of(document(unique_key_id="k2")) == ["/unique_key_id"]


def test_cities_are_read_as_text_list_codes_or_location() -> None:
    for spelling in ({"city": "std:080, std:03"}, {"city": ["std:080", "std:03"]}):
        [role] = read_application(document(**spelling)).roles
        assert role.cities == ("std:080", "std:03")
    [role] = read_application(document(city=None, city_code=["std:080"])).roles
    assert role.cities == ("std:080",)
    assert faults_of(document(city=["std:080", "a b"])) == ["/city/1"]


def test_cities_are_bounded_over_all_records(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "CITIES_IN_ALL_MAX", 3)
    many = document(domain=[RIDES, PARCELS], city="std:080,std:03")
    assert faults_of(many) == ["/city"]
    assert read_application(document(city="std:080,std:03"))


def test_each_record_of_a_list_has_its_own_url_domain_and_cities() -> None:
    listed = document(
        url=None,
        type=None,
        domain=None,
        city=None,
        network_participant=[
            {
                "url": "https://ride.example.coop/a",
                "type": "BPP",
                "domain": RIDES,
                "city": "std:03",
            },
            {"subscriber_url": "https://ride.example.coop/b", "type": "sellerApp"}
            | {"domain": PARCELS, "city_code": ["std:080", "std:03"]},
        ],
    )
    rides, parcels = read_application(listed).roles
    assert (rides.type, rides.domain, rides.cities) == ("BPP", RIDES, ("std:03",))
    assert (parcels.type, parcels.domain) == ("BPP", PARCELS)
    assert (rides.url, parcels.url) == tuple(f"https://ride.example.coop/{end}" for end in "ab")
    listed["network_participant"][1]["city_code"] = ["*"]
    assert faults_of(listed, NotAllowed) == ["/network_participant/1/city_code"]


def test_the_form_of_ondc_is_read_with_paths_into_it() -> None:
    flat = document()
    pair = {name: flat[name] for name in ("signing_public_key", "valid_from", "valid_until")}
    entity = {"subscriber_id": "ride.example.coop", "unique_key_id": "k1", "country": "IND"}
    record = {"subscriber_url": "/beckn", "domain": RIDES, "type": "sellerApp", "msn": False}
    body = {
        "context": {"operation": {"ops_no": 2}},
        "message": {
            "request_id": "5f4c0f0e-27ab-4d9f-8f60-2a7c1f6d1d3c",
            "entity": entity
            | {"key_pair": pair | {"encryption_public_key": flat["encr_public_key"]}},
            "network_participant": [record | {"city_code": ["std:080"]}],
        },
    }
    [role] = read_application(body).roles
    assert (role.url, role.type) == ("https://ride.example.coop/beckn", "BPP")
    body["message"]["entity"]["key_pair"]["valid_until"] = "never"
    body["message"]["network_participant"][0]["type"] = "KING"
    where = ["/message/entity/key_pair/valid_until", "/message/network_participant/0/type"]
    assert faults_of(body) == where


def test_what_has_no_effect_is_told_field_by_field() -> None:
    body = document(status="SUBSCRIBED", created="2020-01-01T00:00:00Z", gst="X")
    _, ignored = read(body, Rules(Policy(), DOMAINS, False, NOW))
    told = {fault.path: fault.reason for fault in ignored}
    assert told == {
        "/status": "set by the registry alone",
        "/created": "set by the registry alone",
        "/gst": "not read by this registry",
    }


def test_an_application_survives_its_row() -> None:
    application = read_application(document())
    assert Application.model_validate_json(application.model_dump_json()) == application


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"domain": "nic2004:99999"}, "/domain"),
        ({"city": "*"}, "/city"),
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
        read_application(document(**changes))
    assert refused.value.path == path


def test_a_host_below_the_subscriber_id_is_admitted_only_by_the_operators_policy() -> None:
    below = document(url="https://api.ride.example.coop/beckn")
    with pytest.raises(NotAllowed) as refused:
        read_application(below)
    assert refused.value.path == "/url"
    read_application(below, hosts_below=True)


def test_a_host_that_only_ends_like_the_subscriber_id_is_never_admitted() -> None:
    with pytest.raises(NotAllowed):
        read_application(document(url="https://evilride.example.coop"), hosts_below=True)


def test_plain_http_to_loopback_is_for_development_only() -> None:
    local = document(url="http://127.0.0.1:9000")
    read_application(local, development=True)
    with pytest.raises(NotAllowed):
        read_application(local)


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
        assert authenticate(application, *signed(application, KEY, "k1"), current) == "join"
    renamed = read_application(document(key_id="k2"))
    with pytest.raises(Unauthenticated):
        authenticate(renamed, *signed(renamed, KEY, "k2"), current)


def test_a_new_key_that_a_current_one_signed_is_one_more_key() -> None:
    current = {"k1": keys.b64encode(KEY.public)}
    brought = keys.b64encode(OTHER_KEY.public)
    application = read_application(document(key_id="k2", signing_public_key=brought))
    assert authenticate(application, *signed(application, KEY, "k1"), current) == "key"
    with pytest.raises(Unauthenticated):
        authenticate(application, *signed(application, OTHER_KEY, "k1"), current)


def test_who_takes_part_changes_its_url_with_its_current_key() -> None:
    current = {"k1": keys.b64encode(KEY.public)}
    application = read_application(document(url="https://ride.example.coop/new"))
    assert authenticate(application, *signed(application, KEY, "k1"), current) == "join"
