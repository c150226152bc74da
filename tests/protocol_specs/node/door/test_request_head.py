"""Which request heads are plain enough to be answered without aiohttp."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol_specs.node.door.request_head import plain_head

PATHS = {"/confirm"}
PLAIN = b"POST /confirm HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\n\r\n"


def test_a_plain_post_is_read() -> None:
    head = plain_head(
        PLAIN.replace(b"Host", b"Authorization: a\r\nAUTHORIZATION: b\r\nHost"), PATHS
    )
    assert head is not None
    assert (head.path, head.body_bytes, head.is_last) == ("/confirm", 7, False)
    assert head.headers.getall("authorization") == ["a", "b"]


def test_who_says_close_sends_no_more() -> None:
    head = plain_head(PLAIN.replace(b"Host: x", b"Host: x\r\nConnection: close"), PATHS)
    assert head is not None
    assert head.is_last


@pytest.mark.parametrize(
    ("words", "others"),
    [
        (b"POST", b"GET"),
        (b"POST", b"post"),
        (b"POST ", b"POST  "),
        (b"/confirm", b"/other"),
        (b"/confirm", b"/confirm?a=b"),
        (b"/confirm", b"/%63onfirm"),
        (b"/confirm", b"http://x/confirm"),
        (b"HTTP/1.1", b"HTTP/1.0"),
        (b"HTTP/1.1", b"HTTP/2.0"),
        (b"HTTP/1.1", b"HTTP/1.1 "),
        (b"HTTP/1.1\r\n", b"HTTP/1.1\n"),
        (b"Host: x\r\n", b"Host: x\n"),
        (b"Host: x\r\n", b"Host: x\r"),
        (b"Host: x\r\n", b"Host: x\r\n folded\r\n"),
        (b"Host: x", b"Host : x"),
        (b"Host: x", b": x"),
        (b"Host: x", b"Host: \x00"),
        (b"Host: x", b"Ho\xc3\xa9st: x"),
        (b"Host: x", b"Host: x\r\nExpect: 100-continue"),
        (b"Host: x", b"Host: x\r\nUpgrade: h2c"),
        (b"Host: x", b"Host: x\r\nConnection: upgrade\r\nUpgrade: websocket"),
        (b"Host: x", b"Host: x\r\ncontent-encoding: gzip"),
        (b"Host: x", b"Host: x\r\nTransfer-Encoding: identity"),
        (b"Content-Length: 7", b"Transfer-Encoding: chunked"),
        (b"Content-Length: 7", b"Content-Length: 7\r\nTransfer-Encoding: chunked"),
        (b"Content-Length: 7", b"Transfer-Encoding: chunked\r\nContent-Length: 7"),
        (b"Content-Length: 7", b"Content-Length: 7\r\nContent-Length: 7"),
        (b"Content-Length: 7", b"Content-Length: 7, 7"),
        (b"Content-Length: 7", b"Content-Length: 7\r\nContent-Length: 8"),
        (b"Content-Length: 7", b"Content-Length: -7"),
        (b"Content-Length: 7", b"Content-Length: +7"),
        (b"Content-Length: 7", b"Content-Length: 0x7"),
        (b"Content-Length: 7", b"Content-Length: 7_0"),
        (b"Content-Length: 7", b"Content-Length: "),
        (b"Content-Length: 7", b"Content-Length: 99999999999999999999999"),
        (b"Content-Length: 7", b"X: y"),
        (b"Host: x", b"X: y"),
        (b"Host: x", b"Host: x\r\nHost: y"),
    ],
)
def test_anything_else_is_somebody_elses(words: bytes, others: bytes) -> None:
    assert plain_head(PLAIN.replace(words, others), PATHS) is None


def test_an_end_of_the_head_that_only_one_of_two_readers_sees_is_no_plain_head() -> None:
    hidden = PLAIN.replace(b"\r\n\r\n", b"\n\nGET /secret HTTP/1.1\r\nHost: x\r\n\r\n")
    assert plain_head(hidden, PATHS) is None


@given(st.binary(max_size=40), st.integers(0, len(PLAIN)))
def test_no_bytes_make_it_fail(noise: bytes, at: int) -> None:
    head = plain_head(PLAIN[:at] + noise + PLAIN[at:], PATHS)
    assert head is None or head.path == "/confirm"
