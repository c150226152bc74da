"""`wayfare trace TRANSACTION_ID`: asks the nodes of a transaction what became of its messages."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from protocol_specs.node.calling import Caller, calling
from protocol_specs.node.client.client import Undelivered
from protocol_specs.node.ops import diagnosis
from protocol_specs.node.ops.trace_asking import ask_all
from protocol_specs.node.settings import AnyNodeSettings, SettingsError, load
from protocol_specs.wire import strict_json, timestamp


def add(subparsers: Any) -> None:
    """The one command."""
    trace = subparsers.add_parser("trace", help="where is my search? hop by hop, across nodes")
    trace.add_argument("transaction_id", metavar="TRANSACTION_ID")
    trace.add_argument(
        "--config",
        type=Path,
        required=True,
        metavar="FILE",
        help="of a node that took part",
    )
    trace.add_argument("--json", action="store_true", help="print one JSON object")
    trace.set_defaults(run=run_trace)


def run_trace(arguments: argparse.Namespace) -> int:
    """Print what every node did and what became of each request; 1 if something was lost."""
    settings = load(arguments.config, AnyNodeSettings)
    answers, silent = asyncio.run(_ask_all(settings, arguments.transaction_id))
    if not answers:
        reason = silent.get(settings.subscriber_id, "no answer")
        raise SettingsError(
            f"our own node at {settings.url} could not be asked: {reason}. "
            "Does it run? wayfare doctor --config FILE looks"
        )
    found = diagnosis.findings(answers, silent)
    hops = diagnosis.timeline(answers)
    if arguments.json:
        document = {
            "transaction_id": arguments.transaction_id,
            "hops": hops,
            "silent": silent,
            "findings": [
                {
                    "action": one.action,
                    "message_id": one.message_id,
                    "peer": one.peer,
                    "outcome": one.outcome,
                    "reason": one.reason,
                }
                for one in found
            ],
        }
        print(json.dumps(document, indent=2))
    else:
        _show(hops, found, silent)
    return 1 if not hops or any(one.outcome == "lost" for one in found) else 0


def _show(
    hops: list[dict[str, Any]], found: list[diagnosis.Finding], silent: Mapping[str, str]
) -> None:
    if not hops:
        print("No node that could be asked knows this transaction. What is remembered is lost")
        print("when a node starts anew, and of many transactions only the last are kept.")
    for hop in hops:
        at = timestamp.rfc3339(int(float(hop["at"]) * 1000))
        who = f"{hop['node']:<28} {hop.get('action', '-'):<12} {hop['event']:<12}"
        more = {
            name: value
            for name, value in hop.items()
            if name not in ("at", "node", "action", "event", "peer", "message_id")
        }
        told = " ".join(f"{name}={_plain(value)}" for name, value in more.items())
        print(f"{at} {who} {hop.get('peer', '')} {told}".rstrip())
    for one in found:
        print(f"{one.outcome:>9}: {one.action} to {one.peer}: {one.reason}")
    for node, reason in silent.items():
        print(f"   silent: {node}: {reason}")


def _plain(value: Any) -> str:
    """A value in a line: members of an object with colons and commas between."""
    if isinstance(value, dict):
        return ",".join(f"{name}:{inner}" for name, inner in value.items())
    return str(value)


async def _ask_all(
    settings: AnyNodeSettings, transaction_id: str
) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Every node's answer, our own first; the silent, and why."""
    async with calling(settings) as caller:

        async def ask(node: str, question: Mapping[str, str]) -> dict[str, Any]:
            url = await _url_of(caller, node, settings)
            body = strict_json.dumps(question)
            return strict_json.parse(await caller.client.call(url, "/trace", body))

        return await ask_all(settings.subscriber_id, transaction_id, ask)


async def _url_of(caller: Caller, node: str, settings: AnyNodeSettings) -> str:
    """Where a node is registered; raises Undelivered if it is not."""
    if node == settings.subscriber_id:
        return settings.url
    question = {"subscriber_id": node, "status": "SUBSCRIBED"}
    found = await caller.registry.find(question) if caller.registry else []
    if not found:
        raise Undelivered("it is not in the registry", False)
    return found[0].url
