"""Where a node may send: the policy for urls, and the resolver that holds to it."""

import ipaddress
import socket
from typing import Literal

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from yarl import URL

Network = Literal["production", "development"]
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# `is_global` is true for these, and none of them is a public host:
# NAT64, 6to4, Teredo, v4-compatible, v4-mapped and site-local IPv6; protocol assignments of IPv4.
NEVER = tuple(
    ipaddress.ip_network(text)
    for text in (
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "2002::/16",
        "2001::/32",
        "::/96",
        "::ffff:0:0/96",
        "fec0::/10",
        "192.0.0.0/24",
        "192.88.99.0/24",
        "3fff::/20",  # for documentation, since RFC 9637
        "5f00::/16",  # segment routing, since RFC 9602
    )
)


class UrlRefused(ValueError):
    """A url that this node does not call; the text says which rule forbids it."""


def is_public(address: Address) -> bool:
    """Whether `address` belongs to the open internet, by an explicit list beside `is_global`."""
    if not address.is_global or address.is_multicast or address.is_unspecified:
        return False
    return not any(address in net for net in NEVER if net.version == address.version)


def check_url(text: str, network: Network) -> URL:
    """The parsed url, if this node may call it. Raises UrlRefused.

    Production: https to a name or a public address. Development: also plain http, to loopback
    only. Credentials and fragments are refused everywhere. Names are judged once more when they
    are resolved, by GuardedResolver.
    """
    try:
        url = URL(text)
        host, _ = url.host, url.port
        (url.raw_host or "").encode("idna")  # as the resolver will: labels of 1 to 63 characters
    except ValueError as error:
        raise UrlRefused(f"not a url: {error}") from None
    if not host or url.scheme not in ("https", "http"):
        raise UrlRefused("not an absolute https url")
    if url.user is not None or url.password is not None or "#" in text:
        raise UrlRefused("a url with credentials or a fragment")
    address = _literal(host)
    loopback = host == "localhost" or (address is not None and address.is_loopback)
    if network == "development" and loopback:
        return url
    if url.scheme != "https":
        raise UrlRefused("plain http; only https is called (loopback in development excepted)")
    if address is None and host.rstrip(".").rpartition(".")[2].isdigit():
        raise UrlRefused("an address in an unusual spelling")  # 127.1, 2130706433: not left to luck
    if loopback or (address is not None and not is_public(address)):
        raise UrlRefused("an address that is not public")
    return url


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


class GuardedResolver(AbstractResolver):
    """Resolves names and refuses a name if ANY of its addresses is not one that may be called."""

    def __init__(self, network: Network, inner: AbstractResolver | None = None) -> None:
        self._network = network
        self._inner = inner or ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses of `host`. Raises OSError for a name that must not be called."""
        results = await self._inner.resolve(host, port, family)
        for result in results:
            address = ipaddress.ip_address(result["host"].partition("%")[0])
            allowed = is_public(address) or (self._network == "development" and address.is_loopback)
            if not allowed:
                raise OSError(None, f"{host} resolves to an address that is not public")
        return results

    async def close(self) -> None:
        """Close the resolver inside."""
        await self._inner.close()
