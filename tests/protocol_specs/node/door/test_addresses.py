"""Behind a reverse proxy: whose address a request has, and who may say so."""

import pytest
from multidict import CIMultiDict

from protocol_specs.node.door.addresses import address_of
from protocol_specs.node.settings import Limits

PROXIES = ("127.0.0.1", "10.0.0.2")


def address(*forwarded: str, socket: str = "127.0.0.1", proxies: tuple[str, ...] = PROXIES) -> str:
    headers = CIMultiDict(("X-Forwarded-For", entry) for entry in forwarded)
    return address_of(socket, headers, proxies)


@pytest.mark.parametrize(
    ("forwarded", "expected"),
    [
        (["203.0.113.9"], "203.0.113.9"),
        (["198.51.100.1, 203.0.113.9"], "203.0.113.9"),
        (["198.51.100.1", "203.0.113.9"], "203.0.113.9"),
        (["203.0.113.9, 10.0.0.2"], "203.0.113.9"),
        (["2001:DB8::0009"], "2001:db8::9"),
        (["::ffff:203.0.113.9"], "203.0.113.9"),
    ],
)
def test_of_a_trusted_proxy_the_last_address_that_is_no_proxy_is_believed(
    forwarded: list[str], expected: str
) -> None:
    assert address(*forwarded) == expected


@pytest.mark.parametrize("forwarded", [[], ["unknown"], ["203.0.113.9, x"], [""]])
def test_a_proxy_that_names_no_address_is_counted_itself(forwarded: list[str]) -> None:
    assert address(*forwarded) == "127.0.0.1"


def test_nobody_else_is_believed_about_its_address() -> None:
    assert address("203.0.113.9", socket="198.51.100.1") == "198.51.100.1"
    assert address("203.0.113.9", proxies=()) == "127.0.0.1"


def test_a_network_of_proxies_is_believed_and_what_lies_beside_it_is_not() -> None:
    network = Limits(proxies=("10.42.0.0/16", "fd00:42::/32")).proxies
    assert address("203.0.113.9", socket="10.42.7.7", proxies=network) == "203.0.113.9"
    assert address("203.0.113.9, 10.42.1.1", socket="fd00:42::1", proxies=network) == "203.0.113.9"
    assert address("203.0.113.9", socket="10.43.0.1", proxies=network) == "10.43.0.1"
    assert address("203.0.113.9", socket="", proxies=network) == ""
    with pytest.raises(ValueError, match="host bits"):
        Limits(proxies=("10.42.0.1/16",))


def test_proxies_are_addresses_in_any_spelling() -> None:
    assert Limits(proxies=("2001:DB8::0001",)).proxies == ("2001:db8::1",)
    with pytest.raises(ValueError, match="proxy"):
        Limits(proxies=("proxy.example.org",))
