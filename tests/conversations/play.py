"""What people do in these conversations: book, drive, carry, change, cancel."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from examples.people import Journey, wait_until
from protocol_specs.node.client.client import Undelivered
from protocol_specs.node.server import Node
from protocol_specs.wire.errors import Acknowledgement
from tests.conversations.network import DROP, NEARBY, PICKUP, People

CASH = {"collected_by": "BPP", "type": "ON-FULFILLMENT"}
PREPAID = {"collected_by": "BAP", "type": "PRE-ORDER"}
PARCEL = {"weight_grams": 1800, "description": "two books"}


def book(people: People) -> None:
    """A driver goes online; from search to the confirmed order."""
    ready(people)
    confirm(people)
    people.citizen.wait_for(lambda journey: journey["order"], "the order")


def ready(people: People) -> None:
    """A driver goes online; from search to the final terms."""
    people.driver.go_online(*NEARBY)
    citizen, ride = people.citizen, people.language.is_ride
    payment = CASH if ride else PREPAID
    more = {} if ride else {"parcel": PARCEL}
    offers = citizen.search(people.language.kind, PICKUP, DROP, payment=payment, **more)["offers"]
    citizen.select(offers[0]["offer_id"])
    citizen.init(payment)


def confirm(people: People) -> None:
    """The citizen's word to the terms that are shown; without waiting for an answer."""
    body = {"quote_hash": people.citizen.journey["quote"]["hash"]}
    if not people.language.is_ride:
        body["payment_reference"] = "PAID-1"
    call(people, "confirm", body, wait_s=0)


def call(
    people: People, verb: str, body: dict[str, Any] | None = None, *, wait_s: int = 15
) -> Journey:
    """One call of the citizen's API (without a body: a GET), and the journey after its answer."""
    citizen = people.citizen
    path = f"{citizen._path}/{verb}"
    if body is None:
        citizen.journey = citizen._caller.get(path, wait_s=wait_s)
    else:
        citizen.journey = citizen._caller.post(path, body, wait_s=wait_s)
    return citizen.journey


# The work


def drive(people: People) -> None:
    """A ride, from the job in hand to its end."""
    on_board(people)
    people.driver.step(job_of(people), "end")
    people.citizen.wait_for(lambda journey: journey["state"] == "completed", "the end of the order")


def on_board(people: People) -> None:
    """A ride, from the job in hand until the passenger is in the car."""
    citizen, driver = people.citizen, people.driver
    order_id = driver.job()["order_id"]
    citizen.wait_for_state("RIDE_ASSIGNED")
    driver.step(order_id, "enroute")
    citizen.wait_for_state("RIDE_ENROUTE_PICKUP")
    driver.be_at(12.9750, 77.6060)
    citizen.track()
    driver.step(order_id, "arrived")
    code = citizen.wait_for_state("RIDE_ARRIVED_PICKUP")["order"]["start_code"]
    driver.step(order_id, "start", code=code)
    citizen.wait_for_state("RIDE_STARTED")


def fetch(people: People) -> str:
    """A parcel booked, ready, fetched and on its way; the order's id at the cooperative."""
    book(people)
    citizen, driver = people.citizen, people.driver
    ready_to_ship(people)
    order_id = accept(people)
    citizen.wait_for_state("Agent-assigned")
    driver.step(order_id, "arrived")
    code = citizen.wait_for_state("At-pickup")["order"]["start_code"]
    driver.step(order_id, "pickup", code=code)
    citizen.wait_for_state("Order-picked-up")
    driver.step(order_id, "enroute")
    citizen.wait_for_state("Out-for-delivery")
    return order_id


def ready_to_ship(people: People) -> None:
    """Where the network wants to hear it: that the parcel can be fetched."""
    if people.language.traits.consumer_makes_order_id:
        call(people, "update", {"ready_to_ship": True})


def deliver(people: People, order_id: str) -> None:
    """A parcel on its way, brought to the door."""
    people.driver.be_at(12.9360, 77.6240)
    people.citizen.track()
    people.driver.step(order_id, "arrived-drop")
    people.citizen.wait_for_state("At-delivery")
    people.driver.step(order_id, "end")
    people.citizen.wait_for(lambda journey: journey["state"] == "completed", "the end")


def accept(people: People) -> str:
    """The driver takes the open job; its id at the cooperative."""
    order_id: str = people.driver.offer()["order_id"]
    people.driver.step(order_id, "accept")
    return order_id


def taken(people: People) -> str:
    """The id of the order at the cooperative, once it has taken it."""
    wait_until(lambda: people.desk.at.get("/desk/orders")["orders"], "the order at the desk")
    return job_of(people)


def job_of(people: People) -> str:
    """The id of the newest order at the cooperative, as its desk sees it."""
    order_id: str = people.desk.at.get("/desk/orders")["orders"][0]["order_id"]
    return order_id


# Wishes


def cancel(people: People, reason_id: str) -> None:
    """The fee is asked where it can be, and the order cancelled at it."""
    if people.language.traits.has_soft_cancel:
        call(people, "cancel", {"reason_id": reason_id, "soft": True})
        people.citizen.wait_for(lambda journey: journey["cancellation"]["fee"], "the fee")
    people.citizen.cancel(reason_id)


def change(people: People, what: dict[str, Any]) -> Journey:
    """A change: asked about first where it can be, else agreed to afterwards; then it stands."""
    citizen, traits = people.citizen, people.language.traits
    if not traits.has_soft_update:
        call(people, "update", what)
        citizen.wait_for(lambda it: "update" not in it["waiting_for"], "the answer to update")
        if pending := citizen.journey["consent_needed"]:
            call(people, "consent", {"quote_hash": pending["quote_hash"]})
        return citizen.journey
    call(people, "update", {**what, "soft": True})
    asked = citizen.wait_for(_priced, "the price of the change")["update"]["asked"]
    call(people, "update", {**what, "quote_hash": asked["quote_hash"]})
    return citizen.wait_for(lambda it: "update" not in it["waiting_for"], "the answer to update")


def _priced(journey: Journey) -> Any:
    asked = journey["update"]["asked"]
    return asked and asked.get("quote_hash")


def total_minor(journey: Journey) -> int:
    """What the order costs, as last told."""
    minor: int = journey["order"]["quote"]["total"]["minor"]
    return minor


@contextmanager
def lost(node: Node, action: str) -> Iterator[None]:
    """The network loses what this node sends of that action, as long as this lasts."""
    send = node.client.send

    async def losing(**what: Any) -> Acknowledgement:
        if what["action"] == action:
            raise Undelivered("the network lost it", True)
        return await send(**what)

    node.client.send = losing  # type: ignore[method-assign]  # a broken network
    try:
        yield
    finally:
        node.client.send = send  # type: ignore[method-assign]  # mended
