"""What the demonstration shows at the end, read from the nodes: slips, books, counts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from examples.calls import Caller
from examples.network import KEEPS_BOOKS, NODES, Network
from examples.people import wait_until
from examples.play import Played
from examples.process import DemoFault, run

Shown = dict[str, Any]
SEAL_WAIT_S = 60.0


# Jobs


def job_shown(played: Played, slips: list[Shown]) -> Shown:
    """A completed job: ids, fare, and each contribution with its slip."""
    order, journey = played.order, played.journey
    return {
        "transaction_id": journey["transaction_id"],
        "order_id": order["id"],
        "status": order["status"],
        "fare": _amount(order["quote"]["total"]),
        "provider_id": order["provider_id"],
        "contributions": [
            {
                "scheme": contribution["scheme"],
                "verified": contribution["verified"],
                "amount": _amount(contribution["amount"]),
                "borne_by": contribution["borne_by"],
                "slip_id": contribution["slip_id"],
                "covered_from": _slip_of(contribution, slips).get("covered_from"),
            }
            for contribution in order["contributions"]
        ],
    }


def cancelled_shown(played: Played) -> Shown:
    """A cancelled job: what remains set aside on its order, which must be nothing."""
    return {
        "order_id": played.order["id"],
        "status": played.order["status"],
        "net_contributions": [
            {"scheme": contribution["scheme"], "amount": _amount(contribution["amount"])}
            for contribution in played.order["contributions"]
        ],
    }


def _slip_of(contribution: Shown, slips: list[Shown]) -> Shown:
    for slip in slips:
        if slip["slip_id"] == contribution["slip_id"]:
            return slip
    raise DemoFault(f"the worker has no slip {contribution['slip_id']}")


def _amount(given: Shown | None) -> Shown | None:
    return None if given is None else {"currency": given["currency"], "value": given["value"]}


# Slips and books


def slips_of(played: Played) -> list[Shown]:
    """The slips that the worker holds for this job, as the node gives them out."""
    wanted = {contribution["slip_id"] for contribution in played.order["contributions"]}
    return [played.driver.at.get(f"/driver/slips/{slip_id}") for slip_id in sorted(wanted - {None})]


def verify_slip(plan: Network, name: str, slip: Shown) -> Shown:
    """What `wayfare slip verify` says of a slip, checked with the cooperative's public key."""
    file = plan.data / "slips" / f"{slip['slip_id']}.json"
    file.write_text(json.dumps(slip), encoding="utf-8")
    key = plan.ledger_public_key(name)
    return _said(run("slip", "verify", str(file), "--public-key", key, "--json"))


def verify_ledgers(plan: Network) -> dict[str, Shown]:
    """What `wayfare ledger verify` says of the books of each cooperative, against its witness."""
    return {
        name: _said(
            run(
                *("ledger", "verify", "--config", str(plan.config(name))),
                *("--witness", str(plan.witness(name)), "--json"),
            )
        )
        for name in KEEPS_BOOKS
    }


def _said(done: Any) -> Shown:
    try:
        said: Shown = json.loads(done.stdout)
    except ValueError:
        words = (done.stderr or done.stdout).strip()
        raise DemoFault(f"{' '.join(done.args[3:5])} said nothing to read: {words}") from None
    return {**said, "verified": said.get("verified") is True and done.returncode == 0}


def ledger_shown(ledgers: dict[str, Shown]) -> Shown:
    """The books of both cooperatives together, and each by itself."""
    return {
        "entries": sum(ledger["entries"] for ledger in ledgers.values()),
        "balanced": all(ledger["balanced"] is True for ledger in ledgers.values()),
        "sealed_blocks": sum(ledger["sealed_blocks"] for ledger in ledgers.values()),
        "verified": all(ledger["verified"] is True for ledger in ledgers.values()),
        "by_cooperative": {
            name: {key: ledger[key] for key in ("entries", "balanced", "sealed_blocks", "verified")}
            for name, ledger in ledgers.items()
        },
    }


# Counts


def messages_shown(plan: Network) -> Shown:
    """Messages that left a node, those acknowledged, and those refused, from all /metrics.

    Read once nothing waits in any queue, so that the three belong together.
    """
    wait_until(lambda: all(_is_idle(text) for text in _metrics(plan)), "empty queues")
    texts = _metrics(plan)
    acked = sum(_total(text, "wayfare_sent_total") for text in texts)
    lost = sum(_total(text, "wayfare_given_up_total") for text in texts)
    nacked = sum(_total(text, "wayfare_refused_total") for text in texts)
    return {"sent": acked + lost, "acked": acked, "nacked": nacked}


def _metrics(plan: Network) -> list[str]:
    return [str(Caller(plan.url(name)).get("/metrics")) for name in NODES]


def _is_idle(text: str) -> bool:
    return _total(text, "wayfare_oldest_age_seconds") == 0


def _total(text: str, name: str) -> int:
    """The sum of a metric's samples, in the Prometheus text format."""
    lines = (line.split("{")[0].split(" ")[0] for line in text.splitlines())
    values = (line.rsplit(" ", 1)[1] for line in text.splitlines() if line.startswith("wayfare_"))
    named = (line for line in lines if line.startswith("wayfare_"))
    return round(sum(float(value) for own, value in zip(named, values, strict=True) if own == name))


def nodes_shown(plan: Network) -> list[Shown]:
    """The five processes."""
    return [
        {
            "role": NODES[name],
            "subscriber_id": _subscriber_id(plan, name),
            "url": node.url,
            "pid": node.pid,
        }
        for name, node in plan.started.items()
    ]


def _subscriber_id(plan: Network, name: str) -> str:
    for line in plan.config(name).read_text("utf-8").splitlines():
        if line.startswith("subscriber_id"):
            return line.split('"')[1]
    raise DemoFault(f"{plan.config(name)} names no subscriber_id")


def pages_shown(plan: Network) -> list[Shown]:
    """The nodes that have a page at their address, and where."""
    found = []
    for name, role in NODES.items():
        status, _ = Caller(plan.url(name)).ask("GET", "/", None)
        if status == 200:
            found.append({"role": role, "url": plan.url(name) + "/"})
    return found


# Is it true?


def untruths(shown: Shown, plan: Network) -> Iterator[str]:
    """Sentences about what is not as promised; none when the demonstration succeeded."""
    for name in ("ride", "delivery"):
        yield from _job_untruths(name, shown[name])
    cancelled = shown["cancelled_ride"]
    if cancelled["status"] != "CANCELLED" or not cancelled["net_contributions"]:
        yield f"the cancelled ride is {cancelled['status']}, or shows no net contribution"
    for line in cancelled["net_contributions"]:
        if line["amount"] is None or float(line["amount"]["value"]) != 0:
            yield f"the cancelled ride keeps {line}"
    ledger = shown["ledger"]
    if not (ledger["balanced"] and ledger["verified"] and ledger["sealed_blocks"] >= 2):
        yield f"the books are not balanced, sealed and verified: {ledger}"
    if shown["slips_verified"] < 2:
        yield f"{shown['slips_verified']} slips verified, not one for each job"
    messages = shown["messages"]
    if messages["nacked"] or messages["sent"] != messages["acked"] or not messages["sent"]:
        yield f"not every message was acknowledged: {messages}"
    for name, node in plan.started.items():
        if node.popen.poll() is not None:
            yield f"the {name} node ended by itself"


def _job_untruths(name: str, job: Shown) -> Iterator[str]:
    if job["status"] != "COMPLETE":
        yield f"the {name} is {job['status']}"
    if not job["contributions"]:
        yield f"nothing was set aside on the {name}"
    for contribution in job["contributions"]:
        amount = contribution["amount"]
        if amount is None or float(amount["value"]) <= 0 or not contribution["slip_id"]:
            yield f"the {name} has no amount or no slip under {contribution['scheme']}"
        if contribution["covered_from"] is not None:
            yield f"a slip of the {name} claims cover"
