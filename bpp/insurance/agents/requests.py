"""What the desk is asked to write about mandates and agents: at a command or at its API, one unit.

Each answers with JSON-ready values and raises Declined with the reason; then nothing is kept.
"""

from dataclasses import asdict
from datetime import date
from typing import Any, Literal

from pydantic import Field

from bpp.declined import Declined
from bpp.insurance import books
from bpp.insurance.agents import attribution, handover, mandates
from bpp.insurance.agents.attribution import Agent, Attribution
from bpp.insurance.agents.mandates import Held
from bpp.insurance.agents.record import RATE_IS_VERIFIED
from bpp.insurance.agents.signed import DAY
from bpp.insurance.engine import calendar
from bpp.insurance.scheme import Scheme
from bpp.insurance.scheme_file import SchemeError, load
from protocol_specs.node.asked import SHORT_ID, StrictBody
from protocol_specs.node.store import Session


class _Body(StrictBody):
    by: str = Field(pattern=SHORT_ID)


class NewMandate(_Body):
    """A mandate file with both signatures; the institution's number of its acceptance, if it gave
    one; and the hand-over file of the mandate that this one follows.
    """

    file: dict[str, Any]
    reference: str | None = Field(default=None, max_length=64)
    handover: dict[str, Any] | None = None


class MandateEnding(_Body):
    """The last day of a mandate that ends before its own, and why."""

    last_day: str = Field(pattern=DAY)
    reason: str = Field(min_length=1, max_length=200)


class NewAgent(_Body):
    """A social-protection agent's record file."""

    file: dict[str, Any]


class Registration(_Body):
    """An agent registered a worker, refused one (with a reason), or the worker left."""

    step: Literal["claim", "release", "refuse"]
    scheme: str = Field(max_length=128)
    worker: str = Field(max_length=128)
    agent: str = Field(default="", max_length=64)
    reason: str = Field(default="", max_length=64)


def add_mandate(
    session: Session, body: NewMandate, principal: str, key: str, now: int
) -> dict[str, Any]:
    """`principal` and `key` (base64) are this cooperative's."""
    held = mandates.add(
        session,
        body.file,
        principal=principal,
        key=key,
        by=body.by,
        now=now,
        reference=body.reference,
    )
    if body.handover is not None:
        told = handover.check(body.handover)
        if told.ended.id != held.mandate.follows:
            raise Declined(f"{held.mandate.id} does not follow {told.ended.id}")
        handover.check_here(session, told)
    return mandate_shown(held)


def end_mandate(session: Session, id: str, body: MandateEnding, now: int) -> dict[str, Any]:
    """In the zone of the mandate's first scheme."""
    held = mandates.one(session, id)
    today = calendar.local(now, scheme_of(held.mandate.schemes[0]).zone).date()
    ended = mandates.end(
        session,
        id,
        last_day=_day(body.last_day),
        today=today,
        by=body.by,
        reason=body.reason,
        now=now,
    )
    return mandate_shown(ended)


def add_agent(
    session: Session, body: NewAgent, institution_keys: dict[str, str], now: int
) -> dict[str, Any]:
    """`institution_keys` are public keys by scheme."""
    agent = body.file.get("agent")
    scheme = scheme_of(str(agent.get("scheme")) if isinstance(agent, dict) else "")
    key = institution_keys.get(scheme.id)
    found = attribution.add_agent(session, body.file, institution_key=key, by=body.by, now=now)
    return agent_shown(found)


def register(session: Session, body: Registration, now: int) -> dict[str, Any]:
    """One step of one worker's registration."""
    day = calendar.local(now, scheme_of(body.scheme).zone).date()
    about: dict[str, Any] = {"day": day, "by": body.by, "now": now}
    if body.step == "release":
        return step_shown(attribution.release(session, body.scheme, body.worker, **about))
    if body.step == "refuse":
        about["reason"] = body.reason
        found = attribution.refuse(session, body.scheme, body.worker, body.agent, **about)
        return step_shown(found)
    return step_shown(attribution.claim(session, body.scheme, body.worker, body.agent, **about))


def own_agent(
    session: Session, scheme: str, agent_id: str, agent: str | None, now: int
) -> dict[str, Any]:
    """The worker leaves whatever agent they are with, and goes to this one or to none."""
    day = calendar.local(now, scheme_of(scheme).zone).date()
    worker = books.find_worker(session, agent_id)
    if worker is None:
        raise Declined("nothing stands in the books for you yet")
    about = {"scheme": scheme, "worker": worker, "by": "worker"}
    steps = []
    if attribution.holder(attribution.of_worker(session, scheme, worker), day) is not None:
        steps.append(register(session, Registration(step="release", **about), now))
    if agent is not None:
        joining = Registration(step="claim", agent=agent, **about)
        steps.append(register(session, joining, now))
    return {"steps": steps}


def mandate_shown(held: Held) -> dict[str, Any]:
    """Without keys and signatures. `confirmed`: the institution told us its acceptance."""
    found = held.mandate
    return {
        "id": found.id,
        "principal": found.principal.id,
        "agent": found.agent.id,
        "agent_name": found.agent.name,
        "scope": list(found.scope),
        "schemes": list(found.schemes),
        "first_day": found.first_day,
        "last_day": held.last_day.isoformat(),
        "follows": found.follows,
        "tariff": found.tariff.model_dump() if found.tariff else None,
        "at": held.at,
        "by": held.by,
        "reference": held.reference,
        "confirmed": held.reference is not None,
        "end_reason": held.end_reason,
    }


def agent_shown(agent: Agent) -> dict[str, Any]:
    """`verified`: the institution signed it; `rate_verified`: never yet, see `record`."""
    return {
        **agent.record.model_dump(exclude={"format", "version"}),
        "verified": agent.is_verified,
        "rate_verified": RATE_IS_VERIFIED,
        "at": agent.at,
        "by": agent.by,
    }


def step_shown(step: Attribution) -> dict[str, Any]:
    """JSON-ready."""
    days = {name: getattr(step, name).isoformat() for name in ("first_day", "last_day")}
    return {**asdict(step), **days}


def scheme_of(id: str) -> Scheme:
    """The scheme of this id. Raises Declined."""
    try:
        return load(id)
    except SchemeError as error:
        raise Declined(str(error)) from None


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Declined(f"{text!r} is no day; write 2026-07-31") from None
