"""Whose address a request comes from: the socket's, unless that is a reverse proxy of our own."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from protocol_specs.wire.claims import Headers

FORWARDED_FOR = "X-Forwarded-For"


def plain(text: str) -> str:
    """The one spelling of an IP address; raises ValueError if it is none."""
    address = ip_address(text.strip())
    return str(getattr(address, "ipv4_mapped", None) or address)


def plain_or_network(text: str) -> str:
    """The one spelling of an IP address or a network (10.42.0.0/16); raises ValueError if it is
    neither."""
    return str(ip_network(text.strip())) if "/" in text else plain(text)


@lru_cache(maxsize=4096)  # the same few proxies bring every request
def is_among(address: str, proxies: tuple[str, ...]) -> bool:
    """Whether `address` is one of `proxies`, or in one of the networks among them."""
    if address in proxies:
        return True
    networks = [ip_network(each) for each in proxies if "/" in each]
    try:
        return any(ip_address(address) in network for network in networks)
    except ValueError:
        return False


def address_of(socket_address: str, headers: Headers, proxies: tuple[str, ...]) -> str:
    """The address that bounds are counted by; `proxies` in their plain spelling.

    What a header says is believed only of a trusted proxy, and of that only the last address that
    is none of the proxies: everything before it was written by whoever sent the request.
    """
    address = socket_address
    if not proxies or not is_among(address, proxies):
        return address
    said = ",".join(headers.getall(FORWARDED_FOR, ()))
    for entry in reversed(said.split(",")):
        try:
            address = plain(entry)
        except ValueError:
            return address
        if not is_among(address, proxies):
            return address
    return address
