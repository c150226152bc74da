"""How a command writes to a node's books: by itself, or through the desk of the running node."""

import http.client
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from pydantic import ValidationError

from bpp.declined import Declined
from bpp.insurance import cash
from bpp.insurance.settings import InsuranceSettings
from protocol_specs.node.asked import said
from protocol_specs.node.commands import CommandFault
from protocol_specs.node.settings import read_secret
from protocol_specs.node.store import Session, Store, StoreAt, StoreInUse
from protocol_specs.wire.errors import Malformed

if TYPE_CHECKING:
    from bpp.insurance.surplus.booking import Terms

ANSWER_S = 10.0


@dataclass(frozen=True, slots=True)
class Desk:
    """Where a node's books are, what its settings say of them, how to reach it while it runs.

    `issuer` is the node's subscriber_id, `currency` the cooperative's.
    """

    store_at: StoreAt
    issuer: str
    currency: str
    settings: InsuranceSettings
    limit: cash.Limit
    host: str
    port: int
    token_file: Path
    ask: str = ""  # whom a worker may ask, as the notices have it

    def surplus_terms(self) -> "Terms":
        """How a surplus is divided by these settings. Raises SettingsError."""
        from bpp.insurance.statement.reading import Book
        from bpp.insurance.surplus.booking import Terms

        schemes = self.settings.load_schemes()
        zone = Book.of(schemes, self.issuer, b"", self.currency).zone
        return Terms(self.settings.surplus_by, self.currency, zone)


class Reachable(Protocol):
    """Where data are, and how their node's desk is reached while it runs."""

    @property
    def store_at(self) -> StoreAt: ...
    @property
    def host(self) -> str: ...
    @property
    def port(self) -> int: ...
    @property
    def token_file(self) -> Path: ...


OpenDesk = Callable[[Path], Desk]
"""Reads a settings file."""


def written(
    desk: Reachable, path: str, body: dict[str, Any], unit: Callable[[Session, int], dict[str, Any]]
) -> dict[str, Any]:
    """What `unit` (session, now) answers, or the running node's desk to a POST of `body`; `{error}`
    if it was refused. One process alone writes the books.
    """
    try:
        store = Store.open_existing(desk.store_at)
    except StoreInUse:
        return asked(desk, path, body)
    try:
        return store.transact_now(lambda session: unit(session, int(time.time())))
    except (Declined, Malformed) as declined:
        return {"error": str(declined)}
    except ValidationError as refused:
        return {"error": "; ".join(f"{e['loc'][0]}: {said(e)}" for e in refused.errors())}
    finally:
        store.close()


def asked(desk: Reachable, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """The same by the running node's desk. Raises CommandFault where nobody knows whether it was
    written: the connection was lost, or nobody answered in time."""
    made_by = "the node makes it when it first starts"
    token = read_secret(desk.token_file, key="data_dir", made_by=made_by)
    connection = http.client.HTTPConnection(desk.host, desk.port, timeout=ANSWER_S)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    try:
        connection.connect()
    except OSError as error:
        return {"error": f"the node holds its books but does not answer at its port: {error}"}
    try:
        connection.request("POST", path, body=json.dumps(body), headers=headers)
        answer: dict[str, Any] = json.loads(connection.getresponse().read())
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise CommandFault(
            f"the node was asked and gave no answer to be read ({error or type(error).__name__}): "
            "it may have been written all the same; look before you say it again"
        ) from None
    finally:
        connection.close()
    return {"error": answer["error"]["message"]} if "error" in answer else answer
