"""What settings may say of a NATS server: what nobody could connect to is refused at the start."""

import pytest
from pydantic import ValidationError

from protocol_specs.node.nats.place import NatsPlace


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("tls://nats.example.org:99999", "Port out of range"),
        ("tls://nats.example.org:0", "Port out of range"),
        ("tls://nats.example.org:port", "Port could not be"),
        ("tls://nats.example.org:", "must be tls://host:port"),
        ("tls://nats.example.org:4222#a", "must be tls://host:port"),
        ("tls://nats.example.org:4222/a", "must be tls://host:port"),
        ("tls://nats example org:4222", "must be tls://host:port"),
        ("https://nats.example.org", "must be tls://host:port"),
        ("tls://rides:secret@nats.example.org", "holds a user or password"),
    ],
)
def test_a_url_that_leads_nowhere_is_refused_and_says_why(url: str, says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        NatsPlace(url=url)


@pytest.mark.parametrize("url", ["tls://nats.example.org", "nats://[::1]:4222"])
def test_a_server_is_named_with_its_port_or_without(url: str) -> None:
    assert NatsPlace.model_validate({"url": url}).url == (url,)


def test_several_servers_of_one_cluster_may_be_named() -> None:
    there = NatsPlace(url=["nats://127.0.0.1", "nats://localhost:4223"])
    assert there.url == ("nats://127.0.0.1", "nats://localhost:4223")
    assert there.is_here
    assert not NatsPlace(url=["nats://127.0.0.1", "nats://nats.example.org"]).is_here


@pytest.mark.parametrize(
    ("urls", "says"),
    [
        (["tls://a.example.org", "nats://b.example.org"], "must all be tls://"),
        (["tls://a.example.org", "https://b.example.org"], "must be tls://host:port"),
        ([], "at least 1 item"),
        (7, "tuple"),
    ],
)
def test_if_one_of_several_is_none_all_are_refused(urls: object, says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        NatsPlace.model_validate({"url": urls})


def test_who_we_are_is_said_in_one_way() -> None:
    given = {"url": "tls://h", "user": "me", "password_file": "/p", "credentials": "/c"}
    with pytest.raises(ValidationError, match="leave out user and password_file"):
        NatsPlace.model_validate(given)
