"""Holds the dialects' schemas and readers against a folder of recorded conversations.

usage: check_dialects.py PATH [--reasons]

PATH holds `flows/`, one folder of JSON files per conversation. Exits 1 if the receive profile
refuses a recorded message that is not known to be broken, or if a reader fails on one that
receive accepts in any way but by a refusal. How many messages the strict profile accepts is
printed and decides nothing, for real traffic is not strict; --reasons lists why.
"""

import collections
import json
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from protocol_specs.wire import version
from protocol_specs.wire.errors import Refused
from protocol_specs.wire.schema import Schemas

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Check:
    """Which recorded messages a dialect is held against.

    `broken` are those that no receiver can take, with the reason.
    """

    dialect: str
    flows: str
    versions: tuple[str, ...]
    broken: Mapping[str, str]


CHECKS = (
    Check("trv10-2.1.0", "trv10-*", ("2.1.0",), {}),
    Check("trv10-2.0.1", "trv10-*", ("2.0.1", "2.0.0"), {}),
    Check("log10-1.2.5", "log-*", ("1.2.5",), {}),
    Check(
        "log-1.2.0",
        "log-*",
        ("1.2.0",),
        {
            "log-Bluedart-Pramaan_09_12_24_Flow_5_Merchant_Side_Full_order_Cancellation_19020"
            "/11_search.json": "a cancel under the name of search",
            "log-Ninjacart-Logistics_BNP_Delivery_flow/13_update.json": "names no provider",
            "log-Ninjacart-Logistics_BNP_Delivery_flow/14_track.json": "names no provider",
        },
    ),
)


def main(arguments: list[str]) -> int:
    if not arguments or not Path(arguments[0], "flows").is_dir():
        print(__doc__)
        return 2
    flows, with_reasons = Path(arguments[0], "flows"), "--reasons" in arguments
    return max(check(row, flows, with_reasons=with_reasons) for row in CHECKS)


def check(row: Check, flows: Path, *, with_reasons: bool) -> int:
    strict, receive = Schemas.load("strict", row.dialect), Schemas.load("receive", row.dialect)
    recorded = list(messages(flows, row))
    refused = verdicts(receive, recorded)
    unread = {
        name: reason
        for name, action, document in recorded
        if name not in refused and (reason := refusal_of_reader(row.dialect, action, document))
    }
    unclean = verdicts(strict, recorded)
    total = len(recorded)
    print(f"{row.dialect}: {total} messages; receive takes {total - len(refused)}", end=", ")
    print(f"readers read {total - len(refused) - len(unread)}, strict takes {total - len(unclean)}")
    for title, found in (("receive", refused), ("reader", unread)):
        for name, reason in found.items():
            print(f"  {title} refuses {name}: {reason}")
    if with_reasons:
        for reason, count in collections.Counter(map(shape, unclean.values())).most_common():
            print(f"  strict refuses {count}: {reason}")
    return int(bool(refused.keys() - row.broken.keys()))


def messages(flows: Path, row: Check) -> Iterator[tuple[str, str, Document]]:
    """Name, action and content of every recorded message of that dialect."""
    for path in sorted(flows.glob(f"{row.flows}/*.json")):
        document = json.loads(path.read_bytes())
        context = document.get("context", {})
        if context.get("version", context.get("core_version")) in row.versions:
            yield f"{path.parent.name}/{path.name}", str(context.get("action")), document


def verdicts(schemas: Schemas, recorded: list[tuple[str, str, Document]]) -> dict[str, str]:
    """The refused messages by name, with the first fault of each."""
    refused = {}
    for name, action, document in recorded:
        try:
            schemas.validate(action, document)
        except Refused as refusal:
            refused[name] = f"{action}: {refusal.reason}"
    return refused


def refusal_of_reader(dialect: str, action: str, document: Document) -> str | None:
    """Why the dialect's reader turns the message away; any other exception is a fault of ours."""
    if "message" not in document or document["message"] in ({}, None):
        return None  # an error instead of a message has no reader
    try:
        read(version.named(dialect), action, document["message"])
    except Refused as refusal:
        return f"{action}: {refusal.path} {refusal.reason}"
    return None


def read(dialect: Any, action: str, message: Document) -> None:
    about_order = action.startswith("on_") and "order" in message
    getattr(dialect, "read_on_order" if about_order else f"read_{action}")(message)


def shape(reason: str) -> str:
    """A reason without its indexes and values, so that equal faults are counted together."""
    return re.sub(r"/[0-9]+(?=[/ ])", "/[]", re.sub(r"(, not|not the).*", "", reason))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
