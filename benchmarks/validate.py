"""`wayfare validate` at work: messages a second, read from files and judged by every rule."""

import tempfile
import time
import uuid
from pathlib import Path
from typing import Any

from benchmarks import sample
from protocol_specs.validate.reading import conversations
from protocol_specs.validate.rules import judge
from protocol_specs.wire.context import new_context
from protocol_specs.wire.order import Catalog, Intent, Kind, Offer, OrderView
from protocol_specs.wire.strict_json import dumps
from protocol_specs.wire.values import replace
from protocol_specs.wire.version import core_1_1 as core

STATES = ("RIDE_ENROUTE_PICKUP", "RIDE_ARRIVED_PICKUP", "RIDE_STARTED", "RIDE_ENDED")
NOW_MS = 1_767_322_800_000


def measure(*, rides: int) -> dict[str, Any]:
    """Rides of 12 messages each, in files; all must pass."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        messages = sum(write(root / f"ride-{n}") for n in range(rides))
        size = sum(path.stat().st_size for path in root.rglob("*.json"))
        started = time.process_time()
        verdicts = [judge(conversation) for conversation in conversations([root])]
        took_s = time.process_time() - started
    faults = [fault for verdict in verdicts for fault in verdict.faults]
    if faults or len(verdicts) != rides:
        raise RuntimeError(f"{len(faults)} faults in good rides, the first: {faults[:1]}")
    return {
        "messages": messages,
        "bytes_per_message": round(size / messages),
        "messages_per_s": round(messages / took_s),
    }


def write(folder: Path) -> int:
    """One ride from search to its end, as a node records it; how many messages it has."""
    folder.mkdir()
    transaction_id, message_id = str(uuid.uuid4()), ""
    said = ride()
    for n, (action, message) in enumerate(said, 1):
        is_new = not action.startswith("on_") or action == "on_status"
        message_id = str(uuid.uuid4()) if is_new else message_id
        context = new_context(
            action=action,
            domain="nic2004:60221",
            version="1.1.1",
            city="std:080",
            country="IND",
            bap_id="bap.example.org",
            bap_uri="https://bap.example.org",
            bpp_id="bpp.example.org",
            bpp_uri="https://bpp.example.org",
            transaction_id=transaction_id,
            message_id=message_id,
            now_ms=NOW_MS + 1000 * n,
        )
        document = dumps({"context": context, "message": message})
        (folder / f"{n:02d}_{action}.json").write_bytes(document)
    return len(said)


def ride() -> list[tuple[str, dict[str, Any]]]:
    """What is said, in order."""
    view = sample.order_view()
    waits = replace(view.fulfillment, state=None, agent=None, start_code=None)
    draft = replace(view, id=None, status=None, fulfillment=waits, created_at=None, updated_at=None)
    pickup, drop = view.fulfillment.route()
    intent = Intent(Kind.RIDE, pickup, drop)
    return [
        ("search", core.write_search(intent)),
        ("on_search", core.write_on_search(offered(view), intent=intent)),
        ("select", core.write_select(draft)),
        ("on_select", core.write_on_order(draft, action="on_select")),
        ("init", core.write_init(draft)),
        ("on_init", core.write_on_order(draft, action="on_init")),
        ("confirm", core.write_confirm(draft)),
        ("on_confirm", core.write_on_order(view, action="on_confirm")),
        *(
            ("on_status", core.write_on_order(at(view, state), action="on_status"))
            for state in STATES
        ),
    ]


def at(view: OrderView, state: str) -> OrderView:
    """The order in that state."""
    is_claimed = state in ("RIDE_STARTED", "RIDE_ENDED")
    fulfillment = replace(view.fulfillment, state=state, code_claimed=is_claimed)
    status = "COMPLETE" if state == "RIDE_ENDED" else "ACTIVE"
    return replace(view, status=status, fulfillment=fulfillment)


def offered(view: OrderView) -> Catalog:
    """The catalog that the order was chosen from."""
    offer = Offer(
        provider_id=view.provider_id,
        provider_name="Ride Cooperative",
        item_id=view.item_id,
        fulfillment_id=view.fulfillment.id,
        kind=Kind.RIDE,
        vehicle_category="CAB",
        name="Cab, four seats",
        currency="MYR",
        price_minor=2000,
        payments=view.payments,
    )
    return Catalog("Ride Cooperative", (offer,))
