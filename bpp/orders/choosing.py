"""Which driver gets a job: the free ones near it, compared by the published sum, and kept."""

from collections.abc import Mapping
from dataclasses import dataclass

from bpp.dispatch import offers, rounds
from bpp.dispatch.rounds import Round
from bpp.fleet.dispatch import Match, suitable
from bpp.fleet.workers import Worker
from bpp.orders import store
from bpp.orders.extension import JobTerms
from bpp.orders.office import Office
from protocol_specs.node.store import Session
from protocol_specs.wire.order import OrderView, Place

AT_ONCE_MAX = 4  # compared while a customer waits for the answer

GAVE_IT_UP = "you gave this job up before"


@dataclass(frozen=True, slots=True)
class Choice:
    """Who gets the job, and the list that says why."""

    worker: Worker
    round: Round


@dataclass(frozen=True, slots=True)
class Listed:
    """Free drivers near a job, nearest first, and who was passed over on the way: (id, why)."""

    matches: tuple[Match, ...]
    passed: tuple[tuple[str, str], ...]


def choose(
    session: Session,
    office: Office,
    view: OrderView,
    terms: JobTerms,
    now: int,
    not_for: Mapping[str, str] | None = None,
) -> Choice | None:
    """The first of the nearest free drivers by the published sum; None: nobody is free.

    By the straight line: whoever waits for a confirm does not wait for a router.
    """
    pickup, _ = view.fulfillment.route()
    found = listed(session, office, pickup, terms, now, not_for or {}, at_most=AT_ONCE_MAX)
    if not found.matches:
        return None
    line = office.routing.line
    travel_s = line.travel_s([match.place for match in found.matches], pickup)
    round = ranked(session, office, found, travel_s, line.name, now)
    first = round.ranked[0].agent_id
    worker = next(m.worker for m in found.matches if m.worker.agent_id == first)
    return Choice(worker, round)


def listed(
    session: Session,
    office: Office,
    pickup: Place,
    terms: JobTerms,
    now: int,
    not_for: Mapping[str, str],
    *,
    at_most: int = rounds.ASKED_MAX,
) -> Listed:
    """The nearest suitable drivers without a job whom nobody passes over.

    `not_for` says of some why this job is not for them, in words for them.
    """
    reach = office.provider.reach
    near = office.fleet.near(pickup, reach.radius_m)
    matches: list[Match] = []
    passed: list[tuple[str, str]] = []
    for match in suitable(near, pickup, category=terms.vehicle_category, reach=reach, now=now):
        agent_id = match.worker.agent_id
        why = not_for.get(agent_id) or _why_not(session, office, match.worker, terms, now)
        if why is not None:
            passed.append((agent_id, why))
            continue
        matches.append(match)
        if len(matches) == at_most:
            break
    return Listed(tuple(matches), tuple(passed[-rounds.PASSED_MAX :]))


def ranked(
    session: Session,
    office: Office,
    found: Listed,
    travel_s: list[int | None],
    router: str,
    now: int,
) -> Round:
    """The list as the policy ranks it."""
    return rounds.made(
        session,
        found.matches,
        travel_s,
        idle_since={
            match.worker.agent_id: office.fleet.online_since(match.worker.agent_id)
            for match in found.matches
        },
        passed=found.passed,
        router=router,
        weights=office.provider.weights,
        now=now,
    )


def _why_not(
    session: Session, office: Office, worker: Worker, terms: JobTerms, now: int
) -> str | None:
    agent_id = worker.agent_id
    if store.is_busy(session, agent_id):
        return "you had a job"
    if office.provider.assignment == "in_turn" and offers.of_agent(session, agent_id):
        return "another job was offered to you"
    return office.objection(session, worker, terms, now)
