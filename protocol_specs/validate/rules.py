"""The rules, in one table, and the verdict they lead to.

A new rule is a pure function over a conversation that yields what it finds, and a line here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from protocol_specs.validate import chain, ids, sequence, shapes, states, sums, terms
from protocol_specs.validate.conversation import Conversation
from protocol_specs.validate.rule import Fault, Rule, Severity
from protocol_specs.validate.words import DELIVERIES, LOG_125, RIDES, TRV_20, TRV_21

_WARNING = Severity.WARNING

SCHEMA_RULES = (
    Rule(
        "tag.text",
        "a tag's value is a text",
        shapes.by_code("tag.text"),
        severity=_WARNING,
        whole=False,
    ),
    Rule("uuid", "ids are UUIDs", shapes.by_code("uuid"), severity=_WARNING, whole=False),
    Rule("enum", "a word is one of those listed", shapes.by_code("enum"), whole=False),
    Rule("format", "a text has the form asked for", shapes.by_code("format"), whole=False),
    Rule("missing", "what must be there is there", shapes.by_code("missing"), whole=False),
    Rule("type", "a value is of its kind", shapes.by_code("type"), whole=False),
    Rule(
        "unknown",
        "nothing is there that the dialect does not know",
        shapes.by_code("unknown"),
        whole=False,
    ),
    Rule(
        "bounds",
        "lengths, numbers and combinations are allowed",
        shapes.by_code("bounds"),
        whole=False,
    ),
)

CHAIN_RULES = (
    Rule("missing", "the context has its members", chain.needed, whole=False),
    Rule("format", "timestamp and ttl have the dialect's form", chain.forms, whole=False),
    Rule("chain.transaction_id", "one transaction_id", chain.same("transaction_id")),
    Rule(
        "chain.message_id",
        "a new message_id for a request and an unasked callback, the request's for an answer",
        chain.message_ids,
    ),
    Rule("chain.ids", "transaction_id and message_id differ", chain.two_ids, whole=False),
    Rule(
        "chain.party", "the same two parties", chain.same("bap_id", "bap_uri", "bpp_id", "bpp_uri")
    ),
    Rule("chain.place", "the same city and country", chain.place),
    Rule("chain.domain", "the same domain", chain.same("domain")),
    Rule("chain.version", "the same version", chain.version),
    Rule(
        "dialect.near",
        "the contract has rules of its own here",
        chain.near,
        severity=_WARNING,
        whole=False,
    ),
    Rule("chain.timestamp", "the timestamps of one sender rise", chain.times),
    Rule(
        "chain.early",
        "an answer is not earlier than its request",
        chain.answers_after,
        severity=_WARNING,
    ),
    Rule("chain.late", "an answer comes within the request's ttl", chain.late, severity=_WARNING),
    Rule(
        "chain.addressed",
        "a search to all names no provider",
        chain.addressed,
        RIDES | DELIVERIES,
        whole=False,
    ),
    Rule("chain.repeat", "nothing is said twice to the letter", chain.repeats, severity=_WARNING),
    Rule(
        "chain.host",
        "the uri's host belongs to the subscriber id",
        chain.hosts,
        RIDES,
        _WARNING,
        whole=False,
    ),
)

SEQUENCE_RULES = (
    Rule("sequence.order", "each message comes after the one it follows from", sequence.order),
    Rule("sequence.missing", "what a message follows from is there", sequence.missing),
    Rule("sequence.unanswered", "every request is answered", sequence.unanswered),
    Rule("sequence.no_offers", "a search is answered", sequence.searches, severity=_WARNING),
    Rule("sequence.both", "message or error, never both", sequence.both, whole=False),
    Rule("sequence.ended", "after the end only questions", sequence.after_end),
    Rule(
        "sequence.unfinished",
        "a confirmed order comes to an end",
        sequence.unfinished,
        severity=_WARNING,
    ),
)

STATE_RULES = (
    Rule("state.known", "every state is a word of the network", states.known, whole=False),
    Rule("state.order", "states go forwards", states.order),
    Rule("state.agent", "an agent from assignment on, none before", states.agents, whole=False),
    Rule(
        "state.code",
        "the start code is UNCLAIMED until the start, then CLAIMED",
        states.codes,
        whole=False,
    ),
    Rule(
        "state.status", "the order's word is one that its action says", states.statuses, whole=False
    ),
    Rule("state.agree", "order and job end together", states.agreement, whole=False),
    Rule("state.payment", "what was paid stays paid", states.payments),
    Rule(
        "state.time",
        "a parcel picked up or delivered says when",
        states.times,
        DELIVERIES,
        whole=False,
    ),
)

MONEY_RULES = (
    Rule("sum.quote", "a breakup sums to its price", sums.add_up, whole=False),
    Rule(
        "sum.amount",
        "amounts are decimal texts no finer than the currency",
        sums.amounts,
        whole=False,
    ),
    Rule(
        "sum.sign",
        "refunds take away, charges add, totals are not negative",
        sums.signs,
        whole=False,
    ),
    Rule("sum.currency", "one currency", sums.currency),
    Rule("sum.agreed", "what on_init offers is what is confirmed", sums.agreed),
)

ID_RULES = (
    Rule("id.unknown", "what is named was offered", ids.unknown),
    Rule("id.twice", "ids of a catalog are unique", ids.duplicates, whole=False),
    Rule("id.order", "the order keeps its id", ids.orders),
    Rule("id.missing", "what is about an order says which", ids.nameless, whole=False),
    Rule("id.payment", "confirm names the payment of on_init", ids.payments, RIDES),
)

TERM_RULES = (
    Rule(
        "terms.missing",
        "the terms are given",
        terms.missing,
        frozenset({TRV_20, TRV_21, LOG_125}),
        whole=False,
    ),
    Rule("terms.changed", "the terms stay what they were", terms.changed, RIDES),
    Rule(
        "terms.refused", "the provider's terms are accepted", terms.refused, DELIVERIES, whole=False
    ),
    Rule("terms.collector", "who collects stays the same", terms.collector),
)

RULES: tuple[Rule, ...] = (
    *SCHEMA_RULES,
    *CHAIN_RULES,
    *SEQUENCE_RULES,
    *STATE_RULES,
    *MONEY_RULES,
    *ID_RULES,
    *TERM_RULES,
)

UNREAD = {
    "json": "a file is one strict JSON object",
    "context": "a message has a context",
    "action": "the action is one of the protocol's",
    "dialect": "the domain and version are of a dialect known here",
}
"""Codes of files that hold no message to judge."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found in one conversation, by file, then by rule. It passes without an error."""

    path: str
    messages: int
    faults: tuple[Fault, ...]

    @property
    def passes(self) -> bool:
        """Whether there is no fault but warnings."""
        return all(fault.severity is Severity.WARNING for fault in self.faults)


def judge(conversation: Conversation, rules: Iterable[Rule] = RULES) -> Verdict:
    """The verdict on one conversation. A place is named once per code."""
    order = {message.file: n for n, message in enumerate(conversation.messages)}
    found = {(fault.file, fault.path, fault.code): fault for fault in _faults(conversation, rules)}
    faults = sorted(found.values(), key=lambda fault: (order.get(fault.file, -1), fault.file))
    count = len(conversation.messages) + len(conversation.unread)
    return Verdict(conversation.path, count, tuple(faults))


def _faults(conversation: Conversation, rules: Iterable[Rule]) -> Iterator[Fault]:
    for unread in conversation.unread:
        yield Fault(unread.file, unread.path, unread.code, unread.reason)
    for rule in rules:
        if rule.whole and not conversation.whole:
            continue
        for message, path, reason in rule.check(conversation):
            if rule.dialects is None or message.words.dialect in rule.dialects:
                yield Fault(
                    message.file, path, rule.code, f"{path} {reason}".strip(), rule.severity
                )
