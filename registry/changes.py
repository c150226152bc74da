"""The log of changes: who changed what in the directory, when and why, chained by hashes.

An entry is hashed without its `hash` (SHA-256 of RFC 8785 canonical JSON) and holds the hash of the
one before, so whoever kept an older head finds an entry that was edited, taken out or moved.
`detail` holds the subscriber's roles as they are after the change, and its keys but for those that
had ended before it, so that the log alone rebuilds the directory.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from sqlalchemy import bindparam, func, insert, select

from protocol_specs.node.store import Row, Session, Statement
from protocol_specs.wire import timestamp
from protocol_specs.wire.canonical import canonical
from registry.tables import Change

NOTHING = "0" * 64  # what the first entry follows
PAGE = 100
CHARS_MAX = 2_000_000
CHANNEL = "changes"  # told with each entry: its number, and whom it concerns

_changes = Change.__table__  # type: ignore[attr-defined]  # SQLModel hides the table

HEAD = Statement(
    select(_changes.c.sequence, _changes.c.hash).order_by(_changes.c.sequence.desc()).limit(1)
)
LAST = Statement(
    select(_changes.c.sequence, _changes.c.subscriber_id)
    .order_by(_changes.c.sequence.desc())
    .limit(1)
)
ALONE = Statement(select(func.alone()))
APPEND = Statement(insert(_changes).values({c.name: bindparam(c.name) for c in _changes.c}))
SINCE = Statement(
    select(_changes)
    .where(_changes.c.sequence > bindparam("since"))
    .order_by(_changes.c.sequence)
    .limit(bindparam("most"))
)
BEFORE = Statement(
    select(_changes)
    .where(_changes.c.sequence < bindparam("before"))
    .order_by(_changes.c.sequence.desc())
    .limit(bindparam("most"))
)
OF = Statement(
    select(_changes)
    .where(_changes.c.subscriber_id == bindparam("subscriber_id"))
    .order_by(_changes.c.sequence.desc())
    .limit(bindparam("most"))
)


class Head(NamedTuple):
    """The last entry's number and hash; of an empty log 0 and zeros."""

    sequence: int
    hash: str


def alone(session: Session) -> None:
    """Change the directory one unit after the other, in all processes of the registry: what this
    one reads from here on stays true until its COMMIT, and the log keeps its order."""
    session.one(ALONE)


def head(session: Session) -> Head:
    """Where the log ends now."""
    row = session.one(HEAD)
    return Head(0, NOTHING) if row is None else Head(row["sequence"], row["hash"])


def note(
    session: Session,
    what: str,
    subscriber_id: str,
    *,
    who: str,
    now: int,
    detail: Mapping[str, Any],
) -> int:
    """Add an entry in the caller's transaction, which is `alone`; its number. `detail` is JSON
    without fractions."""
    last = head(session)
    told = {
        "sequence": last.sequence + 1,
        "at": timestamp.rfc3339(now * 1000),
        "what": what,
        "subscriber_id": subscriber_id,
        "who": who,
        "detail": dict(detail),
        "previous": last.hash,
    }
    row = told | {"at": now, "detail": json.dumps(detail, sort_keys=True), "hash": hash_of(told)}
    session.run(APPEND, **row)
    session.notify(CHANNEL, f"{last.sequence + 1} {subscriber_id}")
    return last.sequence + 1


def hash_of(entry: Mapping[str, Any]) -> str:
    """The hash that an entry must carry, as 64 hexadecimal digits."""
    told = {name: value for name, value in entry.items() if name != "hash"}
    return hashlib.sha256(canonical(told)).hexdigest()


def entry(row: Row) -> dict[str, Any]:
    """A row as it is published and hashed. Raises ValueError for a detail that is no JSON."""
    return {
        "sequence": row["sequence"],
        "at": timestamp.rfc3339(row["at"] * 1000),
        "what": row["what"],
        "subscriber_id": row["subscriber_id"],
        "who": row["who"],
        "detail": json.loads(row["detail"]),
        "previous": row["previous"],
        "hash": row["hash"],
    }


def last(session: Session) -> tuple[int, str]:
    """The last entry's number and whom it concerns; of an empty log 0 and nobody."""
    row = session.one(LAST)
    return (0, "") if row is None else (row["sequence"], row["subscriber_id"])


def since(
    session: Session, sequence: int, *, most: int = PAGE, chars_max: int = CHARS_MAX
) -> list[dict[str, Any]]:
    """The entries after that number, oldest first: at least one if there is one, and no more than
    `most`, nor than have `chars_max` characters of detail."""
    found: list[dict[str, Any]] = []
    chars = 0
    for row in every(session, after=sequence):
        chars += len(row["detail"])
        if found and (len(found) >= most or chars > chars_max):
            break
        found.append(entry(row))
    return found


def every(session: Session, *, after: int = -(2**62)) -> Iterator[Row]:
    """All rows after that number, oldest first, read in pages."""
    while rows := session.all(SINCE, since=after, most=PAGE):
        yield from rows
        after = rows[-1]["sequence"]
