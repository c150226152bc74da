"""Takes people out of a message that is kept for judging, and leaves its form as it was.

One person gets one pseudonym as long as the node runs, so that what was equal stays equal and what
differed still differs: a recording is judged as the messages it was made from.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

_PEOPLE = frozenset({"person", "customer", "agent", "billing", "contact", "beneficiary", "address"})
"""Below these a name, an id or a picture is somebody's."""

_PHONES = frozenset({"phone", "callback_phone", "mobile", "mobile_number"})
_ACCOUNTS = "bank_account_number bank_code virtual_payment_address"
_SETTLED = "upi_address settlement_bank_account_no settlement_ifsc_code settlement_reference"
_TAGGED = "SETTLEMENT_BANK_CODE SETTLEMENT_BANK_ACCOUNT_NUMBER SETTLEMENT_VIRTUAL_PAYMENT_ADDRESS"
_SHAPES = frozenset(
    f"token registration tax_number tax_id SLIP_ID {_ACCOUNTS} {_SETTLED} {_TAGGED}".split()
) | {f"source_{name}" for name in _ACCOUNTS.split()}
"""Codes and numbers that stay codes and numbers of that form."""

_ADDRESS = "address building locality street door ward landmark"
_TEXTS = frozenset(
    f"{_ADDRESS} short_desc long_desc beneficiary_name branch_name gender DESCRIPTION".split()
)
"""Free text, where anything may stand."""

_PUBLIC = frozenset({"items", "item", "provider", "state", "fulfillment_state"})
"""What these describe about themselves is written for everybody."""

_TAGGED_NAMES = frozenset({"linked_provider", "linked_order", "rider_check", "rto_verification"})
_PERSONAL_URLS = frozenset({"person", "agent", "customer", "tracking", "location", "creds"})
_ROUTES = {"ENCODED_POLYLINE": "_p~iF~ps|U", "POLYLINE": "_p~iF~ps|U"}

_GPS = re.compile(r"([+-]?[0-9]{1,2})\.([0-9]{3,})(, ?)([+-]?[0-9]{1,3})\.([0-9]{3,})")
_EMAIL = re.compile(r"[^@\s\"<>:/]{1,64}@[^@\s\"<>/]{1,253}")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+(?:Z|[+-][0-9]{2}:[0-9]{2})")
GPS_DECIMALS = 2
"""About a kilometre: a part of town, no door."""


class Mask:
    """Masks messages; `secret` makes the pseudonyms and never leaves the process."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def message(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """A copy without personal data. The context is left as it is: it names platforms."""
        return {
            name: value if name == "context" else self._value(value, (name,))
            for name, value in document.items()
        }

    def _value(self, value: Any, way: tuple[str, ...]) -> Any:
        if isinstance(value, dict):
            return self._object(value, way)
        if isinstance(value, list):
            return [self._value(part, way) for part in value]
        if isinstance(value, str):
            return self._text(value, way)
        if isinstance(value, int | float) and not isinstance(value, bool) and _is_number_of(way):
            return 0
        return value

    def _object(self, value: dict[str, Any], way: tuple[str, ...]) -> dict[str, Any]:
        """A tag is a member too: its code is the name, its value the value."""
        if way[-1] in ("jcard", "data") and ("xinput" in way or way[-1] == "jcard"):
            return dict.fromkeys(value, "masked")
        code = _tag_code(value)
        masked = {}
        for name, part in value.items():
            below = (*way, code) if name == "value" and code else (*way, name)
            if name == "list" and code:
                below = (*way, code)
            masked[name] = self._value(part, below)
        return masked

    def _text(self, value: str, way: tuple[str, ...]) -> str:
        name = way[-1]
        if name == "gps":
            return _GPS.sub(_rounded, value)
        if name in _PHONES:
            return self._phone(value)
        if name == "email":
            return f"p{self._tag(value)}@masked.example"
        if name in _SHAPES or (name == "transaction_id" and "params" in way):
            return self._shape(value)
        if name in _ROUTES:
            return _ROUTES[name]
        if name in ("area_code", "pincode"):
            return value[:3] + re.sub(r"[0-9A-Za-z]", "0", value[3:])
        if name == "dob":
            return "1970-01-01"
        if name in ("url", "uri", "image", "images", "map_url") and _is_somebodys(way):
            return _masked_url(value)
        if self._is_named(name, way) or (name in _TEXTS and not _is_public(way)):
            return value if _TIME.fullmatch(value) else f"Masked {self._tag(value)}"
        return _EMAIL.sub("masked@masked.example", _GPS.sub(_rounded, value))

    def _is_named(self, name: str, way: tuple[str, ...]) -> bool:
        """Whether this is a name or an id of somebody: of a person, or of who sends a parcel."""
        above = way[:-1]
        if name == "name":
            tagged = not _TAGGED_NAMES.isdisjoint(above)
            placed = "location" in above or "@ondc/org/linked_order" in above
            return tagged or placed or not _PEOPLE.isdisjoint(above)
        if name in ("city", "state"):  # of an address in parts, where any of them may be a street
            return bool(above) and above[-1] == "address"
        return name == "id" and bool(above) and above[-1] in ("person", "creds")

    def _tag(self, value: str) -> str:
        return self._digest(value)[:6]

    def _digest(self, value: str) -> str:
        return hmac.new(self._secret, value.encode(), hashlib.sha256).hexdigest()

    def _phone(self, value: str) -> str:
        """As many digits, in the same places: a nine, zeros, and six of the pseudonym; with fewer
        two people would share a number too often."""
        count = sum(character.isdigit() for character in value)
        last = f"{int(self._digest(value)[:12], 16) % 10**6:06d}"
        digits = iter(("9" + "0" * max(0, count - 7) + last)[:count])
        return "".join(next(digits) if one.isdigit() else one for one in value)

    def _shape(self, value: str) -> str:
        """Digits for digits, hexadecimal letters for such, x and X for the others."""
        digest = bytes.fromhex(self._digest(value))
        return "".join(_alike(one, digest[n % 32]) for n, one in enumerate(value))


def _alike(character: str, chance: int) -> str:
    if character in "0123456789":
        return str(chance % 10)
    if character in "abcdef":
        return "abcdef"[chance % 6]
    if character.isalpha():
        return "X" if character.isupper() else "x"
    return character


def _tag_code(value: Mapping[str, Any]) -> str | None:
    """The code of a tag or a tag group, in either shape."""
    if "value" not in value and "list" not in value:
        return None
    descriptor = value.get("descriptor")
    code = descriptor.get("code") if isinstance(descriptor, dict) else value.get("code")
    return code if isinstance(code, str) else None


def _is_number_of(way: tuple[str, ...]) -> bool:
    return way[-1] in _PHONES or way[-1] in _SHAPES


def _is_somebodys(way: tuple[str, ...]) -> bool:
    return way[-1] == "map_url" or not _PERSONAL_URLS.isdisjoint(way[:-1])


def _is_public(way: tuple[str, ...]) -> bool:
    """Descriptions of offers and of rules, which a platform writes for everybody. Not the stops of
    a catalog, which are where somebody wants to go."""
    if len(way) < 3 or way[-2] != "descriptor":
        return False
    return way[-3] in _PUBLIC or ("catalog" in way and "stops" not in way)


def _masked_url(value: str) -> str:
    try:
        parts = urlsplit(value)
    except ValueError:
        return "https://masked.example/"
    if not parts.scheme or not parts.netloc:
        return "https://masked.example/"
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}/masked"


def _rounded(found: re.Match[str]) -> str:
    """The same number of decimals, but only the first ones say something."""
    lat, lat_rest, comma, lon, lon_rest = found.groups()
    return f"{lat}.{_cut(lat_rest)}{comma}{lon}.{_cut(lon_rest)}"


def _cut(decimals: str) -> str:
    return decimals[:GPS_DECIMALS].ljust(len(decimals), "0")
