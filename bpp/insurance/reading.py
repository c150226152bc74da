"""What a worker may see of their own: slips with proofs, and what stands in the books for them."""

from typing import Any

from sqlalchemy import bindparam, select

from bpp.insurance import books
from bpp.insurance.tables import ContributionRow, SlipRow
from bpp.ledger import sealing
from bpp.ledger.balances import balance_minor
from bpp.ledger.chart import fare_cash_with, owed_by, tips, worker_pay
from bpp.ledger.tables import AccountRow
from bpp.orders.tables import OrderRow
from protocol_specs.node.store import Row, Session, Statement
from protocol_specs.wire import money, strict_json
from protocol_specs.wire.keys import b64encode

SLIPS_MAX = 200

_account = AccountRow.__table__
_contribution = ContributionRow.__table__
_order = OrderRow.__table__
_slip = SlipRow.__table__

_newer = _slip.alias("newer")
_SLIPS = Statement(
    select(
        _slip.c.id,
        _slip.c.entry,
        _slip.c.document,
        _newer.c.id.label("superseded_by"),
        _contribution.c.order_key,
        _order.c.order_id,
    )
    .join(_contribution, _contribution.c.entry == _slip.c.entry)
    .outerjoin(_order, _order.c.key == _contribution.c.order_key)
    .outerjoin(_newer, _newer.c.supersedes == _slip.c.id)
    .where(_slip.c.worker == bindparam("worker"))
    .order_by(  # of one second: first what was counted last, and always in the same order
        _slip.c.issued_at.desc(),
        _contribution.c.seq.desc().nulls_last(),
        _contribution.c.n.desc(),
        _slip.c.entry.desc(),
    )
    .limit(SLIPS_MAX)
)
_SLIP = Statement(
    select(_slip).where(_slip.c.id == bindparam("id"), _slip.c.worker == bindparam("worker"))
)
_CURRENCIES = Statement(
    select(_account.c.currency).where(_account.c.worker == bindparam("worker")).distinct()
)
_newest = _contribution.alias("newest")
_PERIODS = Statement(
    select(_contribution)
    .where(
        _contribution.c.worker == bindparam("worker"),
        _contribution.c.seq
        == select(_newest.c.seq)
        .where(
            _newest.c.scheme == _contribution.c.scheme,
            _newest.c.worker == _contribution.c.worker,
            _newest.c.period == _contribution.c.period,
            _newest.c.seq.is_not(None),
        )
        .order_by(_newest.c.seq.desc())
        .limit(1)
        .scalar_subquery(),
    )
    .order_by(_contribution.c.period.desc(), _contribution.c.scheme)
)


def slips_of(session: Session, agent_id: str) -> list[dict[str, Any]]:
    """The agent's newest slips, up to 200, JSON-ready. `superseded_by` None: the one that holds.

    `money_is` is what the slip was signed with, `money_is_now` what has become of that since.
    """
    worker = books.find_worker(session, agent_id)
    if worker is None:
        return []
    currencies = [row["currency"] for row in session.all(_CURRENCIES, worker=worker)]
    cash = fare_cash_with(worker)
    owing = {each for each in currencies if balance_minor(session, cash, each) > 0}
    found = [_summary(row) for row in session.all(_SLIPS, worker=worker)]
    return [{**each, "money_is_now": _money_is_now(each, owing)} for each in found]


def slip(session: Session, agent_id: str, slip_id: str) -> dict[str, Any] | None:
    """The agent's slip as `wayfare slip verify` takes it; None: no such slip, or not theirs."""
    worker = books.find_worker(session, agent_id)
    row = session.one(_SLIP, id=slip_id, worker=worker) if worker else None
    if row is None:
        return None
    return {
        "slip": strict_json.parse(row["document"]),
        "signature": b64encode(row["signature"]),
        "proof": sealing.proof(session, row["entry"]) or "pending",
    }


def earnings(session: Session, agent_id: str) -> dict[str, Any]:
    """What stands in the books for the agent, JSON-ready: pay, tips, cash owed, contributions."""
    worker = books.find_worker(session, agent_id)
    if worker is None:
        return {"worker": None, "accounts": [], "contributions": []}
    currencies = [row["currency"] for row in session.all(_CURRENCIES, worker=worker)]
    return {
        "worker": worker,
        "accounts": [_standing(session, worker, currency) for currency in sorted(currencies)],
        "contributions": [_period(row) for row in session.all(_PERIODS, worker=worker)],
    }


def _standing(session: Session, worker: str, currency: str) -> dict[str, Any]:
    accounts = {
        "pay": worker_pay(worker),
        "tips": tips(worker),
        "cash_owed": fare_cash_with(worker),
        "other_owed": owed_by(worker),
    }
    stands = {name: balance_minor(session, account, currency) for name, account in accounts.items()}
    return {"currency": currency, **{f"{name}_minor": minor for name, minor in stands.items()}}


def _period(row: Row) -> dict[str, Any]:
    """Set aside but not yet due, and due, for one scheme and period."""
    due = row["due_order_minor"] + row["due_period_minor"]
    return {
        "scheme": row["scheme"],
        "period": row["period"],
        "set_aside_minor": row["all_order_minor"] + row["all_period_minor"] - due,
        "due_minor": due,
    }


def _money_is_now(found: dict[str, Any], owing: set[str]) -> str:
    """Where the money is today. What was advanced has come back once no fare cash is owed."""
    was_advanced = found["money_is"] == "advanced_by_cooperative"
    is_back = was_advanced and found["amount"]["currency"] not in owing
    return "paid_in" if is_back else str(found["money_is"])


def _summary(row: Row) -> dict[str, Any]:
    document = strict_json.parse(row["document"])
    amount_minor = document["order_line"]["amount_minor"]
    return {
        "slip_id": row["id"],
        "order_id": row["order_id"],
        "kind": document["kind"],
        "state": document["state"],
        "scheme": document["scheme"]["id"],
        "verified": document["scheme"]["verified"],
        "borne_by": document["borne_by"],
        "amount": {
            "currency": document["currency"],
            "minor": amount_minor,
            "value": money.amount(amount_minor, document["currency"]),
        },
        "period_minor": document["period_line"]["posted_minor"],
        "money_is": document["money_is"],
        "covered_from": None,
        "says": document["says"],
        "reason": document["reason"],
        "issued_at": document["issued_at"],
        "superseded_by": row["superseded_by"],
    }
