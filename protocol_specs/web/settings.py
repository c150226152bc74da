"""`[web]` of a node's settings: map tiles, how codes reach phones, the time zone to begin with."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from protocol_specs.node.paths import OwnPath
from protocol_specs.node.settings import Frozen, SettingsError, read_secret


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

    def webhook(self) -> tuple[str, str] | None:
        """Its url and token; None if codes go elsewhere. Raises SettingsError naming the file."""
        if self.by != "webhook" or self.url is None or self.token is None:
            return None
        made_by = "Write the token there that your webhook wants."
        return self.url, read_secret(self.token, key="web.codes.token", made_by=made_by)

    def require_sent(self) -> None:
        """Raises SettingsError unless codes reach phones, as they must in production."""
        if self.by != "webhook":
            raise SettingsError(
                "key 'web.codes.by': in production codes go out by 'webhook'; name it, with url "
                "and token, or leave [web] out"
            )


class WebSettings(Frozen):
    """`[web]` of a node's settings."""

    map: MapSettings = MapSettings()
    codes: CodeSettings = CodeSettings()
    zone: str = "Asia/Kolkata"  # until a browser tells its own
