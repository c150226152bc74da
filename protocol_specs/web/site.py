"""What all faces of one node share: files, templates, sent forms, codes, places and maps."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from protocol_specs.web import sessions
from protocol_specs.web.assets import Assets
from protocol_specs.web.once import Once
from protocol_specs.web.places import Places
from protocol_specs.web.rendering import OWN, Templates
from protocol_specs.web.senders import NotSent, Posts, Printing, Sender, ToFile, Webhook
from protocol_specs.web.settings import WebSettings

if TYPE_CHECKING:
    from protocol_specs.node.server import Node


class Site:
    """The pages' common ground at one node. `packages` are those with templates, static files and
    texts of their own, the most particular first; `sender` stands in for the one that the settings
    name. Raises SettingsError."""

    def __init__(
        self, node: Node, settings: WebSettings, *packages: str, sender: Sender | None = None
    ) -> None:
        self.node, self.settings = node, settings
        self.secret = node.settings.private_file("web.key")
        self.assets = Assets("")
        for package in (OWN, *reversed(packages)):
            self.assets.add_package(package)
        self.templates = Templates(packages, self.assets, node.settings.country)
        self.once = Once(node.store)
        self.places = Places.bundled()
        self.sends_codes = sender is not None or settings.codes.by == "webhook"
        self.posts = Posts(sender or self._sender(), self._not_sent)
        node.serve_route("GET", "/static/{name}", self.assets.serve)
        node.add_loop("codes", self.posts.send_next, wake=self.posts.wake, everywhere=True)
        node.add_loop("web_forget", sessions.forget_next, wake=asyncio.Event())

    def _sender(self) -> Sender:
        codes = self.settings.codes
        if codes.by == "file":
            return ToFile(self.node.settings.data_dir / "codes.jsonl")
        found = codes.webhook()
        if found is None:
            return Printing()
        return Webhook(*found)

    def _not_sent(self, fault: NotSent) -> None:
        self.node.telemetry.log("code_not_sent", level="error", reason=str(fault))
