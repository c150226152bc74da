"""Fare cash at a cooperative's real door: a driver at the limit, and what is owed, for tests."""

import uuid
from pathlib import Path
from typing import Any

from sqlalchemy import select, text

from bpp.insurance.tables import CashNotice
from protocol_specs.node.settings import write_secret
from protocol_specs.node.store import Statement
from protocol_specs.wire.keys import b64encode, generate_signing_key
from tests.bpp.cooperative import CASH as IN_CASH
from tests.bpp.cooperative import Cooperative, accepting, order_asked
from tests.bpp.insurance.support import MY

NOTICES = Statement(select(CashNotice.__table__).order_by(CashNotice.__table__.c.n))
WRITTEN = [
    Statement(text(f"SELECT * FROM {table} ORDER BY 1, 2"))  # noqa: S608 - our own names
    for table in ("entry", "transfer", "cash_notice")
]
OFFERING = {"assignment": "offer", "takes_orders_without_driver": True}


def insured(folder: Path, limit: str | None) -> dict[str, Any]:
    path = folder / "ledger.key"
    if not path.exists():
        write_secret(path, b64encode(generate_signing_key().seed))
    return {
        "schemes": [MY],
        "allow_unverified": True,
        "commission_rate": "0.20",
        "ledger_key": path,
        "witness": folder / "elsewhere" / "heads.jsonl",
        "liable_party": {MY: {"party": "bpp", "source": "Act 872 s.83"}},
        "mandates": {MY: "file 7"},
        "cash_debt_limit": limit,
    }


async def booked(there: Cooperative, payment: dict[str, str]) -> dict[str, Any]:
    transaction = str(uuid.uuid4())
    asked = order_asked(payments=[payment])
    draft = await there.ask("init", asked, transaction_id=transaction)
    reply = await there.ask(
        "confirm", accepting(draft["message"]["order"]), transaction_id=transaction
    )
    order: dict[str, Any] = reply["message"]["order"]
    return order


async def carried_out(there: Cooperative, code: str, order: dict[str, Any]) -> None:
    """The driver's steps of an order that is theirs."""
    told = order["fulfillments"][0]["stops"][0]["authorization"]["token"]
    bodies: dict[str, Any] = {"start": {"code": told}, "end": {}}
    for step in ("enroute", "arrived", "start", "end"):
        path = f"jobs/{order['id']}/{step}"
        status, answer = await there.drive(code, "POST", path, bodies.get(step))
        assert status == 200, answer


async def taken(there: Cooperative, code: str, order: dict[str, Any]) -> tuple[int, Any]:
    return await there.drive(code, "POST", f"jobs/{order['id']}/accept")


async def at_the_limit(there: Cooperative) -> int:
    """D1 and D2 online, D1 after a cash ride; what D1 owes, in minor units."""
    await there.online("D1", "D2")
    order = await booked(there, IN_CASH)
    assert (await taken(there, "D1", order))[0] == 200
    await carried_out(there, "D1", order)
    return await owed(there, "D1")


async def owed(there: Cooperative, code: str) -> int:
    _, balance = await there.drive(code, "GET", "balance")
    return int(balance["accounts"][0]["cash_owed_minor"])


async def offered(there: Cooperative, code: str) -> list[str]:
    _, answer = await there.drive(code, "GET", "offers")
    return [offer["order_id"] for offer in answer["offers"]]


async def agent(there: Cooperative, code: str) -> str:
    _, answer = await there.desk("GET", "drivers")
    return str(next(d["agent_id"] for d in answer["drivers"] if d["code"] == code))


def money_written(there: Cooperative) -> list[list[tuple[Any, ...]]]:
    """Every entry, transfer and notice."""
    read = there.node.store.read
    return [[tuple(r) for r in read(lambda s, one=one: s.all(one))] for one in WRITTEN]


def text_of(minor: int) -> str:
    return f"{minor // 100}.{minor % 100:02d}"
