"""The mandates of this cooperative: accepted or refused, ended, asked at each filing."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import bindparam, insert, select

from bpp.declined import Declined
from bpp.insurance.agents import mandate as files
from bpp.insurance.agents import signed
from bpp.insurance.agents.mandate import Action, Mandate
from bpp.insurance.agents.tables import MandateEnd, MandateRow
from protocol_specs.node.store import Row, Session, Statement
from protocol_specs.wire import strict_json

_mandate = MandateRow.__table__
_end = MandateEnd.__table__
_every = select(
    _mandate, _end.c.last_day.label("ended_on"), _end.c.reason.label("end_reason")
).outerjoin(_end, _end.c.mandate == _mandate.c.id)
_ALL = Statement(_every.order_by(_mandate.c.at, _mandate.c.id))
_ONE = Statement(_every.where(_mandate.c.id == bindparam("id")))
_NEW = Statement(insert(_mandate))
_NEW_END = Statement(insert(_end))


@dataclass(frozen=True, slots=True)
class Held:
    """A mandate as it stands here. `last_day` is its own, or the earlier end."""

    mandate: Mandate
    last_day: date
    at: int
    by: str
    reference: str | None
    end_reason: str | None

    def in_force(self, day: date) -> bool:
        """Whether the agent may act on that day; the last one still counts."""
        return date.fromisoformat(self.mandate.first_day) <= day <= self.last_day


def add(
    session: Session,
    document: Any,
    *,
    principal: str,
    key: str,
    by: str,
    now: int,
    reference: str | None = None,
) -> Held:
    """Accepts a mandate file, or raises Declined with the reason.

    `principal` and `key` (base64) are this cooperative's. The same file again changes nothing.
    """
    file = files.read(document)
    found = file.mandate
    if (found.principal.id, found.principal.key) != (principal, key):
        raise Declined(
            f"{found.id} is a mandate of {found.principal.id} with the key {found.principal.key}; "
            f"these are the books of {principal}"
        )
    by_principal, by_agent = files.signatures(file)
    stands = find(session, found.id)
    if stands is not None:
        if stands.mandate != found:
            raise Declined(f"another mandate already has the id {found.id}")
        if reference not in (None, stands.reference):
            raise Declined(
                f"{found.id} was accepted before, with {stands.reference or 'no number'}; to note "
                "the institution's, end it and accept a new one that follows it"
            )
        return stands
    _check_predecessor(session, found)
    session.run(
        _NEW,
        id=found.id,
        agent=found.agent.id,
        document=signed.bytes_of(found),
        principal_signature=by_principal,
        agent_signature=by_agent,
        at=now,
        by=by,
        reference=reference,
    )
    return Held(found, date.fromisoformat(found.last_day), now, by, reference, None)


def _check_predecessor(session: Session, found: Mandate) -> None:
    if found.follows is None:
        return
    before = find(session, found.follows)
    if before is None:
        raise Declined(f"{found.id} follows {found.follows}, which is no mandate here")
    if before.last_day >= date.fromisoformat(found.first_day):
        raise Declined(
            f"{found.follows} runs until {before.last_day}; end it before {found.first_day}, the "
            f"first day of {found.id}"
        )


def end(
    session: Session, id: str, *, last_day: date, today: date, by: str, reason: str, now: int
) -> Held:
    """Ends a mandate earlier, from the day after `last_day` (yesterday at the earliest) on. Raises
    Declined."""
    held = one(session, id)
    if held.end_reason is not None:
        raise Declined(f"{id} was already ended, with its last day {held.last_day}")
    if not today - timedelta(1) <= last_day <= held.last_day:
        raise Declined(
            f"{id} ends on {held.last_day} by itself, and can end earlier from {today} on"
            ": its last day lies outside that"
        )
    session.run(_NEW_END, mandate=id, last_day=last_day.isoformat(), at=now, by=by, reason=reason)
    return one(session, id)


def find(session: Session, id: str) -> Held | None:
    """One mandate; None: never accepted here."""
    row = session.one(_ONE, id=id)
    return None if row is None else _held(row)


def one(session: Session, id: str) -> Held:
    """The same; raises Declined for none."""
    found = find(session, id)
    if found is None:
        raise Declined(f"no mandate {id} was accepted here: wayfare mandates add FILE")
    return found


def every(session: Session) -> list[Held]:
    """All that were ever accepted, oldest first."""
    return [_held(row) for row in session.all(_ALL)]


def require(session: Session, id: str, action: Action, scheme: str, day: date) -> Held:
    """The mandate under which its agent may do this on that day. Raises Declined: why not."""
    held = one(session, id)
    found = held.mandate
    if not held.in_force(day):
        raise Declined(f"{id} holds from {found.first_day} through {held.last_day}, not on {day}")
    if action not in found.scope:
        raise Declined(f"{id} lets {found.agent.id} {', '.join(found.scope)}; not {action}")
    if scheme not in found.schemes:
        raise Declined(f"{id} is for {', '.join(found.schemes)}; not for {scheme}")
    return held


def _held(row: Row) -> Held:
    found = Mandate.model_validate(strict_json.parse(row["document"]))
    return Held(
        mandate=found,
        last_day=date.fromisoformat(row["ended_on"] or found.last_day),
        at=row["at"],
        by=row["by"],
        reference=row["reference"],
        end_reason=row["end_reason"],
    )
