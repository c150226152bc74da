"""What a driver's first page rests on, in one read: duty, job, offers, what is still to be read."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from bpp.drive.offer import Card, Pay, card_of, pay_of
from bpp.fleet.dispatch import Position
from bpp.fleet.workers import Worker
from bpp.incidents import store as incidents
from bpp.insurance import books
from bpp.insurance.people import listing, reading
from bpp.insurance.wiring import Insured
from bpp.orders import steps, store
from bpp.orders.office import Office
from bpp.orders.order import Order
from bpp.work import handovers
from bpp.work.shifts import Shift
from bpp.work.standing import Standing
from protocol_specs.node.store import Session

CARDS_MAX = 5
NEWS_S = 2 * 86_400  # so long the first page says that the desk answered


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """`lost` is the last place that is known, once it is too old for a job to be offered there:
    one that was typed, or of a phone that says nothing any more. `to_read` are notices not yet
    shown, `to_answer` schemes that wait for a yes or no; until then no job is offered
    (docs/people.md). `why_not` says why no job is offered now for want of a paper or a shift,
    `ending` how many papers end soon, `pictures` the hand-overs of the job that have one, `answers`
    how often the desk answered lately what they told it."""

    worker: Worker
    is_online: bool
    lost: Position | None
    job: Order | None
    ahead: tuple[Order, ...]
    pay: Pay | None
    cards: tuple[Card, ...]
    to_read: int
    to_answer: int
    shift: Shift | None
    off_duty: str | None
    why_not: str | None
    ending: int
    pictures: frozenset[str]
    answers: int

    @property
    def mark(self) -> str:
        """Changes when the page would."""
        parts: list[Any] = [self.is_online, self.lost, self.to_read, self.to_answer]
        parts += [self.shift, self.off_duty, self.why_not, self.ending, self.answers]
        parts += [(card.job_id, card.expires_at, card.pay.fare_minor) for card in self.cards]
        parts += [(order.job_id, order.planned_start) for order in self.ahead]
        if self.job is not None:
            leg = self.job.view.fulfillment.return_leg
            parts += [self.job.job_id, self.job.state, self.job.quote.total_minor]
            parts += [self.job.payment.status, leg.state if leg else None]
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def look(
    session: Session,
    office: Office,
    insured: Insured | None,
    standing: Standing,
    worker: Worker,
    now: int,
) -> Look:
    """How things stand for this driver."""
    kept = store.job_of(session, worker.agent_id)
    order = kept.order if kept else None
    pay = pay_of(session, office, insured, worker.agent_id, order, now) if order else None
    found = steps.offers_for(session, office, worker, now)[:CARDS_MAX] if order is None else []
    cards = [card_of(session, office, insured, worker.agent_id, each, now) for each in found]
    to_read, to_answer = owed(session, insured, worker.agent_id)
    papers = standing.papers(session, worker, now)
    seen = office.fleet.position(worker.agent_id)
    counts = order is not None or seen is None or office.provider.reach.counts(seen, now)
    return Look(
        worker=worker,
        is_online=seen is not None,
        lost=None if counts else seen,
        job=order,
        ahead=tuple(store.ahead_of(session, worker.agent_id)),
        pay=pay,
        cards=tuple(cards),
        to_read=to_read,
        to_answer=to_answer,
        shift=standing.rota.of_driver(worker.agent_id, now),
        off_duty=standing.off_duty(worker, now),
        why_not=standing.passes_over(session, worker, now, now) if order is None else None,
        ending=sum(paper.state == "ends_soon" for paper in papers),
        pictures=handovers.legs(session, order.job_id) if order else frozenset(),
        answers=incidents.answers_since(session, worker.agent_id, now - NEWS_S),
    )


def owed(session: Session, insured: Insured | None, agent_id: str) -> tuple[int, int]:
    """How many notices were not shown to the driver yet, and how many wait for an answer."""
    if insured is None:
        return 0, 0
    worker = books.find_worker(session, agent_id)
    unread = [
        each
        for each in listing.owed(session, insured.people, worker, "en")
        if "worker" in insured.people.schemes[each["scheme"]].bearers
    ]
    agreed = reading.record_of(session, worker).agreed if worker else {}
    asked = [
        scheme.id
        for scheme in insured.people.schemes.values()
        if scheme.basis == "consent" and "worker" in scheme.bearers and scheme.id not in agreed
    ]
    return len(unread), len(asked)
