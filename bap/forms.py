"""A provider's form (BECKN-007) as plain fields: what of its page reaches a citizen.

Nothing of the page itself is ever shown: no script, style, button, picture or markup of theirs.
lxml reads it, because the standard library's parser takes half a minute for a hostile page.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urljoin

import orjson
from lxml import etree, html

from protocol_specs.node.api import ApiError
from protocol_specs.wire.parties import lies_under

FIELDS_MAX = 60
OPTIONS_MAX = 100
TEXT_CHARS_MAX = 200
ANSWER_CHARS_MAX = 1_000
ERRORS_MAX = 20
URL_CHARS_MAX = 2_048

_TEXTS = frozenset({"text", "email", "tel", "number", "date", "time", "search", "url"})
_IGNORED = frozenset({"submit", "button", "image", "reset"})
_QUERY = frozenset(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~!$&'()*+,;=:@/?%"
)

Field = dict[str, Any]
"""name, type (text words, textarea, hidden, choice, ticks), label, required, value, options."""


class FormRefused(Exception):
    """A form that a citizen is not asked to fill in; the text says why."""


@dataclass(frozen=True, slots=True)
class Submitted:
    """What a provider answers to a form: the id that the next request says, or what is wrong."""

    submission_id: str | None
    errors: tuple[str, ...]


def is_within(url: str, registered: str) -> bool:
    """Whether a form's url lies under the provider's registered one; it may have a query."""
    path, _, query = url.partition("?")
    return len(url) <= URL_CHARS_MAX and set(query) <= _QUERY and lies_under(path, registered)


def read_form(page: bytes, url: str) -> tuple[str, list[Field]]:
    """Where the page's first form goes, and its fields. Raises FormRefused.

    `url` is where the page was found: an action is relative to it, and without one it is the url
    itself. A form with a field for a file or a password is refused whole.
    """
    form = _first_form(page)
    action = urljoin(url, (form.get("action") or "").strip())
    fields: dict[str, Field] = {}
    for element in form.iter("input", "select", "textarea"):
        name = element.get("name") or ""
        if not name or element.get("disabled") is not None:
            continue
        if len(name) > TEXT_CHARS_MAX or len(fields) >= FIELDS_MAX:
            raise FormRefused("the form is too large")
        _collect(fields, form, element, name)
    return action, list(fields.values())


def fill(fields: Sequence[Field], answers: Mapping[str, str | list[str]]) -> bytes:
    """The body of a submission, urlencoded as a browser would: what was given, what is hidden.

    Raises ApiError for an answer to no field, a missing one, or one that is not among the choices.
    """
    asked = {field["name"]: field for field in fields if field["type"] != "hidden"}
    for name in answers:
        if name not in asked:
            raise ApiError(400, "bad_answer", "the form has no such field", f"/answers/{name}")
    pairs: list[tuple[str, str]] = []
    for field in fields:
        name = field["name"]
        if field["type"] == "hidden":
            pairs.append((name, field["value"]))
        else:
            pairs += [(name, value) for value in _values(field, answers.get(name, []))]
    return urlencode(pairs).encode()


def read_answer(body: bytes) -> Submitted:
    """What the provider made of a submission: `{status, submission_id, errors}` (BECKN-007)."""
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        answer = None
    if not isinstance(answer, dict):
        return Submitted(None, ("The cooperative's answer to the form cannot be read.",))
    errors = answer.get("errors")
    told = tuple(_errors(errors if isinstance(errors, list) else []))
    submission_id = answer.get("submission_id")
    if answer.get("status") in (False, "false") or told:
        return Submitted(None, told or ("The cooperative did not take the form.",))
    if not isinstance(submission_id, str) or not _is_id(submission_id):
        return Submitted(None, ("The cooperative gave no number for the form.",))
    return Submitted(submission_id, ())


def _first_form(page: bytes) -> etree._Element:
    parser = html.HTMLParser(
        encoding="utf-8", no_network=True, remove_comments=True, remove_pis=True
    )
    try:
        root = html.document_fromstring(page, parser=parser)
    except (etree.LxmlError, ValueError):
        raise FormRefused("the page cannot be read") from None
    etree.strip_elements(root, "script", "style", "button", with_tail=False)
    for form in root.iter("form"):
        return form
    raise FormRefused("there is no form on the page")


def _collect(
    fields: dict[str, Field], form: etree._Element, element: etree._Element, name: str
) -> None:
    """Adds an element's field, or for a button of a group its option."""
    kind = "select" if element.tag == "select" else (element.get("type") or "text").lower()
    if element.tag == "textarea":
        kind = "textarea"
    if kind in _IGNORED:
        return
    if kind in ("file", "password"):
        raise FormRefused(f"the form asks for a {kind}, which is not given here")
    if kind in ("radio", "checkbox"):
        _add_button(fields, form, element, name, kind)
        return
    if kind == "select":
        many = element.get("multiple") is not None
        fields[name] = _field(form, element, name, "ticks" if many else "choice")
        fields[name]["options"] = list(_options(element))
        return
    value = (element.text if kind == "textarea" else element.get("value")) or ""
    shown = kind if kind in _TEXTS or kind in ("textarea", "hidden") else "text"
    fields[name] = {**_field(form, element, name, shown), "value": value[:ANSWER_CHARS_MAX]}


def _add_button(
    fields: dict[str, Field], form: etree._Element, element: etree._Element, name: str, kind: str
) -> None:
    """One of a group of radio buttons or tick boxes: an option of one field."""
    group = "choice" if kind == "radio" else "ticks"
    field = fields.setdefault(name, _field(form, element, name, group, label=name))
    field["required"] = field["required"] or element.get("required") is not None
    option = {"value": (element.get("value") or "on")[:TEXT_CHARS_MAX], "label": ""}
    option["label"] = _label(form, element) or option["value"]
    if len(field["options"]) < OPTIONS_MAX:
        field["options"].append(option)


def _field(
    form: etree._Element, element: etree._Element, name: str, kind: str, *, label: str = ""
) -> Field:
    return {
        "name": name,
        "type": kind,
        "label": label or _label(form, element) or name,
        "required": element.get("required") is not None,
        "value": "",
        "options": [],
    }


def _options(select: etree._Element) -> Iterator[dict[str, str]]:
    for count, option in enumerate(select.iter("option")):
        label = _line(option.itertext())
        value = option.get("value")
        if count < OPTIONS_MAX and option.get("disabled") is None:
            shown = label if value is None else value
            yield {"value": shown[:TEXT_CHARS_MAX], "label": label or shown[:TEXT_CHARS_MAX]}


def _label(form: etree._Element, element: etree._Element) -> str:
    """The words beside an element: a label that names it or is around it, else its hint."""
    identity = element.get("id")
    for label in form.iter("label"):
        if identity and label.get("for") == identity:
            return _words(label)
    for around in element.iterancestors("label"):
        return _words(around)
    return (element.get("placeholder") or element.get("aria-label") or "")[:TEXT_CHARS_MAX]


def _words(element: etree._Element) -> str:
    """The words of a label in one line, without those of the field inside it."""
    return _line(element.xpath(".//text()[not(ancestor::select or ancestor::textarea)]"))


def _line(texts: Any) -> str:
    return " ".join(" ".join(texts).split())[:TEXT_CHARS_MAX]


def _values(field: Field, given: str | list[str]) -> list[str]:
    """The values of one field that is to be filled in."""
    path = f"/answers/{field['name']}"
    values = [given] if isinstance(given, str) else given
    values = [value for value in values if value != ""]
    if field["required"] and not values:
        raise ApiError(400, "bad_answer", f"{field['label']}: this is needed", path)
    if len(values) > (len(field["options"]) if field["type"] == "ticks" else 1):
        raise ApiError(400, "bad_answer", f"{field['label']}: too many answers", path)
    options = {option["value"] for option in field["options"]}
    for value in values:
        if options and value not in options:
            raise ApiError(400, "bad_answer", f"{field['label']}: pick one that is listed", path)
        if len(value) > ANSWER_CHARS_MAX:
            raise ApiError(400, "bad_answer", f"{field['label']}: that is too long", path)
    return values


def _errors(given: Sequence[Any]) -> Iterator[str]:
    """What is wrong, as texts; each is a text, or an object with a message."""
    for one in given[:ERRORS_MAX]:
        said = one.get("message") if isinstance(one, dict) else one
        if isinstance(said, str) and said:
            yield said[:TEXT_CHARS_MAX]


def _is_id(text: str) -> bool:
    return 0 < len(text) <= 255 and text.isprintable()
