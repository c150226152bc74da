"""The statement as a signed JSON file that anybody can check alone: docs/statement.md.

The file is `{statement, signature}`; the signature is the ledger key's over the RFC 8785 bytes of
the statement. Totals stand beside the lines they follow from, and are worked out again.
"""

from dataclasses import asdict, dataclass, is_dataclass
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter, ValidationError

from bpp.insurance.statement.values import IN_ORDER, Month, SchemePeriod, Statement
from protocol_specs.wire import strict_json
from protocol_specs.wire.canonical import canonical
from protocol_specs.wire.errors import Malformed
from protocol_specs.wire.keys import (
    BadSignature,
    InvalidKey,
    SigningKey,
    b64encode,
    public_key,
    strict_b64decode,
    verify,
)
from protocol_specs.wire.money import exponent

VERSION = 1
KIND = "worker_statement"
SAYS = "What the cooperative's books say. No part of it is proof of cover."
BYTES_MAX = 64 * 1024 * 1024

_TOTALS = {"version", "kind", "says", "totals"}


class BadStatement(ValueError):
    """The statement does not hold; the text names what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A statement that holds; `is_key_expected`: the key was given from elsewhere."""

    statement: Statement
    is_key_expected: bool


def document(statement: Statement) -> dict[str, Any]:
    """The statement as JSON, with its totals."""
    return {
        "version": VERSION,
        "kind": KIND,
        "says": SAYS,
        **{
            name: _plain(value)
            for name, value in _fields(statement).items()
            if name not in ("months", "periods")
        },
        "months": [{**_plain(month), "totals": _of_month(month)} for month in statement.months],
        "periods": [{**_plain(each), "totals": _of_period(each)} for each in statement.periods],
    }


def signed(statement: Statement, key: SigningKey) -> dict[str, Any]:
    """The file: the same bytes each time for the same statement."""
    found = document(statement)
    return {"statement": found, "signature": b64encode(key.sign(canonical(found)))}


def check(body: bytes, expected_key: bytes | None) -> Checked:
    """Reads and checks a file. Raises BadStatement naming the first thing that is wrong.

    Without `expected_key` it proves only that the holder of the key it names signed it.
    """
    try:
        found = strict_json.parse(body)
    except Malformed as error:
        raise BadStatement(f"the file is not a statement: {error}") from None
    if found.keys() != {"statement", "signature"} or not isinstance(found["statement"], dict):
        raise BadStatement("the file has exactly statement and signature")
    said = found["statement"]
    _check_signature(said, found["signature"], expected_key)
    statement = _read(said)
    if document(statement) != said:
        raise BadStatement("totals: they are not what its lines come to, or its words differ")
    return Checked(statement, expected_key is not None)


def _check_signature(said: dict[str, Any], signature: object, expected: bytes | None) -> None:
    try:
        named = public_key(str(said.get("ledger_key")))
    except InvalidKey as error:
        raise BadStatement(f"statement.ledger_key: {error}") from None
    if expected is not None and named != expected:
        raise BadStatement("statement.ledger_key: it is not the key you expect")
    try:
        verify(named, canonical(said), strict_b64decode(str(signature)))
    except BadSignature:
        raise BadStatement("signature: it is not the ledger key's over this statement") from None
    except ValueError as error:
        raise BadStatement(f"signature: {error}") from None


_READ: TypeAdapter[Statement] = TypeAdapter(Statement)


def _read(said: dict[str, Any]) -> Statement:
    bare = {name: value for name, value in said.items() if name not in _TOTALS}
    for name in ("months", "periods"):
        if not isinstance(bare.get(name), list):
            raise BadStatement(f"statement.{name}: it is a list")
        bare[name] = [_without_totals(each) for each in bare[name]]
    try:
        statement = _READ.validate_json(strict_json.dumps(bare), strict=True, extra="forbid")
        exponent(statement.currency)
        ZoneInfo(statement.zone)
    except ValidationError as error:
        fault = error.errors()[0]
        place = ".".join(str(part) for part in fault["loc"])
        raise BadStatement(f"statement.{place}: {fault['msg']}") from None
    except Malformed as error:
        raise BadStatement(f"statement.currency: {error}") from None
    except (KeyError, ValueError, OSError):
        raise BadStatement("statement.zone: it is not a time zone") from None
    return statement


def _without_totals(each: object) -> object:
    if not isinstance(each, dict):
        return each
    return {name: value for name, value in each.items() if name != "totals"}


def _of_month(month: Month) -> dict[str, Any]:
    jobs = month.jobs
    return {
        "jobs": len(jobs),
        "fare_minor": sum(job.fare_minor for job in jobs),
        "commission_minor": sum(job.commission_minor for job in jobs),
        "refund_minor": sum(job.refund_minor for job in jobs),
        "tip_minor": sum(job.tip_minor for job in jobs),
        "set_aside_minor": sum(job.set_aside_minor for job in jobs),
        "borne_minor": sum(job.borne_minor for job in jobs),
        "net_minor": sum(job.net_minor for job in jobs),
        "closing": {account.name: account.closing_minor for account in month.accounts},
    }


def _of_period(period: SchemePeriod) -> dict[str, Any]:
    return {
        "total_minor": period.total_minor,
        **{f"{stands}_minor": period.standing(stands) for stands in IN_ORDER},
    }


def _fields(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__slots__}


def _plain(value: Any) -> Any:
    """Dataclasses, tuples and days as JSON has them."""
    if is_dataclass(value) and not isinstance(value, type):
        return {name: _plain(each) for name, each in asdict(value).items()}
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]
    return value.isoformat() if hasattr(value, "isoformat") else value
