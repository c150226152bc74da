"""The JSON about money: a driver's slips and balance; the desk's balances and money facts."""

from collections.abc import Callable
from typing import Any

from aiohttp import web
from pydantic import Field

from bpp.declined import Declined
from bpp.insurance import books, cash, reading
from bpp.ledger import balances, trust
from bpp.ledger.money_facts import MoneyFact
from protocol_specs.node.api import ApiError, Routes, serve_json
from protocol_specs.node.asked import SHORT_ID, Body, StrictBody
from protocol_specs.node.server import Node
from protocol_specs.node.store import Session
from protocol_specs.wire import money
from protocol_specs.wire.errors import Malformed


class PayIn(Body):
    """Fare cash that a worker brings: how much ("20.00"), and the receipt's or bank's number."""

    amount: str
    reference: str = Field(pattern=SHORT_ID)


class NewFact(StrictBody):
    """Money that moved, as docs/money.md lists the kinds; `at` None: now.

    `worker` is an agent_id, or the local id of the books; `by` a short id, never a name.
    """

    kind: str = Field(max_length=64)
    amount: str = Field(max_length=32)
    currency: str = Field(max_length=8)
    reference: str = Field(pattern=SHORT_ID)
    by: str = Field(pattern=SHORT_ID)
    worker: str = Field(default="", max_length=128)
    scheme: str = Field(default="", max_length=128)
    tips: str | None = Field(default=None, max_length=32)
    order_key: str | None = Field(default=None, max_length=128)
    at: int | None = Field(default=None, ge=0)


class Reversal(StrictBody):
    """The id of the money fact's entry that is taken back, and by whom."""

    entry: str = Field(max_length=160)
    by: str = Field(pattern=SHORT_ID)


def add(
    node: Node,
    limit: cash.Limit,
    driver_of: Callable[[web.Request], str],
    require_desk: Callable[[web.Request], None],
) -> None:
    """Serve these routes on this node. The two callables raise ApiError for strangers.

    `driver_of` should know a driver who left as well: what is read here stays theirs.
    """
    api = MoneyApi(node, limit, driver_of, require_desk)
    routes: Routes = [
        ("GET", "/driver/slips", api.slips),
        ("GET", "/driver/slips/{slip_id}", api.slip),
        ("GET", "/driver/balance", api.balance),
        ("GET", "/desk/ledger/balances", api.balances),
        ("GET", "/desk/drivers/{agent_id}/cash", api.cash_of),
        ("POST", "/desk/drivers/{agent_id}/pay-in", api.pay_in),
        ("POST", "/desk/ledger/facts", api.record),
        ("POST", "/desk/ledger/reversals", api.reverse),
        ("GET", "/desk/ledger/trust", api.trust),
    ]
    serve_json(node, routes)


class MoneyApi:
    """The handlers. A driver sees their own, the desk everything."""

    def __init__(
        self,
        node: Node,
        limit: cash.Limit,
        driver_of: Callable[[web.Request], str],
        require_desk: Callable[[web.Request], None],
    ) -> None:
        self._node, self._limit = node, limit
        self._driver_of, self._require_desk = driver_of, require_desk

    async def slips(self, request: web.Request) -> dict[str, Any]:
        """The driver's newest slips."""
        agent_id = self._driver_of(request)
        return {"slips": self._node.store.read(lambda session: reading.slips_of(session, agent_id))}

    async def slip(self, request: web.Request) -> dict[str, Any]:
        """One slip, with its proof once there is one."""
        agent_id, slip_id = self._driver_of(request), request.match_info["slip_id"]
        found = self._node.store.read(lambda session: reading.slip(session, agent_id, slip_id))
        if found is None:
            raise ApiError(404, "not_found", "you have no slip of this id")
        return found

    async def balance(self, request: web.Request) -> dict[str, Any]:
        """What stands in the books for the driver, and what they were told about their cash."""
        agent_id = self._driver_of(request)

        def find(session: Session) -> dict[str, Any]:
            worker = books.find_worker(session, agent_id)
            stands = reading.earnings(session, agent_id)
            return {**stands, **cash.standing(session, self._limit, worker)}

        return self._node.store.read(find)

    async def balances(self, request: web.Request) -> dict[str, Any]:
        """Every account."""
        self._require_desk(request)
        return {"balances": self._node.store.read(_balances)}

    async def cash_of(self, request: web.Request) -> dict[str, Any]:
        """What a driver owes in fare cash, for whoever is to take it."""
        self._require_desk(request)
        return self._node.store.read(lambda session: self._cash(session, _agent_id(request)))

    async def pay_in(self, request: web.Request, body: PayIn) -> tuple[int, dict[str, Any]]:
        """Cash brought to the desk. The same reference again posts nothing more."""
        self._require_desk(request)
        agent_id, now, limit = _agent_id(request), self._node.now(), self._limit
        amount_minor = self._amount_minor(body.amount)

        def unit(session: Session) -> tuple[int, dict[str, Any]]:
            worker = _worker(session, agent_id)
            is_new = cash.pay_in(session, limit, worker, amount_minor, body.reference, now)
            return 201 if is_new else 200, self._cash(session, agent_id)

        try:
            status, stands = await self._node.store.transact(unit)
        except Declined as declined:
            raise ApiError(409, "not_paid_in", str(declined)) from None
        return status, {"reference": body.reference, "paid_in_minor": amount_minor, **stands}

    async def record(self, request: web.Request, body: NewFact) -> tuple[int, dict[str, Any]]:
        """A money fact. The same reference again posts nothing more."""
        self._require_desk(request)
        now, limit = self._node.now(), self._limit
        try:
            is_new, entry = await self._node.store.transact(
                lambda session: record(session, limit, body, now)
            )
        except Malformed as fault:
            raise ApiError(400, "bad_amount", fault.reason, "/amount") from None
        except Declined as declined:
            raise ApiError(409, "not_posted", str(declined)) from None
        return 201 if is_new else 200, {"entry": entry, "is_new": is_new}

    async def reverse(self, request: web.Request, body: Reversal) -> tuple[int, dict[str, Any]]:
        """A money fact taken back, once."""
        self._require_desk(request)
        now, limit = self._node.now(), self._limit
        try:
            is_new = await self._node.store.transact(
                lambda session: cash.reverse(session, limit, body.entry, by=body.by, now=now)
            )
        except Declined as declined:
            raise ApiError(409, "not_posted", str(declined)) from None
        return 201 if is_new else 200, {"entry": f"reversal/{body.entry}", "is_new": is_new}

    async def trust(self, request: web.Request) -> dict[str, Any]:
        """Whether the trust account is whole, scheme by scheme."""
        self._require_desk(request)
        now = self._node.now()
        found = self._node.store.read(lambda session: trust.standing(session, now))
        return {"trust": [trust.shown(each) for each in found]}

    def _amount_minor(self, text: str) -> int:
        try:
            return money.minor_units(text, self._limit.currency)
        except Malformed as fault:
            raise ApiError(400, "bad_amount", fault.reason, "/amount") from None

    def _cash(self, session: Session, agent_id: str) -> dict[str, Any]:
        worker = _worker(session, agent_id)
        return {
            "agent_id": agent_id,
            "currency": self._limit.currency,
            "cash_owed_minor": cash.owed_minor(session, self._limit, worker),
            **cash.standing(session, self._limit, worker),
        }


def record(session: Session, limit: cash.Limit, body: NewFact, now: int) -> tuple[bool, str]:
    """Writes the fact; whether it was new, and its entry's id. Raises NotPosted, Malformed."""
    fact = MoneyFact(
        kind=body.kind,
        reference=body.reference,
        by=body.by,
        currency=body.currency,
        amount_minor=money.minor_units(body.amount, body.currency),
        at=now if body.at is None else body.at,
        worker=books.find_worker(session, body.worker) or body.worker,
        scheme=body.scheme,
        tips_minor=money.minor_units(body.tips, body.currency) if body.tips else 0,
        order_key=body.order_key,
    )
    return cash.record(session, limit, fact, now), fact.entry_id


def _agent_id(request: web.Request) -> str:
    return request.match_info["agent_id"]


def _worker(session: Session, agent_id: str) -> str:
    worker = books.find_worker(session, agent_id)
    if worker is None:
        raise ApiError(404, "unknown_driver", "nothing stands in the books for this agent_id")
    return worker


def _balances(session: Session) -> list[dict[str, Any]]:
    return [
        {
            "account": line.account,
            "currency": line.currency,
            "debit_minor": line.debit_minor,
            "credit_minor": line.credit_minor,
            "balance_minor": line.balance_minor,
        }
        for line in balances.balances(session)
    ]
