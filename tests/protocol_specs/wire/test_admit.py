"""admit: a verified message or a refusal. Each refusal here has exactly one thing wrong."""

from typing import Any

import pytest

from protocol_specs.wire import strict_json, timestamp
from protocol_specs.wire.claims import authenticate
from protocol_specs.wire.envelope import admit
from protocol_specs.wire.errors import (
    Malformed,
    Misaddressed,
    Refused,
    SchemaFault,
    Stale,
    Unauthenticated,
    WrongParty,
)
from protocol_specs.wire.parties import Receiver, Subscriber, SubscriberType
from protocol_specs.wire.values import replace
from tests.protocol_specs.wire.door import (
    APP,
    DOMAIN,
    GATE,
    NOW,
    TAXI,
    USUAL_KEYS,
    Shapes,
    admitted,
    claimed,
    context,
    key_id,
    key_of,
    message,
    receiver_of,
    record,
    signed,
    table,
)


def confirm(**changes: Any):
    return admitted(message("confirm", **changes), action="confirm", by=APP, at=TAXI)


def on_confirm(**changes: Any):
    return admitted(message("on_confirm", **changes), action="on_confirm", by=TAXI, at=APP)


def search(**changes: Any):
    return admitted(message("search", **changes), action="search", by=APP, at=TAXI)


def test_a_request_in_order_becomes_an_envelope():
    body = message("confirm")
    schemas = Shapes()
    envelope = admitted(body, action="confirm", by=APP, at=TAXI, schemas=schemas)
    assert envelope.sender is USUAL_KEYS[key_id(APP)][0]
    assert envelope.gateway is None
    assert envelope.body is body
    assert envelope.message == {"order": {}}
    assert envelope.error is None
    assert envelope.received_at == NOW
    assert envelope.authorization == signed(body, APP)
    assert (envelope.action, envelope.peer_id) == ("confirm", "app.example.org")
    assert envelope.message_id == context("confirm")["message_id"]
    assert envelope.transaction_id == context("confirm")["transaction_id"]
    assert envelope.context.timestamp == NOW * 1000
    assert envelope.context.ttl_s == 30
    assert schemas.seen == ["confirm"]


@pytest.mark.parametrize("action", ["on_confirm", "on_search", "cancellation_reasons"])
def test_a_callback_in_order_becomes_an_envelope(action):
    assert admitted(message(action), action=action, by=TAXI, at=APP).sender is TAXI


def test_a_callback_may_carry_an_error_in_place_of_a_message():
    body = strict_json.dumps({"context": context("on_confirm"), "error": {"code": "40003"}})
    envelope = admitted(body, action="on_confirm", by=TAXI, at=APP)
    assert (envelope.message, envelope.error) == (None, {"code": "40003"})


@pytest.mark.parametrize("name", ["message", "error"])
def test_a_part_that_is_no_object_is_refused(name):
    body = strict_json.dumps({"context": context("confirm"), name: []})
    with pytest.raises(Malformed) as refused:
        admitted(body, action="confirm", by=APP, at=TAXI)
    assert refused.value.path == f"/{name}"


# Signature and key


def test_another_body_under_the_signature_is_refused():
    claim = claimed(message("confirm"), by=APP, at=TAXI)
    other = claimed(message("confirm", message_id="another"), by=APP, at=TAXI)
    forged = claim._replace(body=other.body, digest=other.digest)
    with pytest.raises(Unauthenticated, match="does not verify") as refused:
        admit(
            forged,
            USUAL_KEYS,
            NOW,
            receiver=receiver_of(TAXI),
            action="confirm",
            dialects=Shapes(),
        )
    assert refused.value.doubted_key == key_id(APP)
    assert refused.value.code == "30016"


def with_keys(*records: Subscriber):
    return admitted(message("confirm"), action="confirm", by=APP, at=TAXI, keys=table(*records))


def test_an_unknown_key_is_refused_and_named():
    with pytest.raises(Unauthenticated, match=r"app\.example\.org\|k1 is not in the") as refused:
        with_keys(TAXI, GATE)
    assert refused.value.doubted_key == key_id(APP)


def test_another_key_under_the_same_id_is_refused():
    with pytest.raises(Unauthenticated, match="does not verify"):
        with_keys(replace(APP, signing_public_key=key_of("stranger").public))


@pytest.mark.parametrize(
    "status",
    ["INITIATED", "UNDER_SUBSCRIPTION", "EXPIRED", "UNSUBSCRIBED", "INVALID_SSL", "", "subscribed"],
)
def test_a_key_that_is_not_subscribed_is_refused(status):
    with pytest.raises(Unauthenticated, match=f"status {status}"):
        with_keys(replace(APP, status=status))


@pytest.mark.parametrize(
    ("valid_from", "valid_until"),
    [(NOW + 1, NOW + 86400), (NOW - 86400, NOW + 59), (NOW - 86400, NOW - 1)],
    ids=["not yet valid", "ends before the signature does", "ended"],
)
def test_a_key_outside_its_validity_is_refused(valid_from, valid_until):
    with pytest.raises(Unauthenticated, match="cannot be used"):
        with_keys(replace(APP, valid_from=valid_from, valid_until=valid_until))


def test_a_key_valid_to_the_second_is_taken():
    assert with_keys(replace(APP, valid_from=NOW, valid_until=NOW + 60))


def test_a_record_of_somebody_else_under_the_asked_id_is_refused():
    stranger = replace(APP, subscriber_id="stranger.example.org")
    body = message("confirm")
    with pytest.raises(Unauthenticated, match="cannot be used"):
        admitted(body, action="confirm", by=APP, at=TAXI, keys={key_id(APP): (stranger,)})


def test_two_different_keys_under_one_id_are_refused():
    other = replace(APP, domain="other", signing_public_key=key_of("stranger").public)
    with pytest.raises(Unauthenticated, match="two different keys"):
        with_keys(APP, other)


def test_a_retired_record_beside_a_good_one_does_no_harm():
    assert with_keys(replace(APP, status="EXPIRED"), APP).sender is APP


def test_a_63_byte_signature_is_a_refusal():
    claim = claimed(message("confirm"), by=APP, at=TAXI)
    header = claim.sender
    short = claim._replace(sender=header._replace(signature=header.signature[:63]))
    with pytest.raises(Unauthenticated, match="does not verify"):
        authenticate(short, USUAL_KEYS, NOW, receiver=receiver_of(TAXI))


def test_authenticate_gives_all_records_of_the_signer():
    deliveries = replace(APP, domain="nic2004:60232")
    claim = claimed(b"{}", by=APP, at=TAXI)
    us = receiver_of(TAXI)
    assert list(authenticate(claim, table(APP, deliveries), NOW, receiver=us)) == [APP, deliveries]


def test_authenticate_refuses_with_the_code_of_the_receiver():
    claim = claimed(b"{}", by=APP, at=TAXI)
    with pytest.raises(Unauthenticated) as refused:
        authenticate(claim, {}, NOW, receiver=receiver_of(GATE))
    assert refused.value.code == "10001"


# Roles


@pytest.mark.parametrize("type", ["BPP", "BG", "REGISTRY"])
def test_a_request_is_said_by_a_bap_only(type):
    with pytest.raises(WrongParty, match="confirm is said by a BAP"):
        with_keys(replace(APP, type=SubscriberType(type)))


@pytest.mark.parametrize("type", ["BAP", "BG", "REGISTRY"])
def test_a_callback_is_said_by_a_bpp_only(type):
    keys = table(replace(TAXI, type=SubscriberType(type)))
    with pytest.raises(WrongParty, match="on_confirm is said by a BPP") as refused:
        admitted(message("on_confirm"), action="on_confirm", by=TAXI, at=APP, keys=keys)
    assert (refused.value.code, refused.value.status) == ("20001", 401)


def test_a_sender_of_another_domain_is_refused():
    with pytest.raises(WrongParty, match="not registered as a BAP in domain") as refused:
        with_keys(replace(APP, domain="nic2004:60232"))
    assert refused.value.path == "/context/domain"


def test_a_subscriber_may_play_several_parts_with_one_key():
    as_bpp, elsewhere = replace(APP, type=SubscriberType.BPP), replace(APP, domain="other")
    assert with_keys(as_bpp, elsewhere, APP).sender is APP


# The body


@pytest.mark.parametrize("body", [b"", b"[]", b'{"context":{},"context":{}}', b"\xef\xbb\xbf{}"])
def test_a_signed_body_that_is_no_strict_json_is_refused(body):
    with pytest.raises(Malformed) as refused:
        admitted(body, action="confirm", by=APP, at=TAXI)
    assert refused.value.status == 400


def test_a_signed_body_of_another_shape_is_refused():
    with pytest.raises(SchemaFault):
        admitted(message("confirm"), action="confirm", by=APP, at=TAXI, schemas=Shapes(refuse=True))


def test_the_schema_is_not_asked_before_the_signature_holds():
    schemas = Shapes()
    with pytest.raises(Unauthenticated):
        admitted(message("confirm"), action="confirm", by=APP, at=TAXI, keys={}, schemas=schemas)
    assert schemas.seen == []


def test_a_message_sent_to_the_path_of_another_action_is_refused():
    with pytest.raises(Misaddressed, match="is cancel, but this path is for confirm"):
        admitted(message("cancel"), action="confirm", by=APP, at=TAXI)


IDENTITY = ["bap_id", "bap_uri", "bpp_id", "bpp_uri", "transaction_id", "message_id", "domain"]
NO_IDENTITY = [
    ...,
    None,
    "",
    7,
    True,
    [],
    ["app.example.org"],
    {"id": "app.example.org"},
    "a\x01b",
    "a\nb",
    "x" * 3000,
]


@pytest.mark.parametrize("field", [*IDENTITY, "version", "action"])
@pytest.mark.parametrize("value", NO_IDENTITY, ids=lambda value: repr(value)[:20])
def test_an_identity_that_is_no_plain_text_is_refused(field, value):
    with pytest.raises(Malformed) as refused:
        confirm(**{field: value})
    assert refused.value.path == f"/context/{field}"


@pytest.mark.parametrize("field", ["bap_id", "bpp_id"])
@pytest.mark.parametrize(
    "value",
    [
        "https://app.example.org",
        "App.example.org",
        "app.example.org.",
        "ａpp.example.org",
        "app.example.org ",
        "app .example.org",
        "-app.example.org",
        "app.example.org|k1",
        "*",
    ],
)
def test_an_id_that_is_no_lower_case_host_is_refused(field, value):
    with pytest.raises(Malformed) as refused:
        confirm(**{field: value})
    assert refused.value.path == f"/context/{field}"


@pytest.mark.parametrize("location", [..., None, {}, [], {"city": "std:03"}, {"city": {"code": 3}}])
def test_a_place_without_codes_is_refused(location):
    with pytest.raises(Malformed) as refused:
        confirm(location=location)
    assert refused.value.path == "/context/location/city/code"


@pytest.mark.parametrize("code", ["", "a\nb", "x" * 256, None, 80])
def test_a_place_whose_code_is_no_plain_text_is_refused(code):
    with pytest.raises(Malformed) as refused:
        confirm(location={"city": {"code": "std:03"}, "country": {"code": code}})
    assert refused.value.path == "/context/location/country/code"


@pytest.mark.parametrize("code", ["*", "x" * 255])
def test_a_place_of_any_other_code_is_taken(code):
    location = {"city": {"code": code}, "country": {"code": "MYS"}}
    assert confirm(location=location).context.city == code


def test_one_character_too_many_is_refused():
    with pytest.raises(Malformed, match="1 to 255"):
        confirm(message_id="x" * 256)


def test_a_url_may_be_longer_than_an_id_but_not_endless():
    longest = "x" * (2048 - len(APP.url) - 1)
    assert confirm(bap_uri=f"{APP.url}/{longest}")
    with pytest.raises(Malformed, match="1 to 2048"):
        confirm(bap_uri=f"{APP.url}/{longest}x")


@pytest.mark.parametrize("field", ["timestamp", "ttl"])
@pytest.mark.parametrize("value", [None, "", 30, "30", "2026-01-02", []], ids=repr)
def test_a_time_that_is_none_is_refused(field, value):
    with pytest.raises(Malformed) as refused:
        confirm(**{field: value})
    assert refused.value.path == f"/context/{field}"


def test_ids_that_are_no_uuids_are_taken():
    envelope = confirm(message_id="M 1/é", transaction_id="x" * 255)
    assert (envelope.message_id, len(envelope.transaction_id)) == ("M 1/é", 255)


def test_a_body_without_a_context_is_refused():
    with pytest.raises(Malformed) as refused:
        admitted(b"{}", action="confirm", by=APP, at=TAXI)
    assert refused.value.path == "/context"


# Who speaks, and to whom


def test_a_bap_cannot_speak_for_another():
    with pytest.raises(WrongParty, match=r"signed by app\.example\.org") as refused:
        confirm(bap_id="other.example.org")
    assert (refused.value.path, refused.value.status) == ("/context/bap_id", 401)


def test_a_bpp_cannot_speak_for_another():
    with pytest.raises(WrongParty) as refused:
        on_confirm(bpp_id="other.example.org")
    assert refused.value.path == "/context/bpp_id"


@pytest.mark.parametrize(
    "uri",
    [
        "https://other.example.org/beckn",
        "https://app.example.org",
        "https://app.example.org/beck",
        "https://app.example.org/becknx",
        "http://app.example.org/beckn",
        "app.example.org/beckn",
        "https://app.example.org/beckn/../admin",
        "https://app.example.org:8443/beckn",
    ],
)
def test_a_sender_can_only_be_answered_where_it_is_registered(uri):
    with pytest.raises(Misaddressed, match="does not lie under") as refused:
        confirm(bap_uri=uri)
    assert refused.value.path == "/context/bap_uri"


def test_a_bpp_uri_elsewhere_is_refused():
    with pytest.raises(Misaddressed) as refused:
        on_confirm(bpp_uri="https://other.example.org/beckn")
    assert refused.value.path == "/context/bpp_uri"


def test_of_several_records_the_one_whose_url_covers_is_the_sender():
    elsewhere = replace(APP, url="https://app.example.org/other")
    assert with_keys(elsewhere, APP).sender is APP


def test_a_request_for_another_provider_is_refused():
    with pytest.raises(Misaddressed, match=r"for the BPP other\.example\.org") as refused:
        confirm(bpp_id="other.example.org")
    assert refused.value.path == "/context/bpp_id"


def test_a_request_naming_another_url_of_ours_is_refused():
    with pytest.raises(Misaddressed) as refused:
        confirm(bpp_uri="https://taxi.example.org/other")
    assert refused.value.path == "/context/bpp_uri"


def test_a_callback_for_another_app_is_refused():
    with pytest.raises(Misaddressed) as refused:
        on_confirm(bap_id="other.example.org")
    assert refused.value.path == "/context/bap_id"


def test_a_callback_naming_another_url_of_ours_is_refused():
    with pytest.raises(Misaddressed) as refused:
        on_confirm(bap_uri="https://app.example.org/other")
    assert refused.value.path == "/context/bap_uri"


def test_a_domain_we_do_not_serve_is_refused():
    us = replace(receiver_of(TAXI), domains=frozenset({"nic2004:60232"}))
    claim = claimed(message("confirm"), by=APP, at=TAXI)
    with pytest.raises(Misaddressed, match="does not serve domain"):
        admit(claim, USUAL_KEYS, NOW, receiver=us, action="confirm", dialects=Shapes())


@pytest.mark.parametrize("type", ["BAP", "REGISTRY"])
def test_a_request_is_heard_by_a_bpp_or_gateway_only(type):
    us = replace(receiver_of(TAXI), type=SubscriberType(type))
    claim = claimed(message("confirm"), by=APP, at=TAXI)
    with pytest.raises(Misaddressed):
        admit(claim, USUAL_KEYS, NOW, receiver=us, action="confirm", dialects=Shapes())


def test_a_search_to_everybody_names_no_provider():
    envelope = search(bpp_id=..., bpp_uri=...)
    assert (envelope.context.bpp_id, envelope.context.bpp_uri) == (None, None)


def test_a_search_for_another_provider_is_refused():
    with pytest.raises(Misaddressed):
        search(bpp_id="other.example.org")


@pytest.mark.parametrize("field", ["bpp_id", "bpp_uri"])
def test_a_search_with_a_provider_of_null_is_refused(field):
    with pytest.raises(Malformed) as refused:
        search(**{field: None})
    assert refused.value.path == f"/context/{field}"


# Gateways


def relayed(**changes: Any):
    body = message("search", bpp_id=..., bpp_uri=...)
    usual = {"action": "search", "by": APP, "at": TAXI, "gateway": signed(body, GATE)}
    return admitted(body, **{**usual, **changes})


def test_a_search_through_a_gateway_names_both_signers():
    envelope = relayed()
    assert (envelope.sender, envelope.gateway) == (APP, GATE)


def test_a_gateway_takes_a_search_for_everybody_and_its_answer():
    assert relayed(at=GATE, gateway=None).sender is APP
    assert admitted(message("on_search"), action="on_search", by=TAXI, at=GATE).sender is TAXI


@pytest.mark.parametrize("type", ["BAP", "BPP", "REGISTRY"])
def test_who_is_no_gateway_cannot_sign_as_one(type):
    keys = table(APP, replace(GATE, type=SubscriberType(type)))
    with pytest.raises(WrongParty, match="not registered as a BG") as refused:
        relayed(keys=keys)
    assert refused.value.challenge == "Proxy-Authenticate"


@pytest.mark.parametrize(
    "gate",
    [
        replace(GATE, status="UNSUBSCRIBED"),
        replace(GATE, valid_until=NOW),
        replace(GATE, signing_public_key=key_of("stranger").public),
        replace(GATE, domain="nic2004:60232"),
    ],
    ids=["not subscribed", "key ended", "wrong key", "other domain"],
)
def test_a_gateway_out_of_order_spoils_a_good_sender(gate):
    with pytest.raises(Unauthenticated) as refused:
        relayed(keys=table(APP, gate))
    assert refused.value.challenge == "Proxy-Authenticate"
    assert refused.value.code == "30016"


def test_an_unknown_gateway_is_refused_and_named():
    with pytest.raises(Unauthenticated, match=r"gate\.example\.org") as refused:
        relayed(keys=table(APP))
    assert refused.value.doubted_key == key_id(GATE)


def test_a_good_gateway_does_not_mend_a_bad_sender():
    with pytest.raises(Unauthenticated) as refused:
        relayed(keys=table(GATE, replace(APP, signing_public_key=key_of("stranger").public)))
    assert refused.value.challenge == "WWW-Authenticate"


def test_a_gateway_signature_over_other_bytes_is_refused():
    with pytest.raises(Unauthenticated) as refused:
        relayed(gateway=signed(b"{}", GATE))
    assert refused.value.challenge == "Proxy-Authenticate"


def test_what_a_gateway_signed_does_not_come_back_to_it():
    with pytest.raises(WrongParty, match="loop"):
        relayed(at=GATE)


@pytest.mark.parametrize("field", ["bap", "bpp"])
def test_a_gateway_is_no_party(field):
    party = {f"{field}_id": "gate.example.org", f"{field}_uri": "https://gate.example.org/beckn"}
    keys = table(replace(GATE, type=SubscriberType.BAP), APP)
    by = GATE if field == "bap" else APP
    with pytest.raises(Misaddressed, match="no party"):
        admitted(message("search", **party), action="search", by=by, at=GATE, keys=keys)


# Freshness


def at_ms(ms: int) -> dict[str, str]:
    return {"timestamp": timestamp.rfc3339(ms)}


@pytest.mark.parametrize("offset_ms", [-30_000, 0, 5_999])
def test_a_request_within_its_ttl_is_taken(offset_ms):
    assert confirm(**at_ms(NOW * 1000 + offset_ms))


@pytest.mark.parametrize("offset_ms", [-30_001, 6_000])
def test_a_request_outside_its_ttl_is_refused(offset_ms):
    with pytest.raises(Stale, match="our time is") as refused:
        confirm(**at_ms(NOW * 1000 + offset_ms))
    assert (refused.value.code, refused.value.status) == ("30022", 400)
    assert refused.value.path == "/context/timestamp"


def test_without_a_ttl_a_request_lives_30_seconds():
    assert confirm(ttl=..., **at_ms(NOW * 1000 - 30_000)).context.ttl_s is None
    with pytest.raises(Stale):
        confirm(ttl=..., **at_ms(NOW * 1000 - 30_001))


def test_a_longer_ttl_is_honoured():
    assert confirm(ttl="PT10M", **at_ms(NOW * 1000 - 600_000))


def test_a_late_search_answer_is_refused_with_the_code_of_a_bap():
    body = message("on_search", **at_ms(NOW * 1000 - 31_000))
    with pytest.raises(Stale) as refused:
        admitted(body, action="on_search", by=TAXI, at=APP)
    assert refused.value.code == "20002"


@pytest.mark.parametrize("action", ["on_confirm", "on_status", "on_update", "on_cancel"])
def test_late_news_of_an_order_is_taken(action):
    body = message(action, **at_ms((NOW - 72 * 3600) * 1000))
    assert admitted(body, action=action, by=TAXI, at=APP)


# Fail-closed as a whole


def test_every_refusal_at_the_door_is_one_of_ours():
    """Cut and damaged bodies, signed as they are, give a refusal of ours and nothing else."""
    whole = message("confirm")
    for end in range(0, len(whole), 7):
        with pytest.raises(Refused):
            admitted(whole[:end], action="confirm", by=APP, at=TAXI)


def test_a_receiver_is_told_by_its_whole_id():
    us = Receiver("taxi.example", SubscriberType.BPP, TAXI.url, frozenset({DOMAIN}))
    claim = claimed(message("confirm"), by=APP, at=TAXI)
    with pytest.raises(Misaddressed):
        admit(claim, USUAL_KEYS, NOW, receiver=us, action="confirm", dialects=Shapes())


def test_a_record_made_for_tests_is_in_order():
    assert record("app", SubscriberType.BAP) == APP
