"""Whose address a request comes from: the socket's, unless that is a reverse proxy of our own."""

from __future__ import annotations

from collections.abc import Collection
from ipaddress import ip_address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from protocol_specs.wire.claims import Headers

FORWARDED_FOR = "X-Forwarded-For"


def plain(text: str) -> str:
    """The one spelling of an IP address; raises ValueError if it is none."""
    address = ip_address(text.strip())
    return str(getattr(address, "ipv4_mapped", None) or address)


def address_of(socket_address: str, headers: Headers, proxies: Collection[str]) -> str:
    """The address that bounds are counted by; `proxies` in their plain spelling.

    What a header says is believed only of a trusted proxy, and of that only the last address that
    is none of the proxies: everything before it was written by whoever sent the request.
    """
    address = socket_address
    if not proxies or address not in proxies:
        return address
    said = ",".join(headers.getall(FORWARDED_FOR, ()))
    for entry in reversed(said.split(",")):
        try:
            address = plain(entry)
        except ValueError:
            return address
        if address not in proxies:
            return address
    return address
