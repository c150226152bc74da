"""Citizens and drivers: small agents, each at their own app, who act by chance and live through
every fault by looking again."""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from examples.simulator.calls import App, Json, Refusal, Unanswered
from examples.simulator.world import House

LOOK_S = 10.0
TRIES = 40
CASH = {"collected_by": "BPP", "type": "ON-FULFILLMENT"}
PREPAID = {"collected_by": "BAP", "type": "PRE-ORDER"}
ENDED = ("completed", "cancelled")
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Move:
    """The next step of a job by its state; `leg`: it takes the time of a drive."""

    step: str
    is_drive: bool = False
    needs_code: bool = False


MOVES = {
    "RIDE_ASSIGNED": Move("enroute"),
    "RIDE_ENROUTE_PICKUP": Move("arrived", is_drive=True),
    "RIDE_ARRIVED_PICKUP": Move("start", needs_code=True),
    "RIDE_STARTED": Move("end", is_drive=True),
    "Agent-assigned": Move("arrived", is_drive=True),
    "At-pickup": Move("pickup", needs_code=True),
    "Order-picked-up": Move("enroute"),
    "Out-for-delivery": Move("arrived-drop", is_drive=True),
    "At-delivery": Move("end"),
}


@dataclass(slots=True)
class Habits:
    """How people behave: chances from 0 to 1, times in seconds."""

    cancels: float = 0.2
    rates: float = 0.5
    declines: float = 0.2
    gives_up: float = 0.05
    rests: float = 0.1
    drive_s: tuple[float, float] = (30, 240)
    pause_s: tuple[float, float] = (1, 20)
    follows_s: int = 25  # how long a citizen's app waits for news before it asks again


@dataclass(slots=True)
class Town:
    """What people have in common: their habits, who told whom which code, what nodes promised."""

    habits: Habits
    codes: dict[str, str] = field(default_factory=dict)  # by order: what the citizen says aloud
    promises: dict[str, dict[str, str]] = field(default_factory=dict)  # house -> order -> state
    journeys: list[Citizen] = field(default_factory=list)
    is_closing: bool = False  # nobody begins anything new

    def promised(self, house: House, order_id: str, state: str) -> None:
        """A node answered 200 to this step: it must hold for ever."""
        self.promises.setdefault(house.name, {})[order_id] = state


def token_of(name: str) -> str:
    """A driver's token, known to the roster by its hash."""
    return hashlib.sha256(f"token of {name}".encode()).hexdigest()[:32]


async def insist(ask: Callable[[], Awaitable[Any]], dice: random.Random) -> Any:
    """Ask until an answer comes. Raises Refusal; Unanswered after very many tries."""
    for _ in range(TRIES):
        try:
            return await ask()
        except Unanswered:
            await asyncio.sleep(dice.uniform(2, 10))
    return await ask()


@dataclass(slots=True)
class Citizen:
    """One wish: from search to the end of the order, or to giving it up. `outcome` says which."""

    town: Town
    bap: House
    dice: random.Random
    kind: str
    pickup: Point
    drop: Point
    wants_cancel: bool = False
    zone: str = ""  # where it begins, by name
    coop: str = ""  # whose offer was chosen
    journey: Json = field(default_factory=dict)
    outcome: str = "waiting"
    asked_at: float = 0.0
    met_at: float = 0.0  # the vehicle was there
    app: App = field(init=False)

    async def live(self) -> None:
        """All of it. Whatever is refused ends the wish, never the agent."""
        self.town.journeys.append(self)
        self.asked_at = asyncio.get_running_loop().time()
        try:
            self.outcome = await self._travel()
        except Unanswered as error:
            self.outcome = f"unanswered: {error}"
        except Refusal as error:
            self.outcome = f"refused: {error}"

    async def _travel(self) -> str:
        if not await self._search():
            return "no offer"
        offers = self.journey["offers"]
        chosen = self.dice.choice(offers)
        self.coop = chosen["provider_id"]
        if not await self._ask("select", {"offer_id": chosen["offer_id"]}, "quoted"):
            return "no quote"
        person = {"name": "Citizen", "phone": "+60123456789"}
        payment = CASH if self.kind == "ride" else PREPAID
        if not await self._ask("init", {"customer": person, "payment": payment}, "ready"):
            return "no terms"
        await self._confirm()
        return await self._follow()

    async def _search(self) -> bool:
        places = {"pickup": _place(self.pickup), "drop": _place(self.drop)}
        payment = CASH if self.kind == "ride" else PREPAID
        body: Json = {"kind": self.kind, **places, "payment": payment}
        if self.kind == "delivery":
            body["parcel"] = {"weight_grams": 900, "description": "a book"}
        for _ in range(3):
            told = await insist(
                lambda: App(self.bap.port).post("/api/journeys?wait_s=15", body), self.dice
            )
            self.app = App(self.bap.port, told["secret"])
            self.journey = told["journey"]
            if self.journey["offers"]:
                return True
            await asyncio.sleep(self.dice.uniform(5, 30))
        return False

    async def _ask(self, verb: str, body: Json, until: str) -> bool:
        """Ask a few times; whether the journey came to the state."""
        for _ in range(6):
            path = f"/api/journeys/{self.journey['journey_id']}/{verb}?wait_s=20"
            try:
                self.journey = await self.app.post(path, body)
            except Unanswered:
                await asyncio.sleep(self.dice.uniform(2, 10))
                await self._look()
            if self.journey["state"] == until:
                return True
        return False

    async def _confirm(self) -> None:
        """The citizen's word is given once; after that the journey says what became of it."""
        body: Json = {"quote_hash": self.journey["quote"]["hash"]}
        if self.kind == "delivery":
            body["payment_reference"] = f"PAID-{self.dice.randrange(10**9)}"
        path = f"/api/journeys/{self.journey['journey_id']}/confirm?wait_s=20"
        for _ in range(6):
            try:
                self.journey = await self.app.post(path, body)
                return
            except Unanswered:
                await asyncio.sleep(self.dice.uniform(2, 10))
                await self._look()
                if self.journey["state"] != "ready":
                    return

    async def _follow(self) -> str:
        """Until the order has ended, or is refused, or is not known to anybody for ten minutes."""
        lost_since = None
        loop = asyncio.get_running_loop()
        cancel_at = loop.time() + self.dice.uniform(5, 300) if self.wants_cancel else None
        while True:
            state = self.journey["state"]
            self._tell_code()
            if state in ENDED:
                await self._rate()
                return "no driver" if self._was_let_down() else str(state)
            if state in ("quoted", "ready", "searching"):
                return f"refused: {(self.journey['error'] or {}).get('code')}"
            lost_since = (lost_since or loop.time()) if state == "lost" else None
            if lost_since is not None and loop.time() - lost_since > 600:
                return "lost"
            if cancel_at is not None and loop.time() > cancel_at:
                cancel_at = None if await self._cancel() else loop.time() + 20
                continue
            await self._look(wait_s=self.town.habits.follows_s)

    def _was_let_down(self) -> bool:
        """Whether the cooperative ended it: nobody took the job in time."""
        order = self.journey["order"]
        return bool(order and order["cancelled"] and order["cancelled"]["by"] == "PROVIDER")

    def _tell_code(self) -> None:
        order = self.journey["order"]
        if not order:
            return
        if order["start_code"]:
            self.town.codes[order["id"]] = order["start_code"]
        if order["state"] in ("RIDE_ARRIVED_PICKUP", "At-pickup") and not self.met_at:
            self.met_at = asyncio.get_running_loop().time()

    async def _cancel(self) -> bool:
        """Whether that is settled: cancelled, or no longer possible."""
        terms = self.journey["cancellation"]
        if terms is None:
            return self.journey["order"] is not None
        fee = terms["fee"]
        body = {"reason_id": "005", "fee_minor": 0 if fee is None else fee["minor"]}
        path = f"/api/journeys/{self.journey['journey_id']}/cancel?wait_s=20"
        try:
            self.journey = await self.app.post(path, body)
        except (Refusal, Unanswered):
            await self._look()
            return False
        return bool(self.journey["state"] == "cancelled")

    async def _rate(self) -> None:
        if self.journey["state"] != "completed" or self.dice.random() > self.town.habits.rates:
            return
        path = f"/api/journeys/{self.journey['journey_id']}/rating?wait_s=20"
        ratings = [{"category": "Order", "value": self.dice.randint(1, 5)}]
        try:
            await insist(lambda: self.app.post(path, {"ratings": ratings}), self.dice)
        except (Refusal, Unanswered):
            return  # who does not hear of it does not mind

    async def _look(self, wait_s: int = 0) -> None:
        path = f"/api/journeys/{self.journey['journey_id']}"
        query = f"?since={self.journey['version']}&wait_s={wait_s}" if wait_s else ""
        self.journey = await insist(lambda: self.app.get(path + query), self.dice)


@dataclass(slots=True)
class Driver:
    """A driver at work for a cooperative, until the town closes and the job in hand is done."""

    town: Town
    coop: House
    name: str
    home: Point
    dice: random.Random
    app: App = field(init=False)
    busy_s: float = 0.0
    online_s: float = 0.0

    def __post_init__(self) -> None:
        self.app = App(self.coop.port, token_of(self.name))

    async def live(self) -> None:
        """One look after the other; what goes wrong is looked at again."""
        await self._begin()
        while True:
            try:
                job = (await self.app.get("/driver/job"))["job"]
                if job is None:
                    if self.town.is_closing:
                        return
                    job = await self._wait_for_work()
                if job is not None:
                    await self._serve(job)
                    continue
            except (Unanswered, Refusal):
                pass
            await asyncio.sleep(LOOK_S * self.dice.uniform(0.8, 1.2))

    async def _begin(self) -> None:
        """Read what is deducted and why, agree, go online."""
        notices = await insist(
            lambda: self.app.get("/driver/insurance/notices?language=en"), self.dice
        )
        for notice in notices["notices"]:
            told = {"scheme": notice["scheme"], "language": "en", "version": notice["version"]}
            await insist(lambda: self.app.post("/driver/insurance/notices", told), self.dice)  # noqa: B023
            if notice["asks_consent"]:
                agreed = {"scheme": notice["scheme"], "agree": True}
                await insist(lambda: self.app.post("/driver/insurance/consent", agreed), self.dice)  # noqa: B023
        await insist(self._be_online, self.dice)

    async def _be_online(self) -> None:
        lat, lon = self.home
        await self.app.post("/driver/online", {"online": True, "lat": lat, "lon": lon})

    async def _wait_for_work(self) -> Json | None:
        """An offer that is taken; else a rest, or word that one is still here."""
        offers = (await self.app.get("/driver/offers"))["offers"]
        if offers:
            order_id = offers[0]["order_id"]
            declines = self.dice.random() < self.town.habits.declines
            verb = "decline" if declines else "accept"
            answer = await self.app.post(f"/driver/jobs/{order_id}/{verb}")
            if not declines:
                self.town.promised(self.coop, order_id, answer["job"]["state"])
                return dict(answer["job"])
        elif self.dice.random() < self.town.habits.rests / 10:
            await self.app.post("/driver/online", {"online": False})
            await asyncio.sleep(self.dice.uniform(30, 300))
            await self._be_online()
        elif self.dice.random() < 0.1:
            await self._be_online()
        return None

    async def _serve(self, job: Json) -> None:
        """The next step of the job."""
        habits, order_id, move = self.town.habits, job["order_id"], MOVES.get(job["state"])
        if move is None:
            await asyncio.sleep(LOOK_S)
            return
        await asyncio.sleep(
            self.dice.uniform(*(habits.drive_s if move.is_drive else habits.pause_s))
        )
        before = job["state"] in ("RIDE_ASSIGNED", "Agent-assigned", "RIDE_ENROUTE_PICKUP")
        if before and self.dice.random() < habits.gives_up:
            await self.app.post(f"/driver/jobs/{order_id}/cancel", {"reason_id": "013"})
            return
        body: Json = {}
        if move.needs_code:
            code = self.town.codes.get(order_id)
            if code is None:  # the citizen has not heard of it yet
                await asyncio.sleep(LOOK_S)
                return
            body = {"code": code}
        answer = await self.app.post(f"/driver/jobs/{order_id}/{move.step}", body)
        self.town.promised(self.coop, order_id, answer["job"]["state"])


def _place(point: Point) -> Json:
    return {"lat": round(point[0], 5), "lon": round(point[1], 5)}
