"""Who filed what for whom: one row for each filing, in the transaction that files."""

from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import bindparam, func, insert, select

from bpp.insurance.agents import mandates
from bpp.insurance.agents.mandate import Action
from bpp.insurance.agents.tables import FilingRow
from bpp.insurance.engine import calendar
from bpp.insurance.scheme_file import load
from protocol_specs.node.store import Session, Statement

SELF = "self"

_filing = FilingRow.__table__
_LAST = Statement(
    select(func.coalesce(func.max(_filing.c.n), 0)).where(_filing.c.subject == bindparam("of"))
)
_NEW = Statement(insert(_filing))
_in_time = (_filing.c.at, _filing.c.subject, _filing.c.n)
_ALL = Statement(select(_filing).order_by(*_in_time))
_OF = Statement(
    select(_filing).where(_filing.c.subject == bindparam("subject")).order_by(*_in_time)
)


@dataclass(frozen=True, slots=True)
class Filing:
    """`filer` did `action` to `subject` (a scheme's period, a remittance) for `principal`.

    `mandate` None: the principal did it itself. `by` is the short id of the person.
    """

    subject: str
    n: int
    action: Action
    scheme: str
    at: int
    by: str
    principal: str
    filer: str
    mandate: str | None


@dataclass(frozen=True, slots=True)
class Filer:
    """For whom is filed (our subscriber_id), under which mandate (None: for itself), and the node's
    own time: an agent's word for when something happened does not prolong its mandate.
    """

    principal: str
    now: int
    mandate: str | None = None


def note(
    session: Session,
    scheme: str,
    *,
    action: Action,
    subject: str,
    by: str,
    at: int,
    filer: Filer | None = None,
) -> Filing:
    """Writes down who files, in the transaction that does it; raises Declined where the mandate
    does not reach: expired, out of scope, for another scheme, never accepted.

    `subject` is a remittance's id, `filer` None: this cooperative itself.
    """
    mandate = filer.mandate if filer else None
    principal = who = filer.principal if filer else SELF
    if filer and mandate is not None:
        day = calendar.local(filer.now, load(scheme).zone).date()
        who = mandates.require(session, mandate, action, scheme, day).mandate.agent.id
    row = session.one(_LAST, of=subject)
    filing = Filing(
        subject=subject,
        n=1 + (int(row[0]) if row else 0),
        action=action,
        scheme=scheme,
        at=filer.now if filer else at,
        by=by,
        principal=principal,
        filer=who,
        mandate=mandate,
    )
    session.run(_NEW, **asdict(filing))
    return filing


def filings(session: Session, subject: str | None = None) -> list[Filing]:
    """Every filing, or those of one remittance, oldest first."""
    rows = session.all(_ALL) if subject is None else session.all(_OF, subject=subject)
    return [Filing(**{name: row[name] for name in Filing.__slots__}) for row in rows]


def shown(filing: Filing) -> dict[str, Any]:
    """JSON-ready."""
    return asdict(filing)
