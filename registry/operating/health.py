"""Who answers: every participant is challenged again by and by, as it was when it joined.

In the memory of one process, which the others ask; of a participant the last answer is kept. A
challenge asks more than a health check would: that the endpoint is there, and still holds the keys
of its record.
"""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import astuple, dataclass
from typing import Any, NamedTuple

import orjson

from protocol_specs.node.client.client import Undelivered
from protocol_specs.node.server import Node
from protocol_specs.node.store import Row, Session
from protocol_specs.node.workers.siblings import SiblingUnavailable
from protocol_specs.wire.errors import Malformed
from registry import directory
from registry.challenges import Challenges
from registry.operating import reading

TELL, LEARN = "answers", "answered"
EVERY_S = 900
ROUND_S = 60  # who is new is asked this soon
BATCH = 200
EACH_S = 8
REASON_CHARS_MAX = 300


@dataclass(frozen=True, slots=True)
class Probe:
    """How one subscriber answered at `at` (seconds UTC): `fault` says why it did not, "" that it
    did. `took_ms` is the time of the slowest of its urls."""

    subscriber_id: str
    at: int
    fault: str
    took_ms: int


class Told(NamedTuple):
    """How many answered when they were last asked, how many did not, and some of them, by id."""

    answering: int
    silent: int
    probes: dict[str, Probe]

    def of(self, subscriber_id: str) -> Probe | None:
        """Its last answer; None where it was not asked yet, or about."""
        return self.probes.get(subscriber_id)


class Health:
    """Goes round the participants, one after the other; each is asked again after 15 minutes.

    The first worker does that and knows how they answered."""

    def __init__(self, node: Node, challenges: Challenges) -> None:
        self._node, self._challenges = node, challenges
        self._known: dict[str, Probe] = {}
        self._seen: set[str] = set()  # in this round
        self._after, self._begun_at = "", 0
        node.siblings.serve(TELL, self._tell)
        node.siblings.serve(LEARN, self._learn)

    async def of(self, who: Sequence[str] = ()) -> Told:
        """How these answered, and how many did in all."""
        return await self._asked({"of": list(who)})

    async def silent_after(self, after: str, most: int) -> Told:
        """Those that did not answer, from that id on."""
        return await self._asked({"after": after, "most": most})

    async def _asked(self, question: dict[str, Any]) -> Told:
        try:
            answer = await self._node.siblings.ask(0, TELL, orjson.dumps(question))
        except SiblingUnavailable:  # it is being replaced, and would begin anew in any case
            return Told(0, 0, {})
        answering, silent, probes = orjson.loads(answer)
        return Told(answering, silent, {one[0]: Probe(*one) for one in probes})

    async def _tell(self, payload: bytes) -> bytes:
        question = orjson.loads(payload)
        silent = sorted(who for who, probe in self._known.items() if probe.fault)
        if "of" in question:
            asked = [who for who in question["of"] if who in self._known]
        else:
            asked = [who for who in silent if who > question["after"]][: question["most"]]
        probes = [astuple(self._known[who]) for who in asked]
        return orjson.dumps((len(self._known) - len(silent), len(silent), probes))

    async def _learn(self, payload: bytes) -> bytes:
        who, *found = orjson.loads(payload)
        if found:
            self._known[who] = Probe(who, *found)
        else:
            self._known.pop(who, None)
        return b""

    async def probe_next(self, now: int) -> bool:
        """Ask the next one that is due; says whether this round goes on."""
        if not self._after and 0 <= now - self._begun_at < ROUND_S:
            return False
        if not self._after:
            self._begun_at, self._seen = now, set()
        listed = self._node.store.read(self._next)
        due = next((n for n, who in enumerate(listed) if self._is_due(who, now)), len(listed))
        self._seen.update(listed[: due + 1])
        if due == len(listed) < BATCH:
            self._known = {who: p for who, p in self._known.items() if who in self._seen}
            self._after = ""
            return False
        self._after = listed[min(due, BATCH - 1)]
        if due < len(listed):
            await self.probe(self._after)
        return True

    def _is_due(self, who: str, now: int) -> bool:
        known = self._known.get(who)
        return known is None or not 0 <= now - known.at < EVERY_S

    def _next(self, session: Session) -> list[str]:
        rows = session.all(
            reading.IDS_OF_STATUS,
            status="SUBSCRIBED",
            after=self._after,
            first="",
            beyond="\U0010ffff",
            most=BATCH,
        )
        return [row["subscriber_id"] for row in rows]

    async def probe(self, subscriber_id: str) -> Probe | None:
        """Challenge every url of a subscriber now; None where it takes part in nothing."""
        now = self._node.now()

        def read(session: Session) -> tuple[list[str], Row | None]:
            roles = session.all(directory.ROLES_OF, subscriber_id=subscriber_id)
            urls = [row["url"] for row in roles if row["status"] == "SUBSCRIBED"]
            return list(dict.fromkeys(urls)), next(_valid(session, subscriber_id, now), None)

        urls, key = self._node.store.read(read)
        if not urls:
            await self._keep(subscriber_id, None)
            return None
        loop = asyncio.get_running_loop()
        begun = loop.time()
        fault = "none of its keys is valid" if key is None else await self._ask(urls, key)
        took_ms = round((loop.time() - begun) * 1000)
        found = Probe(subscriber_id, now, fault[:REASON_CHARS_MAX], took_ms)
        await self._keep(subscriber_id, found)
        return found

    async def _keep(self, who: str, found: Probe | None) -> None:
        told = (who,) if found is None else astuple(found)
        with suppress(SiblingUnavailable):  # the next round asks again
            await self._node.siblings.ask(0, LEARN, orjson.dumps(told))

    async def _ask(self, urls: list[str], key: Row) -> str:
        """Why the first url that failed did; "" if all answered."""
        for url in urls:
            try:
                async with asyncio.timeout(EACH_S):
                    await self._challenges.ask(
                        url,
                        subscriber_id=key["subscriber_id"],
                        signing_public_key=key["signing_public_key"],
                        encryption_public_key=key["encryption_public_key"],
                    )
            except TimeoutError:
                return f"{url} took more than {EACH_S} s to answer"
            except (Undelivered, Malformed) as failed:
                return f"{url}: {failed.reason}"
        return ""


def _valid(session: Session, subscriber_id: str, now: int) -> Iterator[Row]:
    """Its keys that are valid now, the newest first."""
    for row in session.all(directory.KEYS_OF, subscriber_id=subscriber_id):
        if row["valid_from"] <= now < row["valid_until"]:
            yield row
