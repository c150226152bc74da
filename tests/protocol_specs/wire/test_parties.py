"""Ids, urls and who says what; contexts as we write them."""

import pytest

from protocol_specs.wire import strict_json
from protocol_specs.wire.context import new_context, read_context, reply_context
from protocol_specs.wire.parties import (
    SubscriberType,
    is_subscriber_id,
    lies_under,
    speaker,
    ttl_binds,
)
from tests.protocol_specs.wire.door import NOW, context

BASE = "https://taxi.example.org/beckn"


@pytest.mark.parametrize(
    "url",
    [
        BASE,
        BASE + "/",
        BASE + "/v1",
        BASE + "/v1/x_y~z/",
        "https://TAXI.example.org/beckn",
        "HTTPS://taxi.example.org/beckn/v1",
        "https://taxi.example.org:443/beckn",
    ],
)
@pytest.mark.parametrize("base", [BASE, BASE + "/"])
def test_a_registered_url_and_plain_paths_below_it_are_covered(url, base):
    assert lies_under(url, base)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/beckn",
        "taxi.example.org/beckn",
        "//taxi.example.org/beckn",
        "http://taxi.example.org/beckn",
        "ftp://taxi.example.org/beckn",
        "https://taxi.example.org",
        "https://taxi.example.org/",
        "https://taxi.example.org/becknx",
        "https://taxi.example.org/beck",
        "https://taxi.example.org:444/beckn",
        "https://taxi.example.org.evil.example/beckn",
        "https://evil.example/https://taxi.example.org/beckn",
        "https://user@taxi.example.org/beckn",
        "https://taxi.example.org@evil.example/beckn",
        BASE + "/../admin",
        BASE + "/./x",
        BASE + "/..",
        BASE + "/.hidden",
        BASE + "/%2e%2e/admin",
        BASE + "/x?to=evil",
        BASE + "?x",
        BASE + "#x",
        BASE + "/x#y",
        BASE + "/x\\y",
        BASE + "/x y",
        BASE + "\n",
        BASE + "/ü",
        "https://taxi.example.org:99999/beckn",
        "https://taxi.example.org:0/beckn",
        "https://[::1/beckn",
        "https://TAXI.example.org/beckn/../admin",
        "https://TAXI.example.org/Beckn",
    ],
)
def test_any_other_url_is_not(url):
    assert not lies_under(url, BASE)


def test_default_ports_may_be_written_or_not():
    assert lies_under("http://127.0.0.1:80/beckn", "http://127.0.0.1/beckn")
    assert lies_under("https://taxi.example.org/beckn", "https://taxi.example.org:443/beckn")
    assert not lies_under("http://127.0.0.1:81/beckn", "http://127.0.0.1/beckn")
    assert not lies_under("https://taxi.example.org:80/beckn", "https://taxi.example.org/beckn")


def test_nothing_lies_under_a_base_that_is_no_url():
    assert not lies_under("https://taxi.example.org/beckn", "taxi.example.org/beckn")


def test_a_base_at_the_root_covers_its_host_only():
    assert lies_under("https://taxi.example.org/any", "https://taxi.example.org")
    assert lies_under("https://taxi.example.org", "https://taxi.example.org/")
    assert not lies_under("https://taxi.example.organic", "https://taxi.example.org")


@pytest.mark.parametrize(
    "text",
    [
        "a",
        "localhost:8001",
        "taxi.example.org",
        "logistics_bap",
        "x-1.example.org",
        "10.0.0.1",
        "api.example.org/dobpp/beckn/7f7896dd-787e-4a0b-8675-e9e6fe93bb8f",
        "host/Buyer/Protocol",
    ],
)
def test_bare_hosts_with_port_and_path_are_ids(text):
    assert is_subscriber_id(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "-a",
        "a-",
        "a.",
        "A.example.org",
        "https://a",
        "a//b",
        "a/",
        "a b",
        "a\n",
        "a|b",
        "a@b",
        "a?b",
        "a#b",
        "bücher.example",
        "ａ",
        "a" * 256,
        "a:123456",
        "a:",
        "{{bap_id}}",
    ],
)
def test_anything_else_is_no_id(text):
    assert not is_subscriber_id(text)


@pytest.mark.parametrize("action", ["search", "confirm", "update", "get_rating_categories"])
def test_requests_are_said_by_a_bap_and_bound_by_their_ttl(action):
    assert speaker(action) is SubscriberType.BAP
    assert ttl_binds(action)


@pytest.mark.parametrize("action", ["on_confirm", "on_status", "rating_categories"])
def test_callbacks_are_said_by_a_bpp_and_taken_late(action):
    assert speaker(action) is SubscriberType.BPP
    assert not ttl_binds(action)


def test_a_search_answer_is_bound_by_its_ttl():
    assert ttl_binds("on_search")


def test_a_context_written_is_the_context_read():
    written = context("confirm")
    parsed = strict_json.parse(strict_json.dumps({"context": written}))
    read = read_context(parsed)
    assert (read.action, read.city, read.country) == ("confirm", "std:03", "MYS")
    assert (read.timestamp, read.ttl_s, read.expires_ms) == (NOW * 1000, 30, NOW * 1000 + 30_000)
    assert reply_context(read, action="confirm", now_ms=NOW * 1000, ttl="PT30S") == written


def test_a_callback_keeps_both_ids_and_takes_a_new_time():
    request = read_context({"context": context("confirm")})
    reply = reply_context(request, action="on_confirm", now_ms=NOW * 1000 + 1, ttl=None)
    assert reply["message_id"] == request.message_id
    assert reply["transaction_id"] == request.transaction_id
    assert reply["timestamp"].endswith(".001Z")
    assert "ttl" not in reply


def test_an_unsolicited_callback_has_a_message_id_of_its_own():
    request = read_context({"context": context("confirm")})
    reply = reply_context(request, action="on_status", now_ms=0, ttl="PT30S", message_id="new")
    assert (reply["message_id"], reply["action"]) == ("new", "on_status")


def test_the_provider_puts_its_name_into_the_answer_to_a_search_to_everybody():
    request = read_context({"context": context("search", bpp_id=..., bpp_uri=...)})
    reply = reply_context(
        request, action="on_search", now_ms=0, ttl="PT30S", bpp_id="taxi.example.org", bpp_uri=BASE
    )
    assert (reply["bpp_id"], reply["bpp_uri"]) == ("taxi.example.org", BASE)
    for half in ({}, {"bpp_id": "taxi.example.org"}, {"bpp_uri": BASE}):
        with pytest.raises(ValueError, match="on_search needs bpp_id"):
            reply_context(request, action="on_search", now_ms=0, ttl="PT30S", **half)


def test_a_search_to_everybody_is_written_without_a_provider():
    written = new_context(
        action="search",
        domain="d",
        version="1.1.1",
        city="std:03",
        country="MYS",
        bap_id="app.example.org",
        bap_uri="https://app.example.org",
        transaction_id="t",
        message_id="m",
        now_ms=0,
    )
    assert "bpp_id" not in written
    assert "bpp_uri" not in written
    assert read_context({"context": written}).bpp_id is None
