"""Remittances in a running node: the close that goes on while orders flow, and the alarms."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Literal

from bpp.insurance.remittance import closing, deadlines
from bpp.insurance.remittance.declaring import Known
from bpp.insurance.remittance.shown import deadline_shown
from protocol_specs.node.server import Node

Next = Callable[[int], Awaitable[bool]]


def add(node: Node, known: Known) -> None:
    """Adds both loops. A close that was begun goes on here, also after a crash."""
    wake = asyncio.Event()
    node.store.listen(closing.CHANNEL, lambda _: wake.set())
    node.add_loop("closing periods", close_next(node, known), wake=wake)
    node.add_loop("remittance alarms", alarm_next(node, known), wake=asyncio.Event())


def close_next(node: Node, known: Known) -> Next:
    """One chunk of workers in a commit that orders share; False: no close is going on."""
    after: dict[str, str] = {}

    async def step(now: int) -> bool:
        going_on = node.store.read(closing.unfinished)
        if not going_on:
            return False
        close = going_on[0]
        beyond = after.get(close.remittance, "")
        found = await node.store.transact(
            lambda session: closing.next_chunk(session, known, close, beyond, now)
        )
        if found is None:
            after.pop(close.remittance, None)
            node.telemetry.log("period_closed", remittance=close.remittance)
        else:
            after[close.remittance] = found
        return True

    return step


def alarm_next(node: Node, known: Known) -> Next:
    """Once a day says what is due within three days, is due today, or is late."""
    next_at = 0

    async def step(now: int) -> bool:
        nonlocal next_at
        if now < next_at:
            return False
        next_at = now - now % deadlines.DAY_S + deadlines.DAY_S
        found = node.store.read(lambda s: list(deadlines.alarming(s, known.scheme, now)))
        for each, left in found:
            level: Literal["error", "warning"] = "warning" if left > 0 else "error"
            shown = {key: v for key, v in deadline_shown(each, left).items() if v is not None}
            node.telemetry.log("alarm", level=level, what="remittance_due", **shown)
        return False

    return step
