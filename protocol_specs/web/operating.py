"""The face of whoever operates a node: below /operator, opened with a token of its data folder."""

from collections.abc import Sequence

from protocol_specs.node.operators import Operators
from protocol_specs.node.store import Session
from protocol_specs.web.face import Face, NavItem
from protocol_specs.web.pwa import add_pwa
from protocol_specs.web.signin import TokenSignIn
from protocol_specs.web.site import Site
from protocol_specs.web.visit import Person

BASE = "/operator"
SESSION_S = 8 * 3600


def operator_face(
    site: Site, operators: Operators, *, title: str, nav: Sequence[NavItem], hint: str
) -> Face:
    """A face with sign-in by token; `hint` says where the token is. Its routes are to be added."""

    def identify(session: Session, who: str) -> Person | None:
        name = operators.holder(who)
        return None if name is None else Person(who, name)

    face = Face(
        site,
        "operator",
        base=BASE,
        title=title,
        identify=identify,
        nav=tuple(nav),
        lasts_s=SESSION_S,
    )
    TokenSignIn(face, operators.mark_of, hint=hint)
    add_pwa(face)
    return face
