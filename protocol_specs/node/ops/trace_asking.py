"""Asks the nodes of a transaction what became of its messages: our own, then those it names."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from protocol_specs.node.client.client import Undelivered
from protocol_specs.wire.errors import Malformed, Overloaded

NODES_MAX = 50

Ask = Callable[[str, Mapping[str, str]], Awaitable[dict[str, Any]]]
"""A node's id and the question, to its answer. Raises Undelivered, Malformed or Overloaded."""


async def ask_all(
    own: str, transaction_id: str, ask: Ask
) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """The answers, our own (`own` is our id) first; and the silent, each with the reason."""
    answers: list[dict[str, Any]] = []
    silent: dict[str, str] = {}
    waiting, asked = [own], {own}
    while waiting:
        node = waiting.pop(0)
        try:
            answer = await ask(node, {"transaction_id": transaction_id, "node": node})
            answers.append(_checked(node, answer))
        except (Malformed, Undelivered, Overloaded) as refused:
            silent[node] = refused.reason
            continue
        for named in _named(answers[-1]):
            if named not in asked and len(asked) < NODES_MAX:
                asked.add(named)
                waiting.append(named)
    return answers, silent


def _checked(node: str, answer: dict[str, Any]) -> dict[str, Any]:
    """The answer, if it is one: others' nodes may say anything. Raises Malformed."""
    lists = [answer.get("hops"), answer.get("refusals")]
    if not all(isinstance(each, list) and all(map(_is_hop, each)) for each in lists):
        raise Malformed("its answer is no list of hops")
    return {**answer, "node": node, "type": str(answer.get("type"))}


def _is_hop(hop: Any) -> bool:
    if not isinstance(hop, dict) or not isinstance(hop.get("at"), int | float):
        return False
    texts = (hop.get(name, "") for name in ("event", "action", "message_id", "peer"))
    asked = hop.get("to", {})
    return all(isinstance(text, str) for text in texts) and (
        isinstance(asked, dict) and all(isinstance(fate, str) for fate in asked.values())
    )


def _named(answer: Mapping[str, Any]) -> list[str]:
    """The other nodes in an answer: senders, receivers, and those a gateway forwarded to."""
    named: dict[str, None] = {}
    for hop in answer["hops"]:
        if hop.get("peer"):
            named[hop["peer"]] = None
        named.update(dict.fromkeys(hop.get("to", ())))
    return list(named)
