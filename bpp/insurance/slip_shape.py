"""The exact shape of a slip: every field and its type; one more or less is no slip."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from bpp.insurance.engine.exact import Mode
from bpp.insurance.engine.standing import Reason, Rounding
from bpp.insurance.slip import MoneyIs

TIME_MAX = 253_402_300_799  # the end of the year 9999


class _Exactly(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class SchemeShown(_Exactly):
    id: str
    title: str
    law: str
    institution: str
    zone: str
    basis: str
    mandate: str | None
    verified: bool
    unverified: list[str]
    after_remittance: str


class LineShown(_Exactly):
    code: str
    amount_minor: int


class BaseShown(_Exactly):
    lines: list[LineShown]
    commission_minor: int
    refund_minor: int
    base_minor: int


class RateShown(_Exactly):
    what: Literal["rate", "per_order", "per_job", "net"]
    value: str
    from_day: str = Field(alias="from")
    source: str
    verified: bool


class SharesShown(_Exactly):
    worker_rate: str
    cooperative_rate: str
    nothing_to_minor: int
    operator_only_to_minor: int
    reduced_to_minor: int
    reduced_factor: str
    verified: bool


class CapShown(_Exactly):
    amount_minor: int
    from_day: str = Field(alias="from")
    source: str
    verified: bool


class OrderLineShown(_Exactly):
    amount_minor: int
    worker_minor: int
    posted_minor: int
    due_minor: int


class PeriodLineShown(_Exactly):
    rounding: Rounding
    unit_minor: int = Field(gt=0)
    mode: Mode
    origin_period: str
    declared_in: str
    posted_minor: int
    due_minor: int
    exact_sum: str
    total_minor: int
    worker_minor: int
    cap: CapShown | None
    offset_minor: int
    cap_scope: Literal["own"]


class TransferShown(_Exactly):
    n: int
    debit: str
    credit: str
    amount_minor: int


class EntryShown(_Exactly):
    id: str
    currency: str
    at: int
    kind: str
    order_key: str
    origin_period: str
    declared_in: str
    transfers: list[TransferShown]


class SlipShown(_Exactly):
    version: int
    kind: Literal["deduction_slip", "fee_slip"]
    slip_id: str
    supersedes: str | None
    state: Literal["provisional", "final"]
    issuer: str
    issued_at: int = Field(ge=0, le=TIME_MAX)
    ledger_key: str
    worker: str
    scheme: SchemeShown
    liable_party: str
    liable_source: str
    borne_by: Literal["worker", "cooperative", "both"]
    funded_by: str | None
    currency: str
    base: BaseShown
    rate: RateShown
    shares: SharesShown | None
    job_cap: CapShown | None
    exact: str
    order_line: OrderLineShown
    period_line: PeriodLineShown
    reason: Reason | None
    money_is: MoneyIs
    covered_from: None
    says: str
    entry: EntryShown
