"""Papers of drivers and vehicles: written down, replaced, judged by the city's day."""

import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from typing import Literal

from sqlalchemy import and_, bindparam, delete, insert, or_, select, update

from bpp.fleet.workers import BadEntry
from bpp.work.tables import DocumentRow, ScanRow
from protocol_specs.node.store import Row, Session, Statement

Holder = Literal["driver", "vehicle"]
State = Literal["holds", "ends_soon", "expired", "missing"]
KIND = re.compile(r"[a-z][a-z_]{1,31}")
USUAL: Mapping[Holder, tuple[str, ...]] = {
    "driver": ("licence", "permit", "medical"),
    "vehicle": ("insurance", "inspection", "registration", "road_tax", "permit"),
}
NUMBER_MAX = 64
SCAN_KEPT_S = 90 * 86_400  # after another paper took its place

_D, _S = DocumentRow.__table__, ScanRow.__table__
_LATER = _D.alias("later")
_ADD = Statement(insert(_D))
_ADD_SCAN = Statement(insert(_S))
_LAST = Statement(
    select(_D.c.id, _D.c.n)
    .where(
        _D.c.holder == bindparam("holder"),
        _D.c.holder_id == bindparam("holder_id"),
        _D.c.kind == bindparam("kind"),
    )
    .order_by(_D.c.n.desc())
    .limit(1)
)
_REPLACED = Statement(
    update(_S).where(_S.c.document_id == bindparam("of")).values(replaced_at=bindparam("at"))
)
_COUNTS = ~(
    select(_LATER.c.id)
    .where(
        _LATER.c.holder == _D.c.holder,
        _LATER.c.holder_id == _D.c.holder_id,
        _LATER.c.kind == _D.c.kind,
        _LATER.c.n > _D.c.n,
    )
    .exists()
)
_COLUMNS = select(_D, _S.c.document_id.label("scan")).outerjoin(_S, _S.c.document_id == _D.c.id)
_OF = Statement(
    _COLUMNS.where(
        or_(
            and_(_D.c.holder == "driver", _D.c.holder_id == bindparam("agent_id")),
            and_(_D.c.holder == "vehicle", _D.c.holder_id == bindparam("registration")),
        ),
        _COUNTS,
    ).order_by(_D.c.holder, _D.c.kind)
)
_ALL = Statement(_COLUMNS.where(_COUNTS).order_by(_D.c.holder, _D.c.holder_id, _D.c.kind))
_SCAN = Statement(
    select(_S.c.body, _D.c.holder, _D.c.holder_id)
    .join(_D, _D.c.id == _S.c.document_id)
    .where(_S.c.document_id == bindparam("of"))
)
_OLD_SCAN = Statement(
    select(_S.c.document_id).where(_S.c.replaced_at < bindparam("before")).limit(1)
)
_DROP_SCAN = Statement(delete(_S).where(_S.c.document_id == bindparam("of")))


@dataclass(frozen=True, slots=True)
class Entry:
    """A paper as the office writes it down. Raises BadEntry."""

    holder: Holder
    holder_id: str
    kind: str
    number: str
    valid_until: str

    def __post_init__(self) -> None:
        if self.holder not in USUAL or not self.holder_id:
            raise BadEntry("holder", "choose whose paper it is")
        if not KIND.fullmatch(self.kind):
            raise BadEntry("kind", "choose what it is")
        if not 1 <= len(self.number) <= NUMBER_MAX or not self.number.isprintable():
            raise BadEntry("number", f"write its number, at most {NUMBER_MAX} characters")
        if day_of(self.valid_until) is None:
            raise BadEntry("valid_until", "write its last day, such as 2027-03-31")


@dataclass(frozen=True, slots=True)
class Paper:
    """A paper that must be there or is there, and how it stands. `row` None: there is none."""

    holder: Holder
    holder_id: str
    kind: str
    is_required: bool
    state: State
    row: Row | None

    @property
    def last_day(self) -> date | None:
        """Until the end of which it holds."""
        return day_of(self.row["valid_until"]) if self.row else None


def day_of(text: str) -> date | None:
    """The day YYYY-MM-DD; None: that is none."""
    try:
        return date.fromisoformat(text) if len(text) == 10 else None
    except ValueError:
        return None


def put(session: Session, entry: Entry, scan: bytes | None, *, by: str, now: int) -> str:
    """Writes the paper down, in place of the one before; returns its id. Raises Conflict when
    somebody else did so at the same moment."""
    key = {"holder": entry.holder, "holder_id": entry.holder_id, "kind": entry.kind}
    last = session.one(_LAST, **key)
    if last is not None:
        session.run(_REPLACED, of=last["id"], at=now)
    document_id = secrets.token_hex(12)
    session.run(
        _ADD,
        id=document_id,
        **key,
        n=(last["n"] if last else 0) + 1,
        number=entry.number,
        valid_until=entry.valid_until,
        at=now,
        by=by,
    )
    if scan is not None:
        session.run(_ADD_SCAN, document_id=document_id, body=scan, replaced_at=None)
    return document_id


def of(session: Session, agent_id: str, registration: str) -> list[Row]:
    """The papers that count, of this driver and this vehicle."""
    return session.all(_OF, agent_id=agent_id, registration=registration)


def every(session: Session) -> list[Row]:
    """The papers that count, of everybody."""
    return session.all(_ALL)


def scan(session: Session, document_id: str) -> Row | None:
    """`body`, `holder` and `holder_id`; None: no such scan is kept."""
    return session.one(_SCAN, of=document_id)


def state(valid_until: str, at: int, zone: tzinfo, warn_days: int) -> State:
    """How a paper stands at this moment: it holds through its last day, in this zone."""
    last, today = day_of(valid_until), datetime.fromtimestamp(at, zone).date()
    if last is None or today > last:
        return "expired"
    return "ends_soon" if (last - today).days < warn_days else "holds"


def judged(
    rows: Iterable[Row],
    required: Mapping[str, tuple[str, ...]],
    holders: Iterable[tuple[Holder, str]],
    *,
    at: int,
    zone: tzinfo,
    warn_days: int,
) -> list[Paper]:
    """Every paper that is required of these holders or that they have, the required ones first."""
    kept = {(row["holder"], row["holder_id"], row["kind"]): row for row in rows}
    papers: list[Paper] = []
    for holder, holder_id in holders:
        wanted = required.get(holder, ())
        more = [kind for who, name, kind in kept if (who, name) == (holder, holder_id)]
        for kind in dict.fromkeys((*wanted, *more)):
            row = kept.get((holder, holder_id, kind))
            how = state(row["valid_until"], at, zone, warn_days) if row else "missing"
            papers.append(Paper(holder, holder_id, kind, kind in wanted, how, row))
    return papers


def forget_scan_next(session: Session, now: int) -> bool:
    """Forgets one scan whose paper was replaced long ago; says whether there was any."""
    row = session.one(_OLD_SCAN, before=now - SCAN_KEPT_S)
    return row is not None and session.run(_DROP_SCAN, of=row["document_id"]) == 1
