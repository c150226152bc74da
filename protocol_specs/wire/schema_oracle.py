"""jsonschema, made to agree with jsonschema-rs: the same formats, and patterns that end at the end.

It explains refusals and is the second opinion in tests; it never decides.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import Any

import jsonschema
from jsonschema.exceptions import ValidationError
from referencing import Registry

_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_DATE_TIME = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:[.][0-9]+)?"
    r"(?:[Zz]|([+-])([0-9]{2}):([0-9]{2}))"
)
_UUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
# RFC 3339 appendix A: units follow one another without a gap; weeks stand alone.
_DURATION_TIME = r"T(?:[0-9]+H(?:[0-9]+M(?:[0-9]+S)?)?|[0-9]+M(?:[0-9]+S)?|[0-9]+S)"
_DURATION = re.compile(
    r"P(?:[0-9]+W|(?:[0-9]+Y(?:[0-9]+M(?:[0-9]+D)?)?|[0-9]+M(?:[0-9]+D)?|[0-9]+D)"
    rf"(?:{_DURATION_TIME})?|{_DURATION_TIME})"
)
_ENCODED = "%[0-9A-Fa-f]{2}"
_NAME = rf"(?:[A-Za-z0-9._~!$&'()*+,;=-]|{_ENCODED})"
_PART = rf"(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|{_ENCODED})"
_URI = re.compile(
    r"[A-Za-z][A-Za-z0-9+.-]*:"
    rf"(?://(?:(?:{_NAME}|:)*@)?(?:\[[0-9A-Fa-f:.]+\]|{_NAME}*)(?::[0-9]*)?(?:/{_PART}*)*"
    rf"|/?(?:{_PART}+(?:/{_PART}*)*)?)"
    rf"(?:\?(?:{_PART}|[/?])*)?(?:#(?:{_PART}|[/?])*)?"
)


def oracle(schema: Mapping[str, Any]) -> Any:
    """A jsonschema validator of `schema`: formats asserted, no references outside it."""
    return _ORACLE(schema, format_checker=_FORMATS, registry=Registry())


def _is_day(year: str, month: str, day: str) -> bool:
    try:
        date(int(year) or 4, int(month), int(day))  # year 0 is a leap year that Python lacks
    except ValueError:
        return False
    return True


def _is_date(text: str) -> bool:
    parts = _DATE.fullmatch(text)
    return parts is not None and _is_day(parts[1], parts[2], parts[3])


def _is_date_time(text: str) -> bool:
    parts = _DATE_TIME.fullmatch(text)
    if parts is None or not _is_day(parts[1], parts[2], parts[3]):
        return False
    hour, minute, second = int(parts[4]), int(parts[5]), int(parts[6])
    offset_hour, offset_minute = int(parts[8] or 0), int(parts[9] or 0)
    if hour > 23 or minute > 59 or second > 60 or offset_hour > 23 or offset_minute > 59:
        return False
    east = (offset_hour * 60 + offset_minute) * (-1 if parts[7] == "-" else 1)
    is_last_minute = (hour * 60 + minute - east) % 1440 == 1439
    return second < 60 or is_last_minute  # a leap second comes before midnight UTC


def _format_checker() -> jsonschema.FormatChecker:
    checker = jsonschema.FormatChecker(formats=())
    for name, is_good in (
        ("date", _is_date),
        ("date-time", _is_date_time),
        ("duration", lambda text: _DURATION.fullmatch(text) is not None),
        ("uri", lambda text: _URI.fullmatch(text) is not None),
        ("uuid", lambda text: _UUID.fullmatch(text) is not None),
    ):
        checker.checkers[name] = (_for_texts(is_good), ())
    return checker


def _for_texts(is_good: Callable[[str], bool]) -> Callable[[object], bool]:
    """A format says something about texts only."""
    return lambda value: not isinstance(value, str) or is_good(value)


def _pattern(
    _validator: Any, pattern: str, instance: Any, _schema: Any
) -> Iterator[ValidationError]:
    """The keyword `pattern`. Python's own `$` would let a final newline pass."""
    if isinstance(instance, str) and not re.search(re.sub(r"\$\Z", r"\\Z", pattern), instance):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


_ORACLE = jsonschema.validators.extend(  # type: ignore[no-untyped-call]  # stubs leave it out
    jsonschema.Draft202012Validator, {"pattern": _pattern}
)
_FORMATS = _format_checker()
