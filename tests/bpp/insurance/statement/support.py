"""Seeded books of one worker, and their statement."""

import random
from pathlib import Path

from bpp.insurance import cash
from bpp.insurance.statement.reading import Book, statement
from bpp.insurance.statement.values import Statement
from bpp.ledger.money_facts import MoneyFact
from protocol_specs.wire.order import PriceLine
from tests.bpp.insurance.support import CARD, CASH, NOON, Coop, Story, my_coop

DAY = 86_400
LATER = NOON + 250 * DAY
LIMIT = cash.Limit(None, "MYR")


def book_of(coop: Coop) -> Book:
    return Book.of(coop.schemes, "coop.example", coop.key.public, "MYR")


def told(coop: Coop, worker: str = "a1", now: int = LATER, **months: str) -> Statement:
    return coop.store.read(lambda session: statement(session, book_of(coop), worker, now, **months))


def random_books(folder: Path, seed: int, jobs: int = 25) -> Coop:
    """Jobs of every kind over three months: cash, card, tips, refunds, cancelled, reassigned,
    open; and money beside them."""
    coop, rng = my_coop(folder), random.Random(seed)
    for n in range(jobs):
        at = NOON + n * 3 * DAY + rng.randrange(DAY)
        story = Story(f"{rng.getrandbits(128):032x}", "a1", payment=rng.choice((CASH, CARD)), at=at)
        story.lines = (PriceLine("BASE_FARE", rng.randrange(100, 6000)),)
        coop.happen(story.event("confirmed"))
        _go_on(coop, story, rng)
        if rng.random() < 0.2:
            _by_hand(coop, rng, story.at + 60, f"r{n}")
    return coop


def _go_on(coop: Coop, story: Story, rng: random.Random) -> None:
    how = rng.choice(("done", "done", "done", "refunded", "tip", "cancelled", "left", "open"))
    if how == "open":
        return
    if how == "cancelled":
        fee = rng.choice((0, 300))
        coop.happen(story.event("cancelled", cancelled_by="CONSUMER", cancellation_fee_minor=fee))
        return
    if how == "left":
        coop.happen(story.event("reassigned", agent_id="a2"))
    lines = (*story.lines, PriceLine("TIP", 150)) if how == "tip" else story.lines
    coop.happen(story.event("completed", lines=lines))
    if how == "refunded":
        by = rng.choice(("worker", "cooperative"))
        coop.happen(story.event("refunded", refund_minor=90, refund_borne_by=by))


def _by_hand(coop: Coop, rng: random.Random, at: int, reference: str) -> None:
    """A payout of half the pay, or half the cash paid in, if there is any."""
    worker, balances = coop.local("a1"), coop.balances()
    kind, number = rng.choice((("payout", 2100), ("pay-in", 1220)))
    amount = balances.get(f"{number}:{worker}", 0) // 2
    if amount > 0:
        fact = MoneyFact(kind, reference, "desk", "MYR", amount, at, worker=worker)
        coop.store.transact_now(lambda session: cash.record(session, LIMIT, fact, LATER))
