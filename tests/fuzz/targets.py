"""The targets: each reads a stranger's bytes, lets only our own refusals pass, and holds a promise.

`make fuzz` looks for bytes that break one; `test_corpus.py` replays those that were worth keeping.
"""

import contextlib
import ipaddress
import json
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from multidict import CIMultiDict

from bpp.fleet.csv_import import BadCsv, parse_roster
from bpp.ledger import camt
from bpp.ledger.bank_files import BadBankFile, read_csv
from protocol_specs.node.client.urls import UrlRefused, check_url, is_public
from protocol_specs.node.door import request_head
from protocol_specs.web.places import point_of
from protocol_specs.wire import claims, data_integrity, duration, money, strict_json, timestamp
from protocol_specs.wire.errors import Malformed, Unauthenticated
from protocol_specs.wire.parties import Receiver, SubscriberType

NOW = 1_800_000_000
RECEIVER = Receiver("bpp.example", SubscriberType.BPP, "https://bpp.example", frozenset())
CURRENCIES = ("INR", "MYR", "JPY", "KWD", "IDR")


def header(data: bytes) -> None:
    """The Authorization line, and the gateway's: a claim of a known form, or Unauthenticated."""
    line, _, gateway = data.decode("utf-8", "surrogateescape").partition("\n")
    headers = CIMultiDict({"Authorization": line})
    if gateway:
        headers["X-Gateway-Authorization"] = gateway
    try:
        found = claims.claim(headers, b"{}", NOW, receiver=RECEIVER)
    except Unauthenticated:
        return
    signed = found.sender
    assert signed.created <= NOW + 5
    assert signed.expires >= NOW
    assert signed.expires - signed.created <= claims.LIFETIME_S_MAX
    assert len(signed.signature) == 64


def strict(data: bytes) -> None:
    """JSON: what is accepted, the standard library reads the same way, and no key stands twice."""
    try:
        document = strict_json.parse(data)
    except Malformed:
        return
    assert document == json.loads(data, object_pairs_hook=_once)
    assert not any("\0" in text for text in _texts(document))
    assert strict_json.parse(strict_json.dumps(document)) == document


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for part in (*value, *value.values()):
            yield from _texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    assert len(found) == len(pairs), "a key stands twice"
    assert not any(
        isinstance(value, float) and not math.isfinite(value) for value in found.values()
    )
    return found


def amounts(data: bytes) -> None:
    """Money: what is read and written again is the same sum, exactly."""
    text = data.decode("utf-8", "replace")
    for currency in CURRENCIES:
        try:
            minor = money.minor_units(text, currency)
        except Malformed:
            continue
        assert money.minor_units(money.amount(minor, currency), currency) == minor


def times(data: bytes) -> None:
    """Times and durations: a whole number, or Malformed."""
    text = data.decode("utf-8", "replace")
    try:
        ms = timestamp.parse_ms(text)
    except Malformed:
        pass
    else:
        try:
            written = timestamp.rfc3339(ms)
        except ValueError:  # a year before 1000 is read and never written
            pass
        else:
            assert timestamp.parse_ms(written) == ms
    with contextlib.suppress(Malformed):
        assert duration.seconds(text) >= 0


def urls(data: bytes) -> None:
    """Urls: what may be called is https to a host that is no internal address, for two parsers."""
    text = data.decode("utf-8", "replace")
    try:
        url = check_url(text, "production")
    except UrlRefused:
        return
    assert url.scheme == "https"
    assert url.host
    assert url.user is None
    assert url.password is None
    assert url.host.rstrip(".") != "localhost"
    try:
        address = ipaddress.ip_address(url.host)
    except ValueError:
        pass
    else:
        assert is_public(address), f"{text!r} would call {address}"
    try:
        seen = urlsplit(text).hostname or ""
    except ValueError:
        return  # the other parser refuses it
    if seen.isascii() and url.host.isascii():
        assert _host(seen) == _host(url.host), f"{text!r}: {seen!r} or {url.host!r}"


def _host(text: str) -> str:
    """The one spelling of an address or a name."""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return text.lower()


def heads(data: bytes) -> None:
    """Request heads: a plain one says one length and one host; all else is left to aiohttp."""
    found = request_head.plain_head(data, {"/confirm", "/search"})
    if found is None:
        return
    assert found.path in {"/confirm", "/search"}
    assert found.body_bytes >= 0
    assert len(found.headers.getall("Host")) == 1
    assert not any(name in found.headers for name in request_head.UNUSUAL)


def keys(data: bytes) -> None:
    """A did:key: its one spelling, or a refusal."""
    text = data.decode("utf-8", "replace")
    try:
        raw = data_integrity.multibase_bytes(text)
    except ValueError:
        return
    assert data_integrity.multibase(raw) == text


def bank(data: bytes) -> None:
    """A bank's file, XML or CSV: statements whose lines add up, or BadBankFile."""
    for read in (camt.read, read_csv):
        with contextlib.suppress(BadBankFile):
            read(data, "statement")


def roster(data: bytes) -> None:
    """The drivers' CSV: everybody in it, or BadCsv with every fault."""
    with contextlib.suppress(BadCsv):
        parse_roster(data.decode("utf-8", "replace"))


def points(data: bytes) -> None:
    """A place typed as "lat,lon": on the globe, or none."""
    found = point_of(data.decode("utf-8", "replace"))
    assert found is None or (abs(found[0]) <= 90 and abs(found[1]) <= 180)


TARGETS: Mapping[str, Callable[[bytes], None]] = {
    each.__name__: each
    for each in (header, strict, amounts, times, urls, heads, keys, bank, roster, points)
}
