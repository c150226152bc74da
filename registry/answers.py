"""Answers signed with the registry's own key, and kept while the directory stays as it is.

The header `Signature` carries what a request carries in `Authorization`: the same grammar and
signing string, over the body of the answer (of a 304: over its ETag, quotes included).
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from aiohttp import web

from protocol_specs.node.door.http_answers import refusal_response
from protocol_specs.node.store import Session, Store
from protocol_specs.wire import signing, strict_json
from protocol_specs.wire.errors import Refused, nack
from protocol_specs.wire.keys import SigningKey
from protocol_specs.wire.signing import KeyId
from registry import changes, directory
from registry.faults import Told

LIFETIME_S = 60
KEPT_BYTES_MAX = 32 * 1024 * 1024
KEPT_ENTRY_BYTES = 1_000  # what keeping a body costs beside the body
NOBODY = b"[]"


@dataclass(slots=True)
class Kept:
    """A body, and for what state of the directory and until when it is right."""

    body: bytes
    sequence: int
    made: int
    until: int
    signed_at: int = -1
    signature: str = ""


class Answers:
    """Makes an answer once for each state of the directory, and signs it once a second."""

    def __init__(
        self,
        store: Store,
        key: SigningKey,
        key_id: KeyId,
        *,
        kept_bytes_max: int = KEPT_BYTES_MAX,
    ) -> None:
        self._store, self._key, self._key_id = store, key, key_id
        self._kept_bytes_max = kept_bytes_max
        self._kept: OrderedDict[Hashable, Kept] = OrderedDict()
        self._bytes = 0

    def get(self, question: Hashable, make: Callable[[Session], bytes], now: int) -> Kept:
        """The answer to `question` as the directory stands now; `make` makes it where it is not
        kept. `question` must name everything that `make` depends on beside directory and time."""
        return self._store.read(lambda session: self._get(session, question, make, now))

    def _get(
        self, session: Session, question: Hashable, make: Callable[[Session], bytes], now: int
    ) -> Kept:
        sequence = changes.head(session).sequence
        kept = self._kept.get(question)
        if kept and kept.sequence == sequence and kept.made <= now < kept.until:
            self._kept.move_to_end(question)
            return kept
        made = Kept(make(session), sequence, now, directory.next_moment(session, now))
        if made.body != NOBODY:  # whoever asks for nobody can ask for anything
            self._keep(question, made)
        return made

    def _keep(self, question: Hashable, made: Kept) -> None:
        before = self._kept.pop(question, None)
        if before is not None:
            self._bytes -= len(before.body) + KEPT_ENTRY_BYTES
        self._kept[question] = made
        self._bytes += len(made.body) + KEPT_ENTRY_BYTES
        while self._bytes > self._kept_bytes_max:
            _, oldest = self._kept.popitem(last=False)
            self._bytes -= len(oldest.body) + KEPT_ENTRY_BYTES

    def sign(self, body: bytes, now: int) -> str:
        """The value of the header `Signature` over `body`."""
        return signing.sign(
            body, key=self._key, key_id=self._key_id, created=now, expires=now + LIFETIME_S
        )

    def kept(self, kept: Kept, now: int) -> web.Response:
        """A kept body as a signed 200."""
        if kept.signed_at != now:
            kept.signature, kept.signed_at = self.sign(kept.body, now), now
        return _json(kept.body, {"Signature": kept.signature, "Cache-Control": "no-store"})

    def made(self, body: bytes, now: int, *, etag: str | None = None) -> web.Response:
        """A fresh body as a signed 200."""
        headers = {"Signature": self.sign(body, now), "Cache-Control": "no-store"}
        if etag is not None:
            headers |= {"ETag": etag, "Cache-Control": "no-cache"}
        return _json(body, headers)

    def unchanged(self, etag: str, now: int) -> web.Response:
        """A signed 304."""
        signature = self.sign(etag.encode("ascii"), now)
        headers = {"ETag": etag, "Signature": signature, "Cache-Control": "no-cache"}
        return web.Response(status=304, headers=headers)


def _json(body: bytes, headers: dict[str, str]) -> web.Response:
    return web.Response(body=body, content_type="application/json", headers=headers)


def refusal(refused: Refused) -> web.Response:
    """The NACK, not signed. `error.faults`, which is ours, says each fault by itself beside the
    first one's `error.paths`."""
    response = refusal_response(refused)
    if isinstance(refused, Told):
        document = strict_json.parse(nack(refused))
        document["error"]["faults"] = [fault._asdict() for fault in refused.faults]
        response.body = strict_json.dumps(document)
    return response
