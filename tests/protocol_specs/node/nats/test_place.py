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
    assert NatsPlace(url=url).url == url
