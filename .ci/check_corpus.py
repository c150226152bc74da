"""Holds our schemas against a folder of real messages.

usage: check_corpus.py PATH

PATH holds `messages/` (good messages), `faulty/` (bad ones, with `index.json` saying where) and
perhaps `flows/` (recorded conversations). Exits 1 if the strict profile refuses a good message
or misses a named fault, or the receive profile refuses a good message. What the receive profile
makes of the faulty messages and of the conversations is printed and decides nothing.
"""

import collections
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from protocol_specs.wire.errors import Refused
from protocol_specs.wire.schema import Schemas

EXAMPLES_MAX = 10


def main(arguments: list[str]) -> int:
    if len(arguments) != 1 or not Path(arguments[0], "messages").is_dir():
        print(__doc__)
        return 2
    corpus = Path(arguments[0])
    strict, receive = Schemas.load("strict"), Schemas.load("receive")
    missed = [
        *refusals("strict accepts the good messages", strict, documents(corpus / "messages")),
        *refusals("receive accepts the good messages", receive, documents(corpus / "messages")),
        *overlooked(strict, corpus / "faulty"),
    ]
    for miss in missed:
        print("MISS", miss)
    look("receive, messages that strict refuses", receive, documents(corpus / "faulty"))
    if (corpus / "flows").is_dir():
        rides = (flow for flow in sorted((corpus / "flows").glob("trv10-*")))
        look("receive, recorded rides", receive, (pair for f in rides for pair in documents(f)))
    return 1 if missed else 0


def documents(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for path in sorted(folder.glob("*.json")):
        if path.name != "index.json":
            yield f"{folder.name}/{path.name}", json.loads(path.read_bytes())


def refusals(
    title: str, schemas: Schemas, messages: Iterator[tuple[str, dict[str, Any]]]
) -> list[str]:
    """The messages that `schemas` refuse, with the reason; prints how many they accept."""
    refused, total = [], 0
    for name, document in messages:
        total += 1
        try:
            schemas.validate(action_of(document), document)
        except Refused as refusal:
            refused.append(f"{name}: {refusal.reason}")
    print(f"{title}: {total - len(refused)} of {total}")
    return refused


def overlooked(strict: Schemas, folder: Path) -> list[str]:
    """The faults that the index names and the strict profile does not find at that place."""
    missed, total = [], 0
    for entry in json.loads((folder / "index.json").read_bytes()):
        document = json.loads((folder / entry["file"]).read_bytes())
        found = collections.Counter(
            (re.sub(r"/[0-9]+(?=/|$)", "/[]", fault.at), fault.keyword)
            for fault in strict.faults(entry["action"], document)
        )
        named = collections.Counter((error["at"], error["keyword"]) for error in entry["errors"])
        total += named.total()
        missed += [
            f"{entry['file']}: {at} ({keyword})" for at, keyword in (named - found).elements()
        ]
    print(f"strict finds the named faults: {total - len(missed)} of {total}")
    return missed


def look(title: str, schemas: Schemas, messages: Iterator[tuple[str, dict[str, Any]]]) -> None:
    for line in refusals(title, schemas, messages)[:EXAMPLES_MAX]:
        print("  refused", line)


def action_of(document: dict[str, Any]) -> str:
    return str(document.get("context", {}).get("action"))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
