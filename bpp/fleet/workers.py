"""Who works for the cooperative, and with what: values, and the checks on what a desk types in."""

import hashlib
import re
import secrets
from dataclasses import dataclass

from bpp.fleet.abilities import FEATURES, sides
from protocol_specs.wire.order import Agent, Vehicle

REGISTRATION = re.compile(r"[A-Z0-9][A-Z0-9 -]{1,14}")
CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}")
PHONE = re.compile(r"\+?[1-9][0-9]{6,14}")
CATEGORY = re.compile(r"[A-Z][A-Z0-9_]{1,31}")
TOKEN_HASH = re.compile(r"[0-9a-f]{64}")


class BadEntry(ValueError):
    """A driver or vehicle that cannot be taken as typed; `field` names the fault's place."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field, self.reason = field, reason


@dataclass(frozen=True, slots=True)
class VehicleEntry:
    """A vehicle as the cooperative registers it; the registration is its name. Raises BadEntry."""

    registration: str
    category: str
    variant: str | None = None
    make: str | None = None
    model: str | None = None
    color: str | None = None
    energy_type: str | None = None
    features: tuple[str, ...] = ()
    seats: int | None = None
    load_kg: int | None = None
    load_cm: str | None = None

    def __post_init__(self) -> None:
        _match(REGISTRATION, "registration", self.registration, "capitals, digits, blanks, dashes")
        _match(CATEGORY, "category", self.category, "a word such as CAB or TWO_WHEELER")
        unknown = sorted(set(self.features) - set(FEATURES))
        if unknown:
            raise BadEntry("features", f"{unknown[0]!r} is none of {', '.join(FEATURES)}")
        for field, number, most in (("seats", self.seats, 99), ("load_kg", self.load_kg, 10_000)):
            if number is not None and not 1 <= number <= most:
                raise BadEntry(field, f"{number} is not a number from 1 to {most}")
        if self.load_cm is not None and sides(self.load_cm) is None:
            raise BadEntry("load_cm", f"{self.load_cm!r} is not three sides in cm, as 60x40x40")


@dataclass(frozen=True, slots=True)
class DriverEntry:
    """A driver as the cooperative registers one; `code` is its own staff number. Raises BadEntry.

    `token_sha256` None: the node makes a token and gives it out once.
    """

    code: str
    name: str
    phone: str
    vehicle: str
    token_sha256: str | None = None

    def __post_init__(self) -> None:
        _match(CODE, "code", self.code, "letters, digits, '.', '_' or '-', at most 32")
        _match(PHONE, "phone", self.phone, "7 to 15 digits, with or without a leading +")
        _match(REGISTRATION, "vehicle", self.vehicle, "the registration of the vehicle")
        if not self.name.strip() or len(self.name) > 100:
            raise BadEntry("name", "must have 1 to 100 characters")
        if self.token_sha256 is not None:
            _match(TOKEN_HASH, "token_sha256", self.token_sha256, "64 hexadecimal digits")


@dataclass(frozen=True, slots=True)
class Worker:
    """A driver with the vehicle driven, as dispatch and orders see them.

    `agent_id` is random: books and events carry it and nothing else about the person.
    """

    agent_id: str
    code: str
    agent: Agent
    vehicle: Vehicle
    active: bool = True


def new_agent_id() -> str:
    """A random id that says nothing about the person."""
    return secrets.token_hex(8)


def new_token() -> str:
    """A driver's bearer token: 128 random bits, shown once, kept only as its hash."""
    return secrets.token_urlsafe(24)


def token_hash(token: str) -> str:
    """What the database keeps of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def _match(pattern: re.Pattern[str], field: str, text: str, wanted: str) -> None:
    if not pattern.fullmatch(text):
        raise BadEntry(field, f"{text!r} is not valid; write {wanted}")
