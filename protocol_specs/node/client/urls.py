"""Where a node may send: the policy for urls, and the resolver that holds to it."""

import asyncio
import ipaddress
import socket
from collections import OrderedDict
from typing import Literal

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from yarl import URL

Network = Literal["production", "development"]
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# None of these is a public host. `is_global` knows most of them, not all, and another set in each
# Python: so they stand here, after the IANA registries of special-purpose addresses.
NEVER = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",  # shared by carriers; a cloud's metadata too (100.100.100.200)
        "127.0.0.0/8",
        "169.254.0.0/16",  # link-local; the metadata of most clouds (169.254.169.254)
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",  # multicast, reserved, broadcast
        "::/96",  # unspecified, loopback, and IPv4 in an old disguise
        "::ffff:0:0/96",  # IPv4, mapped
        "::ffff:0:0:0/96",  # IPv4, translated
        "64:ff9b::/96",  # IPv4 through NAT64
        "64:ff9b:1::/48",
        "100::/64",
        "2001::/23",  # Teredo and other protocols
        "2001:db8::/32",
        "2002::/16",  # IPv4 through 6to4
        "3fff::/20",  # for documentation, since RFC 9637
        "5f00::/16",  # segment routing, since RFC 9602
        "fc00::/7",
        "fe80::/10",
        "fec0::/10",
        "ff00::/8",
    )
)
NAMES_S = 2  # less than a connection may take
FAILING_MAX = 4_096  # names without an answer that are remembered
HTTPS_PORT, FREE_PORT_MIN = 443, 1024
"""Of the ports below 1024 only 443 is called: the others are services that do not speak HTTPS."""


class UrlRefused(ValueError):
    """A url that this node does not call; the text says which rule forbids it."""


def is_public(address: Address) -> bool:
    """Whether `address` belongs to the open internet, by an explicit list beside `is_global`."""
    if not address.is_global or address.is_multicast or address.is_unspecified:
        return False
    return not any(address in net for net in NEVER if net.version == address.version)


def check_url(text: str, network: Network) -> URL:
    """The parsed url, if this node may call it. Raises UrlRefused.

    Production: https to a name or a public address, at port 443 or one from 1024 on. Development:
    also plain http, to loopback only. Credentials and fragments are refused everywhere. Names are
    judged once more when they are resolved, by GuardedResolver.
    """
    try:
        url = URL(text)
        host, port = url.host, url.port or 0
        (url.raw_host or "").encode("idna")  # as the resolver will: labels of 1 to 63 characters
    except (ValueError, IndexError) as error:  # the latter from yarl, for "https://[a]5@/"
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
    if address is None and (":" in host or host.rstrip(".").rpartition(".")[2].isdigit()):
        raise UrlRefused("an address in an unusual spelling")  # 127.1, 2130706433: not left to luck
    if loopback or (address is not None and not is_public(address)):
        raise UrlRefused("an address that is not public")
    if port < FREE_PORT_MIN and port != HTTPS_PORT:
        raise UrlRefused(f"port {port}, which is another service's")
    return url


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


class GuardedResolver(AbstractResolver):
    """Resolves names and refuses a name if ANY of its addresses is not one that may be called.

    A name without an answer is our own trouble until another name has one after that: who asks
    each few seconds for names whose own servers are dead leaves no thread for the others.
    """

    def __init__(self, network: Network, inner: AbstractResolver | None = None) -> None:
        self._network = network
        self._inner = inner or ThreadedResolver()
        self._answers = 0
        self._failing: OrderedDict[str, int] = OrderedDict()  # by name: the answers before it

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses of `host`. Raises OSError for a name that must not be called or has none,
        and with the number EAI_AGAIN where no name service answers; TimeoutError if it is late."""
        try:
            async with asyncio.timeout(NAMES_S):
                results = await self._inner.resolve(host, port, family)
        except TimeoutError:
            raise TimeoutError(self._whose(host), "no name service answered in time") from None
        except OSError as error:
            if error.errno == socket.EAI_AGAIN:
                raise OSError(self._whose(host), f"no name service answers for {host}") from error
            raise
        self._answers += 1
        self._failing.pop(host, None)
        for result in results:
            address = ipaddress.ip_address(result["host"].partition("%")[0])
            allowed = is_public(address) or (self._network == "development" and address.is_loopback)
            if not allowed:
                raise OSError(None, f"{host} resolves to an address that is not public")
        return results

    def _whose(self, host: str) -> int | None:
        """The number of our own trouble, or none: others were answered since this name first was
        not."""
        before = self._failing.setdefault(host, self._answers)
        if len(self._failing) > FAILING_MAX:
            self._failing.popitem(last=False)
        return socket.EAI_AGAIN if before == self._answers else None

    async def close(self) -> None:
        """Close the resolver inside."""
        await self._inner.close()
