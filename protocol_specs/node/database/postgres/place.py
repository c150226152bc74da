"""Where a PostgreSQL database is: a url without its password, and what to connect with."""

import os
import socket
from urllib.parse import urlsplit

from psycopg.conninfo import make_conninfo

from protocol_specs.node.database.postgres.link import ROUND_S, Link
from protocol_specs.node.database.store_settings import StoreAt


def connect(at: StoreAt, *, round_s: float = ROUND_S) -> Link:
    """A connection to the database of `at`. Raises StoreUnavailable."""
    return Link(conninfo(at), round_s=round_s)


def conninfo(at: StoreAt) -> str:
    """What libpq connects with, the password in it: never to be shown."""
    name = f"wayfare {os.getpid()} {socket.gethostname()}"
    given = {"password": at.password, "user": at.user, "application_name": name}
    return make_conninfo(at.url or "", **{k: v for k, v in given.items() if v is not None})


def shown(at: StoreAt) -> str:
    """The url as it may be told: host and database, no user and no parameters."""
    parts = urlsplit(at.url or "")
    host = parts.hostname or "the local server"
    return f"{host}{parts.path}" if parts.path.strip("/") else host
