"""What the pages call things: states of jobs, roles, what the log says, reasons, accounts."""

from collections.abc import Mapping, Sequence

from protocol_specs.node.store import Row
from protocol_specs.web.languages import N_
from protocol_specs.web.visit import Visit

ROLES = {
    "member": N_("Member"),
    "dispatcher": N_("Dispatcher"),
    "treasurer": N_("Treasurer"),
    "auditor": N_("Auditor"),
}
STATES = {
    "RIDE_CONFIRMED": N_("Waiting for a driver"),
    "RIDE_ASSIGNED": N_("Driver assigned"),
    "RIDE_ENROUTE_PICKUP": N_("On the way to the pickup"),
    "RIDE_ARRIVED_PICKUP": N_("At the pickup"),
    "RIDE_STARTED": N_("On the road"),
    "RIDE_ENDED": N_("Ended"),
    "RIDE_CANCELLED": N_("Cancelled"),
    "Pending": N_("Parcel not ready"),
    "Searching-for-Agent": N_("Waiting for a driver"),
    "Agent-assigned": N_("Driver assigned"),
    "At-pickup": N_("At the pickup"),
    "Order-picked-up": N_("Parcel picked up"),
    "Out-for-delivery": N_("On the road"),
    "At-delivery": N_("At the drop"),
    "Order-delivered": N_("Delivered"),
    "Cancelled": N_("Cancelled"),
}
STATUS_KINDS = {"ACTIVE": "info", "COMPLETE": "good", "CANCELLED": ""}
REASONS = {
    "000": N_("A technical fault"),
    "011": N_("No driver can come"),
    "012": N_("The passenger did not come"),
    "013": N_("The driver asks for it"),
    "014": N_("The passenger cannot be reached"),
}
ACTS = {
    "let_in": N_("Let into the office"),
    "let_out": N_("Let out of the office"),
    "assign": N_("Gave a job to a driver"),
    "cancel": N_("Cancelled a job"),
    "end": N_("Ended a job"),
    "paid": N_("Noted a fare as paid"),
    "refund": N_("Paid money back"),
    "share": N_("Shared a fare"),
    "driver": N_("Wrote down a driver"),
    "vehicle": N_("Wrote down a vehicle"),
    "active": N_("Let a driver work"),
    "inactive": N_("Stopped a driver"),
    "token": N_("Gave a new token"),
    "for_driver": N_("Wrote down a driver's word, by their code"),
    "document": N_("Wrote down a document"),
    "shift": N_("Planned a shift"),
    "shift_end": N_("Ended a shift"),
    "pay_in": N_("Took in cash"),
    "fact": N_("Wrote down money"),
    "reverse": N_("Took money back"),
    "close": N_("Closed a period"),
    "sent": N_("Sent a remittance"),
    "acknowledged": N_("Remittance acknowledged"),
    "rejected": N_("Remittance rejected"),
    "interest": N_("Wrote down interest"),
    "file": N_("Took a file"),
    "incident": N_("Wrote down an incident"),
    "incident_followed": N_("Added to an incident"),
    "incident_answered": N_("Answered a driver"),
    "incident_closed": N_("Closed an incident"),
    "surplus": N_("Divided a surplus"),
    "surplus_back": N_("Took a division back"),
    "tariff": N_("Wrote down fares"),
    "tariff_back": N_("Withdrew fares"),
}
REMITTANCE = {
    "open": N_("Open"),
    "closing": N_("Being closed"),
    "collected": N_("Declared"),
    "sent": N_("Sent"),
    "acknowledged": N_("Acknowledged"),
    "rejected": N_("Rejected"),
    "interest": N_("Interest"),
}
REMITTANCE_KINDS = {"collected": "info", "sent": "info", "acknowledged": "good", "rejected": "bad"}
FACTS = {
    "settlement": N_("A platform settles fares it collected"),
    "payout": N_("Pay goes to a worker"),
    "pay-in": N_("A worker pays in fare cash"),
    "repayment": N_("A worker pays back another debt"),
    "netting": N_("Pay is set against fare cash"),
    "debt-netting": N_("Pay is set against another debt"),
    "tip": N_("A platform holds a tip for a worker"),
    "trust-sweep": N_("Workers' money goes to the trust account"),
    "trust-return": N_("What the trust account need not hold"),
    "goodwill-refund": N_("A refund at our cost"),
    "refund-payout": N_("A refund leaves our bank"),
    "refund-by-collector": N_("A platform paid a refund out"),
    "institution-refund": N_("An institution pays back"),
    "fare-write-off": N_("A fare nobody will pay"),
    "cash-write-off": N_("Fare cash nobody will pay in"),
    "debt-write-off": N_("A debt nobody will pay"),
    "agent-commission-received": N_("An institution pays our commission as agent"),
    "unidentified-receipt": N_("Money came, nobody knows for what"),
    "identified-settlement": N_("It was a platform's settlement"),
    "identified-pay-in": N_("It was a worker's pay-in"),
    "receipt-sent-back": N_("It was not ours, and went back"),
    "tax-payment": N_("Withheld taxes go to the authority"),
    "members-funds": N_("Members pay capital in"),
}
ACCOUNTS = {
    1100: N_("Bank"),
    1110: N_("Trust account for contributions"),
    1200: N_("Due from platforms"),
    1220: N_("Fare cash with workers"),
    1230: N_("Set-aside, other side"),
    1240: N_("Owed by workers, other"),
    1250: N_("Remittances on their way"),
    1260: N_("Credit at institutions"),
    1270: N_("Agents' commission due"),
    2100: N_("Workers' pay"),
    2110: N_("Tips"),
    2200: N_("Contributions set aside"),
    2205: N_("Rounding and cap"),
    2210: N_("Contributions due"),
    2220: N_("Contributions declared"),
    2240: N_("Held for workers beyond their plan"),
    2250: N_("Refunds to customers"),
    2300: N_("Taxes withheld"),
    2400: N_("Receipts nobody claims"),
    3000: N_("Members' funds"),
    4000: N_("Commission"),
    4100: N_("Agents' commission"),
    5000: N_("Contributions at our cost"),
    5010: N_("Interest for being late"),
    5020: N_("Workers' debts written off"),
    5030: N_("Goodwill refunds"),
    5050: N_("Platforms' fees"),
    5060: N_("Fares written off"),
}
FAULTS = {
    "not_posted": N_("An event was never posted"),
    "waits": N_("An event waits to be posted"),
    "no_contribution": N_("A contribution is gone"),
    "no_event": N_("A contribution of no event"),
    "no_entry": N_("An entry is gone"),
    "doubled_entry": N_("An entry is there twice"),
    "doubled_confirm": N_("An order was confirmed twice"),
    "gap": N_("A posting of this period is gone"),
}
RECEIVED = {"01": N_("Paid"), "02": N_("Over"), "03": N_("Under"), "04": N_("None")}
INCIDENTS = {
    "accident": N_("Accident"),
    "injury": N_("Injury"),
    "threat": N_("Threat or violence"),
    "damage": N_("Damage"),
    "lost_property": N_("Lost property"),
    "job": N_("Something about a job"),
    "money": N_("Money, a slip or a pass-book"),
    "record": N_("A name, a vehicle or documents"),
    "other": N_("Something else"),
}
INCIDENT_STEPS = {
    "opened": N_("What happened"),
    "followed": N_("Added later"),
    "answered": N_("What the driver was answered"),
    "closed": N_("Result"),
}
SURPLUS_RULES = {
    "fares": N_("Fares earned, less commission"),
    "jobs": N_("Jobs carried out"),
}
OUTCOMES = {
    "accepted": N_("Accepted"),
    "declined": N_("Declined"),
    "expired": N_("Let pass"),
    "withdrawn": N_("Withdrawn"),
}
HOW = {"app": N_("In the app"), "paper": N_("On paper"), "call": N_("By phone call")}


def word(visit: Visit, words: Mapping[str, str], name: str) -> str:
    """The word in the visitor's language; the name itself where there is none."""
    return visit._(words[name]) if name in words else name


def options(visit: Visit, words: Mapping[str, str]) -> list[tuple[str, str]]:
    """For a field to choose from."""
    return [(name, visit._(said)) for name, said in words.items()]


def acts_told(visit: Visit, done: Sequence[Row]) -> list[list[str]]:
    """Acts of the log as rows: when, who, what, about what, figures."""
    return [
        [visit.speech.moment(act["at"], visit.zone), act["who"], word(visit, ACTS, act["what"]),
         act["about"], act["told"]]
        for act in done
    ]  # fmt: skip
