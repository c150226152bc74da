"""Where a node keeps its data, as its settings say it: `[store]`, beside `data_dir`."""

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from pydantic import BaseModel, ConfigDict, field_validator

from protocol_specs.node.paths import OwnPath


@dataclass(frozen=True, slots=True)
class StoreAt:
    """Where a node's data are: SQLite in `data_dir`, or the PostgreSQL database of `url`.

    The password is apart, so that no url ever shows it.
    """

    data_dir: Path
    url: str | None = None
    password: str | None = field(default=None, repr=False)
    user: str | None = None  # another than the url's
    role: str | None = None  # whose tables they are; None: whoever looks does not know


class StoreSettings(BaseModel):
    """`[store]`. Without `url` it is SQLite in `data_dir`, which needs nothing else.

    `password_file` holds the database role's password, readable by its owner alone; without it
    PostgreSQL's own ways serve: ~/.pgpass, PGPASSFILE, a service file, a local socket's peer.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str | None = None
    password_file: OwnPath | None = None

    @field_validator("url")
    @classmethod
    def _no_secret(cls, url: str | None) -> str | None:
        if url is None:
            return None
        parts = urlsplit(url)
        if parts.scheme not in ("postgresql", "postgres"):
            raise ValueError("must begin with postgresql:// (leave it out for SQLite in data_dir)")
        if parts.password or any(name == "password" for name, _ in parse_qsl(parts.query)):
            raise ValueError("holds a password: put that into password_file, or into ~/.pgpass")
        return url
