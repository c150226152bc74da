"""The head of a plain request: a POST to a path of the door that says how long its body is.

Everything else is left to aiohttp, so that nothing of HTTP is judged twice: other methods, paths
and versions, no Host or two, whatever llhttp does not parse, bodies in chunks or encodings,
expectations, upgrades.
"""

from __future__ import annotations

from collections.abc import Container
from typing import NamedTuple

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser
from multidict import CIMultiDict

UNUSUAL = ("Transfer-Encoding", "Content-Encoding", "Expect", "Upgrade")


class Head(NamedTuple):
    """A plain head. `body_bytes` is what it announces; `is_last` that no request is to follow."""

    path: str
    headers: CIMultiDict[str]
    body_bytes: int
    is_last: bool


class _Told:
    """What httptools tells."""

    __slots__ = ("headers", "is_whole")

    def __init__(self) -> None:
        self.headers: CIMultiDict[str] = CIMultiDict()
        self.is_whole = False

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.add(name.decode("ascii"), value.decode("utf-8", "surrogateescape"))

    def on_headers_complete(self) -> None:
        self.is_whole = True


def plain_head(head: bytes, paths: Container[str]) -> Head | None:
    """What `head`, up to its empty line, asks for; None: it is not plain, aiohttp has to look."""
    method, _, rest = head.partition(b" ")
    path = rest.partition(b" ")[0].decode("latin-1")
    if method != b"POST" or path not in paths:
        return None
    told = _Told()
    parser = HttpRequestParser(told)
    try:
        parser.feed_data(head)
    except (HttpParserError, HttpParserUpgrade):
        return None
    headers = told.headers
    if not told.is_whole or parser.get_http_version() != "1.1":
        return None
    lengths, hosts = headers.getall("Content-Length", []), headers.getall("Host", [])
    if len(lengths) != 1 or len(hosts) != 1:
        return None
    for name in UNUSUAL:  # any() would make a generator for each message
        if name in headers:
            return None
    return Head(path, headers, int(lengths[0]), is_last=not parser.should_keep_alive())
