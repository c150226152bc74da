"""The office's log: what was done, by whom, about what; written in the commit that did it."""

from collections.abc import Mapping

from sqlalchemy import bindparam, func, insert, select

from bpp.office.tables import OfficeAct
from protocol_specs.node.store import Row, Session, Statement

SHOWN_MAX = 100

_A = OfficeAct.__table__
_ADD = Statement(insert(_A))
_LAST = Statement(select(func.coalesce(func.max(_A.c.n), 0).label("n")))
_NEWEST = Statement(
    select(_A).where(_A.c.n < bindparam("before")).order_by(_A.c.n.desc()).limit(SHOWN_MAX)
)
_ABOUT = Statement(
    select(_A).where(_A.c.about == bindparam("about")).order_by(_A.c.n.desc()).limit(SHOWN_MAX)
)
END = 2**62


def note(
    session: Session, *, at: int, who: str, what: str, about: str, told: Mapping[str, str]
) -> None:
    """Writes it down. `told` holds figures and references, never a name or a phone."""
    words = "; ".join(f"{name}: {value}" for name, value in told.items() if value)
    last = session.one(_LAST)
    n = (last["n"] if last else 0) + 1
    session.run(_ADD, n=n, at=at, who=who, what=what, about=about, told=words[:500])


def newest(session: Session, before: int = END) -> list[Row]:
    """The newest, at most SHOWN_MAX, of those numbered below `before`."""
    return session.all(_NEWEST, before=before)


def about(session: Session, what: str) -> list[Row]:
    """What was done about one thing, the newest first."""
    return session.all(_ABOUT, about=what)
