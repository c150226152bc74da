"""What the hops of several nodes say together: how far each message came, and where it was lost.

Pure: the answers of `wayfare trace`'s questions in, lines of plain words out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from protocol_specs.wire.parties import callback_of

Answer = Mapping[str, Any]
"""One node's answer to the hop query (protocol_specs/node/ops/tracing.py)."""


@dataclass(frozen=True, slots=True)
class Finding:
    """How one request fared at one peer: `answered`, `waiting` or `lost`, and the reason."""

    action: str
    message_id: str
    peer: str
    outcome: str
    reason: str


def timeline(answers: Sequence[Answer]) -> list[dict[str, Any]]:
    """All hops of all nodes in order of time, each with its node."""
    hops = [{"node": answer["node"], **hop} for answer in answers for hop in answer["hops"]]
    return sorted(hops, key=lambda hop: float(hop["at"]))


def findings(answers: Sequence[Answer], silent: Mapping[str, str]) -> list[Finding]:
    """What became of each request of the asker; `silent` says why a node could not be asked.

    The first answer is the asker's own.
    """
    if not answers:
        return []
    own = answers[0]
    by_node = {str(answer["node"]): answer for answer in answers}
    found: list[Finding] = []
    for hop in own["hops"]:
        if hop["event"] not in ("sent", "given_up", "undelivered") or _is_answer(hop):
            continue
        found.extend(_fate(hop, own, by_node, silent))
    return found


def _is_answer(hop: Mapping[str, Any]) -> bool:
    action = str(hop.get("action", ""))
    return action.startswith("on_") or action in (
        "cancellation_reasons",
        "return_reasons",
        "rating_categories",
    )


def _fate(
    sent: Mapping[str, Any], own: Answer, by_node: Mapping[str, Answer], silent: Mapping[str, str]
) -> Iterator[Finding]:
    action, peer = str(sent["action"]), str(sent.get("peer", "?"))
    message_id = str(sent.get("message_id", "?"))

    def said(outcome: str, reason: str, of: str = peer) -> Finding:
        return Finding(action, message_id, of, outcome, reason)

    if sent["event"] != "sent":
        why = sent.get("code") or sent.get("error") or "no reason given"
        yield said("lost", f"{peer} did not take it: {why}{_refusal(by_node.get(peer))}")
        return
    answered = {
        hop["peer"]
        for hop in own["hops"]
        if hop.get("action") == callback_of(action)
        and hop.get("message_id") == message_id
        and hop["event"] in ("accepted", "repeated", "handled")
    }
    for bpp in sorted(answered):
        yield said("answered", "its answer was taken here", bpp)
    there = by_node.get(peer)
    if there is None:
        if peer not in answered:
            yield said("waiting", f"{peer} ACKed it; {silent.get(peer, 'it was not asked')}")
        return
    if there["type"] == "BG":
        yield from _beyond_gateway(said, there, message_id, answered, by_node, silent)
    elif peer not in answered:
        yield said(*_at_provider(there, action, message_id))


def _beyond_gateway(
    said: Any,
    gateway: Answer,
    message_id: str,
    answered: set[str],
    by_node: Mapping[str, Answer],
    silent: Mapping[str, str],
) -> Iterator[Finding]:
    """Every provider that the gateway sent the search to and whose answer did not come."""
    of_it = [hop for hop in gateway["hops"] if hop.get("message_id") == message_id]
    forwarded = [hop for hop in of_it if hop["event"] == "forwarded"]
    if not of_it:
        yield said("lost", f"it never came to {gateway['node']} as verified{_refusal(gateway)}")
    elif not forwarded:
        yield said("waiting", f"{gateway['node']} took it and is still forwarding it")
    elif not forwarded[-1]["to"]:
        yield said("lost", f"{gateway['node']} found no provider for domain and city")
    for bpp, outcome in (forwarded[-1]["to"] if forwarded else {}).items():
        if bpp in answered:
            continue
        if outcome != "acked":
            yield said("lost", f"the gateway's call to it ended: {outcome}", bpp)
        elif bpp in by_node:
            yield said(*_at_provider(by_node[bpp], "search", message_id), bpp)
        else:
            yield said("waiting", f"it ACKed; {silent.get(bpp, 'it was not asked')}", bpp)


def _at_provider(there: Answer, action: str, message_id: str) -> tuple[str, str]:
    """How far the message came at the provider itself."""
    node, callback = there["node"], callback_of(action)
    of_it = [hop for hop in there["hops"] if hop.get("message_id") == message_id]
    requests = [hop for hop in of_it if hop.get("action") == action]
    answers = [hop for hop in of_it if hop.get("action") == callback]
    for hop in reversed(answers):
        if hop["event"] == "sent":
            return "lost", f"{node} answered {hop.get('peer')} and was ACKed, but it is not here"
        why = hop.get("code") or hop.get("error") or "no reason given"
        return "lost", f"{node} could not deliver its answer ({hop['event']}: {why})"
    if not requests:
        return "lost", f"it never came to {node} as a verified message{_refusal(there)}"
    last = requests[-1]
    if last["event"] == "given_up":
        why = last.get("code") or last.get("reason") or last.get("error")
        return "lost", f"{node} took it and gave it up: {why}"
    if last["event"] == "handled":
        return "answered", f"{node} handled it and had nothing to offer"
    return "waiting", f"{node} took it and works on it"


def _refusal(there: Answer | None) -> str:
    """The last refusal at that door of something that named us, which may be this message."""
    if there is None or not there["refusals"]:
        return ""
    last = there["refusals"][-1]
    said = f"{last.get('kind')} {last.get('code')}, status {last.get('status')}"
    return f"; its door last refused a {last.get('action')} in our name: {said}"
