"""A /subscribe body read and judged: in any spelling of each field, every fault told with its path.

The flat form (core 1.1.1 registry.yaml) asks for one role in each of its domains. With a list
`network_participant` it asks for several records, each with a url, type, domain and cities of its
own. ONDC's form puts the same into `message` (entity, key_pair, network_participant).
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from protocol_specs.node.trust.records import ENCRYPTION_KEY, KEY_ID, TYPES
from protocol_specs.wire import keys, timestamp
from protocol_specs.wire.errors import Refused
from registry.applications import Application, Role
from registry.faults import Fault, NotAllowed, Unreadable
from registry.settings import Policy

DAY_S = 86_400
RECORDS_MAX = 32
DOMAINS_MAX = 32
CITIES_MAX = 200
CITIES_IN_ALL_MAX = 2_000  # of all records of one application
IGNORED_TOLD_MAX = 32

HOST_ID = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?(/[A-Za-z0-9._/-]{1,120})?")
KEY_NAME = re.compile(r"[!#-+\--{}~]{1,255}")  # no comma: a look-up asks for one at a time
CODE = re.compile(r"[A-Za-z0-9:*._-]{1,64}")
COUNTRY = re.compile(r"[A-Z]{3}")
NONCE = re.compile(r"[!-~]{8,128}")
URL = re.compile(r"[!-~]{1,512}")
OURS = {"status", "created", "updated", "verified", "approved", "sequence", "registered"}
"""Fields that the registry alone sets; said from outside they have no effect."""

URLS = ("url", "subscriber_url")
CITIES = ("cities", "city", "city_code")


@dataclass(frozen=True)
class Rules:
    """What the network admits, and the time it is."""

    policy: Policy
    domains: frozenset[str]
    development: bool
    now: int


@dataclass
class Place:
    """One object of the body, where it stands in it, and which of its fields were read."""

    fields: Mapping[str, Any]
    path: str = ""
    read: set[str] = field(default_factory=set)

    def inner(self, name: str) -> "Place":
        """The object in that field; an empty one if there is none."""
        self.read.add(name)
        found = self.fields.get(name)
        return Place(found if isinstance(found, dict) else {}, f"{self.path}/{name}")

    def given(self, names: Sequence[str]) -> list[tuple[str, Any]]:
        """(path, value) of every spelling that is there."""
        self.read.update(names)
        return [(f"{self.path}/{name}", self.fields[name]) for name in names if name in self.fields]


class Reader:
    """Reads field by field and goes on after a fault; `refuse` then tells all of them."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.unreadable: list[Fault] = []
        self.denied: list[Fault] = []

    def refuse(self) -> None:
        """Raise what was wrong, if anything was: Unreadable before NotAllowed."""
        if self.unreadable:
            raise Unreadable(*self.unreadable, *self.denied)
        if self.denied:
            raise NotAllowed(*self.denied)

    def one(self, place: Place, names: Sequence[str]) -> tuple[str, Any]:
        """(path, value) of a field that may be spelt in several ways; the value None if it is
        missing, which is a fault, as it is when two spellings say different things."""
        given = place.given(names)
        if not given:
            self.unreadable.append(Fault(f"{place.path}/{names[0]}", "is missing"))
            return f"{place.path}/{names[0]}", None
        path, value = given[0]
        for other, differs in given[1:]:
            if differs != value:
                self.unreadable.append(Fault(other, f"says something else than {path}"))
        return path, value

    def text(self, place: Place, names: Sequence[str], form: re.Pattern[str], says: str) -> str:
        """A text of that form; "" after a fault."""
        path, value = self.one(place, names)
        if value is None:
            return ""
        if isinstance(value, str) and form.fullmatch(value):
            return value
        self.unreadable.append(Fault(path, f"must be {says}"))
        return ""

    def key(self, place: Place, names: Sequence[str], read: Callable[[str], bytes]) -> str:
        """A public key (raw or SPKI, base64) as base64 of its 32 bytes; "" after a fault."""
        path, value = self.one(place, names)
        if value is None:
            return ""
        try:
            if isinstance(value, str):
                return keys.b64encode(read(value))
            self.unreadable.append(Fault(path, "must be the base64 of the public key"))
        except ValueError as error:
            self.unreadable.append(Fault(path, str(error)))
        return ""

    def seconds(self, place: Place, name: str) -> int:
        """An RFC 3339 time; 0 after a fault."""
        path, value = self.one(place, (name,))
        if value is None:
            return 0
        try:
            if isinstance(value, str):
                return timestamp.parse_ms(value) // 1000
            self.unreadable.append(Fault(path, "must be an RFC 3339 time"))
        except Refused as refused:
            self.unreadable.append(Fault(path, refused.reason))
        return 0

    def codes(self, path: str, value: Any, most: int) -> tuple[str, ...]:
        """A list of codes, or one text with commas between them; () after a fault."""
        parts = value.split(",") if isinstance(value, str) else value
        codes = [p.strip() for p in parts if isinstance(p, str)] if isinstance(parts, list) else []
        if not codes or len(codes) != len(parts) or len(codes) > most:
            self.unreadable.append(
                Fault(path, f"must be 1 to {most} codes, as a list or with commas between")
            )
            return ()
        wrong = [n for n, code in enumerate(codes) if not CODE.fullmatch(code)]
        for n in wrong:
            where = f"{path}/{n}" if isinstance(value, list) else path
            self.unreadable.append(Fault(where, "must be a code such as std:080 or nic2004:60221"))
        return () if wrong else tuple(dict.fromkeys(codes))


def read_application(
    document: Mapping[str, Any], rules: Rules
) -> tuple[Application, tuple[Fault, ...]]:
    """The application in a /subscribe body, and the fields of it that have no effect, told why.

    Raises Unreadable (400) or NotAllowed (403), each with every fault that was found.
    """
    reader, top = Reader(rules), Place(document)
    nested = isinstance(document.get("message"), dict)
    message = top.inner("message") if nested else top
    entity = message.inner("entity") if nested else top
    pair = entity.inner("key_pair") if nested else top
    who = reader.text(entity, ("subscriber_id",), HOST_ID, "a lower-case host name")
    country = _country(reader, entity)
    valid_from, valid_until = _validity(reader, pair)
    application = Application.model_construct(
        subscriber_id=who,
        roles=_roles(reader, who, message if nested else top, listed=nested),
        country=country,
        unique_key_id=reader.text(
            entity, KEY_ID, KEY_NAME, "a text without blanks, quotes, commas or |"
        ),
        signing_public_key=reader.key(pair, ("signing_public_key",), keys.public_key),
        encryption_public_key=reader.key(pair, ENCRYPTION_KEY, _usable_encryption_key),
        valid_from=valid_from,
        valid_until=valid_until,
        nonce=reader.text(
            message, ("nonce", "request_id"), NONCE, "8 to 128 characters, fresh each time"
        ),
    )
    if sum(len(role.cities) for role in application.roles) > CITIES_IN_ALL_MAX:
        reader.unreadable.append(Fault("/city", f"more than {CITIES_IN_ALL_MAX} in all records"))
    reader.refuse()
    places = (top, message, entity, pair) if nested else (top,)
    return application, _ignored(places)


def _ignored(places: Sequence[Place]) -> tuple[Fault, ...]:
    told = []
    for place in places:
        for name in place.fields:
            if name in place.read or name == "context":
                continue
            reason = "set by the registry alone" if name in OURS else "not read by this registry"
            told.append(Fault(f"{place.path}/{name[:64]}", reason))
    return tuple(told[:IGNORED_TOLD_MAX])


def _country(reader: Reader, place: Place) -> str:
    if "country" not in place.fields:
        country = place.inner("location").inner("country")
        if "code" in country.fields:
            return reader.text(country, ("code",), COUNTRY, "three capitals, such as IND")
    return reader.text(place, ("country",), COUNTRY, "three capitals, such as IND")


def _validity(reader: Reader, place: Place) -> tuple[int, int]:
    start, end = reader.seconds(place, "valid_from"), reader.seconds(place, "valid_until")
    path, days = f"{place.path}/valid_until", reader.rules.policy.key_days_max
    if start and end:
        if end <= reader.rules.now or end <= start:
            reader.denied.append(Fault(path, "the key's validity has ended or is empty"))
        elif end - reader.rules.now > days * DAY_S:
            reader.denied.append(Fault(path, f"a key may be valid for {days} days at most"))
    return start, end


def _usable_encryption_key(text: str) -> bytes:
    """As keys.encryption_public_key, for a point that a challenge can be made for."""
    public = keys.encryption_public_key(text)
    keys.generate_encryption_key().shared_secret(public)
    return public


def _roles(reader: Reader, who: str, place: Place, *, listed: bool) -> tuple[Role, ...]:
    """The records asked for: those of the list `network_participant`, else those of the body."""
    if not listed and "network_participant" not in place.fields:
        return _roles_in(reader, who, place)
    [(path, entries)] = place.given(("network_participant",)) or [(place.path, None)]
    if not isinstance(entries, list) or not 1 <= len(entries) <= RECORDS_MAX:
        reader.unreadable.append(Fault(path, f"must be a list of 1 to {RECORDS_MAX} records"))
        return ()
    roles: list[Role] = []
    for n, entry in enumerate(entries):
        if isinstance(entry, dict):
            roles += _roles_in(reader, who, Place(entry, f"{path}/{n}"), below=listed)
        else:
            reader.unreadable.append(Fault(f"{path}/{n}", "must be an object"))
    if len({(role.type, role.domain) for role in roles}) < len(roles):
        reader.unreadable.append(Fault(path, "names one type and domain twice"))
    return tuple(roles)


def _roles_in(reader: Reader, who: str, place: Place, *, below: bool = False) -> tuple[Role, ...]:
    """One role for each domain of this object. `below`: ONDC gives the url as a path below
    https://<subscriber_id>."""
    path, said = reader.one(place, ("type",))
    kind = TYPES.get(said.upper()) if isinstance(said, str) else None
    if said is not None and (kind is None or kind.value not in {"BAP", "BPP", "BG"}):
        reader.unreadable.append(Fault(path, "must be BAP, BPP or BG"))
    url = _url(reader, who, place, below=below)
    domains, cities = _domains(reader, place), _cities(reader, place)
    if kind is None or not url or not cities:
        return ()
    return tuple(
        Role.model_construct(type=str(kind.value), domain=domain, url=url, cities=cities)
        for domain in domains
    )


def _domains(reader: Reader, place: Place) -> tuple[str, ...]:
    given = place.given(("domains", "domain"))
    if not given:
        reader.unreadable.append(Fault(f"{place.path}/domain", "is missing"))
        return ()
    path, value = given[0]
    domains = reader.codes(path, value, DOMAINS_MAX)
    unknown = sorted(set(domains) - reader.rules.domains)
    if unknown:
        trades = ", ".join(sorted(reader.rules.domains))
        says = f"this network does not trade in {', '.join(unknown)}; it does in {trades}"
        reader.denied.append(Fault(path, says))
    return domains


def _cities(reader: Reader, place: Place) -> tuple[str, ...]:
    """The cities served, wherever they stand; `*` only where the policy grants it."""
    city = place.inner("location").inner("city")
    given = place.given(CITIES) or city.given(("code",))
    if not given:
        reader.unreadable.append(Fault(f"{place.path}/city", "is missing: name your cities"))
        return ()
    path, value = given[0]
    cities = reader.codes(path, value, CITIES_MAX)
    if "*" in cities:
        if not reader.rules.policy.any_city:
            says = 'name your cities: this network grants no "*"'
            reader.denied.append(Fault(path, says))
        return ("*",)
    return cities


def _url(reader: Reader, who: str, place: Place, *, below: bool) -> str:
    path, value = reader.one(place, URLS)
    if value is None:
        return ""
    if not isinstance(value, str) or not URL.fullmatch(value):
        reader.unreadable.append(Fault(path, "must be a url of at most 512 characters"))
        return ""
    if below and "://" not in value:
        value = f"https://{who.split('/')[0]}/{value.lstrip('/')}"
    fault = url_fault(value, who, reader.rules)
    if fault is not None and who:
        reader.denied.append(Fault(path, fault))
    return value.rstrip("/")


def url_fault(value: str, who: str, rules: Rules) -> str | None:
    """Why this url cannot be that subscriber's; None if it can."""
    try:
        url = urlsplit(value)
        host, _ = url.hostname or "", url.port
    except ValueError:
        return "is not a url"
    if rules.development and url.scheme == "http" and host in {"127.0.0.1", "::1", "localhost"}:
        return None
    if url.scheme != "https" or not host or any(mark in value for mark in "?#@\\"):
        return "must be https://host[/path], without user, query or fragment"
    named, hosts_below = who.split("/")[0], rules.policy.hosts_below
    if host != named and not (hosts_below and host.endswith("." + named)):
        where = f"at {named} or below it" if hosts_below else f"at {named}"
        return f"must be {where}, not at {host}"
    return None
