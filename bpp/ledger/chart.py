"""The chart of accounts: every account of one cooperative, by number, each made by its own name.

One chart per legal entity; an account is kept once per currency. `worker` is the random local id
of a worker (never the agent's), `scheme` a scheme id, `period` an origin period such as "2026-07",
`remittance` the id of one remittance, which begins with its scheme's: `my.act872.gig/2026-07/1`.
"""

from dataclasses import dataclass, field
from functools import lru_cache

UNASSIGNED = "unassigned"
"""Stands where a worker's id will stand, while nobody is assigned to the order."""


@dataclass(frozen=True, slots=True)
class Account:
    """A place in the chart. `id` is the number and the sub-keys, joined by colons."""

    number: int
    worker: str | None = None
    scheme: str | None = None
    period: str | None = None
    remittance: str | None = None
    id: str = field(init=False, repr=False, compare=False)
    """For example `2200:my.act872.gig:w4f0c:2026-07`."""

    def __post_init__(self) -> None:
        keys = (self.scheme, self.worker, self.period, self.remittance)
        id = ":".join([str(self.number), *(key for key in keys if key is not None)])
        object.__setattr__(self, "id", id)  # made once: posting asks for it again and again


TITLES = {
    1100: "bank",
    1110: "contribution trust bank",
    1200: "due from BAP or payment processor",
    1220: "fare cash with worker",
    1230: "set-aside contra",
    1240: "owed by worker, other",
    1250: "remittance in transit",
    1260: "credit at institution",
    1270: "agent commission due",
    2100: "worker pay",
    2110: "tips",
    2200: "contribution set aside",
    2205: "rounding and cap",
    2210: "contribution due",
    2220: "contribution declared",
    2240: "worker's excess held",
    2250: "customer refunds",
    2300: "taxes withheld",
    2400: "unidentified receipts",
    3000: "members' funds",
    4000: "commission",
    4100: "agent commission",
    5000: "platform-borne contributions",
    5010: "late interest",
    5020: "worker debts written off",
    5030: "goodwill refunds",
    5050: "finder fees",
    5060: "unpaid fares written off",
}


def is_debit_normal(number: int) -> bool:
    """Whether the account grows by debits: assets (1...) and costs (5...)."""
    return str(number)[0] in "15"


_SHAPES = {
    **dict.fromkeys((1110, 5000), ("scheme",)),
    **dict.fromkeys((1220, 1230, 1240, 2100, 2110), ("worker",)),
    **dict.fromkeys((1250, 2220), ("remittance",)),
    **dict.fromkeys((1260, 2240), ("scheme", "worker")),
    **dict.fromkeys((2200, 2205, 2210), ("scheme", "worker", "period")),
}
"""The sub-keys of each number, in the order of its ids; the others have none."""


def account(id: str) -> Account:
    """The account of an id that this chart made; raises ValueError for any other."""
    number, *keys = id.split(":")
    found = Account(int(number), **dict(zip(_SHAPES.get(int(number), ()), keys, strict=False)))
    if found.id != id or found.number not in TITLES:
        raise ValueError(f"{id!r} is no account of this chart")
    return found


def scheme_of(remittance: str) -> str:
    """Whose scheme's a remittance is."""
    return remittance.partition("/")[0]


_known = lru_cache(maxsize=8192)(Account)
"""An account is a value: the same few are asked for with each job."""


# Assets


def bank() -> Account:
    return _known(1100)


def contribution_trust_bank(scheme: str) -> Account:
    return _known(1110, scheme=scheme)


def due_from_collector() -> Account:
    """What a BAP or a payment processor collected for us."""
    return _known(1200)


def fare_cash_with(worker: str) -> Account:
    return _known(1220, worker=worker)


def set_aside_contra_of(worker: str) -> Account:
    """Other side of what is set aside and borne by the worker."""
    return _known(1230, worker=worker)


def set_aside_contra_of_cooperative() -> Account:
    """Other side of what is set aside and borne by the cooperative. No worker: never theirs."""
    return _known(1230)


def owed_by(worker: str) -> Account:
    """Owed by the worker, other than fare cash."""
    return _known(1240, worker=worker)


def remittance_in_transit(remittance: str) -> Account:
    return _known(1250, remittance=remittance)


def credit_at_institution(scheme: str, worker: str) -> Account:
    return _known(1260, scheme=scheme, worker=worker)


def agent_commission_due() -> Account:
    return _known(1270)


# Liabilities


def worker_pay(worker: str) -> Account:
    return _known(2100, worker=worker)


def tips(worker: str) -> Account:
    return _known(2110, worker=worker)


def contribution_set_aside(scheme: str, worker: str, period: str) -> Account:
    return _known(2200, scheme=scheme, worker=worker, period=period)


def rounding_and_cap(scheme: str, worker: str, period: str) -> Account:
    """Period lines not yet due; they belong to no order."""
    return _known(2205, scheme=scheme, worker=worker, period=period)


def contribution_due(scheme: str, worker: str, period: str) -> Account:
    return _known(2210, scheme=scheme, worker=worker, period=period)


def contribution_declared(remittance: str) -> Account:
    return _known(2220, remittance=remittance)


def excess_held(scheme: str, worker: str) -> Account:
    return _known(2240, scheme=scheme, worker=worker)


def customer_refunds() -> Account:
    return _known(2250)


def taxes_withheld() -> Account:
    return _known(2300)


def unidentified_receipts() -> Account:
    return _known(2400)


# Result


def members_funds() -> Account:
    return _known(3000)


def commission() -> Account:
    return _known(4000)


def agent_commission() -> Account:
    return _known(4100)


def platform_borne_contributions(scheme: str) -> Account:
    return _known(5000, scheme=scheme)


def late_interest() -> Account:
    return _known(5010)


def worker_debts_written_off() -> Account:
    return _known(5020)


def goodwill_refunds() -> Account:
    return _known(5030)


def finder_fees() -> Account:
    return _known(5050)


def unpaid_fares_written_off() -> Account:
    return _known(5060)
