"""The operator's face, put together: its routes, its navigation, who may come in."""

import asyncio

from protocol_specs.node.operators import Operators
from protocol_specs.node.server import Node
from protocol_specs.web.face import Face, NavItem
from protocol_specs.web.languages import N_
from protocol_specs.web.operating import operator_face
from protocol_specs.web.settings import WebSettings
from protocol_specs.web.site import Site
from registry.challenges import Challenges
from registry.operating.deciding import Deciding
from registry.operating.health import Health
from registry.operating.pages import Pages
from registry.settings import RegistryNodeSettings

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

    site = Site(node, web, "registry.operating")
    health = Health(node, challenges)
    node.add_loop("health of others", health.probe_next, wake=asyncio.Event())
    face = operator_face(site, operators, title=N_("Registry"), nav=NAV, hint=HINT)
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
