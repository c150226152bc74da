"""Checking the log of changes: is it whole, and does the directory say what the log says?"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select

from protocol_specs.node.store import Row, Session, Statement
from registry import changes, directory, records
from registry.tables import Participant, ParticipantKey

_participants = Participant.__table__  # type: ignore[attr-defined]  # SQLModel hides the table
_keys = ParticipantKey.__table__  # type: ignore[attr-defined]  # SQLModel hides the table

SUBSCRIBERS = Statement(select(_participants.c.subscriber_id).union(select(_keys.c.subscriber_id)))


@dataclass
class Report:
    """How many entries there are, where the log ends, and every fault as a sentence."""

    entries: int = 0
    head: changes.Head = field(default_factory=lambda: changes.Head(0, changes.NOTHING))
    faults: list[str] = field(default_factory=list)
    kept_found: bool = False


def verify(session: Session, kept: changes.Head | None = None) -> Report:
    """Go through the whole log, then through the directory. `kept` is a head that somebody noted
    earlier: without one, entries taken off the end cannot be missed."""
    report = Report()
    last_of: dict[str, Mapping[str, Any]] = {}
    for row in changes.every(session):
        _check_entry(row, report, last_of)
        if kept == report.head:
            report.kept_found = True
    if kept is not None and kept.sequence and not report.kept_found:
        report.faults.append(
            f"the log does not hold entry {kept.sequence} with hash {kept.hash}, "
            "which it ended with once: it was rewritten or cut off"
        )
    _check_directory(session, last_of, report)
    return report


def _check_entry(row: Row, report: Report, last_of: dict[str, Mapping[str, Any]]) -> None:
    """One entry: its number, what it follows, its hash. The check goes on from what it says."""
    number, before = row["sequence"], report.head
    report.entries += 1
    if number != before.sequence + 1:
        missing = f"{before.sequence + 1} to {number - 1}"
        report.faults.append(f"entry {number} follows {before.sequence}: {missing} is missing")
    elif row["previous"] != before.hash:
        report.faults.append(f"entry {number} does not follow the entry before it")
    report.head = changes.Head(number, row["hash"])
    try:
        entry = changes.entry(row)
        if changes.hash_of(entry) != row["hash"]:
            report.faults.append(f"entry {number} was edited: its hash is another")
        if "keys" in (detail := entry["detail"]):
            keys = last_of.get(row["subscriber_id"], {}).get("keys", {})
            keys = keys | {key["key_id"]: key for key in detail["keys"]}
            last_of[row["subscriber_id"]] = {"roles": detail["roles"], "keys": keys}
    except (ValueError, TypeError, KeyError, OverflowError):
        report.faults.append(f"entry {number} was edited: it cannot be read")


def _check_directory(
    session: Session, last_of: Mapping[str, Mapping[str, Any]], report: Report
) -> None:
    """Every subscriber's roles and keys against its last entry."""
    known = {row["subscriber_id"] for row in session.all(SUBSCRIBERS)}
    for who in sorted(known | set(last_of)):
        said = last_of.get(who, {})
        roles = [records.role(r) for r in session.all(directory.ROLES_OF, subscriber_id=who)]
        rows = session.all(directory.KEYS_OF, subscriber_id=who)
        keys = {row["unique_key_id"]: records.key(row) for row in rows}
        if _plain(roles) != _plain(said.get("roles", [])):
            report.faults.append(f"{who}: its roles are not what the log says")
        if _plain(keys) != _plain(said.get("keys", {})):
            report.faults.append(f"{who}: its keys are not what the log says")


def _plain(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
