"""Where a node may send, and where never."""

import asyncio
import ipaddress
import socket

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from protocol_specs.node.client import urls
from protocol_specs.node.client.urls import (
    GuardedResolver,
    Network,
    UrlRefused,
    check_url,
    is_public,
)


@pytest.mark.parametrize(
    "url",
    [
        "http://bap.example.org/",
        "ftp://bap.example.org/",
        "https://user:secret@bap.example.org/",
        "https://bap.example.org/#part",
        "https://127.0.0.1/",
        "https://localhost/",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://[64:ff9b::a9fe:a9fe]/",
        "https://[2002:7f00:1::]/",
        "https://[fec0::1]/",
        "https://10.0.0.1/",
        "https://169.254.169.254/latest",
        "https://224.0.0.1/",
        "https://192.0.0.8/",
        "https://①②⑦.0.0.1/",
        "https://127.1/",
        "https://2130706433/",
        "https://127.0.0.1./",
        "https://0177.0.0.1/",
        "https://[5f00::1]/",
        "https://[::ffff:0:7f00:1]/",
        "https://[::ffff:169.254.169.254]/",
        "https://[::10.0.0.1]/",
        "https://100.100.100.200/",
        "https://[fd00:ec2::254]/",
        "https://[fe80::1%25lo]/",
        "https://bap.example.org:22/",
        "https://bap.example.org:80/",
        "https://bap.example.org:0/",
        f"https://{'a' * 64}.example.org/",
        "/path",
        "https:///path",
        "https://bap.example.org:99999/",
        "",
    ],
)
def test_production_refuses(url: str) -> None:
    with pytest.raises(UrlRefused):
        check_url(url, "production")


@pytest.mark.parametrize("url", ["https://bap.example.org/beckn/v1", "https://93.184.216.34:8443/"])
def test_production_calls_public_https(url: str) -> None:
    assert str(check_url(url, "production")) == url


@pytest.mark.parametrize("url", ["http://127.0.0.1:9001/", "http://localhost:9001/"])
def test_development_calls_plain_http_on_loopback_only(url: str) -> None:
    assert str(check_url(url, "development")) == url
    for elsewhere in ("http://10.0.0.1/", "http://bap.example.org/", "https://10.0.0.1/"):
        with pytest.raises(UrlRefused):
            check_url(elsewhere, "development")


@pytest.mark.parametrize(
    "address",
    ["::127.0.0.1", "64:ff9b:1::1", "2001::1", "192.88.99.1", "100.64.0.1", "0.0.0.0", "fe80::1"],  # noqa: S104  an address to refuse
)
def test_addresses_that_only_look_global_are_not_public(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


class Says(AbstractResolver):
    """A resolver with one answer."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(hostname=host, host=a, port=port, family=family, proto=0, flags=0)
            for a in self.addresses
        ]

    async def close(self) -> None:
        return None


@pytest.mark.parametrize("network", ["production", "development"])
async def test_a_name_with_any_private_address_is_not_called(network: Network) -> None:
    resolver = GuardedResolver(network, Says("93.184.216.34", "10.0.0.1"))
    with pytest.raises(OSError, match="not public"):
        await resolver.resolve("rebound.example.org")


async def test_a_name_that_means_loopback_is_called_in_development_only() -> None:
    assert await GuardedResolver("development", Says("127.0.0.1")).resolve("here")
    with pytest.raises(OSError, match="not public"):
        await GuardedResolver("production", Says("127.0.0.1")).resolve("here")


async def test_a_public_name_is_called() -> None:
    assert await GuardedResolver("production", Says("93.184.216.34")).resolve("there")


class Hangs(Says):
    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        await asyncio.Event().wait()
        return []


async def test_a_name_service_that_says_nothing_is_waited_for_a_bounded_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(urls, "NAMES_S", 0.01)
    with pytest.raises(TimeoutError) as late:
        await GuardedResolver("production", Hangs()).resolve("there")
    assert late.value.errno == socket.EAI_AGAIN


class Knows(Says):
    """A name service that answers for those whom it knows."""

    def __init__(self, *addresses: str) -> None:
        super().__init__(*addresses)
        self.known = {"there"}

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        if host == "hangs":
            await asyncio.Event().wait()
        if host not in self.known:
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return await super().resolve(host, port, family)


@pytest.mark.parametrize("dead", ["refused", "hangs"])
async def test_a_name_is_our_trouble_until_another_has_an_answer_after_it(
    monkeypatch: pytest.MonkeyPatch, dead: str
) -> None:
    monkeypatch.setattr(urls, "NAMES_S", 0.01)
    monkeypatch.setattr(urls, "FAILING_MAX", 2)
    knows = Knows("93.184.216.34")
    resolver = GuardedResolver("production", knows)

    async def number(name: str) -> int | None:
        with pytest.raises(OSError, match="no name service") as failed:
            await resolver.resolve(name)
        return failed.value.errno

    await resolver.resolve("there")
    assert await number(dead) == await number(dead) == socket.EAI_AGAIN
    await resolver.resolve("there")
    assert await number(dead) is None
    assert await number("other") == socket.EAI_AGAIN, "nobody has an answer since"
    knows.known.add("other")
    await resolver.resolve("other")
    knows.known.clear()
    assert await number("other") == await number("there") == socket.EAI_AGAIN
    assert len(resolver._failing) == 2


@pytest.mark.parametrize("text", ["https://[::.]/", "https://[a]5@/", "https://[::1.]/"])
def test_brackets_around_no_address_are_refused_in_our_own_words(text: str) -> None:
    with pytest.raises(UrlRefused):
        check_url(text, "production")
