"""Money at READ COMMITTED: many processes at one PostgreSQL database; nothing doubled or lost."""

import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import bindparam, func, select

from bpp.insurance.extension import Insurance
from bpp.insurance.remittance import periods
from bpp.insurance.remittance.tables import SchemePeriod
from bpp.insurance.scheme_file import load
from bpp.insurance.tables import ContributionRow, Pending
from bpp.ledger import balances, chart, journal, sealing, verify
from bpp.ledger.entry import Entry, Transfer
from bpp.ledger.tables import EntryRow, SealedLeaf, Unsealed
from bpp.orders import steps
from bpp.orders import store as orders
from bpp.orders.office import Office
from bpp.orders.tables import OrderEventRow, OrderRow
from bpp.orders.writing import write
from protocol_specs.node.store import Conflict, Session, Statement
from protocol_specs.wire.errors import Refused
from protocol_specs.wire.keys import SigningKey, generate_signing_key
from protocol_specs.wire.values import replace
from tests.bpp.factories import NOW, PREPAID, confirmed, office, worker
from tests.bpp.insurance.support import MY, NOON, Story, fare_of, my_coop, terms_for
from tests.support.crowd import Crowd, crowded

CROWD = 50
LOST = (Refused, Conflict, orders.Overtaken)
Unit = Callable[[Session, int], Any]
_period = SchemePeriod.__table__
FREE = Statement(  # as closing asks for it, but without waiting
    select(_period.c.period)
    .where(_period.c.scheme == bindparam("scheme"), _period.c.period == bindparam("period"))
    .with_for_update(skip_locked=True)
)


def new_id() -> str:
    return str(uuid.uuid4())


def count(of: Any) -> Statement:
    return Statement(select(func.count().label("n")).select_from(of.__table__))


@dataclass
class Cooperative(Crowd):
    """Its processes at its database."""

    key: SigningKey = field(default_factory=generate_signing_key)

    def office(self) -> Office:
        """One process's own office."""
        insurance = Insurance.with_schemes(
            (load(MY),), terms_for((load(MY),)), self.key, "coop.example"
        )
        return office(new_id=new_id, new_key=new_id, extensions=(insurance,))

    def count(self, of: Any) -> int:
        row = self.stores[0].read(lambda session: session.one(count(of)))
        return 0 if row is None else int(row["n"])

    def balances(self) -> dict[str, int]:
        every = self.stores[0].read(balances.balances)
        return {line.account: line.balance_minor for line in every if line.balance_minor}


@pytest.fixture
def crowd(tmp_path: Path) -> Iterator[Cooperative]:
    with crowded(tmp_path, "bpp.migrations", CROWD, LOST) as found:
        yield Cooperative(found.stores, LOST)


def book(session: Session, where: Office, transaction: str, agent: str | None = None) -> str:
    """One confirm, as the handler does it: what is known is read, decided and written."""
    decision = confirmed(where, worker(agent) if agent else None, PREPAID)
    order = decision.order
    peer = replace(order.peer, transaction_id=transaction)
    known = orders.order_of_transaction(session, peer.bap_id, transaction)
    if known is not None:
        raise Refused("this transaction already made an order")
    write(session, where, replace(decision, order=replace(order, peer=peer)), NOW)
    return order.job_id


def won(found: list[Any]) -> list[Any]:
    return [each for each in found if not isinstance(each, Exception)]


def test_fifty_confirms_of_one_transaction_make_one_order_and_deduct_once(
    crowd: Cooperative,
) -> None:
    offices = [crowd.office() for _ in range(CROWD)]
    found = crowd.at_once(lambda session, n: book(session, offices[n], "t1"))
    assert len(won(found)) == 1
    assert (crowd.count(OrderRow), crowd.count(OrderEventRow)) == (1, 1)
    assert (crowd.count(ContributionRow), crowd.count(Pending)) == (1, 0)


def test_the_last_driver_gets_one_of_fifty_orders(crowd: Cooperative) -> None:
    offices = [crowd.office() for _ in range(CROWD)]
    found = crowd.at_once(lambda session, n: book(session, offices[n], f"t{n}", "w1"))
    assert len(won(found)) == 1
    assert crowd.count(OrderRow) == 1
    assert crowd.count(Pending) == 0


def test_fifty_orders_at_once_with_a_driver_each_are_all_deducted_once(crowd: Cooperative) -> None:
    offices = [crowd.office() for _ in range(CROWD)]
    found = crowd.at_once(lambda session, n: book(session, offices[n], f"t{n}", f"w{n}"))
    assert len(won(found)) == CROWD, [each for each in found if isinstance(each, Exception)]
    assert crowd.count(OrderRow) == CROWD
    assert crowd.count(ContributionRow) == 3 * CROWD  # set aside, taken back, the worker's
    assert crowd.count(Pending) == 0


def test_an_order_cancelled_by_fifty_at_once_is_cancelled_once_and_nets_to_zero(
    crowd: Cooperative,
) -> None:
    job_id = crowd.now(lambda session: book(session, crowd.office(), "t1", "w1"))
    assert crowd.balances()
    reason = crowd.office().provider.cancellation_reasons[0].id
    offices = [crowd.office() for _ in range(CROWD)]
    found = crowd.at_once(
        lambda session, n: steps.cancel_by_desk(session, offices[n], job_id, reason, NOW + 60)
    )
    assert len(won(found)) == 1
    assert crowd.balances() == {}
    assert crowd.count(OrderEventRow) == 3


def test_one_workers_month_counted_by_many_at_once_comes_to_what_one_by_one_does(
    crowd: Cooperative, tmp_path: Path
) -> None:
    many = 12
    stories = [Story(key=f"order-{n}", agent_id="w1", lines=fare_of(333 + n)) for n in range(many)]
    events = [story.event("confirmed") for story in stories]
    events = [replace(event, at=NOON) for event in events]
    offices = [crowd.office() for _ in range(many)]
    open_ones = set(range(many))

    def project(session: Session, n: int) -> int:
        orders.add_event(session, events[n])
        offices[n].extensions[0].on_event(session, events[n])
        return n

    for _ in range(many):
        left = sorted(open_ones)
        found = crowd.at_once(lambda s, at, left=left: project(s, left[at]), len(left))
        assert won(found), "one at least gets through"
        open_ones -= set(won(found))
        if not open_ones:
            break
    alone = my_coop(tmp_path / "alone")
    alone.happen(*events)
    assert sorted(crowd.balances().values()) == sorted(alone.balances().values())
    alone.store.close()


def test_a_period_that_a_process_knows_is_held_all_the_same_while_it_posts(
    crowd: Cooperative,
) -> None:
    """What stands may be remembered, but its row is the lock between posting and closing."""

    def is_free(session: Session) -> bool:
        return session.one(FREE, scheme=MY, period="2026-07") is not None

    def while_posting(session: Session) -> bool:
        assert periods.declared_in(session, MY, "2026-07") == "2026-07"
        return crowd.stores[1].transact_now(is_free)

    assert [crowd.now(while_posting) for _ in range(3)] == [False] * 3
    crowd.stores[1].transact_now(partial(periods.lock, scheme=MY, period="2026-07", exclusive=True))


def test_one_entry_posted_by_fifty_is_posted_once_and_all_are_content(crowd: Cooperative) -> None:
    found = crowd.at_once(lambda session, n: journal.post(session, an_entry("once")))
    assert Counter(found) == {True: 1, False: CROWD - 1}
    assert crowd.balances() == {"1100": 500, "3000": 500}


def test_what_is_posted_while_others_seal_is_in_one_block_and_the_chain_holds(
    crowd: Cooperative,
) -> None:
    sealers = 4

    def work(session: Session, n: int) -> object:
        if n < sealers:
            return sealing.Sealer(crowd.key).seal_next(session, NOW)
        return [journal.post(session, an_entry(f"{uuid.uuid4()}")) for m in range(5)]

    for _ in range(6):
        crowd.at_once(work, 20)
    while crowd.now(lambda session: sealing.Sealer(crowd.key).seal_next(session, NOW)):
        pass
    assert crowd.count(Unsealed) == 0
    assert crowd.count(SealedLeaf) == crowd.count(EntryRow) == 6 * 16 * 5
    found = crowd.stores[0].read(lambda s: verify.report(s, None, crowd.key.public))
    assert found.is_sound, found.faults


def an_entry(name: str) -> Entry:
    moved = Transfer(chart.bank(), chart.members_funds(), 500)
    return Entry(f"test/{name}", NOW, "payout", None, None, None, "MYR", (moved,))
