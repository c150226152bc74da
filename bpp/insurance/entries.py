"""The entries of each event: the table of docs/ledger.md as code, pure, to be read beside it.

The fare is posted when the job is over, each contribution when it changes, netting last.
"""

from collections.abc import Callable

from msgspec import Struct

from bpp.insurance.engine.shares import NONE, Split
from bpp.insurance.engine.standing import Bearer, Posting
from bpp.insurance.job import Fare, Job
from bpp.ledger import chart
from bpp.ledger.chart import Account
from bpp.ledger.entry import Entry, Transfer, move
from bpp.orders.events import OrderEvent

Balance = Callable[[Account], int]
"""What stands on an account before the event, minor units."""


class Contribution(Struct, frozen=True):
    """One scheme's posting for one worker slot of one event.

    `returned` comes back of what was declared already: `held_minor` of it was beyond the worker's
    plan and is held here (2240), the rest the institution owes.
    """

    scheme: str
    slot: int
    worker: str  # local id, or chart.UNASSIGNED
    origin_period: str
    declared_in: str
    bearers: tuple[Bearer, ...]
    posting: Posting
    returned: Split = NONE
    held_minor: int = 0


class Change(Struct, frozen=True):
    """What one event did to a job: the fare before and after, for the worker it is now with, and
    for those who joined it, by slot."""

    event: OrderEvent
    job: Job
    worker: str
    fare_before: Fare
    fare: Fare
    joined: dict[int, str] = {}


def entry_id(scheme: str, job_key: str, slot: int, n: int) -> str:
    """scheme / our order key / worker slot / event number."""
    return f"{scheme}/{job_key}/{slot}/{n}"


def entries(
    change: Change, contributions: tuple[Contribution, ...], balance: Balance
) -> tuple[Entry, ...]:
    """All entries of one event. Those of a scheme stand even without a transfer: a 0.00 is a fact.

    `balance` is asked for the worker's pay and cash only where an entry depends on it.
    """
    money = _entry("fare", change, (*fare_lines(change), *refund_lines(change)))
    scheme = tuple(
        _entry(
            contribution.scheme,
            change,
            contribution_lines(contribution, change.event.kind),
            slot=contribution.slot,
            origin_period=contribution.origin_period,
            declared_in=contribution.declared_in,
        )
        for contribution in contributions
    )
    posted = tuple(t for entry in (money, *scheme) for t in entry.transfers)
    netting = _entry("netting", change, netting_lines(change, posted, balance))
    return tuple(entry for entry in (money, *scheme, netting) if entry.transfers or entry in scheme)


def fare_lines(change: Change) -> tuple[Transfer, ...]:
    """Completion, cancelled with a fee, fare changed after completion: the difference of the lines.

    Dr 1200 (cash: 1220W) / Cr 2100W, those who joined Cr 2100, Cr 4000, taxes Cr 2300;
    tip Dr 1200 / Cr 2110W; finder fee Dr 5050 / Cr 1200. Nobody hands over cash at a cancelled
    job, nor where the driver could not collect it: that is owed by the collector (1200) whatever
    the payment was to be.
    """
    before, now, worker = change.fare_before, change.fare, change.worker
    if before == now:
        return ()
    in_hand = chart.fare_cash_with(worker)
    holder = in_hand if change.job.is_in_hand else chart.due_from_collector()
    parts_before = dict(before.parts)
    to_cooperative = now.to_cooperative_minor - before.to_cooperative_minor
    return (
        *move(holder, chart.worker_pay(worker), now.pay_minor - before.pay_minor),
        *(
            transfer
            for slot, minor in now.parts
            for transfer in move(
                holder,
                chart.worker_pay(change.joined[slot]),
                minor - parts_before.get(slot, 0),
            )
        ),
        *move(holder, chart.commission(), now.commission_minor - before.commission_minor),
        *move(holder, chart.taxes_withheld(), now.tax_minor - before.tax_minor),
        *move(holder, chart.commission(), to_cooperative),
        *move(chart.due_from_collector(), chart.tips(worker), now.tip_minor - before.tip_minor),
        *move(
            chart.finder_fees(),
            chart.due_from_collector(),
            now.finder_fee_minor - before.finder_fee_minor,
        ),
    )


def refund_lines(change: Change) -> tuple[Transfer, ...]:
    """Refunded: by the worker Dr 2100W / Cr 2250 (cash: Cr 1220W, they pay it back themselves;
    one who joined holds none); by the cooperative Dr 5030 / Cr 2250, which leaves the contribution
    as it was.
    """
    event = change.event
    if event.kind != "refunded":
        return ()
    if event.refund_borne_by == "worker" and event.refund_agent_id is not None:
        slot = next(
            each.slot
            for each in change.job.joined
            if each.partner.agent_id == event.refund_agent_id
        )
        pay = chart.worker_pay(change.joined[slot])
        return move(pay, chart.customer_refunds(), event.refund_minor)
    if event.refund_borne_by == "worker":
        pays_back = change.job.is_in_hand
        to = chart.fare_cash_with(change.worker) if pays_back else chart.customer_refunds()
        return move(chart.worker_pay(change.worker), to, event.refund_minor)
    return move(chart.goodwill_refunds(), chart.customer_refunds(), event.refund_minor)


def contribution_lines(contribution: Contribution, kind: str) -> tuple[Transfer, ...]:
    """Set aside: Dr 1230 / Cr 2200, period line Cr 2205. Due: Dr 2100W (platform-borne: 5000) /
    Cr 1230 and Dr 2200 / Cr 2210 (2205 likewise). Refunded: Dr 2210 / Cr 2100W (or 5000) at once;
    what was declared already Dr 1260 / Cr 2100W (or 5000), what was held for the worker of it
    Dr 2240 / Cr 2100W.
    A negative amount is the same transfer the other way round. Each bearer has lines of its own.
    """
    return tuple(
        transfer
        for bearer in contribution.bearers
        for transfer in _bearer_lines(contribution, kind, bearer)
    )


def _bearer_lines(contribution: Contribution, kind: str, borne_by: Bearer) -> tuple[Transfer, ...]:
    scheme, worker, period = contribution.scheme, contribution.worker, contribution.origin_period
    by_worker = borne_by == "worker"
    contra = (
        chart.set_aside_contra_of(worker) if by_worker else chart.set_aside_contra_of_cooperative()
    )
    bearer = chart.worker_pay(worker) if by_worker else chart.platform_borne_contributions(scheme)
    aside = chart.contribution_set_aside(scheme, worker, period)
    rounding = chart.rounding_and_cap(scheme, worker, period)
    due = chart.contribution_due(scheme, worker, period)
    posting = contribution.posting.of(borne_by)
    newly_due = posting.due_order_minor + posting.due_period_minor
    back = contribution.returned.worker if by_worker else contribution.returned.cooperative
    held = contribution.held_minor if by_worker else 0
    if kind == "refunded" or back:
        return (
            *move(bearer, due, newly_due + back),
            *move(chart.credit_at_institution(scheme, worker), bearer, back - held),
            *move(chart.excess_held(scheme, worker), bearer, held),
            *move(contra, aside, posting.order_minor - posting.due_order_minor),
            *move(contra, rounding, posting.period_minor - posting.due_period_minor),
        )
    return (
        *move(contra, aside, posting.order_minor),
        *move(contra, rounding, posting.period_minor),
        *move(bearer, contra, newly_due),
        *move(aside, due, posting.due_order_minor),
        *move(rounding, due, posting.due_period_minor),
    )


def netting_lines(
    change: Change, posted: tuple[Transfer, ...], balance: Balance
) -> tuple[Transfer, ...]:
    """Keeps 2100 at or above zero, and a worker's cash with the worker (docs/ledger.md).

    Cash job: what it left on the worker's pay is already in their hand, Dr 2100W / Cr 1220W; if
    the cash was not collected nothing is netted, for the driver's word alone pays no debt.
    Other jobs, and those who joined: a cash debt is netted within this job's net pay; what is taken
    beyond the balance is owed, Dr 1240W / Cr 2100W.
    """
    in_hand = change.job.is_in_hand
    lines = _netted(change, change.worker, posted, balance, is_in_hand=in_hand)
    for worker in change.joined.values():
        lines += _netted(change, worker, posted, balance, is_in_hand=False)
    return lines


def _netted(
    change: Change,
    worker: str,
    posted: tuple[Transfer, ...],
    balance: Balance,
    *,
    is_in_hand: bool,
) -> tuple[Transfer, ...]:
    pay, cash = chart.worker_pay(worker), chart.fare_cash_with(worker)
    net = sum(_sign(transfer, pay) * transfer.amount_minor for transfer in posted)
    if is_in_hand:
        # A later job may have paid this one's cash back: what then is too much stays pay.
        held = balance(cash) - sum(_sign(each, cash) * each.amount_minor for each in posted)
        return move(pay, cash, min(net, held))
    is_unpaid = (
        change.job.is_cash and change.job.status == "completed" and not change.job.is_in_hand
    )
    if net > 0:
        return () if is_unpaid else move(pay, cash, min(net, max(0, balance(cash))))
    if net < 0:
        return move(chart.owed_by(worker), pay, max(0, -net - balance(pay)))
    return ()


def _sign(transfer: Transfer, account: Account) -> int:
    return (transfer.credit == account) - (transfer.debit == account)


def _entry(
    scheme: str,
    change: Change,
    transfers: tuple[Transfer, ...],
    *,
    slot: int | None = None,
    origin_period: str | None = None,
    declared_in: str | None = None,
) -> Entry:
    event = change.event
    place = change.job.slot if slot is None else slot
    return Entry(
        id=entry_id(scheme, event.order_key, place, event.n),
        at=event.at,
        kind=event.kind,
        order_key=event.order_key,
        origin_period=origin_period,
        declared_in=declared_in,
        currency=event.currency,
        transfers=transfers,
    )
