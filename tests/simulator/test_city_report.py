"""The report of a city's day: what it counts, and that a person finds it on the page."""

from types import SimpleNamespace
from typing import Any

import pytest

from examples.simulator.city import CityPlan
from examples.simulator.city_page import page
from examples.simulator.city_report import Figures, figures, gini, jain, paragraph

HOUR_S = 3600.0


def citizen(outcome: str, *, hour: int = 8, waited_s: float = 0.0) -> Any:
    asked_at = hour * HOUR_S + 60
    met_at = asked_at + waited_s if waited_s else 0.0
    return SimpleNamespace(
        outcome=outcome, asked_at=asked_at, met_at=met_at, zone="Old <Town>", coop="rides"
    )


def shift(name: str, agent_id: str, busy_s: float) -> Any:
    spell = (7 * HOUR_S, 16 * HOUR_S)
    return SimpleNamespace(
        name=name, agent_id=agent_id, coop=SimpleNamespace(name="rides"), zone="Old <Town>",
        spells=[spell], online=[spell], online_s=9 * HOUR_S, busy_s=busy_s,
    )  # fmt: skip


@pytest.fixture
def day() -> Figures:
    wishes = [
        *(citizen("completed", waited_s=120) for _ in range(7)),
        citizen("cancelled"),
        citizen("no offer", hour=4),
        citizen("no driver", waited_s=0),
    ]
    book = {
        "name": "rides", "title": "Ride drivers", "assignment": "in_turn", "currency": "MYR",
        "commission": "0.15", "earned": {"a1": 9000}, "orders": {"COMPLETE": 7, "CANCELLED": 2},
        "due": {"my.act872.gig": {8: 100, 9: 12}},
    }  # fmt: skip
    town: Any = SimpleNamespace(journeys=wishes)
    shifts = [shift("D1", "a1", 9 * 900.0), shift("D2", "a2", 0.0)]
    found = figures(CityPlan(5, drivers=2, citizens=10), town, shifts, [book], {"sent": 1234})
    return {**found, "findings": [], "cpu_s": 61.4}


def test_who_was_let_down_is_not_served_though_the_order_was_cancelled(day: Figures) -> None:
    assert day["unserved"] == 2
    assert day["by_hour"]["unserved"][4] == day["by_hour"]["unserved"][8] == 1


def test_a_cooperative_has_its_wait_its_money_and_who_had_nothing(day: Figures) -> None:
    own = day["cooperatives"]["rides"]
    assert own["waiting_s"] == {"p50": 120.0, "p95": 120.0}
    assert (own["fares_minor"], own["due_minor"]) == (9000, 112)
    assert (own["drivers"], own["without_a_job"], own["utilisation"]) == (2, 1, 0.125)
    assert own["hourly_minor"] == [0, 1000]
    assert own["earnings"] == {"gini": 0.5, "jain": 0.5}
    assert gini([3, 3]) == 0
    assert jain([3, 3]) == 1


def test_the_page_says_it_in_words_and_escapes_what_is_named(day: Figures) -> None:
    text = page(day)
    for said in (
        "Of 10 wishes 2 were not served: for 1 no free driver was near, 1 were booked and no "
        "driver came in time, 0 failed otherwise.",
        "70.0% of 10 wishes",
        "asked one by one",
        "MYR 1.12",
        "Gig worker social security",
        "PERKESO",
        "1,234 signed messages",
        "Old &lt;Town&gt;",
    ):
        assert said in text
    assert "Old <Town>" not in text
    assert "//" not in text.replace("</", "")  # it needs nothing from elsewhere


def test_what_the_auditor_found_is_counted_at_the_top_and_told_whole(day: Figures) -> None:
    text = page({**day, "findings": ["rides: order <1> lost 2 facts", "and another"]})
    assert "<dt>The auditor found</dt><dd>2</dd>" in text
    assert "rides: order &lt;1&gt; lost 2 facts" in text


def test_a_day_on_which_nothing_happened_has_a_page_too() -> None:
    town: Any = SimpleNamespace(journeys=[])
    found = figures(CityPlan(1, drivers=0, citizens=0), town, [], [], {})
    empty = {**found, "findings": [], "cpu_s": 0.1}
    assert "0 wishes" in page(empty)
    assert "No wish was left without a vehicle." in page(empty)
    assert "0 wishes" in paragraph(empty)
