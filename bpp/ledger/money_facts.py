"""Money facts: what no event of an order tells, written down by hand, each kind two accounts.

A settlement, a pay-in, a payout, a sweep: docs/money.md. A reference makes each
unrepeatable; whatever would take more from an account than stands there is refused.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, select

from bpp.declined import Declined
from bpp.ledger import balances, chart, journal, trust
from bpp.ledger.chart import Account, is_debit_normal
from bpp.ledger.entry import Entry, Transfer, move
from bpp.ledger.tables import AccountRow
from protocol_specs.node.store import Session, Statement
from protocol_specs.wire import money

REFERENCE = r"[A-Za-z0-9._-]{1,64}"
REVERSAL = "reversal"
SURPLUS = "surplus"  # a worker's part of a divided surplus: written by hand, many at once
AMOUNT_MINOR_MAX = 10**15  # fits SQLite's integers a thousand times over, and JSON's

_account = AccountRow.__table__
_HAS_WORKER = Statement(
    select(_account.c.id).where(_account.c.worker == bindparam("worker")).limit(1)
)


class NotPosted(Declined):
    """A money fact that must not be written; the text says why, for whoever wrote it down."""


@dataclass(frozen=True, slots=True)
class MoneyFact:
    """One amount that moved, minor units above zero, and the number of its receipt or bank line.

    `by` is a short id of whoever wrote it down: books cannot forget a name. `worker` is the local
    id, `scheme` a scheme's; each only where the kind needs it. `tips_minor` is how much of a payout
    is tips. `order_key` may say which job it is about.
    """

    kind: str
    reference: str
    by: str
    currency: str
    amount_minor: int
    at: int
    worker: str = ""
    scheme: str = ""
    tips_minor: int = 0
    order_key: str | None = None

    @property
    def entry_id(self) -> str:
        """The id of its entry: kind / reference."""
        return f"{self.kind}/{self.reference}"


Lines = Callable[[MoneyFact], tuple[Transfer, ...]]
Place = Callable[[MoneyFact], Account]


@dataclass(frozen=True, slots=True)
class Kind:
    """What a kind means, the transfers it makes, and which of worker and scheme it needs."""

    says: str
    lines: Lines
    needs: frozenset[str] = frozenset()


def _kind(says: str, debit: Place | Account, credit: Place | Account, *needs: str) -> Kind:
    def account(place: Place | Account, fact: MoneyFact) -> Account:
        return place if isinstance(place, Account) else place(fact)

    def lines(fact: MoneyFact) -> tuple[Transfer, ...]:
        return (Transfer(account(debit, fact), account(credit, fact), fact.amount_minor),)

    return Kind(says, lines, frozenset(needs))


def _payout(fact: MoneyFact) -> tuple[Transfer, ...]:
    pay, tips = chart.worker_pay(fact.worker), chart.tips(fact.worker)
    return (
        *move(pay, chart.bank(), fact.amount_minor - fact.tips_minor),
        *move(tips, chart.bank(), fact.tips_minor),
    )


def _pay(fact: MoneyFact) -> Account:
    return chart.worker_pay(fact.worker)


def _cash(fact: MoneyFact) -> Account:
    return chart.fare_cash_with(fact.worker)


def _owed(fact: MoneyFact) -> Account:
    return chart.owed_by(fact.worker)


def _tips(fact: MoneyFact) -> Account:
    return chart.tips(fact.worker)


def _trust(fact: MoneyFact) -> Account:
    return chart.contribution_trust_bank(fact.scheme)


def _credit(fact: MoneyFact) -> Account:
    return chart.credit_at_institution(fact.scheme, fact.worker)


_bank, _collector = chart.bank(), chart.due_from_collector()
_agency = chart.agent_commission_due()
_refunds, _unidentified = chart.customer_refunds(), chart.unidentified_receipts()

KINDS = {
    "settlement": _kind("a BAP or payment processor settles what it collected", _bank, _collector),
    "pay-in": _kind("a worker pays in fare cash", _bank, _cash, "worker"),
    "repayment": _kind("a worker pays back another debt", _bank, _owed, "worker"),
    "netting": _kind("pay nets a worker's fare cash", _pay, _cash, "worker"),
    "debt-netting": _kind("pay nets a worker's other debt", _pay, _owed, "worker"),
    "payout": Kind("pay, and tips, go to a worker", _payout, frozenset({"worker"})),
    "tip": _kind("a tip that a collector holds for a worker", _collector, _tips, "worker"),
    "trust-sweep": _kind("workers' due money goes to the trust account", _trust, _bank, "scheme"),
    "trust-return": _kind("what the trust account need not hold", _bank, _trust, "scheme"),
    "goodwill-refund": _kind("a refund at our cost", chart.goodwill_refunds(), _refunds),
    "refund-payout": _kind("a refund reaches the customer from our bank", _refunds, _bank),
    "refund-by-collector": _kind("a refund paid out by who collected", _refunds, _collector),
    "institution-refund": _kind(
        "an institution pays back what it was sent too much", _bank, _credit, "scheme", "worker"
    ),
    "agent-commission-received": _kind(
        "an institution pays us an agent's commission", _bank, _agency
    ),
    "fare-write-off": _kind("a fare nobody will pay", chart.unpaid_fares_written_off(), _collector),
    "cash-write-off": _kind(
        "fare cash a worker will not pay in", chart.worker_debts_written_off(), _cash, "worker"
    ),
    "debt-write-off": _kind(
        "another debt a worker will not pay", chart.worker_debts_written_off(), _owed, "worker"
    ),
    "unidentified-receipt": _kind("money came, nobody knows for what", _bank, _unidentified),
    "identified-settlement": _kind("it was a settlement", _unidentified, _collector),
    "identified-pay-in": _kind("it was a worker's pay-in", _unidentified, _cash, "worker"),
    "receipt-sent-back": _kind("it was not ours", _unidentified, _bank),
    "tax-payment": _kind("withheld taxes go to the authority", chart.taxes_withheld(), _bank),
    "members-funds": _kind("members pay capital in", _bank, chart.members_funds()),
}


def record(session: Session, fact: MoneyFact, *, currency: str, now: int) -> bool:
    """Writes the fact in the caller's transaction; says whether it was new. Raises NotPosted.

    `currency` is the cooperative's. The same reference with the same amounts changes nothing.
    """
    _check(session, fact, currency, now)
    return _write(
        session, _entry(fact), f"another {fact.kind}", lambda: _check_trust(session, fact)
    )


def reverse(session: Session, entry_id: str, *, by: str, at: int) -> bool:
    """Takes one money fact back whole, by an entry of its own; says whether it was new.

    Raises NotPosted: no such entry, one that follows from an order, itself a reversal, or a part of
    a divided surplus, which is taken back whole.
    """
    stands = journal.document(session, entry_id)
    if stands is not None and stands["kind"] == SURPLUS:
        raise NotPosted(f"{entry_id} is one part of many: take the division back, on its own page")
    return _reverse(session, entry_id, stands, by=by, at=at)


def reverse_part(session: Session, entry_id: str, *, by: str, at: int) -> bool:
    """Takes a part of a divided surplus back, for who takes back every other part with it."""
    return _reverse(session, entry_id, journal.document(session, entry_id), by=by, at=at)


def _reverse(
    session: Session, entry_id: str, stands: dict[str, Any] | None, *, by: str, at: int
) -> bool:
    if stands is None:
        raise NotPosted(f"there is no entry {entry_id}")
    if stands["kind"] not in (*KINDS, SURPLUS) or "by" not in stands:
        raise NotPosted(
            f"{entry_id} was not written by hand: what follows from an order changes with the order"
        )
    if not is_id(by):
        raise NotPosted(_BAD_BY)
    back = tuple(
        Transfer(chart.account(each["credit"]), chart.account(each["debit"]), each["amount_minor"])
        for each in stands["transfers"]
    )
    entry = Entry(
        id=f"{REVERSAL}/{entry_id}",
        at=at,
        kind=REVERSAL,
        order_key=stands["order_key"],
        origin_period=None,
        declared_in=None,
        currency=stands["currency"],
        transfers=back,
        by=by,
    )
    return _write(session, entry, "another reversal")


def _entry(fact: MoneyFact) -> Entry:
    return Entry(
        id=fact.entry_id,
        at=fact.at,
        kind=fact.kind,
        order_key=fact.order_key,
        origin_period=None,
        declared_in=None,
        currency=fact.currency,
        transfers=KINDS[fact.kind].lines(fact),
        by=fact.by,
    )


def _write(
    session: Session, entry: Entry, other: str, check: Callable[[], None] = lambda: None
) -> bool:
    stands = journal.document(session, entry.id)
    if stands is not None:
        asked = journal.written(entry)
        if any(stands[key] != asked[key] for key in ("currency", "transfers")):
            raise NotPosted(
                f"{entry.id.partition('/')[2]} already stands for {other}; look at its receipt, "
                "or give this one a reference of its own"
            )
        return False
    check()
    _check_floors(session, entry)
    journal.post(session, entry)
    return True


_BAD_BY = "by: a short id of whoever writes this down, up to 64 of A-Z a-z 0-9 . _ - (no name)"


def _check(session: Session, fact: MoneyFact, currency: str, now: int) -> None:
    """What is wrong with the fact by itself."""
    kind = KINDS.get(fact.kind)
    if kind is None:
        raise NotPosted(f"{fact.kind!r} is no kind of money fact: {', '.join(KINDS)}")
    if not is_id(fact.reference):
        raise NotPosted("reference: the receipt's or bank's number, up to 64 of A-Z a-z 0-9 . _ -")
    if not is_id(fact.by):
        raise NotPosted(_BAD_BY)
    if fact.currency != currency:
        raise NotPosted(f"these books are in {currency}, the amount is in {fact.currency}")
    if not 0 < fact.amount_minor <= AMOUNT_MINOR_MAX:
        raise NotPosted("an amount is above zero, and not beyond all reason")
    if not 0 <= fact.tips_minor <= (fact.amount_minor if fact.kind == "payout" else 0):
        raise NotPosted("tips are a part of a payout, and of nothing else")
    if fact.at > now:
        raise NotPosted("what has not happened yet cannot be written down")
    for what in ("worker", "scheme"):
        if bool(getattr(fact, what)) != (what in kind.needs):
            raise NotPosted(f"{fact.kind} {'needs a' if what in kind.needs else 'has no'} {what}")
    if fact.worker and (
        fact.worker == chart.UNASSIGNED or session.one(_HAS_WORKER, worker=fact.worker) is None
    ):
        raise NotPosted(f"nothing stands in the books for the worker {fact.worker}")


def _check_trust(session: Session, fact: MoneyFact) -> None:
    """No more goes to the trust account than makes it whole, no less is left there."""
    if fact.kind not in ("trust-sweep", "trust-return"):
        return
    found = trust.of_scheme(session, fact.scheme, fact.currency, fact.at)
    is_sweep = fact.kind == "trust-sweep"
    free = found.missing_minor if is_sweep else found.surplus_minor
    if fact.amount_minor > free:
        what = "is missing on the trust account" if is_sweep else "lies there beyond what must"
        raise NotPosted(
            f"{_shown(fact.amount_minor, fact.currency)} is more than the "
            f"{_shown(free, fact.currency)} that {what} for {fact.scheme}"
        )


def _check_floors(session: Session, entry: Entry) -> None:
    """No account but the bank's and a result's is left below zero by what is taken from it."""
    taken: dict[Account, int] = {}
    for transfer in entry.transfers:
        for account, grows in ((transfer.debit, True), (transfer.credit, False)):
            sign = -1 if is_debit_normal(account.number) is grows else 1
            taken[account] = taken.get(account, 0) + sign * transfer.amount_minor
    for account, minor in taken.items():
        if minor <= 0 or account.number == 1100 or account.number >= 3000:
            continue
        stands = balances.balance_minor(session, account, entry.currency)
        if minor > stands:
            raise NotPosted(
                f"{_shown(minor, entry.currency)} is more than the "
                f"{_shown(stands, entry.currency)} of {account.id} ({chart.TITLES[account.number]})"
            )


def is_id(text: str) -> bool:
    """Whether it may stand for a receipt, or for whoever writes something down."""
    return re.fullmatch(REFERENCE, text) is not None


def _shown(minor: int, currency: str) -> str:
    return f"{money.amount(minor, currency)} {currency}"
