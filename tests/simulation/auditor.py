"""The auditor: what two cooperatives must owe, worked out alone from the facts, in Fractions.

It knows nothing of the engine or of entries. Keys are (worker, origin period); the worker is an
agent's name, "" while nobody has the job. Amounts are minor units.
"""

from collections import Counter, defaultdict
from datetime import datetime
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from bpp.orders.events import OrderEvent
from tests.simulation.laws import Law

Key = tuple[str, str]


def half_up(value: Fraction) -> int:
    return int(value + Fraction(1, 2))


class Oracle:
    """One cooperative by the facts alone. `told` are (at, worker, agrees), in their order."""

    def __init__(self, law: Law) -> None:
        self.law = law
        self.told: list[tuple[int, str, bool]] = []
        self.jobs: dict[str, dict[str, Any]] = {}
        self.stints: dict[Key, dict[tuple[str, int], dict[str, Any]]] = defaultdict(dict)
        self.aside: Counter[Key] = Counter()  # all that stands for the period
        self.due: Counter[Key] = Counter()  # of it, what is due
        self.declared: Counter[Key] = Counter()  # of that, what was declared and not rejected
        self.stands: Counter[str] = Counter()  # what the cooperative owes each worker, net
        self.books: Counter[str] = Counter()  # 1200, 2250, 4000, 5000, 5010, 5030 and returned
        self.remitted: dict[str, dict[Key, int]] = {}
        self.unpaid: Counter[str] = Counter()  # by remittance, until it is acknowledged
        self.sent: set[str] = set()

    # Jobs

    def event(self, event: OrderEvent) -> None:
        """One fact about an order, when it is posted."""
        job = self.jobs.setdefault(event.order_key, self._new(event))
        was = job["status"]
        self._fold(job, event)
        for stint in job["stints"]:
            self._assess(job, stint)
        if was == "open" and job["status"] != "open":
            self._earned(job)
        if event.kind == "refunded":
            self._refunded(job, event)

    def _new(self, event: OrderEvent) -> dict[str, Any]:
        at = event.planned_start or event.at
        day = datetime.fromtimestamp(at, ZoneInfo(self.law.zone))
        period = self.law.period(day.year, day.month)
        return {"key": event.order_key, "period": period, "status": "open", "agent": None,
                "stints": [], "refund": Counter(), "fee": 0}  # fmt: skip

    def _fold(self, job: dict[str, Any], event: OrderEvent) -> None:
        if event.kind != "refunded":
            job["lines"] = {line.code: line.amount_minor for line in event.lines}
        job["cash"] = event.payment.collected_by == "BPP"
        job["in_hand"] = job["cash"] and event.payment.status == "PAID"
        job["is_partner"] = {p.agent_id: p for p in event.partners}
        if event.kind in ("confirmed", "assigned", "reassigned") and (
            event.agent_id != job["agent"] or not job["stints"]
        ):
            self._leave(job, lambda s: s["is_main"])
            job["agent"] = event.agent_id
            self._join(job, event, event.agent_id, event.sector, event.vehicle_category, True)
        self._leave(job, lambda s: not s["is_main"] and s["agent"] not in job["is_partner"])
        here = {s["agent"] for s in job["stints"] if not s["left"]}
        for p in event.partners:
            if p.agent_id not in here:
                self._join(job, event, p.agent_id, p.sector, p.vehicle_category, False)
            self._stint(job, p.agent_id).update(sector=p.sector, vehicle=p.vehicle_category)
        if event.kind in ("completed", "cancelled"):
            job["status"], job["fee"] = event.kind, event.cancellation_fee_minor
        if event.kind == "refunded" and event.refund_borne_by == "worker":
            job["refund"][event.refund_agent_id or job["agent"]] += event.refund_minor

    def _join(
        self, job: Any, event: Any, agent: Any, sector: str, vehicle: str, main: bool
    ) -> None:
        says = [agrees for at, name, agrees in self.told if name == agent and at <= event.at]
        is_told = not self.law.borne_by_worker or agent is None or (says and says[-1])
        job["stints"].append({"n": len(job["stints"]), "agent": agent, "sector": sector,
                              "vehicle": vehicle, "is_main": main, "left": False,
                              "is_told": is_told})  # fmt: skip

    def _leave(self, job: Any, whom: Any) -> None:
        for stint in job["stints"]:
            stint["left"] = stint["left"] or whom(stint)

    def _stint(self, job: Any, agent: str) -> Any:
        return next(s for s in job["stints"] if s["agent"] == agent and not s["left"])

    def earnings(self, job: Any, stint: Any) -> tuple[int, int]:
        """What of the fare is this worker's, and the commission on it."""
        fare, parts = job["lines"]["BASE_FARE"], {}
        for agent, partner in job["is_partner"].items():
            parts[agent] = min(partner.amount_minor, fare)
            fare -= parts[agent]
        if stint["is_main"]:
            own = fare + job["lines"].get("DISCOUNT_BORNE_BY_WORKER", 0)
        else:
            own = parts.get(stint["agent"], 0)
        return own, half_up(Fraction(max(own, 0), 5))

    def _assess(self, job: Any, stint: Any) -> None:
        own, commission = self.earnings(job, stint)
        base = max(0, own - commission - job["refund"][stint["agent"]])
        if job["status"] == "cancelled":
            base = job["fee"] if stint["is_main"] and stint["agent"] else 0
        if stint["left"] or not stint["is_told"]:
            base = 0
        exact = base * self.law.rate
        cap = {(s, v): minor for s, v, minor in self.law.caps}.get(
            (stint["sector"], stint["vehicle"])
        )
        line = half_up(exact) if cap is None else min(half_up(exact), cap)
        key = (stint["agent"] or "", job["period"])
        over = job["status"] != "open" and not stint["left"]
        stint["line"] = line
        seen = (exact, line, over, own, stint["left"])
        if (stint["left"] or not stint["is_main"]) and seen == stint.get("seen"):
            return  # nothing of this worker's changed: nothing is posted for them
        stint["seen"] = seen
        self.stints[key][job["key"], stint["n"]] = {"exact": exact, "line": line, "over": over}
        self._period(key)

    def _period(self, key: Key) -> None:
        every = self.stints[key].values()
        floor = self.declared[key] if self.law.keeps_declared else 0
        before = self.due[key]
        self.aside[key] = max(self._sum(key, every), floor)
        self.due[key] = max(self._sum(key, [s for s in every if s["over"]]), floor)
        more = self.due[key] - before
        self.stands[key[0]] -= more if self.law.borne_by_worker else 0
        self.books["5000"] += 0 if self.law.borne_by_worker else more
        back = max(0, self.declared[key] - self.due[key])
        self.declared[key] -= back
        self.books["1260"] += back

    def _sum(self, key: Key, stints: Any) -> int:
        if self.law.caps or not key[0]:
            return sum(s["line"] for s in stints)
        return half_up(sum((s["exact"] for s in stints), Fraction(0)))

    def _earned(self, job: Any) -> None:
        main = job["agent"] or ""
        if job["status"] == "cancelled":
            self.books["1200"] += job["fee"]
            self.stands[main] += job["fee"] if main else 0
            self.books["4000"] += 0 if main else job["fee"]
            return
        lines = job["lines"]
        tip = 0 if job["cash"] else lines.get("BUYER_ADDITIONAL_AMOUNT", 0)
        whole = sum(lines.values()) - lines.get("BUYER_ADDITIONAL_AMOUNT", 0)
        for stint in job["stints"]:
            if not stint["left"]:
                own, commission = self.earnings(job, stint)
                self.stands[stint["agent"]] += own - commission
                self.books["4000"] += commission
        self.stands[main] += lines.get("TOLL_CHARGES", 0) + tip
        self.books["4000"] += lines.get("DISCOUNT_BORNE_BY_COOPERATIVE", 0)
        if job["in_hand"]:
            self.stands[main] -= whole
        else:
            self.books["1200"] += whole + tip

    def _refunded(self, job: Any, event: OrderEvent) -> None:
        bearer = event.refund_agent_id or job["agent"]
        if event.refund_borne_by == "cooperative":
            self.books["5030"] += event.refund_minor
        elif job["in_hand"] and event.refund_agent_id is None:
            return  # paid back out of the driver's own hand
        else:
            self.stands[bearer] -= event.refund_minor
        self.books["2250"] += event.refund_minor

    # Remittances

    def close(self, period: str, remittance: str) -> int:
        """All that is due up to the period and was not declared; the sum of it."""
        parts = {
            key: minor - self.declared[key]
            for key, minor in self.due.items()
            if key[1] <= period and minor != self.declared[key]
        }
        for key, minor in parts.items():
            self.declared[key] += minor
        self.remitted[remittance] = parts
        self.unpaid[remittance] = sum(parts.values())
        return self.unpaid[remittance]

    def reject(self, remittance: str, worker: str | None) -> int:
        """What of it is due again."""
        parts = self.remitted[remittance]
        back = {key: minor for key, minor in parts.items() if worker in (None, key[0])}
        for key, minor in back.items():
            self.declared[key] -= minor
            del parts[key]
        self.unpaid[remittance] -= sum(back.values())
        return sum(back.values())

    def owed_minor(self) -> int:
        """What workers bear, is due and was not sent to the institution, or came back."""
        waiting = sum(self.due.values()) - sum(self.declared.values())
        return waiting + sum(m for id, m in self.unpaid.items() if id not in self.sent)


def audit(stands: dict[str, int], oracle: Oracle, names: dict[str, str]) -> list[str]:
    """What of the accounts (credits less debits, by account id) is not what the oracle says.

    `names` gives the agent of a local id.
    """
    law, faults = oracle.law, []
    found: dict[str, Counter[Any]] = defaultdict(Counter)
    for account, minor in stands.items():
        number, *keys = account.split(":")
        if number in ("2200", "2205", "2210"):
            _, worker, period = keys
            station = "2210" if number == "2210" else "aside"
            found[station][names.get(worker, ""), period] += minor
        elif number in ("2100", "2110", "1220", "1240"):
            found["stands"][names[keys[0]]] += minor
            if (number == "2100" and minor < 0) or (number in ("1220", "1240") and minor > 0):
                faults.append(f"{account} stands at {minor}")
        else:
            found[number][number] += minor
    for key in oracle.aside | found["aside"] | found["2210"]:
        expected = oracle.aside[key] - oracle.due[key], oracle.due[key] - oracle.declared[key]
        there = found["aside"][key], found["2210"][key]
        if there != expected:
            faults.append(f"{key}: set aside and due {there}, expected {expected}")
    for name in {*oracle.stands, *found["stands"]} - {""}:
        if found["stands"][name] != oracle.stands[name]:
            faults.append(f"{name}: owed {found['stands'][name]}, not {oracle.stands[name]}")
    for number, sign in (("1200", -1), ("2250", 1), ("4000", 1), ("5000", -1), ("5010", -1),
                         ("5030", -1), ("1260", -1)):  # fmt: skip
        if found[number][number] * sign != oracle.books[number]:
            faults.append(f"{number}: {found[number][number] * sign}, not {oracle.books[number]}")
    if sum(stands.values()):
        faults.append(f"the books are off balance by {sum(stands.values())}")
    trust = -found["1110"]["1110"]
    if law.borne_by_worker and trust < oracle.owed_minor():
        faults.append(f"the trust account holds {trust} of {oracle.owed_minor()}")
    return faults
