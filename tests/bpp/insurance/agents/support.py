"""A cooperative, an office that files for it, and mandates between them."""

from typing import Any

from sqlalchemy import text

from bpp.insurance.agents import filing, mandate, mandates
from bpp.insurance.agents.filing import Filer
from bpp.insurance.agents.mandates import Held
from protocol_specs.node.store import Statement
from protocol_specs.wire.keys import SigningKey, b64encode, generate_signing_key
from tests.bpp.insurance.remittance.support import at
from tests.bpp.insurance.support import MY, Coop

COOP = "coop.example"
OFFICE = generate_signing_key()
TABLES = ("mandate", "mandate_end", "filing", "entry", "transfer", "remittance_event")


def document(coop: Coop, id: str = "m-1", **changes: Any) -> dict[str, Any]:
    """A mandate of the cooperative for an office called books-1."""
    found: dict[str, Any] = {
        "id": id,
        "principal": {"id": COOP, "name": "Taxi", "key": b64encode(coop.key.public)},
        "agent": {"id": "books-1", "name": "Books", "key": b64encode(OFFICE.public)},
        "scope": ["close", "send", "acknowledge"],
        "schemes": [MY],
        "first_day": "2026-07-01",
        "last_day": "2026-08-31",
    }
    return {**found, **changes}


def signed_file(coop: Coop, *keys: SigningKey, **changes: Any) -> dict[str, Any]:
    """As a file, signed by these keys (none named: by both)."""
    file = mandate.read({"mandate": document(coop, **changes)})
    for key in keys or (coop.key, OFFICE):
        file = mandate.sign(file, key)
    found: dict[str, Any] = file.model_dump(mode="json")
    return found


def add(coop: Coop, file: dict[str, Any], day: str = "2026-07-01") -> Held:
    return coop.store.transact_now(
        lambda s: mandates.add(
            s, file, principal=COOP, key=b64encode(coop.key.public), by="desk-1", now=at(day)
        )
    )


def filer(day: str, id: str | None = "m-1") -> Filer:
    return Filer(COOP, at(day), id)


def written(coop: Coop) -> dict[str, int]:
    return {table: coop.count(table) for table in TABLES}


def filings(coop: Coop) -> list[tuple[str, str, str, str | None]]:
    """Who filed what for whom under which mandate."""
    found = coop.store.read(filing.filings)
    return [(each.filer, each.action, each.principal, each.mandate) for each in found]


def run(coop: Coop, sql: str) -> None:
    """Tampers with the books: whoever has the file can."""
    coop.store.transact_now(lambda s: s.run(Statement(text(sql))))
