"""search: offers where a driver can come, silence everywhere else."""

from math import inf
from typing import Any

import pytest

from bpp.fleet.abilities import Abilities
from bpp.fleet.dispatch import Candidate, Position
from bpp.fleet.fleet import Fleet
from bpp.orders.extension import ExtraLine, JobTerms
from bpp.orders.office import Office
from bpp.orders.provider import SOON_S
from bpp.orders.search import Asker, search
from bpp.orders.select import select
from protocol_specs.wire.errors import QuoteUnavailable
from protocol_specs.wire.order import Intent, Kind, Parcel, Quote, VehicleNeeds
from protocol_specs.wire.values import replace
from tests.bpp.factories import (
    KL,
    KLCC,
    NOW,
    PARIS,
    PEER,
    asked,
    office,
    ride_provider,
    worker,
)

INTENT = Intent(Kind.RIDE, KL, KLCC)
ASKER = Asker("bap.example.org", "t1", "nic2004:60221", "std:03")


class OneDriver(Fleet):
    """A fleet with one cab about 111 m north of the pickup."""

    def near(self, place: Any, radius_m: int) -> Any:
        return iter([(inf, [Candidate(worker(), Position(KL.lat + 0.001, KL.lon, NOW))])])


def nobody_is_busy(_: str) -> bool:
    return False


def with_driver(**changes: Any) -> Office:
    provider = ride_provider(**{"takes_orders_without_driver": False, **changes})
    return office(provider, fleet=OneDriver())


def test_an_offer_tells_price_distance_time_and_fare_policy() -> None:
    where = with_driver()
    catalog = search(where, INTENT, nobody_is_busy, NOW, ASKER)
    assert catalog is not None
    offer = catalog.offers[0]
    assert (offer.vehicle_category, offer.distance_to_driver_m, offer.eta_min) == ("CAB", 111, 1)
    assert dict(offer.fare_policy)["PER_KM_CHARGE"] == "0.70"
    quoted = select(where, asked(where), PEER, NOW).quote
    assert quoted is not None
    assert offer.price_minor == quoted.total_minor


@pytest.mark.parametrize(
    "intent",
    [
        replace(INTENT, drop=PARIS),
        replace(INTENT, pickup=PARIS),
        replace(INTENT, kind=Kind.DELIVERY, parcel=Parcel(1)),
        replace(INTENT, vehicle_category="TWO_WHEELER"),
        replace(INTENT, start_at=NOW + 7 * 86_400 + 1),
        replace(INTENT, start_at=NOW - SOON_S - 1),
        replace(INTENT, needs=VehicleNeeds(wheelchair=True)),
    ],
)
def test_what_the_cooperative_does_not_do_is_met_with_silence(intent: Intent) -> None:
    assert search(with_driver(), intent, nobody_is_busy, NOW, ASKER) is None


class NotForBicycles:
    """An extension with no rule for one category."""

    name = "scheme"

    def quote_lines(self, quote: Quote, terms: JobTerms, at: int) -> tuple[ExtraLine, ...]:
        if terms.vehicle_category == "BICYCLE":
            raise LookupError("no cap for a bicycle")
        return ()

    def passes_over(self, *_: object) -> None:
        return None


def test_a_category_that_cannot_be_priced_costs_the_others_no_offer() -> None:
    both: dict[str, Any] = {
        "categories": ("BICYCLE", "CAB"),
        "takes_orders_without_driver": True,
    }
    where = replace(with_driver(**both), extensions=(NotForBicycles(),))
    catalog = search(where, INTENT, nobody_is_busy, NOW, ASKER)
    assert catalog is not None
    assert [offer.vehicle_category for offer in catalog.offers] == ["CAB"]
    with pytest.raises(QuoteUnavailable):
        search(where, replace(INTENT, vehicle_category="BICYCLE"), nobody_is_busy, NOW, ASKER)


def test_a_busy_driver_is_no_driver() -> None:
    assert search(with_driver(), INTENT, lambda _: True, NOW, ASKER) is None


def test_a_cooperative_that_takes_orders_without_a_driver_offers_without_an_arrival_time() -> None:
    where = office(ride_provider(takes_orders_without_driver=True))
    catalog = search(where, INTENT, nobody_is_busy, NOW, ASKER)
    assert catalog is not None
    assert (catalog.offers[0].eta_min, catalog.offers[0].distance_to_driver_m) == (None, None)


def test_a_ride_wanted_soon_is_offered() -> None:
    assert search(with_driver(), replace(INTENT, start_at=NOW + SOON_S), nobody_is_busy, NOW, ASKER)


def test_a_search_looks_at_no_more_vehicles_than_until_one_can(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    where, asked_of = with_driver(), []
    many = [replace(worker(), agent_id=f"agent-{n}") for n in range(1_000)]
    monkeypatch.setattr(where.fleet, "workers", lambda: many)
    monkeypatch.setattr(where.fleet, "abilities", lambda name: asked_of.append(name) or Abilities())
    assert search(where, INTENT, nobody_is_busy, NOW, ASKER) is not None
    assert len(asked_of) <= 3  # one of the fleet, and each driver nearby
