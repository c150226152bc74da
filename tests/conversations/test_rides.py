"""Whole rides between our own nodes, in every dialect of rides: validate finds nothing in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conversations import play
from tests.conversations.judging import converse
from tests.conversations.network import OTHER_DROP, RIDES, Language, People

each = pytest.mark.parametrize("language", RIDES, ids=lambda language: language.dialect)
BOOKED = [
    *("search", "on_search", "select", "on_select"),
    *("init", "on_init", "confirm", "on_confirm"),
]


@each
async def test_a_ride_from_search_to_the_end(language: Language, tmp_path: Path) -> None:
    def scenario(people: People) -> None:
        play.book(people)
        play.drive(people)

    told = await converse(tmp_path, language, scenario)
    assert told.actions[:8] == BOOKED
    assert "on_track" in told.actions
    assert told.actions[-1] in ("on_status", "on_update")
    assert told.due_minor > 0


@each
async def test_a_driver_who_is_found_after_the_confirmation(
    language: Language, tmp_path: Path
) -> None:
    def scenario(people: People) -> None:
        play.book(people)
        play.accept(people)
        play.drive(people)

    told = await converse(tmp_path, language, scenario, assignment="offer")
    assert told.actions[:9] == [*BOOKED, "on_update"]
    assert told.due_minor > 0


@each
async def test_a_customer_who_cancels_at_the_fee_that_was_asked(
    language: Language, tmp_path: Path
) -> None:
    def scenario(people: People) -> None:
        play.book(people)
        people.citizen.wait_for_state("RIDE_ASSIGNED")
        play.cancel(people, "005")
        assert play.total_minor(people.citizen.journey) == 1000
        assert people.citizen.journey["consent_needed"] is None

    told = await converse(tmp_path, language, scenario)
    assert told.actions == [*BOOKED, "cancel", "on_cancel", "cancel", "on_cancel"]


@each
async def test_a_cooperative_that_cancels_costs_nothing(language: Language, tmp_path: Path) -> None:
    def scenario(people: People) -> None:
        play.book(people)
        order = play.job_of(people)
        people.desk.at.post(f"/desk/orders/{order}/cancel", {"reason_id": "012"})
        told = people.citizen.wait_for(lambda it: it["state"] == "cancelled", "the cancelling")
        assert (play.total_minor(told), told["consent_needed"]) == (0, None)

    told = await converse(tmp_path, language, scenario)
    assert told.actions == [*BOOKED, "on_cancel"]
    assert told.due_minor == 0


@each
async def test_a_driver_whose_passenger_does_not_come_cancels(
    language: Language, tmp_path: Path
) -> None:
    def scenario(people: People) -> None:
        play.book(people)
        order = people.driver.job()["order_id"]
        people.driver.step(order, "cancel", reason_id="014")
        people.citizen.wait_for(lambda it: it["state"] == "cancelled", "the cancelling")

    told = await converse(tmp_path, language, scenario)
    assert told.actions == [*BOOKED, "on_cancel"]
    assert told.due_minor == 0


@each
async def test_nobody_drives_so_the_confirm_is_refused(language: Language, tmp_path: Path) -> None:
    def scenario(people: People) -> None:
        play.ready(people)
        people.driver.at.post("/driver/online", {"online": False})
        play.confirm(people)
        people.citizen.wait_for(lambda journey: journey["error"], "the refusal")

    told = await converse(tmp_path, language, scenario)
    assert told.actions == BOOKED
    codes = {"core-1.1": "40006"}
    assert told.last("on_confirm")["error"]["code"] == codes.get(language.dialect, "90203")
    assert told.due_minor == 0


@each
async def test_an_order_that_nobody_takes_ends_by_itself(
    language: Language, tmp_path: Path
) -> None:
    def scenario(people: People) -> None:
        play.ready(people)
        people.driver.at.post("/driver/online", {"online": False})
        play.confirm(people)
        people.citizen.wait_for(lambda it: it["state"] == "cancelled", "the end of the order")

    told = await converse(
        tmp_path, language, scenario, takes_orders_without_driver=True, open_order_s=1
    )
    assert told.actions == [*BOOKED, "on_cancel"]
    assert told.last("on_cancel")["message"]["order"]["cancellation"]["reason"]["descriptor"] == {
        "code": "011"
    }
    assert told.due_minor == 0


@each
async def test_help_status_a_tip_and_stars(language: Language, tmp_path: Path) -> None:
    def scenario(people: People) -> None:
        play.book(people)
        assert play.call(people, "support", {})["support"]["phone"]
        play.on_board(people)
        play.call(people, "status")
        fare_minor = play.total_minor(people.citizen.journey)
        tipped = play.change(people, {"tip_minor": 500})
        assert play.total_minor(tipped) == fare_minor + 500
        people.driver.step(play.job_of(people), "end")
        people.citizen.wait_for(lambda journey: journey["state"] == "completed", "the end")
        stars = {"ratings": [{"category": "Agent", "value": 5}, {"category": "Order", "value": 4}]}
        assert len(play.call(people, "rating", stars)["rating"]["given"]) == 2
        people.citizen.wait_for(lambda it: "rating" not in it["waiting_for"], "the thanks")

    told = await converse(tmp_path, language, scenario)
    assert {"on_support", "on_status", "on_update", "on_rating"} <= set(told.actions)
    assert told.due_minor > 0


@each
async def test_another_drop_is_driven_at_the_price_agreed_to(
    language: Language, tmp_path: Path
) -> None:
    def scenario(people: People) -> None:
        play.book(people)
        before_minor = play.total_minor(people.citizen.journey)
        changed = play.change(people, {"drop": OTHER_DROP})
        assert play.total_minor(changed) > before_minor
        assert changed["consent_needed"] is None
        play.drive(people)

    told = await converse(tmp_path, language, scenario)
    assert "on_update" in told.actions
    assert told.due_minor > 0


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
        play.drive(people)

    told = await converse(tmp_path, language, scenario)
    assert told.actions[7:9] == ["status", "on_status"]
    assert "order_id" not in told.last("status")["message"] or language.dialect == "core-1.1"
    assert told.actions.count("on_confirm") == 1
    assert told.due_minor > 0
