"""A consumer's node, a gateway and a cooperative that speak one dialect and record it."""

from __future__ import annotations

import hashlib
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bap.app import assemble as assemble_bap
from bap.settings import BapSettings
from bpp.app import build_from as assemble_bpp
from bpp.settings import BppSettings
from examples.calls import Caller
from examples.people import Citizen, Desk, Driver
from gateway.app import assemble as assemble_gateway
from gateway.settings import GatewaySettings
from protocol_specs.node.server import Node
from protocol_specs.node.settings import write_secret
from protocol_specs.wire import keys
from protocol_specs.wire.parties import Subscriber
from protocol_specs.wire.version import Traits, named
from tests.support.nodes import listening_socket, running, settings_of
from tests.support.peers import FakeDirectory

PICKUP = {"lat": 12.9756, "lon": 77.6066, "address": "MG Road", "area_code": "560001"}
DROP = {"lat": 12.9352, "lon": 77.6245, "address": "Koramangala", "area_code": "560034"}
OTHER_DROP = {"lat": 12.9255, "lon": 77.6300, "address": "HSR Layout", "area_code": "560102"}
NEARBY = (12.9740, 77.6050)
ACCOUNT = "HDFC0000001 00012345678901 coop@upi"
LEDGER_KEY, WITNESS = "ledger.key", "witness.jsonl"
SCHEME = "in.karnataka.pbgw2025"
"""A levy on every job's payout, borne by the cooperative: nothing of it stands on the wire."""


@dataclass(frozen=True, slots=True)
class Language:
    """A dialect with the domain and the kind of job that it is spoken for."""

    dialect: str
    domain: str
    kind: str

    @property
    def is_ride(self) -> bool:
        """Whether people are driven; else parcels."""
        return self.kind == "ride"

    @property
    def traits(self) -> Traits:
        """What the dialect has and has not."""
        return named(self.dialect).traits


RIDES = (
    Language("core-1.1", "nic2004:60221", "ride"),
    Language("trv10-2.0.1", "ONDC:TRV10", "ride"),
    Language("trv10-2.1.0", "ONDC:TRV10", "ride"),
)
DELIVERIES = (
    Language("core-1.1", "nic2004:60232", "delivery"),
    Language("log10-1.2.5", "ONDC:LOG10", "delivery"),
    Language("log-1.2.0", "nic2004:60232", "delivery"),
)


@dataclass(frozen=True, slots=True)
class People:
    """The people of one conversation, their two nodes, and the folder that these record in."""

    language: Language
    citizen: Citizen
    driver: Driver
    desk: Desk
    bap: Node
    bpp: Node
    folder: Path
    ledger_key: keys.SigningKey

    @property
    def witness(self) -> Path:
        """Where the heads of the cooperative's books are kept."""
        return self.folder / WITNESS


@asynccontextmanager
async def conversing(folder: Path, language: Language, **changes: Any) -> AsyncIterator[People]:
    """The three nodes at work, known to each other; `changes` are to the cooperative's settings."""
    directory, socks = FakeDirectory(), {name: listening_socket() for name in ("bg", "bpp", "bap")}
    common = {
        "domains": (language.domain,),
        "dialects": {language.domain: (language.dialect,)},
        "cities": ("std:080",),
        "country": "IND",
    }

    def settings(cls: Any, name: str, **more: Any) -> Any:
        return settings_of(
            cls,
            folder / name,
            socks[name],
            subscriber_id=f"{name}.example.org",
            **{**common, **more},
        )

    ledger_key = keys.generate_signing_key()
    write_secret(folder / LEDGER_KEY, keys.b64encode(ledger_key.seed))
    insured = {"insurance": _insurance(folder)}
    bpp_settings = settings(
        BppSettings,
        "bpp",
        record=folder / "bpp/recording",
        **{**cooperative_of(language), **insured, **changes},
    )
    bap_settings = settings(
        BapSettings, "bap", record=folder / "bap/recording", **_platform(language)
    )
    nodes = {
        "bg": assemble_gateway(settings(GatewaySettings, "bg"), directory=directory),
        "bpp": assemble_bpp(bpp_settings, directory=directory),
        "bap": assemble_bap(bap_settings, directory=directory),
    }
    directory.held.extend(_record(node, language.domain) for node in nodes.values())
    async with AsyncExitStack() as stack:
        for name, node in nodes.items():
            await stack.enter_async_context(running(node, socks[name]))
        bpp_url = nodes["bpp"].receiver.url
        desk_token = (nodes["bpp"].settings.data_dir / "desk.token").read_text().strip()
        yield People(
            language,
            Citizen(nodes["bap"].receiver.url, "Siti", "9876543210"),
            Driver("Ravi", Caller(bpp_url, "token-of-driver-1")),
            Desk(Caller(bpp_url, desk_token)),
            nodes["bap"],
            nodes["bpp"],
            folder,
            ledger_key,
        )


def _insurance(folder: Path) -> dict[str, Any]:
    return {
        "schemes": (SCHEME,),
        "allow_unverified": True,
        "commission_rate": "0.12",
        "ledger_key": folder / LEDGER_KEY,
        "witness": folder / WITNESS,
        "liable_party": {SCHEME: {"party": "bpp", "source": "the Act of 2025, s.20"}},
        "funded_by": {SCHEME: "commission"},
    }


def cooperative_of(language: Language) -> dict[str, Any]:
    """The settings of a cooperative that has all that the networks of this dialect want."""
    ride = language.is_ride
    category = "AUTO_RICKSHAW" if ride else "TWO_WHEELER"
    vehicle = {"category": category, "make": "Bajaj", "model": "RE", "variant": category}
    driver = {"code": "D1", "name": "Ravi Kumar", "phone": "9123456780", "vehicle": "KA 05 A 1234"}
    token = hashlib.sha256(b"token-of-driver-1").hexdigest()
    first, fee = ("RIDE_ASSIGNED", "10.00") if ride else ("Agent-assigned", "10.00")
    return {
        "provider_id": "namma-coop",
        "provider_name": "Namma Cooperative",
        "kind": language.kind,
        "currency": "INR",
        "categories": (category,),
        "assignment": "at_confirm" if ride else "offer",
        "service_area": ({"lat": 12.9716, "lon": 77.5946, "radius_m": 25_000},),
        "dispatch": {"radius_m": 15_000},
        "fares": {"base": "30.00", "per_km": "15.00"},
        "payments": (
            {"collected_by": "BPP", "type": "ON-FULFILLMENT", "account": ACCOUNT}
            if ride
            else {"collected_by": "BAP", "type": "PRE-ORDER"},
        ),
        "cancellation": ({"state": first, "fee": fee},),
        "terms": {
            "finder_fee_percentage": "1",
            "static_terms": "https://bpp.example.org/terms",
            "court_jurisdiction": "Bengaluru",
            "delay_interest": "5",
        },
        "support": {"phone": "9123456789", "email": "help@bpp.example.org"},
        "vehicles": ({"registration": "KA 05 A 1234", **vehicle},),
        "drivers": ({**driver, "token_sha256": token},),
        "return_percentage": "50",
    }


def _platform(language: Language) -> dict[str, Any]:
    market = {
        "name": "Bengaluru",
        "kind": language.kind.upper(),
        "domain": language.domain,
        "dialect": language.dialect,
        "city": "std:080",
        "country": "IND",
        "currency": "INR",
        "bills": "platform" if language.dialect.startswith("log") else "customer",
    }
    return {
        "markets": (market,),
        "journeys": {"journeys_per_minute": 1_000, "asks_per_minute": 1_000},
        "terms": {
            "finder_fee_percentage": "1",
            "settlement_window": "PT60M",
            "settlement_basis": "DELIVERY",
            "settlement_type": "UPI",
            "mandatory_arbitration": True,
            "court_jurisdiction": "Bengaluru",
            "delay_interest": "5",
            "static_terms": "https://bap.example.org/terms",
            "account": ACCOUNT,
        },
        "billing": {
            "name": "Citizens' App",
            "phone": "9876500000",
            "email": "bills@bap.example.org",
            "tax_number": "29ABCDE1234F1Z5",
            "building": "12",
            "locality": "MG Road",
            "city": "Bengaluru",
            "state": "Karnataka",
            "country": "India",
            "area_code": "560001",
        },
    }


def _record(node: Node, domain: str) -> Subscriber:
    """What the registry would say of this node."""
    now = int(time.time())
    return Subscriber(
        subscriber_id=node.receiver.subscriber_id,
        unique_key_id="k1",
        type=node.receiver.type,
        domain=domain,
        url=node.receiver.url,
        signing_public_key=node.client.public_key,
        encryption_public_key=None,
        cities=("std:080",),
        country="IND",
        valid_from=now - 86_400,
        valid_until=now + 86_400,
        status="SUBSCRIBED",
    )
