"""What the demonstration shows at the end, read from the nodes: slips, books, counts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from decimal import Decimal
from typing import Any

from examples.calls import Caller
from examples.network import KEEPS_BOOKS, NODES, Network
from examples.people import wait_until
from examples.play import Played
from examples.process import DemoFault, Said, run

Shown = dict[str, Any]


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
                "covered_from": _slip_of(contribution, slips)["covered_from"],
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
        if slip["slip"]["slip_id"] == contribution["slip_id"]:
            inner: Shown = slip["slip"]
            return inner
    raise DemoFault(f"the worker has no slip {contribution['slip_id']}")


def _amount(given: Shown | None) -> Shown | None:
    return None if given is None else {"currency": given["currency"], "value": given["value"]}


# Slips and books


def slips_of(played: Played) -> list[Shown]:
    """The slips that the worker holds for this job, each once its entry stands in a sealed block.

    A slip is `{slip, signature, proof}`; the node gives it out as `slip verify` takes it.
    """
    wanted = sorted(
        contribution["slip_id"]
        for contribution in played.order["contributions"]
        if contribution["slip_id"]
    )

    def sealed(slip_id: str) -> Shown | None:
        slip: Shown = played.driver.at.get(f"/driver/slips/{slip_id}")
        return None if slip["proof"] == "pending" else slip

    return [_until(sealed, slip_id, "the proof of slip") for slip_id in wanted]


def verify_slip(plan: Network, name: str, slip: Shown) -> Shown:
    """What `wayfare slip verify` says of a slip, checked with the cooperative's public key."""
    file = plan.data / "slips" / f"{slip['slip']['slip_id']}.json"
    file.write_text(json.dumps(slip), encoding="utf-8")
    key = plan.ledger_public_key(name)
    return _read(run("slip", "verify", str(file), "--public-key", key, "--json"))


def verify_ledgers(plan: Network) -> dict[str, Shown]:
    """What `wayfare ledger verify` says of the books of each cooperative, against its witness.

    Asked once every entry stands in a block and the witness has each block's head.
    """

    def settled(name: str) -> Shown | None:
        witness = plan.witness(name)
        if not witness.exists() or not witness.stat().st_size:  # made, its first head not yet in it
            return None
        words = ("--config", str(plan.config(name)), "--witness", str(witness), "--json")
        report = _read(run("ledger", "verify", *words))
        heads = witness.read_bytes().count(b"\n")
        return report if not report["waiting"] and heads >= report["sealed_blocks"] else None

    return {name: _until(settled, name, "sealed and witnessed books of") for name in KEEPS_BOOKS}


def _until(look: Callable[[str], Shown | None], of: str, what: str) -> Shown:
    found: Shown = wait_until(lambda: look(of), f"{what} {of}")
    return found


def _read(said: Said) -> Shown:
    try:
        shown: Shown = json.loads(said.output)
    except ValueError:
        raise DemoFault(f"a verification said nothing to read: {said.errors}") from None
    return {**shown, "verified": shown.get("verified") is True and said.status == 0}


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
    """Messages between the nodes, counted at both ends (/metrics), once nothing waits in a queue.

    Sent are those that the senders delivered or gave up; acknowledged and refused are those that
    the doors took or turned away. That sent and acknowledged agree is thus something to check.
    """
    wait_until(lambda: all(_is_idle(text) for text in _metrics(plan)), "empty queues")
    # A sender counts after the receiver; if they never agree, the counts themselves say so.
    with suppress(DemoFault):
        wait_until(lambda: _agree(_counts(plan)), "as many acknowledged as sent")
    return _counts(plan)


def _counts(plan: Network) -> Shown:
    texts = _metrics(plan)

    def count(event: str) -> int:
        return sum(_total(text, f"wayfare_{event}_total") for text in texts)

    sent = count("sent") + count("given_up")
    return {"sent": sent, "acked": count("accepted"), "nacked": count("refused")}


def _agree(counts: Shown) -> bool:
    return bool(counts["sent"] == counts["acked"] + counts["nacked"])


def _metrics(plan: Network) -> list[str]:
    """Of the nodes that trade; what the registry accepts are applications."""
    trading = (name for name in NODES if name != "registry")
    return [str(Caller(plan.ops_url(name)).get("/metrics")) for name in trading]


def _is_idle(text: str) -> bool:
    """Nothing waits to be handled or sent; a snapshot of the registry may be as old as it likes."""
    ages = [
        line
        for line in text.splitlines()
        if line.startswith("wayfare_oldest_age_seconds{") and "registry_snapshot" not in line
    ]
    return _total("\n".join(ages), "wayfare_oldest_age_seconds") == 0


def _total(text: str, name: str) -> int:
    """The sum of a metric's samples, in the Prometheus text format."""
    samples = (line for line in text.splitlines() if line.startswith((f"{name}{{", f"{name} ")))
    return round(sum(float(line.rsplit(" ", 1)[1]) for line in samples))


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


# Is it true?


def untruths(shown: Shown, plan: Network) -> Iterator[str]:
    """Sentences about what is not as promised; none when the demonstration succeeded."""
    for name in ("ride", "delivery"):
        yield from _job_untruths(name, shown[name])
    cancelled = shown["cancelled_ride"]
    if cancelled["status"] != "CANCELLED" or not cancelled["net_contributions"]:
        yield f"the cancelled ride is {cancelled['status']}, or shows no net contribution"
    for line in cancelled["net_contributions"]:
        if line["amount"] is None or Decimal(line["amount"]["value"]) != 0:
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
        if amount is None or Decimal(amount["value"]) <= 0 or not contribution["slip_id"]:
            yield f"the {name} has no amount or no slip under {contribution['scheme']}"
        if contribution["covered_from"] is not None:
            yield f"a slip of the {name} claims cover"
