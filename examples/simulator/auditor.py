"""The auditor: judges what the nodes keep and say by a small model of its own, from outside.

It reads the wire (every answer that a door gives) and the nodes' files, and asks no node anything.
A finding is a sentence; none is what is wanted.
"""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import orjson

from examples.simulator.machine import BEGAN_AT
from examples.simulator.people import Town
from examples.simulator.world import House, World

REQUESTS = ("init", "confirm", "cancel", "update", "rating")
DURABLE = frozenset([*REQUESTS, *(f"on_{action}" for action in REQUESTS)])
RANK = {
    state: rank
    for states in (
        ("RIDE_ASSIGNED", "RIDE_ENROUTE_PICKUP", "RIDE_ARRIVED_PICKUP", "RIDE_STARTED",
         "RIDE_ENDED"),
        ("Agent-assigned", "At-pickup", "Order-picked-up", "Out-for-delivery", "At-delivery",
         "Order-delivered"),
    )
    for rank, state in enumerate(states, 1)
}  # fmt: skip
AT_PICKUP = 3  # from this rank of a ride on, nobody else comes
FINAL = ("COMPLETE", "CANCELLED")
Row = sqlite3.Row
Open = Callable[[House], sqlite3.Connection]


class Auditor:
    """Looks at `world` and `town`. `findings` grow; each stands there once."""

    def __init__(self, world: World, town: Town, connect: Callable[..., Any]) -> None:
        self._world, self._town, self._connect = world, town, connect
        self._files: dict[str, sqlite3.Connection] = {}
        self._seen: dict[tuple[str, str], tuple[str, int]] = {}  # house, order: status, events
        self._told: dict[str, str] = {}  # journey: state
        self._acked: dict[tuple[str, str, str, str], int] = {}
        self.findings: list[str] = []
        self.looks = self.answers = 0
        world.loop.tap = self._hear

    def close(self) -> None:
        """Let the files go."""
        for file in self._files.values():
            file.close()

    # The wire

    def _hear(self, sender: str, receiver: str, asked: bytes, answer: bytes) -> None:
        """An answer of a door, as it leaves: what is acknowledged must be kept by now."""
        head, _, body = asked.partition(b"\r\n\r\n")
        action = head.split(b" ", 2)[1].rsplit(b"/", 1)[-1].decode()
        if action not in DURABLE or b"200 OK" not in answer[:20] or b'"ACK"' not in answer:
            return
        self.answers += 1
        context = orjson.loads(body)["context"]
        who = context["bpp_id"] if action.startswith("on_") else context["bap_id"]
        key = (receiver, str(who), action, str(context["message_id"]))
        self._acked[key] = self._acked.get(key, 0) + 1
        if not self._kept(key):
            self._find(f"{receiver} acknowledged {action} {key[3]} before it was kept")

    def _kept(self, key: tuple[str, str, str, str]) -> int:
        rows = self._rows(
            self._world.houses[key[0]],
            "SELECT count(*) AS n FROM received WHERE sender_id = ? AND action = ? "
            "AND message_id = ?",
            *key[1:],
        )
        return int(rows[0]["n"])

    # The files

    def look(self) -> None:
        """A look at every order: nothing goes back, nothing promised is undone."""
        self.looks += 1
        for house in self._world.of_role("bpp"):
            self._orders(house)
        for house in self._world.of_role("bap"):
            self._journeys(house)

    def _orders(self, house: House) -> None:
        promises = self._town.promises.get(house.name, {})
        for row in self._rows(house, "SELECT job_id, status, state, events FROM orders"):
            key, status, events = (house.name, row["job_id"]), row["status"], row["events"]
            before = self._seen.get(key)
            if before is not None and before[0] in FINAL and status != before[0]:
                self._find(f"{house.name}: order {key[1]} went from {before[0]} to {status}")
            if before is not None and events < before[1]:
                self._find(f"{house.name}: order {key[1]} lost {before[1] - events} facts")
            self._seen[key] = status, events
            promised = promises.pop(row["job_id"], None)
            if promised is not None and not _holds(promised, row["state"], status):
                self._find(
                    f"{house.name}: order {key[1]} was told to be {promised}, is {row['state']}"
                )

    def _journeys(self, house: House) -> None:
        for row in self._rows(house, "SELECT id, state FROM journey"):
            before = self._told.get(row["id"])
            if before in ("completed", "cancelled") and row["state"] != before:
                self._find(f"{house.name}: a journey went from {before} to {row['state']}")
            self._told[row["id"]] = row["state"]

    def judge(self) -> None:
        """The whole account, when everything has come to rest."""
        self.look()
        for check in (self._lost, self._agree, self._ends, self._owed, self._books, self._insured):
            for finding in check():
                self._find(finding)

    def _lost(self) -> Iterator[str]:
        """What was acknowledged is there once, and was handled."""
        for key in self._acked:
            if not self._kept(key):
                yield f"{key[0]} has lost {key[2]} {key[3]}, which it acknowledged"
        for house in self._world.houses.values():
            doubled = self._rows(
                house,
                "SELECT action, message_id, count(*) AS n FROM received WHERE callback_hash = '' "
                "GROUP BY sender_id, action, message_id HAVING n > 1",
            )
            for row in doubled:
                yield f"{house.name} took {row['action']} {row['message_id']} {row['n']} times"

    def _agree(self) -> Iterator[str]:
        """What the citizens' nodes say of an order is what the cooperatives' say."""
        said: dict[str, Row] = {}
        for house in self._world.of_role("bap"):
            for row in self._rows(
                house, "SELECT transaction_id, state, order_message FROM journey"
            ):
                said[row["transaction_id"]] = row
        for house in self._world.of_role("bpp"):
            for row in self._rows(
                house, "SELECT transaction_id, job_id, status, state FROM orders"
            ):
                journey = said.get(row["transaction_id"])
                told = None if journey is None else journey["state"]
                wanted = {"COMPLETE": "completed", "CANCELLED": "cancelled"}.get(row["status"])
                if told != (wanted or "booked"):
                    yield (
                        f"order {row['job_id']} is {row['status']} {row['state']} at {house.name}, "
                        f"and {told} for its citizen"
                    )

    def _ends(self) -> Iterator[str]:
        """Nobody waits for ever: not the citizens, not an order, not a call."""
        for citizen in self._town.journeys:
            if citizen.outcome == "waiting":
                state = citizen.journey.get("state", "nothing")
                yield f"a citizen waits for ever, at {state}"
        for house in self._world.of_role("bpp"):
            for row in self._rows(
                house, "SELECT job_id, state FROM orders WHERE status = 'ACTIVE'"
            ):
                yield f"{house.name}: order {row['job_id']} never ended ({row['state']})"

    def waits(self) -> list[str]:
        """What is not at rest yet."""
        return [*self._ends(), *(found for found in self._owed() if "is parked" not in found)]

    def _owed(self) -> Iterator[str]:
        """No message waits, and none was put aside."""
        for house in self._world.houses.values():
            for table, state in (("received", "new"), ("owed", "pending"), ("received", "parked")):
                for row in self._rows(
                    house,
                    f"SELECT action, message_id, error FROM {table} WHERE state = ?",  # noqa: S608
                    state,
                ):
                    yield (
                        f"{house.name}: {row['action']} {row['message_id']} is {state} in {table}: "
                        f"{row['error']}"
                    )

    # The books

    def _books(self) -> Iterator[str]:
        """They balance, each fact stands once, and a cancelled order has nothing set aside."""
        for house in self._world.of_role("bpp"):
            stands: Counter[tuple[str, str]] = Counter()
            aside: Counter[str] = Counter()
            for row in self._rows(
                house,
                "SELECT t.debit, t.credit, t.currency, t.amount_minor, e.order_key "
                "FROM transfer t JOIN entry e ON e.id = t.entry",
            ):
                stands[row["debit"], row["currency"]] -= row["amount_minor"]
                stands[row["credit"], row["currency"]] += row["amount_minor"]
                for account, sign in ((row["credit"], 1), (row["debit"], -1)):
                    if row["order_key"] and account.startswith(("2200", "2210", "2220")):
                        aside[row["order_key"]] += sign * row["amount_minor"]
            if sum(stands.values()):
                yield f"{house.name}: the books are off by {sum(stands.values())}"
            for (account, _), minor in stands.items():
                if account.startswith("2100") and minor < 0:
                    yield f"{house.name}: {account} stands at {minor}"
            yield from self._facts(house, aside)

    def _facts(self, house: House, aside: Counter[str]) -> Iterator[str]:
        posted = {(r["order_key"], r["n"]) for r in self._rows(house, "SELECT * FROM projected")}
        kinds: dict[str, Counter[str]] = defaultdict(Counter)
        for row in self._rows(house, "SELECT order_key, n, kind, document FROM order_event"):
            kinds[row["order_key"]][row["kind"]] += 1
            if (row["order_key"], row["n"]) not in posted:
                yield f"{house.name}: {row['kind']} of order {row['order_key']} was never posted"
        for row in self._rows(house, "SELECT key, job_id, status, document FROM orders"):
            key, of = row["key"], kinds[row["key"]]
            for kind in ("confirmed", "completed", "cancelled"):
                if of[kind] > 1 or (kind == "confirmed" and not of[kind]):
                    yield f"{house.name}: order {row['job_id']} was {kind} {of[kind]} times"
            if row["status"] == "CANCELLED" and aside[key] and not self._fee(house, key):
                yield f"{house.name}: cancelled order {row['job_id']} keeps {aside[key]}"

    def _fee(self, house: House, key: str) -> int:
        rows = self._rows(
            house,
            "SELECT document FROM order_event WHERE order_key = ? AND kind = 'cancelled'",
            key,
        )
        return sum(orjson.loads(row["document"])["cancellation_fee_minor"] for row in rows)

    def _insured(self) -> Iterator[str]:
        """What is due is what the law's one sentence makes of the fares, worked out here alone."""
        for house in self._world.of_role("bpp"):
            is_malaysian = house.document["currency"] == "MYR"
            expected = self._due(house, by_period=is_malaysian)
            found = 0
            for row in self._rows(house, "SELECT debit, credit, amount_minor FROM transfer"):
                found += row["amount_minor"] * row["credit"].startswith(("2210", "2220"))
                found -= row["amount_minor"] * row["debit"].startswith(("2210", "2220"))
            if found != expected:
                yield f"{house.name}: {found} is due to the institution, not {expected}"

    def _due(self, house: House, *, by_period: bool) -> int:
        """Malaysia: 1.25 % of each worker's month after commission. Karnataka: 1 % of each job
        after commission, at most 0.50."""
        share = Fraction(house.document["insurance"]["commission_rate"])
        months: Counter[str] = Counter()
        jobs = 0
        for event in self._last_events(house):
            if event["agent_id"] is None:
                continue
            if event["kind"] == "completed":
                whole = sum(line["amount_minor"] for line in event["lines"])
                whole -= half_up(whole * share)
            else:
                whole = event["cancellation_fee_minor"]
            months[event["agent_id"]] += whole
            jobs += min(half_up(whole * Fraction(1, 100)), 50)
        if by_period:
            return sum(half_up(minor * Fraction(1, 80)) for minor in months.values())
        return jobs

    def books_of(self, house: House) -> dict[str, Any]:
        """For a report: what each agent earned, and what was set aside by hour, by scheme."""
        earned: Counter[str] = Counter()
        for event in self._last_events(house):
            if event["kind"] == "completed":
                earned[event["agent_id"]] += sum(line["amount_minor"] for line in event["lines"])
        aside: dict[str, Counter[int]] = defaultdict(Counter)
        for row in self._rows(
            house,
            "SELECT t.credit, t.debit, t.amount_minor, e.at FROM transfer t "
            "JOIN entry e ON e.id = t.entry",
        ):
            for account, sign in ((row["credit"], 1), (row["debit"], -1)):
                if account.startswith("2210:"):
                    hour = (row["at"] - BEGAN_AT) // 3600
                    aside[account.split(":")[1]][hour] += sign * row["amount_minor"]
        states = Counter(row["status"] for row in self._rows(house, "SELECT status FROM orders"))
        return {
            "name": house.name,
            "title": house.document["provider_name"],
            "assignment": house.document["assignment"],
            "currency": house.document["currency"],
            "commission": house.document["insurance"]["commission_rate"],
            "earned": dict(earned),
            "due": {scheme: dict(hours) for scheme, hours in aside.items()},
            "orders": dict(states),
        }

    def _last_events(self, house: House) -> Iterator[Any]:
        for row in self._rows(
            house,
            "SELECT document FROM order_event WHERE kind IN ('completed', 'cancelled')",
        ):
            yield orjson.loads(row["document"])

    def _rows(self, house: House, sql: str, *values: Any) -> list[Row]:
        file = self._files.get(house.name)
        if file is None:
            path = house.folder / "data" / "node.sqlite3"
            file = self._connect(f"file:{path}?mode=ro", uri=True, isolation_level=None)
            file.row_factory = sqlite3.Row
            self._files[house.name] = file
        return file.execute(sql, values).fetchall()

    def _find(self, finding: str) -> None:
        if finding not in self.findings:
            self.findings.append(finding)


def half_up(value: Fraction) -> int:
    """To the nearest whole, halves up."""
    return int(value + Fraction(1, 2))


def _holds(promised: str, state: str, status: str) -> bool:
    """Whether an order may be in `state` now, once it was said to be in `promised`. A driver who
    gives up before the pickup sets it back to nobody's."""
    if status in FINAL or promised == state:
        return True
    before, now = RANK.get(promised, 0), RANK.get(state, 0)
    return now >= before or before < AT_PICKUP
