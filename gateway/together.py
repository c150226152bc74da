"""What the gateway's operator and the public are shown: of all its workers together.

Each worker holds its part of the searches (app.py, `_held_under`). Whoever is asked for a page asks
the others, seldom however many look; one that does not answer is left out, until it does again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from gateway.lately import Lately
from gateway.recent import Tally, Went
from gateway.report import shown

if TYPE_CHECKING:
    from gateway.app import Gateway

NEWEST, REPORT = "gateway newest", "gateway report"
NEWEST_MAX = 50
UNREACHED_MAX = 500


class Unreached(NamedTuple):
    """A participant whose last call failed, `failures` times in a row, the last at `failed_at`."""

    subscriber_id: str
    failures: int
    failed_at: int
    is_down: bool


@dataclass(frozen=True, slots=True)
class Now:
    """How it stands: `since` when, how many searches in this hour and in 24, the newest of them,
    and whom the gateway cannot reach."""

    since: int
    hour: int
    day: int
    newest: list[Went]
    unreached: list[Unreached]


class Together:
    """Of one gateway; each of its workers has one."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway, self._siblings = gateway, gateway.node.siblings
        self._siblings.serve(NEWEST, self._own_now)
        self._siblings.serve(REPORT, self._own_report)
        self._newest = Lately(partial(self._siblings.ask_all, NEWEST, b""))

    async def now(self) -> Now:
        """The newest 50 searches, and what was counted."""
        parts = [orjson.loads(each) for each in await self._newest()]
        newest = [Went.read(each) for part in parts for each in part["newest"]]
        newest.sort(key=lambda went: went.at, reverse=True)
        return Now(
            min((part["since"] for part in parts), default=self._gateway.tally.since),
            sum(part["hour"] for part in parts),
            sum(part["day"] for part in parts),
            newest[:NEWEST_MAX],
            _latest(Unreached(*each) for part in parts for each in part["unreached"]),
        )

    async def report(self, now: int) -> dict[str, Any]:
        """See `report.shown`."""
        answers = await self._siblings.ask_all(REPORT, b"")
        return shown([orjson.loads(each) for each in answers], now)

    async def _own_now(self, payload: bytes) -> bytes:
        gateway, now = self._gateway, self._gateway.node.now()
        told = {
            **_counted(gateway.tally, now),
            "newest": [went.written() for went in gateway.recent.newest(NEWEST_MAX)],
            "unreached": [
                (who, reach.failures, reach.failed_at, reach.is_down)
                for who, reach in gateway.sending.unreached()[:UNREACHED_MAX]
            ],
        }
        return orjson.dumps(told)

    async def _own_report(self, payload: bytes) -> bytes:
        return orjson.dumps(self._gateway.report.counted(self._gateway.node.now()))


def _counted(tally: Tally, now: int) -> dict[str, int]:
    return {"since": tally.since, "hour": tally.of_hour(now), "day": tally.of_day(now)}


def _latest(told: Iterable[Unreached]) -> list[Unreached]:
    """Each participant once, as the worker says that called it last, by id."""
    found: dict[str, Unreached] = {}
    for one in told:
        known = found.get(one.subscriber_id)
        if known is None or known.failed_at < one.failed_at:
            found[one.subscriber_id] = one
    return [found[who] for who in sorted(found)]
