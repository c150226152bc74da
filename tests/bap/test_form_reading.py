"""A provider's form as plain fields: what a hostile page holds never reaches a citizen."""

import contextlib
import json
import time
from typing import Any
from urllib.parse import parse_qsl

import pytest

from bap.forms import FormRefused, fill, is_within, read_answer, read_form
from protocol_specs.node.api import ApiError

URL = "https://coop.example.org/forms/a?order=1"
HOSTILE = b"""<!doctype html><html><head><script>steal()</script><style>*{x:y}</style></head>
<body onload="steal()"><h1>Ours</h1>
<form action="/forms/a/in" method="post" onsubmit="steal()" style="x">
  <script>steal()</script><svg onload="steal()"></svg><iframe src="https://evil.example"></iframe>
  <label for="n">Your <b onclick="steal()">name</b><script>steal()</script></label>
  <input id="n" name="name" required onfocus="steal()" autofocus value="">
  <label>How many? <select name="count"><option value="1">One</option>
    <option value="2">Two</option><option disabled value="3">Three</option></select></label>
  <label><input type="radio" name="seat" value="front" required>Front</label>
  <label><input type="radio" name="seat" value="back">Back</label>
  <label><input type="checkbox" name="extra" value="dog">A dog</label>
  <label><input type="checkbox" name="extra" value="bike">A bicycle</label>
  <textarea name="words" placeholder="More words">hello</textarea>
  <input type="hidden" name="csrf" value="t0ken"><input name="gone" disabled>
  <input type="submit" name="go" value="Send"><button name="b" formaction="https://evil.example">x</button>
  <input type="image" src="https://evil.example/x.png" name="pic">
</form></body></html>"""


def _fields() -> dict[str, Any]:
    return {field["name"]: field for field in read_form(HOSTILE, URL)[1]}


def test_only_names_labels_and_choices_are_kept() -> None:
    action, _ = read_form(HOSTILE, URL)
    fields = _fields()
    assert action == "https://coop.example.org/forms/a/in"
    assert list(fields) == ["name", "count", "seat", "extra", "words", "csrf"]
    assert fields["name"]["label"] == "Your name"
    assert fields["name"]["required"]
    assert fields["seat"]["required"]
    assert fields["count"]["label"] == "How many?"
    assert [one["label"] for one in fields["count"]["options"]] == ["One", "Two"]
    assert (fields["seat"]["type"], fields["extra"]["type"]) == ("choice", "ticks")
    assert fields["words"]["value"] == "hello"
    text = json.dumps(fields)
    for word in ("steal", "evil", "onclick", "<", "style", "Send"):
        assert word not in text


@pytest.mark.parametrize("kind", ["file", "password"])
def test_a_form_that_asks_for_a_secret_or_a_file_is_refused_whole(kind: str) -> None:
    page = f'<form><input name="a"><input type="{kind}" name="b"></form>'.encode()
    with pytest.raises(FormRefused, match=kind):
        read_form(page, URL)


@pytest.mark.parametrize("page", [b"", b"\x00\xff", b"<p>no form</p>", b"{}", b"<form" * 9])
def test_a_page_without_a_form_is_refused(page: bytes) -> None:
    with pytest.raises(FormRefused):
        read_form(page, URL)


def test_a_form_is_bounded() -> None:
    with pytest.raises(FormRefused, match="too large"):
        read_form(b"<form>" + b"".join(b"<input name=a%d>" % n for n in range(61)), URL)
    options = b"".join(b"<option value=%d>x" % n for n in range(500))
    _, (field,) = read_form(b"<form><select name=s>" + options + b"</select></form>", URL)
    assert len(field["options"]) == 100


@pytest.mark.parametrize(
    "page", [b"<a " * 20_000, b"<!--" * 16_000, b"<a b='" * 10_000, b"<form>" * 10_000]
)
def test_no_page_takes_long_to_read(page: bytes) -> None:
    begun = time.process_time()
    with contextlib.suppress(FormRefused):
        read_form(page, URL)
    assert time.process_time() - begun < 1


def test_a_submission_has_what_was_given_and_what_was_hidden() -> None:
    fields = list(_fields().values())
    answers: dict[str, str | list[str]] = {"name": "Mei & Li", "seat": "back"}
    body = fill(fields, {**answers, "extra": ["dog", "bike"], "words": ""})
    assert parse_qsl(body.decode(), keep_blank_values=True) == [
        ("name", "Mei & Li"),
        ("seat", "back"),
        ("extra", "dog"),
        ("extra", "bike"),
        ("csrf", "t0ken"),
    ]


@pytest.mark.parametrize(
    ("change", "at"),
    [
        ({"name": ""}, "/answers/name"),
        ({"seat": "roof"}, "/answers/seat"),
        ({"seat": ["front", "back"]}, "/answers/seat"),
        ({"csrf": "mine"}, "/answers/csrf"),
        ({"colour": "red"}, "/answers/colour"),
        ({"words": "x" * 1001}, "/answers/words"),
    ],
)
def test_an_answer_that_does_not_fit_is_refused(change: Any, at: str) -> None:
    answers = {"name": "Mei", "seat": "back", **change}
    with pytest.raises(ApiError) as refused:
        fill(list(_fields().values()), answers)
    assert refused.value.path == at


@pytest.mark.parametrize(
    ("url", "inside"),
    [
        ("https://coop.example.org/beckn/forms/a", True),
        ("https://coop.example.org/beckn/forms/a?order=1&x=%20", True),
        ("https://coop.example.org/beckn", True),
        ("https://coop.example.org/other", False),
        ("https://coop.example.org/beckn/../other", False),
        ("https://coop.example.org/beckn/%2e%2e/other", False),
        ("https://coop.example.org.evil.example/beckn/a", False),
        ("https://coop.example.org@evil.example/beckn/a", False),
        ("http://coop.example.org/beckn/a", False),
        ("https://coop.example.org:444/beckn/a", False),
        ("//evil.example/beckn/a", False),
        ("javascript:steal()", False),
        ("https://coop.example.org/beckn/a?x=\\n", False),
        ("https://coop.example.org/beckn/a?x#y", False),
        ("https://coop.example.org/beckn/" + "a" * 3000, False),
    ],
)
def test_a_form_lies_under_the_providers_registered_url(url: str, inside: bool) -> None:
    assert is_within(url, "https://coop.example.org/beckn") is inside


@pytest.mark.parametrize(
    ("answer", "submission_id", "errors"),
    [
        ({"status": True, "submission_id": "s-1"}, "s-1", 0),
        ({"submission_id": "s-1"}, "s-1", 0),
        ({"status": False, "errors": ["age", {"message": "name"}, 3]}, None, 2),
        ({"status": False}, None, 1),
        ({"status": True}, None, 1),
        ({"status": True, "submission_id": 7}, None, 1),
        ({"status": True, "submission_id": "s\n1"}, None, 1),
        ([], None, 1),
    ],
)
def test_what_the_provider_says_of_a_submission(
    answer: Any, submission_id: str | None, errors: int
) -> None:
    told = read_answer(json.dumps(answer).encode())
    assert (told.submission_id, len(told.errors)) == (submission_id, errors)
