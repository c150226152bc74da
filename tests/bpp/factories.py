"""Providers, peers, drivers and orders for tests of the provider node."""

from decimal import Decimal
from itertools import count
from typing import Any

from bpp.fares import FarePolicy, Rates
from bpp.fleet.fleet import Fleet
from bpp.fleet.workers import Worker
from bpp.geo import Circle
from bpp.orders.confirm import confirm
from bpp.orders.decision import Decision
from bpp.orders.init import StoredQuote, init
from bpp.orders.office import Office
from bpp.orders.order import Order, Peer
from bpp.orders.provider import PARCEL_REASONS, RETURN_REASONS, Provider
from bpp.tariff.tariff import Tariff
from protocol_specs.wire.order import (
    Agent,
    CancellationTerm,
    Contact,
    Fulfillment,
    Kind,
    OrderView,
    PaymentTerms,
    Place,
    Vehicle,
)
from protocol_specs.wire.values import replace

NOW = 1_790_000_000
KL = Place(3.139000, 101.686900)
KLCC = Place(3.157900, 101.711600)
PARIS = Place(48.856600, 2.352200)
CASH = PaymentTerms("BPP", "ON-FULFILLMENT")
PREPAID = PaymentTerms("BAP", "PRE-ORDER")
CODE = "0427"
PEER = Peer(
    dialect="core-1.1",
    bap_id="bap.example.org",
    bap_uri="https://bap.example.org",
    url="https://bap.example.org",
    transaction_id="t1",
    domain="nic2004:60221",
    version="1.1.1",
    city="std:03",
    country="MYS",
)
FARES = FarePolicy(
    currency="MYR",
    rates=Rates(
        base_minor=300, per_km_minor=70, waiting_per_minute_minor=50, waiting_free_minutes=3
    ),
    detour_factor=Decimal("1.3"),
    average_speed_kmh=Decimal(24),
)


def ride_provider(fares: FarePolicy = FARES, **changes: Any) -> Provider:
    """A taxi cooperative in Kuala Lumpur, at these fares."""
    terms = (
        CancellationTerm("RIDE_ASSIGNED", fee_minor=0, currency="MYR"),
        CancellationTerm("RIDE_ENROUTE_PICKUP", fee_minor=200, currency="MYR"),
        CancellationTerm("RIDE_ARRIVED_PICKUP", fee_percentage="33.3"),
    )
    provider = Provider(
        id="kl-taxi",
        name="KL Taxi Cooperative",
        kind=Kind.RIDE,
        subscriber_id="bpp.example.org",
        categories=("CAB",),
        area=(Circle(KL.lat, KL.lon, 20_000),),
        tariff=Tariff(fares),
        payments=(CASH, PREPAID),
        cancellation=terms,
        takes_orders_without_driver=True,
    )
    return replace(provider, **changes)


def delivery_provider(**changes: Any) -> Provider:
    """A courier cooperative at the same place."""
    changed = {
        "kind": Kind.DELIVERY,
        "categories": ("TWO_WHEELER",),
        "cancellation": (),
        "cancellation_reasons": PARCEL_REASONS,
        "return_reasons": RETURN_REASONS,
        **changes,
    }
    return ride_provider(**changed)


def office(provider: Provider | None = None, **changes: Any) -> Office:
    """An office that draws the ids id-1, id-2 ... and always the same start code."""
    numbers = count(1)
    values: dict[str, Any] = {
        "provider": provider or ride_provider(),
        "fleet": Fleet(),
        "bpp_id": "bpp.example.org",
        "bpp_uri": "https://bpp.example.org",
        "new_id": lambda: f"id-{next(numbers)}",
        "new_key": lambda: f"id-{next(numbers)}",
        "start_code": lambda: CODE,
        **changes,
    }
    return Office(**values)


def worker(agent_id: str = "w1", category: str = "CAB") -> Worker:
    """A driver with a vehicle."""
    agent = Agent(f"Driver {agent_id}", "60123456789")
    return Worker(agent_id, f"code-{agent_id}", agent, Vehicle(category, registration="W 1"))


def asked(where: Office, **changes: Any) -> OrderView:
    """What a customer asks for in select or init."""
    fulfillment = Fulfillment(
        id="f1",
        kind=where.provider.kind,
        pickup=KL,
        drop=KLCC,
        customer=Contact("Siti", "60111111111"),
    )
    view = OrderView(
        provider_id=where.provider.id,
        item_id=where.provider.item_id(where.provider.categories[0]),
        fulfillment=fulfillment,
        payments=(CASH,),
        billing=Contact("Siti", "60111111111"),
    )
    return replace(view, **changes)


def quoted(where: Office, payment: PaymentTerms = CASH, at: int = NOW) -> StoredQuote:
    """A quote as init stores it."""
    return init(where, asked(where, payments=(payment,)), PEER, at)


def accepting(where: Office, stored: StoredQuote, **changes: Any) -> OrderView:
    """The confirm that accepts a stored quote unchanged; `changes` say what is wrong with it."""
    view = asked(where, payments=stored.view.payments, quote=stored.view.quote)
    return replace(view, **changes)


def confirmed(
    where: Office, driver: Worker | None = None, payment: PaymentTerms = CASH
) -> Decision:
    """A confirm that goes well."""
    stored = quoted(where, payment)
    view = accepting(where, stored)
    return confirm(where, view, PEER, NOW, stored=stored, existing=None, worker=driver)


def an_order(where: Office, driver: Worker | None = None, payment: PaymentTerms = CASH) -> Order:
    """A confirmed order, given to `driver` if there is one."""
    return confirmed(where, driver, payment).order
