"""Where a PostgreSQL database is: a url without its password, and what to connect with."""

import os
import socket
from typing import Any
from urllib.parse import urlsplit

from protocol_specs.node.postgres.link import Link
from protocol_specs.node.store_settings import StoreAt


def connect(at: StoreAt, *, round_s: float | None = None) -> Link:
    """A connection to the database of `at`. Raises StoreUnavailable."""
    options: dict[str, Any] = {"application_name": f"wayfare {os.getpid()} {socket.gethostname()}"}
    if at.password is not None:
        options["password"] = at.password
    if round_s is not None:
        options["round_s"] = round_s
    return Link(at.url or "", **options)


def shown(at: StoreAt) -> str:
    """The url as it may be told: host and database, no user and no parameters."""
    parts = urlsplit(at.url or "")
    host = parts.hostname or "the local server"
    return f"{host}{parts.path}" if parts.path.strip("/") else host
