"""The operator's face, put together: its routes, its navigation, who may come in."""

import asyncio

from protocol_specs.node.operators import Operators
from protocol_specs.node.server import Node
from protocol_specs.node.store import Session
from protocol_specs.web.face import Face, NavItem
from protocol_specs.web.languages import N_
from protocol_specs.web.pwa import add_pwa
from protocol_specs.web.settings import WebSettings
from protocol_specs.web.signin import TokenSignIn
from protocol_specs.web.site import Site
from protocol_specs.web.visit import Person
from registry.challenges import Challenges
from registry.operating.deciding import Deciding
from registry.operating.health import Health
from registry.operating.pages import Pages
from registry.settings import RegistryNodeSettings

BASE = "/operator"
SESSION_S = 8 * 3600
NAV = (
    NavItem("/", N_("Overview"), "home"),
    NavItem("/requests", N_("Requests"), "key"),
    NavItem("/subscribers", N_("Members"), "people"),
    NavItem("/health", N_("Health"), "chart"),
    NavItem("/log", N_("Log"), "list"),
)
HINT = N_("It stands in the file operator.token of this node's data folder.")


def add(
    node: Node,
    settings: RegistryNodeSettings,
    web: WebSettings,
    operators: Operators,
    challenges: Challenges,
) -> None:
    """Serves the pages below /operator, after all other routes. Raises SettingsError."""

    def identify(session: Session, who: str) -> Person | None:
        name = operators.holder(who)
        return None if name is None else Person(who, name)

    site = Site(node, web, "registry.operating")
    health = Health(node, challenges)
    node.add_loop("health of others", health.probe_next, wake=asyncio.Event())
    face = Face(
        site,
        "operator",
        base=BASE,
        title=N_("Registry"),
        identify=identify,
        nav=NAV,
        lasts_s=SESSION_S,
    )
    TokenSignIn(face, operators.mark_of, hint=HINT)
    add_pwa(face)
    _add_routes(face, Pages(node.store, settings, health), Deciding(node.store, node.telemetry))
    face.finish()


def _add_routes(face: Face, pages: Pages, deciding: Deciding) -> None:
    face.get("", pages.overview)
    face.get("/", pages.overview)
    face.get("/requests", pages.requests)
    face.get("/requests/{n}", pages.request)
    face.get("/subscribers", pages.subscribers)
    face.get("/subscribers/{id}", pages.subscriber)
    face.post("/probe", pages.probe)
    face.get("/log", pages.log)
    face.get("/health", pages.health)
    face.get("/policy", pages.policy)
    face.get("/decide", deciding.ask)
    face.post("/decide", deciding.decide)
