"""`[web]` of a node's settings: map tiles, how codes reach phones, the time zone to begin with."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from protocol_specs.node.paths import OwnPath
from protocol_specs.node.settings import Frozen


class MapSettings(Frozen):
    """Map tiles: a url template such as `https://tiles.example/{z}/{x}/{y}.png`, with its credit.

    Without one, the plain map is drawn.
    """

    tiles: str | None = Field(default=None, pattern=r"^https?://[^/?#]+/.*\{z\}.*$")
    credit: str = ""

    @property
    def origin(self) -> str:
        """From where tiles are loaded, for the Content-Security-Policy; "" for nowhere."""
        return "/".join((self.tiles or "").split("/")[:3])


class CodeSettings(Frozen):
    """How sign-in codes reach phones: printed, into `codes.jsonl` of data_dir, or to a webhook."""

    by: Literal["print", "file", "webhook"] = "print"
    url: str | None = None
    token: OwnPath | None = None  # file with the webhook's bearer token

    @model_validator(mode="after")
    def _webhook_whole(self) -> CodeSettings:
        if self.by == "webhook" and (self.url is None or self.token is None):
            raise ValueError("a webhook needs url and token")
        return self


class WebSettings(Frozen):
    """`[web]` of a node's settings."""

    map: MapSettings = MapSettings()
    codes: CodeSettings = CodeSettings()
    zone: str = "Asia/Kolkata"  # until a browser tells its own
