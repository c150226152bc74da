"""Insured jobs at a cooperative's real door: settings, a parcel, a driver's steps, for tests."""

from pathlib import Path
from typing import Any

from protocol_specs.node.settings import write_secret
from protocol_specs.wire import keys, tags
from tests.bpp.cooperative import CUSTOMER, GPS, Cooperative

CONTRIBUTION = "@wayfare/contribution"
PREPAID = {"collected_by": "BAP", "type": "PRE-ORDER", "status": "NOT-PAID"}
RIDE_PACK, FEE_PACK = "my.act872.gig", "in.karnataka.pbgw2025"


def insured(folder: Path, pack: str, **more: Any) -> dict[str, Any]:
    """[insurance] for one pack."""
    key = folder / "ledger.key"
    write_secret(key, keys.b64encode(keys.generate_signing_key().seed))
    return {
        "schemes": (pack,),
        "allow_unverified": True,
        "liable_party": {pack: {"party": "bpp", "source": "network agreement"}},
        "commission_rate": "0.20",
        "ledger_key": key,
        "witness": folder / "witness.txt",
        **more,
    }


def contribution(order: dict[str, Any]) -> dict[str, str]:
    return tags.read(order["tags"])[CONTRIBUTION]


async def walk(there: Cooperative, code: str, order: dict[str, Any], *steps: str) -> None:
    """The driver's steps, the start code told where it is asked for.

    Each waits until the BAP heard of the one before: a state not yet sent gives way to a later one.
    """
    told = order["fulfillments"][0]["stops"][0]["authorization"]["token"]
    before = sum(heard["context"]["action"] == "on_status" for heard in there.bap.heard)
    for n, step in enumerate(steps, start=before + 1):
        body = {"code": told} if step in ("start", "pickup") else {} if step == "end" else None
        status, answer = await there.drive(code, "POST", f"jobs/{order['id']}/{step}", body)
        assert status == 200, answer
        await there.bap.callback("on_status", n=n)


def parcel_asked() -> dict[str, Any]:
    stops = [{"type": kind, "location": {"gps": gps}, **CUSTOMER} for kind, gps in GPS.items()]
    parcel = tags.group("PARCEL", {"PACKAGE_WEIGHT_GRAMS": "1200"})
    fulfillment = {"customer": CUSTOMER, "stops": stops, "tags": [parcel]}
    return {
        "order": {
            "provider": {"id": "courier"},
            "items": [{"id": "delivery-two-wheeler", "descriptor": {"code": "IMMEDIATE_DELIVERY"}}],
            "fulfillments": [fulfillment],
            "billing": {"name": "Siti"},
            "payments": [PREPAID],
        }
    }
