"""Defects put in on purpose: the auditor must find each of them, or its silence means nothing."""

import asyncio
from typing import Any

import pytest

from bpp.insurance.extension import Insurance
from bpp.orders.events import OrderEvent
from examples.simulator.run import Plan, simulate
from protocol_specs.node.door.door import Door
from protocol_specs.node.messages.actions import Durable

PLAN = Plan(1, 120.0, has_faults=False, citizens=3, drivers=2, poll_s=4.0)


def test_an_ack_that_goes_out_before_the_commit_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    take, later = Door._take, set()

    async def ack_first(door: Any, served: Any, envelope: Any, now: int) -> bool:
        taken = take(door, served, envelope, now)
        if not isinstance(served, Durable):
            return await taken
        later.add(asyncio.get_running_loop().create_task(taken))
        return True

    monkeypatch.setattr(Door, "_take", ack_first)
    findings = simulate(PLAN).findings
    assert any("before it was kept" in finding for finding in findings), findings


def test_a_completed_job_whose_contribution_is_not_posted_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    on_event = Insurance.on_event

    def forgetful(insurance: Insurance, session: Any, event: OrderEvent) -> Any:
        return () if event.kind == "completed" else on_event(insurance, session, event)

    monkeypatch.setattr(Insurance, "on_event", forgetful)
    findings = simulate(PLAN).findings
    assert any("completed" in finding and "never posted" in finding for finding in findings)
    assert any("is due to the institution" in finding for finding in findings), findings
