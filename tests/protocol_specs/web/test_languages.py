"""What pages say in each language, and how values are told."""

from __future__ import annotations

import re
from datetime import timedelta, timezone
from decimal import Decimal

import pytest
from babel.messages.catalog import Message
from babel.messages.pofile import read_po

from protocol_specs.web import messages
from protocol_specs.web.languages import LANGUAGES, SOURCE, Speech, choose, translations

PLACEHOLDER = re.compile(r"%\((\w+)\)s")
PACKAGES = list(messages.packages())
OTHERS = [code for code in LANGUAGES if code != SOURCE]
NOON = 1_795_000_000


def texts(package_index: int, language: str) -> list[Message]:
    path = messages.file_of(PACKAGES[package_index], language)
    with path.open("rb") as file:
        return [text for text in read_po(file, locale=language) if text.id]


def forms(said: object) -> list[str]:
    return [said] if isinstance(said, str) else list(said)  # type: ignore[call-overload]


@pytest.mark.parametrize("language", OTHERS)
@pytest.mark.parametrize("index", range(len(PACKAGES)), ids=lambda n: PACKAGES[n].name)
def test_a_catalogue_says_whatever_the_pages_say_and_nothing_else(
    index: int, language: str
) -> None:
    said = {text.id for text in messages.said_in(PACKAGES[index], PACKAGES) if text.id}
    kept = texts(index, language)
    assert {text.id for text in kept} == said, "type: make messages"
    assert [text.id for text in kept if text.fuzzy or not messages.is_whole(text.string)] == []


@pytest.mark.parametrize("language", OTHERS)
@pytest.mark.parametrize("index", range(len(PACKAGES)), ids=lambda n: PACKAGES[n].name)
def test_a_translation_fills_in_what_the_source_fills_in(index: int, language: str) -> None:
    for text in texts(index, language):
        wanted = {name for form in forms(text.id) for name in PLACEHOLDER.findall(form)}
        for form in forms(text.string):
            assert set(PLACEHOLDER.findall(form)) == wanted, form
            assert form.count("%") == len(PLACEHOLDER.findall(form)), form


@pytest.mark.parametrize("language", OTHERS)
def test_one_and_many_are_told_apart_where_a_language_does(language: str) -> None:
    said = translations(language, ["protocol_specs.web"])
    one, many = (
        said.ngettext("Not the code. %(num)s try left.", "Not the code. %(num)s tries left.", n)
        for n in (1, 2)
    )
    assert "Not" not in one + many
    assert (one == many) is (language == "ms")


def test_money_is_told_from_minor_units_as_the_country_writes_it() -> None:
    assert Speech("en", "IND").money(123_456_789, "INR") == "₹12,34,567.89"
    assert Speech("ms", "MYS").money(880, "MYR") == "RM8.80"
    assert Speech("en", "IND").money(-50, "INR") == "-₹0.50"


def test_times_are_told_in_the_zone_of_who_reads_them() -> None:
    speech = Speech("en", "IND")
    assert speech.clock(NOON, timezone(timedelta(hours=8))) != speech.clock(
        NOON, timezone(timedelta(hours=5, minutes=30))
    )
    assert speech.ago(NOON - 7200, NOON) == "2 hours ago"
    assert speech.distance(1840) == "1.8 km"
    assert speech.number(Decimal("1.5")) == "1.5"


@pytest.mark.parametrize(
    ("chosen", "accepted", "spoken"),
    [
        ("kn", "ms", "kn"),
        ("xx", "ms-MY,ms;q=0.9,en;q=0.8", "ms"),
        (None, "fr, ml;q=0.5, kn;q=0.7", "kn"),
        (None, "en;q=0, ml;q=nonsense", "en"),
        (None, "", "en"),
    ],
)
def test_the_chosen_language_goes_before_the_browsers(
    chosen: str | None, accepted: str, spoken: str
) -> None:
    assert choose(chosen, accepted) == spoken
