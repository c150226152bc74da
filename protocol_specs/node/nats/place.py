"""Where a NATS server is and who we are there, as settings say it: `[nats]`, `[feed]`."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, field_validator, model_validator

from protocol_specs.node.paths import OwnPath


class NatsPlace(BaseModel):
    """One server. `tls://` is verified against the system's authorities, or those in `ca`.

    `password_file` holds the user's password, readable by its owner alone; without `user` nothing
    is said of who we are.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str
    user: str | None = None
    password_file: OwnPath | None = None
    ca: OwnPath | None = None

    @field_validator("url")
    @classmethod
    def _is_a_place(cls, url: str) -> str:
        parts = urlsplit(url)
        more = parts.path or parts.query or parts.fragment or " " in url or url.endswith(":")
        if parts.scheme not in ("nats", "tls") or not parts.hostname or more:
            raise ValueError("must be tls://host:port, or nats://host:port")
        if parts.port == 0:  # what is no number at all, or too large, urllib says itself
            raise ValueError("Port out of range 1-65535")
        if parts.username or parts.password:
            raise ValueError("holds a user or password: put them into user and password_file")
        return url

    @model_validator(mode="after")
    def _whole(self) -> NatsPlace:
        if (self.user is None) != (self.password_file is None):
            raise ValueError("user and password_file belong together")
        return self

    @property
    def has_tls(self) -> bool:
        """Whether nothing may be said before the server has proved who it is."""
        return urlsplit(self.url).scheme == "tls"

    @property
    def is_here(self) -> bool:
        """Whether the server is on this machine, by its name."""
        host = urlsplit(self.url).hostname or ""
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return host == "localhost"
