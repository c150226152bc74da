"""What vehicles can take, what jobs ask of them, and what becomes of who cannot."""

from pathlib import Path
from typing import Any

import pytest

from bpp.fleet.abilities import Abilities, lack
from bpp.fleet.csv_import import BadCsv, parse_roster
from bpp.fleet.workers import BadEntry, VehicleEntry
from bpp.orders import items
from protocol_specs.wire.errors import ItemNotFound
from protocol_specs.wire.order import Parcel, VehicleNeeds
from tests.bpp.cooperative import Cooperative, accepting, cooperative, order_asked, ride_settings
from tests.bpp.factories import ride_provider

VAN = Abilities(frozenset({"wheelchair"}), seats=6, load_kg=20, load_cm=(60, 40, 40))
EVERYTHING = VehicleNeeds(wheelchair=True, child_seat=True, seats=6)


@pytest.mark.parametrize(
    ("needs", "parcel", "why"),
    [
        (VehicleNeeds(), None, None),
        (VehicleNeeds(wheelchair=True, seats=6), None, None),
        (VehicleNeeds(child_seat=True), None, "child seat"),
        (VehicleNeeds(seats=7), None, "7 seats"),
        (VehicleNeeds(), Parcel(20_000, 40, 60, 40), None),
        (VehicleNeeds(), Parcel(20_001), "too heavy"),
        (VehicleNeeds(), Parcel(1, 61, 1, 1), "too big"),
        (VehicleNeeds(), Parcel(1, 50, 50, 1), "too big"),
        (VehicleNeeds(), Parcel(1, 61), "too big"),
    ],
)
def test_a_vehicle_is_held_to_what_is_written_of_it(
    needs: VehicleNeeds, parcel: Parcel | None, why: str | None
) -> None:
    found = lack(VAN, needs, parcel)
    assert found is None if why is None else why in str(found)


def test_of_a_vehicle_of_which_nothing_is_written_only_a_load_is_taken() -> None:
    assert lack(Abilities(), VehicleNeeds(), Parcel(99_000, 200, 200, 200)) is None
    assert lack(Abilities(), VehicleNeeds(seats=1), None) is not None


@pytest.mark.parametrize(
    "needs", [VehicleNeeds(), VehicleNeeds(seats=3), VehicleNeeds(wheelchair=True), EVERYTHING]
)
def test_an_item_says_what_its_vehicle_must_have(needs: VehicleNeeds) -> None:
    provider = ride_provider(categories=("CAB", "CAB_XL"))
    for category in provider.categories:
        assert provider.item_of(provider.item_id(category, needs)) == (category, needs)
    assert items.needs_in("-wheelchair-0-seats") is None


@pytest.mark.parametrize(
    "item_id", ["ride-cab-", "ride-cab-seats", "ride-cab-child-seat-wheelchair"]
)
def test_an_item_of_other_words_is_none(item_id: str) -> None:
    with pytest.raises(ItemNotFound):
        ride_provider().item_of(item_id)


@pytest.mark.parametrize(
    "wrong", [{"features": ("wings",)}, {"seats": 0}, {"load_kg": 10_001}, {"load_cm": "60x40"}]
)
def test_what_cannot_be_of_a_vehicle_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadEntry):
        VehicleEntry("W 1", "CAB", **wrong)


def test_a_csv_file_tells_of_features_and_room() -> None:
    head = "code,name,phone,vehicle,category,features,seats,load_kg,load_cm\n"
    line = "D1,A,60123456781,W 1,CAB,{},{},20,60x40x40\n"
    entry = parse_roster(head + line.format("wheelchair child_seat", "6")).vehicles[0]
    assert (set(entry.features), entry.seats, entry.load_kg) == (
        {"wheelchair", "child_seat"},
        6,
        20,
    )
    with pytest.raises(BadCsv, match=r"line 2: seats: 'six'"):
        parse_roster(head + line.format("", "six"))


# At the door


def fleet(**of_the_second: Any) -> dict[str, Any]:
    """Two cabs, the second of which can do more."""
    plain, van = ride_settings(2)["vehicles"]
    return {"vehicles": (plain, {**van, **of_the_second})}


def wanting(**vehicle: Any) -> dict[str, Any]:
    """A search for such a vehicle."""
    order = order_asked()["order"]
    fulfillment = {"stops": order["fulfillments"][0]["stops"], "vehicle": vehicle}
    return {"intent": {"fulfillment": fulfillment}}


async def test_only_a_vehicle_that_can_is_offered_chosen_and_kept_to(tmp_path: Path) -> None:
    van = fleet(features=("wheelchair",), seats=4)
    async with cooperative(tmp_path, takes_orders_without_driver=False, **van) as there:
        await there.online("D1")
        said = await there.say("search", wanting(wheelchair_access="true"))
        assert said.is_ack
        await there.online("D2")
        found = await there.ask("search", wanting(wheelchair_access="true", capacity=3))
        item = found["message"]["catalog"]["providers"][0]["items"][0]
        assert item["id"] == "ride-cab-wheelchair-3-seats"
        assert item["descriptor"]["name"] == "Ride (cab, wheelchair access, 3 seats)"
        order = await booked(there, item["id"])
        kept = there.order(order["id"])
        assert kept.view.fulfillment.agent is not None
        assert kept.view.fulfillment.agent.name == "Driver D2"
        assert kept.needs == VehicleNeeds(wheelchair=True, seats=3)
        _, drivers = await there.desk("GET", "drivers")
        plain = next(d["agent_id"] for d in drivers["drivers"] if d["code"] == "D1")
        path = f"orders/{kept.job_id}/assign"
        status, answer = await there.desk("POST", path, {"agent_id": plain})
        assert (status, "no wheelchair" in str(answer)) == (409, True)
        _, lists = await there.desk("GET", f"orders/{kept.job_id}/dispatch")
        assert "no wheelchair" in str(lists)


async def test_what_no_vehicle_can_is_refused_and_nothing_is_stored(tmp_path: Path) -> None:
    async with cooperative(tmp_path, **fleet(features=("wheelchair",))) as there:
        asked = order_asked(items=[{"id": "ride-cab-child-seat"}])
        reply = await there.ask("init", asked)
        assert "no vehicle here" in reply["error"]["message"]
        assert there.books()["quotes"] == []


async def booked(there: Cooperative, item_id: str) -> dict[str, Any]:
    """An order of this item."""
    asked = order_asked(items=[{"id": item_id}])
    init = await there.ask("init", asked, transaction_id="7b0c9f35-0000-4000-8000-000000000001")
    reply = await there.ask(
        "confirm",
        accepting(init["message"]["order"]),
        transaction_id="7b0c9f35-0000-4000-8000-000000000001",
    )
    order: dict[str, Any] = reply["message"]["order"]
    return order
