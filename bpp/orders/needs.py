"""What a job asks of a vehicle: said by the item that is ordered, and by the parcel it carries."""

from __future__ import annotations

from bpp.fleet.abilities import lack
from bpp.orders.items import NOTHING
from bpp.orders.office import Office
from protocol_specs.wire.errors import FulfillmentUnavailable
from protocol_specs.wire.order import Parcel, VehicleNeeds


def can_any(office: Office, category: str, needs: VehicleNeeds, parcel: Parcel | None) -> bool:
    """Whether some vehicle of the fleet could do it.

    A fleet without drivers of the category is not judged by parcels: they are added later.
    """
    has_drivers = False
    for worker in office.fleet.workers():
        if not worker.active or worker.vehicle.category != category:
            continue
        if lack(office.fleet.abilities(worker.vehicle.registration), needs, parcel) is None:
            return True  # asked with each search: the first one that can is enough
        has_drivers = True
    return not has_drivers and needs == NOTHING


def require_vehicle(
    office: Office, category: str, needs: VehicleNeeds, parcel: Parcel | None
) -> None:
    """Raises FulfillmentUnavailable if no vehicle of the fleet could do it."""
    if not can_any(office, category, needs, parcel):
        raise FulfillmentUnavailable(
            "no vehicle here can take that; search again with other needs",
            path="/message/order/items/0",
        )
