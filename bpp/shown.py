"""Orders and people as our own JSON APIs show them to drivers and to the desk."""

from collections.abc import Mapping
from typing import Any

from bpp.fleet.workers import Worker
from bpp.orders.order import ACTIVE, Order
from protocol_specs.wire.money import amount
from protocol_specs.wire.order import Contact, Place


def job_shown(order: Order) -> dict[str, Any]:
    """A job as its driver sees it. The start code is the customer's to tell, so it is not here."""
    fulfillment, quote, payment = order.view.fulfillment, order.quote, order.payment
    pickup, drop = fulfillment.route()
    to_collect = payment.collected_by == "BPP" and payment.status == "NOT-PAID"
    return {
        "order_id": order.job_id,
        "status": order.status,
        "state": order.state,
        "kind": fulfillment.kind.value,
        "agent_id": order.agent_id,
        "pickup": {**place_shown(pickup), "contact": _contact(fulfillment.pickup_contact)},
        "drop": {**place_shown(drop), "contact": _contact(fulfillment.drop_contact)},
        "customer": _contact(fulfillment.customer),
        "instructions": fulfillment.instructions,
        "planned_start": order.planned_start,
        "ready": fulfillment.ready_to_ship is not False,
        "return_state": fulfillment.return_leg.state if fulfillment.return_leg else None,
        "answers": [{"label": label, "value": value} for label, value in order.answers],
        "fare": {
            "currency": quote.currency,
            "minor": quote.total_minor,
            "value": amount(quote.total_minor, quote.currency),
            "lines": [
                {"code": line.code, "value": amount(line.amount_minor, quote.currency)}
                for line in quote.lines
            ],
        },
        "collect": amount(quote.total_minor, quote.currency) if to_collect else None,
        "payment": {
            "collected_by": payment.collected_by,
            "type": payment.type,
            "status": payment.status,
        },
        "updated_at": order.view.updated_at,
    }


def order_shown(order: Order, ratings: Mapping[str, int]) -> dict[str, Any]:
    """An order as the desk sees it: the job, how it was rated, and the start code for as long as it
    is waited for.

    A dispatcher tells it to a driver whose passenger has no phone at hand. `consumer_order_id` is
    what the customer calls the order.
    """
    is_waited_for = order.status == ACTIVE and not order.has_begun()
    code = order.view.fulfillment.start_code if is_waited_for else None
    return {
        **job_shown(order),
        "consumer_order_id": order.id,
        "start_code": code,
        "ratings": dict(ratings),
        "partners": [
            {
                "agent_id": partner.agent_id,
                "sector": partner.sector,
                "value": amount(partner.amount_minor, order.quote.currency),
            }
            for partner in order.partners
        ],
    }


def worker_shown(worker: Worker, online: bool) -> dict[str, Any]:
    """A driver as the desk sees one; where the driver is is not the desk's business here."""
    return {
        "agent_id": worker.agent_id,
        "code": worker.code,
        "name": worker.agent.name,
        "phone": worker.agent.phone,
        "active": worker.active,
        "online": online,
        "vehicle": {
            "registration": worker.vehicle.registration,
            "category": worker.vehicle.category,
        },
    }


def place_shown(place: Place) -> dict[str, Any]:
    """A place with its address, if it has one."""
    return {"lat": place.lat, "lon": place.lon, "address": place.address}


def _contact(contact: Contact | None) -> dict[str, Any] | None:
    return {"name": contact.name, "phone": contact.phone} if contact else None
