"""Alarms before, on and after the due day; what the worker hears; how long money was held."""

from pathlib import Path
from typing import Any

import pytest

from bpp.insurance.remittance import deadlines, working
from bpp.insurance.scheme_file import load
from protocol_specs.node.telemetry.telemetry import Telemetry
from tests.bpp.insurance.remittance.support import acknowledge, at, close, job, reject, send, sweep
from tests.bpp.insurance.support import KA, MY, Coop

SG = "sg.cpf.platform"


def of_singapore(folder: Path) -> Coop:
    from tests.bpp.insurance.remittance.test_every_scheme import coop_of

    coop = coop_of(folder, SG)
    job(coop, "o1", 180_050, "2026-07-10")
    return coop


def alarmed(coop: Coop, day: str) -> list[tuple[str, int]]:
    found = coop.store.read(lambda s: list(deadlines.alarming(s, load, at(day))))
    return [(each.state, left) for each, left in found]


def test_the_alarm_sounds_before_on_and_after_the_due_day_until_it_is_acknowledged(
    tmp_path: Path,
) -> None:
    """Due on 14 August 2026, a Friday."""
    coop = of_singapore(tmp_path)
    assert alarmed(coop, "2026-08-10") == []
    assert alarmed(coop, "2026-08-11") == [("open", 3)]  # not even closed
    id = close(coop, "2026-07", "2026-08-12").id
    sweep(coop, "2026-08-12")
    assert alarmed(coop, "2026-08-12") == [("collected", 2)]
    send(coop, id, "2026-08-13")
    assert alarmed(coop, "2026-08-14") == [("sent", 0)]
    assert alarmed(coop, "2026-08-20") == [("sent", -6)]
    acknowledge(coop, id, "2026-08-20")
    assert alarmed(coop, "2026-08-21") == []


def test_the_worker_hears_from_the_due_day_on_and_nobody_whose_money_it_is_not(
    tmp_path: Path,
) -> None:
    coop = of_singapore(tmp_path)
    worker = coop.local("a1")

    def hears(day: str, who: str = worker) -> list[str]:
        found = coop.store.read(lambda s: deadlines.late_for(s, load, who, at(day)))
        return [each.state for each in found]

    assert hears("2026-08-13") == []
    assert hears("2026-08-14") == ["open"]
    assert hears("2026-08-15", "w-somebody-else") == []
    id = close(coop, "2026-07", "2026-08-15").id
    sweep(coop, "2026-08-15")
    send(coop, id, "2026-08-15")
    assert hears("2026-08-16") == ["sent"]
    acknowledge(coop, id, "2026-08-16")
    assert hears("2026-08-17") == []


def test_a_due_day_nobody_could_tell_alarms_nobody_and_is_shown_as_unknown(tmp_path: Path) -> None:
    from tests.bpp.insurance.support import my_coop

    coop = my_coop(tmp_path)
    job(coop, "o1", 180_050, "2026-07-10")
    (found,) = coop.store.read(lambda s: deadlines.deadlines(s, load))
    assert (found.scheme, found.due_day, found.state) == (MY, None, "open")
    assert alarmed(coop, "2027-08-20") == []


def test_what_came_back_whole_is_late_in_the_period_it_is_declared_in_now(tmp_path: Path) -> None:
    coop = of_singapore(tmp_path)
    id = close(coop, "2026-07", "2026-08-12").id
    sweep(coop, "2026-08-12")
    send(coop, id, "2026-08-12")
    reject(coop, id, "2026-08-13")
    assert alarmed(coop, "2026-08-14") == []
    found = coop.store.read(lambda s: deadlines.deadlines(s, load))
    assert [(each.period, each.state) for each in found] == [
        ("2026-07", "rejected"),
        ("2026-08", "open"),
    ]


async def test_the_nodes_loop_says_it_once_a_day(tmp_path: Path) -> None:
    import json

    coop = of_singapore(tmp_path)
    said: list[dict[str, Any]] = []

    class Around:
        store = coop.store
        telemetry = Telemetry("test", write=lambda line: said.append(json.loads(line)))

    step = working.alarm_next(Around(), coop.insurance.keeper)  # type: ignore[arg-type]
    for day, time in (
        ("2026-08-13", "12:00:00"),
        ("2026-08-13", "18:00:00"),
        ("2026-08-14", "00:00:01"),
    ):
        assert not await step(at(day, time))
    shown = [(each["event"], each["what"], each["level"], each["days_left"]) for each in said]
    assert shown == [
        ("alarm", "remittance_due", "warning", 1),
        ("alarm", "remittance_due", "error", 0),
    ]


@pytest.mark.parametrize("scheme", [MY, KA])
def test_how_long_money_was_held_is_weighted_by_amount(tmp_path: Path, scheme: str) -> None:
    """1.00 (or the like) from 10 July, three times as much from 20 July, sent on 9 August: the
    mean is (30 + 3 x 20) / 4 = 22.5 days."""
    coop = Coop(tmp_path, (load(scheme),), commission_rate="0")
    minor = 8_000 if scheme == MY else 5_000
    job(coop, "o1", minor, "2026-07-10")
    for n in range(3):
        job(coop, f"p{n}", minor, "2026-07-20", agent="a2")
    period = "2026-07" if scheme == MY else "FY2026-27Q2"
    found = close(coop, period, "2026-08-05" if scheme == MY else "2026-10-05")
    sweep(coop, "2026-10-05")
    held = coop.store.read(lambda s: deadlines.held_for(s, found, at("2026-08-09")))
    assert (held.mean_days_tenths, held.oldest_days) == (225, 30)
    assert held.amount_minor == found.amount_minor
