"""The demonstration succeeds only if all that it shows is true: each untruth by itself fails it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from examples import audit
from examples.network import Network

JOB: dict[str, Any] = {
    "status": "COMPLETE",
    "contributions": [
        {
            "scheme": "my.act872.gig",
            "amount": {"currency": "MYR", "value": "0.13"},
            "slip_id": "s1",
            "covered_from": None,
        }
    ],
}
SHOWN: dict[str, Any] = {
    "ride": JOB,
    "delivery": JOB,
    "cancelled_ride": {
        "status": "CANCELLED",
        "net_contributions": [
            {"scheme": "my.act872.gig", "amount": {"currency": "MYR", "value": "0.00"}}
        ],
    },
    "ledger": {"entries": 9, "balanced": True, "sealed_blocks": 2, "verified": True},
    "slips_verified": 2,
    "messages": {"sent": 40, "acked": 40, "nacked": 0},
}


def found(shown: dict[str, Any]) -> list[str]:
    return list(audit.untruths(shown, Network(Path(), {})))


def test_nothing_is_said_against_what_is_true() -> None:
    assert found(SHOWN) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("ride/status", "ACTIVE"),
        ("delivery/contributions", []),
        ("ride/contributions/0/amount", None),
        ("ride/contributions/0/amount/value", "0.00"),
        ("ride/contributions/0/slip_id", None),
        ("delivery/contributions/0/covered_from", "2026-01-01"),
        ("cancelled_ride/status", "ACTIVE"),
        ("cancelled_ride/net_contributions", []),
        ("cancelled_ride/net_contributions/0/amount/value", "0.13"),
        ("cancelled_ride/net_contributions/0/amount", None),
        ("ledger/balanced", False),
        ("ledger/verified", False),
        ("ledger/sealed_blocks", 0),
        ("slips_verified", 1),
        ("messages/nacked", 1),
        ("messages/acked", 39),
    ],
)
def test_one_untruth_is_told(path: str, value: Any) -> None:
    shown = json.loads(json.dumps(SHOWN))
    *parents, last = [int(key) if key.isdigit() else key for key in path.split("/")]
    place: Any = shown
    for key in parents:
        place = place[key]
    place[last] = value
    assert len(found(shown)) == 1


def test_counters_are_summed_over_their_labels_and_no_others() -> None:
    text = (
        "# HELP wayfare_accepted_total Messages accepted\n"
        'wayfare_accepted_total{action="search"} 3.0\n'
        'wayfare_accepted_total{action="init"} 2.0\n'
        'wayfare_accepted_totally{action="init"} 100.0\n'
    )
    assert audit._total(text, "wayfare_accepted_total") == 5
