"""One cooperative's real books: a store, the extension over it, and the desk's and bank's hands."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

from bpp.insurance import books, cash
from bpp.insurance.books import SchemeTerms, Terms
from bpp.insurance.cash import Limit
from bpp.insurance.extension import Insurance, new_worker_id
from bpp.insurance.people import reading as people_reading
from bpp.insurance.people import writing
from bpp.insurance.people.asked import Agreed, Declared, Told
from bpp.insurance.people.gate import PeopleGate
from bpp.insurance.people.writing import People
from bpp.insurance.remittance import closing, reading, states
from bpp.insurance.remittance.states import Step
from bpp.insurance.remittance.values import Remittance
from bpp.insurance.scheme_file import load
from bpp.ledger import trust
from bpp.ledger.money_facts import MoneyFact
from bpp.ledger.sealing import Sealer
from bpp.ledger.witness import Witness
from bpp.orders import store as orders
from bpp.orders.events import OrderEvent
from bpp.schema import TRIGGERS
from bpp.tables import METADATA
from protocol_specs.node.database.sqlite import FILE_NAME
from protocol_specs.node.store import Session, Store
from protocol_specs.wire.keys import SigningKey, generate_signing_key
from tests.simulation.laws import Law

T = TypeVar("T")
ASK = "the desk"
DESK = "desk-1"


class Broken(Exception):
    """The extension fails, as it may."""


@dataclass
class House:
    """The books of one cooperative in `folder`, driven as orders and the desk drive them."""

    folder: Path
    law: Law
    key: SigningKey = field(default_factory=generate_signing_key)
    is_broken: bool = False
    now: int = 0

    def __post_init__(self) -> None:
        self.data, self.witness_path = self.folder / "data", self.folder / "elsewhere" / "heads"
        self.store = Store.open(self.data, METADATA, triggers=TRIGGERS)
        self.scheme = load(self.law.scheme)
        each = SchemeTerms("bpp", "the law", "commission", "the members' mandates", {})
        gate = PeopleGate(ask=ASK, now=lambda: self.now, tell=lambda *told: None)
        self.insurance = Insurance.with_schemes(
            (self.scheme,),
            Terms(Decimal("0.20"), Decimal(0), {self.scheme.id: each}),
            self.key,
            f"{self.folder.name}.example",
            person=people_reading.person,
            gate=gate,
        )
        self.people = People({self.scheme.id: self.scheme}, ASK, self.law.zone, None)
        self.sealer, self.witness = Sealer(self.key), Witness(self.witness_path)
        self.store.read(self.witness.begin)

    def do(self, unit: Callable[[Session], T]) -> T:
        return self.store.transact_now(unit)

    # Orders

    def happen(self, event: OrderEvent) -> None:
        """As orders write a fact: recorded, then the extension under a savepoint."""

        def unit(session: Session) -> None:
            orders.add_event(session, event)
            self._project(session, event)

        self.do(unit)

    def again(self, event: OrderEvent) -> None:
        """The same fact told once more."""
        self.do(lambda session: self._project(session, event))

    def _project(self, session: Session, event: OrderEvent) -> None:
        try:
            with session.savepoint():
                self.insurance.on_event(session, event)
                if self.is_broken:
                    raise Broken  # after its writes: they must all be undone
        except Broken as error:
            self.insurance.failed(session, event, error)

    def catch_up(self, now: int) -> None:
        """Until nothing waits, a minute later each time round."""
        for minute in range(1, 60):
            while self.do(lambda s, at=now + 60 * minute: self.insurance.catch_up_next(s, at)):
                pass
            if self.store.read(books.oldest_pending) is None:
                return
        raise AssertionError(f"an hour after it was mended, events still wait: {self._waiting()}")

    def _waiting(self) -> list[tuple[Any, ...]]:
        return self.rows("SELECT order_key, error FROM pending")

    # People

    def person(self, agent: str, agrees: bool, now: int) -> None:
        """The worker is shown the notice and says yes or no; nothing where nobody need be asked."""
        worker = self.do(lambda s: books.worker_of(s, agent, new_worker_id))
        if not self.law.borne_by_worker:
            return
        who: dict[str, Any] = {"worker": worker, "by": DESK}
        meant = Declared(
            **who,
            category="gig_worker",
            residency="citizen",
            source="a document",
            day=date(2025, 1, 1),
        )
        told = Told(**who, scheme=self.scheme.id, language="en", how="paper")
        said = Agreed(**who, scheme=self.scheme.id, agree=agrees, how="paper", reference="p-1")
        for write, body in ((writing.declare, meant), (writing.tell, told), (writing.agree, said)):
            self.do(lambda s, write=write, body=body: write(s, self.people, body, now))

    # Money

    def fact(self, kind: str, minor: int, now: int, **more: Any) -> None:
        """Money that moved, under a reference of its own."""
        reference = f"{kind}.{now}.{more.get('worker') or more.get('scheme') or ''}"
        fact = MoneyFact(kind, reference, DESK, self.law.currency, minor, now, **more)
        limit = Limit(None, self.law.currency)
        assert self.do(lambda session: cash.record(session, limit, fact, now))

    def sweep(self, now: int) -> None:
        """The day's sweep: what the trust account lacks of workers' due money."""
        for found in self.store.read(lambda session: trust.standing(session, now)):
            if found.missing_minor:
                self.fact("trust-sweep", found.missing_minor, now, scheme=found.scheme)

    def seal(self, now: int) -> None:
        """Blocks until nothing waits, each told to the witness."""
        while self.do(lambda session: self.sealer.seal_next(session, now)):
            pass
        self.store.read(lambda session: self.witness.witness_next(session, now))

    # Remittances

    def close(self, period: str, now: int) -> Remittance:
        """The whole close; jobs that are not over are declared later."""
        id = self.do(
            lambda s: closing.begin(s, self.scheme, period, by=DESK, now=now, leave_open=True)
        )
        after = ""
        while going_on := self.store.read(closing.unfinished):
            found = self.do(
                lambda s, c=going_on[0], a=after: closing.next_chunk(
                    s, self.insurance.keeper, c, a, now
                )
            )
            after = found or ""
        return self.remittance(id)

    def remittance(self, id: str) -> Remittance:
        found = self.store.read(lambda session: reading.remittance(session, id))
        assert found is not None
        return found

    def send(self, id: str, now: int) -> Remittance:
        return self.do(lambda session: states.send(session, id, self._step(now)))

    def acknowledge(self, id: str, now: int) -> Remittance:
        return self.do(lambda session: states.acknowledge(session, id, self._step(now)))

    def reject(self, id: str, now: int, worker: str | None) -> Remittance:
        return self.do(lambda session: states.reject(session, id, self._step(now), worker))

    def late(self, id: str, now: int, minor: int | None) -> Remittance:
        """Interest until that day; `minor` as it was billed, None: by the scheme's rule."""
        day, step = self.scheme.day(now), self._step(now)
        return self.do(
            lambda session: states.add_interest(session, self.scheme, id, step, day, minor)
        )

    def _step(self, now: int) -> Step:
        return Step(by=DESK, reference=f"bank-{now}", at=now)

    # What stands, read past the house's own code

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Rows of the file itself, by plain SQL."""
        file = sqlite3.connect(f"file:{self.data / FILE_NAME}?mode=ro", uri=True)
        try:
            return file.execute(query).fetchall()
        finally:
            file.close()

    def stands(self) -> dict[str, int]:
        """Credits less debits of every account, by its id."""
        moved = (
            "SELECT credit AS account, amount_minor AS minor FROM transfer "
            "UNION ALL SELECT debit, -amount_minor FROM transfer"
        )
        return dict(self.rows(f"SELECT account, SUM(minor) FROM ({moved}) GROUP BY account"))  # noqa: S608 - our own words

    def names(self) -> dict[str, str]:
        """The agent of each local id."""
        return dict(self.rows("SELECT worker, agent_id FROM local_worker"))

    def local(self, agent: str) -> str:
        return next(worker for worker, name in self.names().items() if name == agent)
