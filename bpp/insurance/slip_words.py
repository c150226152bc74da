"""Every text that a person reads about a slip, in one place, for translators to take over.

What may be said is settled: money was set aside, a fee is a fee, and nobody is said to be covered.
Texts are templates; a name in braces is filled in. `says` of a slip is signed and stays as it is.
"""

from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from bpp.insurance.engine.standing import Reason
from bpp.insurance.slip import MoneyIs
from bpp.insurance.slip_shape import SlipShown
from protocol_specs.wire import money

TITLE = {"deduction_slip": "Deduction slip", "fee_slip": "Fee slip"}
STATE = {
    "provisional": "Provisional: the order has not ended yet, the amount may still change.",
    "final": "Final: the order has ended.",
    "reassigned": "Final for you: the order went to another worker.",
}
SET_ASIDE_BY_WORKER = "Set aside in the cooperative's books; your pay is reduced by it at the end."
SET_ASIDE_BY_COOPERATIVE = "Set aside by the cooperative, which bears it. Your pay stays whole."
TAKEN_FROM_BOTH = (
    "Your part was taken from your pay, the cooperative bears the rest; it owes both to "
    "{institution}."
)
MONEY_IS: dict[MoneyIs, str] = {
    "set_aside": SET_ASIDE_BY_WORKER,
    "taken_from_pay": "Taken from your pay; the cooperative owes it to {institution}.",
    "advanced_by_cooperative": (
        "You were paid in cash: the cooperative advances this amount, and you owe it to the "
        "cooperative."
    ),
    "paid_in": "You were paid in cash and owe the cooperative nothing of it any more.",
}
REASONS: dict[Reason, str] = {
    "rounding": "the amount is below half of the smallest coin",
    "cap": "the cap of the period is reached",
    "prepaid": "what was bought ahead is counted against it",
    "below_floor": "nothing was earned that counts",
    "cancelled": "the order was cancelled without a fee to the worker",
    "reassigned": "the order went to another worker",
    "awaiting_worker": "not enough is known of the worker yet",
    "unchanged": "the fact changes nothing in the amount",
    "remitted": "it was declared to the institution, and this scheme gives nothing of it back",
    "not_told": "you were not shown the notice of this deduction before you got the job",
    "no_consent": "you have not agreed to this deduction",
    "category": "the scheme is not for your category of worker, or the category is not known",
    "residency": "the scheme is not for your residency, or it is not known",
}
WHY_NOTHING = "Why nothing more: {reason}."
FIGURE = {
    "rate": "{percent} of that",
    "net": "{percent} of that is left after expenses",
    "per_order": "Amount of one order",
    "per_job": "Amount of one job",
}
BORNE_BY = {
    "worker": "you, the worker",
    "cooperative": "the cooperative",
    "both": "you ({worker}) and the cooperative ({cooperative})",
}
LIABLE = {"bpp": "this cooperative", "bap": "the booking platform", "none": "nobody named"}
BASIS = {"law": "the law", "consent": "your signed mandate: {mandate}"}
PROOF = {
    "sealed": "Its entry stands in sealed block {block} of the cooperative's books.",
    "pending": "Its entry was not sealed yet when this was made. Ask again after a minute.",
    "left_out": "The way to the sealed books was left out to fit a QR code; the file has it.",
}
LABEL = {
    "bears": "Borne by",
    "base": "Earnings that count",
    "commission": "less commission",
    "refund": "less refund that you bear",
    "job_cap": "at most, for one job",
    "order": "This order",
    "share_worker": "your part, {percent}",
    "share_cooperative": "the cooperative's part, {percent}",
    "moved": "Newly set aside by this slip",
    "moved_period": "of it, rounding and limits of the period",
    "due": "Newly due by this slip",
    "period": "All jobs of {period} here so far",
    "period_tiers": "All jobs of {period} here so far, by the steps of the law for a month",
    "period_cap": "at most, for the period, of this cooperative's jobs alone",
    "scheme": "Scheme",
    "law": "Law",
    "basis": "Basis",
    "liable": "Owed by",
    "worker": "Worker",
    "issued": "Signed",
    "slip": "Slip",
    "supersedes": "In place of",
    "key": "Ledger key",
    "unverified": "Nobody of authority has confirmed to us:",
    "verified_no": "not confirmed",
}
WORKER = "{worker}, the random id of the books"
CHECK_HEADING = "Check it without us"
CHECK_TEXT = (
    "Scan the code, keep its text in a file, and run: wayfare slip verify FILE. No network is "
    "needed. Compare the ledger key with the one that the cooperative publishes."
)
NO_CODE = "This slip is too long for a QR code, or was given without its own signature."
ABOUT = "This slip proves that an amount was set aside. It is no proof of cover."

SMS_SET_ASIDE = "{currency} {amount} set aside for {institution}; cover not confirmed by them."
SMS_FEE = "{currency} {amount} welfare fee for {institution}. A fee is not cover."
SMS_SHORT = "{currency} {amount} set aside; not cover."
SMS_SHORT_FEE = "{currency} {amount} fee; not cover."
SMS_SLIP = "Slip {id}"
SMS_FROM = "{issuer}, {day}:"
SMS_PROVISIONAL = "Provisional."
SMS_UNVERIFIED = "Figures not confirmed."
SMS_WHY: dict[Reason, str] = {
    "rounding": "Too small to round up.",
    "cap": "Cap reached.",
    "prepaid": "Counted as prepaid.",
    "below_floor": "Nothing earned that counts.",
    "cancelled": "Order cancelled.",
    "reassigned": "Order reassigned.",
    "awaiting_worker": "Your facts are missing.",
    "unchanged": "Amount unchanged.",
    "remitted": "Declared; nothing comes back.",
    "not_told": "No notice shown yet.",
    "no_consent": "You did not agree.",
    "category": "Not for your category.",
    "residency": "Not for your residency.",
}
SMS_MONEY_IS: dict[MoneyIs, str] = {
    "set_aside": "",
    "taken_from_pay": "Taken from pay.",
    "advanced_by_cooperative": "Cash job: you owe it.",
    "paid_in": "Paid in.",
}

CHECKED = {
    "signature": "the signature is that of the ledger key {key}",
    "credential": "the credential's proof is that of the ledger key {key}, and it says nothing "
    "beside the slip",
    "key": "that key is the one you gave",
    "arithmetic": "base, figure, rounding and caps come to the amounts that it says",
    "entry": "the entry moves just these amounts, and the words claim no more than they may",
    "inclusion": "the entry stands in block {block}, whose head is signed by the same key",
    "witness": "your witness holds the head of that block",
}
NOT_CHECKED = {
    "key": "whose key that is: compare it with the cooperative's published ledger key, or give "
    "that with --public-key",
    "witness": "whether others hold the head of that block: give a witness with --witness",
    "pending": "whether the entry stands in the sealed books: its proof is pending",
    "left_out": "whether the entry stands in the sealed books: the proof is left out of this code",
    "newer": "whether a newer slip takes its place: only the cooperative's node tells",
    "job": "whether the job and its fare were as it says, and whether the money was sent on",
    "figures": "the figures themselves: their institution has not confirmed all of them",
}


def money_is(slip: SlipShown) -> str | None:
    """The sentence that says where the money was when the slip was signed; None: there is none."""
    if slip.order_line.amount_minor == 0:
        return None
    if slip.money_is == "set_aside" and slip.borne_by == "cooperative":
        return SET_ASIDE_BY_COOPERATIVE
    if slip.money_is == "taken_from_pay" and slip.borne_by == "both":
        return TAKEN_FROM_BOTH.format(institution=slip.scheme.institution)
    return MONEY_IS[slip.money_is].format(institution=slip.scheme.institution)


def state(slip: SlipShown) -> str:
    """Whether the amount may still change, and why not."""
    return STATE["reassigned" if slip.reason == "reassigned" else slip.state]


def why_nothing(slip: SlipShown) -> str | None:
    """Why nothing moved; None where something did."""
    return WHY_NOTHING.format(reason=REASONS[slip.reason]) if slip.reason else None


def amount(slip: SlipShown, minor: int) -> str:
    """Minor units of the slip's currency, written out."""
    return money.amount(minor, slip.currency)


def major(slip: SlipShown, exact: str) -> str:
    """An exact decimal of minor units, written in major ones: "20.775" is "0.20775"."""
    value = Decimal(exact).scaleb(-money.exponent(slip.currency))
    return format(value, "f")


def percent(value: str) -> str:
    """A rate for people: "0.0125" is "1.25 %"."""
    written = format(Decimal(value) * 100, "f")
    return f"{written.rstrip('0').rstrip('.') if '.' in written else written} %"


def local_time(slip: SlipShown) -> str:
    """When it was signed, on the clocks of the scheme."""
    at = datetime.fromtimestamp(slip.issued_at, ZoneInfo(slip.scheme.zone))
    return f"{at:%Y-%m-%d %H:%M} ({slip.scheme.zone})"


def local_day(slip: SlipShown) -> str:
    return f"{datetime.fromtimestamp(slip.issued_at, ZoneInfo(slip.scheme.zone)):%Y-%m-%d}"


def fare_code(code: str) -> str:
    """A breakup code for people: "BASE_FARE" is "Base fare"."""
    return code.replace("_", " ").capitalize()
