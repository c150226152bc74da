"""Asks the nodes of a transaction what became of its messages: our own, then those it names."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from protocol_specs.node.client import Undelivered
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
            answers.append(await ask(node, {"transaction_id": transaction_id, "node": node}))
        except (Malformed, Undelivered, Overloaded) as refused:
            silent[node] = refused.reason
            continue
        for named in _named(answers[-1]):
            if named not in asked and len(asked) < NODES_MAX:
                asked.add(named)
                waiting.append(named)
    return answers, silent


def _named(answer: Mapping[str, Any]) -> list[str]:
    """The other nodes in an answer: senders, receivers, and those a gateway forwarded to."""
    named: dict[str, None] = {}
    for hop in answer["hops"]:
        if hop.get("peer"):
            named[hop["peer"]] = None
        named.update(dict.fromkeys(hop.get("to", ())))
    return list(named)
