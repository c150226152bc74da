"""Whole deliveries between our own nodes, in every dialect of them: validate finds nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conversations import play
from tests.conversations.judging import converse
from tests.conversations.network import DELIVERIES, Language, People

each = pytest.mark.parametrize("language", DELIVERIES, ids=lambda language: language.dialect)


def booked(language: Language) -> list[str]:
    """The actions until there is an order; delivery networks have no select."""
    select = ["select", "on_select"] if language.traits.has_select else []
    return ["search", "on_search", *select, "init", "on_init", "confirm", "on_confirm"]


@each
async def test_a_parcel_from_search_to_the_door(language: Language, tmp_path: Path) -> None:
    told = await converse(
        tmp_path, language, lambda people: play.deliver(people, play.fetch(people))
    )
    says_ready = ["update", "on_update"] if language.traits.consumer_makes_order_id else []
    expected = [*booked(language), *says_ready]
    assert told.actions[: len(expected)] == expected
    assert "on_track" in told.actions
    assert told.due_minor > 0


@each
async def test_a_parcel_that_nobody_takes_goes_back(language: Language, tmp_path: Path) -> None:
    def scenario(people: People) -> None:
        order_id = play.fetch(people)
        fare_minor = play.total_minor(people.citizen.journey)
        people.driver.step(order_id, "return", reason_id="011")
        turned = people.citizen.wait_for(lambda it: _returns(it, "RTO-Initiated"), "turning back")
        # Where the offer named no price for the way back, the citizen is asked.
        assert (turned["consent_needed"] is None) == language.traits.is_flat
        people.driver.step(order_id, "returned")
        back = people.citizen.wait_for(lambda it: _returns(it, "RTO-Delivered"), "coming back")
        assert 2 * play.total_minor(back) == 3 * fare_minor

    told = await converse(tmp_path, language, scenario)
    assert told.actions[-2:] == ["on_cancel", "on_status"]
    assert told.due_minor > 0


@each
async def test_a_customer_who_cancels_before_a_courier_is_found(
    language: Language, tmp_path: Path
) -> None:
    def scenario(people: People) -> None:
        play.book(people)
        play.cancel(people, "005")
        assert play.total_minor(people.citizen.journey) == 0

    told = await converse(tmp_path, language, scenario)
    asked = ["cancel", "on_cancel"] if language.traits.has_soft_cancel else []
    assert told.actions == [*booked(language), *asked, "cancel", "on_cancel"]
    assert told.due_minor == 0


@each
async def test_a_cooperative_that_cancels_costs_nothing(language: Language, tmp_path: Path) -> None:
    def scenario(people: People) -> None:
        play.book(people)
        order = play.job_of(people)
        people.desk.at.post(f"/desk/orders/{order}/cancel", {"reason_id": "996"})
        told = people.citizen.wait_for(lambda it: it["state"] == "cancelled", "the cancelling")
        assert (play.total_minor(told), told["consent_needed"]) == (0, None)

    told = await converse(tmp_path, language, scenario)
    assert told.actions == [*booked(language), "on_cancel"]
    assert told.due_minor == 0


@each
async def test_help_and_status_of_a_parcel(language: Language, tmp_path: Path) -> None:
    def scenario(people: People) -> None:
        order_id = play.fetch(people)
        assert play.call(people, "support", {})["support"]["phone"]
        play.call(people, "status")
        play.deliver(people, order_id)

    told = await converse(tmp_path, language, scenario)
    assert {"status", "on_status", "support", "on_support"} <= set(told.actions)


@each
async def test_a_parcel_that_no_courier_takes_ends_by_itself(
    language: Language, tmp_path: Path
) -> None:
    def scenario(people: People) -> None:
        play.book(people)
        play.ready_to_ship(people)
        told = people.citizen.wait_for(lambda it: it["state"] == "cancelled", "the end")
        assert (play.total_minor(told), told["consent_needed"]) == (0, None)

    told = await converse(tmp_path, language, scenario, open_order_s=1)
    assert told.actions[-1] == "on_cancel"
    assert told.due_minor == 0


@each
async def test_a_courier_who_gives_up_makes_room_for_another(
    language: Language, tmp_path: Path
) -> None:
    """The first driver of the same cooperative may not take it again, so the desk gives it back."""

    def scenario(people: People) -> None:
        play.book(people)
        play.ready_to_ship(people)
        order_id = play.accept(people)
        people.citizen.wait_for_state("Agent-assigned")
        people.driver.step(order_id, "cancel", reason_id="013")
        people.citizen.wait_for_state("Searching-for-Agent")
        (courier,) = people.desk.at.get("/desk/drivers")["drivers"]
        people.desk.at.post(f"/desk/orders/{order_id}/assign", {"agent_id": courier["agent_id"]})
        people.citizen.wait_for_state("Agent-assigned")
        play.cancel(people, "005")
        assert play.total_minor(people.citizen.journey) == 1000
        # Where the fee cannot be asked first, the citizen is asked afterwards.
        was_shown = language.traits.has_soft_cancel
        assert (people.citizen.journey["consent_needed"] is None) == was_shown

    told = await converse(tmp_path, language, scenario)
    assert told.actions[-1] == "on_cancel"


@each
async def test_a_lost_on_confirm_is_made_good_by_asking_how_the_order_stands(
    language: Language, tmp_path: Path
) -> None:
    def scenario(people: People) -> None:
        play.ready(people)
        with play.lost(people.bpp, "on_confirm"):
            play.confirm(people)
            play.taken(people)
            told = play.call(people, "status")
            assert (told["state"], told["order"]["status"]) == ("booked", "ACTIVE")
        people.citizen.wait_for(lambda it: "confirm" not in it["waiting_for"], "the late answer")
        play.cancel(people, "005")

    told = await converse(tmp_path, language, scenario)
    assert told.actions.count("on_confirm") == 1


def _returns(journey: play.Journey, state: str) -> bool:
    order = journey["order"]
    return bool(order and order["return"] and order["return"]["state"] == state)
