"""Registry records as real registries spell them, read into Subscribers."""

from collections.abc import Iterable, Sequence
from typing import Any

from protocol_specs.wire import keys, timestamp
from protocol_specs.wire.errors import Refused
from protocol_specs.wire.parties import Subscriber, SubscriberType

URL = ("url", "subscriber_url")
KEY_ID = ("key_id", "unique_key_id", "ukId", "ukid", "pub_key_id")
ENCRYPTION_KEY = ("encr_public_key", "encryption_public_key")
TYPES = {
    "BAP": SubscriberType.BAP,
    "BUYERAPP": SubscriberType.BAP,
    "BPP": SubscriberType.BPP,
    "SELLERAPP": SubscriberType.BPP,
    "BG": SubscriberType.BG,
    "GATEWAY": SubscriberType.BG,
    "REGISTRY": SubscriberType.REGISTRY,
    "BREG": SubscriberType.REGISTRY,
    "LREG": SubscriberType.REGISTRY,
    "CREG": SubscriberType.REGISTRY,
    "RREG": SubscriberType.REGISTRY,
}


class BadRecord(ValueError):
    """A registry record that does not say all that trust needs."""


def read_records(answer: Iterable[Any]) -> list[Subscriber]:
    """The usable records of a registry's answer; those that say too little are left out."""
    subscribers = []
    for record in answer:
        try:
            subscribers.append(read_record(record))
        except BadRecord:
            continue
    return subscribers


def read_record(record: Any) -> Subscriber:
    """One record. Raises BadRecord when id, key, url, type, validity or status is missing."""
    if not isinstance(record, dict):
        raise BadRecord("not an object")
    kind = TYPES.get(_text(record, ("type",)).upper())
    if kind is None:
        raise BadRecord("type is not one of BAP, BPP, BG")
    try:
        encryption = _text(record, ENCRYPTION_KEY, default="")
        return Subscriber(
            subscriber_id=_text(record, ("subscriber_id",)),
            unique_key_id=_text(record, KEY_ID),
            type=kind,
            domain=_text(record, ("domain",), default=""),
            url=_text(record, URL),
            signing_public_key=keys.public_key(_text(record, ("signing_public_key",))),
            encryption_public_key=keys.encryption_public_key(encryption) if encryption else None,
            cities=_cities(record),
            country=_place(record, "country"),
            valid_from=timestamp.parse_ms(_text(record, ("valid_from",))) // 1000,
            valid_until=timestamp.parse_ms(_text(record, ("valid_until",))) // 1000,
            status=_text(record, ("status",)).upper(),
        )
    except (Refused, ValueError) as error:
        raise BadRecord(str(error)) from None


def places_of(record: dict[str, Any]) -> tuple[str, str, str, str, str]:
    """Where a record belongs in an index: id, key id, type, domain, cities with commas around.

    Raises BadRecord for one that `read_record` could not read either for lack of these.
    """
    kind = TYPES.get(_text(record, ("type",)).upper())
    if kind is None:
        raise BadRecord("type is not one of BAP, BPP, BG")
    return (
        _text(record, ("subscriber_id",)),
        _text(record, KEY_ID),
        kind.value,
        _text(record, ("domain",), default=""),
        ",".join(("", *(_cities(record) or ("*",)), "")),
    )


def _text(record: dict[str, Any], names: Sequence[str], *, default: str | None = None) -> str:
    for name in names:
        value = record.get(name)
        if isinstance(value, str) and value:
            return value
    if default is None:
        raise BadRecord(f"{names[0]} is missing")
    return default


def _cities(record: dict[str, Any]) -> tuple[str, ...]:
    """The cities served: one text with commas, a list, or location.city.code. Empty: everywhere."""
    value = record.get("city") or record.get("city_code") or _place(record, "city") or ()
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list | tuple):
        return ()
    return tuple(part.strip() for part in parts if isinstance(part, str) and part.strip())


def _place(record: dict[str, Any], name: str) -> str | None:
    """`country` or `city`, flat or as location.<name>.code."""
    flat = record.get(name)
    if isinstance(flat, str) and flat:
        return flat
    location = record.get("location")
    inner = location.get(name) if isinstance(location, dict) else None
    code = inner.get("code") if isinstance(inner, dict) else None
    return code if isinstance(code, str) and code else None


def is_usable(subscriber: Subscriber, now: int) -> bool:
    """Whether the registry stands for this record at `now`: SUBSCRIBED and within validity."""
    return (
        subscriber.status == "SUBSCRIBED" and subscriber.valid_from <= now <= subscriber.valid_until
    )


def serves_city(subscriber: Subscriber, city: str | None) -> bool:
    """Whether the record serves `city`; no city or "*", asked or recorded, matches all."""
    cities = subscriber.cities
    return city in (None, "*") or not cities or "*" in cities or city in cities
