"""What is played: a cash ride, a prepaid delivery and a cancelled ride, from search to the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from examples.people import Citizen, Driver, Journey, state_of, status_of

Say = Callable[[str], None]

KL_SENTRAL = {"lat": 3.1340, "lon": 101.6865, "address": "KL Sentral"}
TWIN_TOWERS = {"lat": 3.1579, "lon": 101.7116, "address": "Petronas Twin Towers"}
MG_ROAD = {"lat": 12.9756, "lon": 77.6066, "address": "MG Road"}
KORAMANGALA = {"lat": 12.9352, "lon": 77.6245, "address": "Koramangala"}
NEAR_KL_SENTRAL = (3.1352, 101.6880)
NEAR_MG_ROAD = (12.9740, 77.6050)
"""Where the drivers wait for work: latitude and longitude."""

CASH = {"collected_by": "BPP", "type": "ON-FULFILLMENT"}
PREPAID = {"collected_by": "BAP", "type": "PRE-ORDER"}


@dataclass(frozen=True, slots=True)
class Played:
    """A job as it stood at its end: what the citizen was told, and who did it."""

    journey: Journey
    driver: Driver

    @property
    def order(self) -> dict[str, Any]:
        """The order as last told to the citizen."""
        order: dict[str, Any] = self.journey["order"]
        return order


def cash_ride(citizen: Citizen, driver: Driver, say: Say) -> Played:
    """A ride that is paid to the driver at the end."""
    driver.go_online(*NEAR_KL_SENTRAL)
    say(f"{driver.name} goes online near KL Sentral.")
    _book(citizen, "ride", KL_SENTRAL, TWIN_TOWERS, say, payment=CASH)
    order_id = driver.job()["order_id"]
    order = citizen.wait_for_state("RIDE_ASSIGNED")["order"]
    say(
        f"{driver.name} has the ride in a {order['vehicle']['make']} "
        f"{order['vehicle']['model']}, {order['vehicle']['registration']}. "
        f"Start code for {citizen.name} to tell: {order['start_code']}."
    )
    driver.step(order_id, "enroute")
    citizen.wait_for_state("RIDE_ENROUTE_PICKUP")
    driver.be_at(3.1345, 101.6870)
    seen = citizen.track()["location"]
    say(f"On the way; {citizen.name} tracks the cab at {seen['lat']:.4f}, {seen['lon']:.4f}.")
    driver.step(order_id, "arrived")
    code = citizen.wait_for_state("RIDE_ARRIVED_PICKUP")["order"]["start_code"]
    say(f"Arrived. {citizen.name} gets in and tells the code {code}.")
    driver.step(order_id, "start", code=code)
    citizen.wait_for_state("RIDE_STARTED")
    driver.step(order_id, "end")
    return _ended(citizen, driver, say)


def prepaid_delivery(citizen: Citizen, courier: Driver, say: Say) -> Played:
    """A parcel, paid when it is booked; a courier is found after that."""
    courier.go_online(*NEAR_MG_ROAD)
    say(f"{courier.name} goes online near MG Road.")
    parcel = {"weight_grams": 1800, "description": "two books"}
    paid = {"payment_reference": "PAID-0001"}
    _book(citizen, "delivery", MG_ROAD, KORAMANGALA, say, payment=PREPAID, parcel=parcel, paid=paid)
    say(f"Nobody carries it yet (state {state_of(citizen.journey)}).")
    order_id = courier.offer()["order_id"]
    courier.step(order_id, "accept")
    order = citizen.wait_for_state("Agent-assigned")["order"]
    say(f"{courier.name} accepts the parcel. Pickup code for the sender: {order['start_code']}.")
    courier.step(order_id, "arrived")
    code = citizen.wait_for_state("At-pickup")["order"]["start_code"]
    courier.step(order_id, "pickup", code=code)
    citizen.wait_for_state("Order-picked-up")
    say(f"Picked up at MG Road with the code {code}.")
    courier.step(order_id, "enroute")
    citizen.wait_for_state("Out-for-delivery")
    courier.be_at(12.9360, 77.6240)
    courier.step(order_id, "arrived-drop")
    citizen.wait_for_state("At-delivery")
    courier.step(order_id, "end")
    return _ended(citizen, courier, say)


def cancelled_ride(citizen: Citizen, driver: Driver, say: Say) -> Played:
    """A ride that is confirmed, and then cancelled by the citizen at once."""
    driver.go_online(*NEAR_KL_SENTRAL)
    _book(citizen, "ride", KL_SENTRAL, TWIN_TOWERS, say, payment=CASH)
    citizen.wait_for_state("RIDE_ASSIGNED")
    fee = citizen.journey["cancellation"]["fee"]
    say(f"{citizen.name} booked by mistake and cancels; the fee shown is {money(fee)}.")
    journey = citizen.cancel("005")
    say(f"The order is {status_of(journey)}.")
    return Played(_with_contributions(citizen), driver)


def _book(
    citizen: Citizen,
    kind: str,
    pickup: Journey,
    drop: Journey,
    say: Say,
    *,
    payment: Journey,
    parcel: Journey | None = None,
    paid: Journey | None = None,
) -> None:
    """From search to the confirmed order."""
    more = {} if parcel is None else {"parcel": parcel}
    offers = citizen.search(kind, pickup, drop, payment=payment, **more)["offers"]
    offer = min(offers, key=lambda given: int(given["price"]["minor"]))
    say(
        f"{citizen.name} searches a {kind} from {pickup['address']} to {drop['address']}: "
        f"{len(offers)} offer, {money(offer['price'])} by {offer['provider_name']}."
    )
    quote = citizen.select(offer["offer_id"])["quote"]
    lines = ", ".join(f"{line['code']} {line['value']}" for line in quote["lines"])
    say(f"Quoted {money(quote['total'])}: {lines}.")
    citizen.init(payment)
    order = citizen.confirm(**(paid or {}))["order"]
    how = "prepaid" if payment == PREPAID else "cash at the end"
    say(f"Confirmed as order {order['id']} ({how}).")
    for contribution in order["contributions"]:
        say(f"With the confirmation, {told(contribution)}.")


def _ended(citizen: Citizen, driver: Driver, say: Say) -> Played:
    citizen.wait_for(lambda journey: status_of(journey) == "COMPLETE", "the end of the order")
    order = _with_contributions(citizen)["order"]
    say(f"Done: {order['state']}, {money(order['quote']['total'])} paid.")
    for contribution in order["contributions"]:
        say(f"Now {told(contribution)}.")
    return Played(citizen.journey, driver)


def _with_contributions(citizen: Citizen) -> Journey:
    return citizen.wait_for(
        lambda journey: journey["order"]["contributions"], "what was set aside, on the order"
    )


def told(contribution: dict[str, Any]) -> str:
    """One contribution in words: what stands aside, for whom, who bears it."""
    status, amount = contribution["status"].replace("_", " "), contribution["amount"]
    return (
        f"{money(amount)} is {status} under {contribution['scheme']}, borne by the "
        f"{contribution['borne_by']}"
    )


def money(amount: dict[str, Any] | None) -> str:
    """An amount in words, such as MYR 5.00."""
    return "nothing" if amount is None else f"{amount['currency']} {amount['value']}"
