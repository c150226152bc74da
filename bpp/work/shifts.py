"""Shifts: who drives which vehicle from when to when. A quarter of an hour is the smallest part."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo

from sqlalchemy import bindparam, delete, insert, select, update

from bpp.declined import Declined
from bpp.fleet.tables import DriverRow, VehicleRow
from bpp.fleet.workers import BadEntry
from bpp.work.tables import QuarterRow, ShiftRow
from protocol_specs.node.store import Conflict, Row, Session, Statement

QUARTER_S = 900
SHIFT_S_MAX = 16 * 3_600
AHEAD_S_MAX = 60 * 86_400
DAYS_MAX = 14
KEPT_S = 90 * 86_400

_S, _Q = ShiftRow.__table__, QuarterRow.__table__
_D, _V = DriverRow.__table__, VehicleRow.__table__
_ADD = Statement(insert(_S))
_ADD_QUARTER = Statement(insert(_Q))
_ONE = Statement(select(_S).where(_S.c.id == bindparam("of")))
_BETWEEN = Statement(
    select(_S)
    .where(_S.c.starts_at < bindparam("until"), _S.c.ends_at > bindparam("since"))
    .order_by(_S.c.starts_at, _S.c.registration)
    .limit(10_000)
)
_OF_DRIVER = Statement(
    select(_S)
    .where(_S.c.agent_id == bindparam("agent_id"), _S.c.ends_at > bindparam("now"))
    .order_by(_S.c.starts_at)
    .limit(50)
)
_ACTIVE = Statement(select(_D.c.agent_id).where(_D.c.agent_id == bindparam("of"), _D.c.active == 1))
_VEHICLE = Statement(select(_V.c.registration).where(_V.c.registration == bindparam("of")))
_END = Statement(update(_S).where(_S.c.id == bindparam("of")).values(ends_at=bindparam("ends_at")))
_DROP = Statement(delete(_S).where(_S.c.id == bindparam("of")))
_FREE = Statement(
    delete(_Q).where(_Q.c.shift_id == bindparam("of"), _Q.c.quarter >= bindparam("since"))
)
_OLD = Statement(select(_S.c.id).where(_S.c.ends_at < bindparam("before")).limit(1))


@dataclass(frozen=True, slots=True)
class Shift:
    """One driver with one vehicle, from `starts_at` until before `ends_at`, seconds UTC."""

    id: str
    agent_id: str
    registration: str
    starts_at: int
    ends_at: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What the desk writes down: these hours on this day and on the days after it.

    Times are HH:MM of the city; an end that is not after the start is on the next day.
    """

    agent_id: str
    registration: str
    day: str
    starts: str
    ends: str
    days: int = 1


def spans(plan: Plan, zone: tzinfo, now: int) -> list[tuple[int, int]]:
    """From when to when, seconds UTC, on each of the days. Raises BadEntry."""
    try:
        first = date.fromisoformat(plan.day)
    except ValueError:
        raise BadEntry("day", "write a day such as 2027-03-31") from None
    starts, ends = _time("starts", plan.starts), _time("ends", plan.ends)
    if not 1 <= plan.days <= DAYS_MAX:
        raise BadEntry("days", f"at most {DAYS_MAX} days at once")
    if _moment(first, starts, zone) > now + AHEAD_S_MAX:
        raise BadEntry("day", f"plan at most {AHEAD_S_MAX // 86_400} days ahead")
    found = []
    for n in range(plan.days):
        day = first + timedelta(days=n)
        last = day if ends > starts else day + timedelta(days=1)
        span = _moment(day, starts, zone), _moment(last, ends, zone)
        if not 0 < span[1] - span[0] <= SHIFT_S_MAX:
            raise BadEntry("ends", f"a shift has at most {SHIFT_S_MAX // 3_600} hours")
        found.append(span)
    if found[0][1] <= now:
        raise BadEntry("day", "that is over already")
    if found[-1][0] > now + AHEAD_S_MAX:
        raise BadEntry("day", f"plan at most {AHEAD_S_MAX // 86_400} days ahead")
    return found


def plan(session: Session, asked: Plan, zone: tzinfo, *, by: str, now: int) -> list[Shift]:
    """Writes the shifts down, all of them or (raising) none.

    Raises BadEntry, and Declined where the driver or the vehicle has another shift then.
    """
    if session.one(_ACTIVE, of=asked.agent_id) is None:
        raise BadEntry("agent_id", "choose a driver who works here")
    if session.one(_VEHICLE, of=asked.registration) is None:
        raise BadEntry("registration", "choose a vehicle")
    wanted = [
        Shift(secrets.token_hex(8), asked.agent_id, asked.registration, *span)
        for span in spans(asked, zone, now)
    ]
    try:
        with session.savepoint():
            for shift in wanted:
                _write(session, shift, by, now)
    except Conflict:
        raise Declined("the driver or the vehicle has another shift in these hours") from None
    return wanted


def end(session: Session, shift_id: str, now: int) -> bool:
    """Ends a running shift with the quarter that runs, or drops one that is to come; False: it is
    over or was never there."""
    row = session.one(_ONE, of=shift_id)
    if row is None or row["ends_at"] <= now:
        return False
    ends_at = -(-now // QUARTER_S) * QUARTER_S
    if row["starts_at"] >= ends_at:
        session.run(_FREE, of=shift_id, since=0)
        session.run(_DROP, of=shift_id)
        return True
    session.run(_FREE, of=shift_id, since=ends_at // QUARTER_S)
    session.run(_END, of=shift_id, ends_at=ends_at)
    return True


def between(session: Session, since: int, until: int) -> list[Shift]:
    """Every shift of which a part lies between these moments, the earliest first."""
    return [_shift(row) for row in session.all(_BETWEEN, since=since, until=until)]


def coming(session: Session, agent_id: str, now: int) -> list[Shift]:
    """A driver's running shift and those to come, the earliest first."""
    return [_shift(row) for row in session.all(_OF_DRIVER, agent_id=agent_id, now=now)]


def forget_next(session: Session, now: int) -> bool:
    """Forgets one shift that ended 90 days ago; says whether there was any."""
    row = session.one(_OLD, before=now - KEPT_S)
    if row is None:
        return False
    session.run(_FREE, of=row["id"], since=0)
    session.run(_DROP, of=row["id"])
    return True


def _write(session: Session, shift: Shift, by: str, now: int) -> None:
    session.run(
        _ADD,
        id=shift.id,
        agent_id=shift.agent_id,
        registration=shift.registration,
        starts_at=shift.starts_at,
        ends_at=shift.ends_at,
        at=now,
        by=by,
    )
    session.run_many(_ADD_QUARTER, _quarters(shift))


def _quarters(shift: Shift) -> Sequence[Mapping[str, object]]:
    named = {
        "registration": shift.registration,
        "agent_id": shift.agent_id,
        "shift_id": shift.id,
    }
    numbers = range(shift.starts_at // QUARTER_S, shift.ends_at // QUARTER_S)
    return [{**named, "quarter": number} for number in numbers]


def _time(field: str, text: str) -> time:
    try:
        found = time.fromisoformat(text)
    except ValueError:
        raise BadEntry(field, "write a time such as 06:30") from None
    if found.minute % 15 or found.second or found.microsecond or found.tzinfo:
        raise BadEntry(field, "shifts begin and end on the quarter of an hour")
    return found


def _moment(day: date, at: time, zone: tzinfo) -> int:
    return int(datetime.combine(day, at, zone).timestamp())


def _shift(row: Row) -> Shift:
    return Shift(row["id"], row["agent_id"], row["registration"], row["starts_at"], row["ends_at"])
