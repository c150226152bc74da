"""A face for tests: one page with every component, one with a form, behind a phone's sign-in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from socket import socket
from typing import Any

from aiohttp import web
from sqlalchemy import MetaData

from protocol_specs.node.server import Node
from protocol_specs.node.settings import NodeSettings
from protocol_specs.node.store import Session
from protocol_specs.web import tables
from protocol_specs.web.face import Face, NavItem
from protocol_specs.web.languages import N_
from protocol_specs.web.maps import add_maps, map_data
from protocol_specs.web.pwa import add_pwa
from protocol_specs.web.senders import Sender
from protocol_specs.web.settings import CodeSettings, WebSettings
from protocol_specs.web.signin import PhoneSignIn
from protocol_specs.web.site import Site
from protocol_specs.web.visit import PageError, Person, Visit
from protocol_specs.wire.parties import SubscriberType
from tests.support.nodes import settings_of
from tests.support.peers import FakeDirectory

MEI_LING = "+60123456789"
KL = "std:03"


class People:
    """Mei Ling is known; nobody else is."""

    gone = False

    def may_sign_in(self, session: Session, phone: str) -> bool:
        return phone == MEI_LING

    def who_of(self, session: Session, phone: str, now: int) -> str | None:
        return phone if phone == MEI_LING else None

    def person(self, session: Session, who: str) -> Person | None:
        return None if self.gone else Person(who, "Mei Ling", frozenset({"member"}))


class Gallery:
    """The pages."""

    def __init__(
        self,
        folder: Path,
        sock: socket,
        clock: Callable[[], float],
        sender: Sender | None = None,
        **more: Any,
    ) -> None:
        metadata = MetaData()
        tables.define(metadata)
        settings = settings_of(NodeSettings, folder, sock, subscriber_id="pages.example", **more)
        self.node = Node(
            settings,
            type=SubscriberType.BAP,
            metadata=metadata,
            clock=clock,
            directory=FakeDirectory([]),
        )
        self.people, self.acted = People(), 0
        codes = WebSettings(codes=CodeSettings(by="file"), zone="Asia/Kuala_Lumpur")
        self.site = Site(self.node, codes, "tests.support.gallery", sender=sender)
        nav = (
            NavItem("/", N_("Home"), "home"),
            NavItem("/name", N_("Trips"), "list"),
            NavItem("/secret", N_("Help"), "help", frozenset({"treasurer"})),
        )
        self.face = Face(
            self.site, "gallery", title="Wayfare", identify=self.people.person, nav=nav
        )
        PhoneSignIn(self.face, self.people)
        add_pwa(self.face)
        add_maps(self.face)
        self.face.get("/", self.show, is_open=True)
        self.face.get("/name", self.ask)
        self.face.post("/name", self.take)
        self.face.post("/search", self.take, is_open=True)
        self.face.get("/secret", self.show, roles={"treasurer"})
        self.face.get("/broken", self.broken, is_open=True)
        self.face.finish()

    async def show(self, visit: Visit) -> web.StreamResponse:
        marks = [
            {"id": "from", "lat": 3.134, "lon": 101.6865, "label": "KL Sentral", "kind": "from"},
            {"id": "to", "lat": 3.1579, "lon": 101.7116, "label": "KLCC", "kind": "to"},
            {
                "id": "vehicle",
                "lat": 3.1478,
                "lon": 101.6937,
                "label": "VDM 4821",
                "kind": "vehicle",
            },
        ]
        data = map_data(self.site, KL, marks=marks, line=[[m["lat"], m["lon"]] for m in marks])
        visit.errors = {"floor": visit._("That is more than this form takes.")}
        return visit.page("gallery.html", map_data=data, hostile="<script>alert(1)</script>")

    async def ask(self, visit: Visit) -> web.StreamResponse:
        return visit.page("name.html", acted=self.acted)

    async def take(self, visit: Visit) -> web.StreamResponse:
        if not visit.text("name"):
            return visit.again("name.html", {"name": "A name is needed."}, acted=self.acted)

        def unit(session: Session) -> str:
            self.acted += 1
            return visit.to("/name")

        return await visit.once(unit, flash=f"Saved {visit.text('name')}")

    async def broken(self, visit: Visit) -> web.StreamResponse:
        if visit.arg("kind") == "refused":
            raise PageError(409, "Too late.")
        raise RuntimeError("a secret of the house")
