"""The strict JSON door refuses what two parsers could read in two ways."""

import contextlib
import math

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol_specs.wire import strict_json
from protocol_specs.wire.errors import Malformed

REFUSED = {
    "empty": b"",
    "blank": b" ",
    "null": b"null",
    "array": b"[]",
    "text": b'"x"',
    "number": b"1",
    "two documents": b"{}{}",
    "junk after": b"{}x",
    "cut": b'{"a":1',
    "trailing comma": b'{"a":1,}',
    "comment": b'{"a":1/**/}',
    "single quotes": b"{'a':1}",
    "key that is no text": b"{1:1}",
    "duplicate key": b'{"a":1,"a":2}',
    "duplicate key, one escaped": b'{"a":1,"\\u0061":2}',
    "duplicate key deep inside": b'{"x":[{"a":1,"b":2,"a":1}]}',
    "NaN": b'{"a":NaN}',
    "Infinity": b'{"a":Infinity}',
    "minus Infinity": b'{"a":-Infinity}',
    "infinity by exponent": b'{"a":1e400}',
    "minus infinity by exponent": b'{"a":[{"b":-1e400}]}',
    "infinity by length": b'{"a":1' + b"0" * 500 + b".0}",
    "integer beyond 2**53": b'{"a":9007199254740993}',
    "negative integer beyond 2**53": b'{"a":-9007199254740993}',
    "float beyond 2**53": b'{"a":1e16}',
    "4000 digits": b'{"a":' + b"9" * 4000 + b"}",
    "5000 digits": b'{"a":' + b"9" * 5000 + b"}",
    "18 digits": b'{"a":"x","b":1.23456789012345678}',
    "18 digits behind an escaped quote": b'{"a":"\\"","b":1.23456789012345678}',
    "leading zero": b'{"a":01}',
    "plus sign": b'{"a":+1}',
    "no digit before the dot": b'{"a":.5}',
    "no digit after the dot": b'{"a":5.}',
    "byte order mark": b'\xef\xbb\xbf{"a":1}',
    "UTF-16": '{"a":1}'.encode("utf-16"),
    "UTF-16 without mark": '{"a":1}'.encode("utf-16-le"),
    "UTF-32": '{"a":1}'.encode("utf-32"),
    "Latin-1": b'{"a":"\xe9"}',
    "overlong NUL": b'{"a":"\xc0\x80"}',
    "high surrogate alone": b'{"a":"\\ud800"}',
    "low surrogate alone": b'{"a":"\\udc00"}',
    "high surrogate before a letter": b'{"a":"\\ud800\\u0041"}',
    "surrogate in UTF-8": b'{"a":"\xed\xa0\x80"}',
    "NUL escaped": b'{"a":"x\\u0000y"}',
    "NUL escaped in a key": b'{"a\\u0000":1}',
    "NUL after an escaped backslash": b'{"a":"\\\\\\u0000"}',
    "NUL raw": b'{"a":"\x00"}',
    "control character": b'{"a":"\x1f"}',
    "33 levels": b'{"a":' + b"[" * 32 + b"]" * 32 + b"}",
    "33 levels of objects": b'{"a":' * 33 + b"1" + b"}" * 33,
    "100 000 brackets": b'{"a":' + b"[" * 100_000,
}

TAKEN = {
    "empty object": (b"{}", {}),
    "blanks around": (b' {"a" : 1}\n', {"a": 1}),
    "2**53": (b'{"a":9007199254740992}', {"a": 2**53}),
    "minus 2**53": (b'{"a":-9007199254740992}', {"a": -(2**53)}),
    "a float as other languages print it": (
        b'{"a":0.30000000000000004,"b":1e-7}',
        {"a": 0.1 + 0.2, "b": 1e-7},
    ),
    "a long number as text": (b'{"a":"123456789012345678901234567890"}', {"a": "1234567890" * 3}),
    "a long number after an escaped quote": (
        b'{"a":"\\"123456789012345678901234567890"}',
        {"a": '"' + "1234567890" * 3},
    ),
    "a surrogate pair": (b'{"a":"\\ud83d\\ude95"}', {"a": "\U0001f695"}),
    "an escaped backslash before u0000": (b'{"a":"\\\\u0000"}', {"a": "\\u0000"}),
    "words that look like numbers": (b'{"a":"1e400","b":"NaN"}', {"a": "1e400", "b": "NaN"}),
    "booleans and null": (b'{"a":true,"b":null}', {"a": True, "b": None}),
    "the same key in two objects": (b'{"a":{"b":1},"c":{"b":1}}', {"a": {"b": 1}, "c": {"b": 1}}),
}


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED)
def test_ambiguous_or_unbounded_json_is_refused(body):
    with pytest.raises(Malformed) as refused:
        strict_json.parse(body)
    assert refused.value.status == 400
    assert len(refused.value.reason) < 300


@pytest.mark.parametrize(("body", "document"), TAKEN.values(), ids=TAKEN)
def test_plain_json_is_taken(body, document):
    assert strict_json.parse(body) == document


def test_32_levels_are_taken():
    body = b'{"a":' + b"[" * 31 + b"]" * 31 + b"}"
    assert list(strict_json.parse(body)) == ["a"]


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(-1e15, 1e15).filter(lambda x: x == 0 or math.log10(abs(x)) > -300)
    | st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text("abc", max_size=3), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(st.dictionaries(st.text("abc", max_size=3), JSON, max_size=4))
def test_what_we_write_we_read(document):
    assert strict_json.parse(strict_json.dumps(document)) == document


@given(st.binary(max_size=60))
def test_no_bytes_do_more_than_be_refused(body):
    with contextlib.suppress(Malformed):
        assert isinstance(strict_json.parse(body), dict)


COMPACT = st.text('{}[]:,"ab\\u0019.-eE+ ', max_size=24)


@given(
    COMPACT | st.dictionaries(st.text("abc", max_size=3), JSON).map(orjson.dumps).map(bytes.decode)
)
def test_the_quick_reading_takes_nothing_that_reading_by_the_letter_refuses(text):
    body = text.encode()
    try:
        expected = strict_json._by_the_letter(body)
    except Malformed:
        with pytest.raises(Malformed):
            strict_json.parse(body)
    else:
        assert strict_json._plain(body) in (None, expected)


def test_a_document_too_deep_to_be_written_again_is_refused():
    body = b'{"a":' + b"[" * 300 + b"]" * 300 + b"}"
    with pytest.raises(Malformed):
        strict_json.parse(body)


WIDE = st.recursive(
    st.integers(-(2**63), 2**64 - 1)
    | st.integers(2**53 - 2, 2**53 + 2).flatmap(lambda n: st.sampled_from([n, -n, float(n)]))
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab"), inner, max_size=3),
    max_leaves=6,
)


@given(WIDE, st.integers(0, 33))
def test_the_quick_reading_takes_no_number_and_no_depth_that_walking_through_refuses(value, deeper):
    for level in range(deeper):
        value = [value] if level % 2 else {"a": value}
    document = {"a": value}
    try:
        strict_json._refuse_deep_or_huge(document)
    except Malformed:
        assert strict_json._plain(orjson.dumps(document)) is None
    else:
        assert strict_json._plain(orjson.dumps(document)) == document
