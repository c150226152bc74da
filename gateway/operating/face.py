"""The gateway's two faces, put together: one for everybody, one for its operator."""

from gateway.app import Gateway
from gateway.figures import Figures
from gateway.operating.operator import Operating
from gateway.operating.public import Public
from gateway.report_page import FreshReport
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

BASE = "/operator"
SESSION_S = 8 * 3600
NAV = (
    NavItem("/", N_("Overview"), "home"),
    NavItem("/searches", N_("Searches"), "list"),
    NavItem("/trace", N_("Trace"), "map"),
)
HINT = N_("It stands in the file operator.token of this node's data folder.")


def add(
    node: Node, web: WebSettings, gateway: Gateway, report: FreshReport, figures: Figures
) -> None:
    """Serves all pages, after all other routes. Raises SettingsError."""
    site, operators = Site(node, web, "gateway.operating"), Operators(node.settings.data_dir)

    def identify(session: Session, who: str) -> Person | None:
        name = operators.holder(who)
        return None if name is None else Person(who, name)

    face = Face(
        site,
        "operator",
        base=BASE,
        title=N_("Gateway"),
        identify=identify,
        nav=NAV,
        lasts_s=SESSION_S,
    )
    TokenSignIn(face, operators.mark_of, hint=HINT)
    add_pwa(face)
    operating = Operating(gateway)
    face.get("", operating.overview)
    face.get("/", operating.overview)
    face.get("/searches", operating.searches)
    face.get("/trace", operating.trace)
    face.finish()
    _add_public(site, Public(report, figures))


def _add_public(site: Site, public: Public) -> None:
    """At the root, so after what lies below."""
    face = Face(site, "public", title="Wayfare")
    add_pwa(face)
    face.get("/", public.figures, is_open=True)
    face.get("/figures", public.figures, is_open=True)
    face.get("/report.html", public.report, is_open=True)
    face.finish()
