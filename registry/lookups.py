"""What everybody may ask: /lookup, /vlookup, /snapshot, /changes, each answer signed."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from protocol_specs.node.buckets import Buckets
from protocol_specs.node.server import Node
from protocol_specs.node.store import Session
from protocol_specs.node.trust.records import KEY_ID, TYPES
from protocol_specs.wire import strict_json, timestamp
from protocol_specs.wire.errors import Malformed, RateLimited, Refused, TooLarge
from protocol_specs.wire.keys import SigningKey
from registry import changes, directory, pending, records, vlookup
from registry.answers import Answers, refusal
from registry.settings import RegistryNodeSettings
from registry.snapshots import Snapshots, joined

BODY_BYTES_MAX = 65_536
TEXT_MAX = 255
CHANGES_MAX = 500
ROWS_OF_ONE = 25  # so many rows found cost as much as a look-up that finds one
PLAIN_NAMES = ("subscriber_id", "type", "domain", "country", "status")
OPEN_STATUSES = {"INITIATED", "UNDER_SUBSCRIPTION", "INVALID_SSL"}


class Lookups:
    """The registry's questions and answers, over the directory."""

    def __init__(self, node: Node, settings: RegistryNodeSettings, key: SigningKey) -> None:
        self._node, self._settings = node, settings
        bounds = settings.bounds
        self._answers = Answers(node.store, key, node.key_id)
        self._snapshot = Snapshots(node.store, key, node.key_id, settings)
        workers = node.share.of
        per_s, snapshots_per_s = bounds.lookup_per_s / workers, bounds.snapshot_per_s / workers
        self._lookups = Buckets(per_s, burst=2 * per_s)
        self._snapshots = Buckets(snapshots_per_s, burst=4 * snapshots_per_s)
        self._once = vlookup.Once(node.siblings, node.share)

    def add_routes(self) -> None:
        """Opens them."""
        self._node.serve_route("POST", "/lookup", self.lookup)
        self._node.serve_route("POST", "/vlookup", self.vlookup)
        self._node.serve_route("GET", "/snapshot", self.snapshot)
        self._node.serve_route("GET", "/changes", self.changes)

    def _pace(self, buckets: Buckets, request: web.Request) -> None:
        pace(self._node, buckets, request)

    async def lookup(self, request: web.Request) -> web.StreamResponse:
        """POST /lookup: a partial record in, the records that match out; [] when none does.

        SUBSCRIBED only unless `status` asks otherwise, of one subscriber; INITIATED,
        UNDER_SUBSCRIPTION and INVALID_SSL show its open application and what that waits for.
        """
        now = self._node.now()
        try:
            self._pace(self._lookups, request)
            filters = read_filters(strict_json.parse(await bounded_body(request)))
        except Refused as refused:
            return refusal(refused)
        status = filters.pop("status", "SUBSCRIBED")
        if status in OPEN_STATUSES:
            who = filters["subscriber_id"]
            rows = self._node.store.read(lambda s: s.all(pending.OPEN_OF, subscriber_id=who))
            return self._answers.made(strict_json.dumps(records.waiting(rows)), now)
        return self._found(request, filters, status, now)

    def _found(
        self,
        request: web.Request,
        filters: Mapping[str, str],
        status: str,
        now: int,
        words: Mapping[str, str] | None = None,
    ) -> web.Response:
        """The records that match; `words` says each type in a network's own. Who makes us find
        very many that nobody else has asked for lately pays for them as for more look-ups."""

        def make(session: Session) -> bytes:
            found = [
                records.record(row, now)
                for row in directory.find(session, filters, status=status, now=now)
            ]
            self._lookups.charge(self._node.address_of(request), len(found) / ROWS_OF_ONE, now)
            for record in found if words else ():
                record["type"] = words[record["type"]] if words else record["type"]
            return strict_json.dumps(found)

        question = (status, words is None, *sorted(filters.items()))
        return self._answers.kept(self._answers.get(question, make, now), now)

    async def vlookup(self, request: web.Request) -> web.StreamResponse:
        """POST /vlookup (ONDC): a signed question by one who takes part."""
        now = self._node.now()
        try:
            self._pace(self._lookups, request)
            question = vlookup.read(strict_json.parse(await bounded_body(request)), now)
            self._node.store.read(lambda s: vlookup.authenticate(s, question, now))
            await self._once.use(question, now)
        except Refused as refused:
            return refusal(refused)
        return self._found(request, question.filters, "SUBSCRIBED", now, vlookup.WORDS)

    async def snapshot(self, request: web.Request) -> web.StreamResponse:
        """GET /snapshot?domain=D&domain=E: every record that can be trusted now, of these domains
        or of all; 304 to an If-None-Match that still holds."""
        now = self._node.now()
        try:
            self._pace(self._snapshots, request)
            asked = frozenset(request.query.getall("domain", []))
            served = frozenset(self._settings.domains)
            domains = sorted(asked & served if asked else served) or [""]  # "": nobody's
            parts, etag = self._snapshot.get(domains, now)
        except Refused as refused:
            return refusal(refused)
        if etag in _tags(request):
            return self._answers.unchanged(etag, now)
        head = strict_json.dumps(
            {
                "registry": self._settings.subscriber_id,
                "sequence": parts[0].sequence,
                "issued_at": timestamp.rfc3339(now * 1000),
                "max_age_s": self._settings.policy.snapshot_max_age_s,
            }
        )
        body = head[:-1] + b',"records":' + joined(parts) + b"}"
        return self._answers.made(body, now, etag=etag)

    async def changes(self, request: web.Request) -> web.StreamResponse:
        """GET /changes?since=N&limit=500: what changed after number N, and where the log ends."""
        now = self._node.now()
        try:
            self._pace(self._snapshots, request)
            since = _number(request, "since", 0)
            limit = min(max(_number(request, "limit", CHANGES_MAX), 1), CHANGES_MAX)
        except Refused as refused:
            return refusal(refused)
        head, found = self._node.store.read(
            lambda s: (changes.head(s), changes.since(s, since, most=limit))
        )
        document = {
            "registry": self._settings.subscriber_id,
            "head": head._asdict(),
            "changes": found,
        }
        return self._answers.made(strict_json.dumps(document), now)


def pace(node: Node, buckets: Buckets, request: web.Request) -> None:
    """Raise RateLimited when the request's address has asked too often."""
    wait_s = buckets.take(node.address_of(request), node.now())
    if wait_s:
        raise RateLimited(
            f"too many requests from your address; wait {wait_s} s", retry_after_s=wait_s
        )


async def bounded_body(request: web.Request) -> bytes:
    """The body, which the shell has read already; raises TooLarge beyond 64 KiB."""
    body = await request.read()
    if len(body) > BODY_BYTES_MAX:
        raise TooLarge(f"the body is larger than {BODY_BYTES_MAX} bytes")
    return body


def read_filters(document: Mapping[str, Any]) -> dict[str, str]:
    """The filters of a /lookup body under our names, whatever their spelling; fields it does not
    know are left aside. Raises Malformed with the path of a value that is no text, or of a second
    city."""
    filters: dict[str, str] = {}
    location = document.get("location")
    places = location if isinstance(location, dict) else {}
    for name in PLAIN_NAMES:
        if name in document:
            filters[name] = _text(document, name)
    for spelling in KEY_ID:
        if spelling in document:
            filters["unique_key_id"] = _text(document, spelling)
    for name in ("city", "city_code"):
        if name in document:
            filters["city"] = _text(document, name)
    for name in ("city", "country"):
        place = places.get(name)
        if name not in filters and isinstance(place, dict) and "code" in place:
            filters[name] = _text(place, "code", f"/location/{name}/code")
    if "type" in filters:
        kind = TYPES.get(filters["type"].upper())
        filters["type"] = str(kind.value) if kind else filters["type"]
    status = filters.get("status", "SUBSCRIBED")
    if status not in directory.STATUSES | OPEN_STATUSES:
        known = ", ".join(sorted(directory.STATUSES | OPEN_STATUSES))
        raise Malformed(f"status must be one of {known}", path="/status")
    if status != "SUBSCRIBED" and "subscriber_id" not in filters:
        raise Malformed(f"say whose records are {status}", path="/subscriber_id")
    return filters


def _text(fields: Mapping[str, Any], name: str, path: str | None = None) -> str:
    value, path = fields[name], path or f"/{name}"
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, str) or not 0 < len(value) <= TEXT_MAX:
        raise Malformed(f"{path}: must be one text of 1 to {TEXT_MAX} characters", path=path)
    if "," in value:
        raise Malformed(f"{path}: ask for one at a time", path=path)
    return value


def _number(request: web.Request, name: str, otherwise: int) -> int:
    text = request.query.get(name, str(otherwise))
    if not (text.isascii() and text.isdigit() and len(text) <= 15):
        raise Malformed(f"{name} must be a number from 0 on", path=f"?{name}")
    return int(text)


def _tags(request: web.Request) -> set[str]:
    """The entity tags of If-None-Match, weak ones without their mark (RFC 9110, 13.1.2)."""
    lines = ",".join(request.headers.getall("If-None-Match", ()))
    return {tag.strip().removeprefix("W/") for tag in lines.split(",")}
