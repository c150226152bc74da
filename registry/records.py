"""Rows as others read them: look-up records in every spelling, applications, keys."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from protocol_specs.node.store import Row
from protocol_specs.wire import timestamp
from registry.applications import read_document

OPEN_STATUS = {
    "challenge": "UNDER_SUBSCRIPTION",
    "approval": "UNDER_SUBSCRIPTION",
    "refused": "INITIATED",
}


@lru_cache(maxsize=4096)
def moment(seconds: int) -> str:
    """RFC 3339 of a row's time; many rows share theirs."""
    return timestamp.rfc3339(seconds * 1000)


def status_of(row: Row, now: int) -> str:
    """The status word of core 1.1.1 registry.yaml: whoever does not take part is UNSUBSCRIBED,
    a key that has ended makes its record EXPIRED."""
    if row["status"] != "SUBSCRIBED":
        return "UNSUBSCRIBED"
    return "EXPIRED" if row["valid_until"] <= now else "SUBSCRIBED"


def record(row: Row, now: int) -> dict[str, Any]:
    """A participant with one key, as looked up: every field in each spelling deployed networks read
    (core 1.1 registry.yaml, and the names of the deployed registries and adapters)."""
    cities = row["cities"].split(",")
    return {
        "subscriber_id": row["subscriber_id"],
        "url": row["url"],
        "subscriber_url": row["url"],
        "type": row["type"],
        "domain": row["domain"],
        "city": row["cities"],
        "city_code": cities,
        "country": row["country"],
        "location": {"city": {"code": cities[0]}, "country": {"code": row["country"]}},
        "key_id": row["unique_key_id"],
        "unique_key_id": row["unique_key_id"],
        "ukId": row["unique_key_id"],
        "pub_key_id": row["unique_key_id"],
        "signing_public_key": row["signing_public_key"],
        "encr_public_key": row["encryption_public_key"],
        "encryption_public_key": row["encryption_public_key"],
        "valid_from": moment(row["valid_from"]),
        "valid_until": moment(row["valid_until"]),
        "status": status_of(row, now),
        "created": moment(row["created"]),
        "updated": moment(row["updated"]),
    }


def key(row: Row) -> dict[str, Any]:
    """A key as the log of changes holds it."""
    return {
        "key_id": row["unique_key_id"],
        "signing_public_key": row["signing_public_key"],
        "encr_public_key": row["encryption_public_key"],
        "valid_from": moment(row["valid_from"]),
        "valid_until": moment(row["valid_until"]),
        "retired": row["retired"] > 0,
    }


def role(row: Row) -> dict[str, Any]:
    """A role as the log of changes holds it; `status` in the registry's own words."""
    return {name: row[name] for name in ("type", "domain", "url", "cities", "country", "status")}


def waiting(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """Open applications, for the operator and for who asks after its own."""
    return [_waiting(row) for row in rows]


def _waiting(row: Row) -> dict[str, Any]:
    application = read_document(row["document"])
    return {
        "application": row["id"],
        "subscriber_id": row["subscriber_id"],
        "status": row["fault"] or OPEN_STATUS[row["state"]],
        "waiting_for": row["state"],
        "reason": row["reason"],
        "kind": row["kind"],
        "signed_with": row["signer"] or None,
        "challenge_answered": moment(row["challenged"]) if row["challenged"] else None,
        "roles": [role.model_dump() for role in application.roles],
        "country": application.country,
        "unique_key_id": application.unique_key_id,
        "signing_public_key": application.signing_public_key,
        "valid_until": moment(application.valid_until),
        "tries": row["tries"],
        "created": moment(row["created"]),
        "updated": moment(row["updated"]),
    }
