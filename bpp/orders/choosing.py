"""Which driver gets a job: the free ones near it, compared by the published sum, and kept."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from bpp.dispatch import offers, policy, rounds
from bpp.dispatch.policy import Candidate
from bpp.dispatch.rounds import Round
from bpp.fleet.dispatch import Match, suitable
from bpp.fleet.workers import Worker
from bpp.orders import store
from bpp.orders.extension import JobTerms
from bpp.orders.office import Office
from bpp.orders.order import Order
from protocol_specs.node.store import Session
from protocol_specs.wire.order import OrderView, Place

AT_ONCE_MAX = 4  # in the list that is made while a customer waits for the answer

GAVE_IT_UP = "you gave this job up before"


@dataclass(frozen=True, slots=True)
class Choice:
    """Who gets the job, and the list that says why."""

    worker: Worker
    round: Round


@dataclass(frozen=True, slots=True)
class Listed:
    """Free drivers near a job, first by the sum first, and who was passed over on the way: (id,
    why). `mean_minor` is what all who were looked at earned on average."""

    matches: tuple[Match, ...]
    candidates: tuple[Candidate, ...]
    passed: tuple[tuple[str, str], ...]
    mean_minor: int


def choose(
    session: Session,
    office: Office,
    view: OrderView,
    terms: JobTerms,
    now: int,
    not_for: Mapping[str, str] | None = None,
) -> Choice | None:
    """The first of the free drivers near by the published sum; None: nobody is free.

    By the straight line: whoever waits for a confirm does not wait for a router.
    """
    pickup, _ = view.fulfillment.route()
    found = listed(session, office, pickup, terms, now, not_for or {}, at_most=AT_ONCE_MAX)
    if not found.matches:
        return None
    line = office.routing.line
    travel_s = line.travel_s([match.place for match in found.matches], pickup)
    round = ranked(office, found, travel_s, line.name, now)
    first = round.ranked[0].agent_id
    worker = next(m.worker for m in found.matches if m.worker.agent_id == first)
    return Choice(worker, round)


def driver_for(
    session: Session, office: Office, order: Order, now: int, *, leaving: Worker | None = None
) -> Worker | None:
    """Who carries out an order that wants its driver now, and the list that says why is kept; None:
    nobody is free, or drivers are not assigned at once. Who is `leaving` the job is not asked.
    """
    if office.provider.assignment != "at_confirm":
        return None
    not_asked = order.not_for if leaving is None else (*order.not_for, leaving.agent_id)
    not_for = dict.fromkeys(not_asked, GAVE_IT_UP)
    choice = choose(session, office, order.view, office.terms_of(order), now, not_for)
    if choice is None:
        return None
    rounds.keep(session, order.key, choice.round)
    return choice.worker


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
    """The suitable drivers without a job whom nobody passes over: of the nearest LOOKED_MAX the
    first by the sum, and only if these are too few of the next.

    By the sum and not by distance: at a stand where many wait, whoever stands a few metres farther
    would never be asked. `not_for` says of some why this job is not for them, in words for them.
    """
    reach = office.provider.reach
    near = suitable(
        office.fleet.near(pickup, reach.radius_m),
        pickup,
        category=terms.vehicle_category,
        reach=reach,
        now=now,
    )
    free: list[tuple[Match, Candidate]] = []
    looked: list[Candidate] = []
    passed: list[tuple[str, str]] = []
    while len(free) < at_most and (handful := list(islice(near, rounds.LOOKED_MAX))):
        known = _known(session, office, handful, pickup, now)
        looked += known
        for match, candidate in _by_sum(office, handful, known):
            agent_id = candidate.agent_id
            why = not_for.get(agent_id) or _why_not(session, office, match.worker, terms, now)
            if why is not None:
                passed.append((agent_id, why))
                continue
            free.append((match, candidate))
            if len(free) == at_most:
                break
    return Listed(
        tuple(match for match, _ in free),
        tuple(candidate for _, candidate in free),
        tuple(passed[-rounds.PASSED_MAX :]),
        policy.mean_of(looked),
    )


def _known(
    session: Session, office: Office, handful: list[Match], pickup: Place, now: int
) -> list[Candidate]:
    agents = [match.worker.agent_id for match in handful]
    travel_s = office.routing.line.travel_s([match.place for match in handful], pickup)
    since = {agent_id: office.fleet.online_since(agent_id) for agent_id in agents}
    return rounds.candidates_of(session, agents, travel_s, since, now)


def _by_sum(
    office: Office, handful: list[Match], known: list[Candidate]
) -> Iterator[tuple[Match, Candidate]]:
    by_id = {each.agent_id: (match, each) for match, each in zip(handful, known, strict=True)}
    return (by_id[each.agent_id] for each in policy.rank(known, office.provider.weights))


def ranked(
    office: Office, found: Listed, travel_s: Sequence[int | None], router: str, now: int
) -> Round:
    """The list as the policy ranks it."""
    return rounds.made(
        found.candidates,
        travel_s,
        mean_minor=found.mean_minor,
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
