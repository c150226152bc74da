"""The languages of pages: catalogues of texts, and how numbers, money and times are told."""

from __future__ import annotations

import gettext
import io
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from functools import lru_cache
from importlib import resources
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel import Locale, UnknownLocaleError, dates, numbers
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from protocol_specs.wire.money import exponent

# By code, in their own words: whoever looks for a language may read no other.
LANGUAGES = {"en": "English", "ms": "Bahasa Melayu", "ml": "മലയാളം", "kn": "ಕನ್ನಡ"}
SOURCE = "en"
TERRITORIES = {"IND": "IN", "MYS": "MY"}


def N_(text: str) -> str:  # noqa: N802 - gettext's own name
    """Marks a text to be translated where it is shown."""
    return text


def plain(text: str, most: int = 500) -> str:
    """A text of somebody else's, cut to `most` characters, with a sign that everybody can see for
    each that nobody can: control characters, and those that turn the direction of writing."""
    cut = text if len(text) <= most else f"{text[:most]}…"
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in cut)


def choose(chosen: str | None, accepted: str) -> str:
    """The language of a request: the chosen one, else the first of Accept-Language we speak."""
    if chosen in LANGUAGES:
        return chosen
    wishes: list[tuple[float, int, str]] = []
    for place, part in enumerate(accepted[:200].split(",")):
        tag, _, quality = part.strip().partition(";q=")
        code = tag.partition("-")[0].lower()
        try:
            weight = float(quality or 1)
        except ValueError:
            continue
        if code in LANGUAGES and weight > 0:
            wishes.append((-weight, place, code))
    return min(wishes)[2] if wishes else SOURCE


def translations(language: str, packages: Iterable[str]) -> gettext.NullTranslations:
    """The texts of all packages in that language; of the source language there is no catalogue."""
    found: gettext.NullTranslations = gettext.NullTranslations()
    for package in packages:
        folder = resources.files(package).joinpath("locale", language, "LC_MESSAGES")
        file = folder.joinpath("messages.po")
        if language == SOURCE or not file.is_file():
            continue
        packed = io.BytesIO()
        write_mo(packed, read_po(io.BytesIO(file.read_bytes()), locale=language))
        packed.seek(0)
        catalogue = gettext.GNUTranslations(packed)
        catalogue.add_fallback(found)
        found = catalogue
    return found


@lru_cache(maxsize=256)
def zone_named(name: str) -> tzinfo | None:
    """The time zone of that IANA name; None for none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


class Speech:
    """How one language tells values, in the manner of a country where that is known."""

    def __init__(self, language: str, country: str) -> None:
        self.language = language
        try:
            self.locale = Locale.parse(f"{language}_{TERRITORIES.get(country, 'IN')}")
        except UnknownLocaleError:
            self.locale = Locale.parse(language)

    def money(self, minor: int, currency: str) -> str:
        """Minor units and ISO 4217 code, as people write it: (24950, "INR") is ₹249.50."""
        value = Decimal(minor).scaleb(-exponent(currency))
        return numbers.format_currency(value, currency, locale=self.locale)

    def number(self, value: Decimal | int | float) -> str:
        """With this language's groups and decimal sign."""
        return numbers.format_decimal(value, locale=self.locale)

    def distance(self, metres: int) -> str:
        """Metres below a kilometre, else kilometres with one decimal."""
        if metres < 1000:
            return f"{self.number(round(metres, -1))} m"
        return f"{self.number(Decimal(metres).scaleb(-3).quantize(Decimal('0.1')))} km"

    def duration(self, seconds: int) -> str:
        """A span in minutes, or in hours and days where it is long."""
        return dates.format_timedelta(
            timedelta(seconds=max(60, seconds)), threshold=2, locale=self.locale
        )

    def day(self, at: int, zone: tzinfo) -> str:
        """The day of an instant there, with weekday."""
        return dates.format_date(_there(at, zone), "full", locale=self.locale)

    def clock(self, at: int, zone: tzinfo) -> str:
        """The time of day of an instant there."""
        return dates.format_time(_there(at, zone), "short", locale=self.locale)

    def moment(self, at: int, zone: tzinfo) -> str:
        """Day and time of an instant there, without seconds."""
        there = _there(at, zone)
        day = dates.format_date(there, "medium", locale=self.locale)
        return f"{day}, {dates.format_time(there, 'short', locale=self.locale)}"

    def planned(self, at: int, zone: tzinfo) -> str:
        """Weekday, day and time of an instant there, without seconds."""
        there = _there(at, zone)
        day = dates.format_skeleton("MMMEd", there, locale=self.locale)
        return f"{day}, {dates.format_time(there, 'short', locale=self.locale)}"

    def ago(self, at: int, now: int) -> str:
        """How long ago, or in how long."""
        return dates.format_timedelta(
            timedelta(seconds=at - now), add_direction=True, locale=self.locale
        )


def _there(at: int, zone: tzinfo) -> datetime:
    return datetime.fromtimestamp(at, UTC).astimezone(zone)
