"""Agents' commission: on a whole batch, on acknowledgement, beside the contributions, not of them.

A batch is what one remittance brought for the workers whom the agent had registered on the last day
of its period. The remittance is always whole: the institution pays the commission on top.
Whose books? An agent that is somebody else has its claim on the institution, and no money of it
passes through us: we compute and tell it, and post nothing. Where this cooperative is the agent
itself, the claim is its own income: Dr 1270 / Cr 4100.
What comes back to a worker after its remittance is taken off that batch: it is reckoned anew, and
the difference posted. What the institution's credit paid of a later line counts there in full.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import groupby

from sqlalchemy import and_, bindparam, func, insert, select

from bpp.insurance.agents import attribution
from bpp.insurance.agents.record import RATE_IS_VERIFIED
from bpp.insurance.agents.tables import BatchRow
from bpp.insurance.engine import calendar, closing
from bpp.insurance.remittance import reading
from bpp.insurance.remittance.tables import DeclaredPart
from bpp.insurance.remittance.values import Remittance
from bpp.ledger import chart, journal
from bpp.ledger.entry import Entry, move
from protocol_specs.node.store import Session, Statement

KIND = "agent-commission"

_batch = BatchRow.__table__
_OF = Statement(select(_batch).where(_batch.c.remittance == bindparam("of")).order_by(_batch.c.n))
_ALL = Statement(select(_batch).order_by(_batch.c.remittance, _batch.c.agent, _batch.c.n))
_NEW = Statement(insert(_batch))
_part = DeclaredPart.__table__
_came_back, _later = _part.alias("came_back"), _part.alias("later")
_RETURNED = Statement(
    select(_part.c.worker, func.sum(_came_back.c.amount_minor).label("minor"))
    .join(
        _came_back,
        and_(
            *(_came_back.c[key] == _part.c[key] for key in ("scheme", "worker", "origin")),
            _came_back.c.kind == "returned",
            _came_back.c.n > _part.c.n,
        ),
    )
    .where(
        _part.c.scheme == bindparam("scheme"),
        _part.c.remittance == bindparam("remittance"),
        _part.c.kind == "declared",
        ~select(_later.c.n)
        .where(
            *(_later.c[key] == _part.c[key] for key in ("scheme", "worker", "origin")),
            _later.c.kind == "declared",
            _later.c.n > _part.c.n,
            _later.c.n < _came_back.c.n,
        )
        .exists(),
    )
    .group_by(_part.c.worker)
)
"""What came back of each worker's line (below zero): of an origin period's declarations the last
one before it came back."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What an agent earns on one remittance, minor units, at its n-th reckoning.

    `entry` None: nothing was posted, the agent is not us. Never `verified`: see `record`.
    """

    remittance: str
    agent: str
    n: int
    at: int
    workers: int
    batch_minor: int
    commission_minor: int
    entry: str | None
    verified: bool = RATE_IS_VERIFIED


def settle(session: Session, remittance: str, issuer: str, now: int) -> list[Batch]:
    """Reckons each agent's batch of a remittance anew, and posts the difference where we are the
    agent; the batches that changed. In the transaction that acknowledges or rejects it.

    Nothing before the acknowledgement; all of it back where the whole was rejected after it.
    """
    found = reading.remittance(session, remittance)
    if found is None:
        return []
    before = {row["agent"]: _read(row) for row in session.all(_OF, of=remittance)}
    stands = batches(session, found) if found.state == "acknowledged" else {}
    changed = []
    for agent in sorted(before.keys() | stands.keys()):
        was = before.get(agent)
        workers, minor, rate = stands.get(agent, (0, 0, Decimal(0)))
        earned = closing.commission(minor, rate)
        if was and (was.workers, was.batch_minor, was.commission_minor) == (workers, minor, earned):
            continue
        n, earlier = (was.n + 1, was.commission_minor) if was else (1, 0)
        entry = _post(session, found, agent, n, earned - earlier, now) if agent == issuer else None
        new = Batch(remittance, agent, n, now, workers, minor, earned, entry)
        _keep(session, new)
        changed.append(new)
    return changed


def batches(session: Session, found: Remittance) -> dict[str, tuple[int, int, Decimal]]:
    """By agent: how many workers it had registered, what they came to, its rate."""
    day = calendar.last_day(found.period)
    agent_of = attributed(session, found.scheme, day)
    if not agent_of:
        return {}
    asked = {"scheme": found.scheme, "remittance": found.id}
    back = {row["worker"]: int(row["minor"]) for row in session.all(_RETURNED, **asked)}
    workers: dict[str, int] = defaultdict(int)
    minor: dict[str, int] = defaultdict(int)
    for line in reading.lines(session, found.id):
        agent = agent_of.get(line.worker)
        stands = line.amount_minor + line.credit_used_minor + back.get(line.worker, 0)
        if agent is not None and stands > 0 and not line.is_rejected:
            workers[agent] += 1
            minor[agent] += stands
    every = attribution.agents(session)
    known = {each.record.id: each.record for each in every if each.record.scheme == found.scheme}
    return {name: (workers[name], minor[name], Decimal(known[name].rate)) for name in workers}


def attributed(session: Session, scheme: str, day: date) -> dict[str, str]:
    """By worker, the agent whose registration they are on that day."""
    found = {}
    steps = attribution.of_scheme(session, scheme)
    for worker, history in groupby(steps, key=lambda step: step.worker):
        holds = attribution.holder(history, day)
        if holds is not None:
            found[worker] = holds.agent
    return found


def settle_next(session: Session, issuer: str, after: str, now: int) -> str:
    """Reckons the next acknowledged remittance beyond `after`; its id, or "" at the end. For a loop
    that comes round again: what came back since is found so.
    """
    if not attribution.agents(session):
        return ""
    for found in sorted(reading.remittances(session), key=lambda each: each.id):
        if found.id > after and found.state == "acknowledged":
            settle(session, found.id, issuer, now)
            return found.id
    return ""


def every(session: Session) -> list[Batch]:
    """All reckonings, those of one batch together, the newest last."""
    return [_read(row) for row in session.all(_ALL)]


def newest(session: Session) -> list[Batch]:
    """What holds of each batch."""
    return list({(each.remittance, each.agent): each for each in every(session)}.values())


def _post(
    session: Session, found: Remittance, agent: str, n: int, difference_minor: int, now: int
) -> str:
    entry = Entry(
        id=f"{KIND}/{found.id}/{agent}/{n}",
        at=now,
        kind=KIND,
        order_key=None,
        origin_period=None,
        declared_in=None,
        currency=found.currency,
        transfers=move(chart.agent_commission_due(), chart.agent_commission(), difference_minor),
    )
    journal.post(session, entry)
    return entry.id


_COLUMNS = tuple(name for name in Batch.__slots__ if name != "verified")


def _keep(session: Session, new: Batch) -> None:
    session.run(_NEW, **{name: getattr(new, name) for name in _COLUMNS})


def _read(row: object) -> Batch:
    return Batch(**{name: row[name] for name in _COLUMNS})  # type: ignore[index]  # a row of ours
