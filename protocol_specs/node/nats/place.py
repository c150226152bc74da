"""Where NATS servers are and who we are there, as settings say it: `[nats]`, `[feed]`."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from protocol_specs.node.paths import OwnPath


class NatsPlace(BaseModel):
    """One server, or several of one cluster, of which the first that answers is taken.

    `tls://` is verified against the system's authorities, or those in `ca`. `password_file` holds
    the user's password, `credentials` is a file with a JWT and a seed instead of both; each is
    readable by its owner alone. Without any of these nothing is said of who we are.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: tuple[str, ...] = Field(min_length=1)
    user: str | None = None
    password_file: OwnPath | None = None
    credentials: OwnPath | None = None
    ca: OwnPath | None = None

    @field_validator("url", mode="before")
    @classmethod
    def _one_or_several(cls, url: object) -> object:
        return (url,) if isinstance(url, str) else url

    @field_validator("url")
    @classmethod
    def _are_places(cls, url: tuple[str, ...]) -> tuple[str, ...]:
        for one in url:
            _check(one)
        if len({urlsplit(one).scheme for one in url}) > 1:
            raise ValueError("must all be tls://, or all nats://")
        return url

    @model_validator(mode="after")
    def _whole(self) -> NatsPlace:
        if (self.user is None) != (self.password_file is None):
            raise ValueError("user and password_file belong together")
        if self.user is not None and self.credentials is not None:
            raise ValueError("credentials say who we are: leave out user and password_file")
        return self

    @property
    def has_tls(self) -> bool:
        """Whether nothing may be said before the server has proved who it is."""
        return urlsplit(self.url[0]).scheme == "tls"

    @property
    def is_here(self) -> bool:
        """Whether all servers are on this machine, by their names."""
        return all(_is_here(urlsplit(one).hostname or "") for one in self.url)


def _check(url: str) -> None:
    parts = urlsplit(url)
    more = parts.path or parts.query or parts.fragment or " " in url or url.endswith(":")
    if parts.scheme not in ("nats", "tls") or not parts.hostname or more:
        raise ValueError("must be tls://host:port, or nats://host:port")
    if parts.port == 0:  # what is no number at all, or too large, urllib says itself
        raise ValueError("Port out of range 1-65535")
    if parts.username or parts.password:
        raise ValueError("holds a user or password: put them into user and password_file")


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
