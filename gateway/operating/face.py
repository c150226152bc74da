"""The gateway's two faces, put together: one for everybody, one for its operator."""

from gateway.figures import Figures
from gateway.operating.operator import Operating
from gateway.operating.public import Public
from gateway.report_page import FreshReport
from gateway.together import Together
from protocol_specs.node.operators import Operators
from protocol_specs.node.server import Node
from protocol_specs.web.face import Face, NavItem
from protocol_specs.web.languages import N_
from protocol_specs.web.operating import operator_face
from protocol_specs.web.pwa import add_pwa
from protocol_specs.web.settings import WebSettings
from protocol_specs.web.site import Site

NAV = (
    NavItem("/", N_("Overview"), "home"),
    NavItem("/searches", N_("Searches"), "list"),
    NavItem("/trace", N_("Trace"), "map"),
)
HINT = N_("It stands in the file operator.token of this node's data folder.")


def add(
    node: Node, web: WebSettings, together: Together, report: FreshReport, figures: Figures
) -> None:
    """Serves all pages, after all other routes. Raises SettingsError."""
    site, operators = Site(node, web, "gateway.operating"), Operators(node.settings.data_dir)

    face = operator_face(site, operators, title=N_("Gateway"), nav=NAV, hint=HINT)
    operating = Operating(node, together)
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
