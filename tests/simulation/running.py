"""Runs a year: each move at the real books and at the auditor's own, judged at the end of a day."""

from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

from bpp.orders.events import OrderEvent
from tests.simulation import tampering
from tests.simulation.auditor import Oracle, audit, half_up
from tests.simulation.generator import Move, Size, Year
from tests.simulation.house import House
from tests.simulation.laws import Law

DAY_S = 86_400


@dataclass
class Side:
    """One cooperative: its real books, what the auditor says they must be, what is under way."""

    house: House
    oracle: Oracle
    waiting: list[OrderEvent] = field(default_factory=list)  # facts told while it was broken
    to_send: dict[str, int] = field(default_factory=dict)  # and not before when
    sent: list[tuple[str, int]] = field(default_factory=list)
    closed: str = ""
    closed_to: int = 0  # the last month (of year 0 on) whose period was looked at
    caught_up: int = 0


class Run:
    """A year of two cooperatives. Prints its seed: `SEED=... pytest tests/simulation`."""

    def __init__(self, law: Law, seed: int, size: Size, folder: Path) -> None:
        print(f"SEED={seed} of {law.scheme}")  # noqa: T201 - shown when a run fails
        self.law, self.random = law, Random(f"desk {seed}")
        self.year = Year(law, seed, size)
        self.sides = [Side(House(folder / f"coop{n}", law), Oracle(law)) for n in (0, 1)]
        self.backup = folder / "backup"  # of the first cooperative, in the middle of the year
        self.last_at = self.year.moves[-1].at + DAY_S

    def run(self) -> None:
        """All of it; raises AssertionError on the first day that is not as it must be."""
        for move in self.year.moves:
            side = self.sides[move.coop]
            side.house.now = move.at
            getattr(self, f"_{move.what}")(side, move)
        for n, side in enumerate(self.sides):
            self._night(side, Move(self.last_at, 0, n, "night"))

    def close(self) -> None:
        for side in self.sides:
            side.house.store.close()

    # Moves

    def _event(self, side: Side, move: Move) -> None:
        assert move.event is not None
        side.house.happen(move.event)
        if side.house.is_broken:
            side.waiting.append(move.event)
        else:
            side.oracle.event(move.event)

    def _repeat(self, side: Side, move: Move) -> None:
        assert move.event is not None
        if not side.house.is_broken:
            side.house.again(move.event)

    def _people(self, side: Side, move: Move) -> None:
        agent, agree = move.more["agent"], move.more["agree"]
        side.house.person(agent, agree, move.at)
        side.oracle.told.append((move.at, agent, agree))

    def _break(self, side: Side, move: Move) -> None:
        side.house.is_broken = True

    def _mend(self, side: Side, move: Move) -> None:
        side.house.is_broken = False
        side.house.catch_up(move.at)
        for event in side.waiting:
            side.oracle.event(event)
        side.caught_up += len(side.waiting)
        side.waiting = []

    def _night(self, side: Side, move: Move) -> None:
        """After a working day: what the desk does, the sweep, a seal; then the audit."""
        if side.house.is_broken:
            self._mend(side, move)
        self._desk(side, move)
        side.house.sweep(move.at + 40)
        side.house.seal(move.at + 50)
        faults = audit(side.house.stands(), side.oracle, side.house.names())
        day = datetime.fromtimestamp(move.at, ZoneInfo(self.law.zone))
        if (
            side is self.sides[0]
            and day.month == self.law.months()[6][1]
            and not self.backup.exists()
        ):
            tampering.backup(side.house, self.backup)
        assert not faults, f"{day} {side.house.folder.name}: " + "\n".join(faults)

    # The desk

    def _desk(self, side: Side, move: Move) -> None:
        now, house = move.at, side.house
        day = datetime.fromtimestamp(now, ZoneInfo(self.law.zone))
        self._money(side, now)
        house.sweep(now + 1)
        for id, at in [each for each in side.sent if now - each[1] > 3 * DAY_S]:
            side.sent.remove((id, at))
            self._answer(side, id, now + 2)
        for id, not_before in list(side.to_send.items()):
            if now >= not_before:
                self._send(side, id, now + 3)
        this = day.year * 12 + day.month - 1
        for month in range(side.closed_to + 1 if side.closed_to else this - 1, this):
            self._close(side, self.law.period(month // 12, month % 12 + 1), now + 4)
            side.closed_to = month

    def _money(self, side: Side, now: int) -> None:
        """Settlements, payouts, pay-ins: what the balances of the day allow."""
        house, oracle, names = side.house, side.oracle, side.house.names()
        stands = house.stands()
        if (collected := -stands.get("1200", 0)) > 0 and self.random.random() < 0.3:
            house.fact("settlement", collected, now)
            oracle.books["1200"] -= collected
        for worker, agent in sorted(names.items(), key=lambda each: each[1]):
            pay, tips, held = (stands.get(f"{n}:{worker}", 0) for n in (2100, 2110, 1220))
            if pay + tips > 0 and self.random.random() < 0.15:
                house.fact("payout", pay + tips, now, worker=worker, tips_minor=tips)
                oracle.stands[agent] -= pay + tips
            if held < 0 and self.random.random() < 0.15:
                part = self.random.randrange(1, -held + 1)
                house.fact("pay-in", part, now, worker=worker)
                oracle.stands[agent] += part

    def _close(self, side: Side, period: str, now: int) -> None:
        """A period, once it is over."""
        this = datetime.fromtimestamp(now, ZoneInfo(self.law.zone))
        if period <= side.closed or period == self.law.period(this.year, this.month):
            return
        side.closed = period
        found = side.house.close(period, now)
        assert found.amount_minor == side.oracle.close(period, found.id), found
        lines = side.house.rows(
            f"SELECT worker, amount_minor FROM remittance_line WHERE remittance = '{found.id}'"  # noqa: S608
        )
        names, expected = side.house.names(), side.oracle.remitted[found.id]
        declared = {names[worker]: minor for worker, minor in lines if minor}
        assert declared == {
            agent: minor
            for agent in {key[0] for key in expected}
            if (minor := sum(m for key, m in expected.items() if key[0] == agent))
        }
        if found.amount_minor:
            is_late = len(side.oracle.remitted) % 2 == 0
            side.to_send[found.id] = now + (self.random.randrange(20, 50) * DAY_S if is_late else 0)

    def _send(self, side: Side, id: str, now: int) -> None:
        """With interest if it is late, which is the cooperative's."""
        house, found = side.house, side.house.remittance(id)
        before = found.interest_minor
        if found.due_day is not None and house.scheme.day(now) > found.due_day:
            days = (house.scheme.day(now) - found.due_day).days
            interest = half_up(found.payable_minor * Fraction(12, 100) * Fraction(days, 365))
            if interest:
                assert house.late(id, now, None).interest_minor == before + interest
                self._on_top(side, id, interest)
        elif found.due_day is None and self.random.random() < 0.2:
            house.late(id, now, 37)
            self._on_top(side, id, 37)
        house.send(id, now)
        side.oracle.sent.add(id)
        del side.to_send[id]
        side.sent.append((id, now))

    def _on_top(self, side: Side, id: str, interest: int) -> None:
        side.oracle.books["5010"] += interest

    def _answer(self, side: Side, id: str, now: int) -> None:
        """The institution takes it, or one worker's line comes back first, or all of it."""
        house, oracle = side.house, side.oracle
        answer, interest = self.random.random(), house.remittance(id).interest_minor
        if answer < 0.15:
            back = oracle.reject(id, None)
            house.reject(id, now, None)
            oracle.books["5010"] -= interest
            assert house.remittance(id).rejected_minor == back
            return
        workers = sorted({key[0] for key in oracle.remitted[id]})
        if answer < 0.4 and len(workers) > 1:
            agent = self.random.choice(workers)
            back = oracle.reject(id, agent)
            house.reject(id, now, house.local(agent))
            assert house.remittance(id).rejected_minor == back
        paid = oracle.unpaid.pop(id) + interest
        step = house.acknowledge(id, now + 1)
        assert (step.events[-1].amount_minor, step.state) == (paid, "acknowledged")
