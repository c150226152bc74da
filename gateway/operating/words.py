"""What the gateway's pages call things: how searches end, what hops say."""

from collections.abc import Iterable, Mapping
from typing import Any

from gateway.recent import Went
from gateway.sending import Outcome
from protocol_specs.web.languages import N_, plain
from protocol_specs.web.visit import Visit

OUTCOMES = {
    Outcome.ACKED: N_("took it"),
    Outcome.REFUSED: N_("refused it"),
    Outcome.TIMED_OUT: N_("did not answer in time"),
    Outcome.UNDELIVERED: N_("could not be reached"),
    Outcome.SKIPPED: N_("were not tried"),
}
EVENTS = {
    "accepted": (N_("taken"), "good"),
    "handled": (N_("worked on"), "good"),
    "repeated": (N_("came again"), ""),
    "forwarded": (N_("forwarded"), "info"),
    "sent": (N_("sent, acknowledged"), "good"),
    "refused": (N_("refused"), "bad"),
    "undelivered": (N_("not delivered"), "warn"),
    "given_up": (N_("given up"), "bad"),
    "nobody_to_ask": (N_("nobody to ask"), "warn"),
}


def searches(visit: Visit, newest: Iterable[Went]) -> list[dict[str, Any]]:
    """Searches as they are shown, each with how far it got."""
    return [
        {
            "at": went.at,
            "bap_id": went.bap_id,
            "transaction_id": went.transaction_id,
            "place": f"{went.domain}, {went.city}",
            "far": _far(visit, went),
            "is_good": went.acked > 0,
            "is_over": went.is_over,
        }
        for went in newest
    ]


def _far(visit: Visit, went: Went) -> str:
    """How far it got, in a sentence."""
    if not went.asked:
        return visit._("nobody to ask in this place")
    parts = [visit.n_("%(num)s provider asked", "%(num)s providers asked", went.asked)]
    parts += [f"{n} {visit._(OUTCOMES[each])}" for each, n in went.outcomes.items() if n]
    if not went.is_over:
        parts.append(visit._("still going out"))
    if went.relayed:
        parts.append(visit.n_("%(num)s answer relayed", "%(num)s answers relayed", went.relayed))
    return ", ".join(parts)


def after(visit: Visit, seconds: float) -> str:
    """How long after the first hop, by the clocks of the nodes that tell it."""
    if seconds < 10:
        return visit._("%(n)s ms later", n=visit.speech.number(round(seconds * 1000)))
    return visit._("%(n)s s later", n=visit.speech.number(round(seconds)))


def event(visit: Visit, name: str) -> tuple[str, str]:
    """What happened, and the kind of its badge; a node may use words of its own."""
    word, kind = EVENTS.get(name, (plain(name), ""))
    return (visit._(word) if name in EVENTS else word), kind


def told(hop: Mapping[str, Any]) -> str:
    """The codes and counts of a hop, in a line."""
    shown = ("at", "node", "action", "event", "peer", "message_id")
    return plain(
        "; ".join(f"{name}: {_value(value)}" for name, value in hop.items() if name not in shown)
    )


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {inner}" for name, inner in value.items())
    return str(value)
