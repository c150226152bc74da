"""The snapshot: every record that can be trusted now, put together of its domains.

Each domain's records are made once for each state of the directory, so that it costs no more to be
asked for many combinations of domains than to be asked for all.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Sequence

from protocol_specs.node.store import Session, Store
from protocol_specs.wire import strict_json
from protocol_specs.wire.errors import TooLarge
from protocol_specs.wire.keys import SigningKey
from protocol_specs.wire.signing import KeyId
from registry import directory, records
from registry.answers import NOBODY, Answers, Kept
from registry.settings import RegistryNodeSettings

RECORD_BYTES = 2_000  # room for one record
TAGS_MAX = 256  # of combinations of domains


class Snapshots:
    """The snapshots of one registry. Its answers sign them."""

    def __init__(
        self, store: Store, key: SigningKey, key_id: KeyId, settings: RegistryNodeSettings
    ) -> None:
        self._most = settings.bounds.snapshot_records_max
        self._max_age_s = settings.policy.snapshot_max_age_s
        room = len(settings.domains) * self._most * RECORD_BYTES
        self.answers = Answers(store, key, key_id, kept_bytes_max=room)
        self._counts: dict[str, int] = {}
        self._tags: OrderedDict[tuple[str, ...], tuple[list[tuple[int, int]], str]] = OrderedDict()

    def get(self, domains: Sequence[str], now: int) -> tuple[list[Kept], str]:
        """The records of each domain, and the entity tag of all of them together. Raises TooLarge
        beyond what one answer should hold."""
        parts = [self._part(domain, now) for domain in domains]
        if sum(self._counts[domain] for domain in domains) > self._most:
            raise TooLarge(f"more than {self._most} records: ask for fewer domains, or use /lookup")
        states = [(part.sequence, part.made) for part in parts if part.body != NOBODY]
        known = self._tags.get(tuple(domains))
        if known is None or known[0] != states:
            known = self._tags[tuple(domains)] = states, self._tag(parts)
            if len(self._tags) > TAGS_MAX:
                self._tags.popitem(last=False)
        return parts, known[1]

    def _part(self, domain: str, now: int) -> Kept:
        return self.answers.get(domain, lambda session: self._records(session, domain, now), now)

    def _records(self, session: Session, domain: str, now: int) -> bytes:
        """One domain's records as JSON, sorted; as many as one answer may have, and one more."""
        rows = session.all(directory.SNAPSHOT, domain=domain, now=now, most=self._most + 1)
        self._counts[domain] = len(rows)
        order = ("subscriber_id", "type", "unique_key_id")
        rows.sort(key=lambda row: tuple(row[name] for name in order))
        return strict_json.dumps([records.record(row, now) for row in rows])

    def _tag(self, parts: Sequence[Kept]) -> str:
        """Of the network's `max_age_s` and the records as they stand, nothing else. Nodes compute
        it too, because the signature of a 304 is over it."""
        stated = hashlib.sha256(b"%d" % self._max_age_s + joined(parts))
        return f'"{stated.hexdigest()[:40]}"'


def joined(parts: Sequence[Kept]) -> bytes:
    """The arrays of all parts as one."""
    return b"[" + b",".join(part.body[1:-1] for part in parts if part.body != NOBODY) + b"]"
