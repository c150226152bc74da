"""The one registry a node trusts, over HTTP: nothing it answers is used unless it signed it.

An answer that is unsigned, stale or signed by another key counts as none at all: then whatever was
learned before serves as long as it may, exactly as when the registry cannot be reached.
"""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from protocol_specs.node.client.client import Answered, Client, Undelivered
from protocol_specs.node.trust.records import read_records
from protocol_specs.wire import keys, strict_json
from protocol_specs.wire.answers import HEADER, verify_answer
from protocol_specs.wire.errors import Malformed, Unauthenticated
from protocol_specs.wire.parties import Subscriber, SubscriberType
from protocol_specs.wire.signing import SignatureHeader, digest

if TYPE_CHECKING:
    from protocol_specs.node.settings import RegistrySettings
    from protocol_specs.node.telemetry.telemetry import Telemetry


NOT_ANSWERED = frozenset({400, 404, 422})
"""Statuses of a registry that is there and does not answer this question; anybody can bring such a
question about, by what their header names as key."""


class Disbelieved(Undelivered):
    """Something answered, and nothing shows that it was our registry, and that it was now: keys,
    clocks or the way to the registry need a look."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, True)


class PinnedRegistry:
    """Asks the registry of the settings, and says in the log when it is gone and when it is back.

    `telemetry` is None for commands, which tell the person at the keyboard themselves.
    """

    def __init__(
        self,
        client: Client,
        settings: RegistrySettings,
        *,
        telemetry: Telemetry | None = None,
    ) -> None:
        self.client, self.record = client, pinned(settings)
        self.signs_answers = settings.signs_answers
        self.url = settings.url.rstrip("/")
        self._telemetry = telemetry
        self._fault: str | None = None

    @property
    def is_lost(self) -> bool:
        """Whether the last question got no answer that is believed."""
        return self._fault is not None

    async def find(self, question: dict[str, str]) -> list[Subscriber]:
        """The usable records that answer a look-up: a keyring's Directory. Raises Undelivered."""
        return read_records(await self.look_up(question))

    async def look_up(self, question: dict[str, Any]) -> list[object]:
        """What POST /lookup answers, record by record as it stands. Raises Undelivered."""
        try:
            answered = await self.client.ask(self.url, "/lookup", strict_json.dumps(question))
            if self.signs_answers:
                self.verify(answered, digest(answered.body))
            records = _array(answered.body)
        except Undelivered as undelivered:
            if undelivered.status not in NOT_ANSWERED:
                self.note(undelivered)
            raise
        self.note(None)
        return records

    async def call(self, path: str, document: dict[str, Any]) -> dict[str, Any]:
        """The object that answers a change (/subscribe, /retire). Raises Undelivered with what the
        registry said. Nothing is believed of it that a look-up does not show."""
        try:
            answer = await self.client.call(self.url, path, strict_json.dumps(document))
            return strict_json.parse(answer)
        except Malformed as malformed:
            raise _unreadable(malformed) from None

    def verify(self, answered: Answered, body_digest: str) -> SignatureHeader:
        """The registry's signature over an answer of this digest, good when it came. Raises
        Disbelieved."""
        self._compare_clocks(answered)
        lines = answered.headers.getall(HEADER, [])
        try:
            return verify_answer(lines, body_digest, self.record, answered.at)
        except Unauthenticated as refused:
            raise Disbelieved(f"{self.url}: {refused.reason}") from None

    def _compare_clocks(self, answered: Answered) -> None:
        """Ours against the registry's, by its Date header, which counts whole seconds."""
        if self._telemetry is None:
            return
        try:
            there = parsedate_to_datetime(answered.headers.get("Date", "")).timestamp()
        except ValueError:
            return
        self._telemetry.shown.show(
            "wayfare_clock_ahead_seconds",
            "Our clock against the registry's, to the second",
            answered.at - there,
        )

    def note(self, fault: Undelivered | None) -> None:
        """How the last question ended: one line when the registry is lost, for each kind of loss,
        and one when it is back."""
        kind = None if fault is None else type(fault).__name__
        last, self._fault = self._fault, kind
        if kind == last or self._telemetry is None:
            return
        who = self.record.subscriber_id
        if fault is None:
            self._telemetry.log("registry_back", peer=who)
        elif isinstance(fault, Disbelieved):
            self._telemetry.log("registry_disbelieved", level="error", peer=who, says=fault.reason)
        else:
            self._telemetry.log("registry_lost", level="warning", peer=who, says=fault.reason)


def pinned(registry: RegistrySettings) -> Subscriber:
    """The registry's own record, as our settings vouch for it. Raises ValueError for a bad key."""
    return Subscriber(
        subscriber_id=registry.subscriber_id,
        unique_key_id=registry.unique_key_id,
        type=SubscriberType.REGISTRY,
        domain="",
        url=registry.url,
        signing_public_key=keys.public_key(registry.signing_public_key),
        encryption_public_key=keys.encryption_public_key(registry.encryption_public_key),
        cities=(),
        country=None,
        valid_from=0,
        valid_until=2**40,
        status="SUBSCRIBED",
    )


def _array(answer: bytes) -> list[object]:
    """The records of a look-up answer: a JSON array, read by the strict parser."""
    try:
        records = strict_json.parse(b'{"records":' + answer + b"}").get("records")
    except Malformed as malformed:
        raise _unreadable(malformed) from None
    if not isinstance(records, list):
        raise Undelivered("the registry's answer cannot be read: not an array", True)
    return records


def _unreadable(malformed: Malformed) -> Undelivered:
    return Undelivered(f"the registry's answer cannot be read: {malformed.reason}", True)
