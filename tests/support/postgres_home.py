"""A node's folder whose data are in a PostgreSQL database, copied with it by the server."""

import secrets
from dataclasses import dataclass
from pathlib import Path

from protocol_specs.node.database.postgres.migrating import migrate
from protocol_specs.node.database.store_settings import StoreAt
from tests.support.peers import Peer
from tests.support.postgres_server import Server
from tests.support.provider_process import Home, make_home


@dataclass(frozen=True)
class PostgresHome(Home):
    """A provider's folder, and its database on a server."""

    server: Server
    database: str

    @property
    def at(self) -> StoreAt:
        return StoreAt(self.data, self.server.url(self.database))

    def copy(self, folder: Path) -> "PostgresHome":
        """The same node elsewhere, on a copy of the database; it must not run meanwhile."""
        name = _named()
        self.server.make(name, self.database)
        home = PostgresHome(super().copy(folder).folder, self.server, name)
        home.config.write_text(self.config.read_text().replace(self.database, name))
        return home

    def forget(self) -> None:
        """Gives the database's room free."""
        self.server.run(f'DROP DATABASE IF EXISTS "{self.database}" WITH (FORCE)')


def make_postgres_home(
    folder: Path, registry: Peer, server: Server, more: str = ""
) -> PostgresHome:
    """A new cooperative on a new database; `more` stands at the top of its settings."""
    name = _named()
    at = StoreAt(folder, server.make(name))
    migrate(at, "bpp.migrations")
    home = PostgresHome(make_home(folder, registry).folder, server, name)
    head, mark, tail = home.config.read_text().partition("\n[fares]\n")
    home.config.write_text(f'{head}{more}\nstore.url = "{at.url}"\n{mark}{tail}')
    return home


def _named() -> str:
    return f"home_{secrets.token_hex(6)}"
