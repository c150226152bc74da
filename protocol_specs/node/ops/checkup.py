"""What `wayfare doctor` looks at: keys, clock, registry entry, reachability, configuration.

Each check gives what it found and, if something is wrong, what to do. One that cannot be made
because an earlier one failed is left out.
"""

from __future__ import annotations

import shutil
import socket
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Literal

from protocol_specs.node.calling import Caller, calling
from protocol_specs.node.client.client import Undelivered
from protocol_specs.node.ops import ops
from protocol_specs.node.settings import NodeSettings, SettingsError
from protocol_specs.node.startup import check_settings
from protocol_specs.wire import keys, strict_json
from protocol_specs.wire.claims import SKEW_S
from protocol_specs.wire.errors import Malformed
from protocol_specs.wire.parties import Subscriber, SubscriberType

Verdict = Literal["fine", "warning", "wrong"]
DAY_S = 86_400
DAYS_LEFT_MIN = 30
DISK_BYTES_MIN = 1_073_741_824
ANSWER_BYTES_MAX = 65_536


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at; `do` is empty where nothing is to be done."""

    name: str
    verdict: Verdict
    says: str
    do: str = ""


async def checks(settings: NodeSettings, type: SubscriberType) -> AsyncIterator[Check]:
    """All checks of one node, in the order in which they build on each other."""
    try:
        check_settings(settings)
        settings.check()
    except SettingsError as fault:
        yield Check("settings", "wrong", str(fault), "mend the settings file, then ask again")
        return
    yield Check("settings", "fine", f"{settings.subscriber_id} in {', '.join(settings.domains)}")
    yield _disk(settings)
    async with calling(settings) as caller:
        yield Check("keys", "fine", f"the key that signs is {caller.client.key_id}")
        for check in await _own_node(settings, caller):
            yield check
        if caller.registry is None:
            if type is not SubscriberType.REGISTRY:
                yield Check("registry", "wrong", "none is named", "add [registry] to the settings")
            return
        for check in await _registry(settings, caller, type):
            yield check


def _disk(settings: NodeSettings) -> Check:
    folder = settings.data_dir if settings.data_dir.exists() else settings.data_dir.parent
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        do = "make the folder, writable for the node's user"
        return Check("disk", "wrong", f"{folder}: {error.strerror}", do)
    says = f"{free // 1_048_576} MiB free at {folder}"
    if free < DISK_BYTES_MIN:
        return Check("disk", "warning", says, "make room: a full disk makes the node refuse")
    return Check("disk", "fine", says)


async def _own_node(settings: NodeSettings, caller: Caller) -> list[Check]:
    """Whether the node runs, and whether its public url leads to it."""
    local = f"{settings.host}:{settings.port}"
    try:
        with socket.create_connection((settings.host, settings.port), timeout=3):
            pass
    except OSError as error:
        says = f"nothing listens at {local} ({error.strerror or error})"
        do = f"start it: wayfare serve {settings.role or 'ROLE'} --config FILE"
        found = [Check("node", "wrong", says, do)]
    else:
        found = [Check("node", "fine", f"something listens at {local}")]
    try:
        await _get(caller, f"{settings.url.rstrip('/')}/health")
    except Undelivered as undelivered:
        do = "look at name, certificate and reverse proxy: peers and the registry must reach it"
        return [*found, Check("url", "wrong", undelivered.reason, do)]
    found.append(Check("url", "fine", f"{settings.url} answers, as seen from here"))
    return [*found, await _ready(settings)]


async def _ready(settings: NodeSettings) -> Check:
    """What the node says of itself at the operator's port."""
    try:
        status, body = await ops.ask(settings, "/ready")
    except OSError as error:
        return Check("ready", "wrong", str(error), "look at [ops] and at the node's log")
    says = body.decode(errors="replace")[:500]
    if status != 200:
        do = "it says what is wrong by name; the checks below may say why"
        return Check("ready", "wrong", says, do)
    return Check("ready", "fine", says)


async def _get(caller: Caller, target: str) -> bytes:
    got: list[bytes] = []
    await caller.client.fetch(target, etag=None, write=got.append, bytes_max=ANSWER_BYTES_MAX)
    return b"".join(got)


async def _registry(settings: NodeSettings, caller: Caller, type: SubscriberType) -> list[Check]:
    registry = caller.registry
    if registry is None:
        return []
    body = strict_json.dumps({"subscriber_id": settings.subscriber_id})
    before = time.time()
    try:
        answered = await caller.client.ask(registry.url, "/lookup", body)
        ours = await registry.find({"subscriber_id": settings.subscriber_id})
    except (Undelivered, Malformed) as fault:
        do = "look at [registry] in the settings: url and keys; and at the way to it"
        return [Check("registry", "wrong", fault.reason, do)]
    found = [Check("registry", "fine", f"{registry.url} answers, and its answer is signed")]
    if not registry.signs_answers:
        says = f"{registry.url} answers; it does not sign, so all rests on TLS"
        found = [Check("registry", "warning", says, "ask the operator for signed answers")]
    found.append(_clock(answered.headers.get("Date"), (before + time.time()) / 2))
    found.extend(_entry(settings, caller, type, ours))
    if type is not SubscriberType.BG:
        found.extend([await _gateways(caller, domain) for domain in settings.domains])
    return found


def _clock(date: str | None, now: float) -> Check:
    """Our clock against the registry's; its Date header has whole seconds."""
    try:
        there = parsedate_to_datetime(date or "").timestamp() + 0.5
    except ValueError:
        return Check("clock", "warning", "the registry tells no time", "compare the clock by hand")
    ahead = now - there
    says = f"ours is {abs(ahead):.1f} s {'ahead of' if ahead > 0 else 'behind'} the registry's"
    if abs(ahead) <= 2:
        return Check("clock", "fine", says)
    do = f"set the clock (NTP): peers take signatures from at most {SKEW_S} s ahead"
    return Check("clock", "wrong" if abs(ahead) > SKEW_S else "warning", says, do)


def _entry(
    settings: NodeSettings, caller: Caller, type: SubscriberType, ours: Sequence[Subscriber]
) -> list[Check]:
    """The registry's record of us against what our settings and keys say."""
    key_id = caller.client.key_id
    records = [
        record
        for record in ours
        if record.unique_key_id == key_id.unique_key_id and record.type is type
    ]
    if not records:
        says = f"there is no record of key {key_id} as {type}"
        return [Check("entry", "wrong", says, "wayfare join --config FILE, while the node runs")]
    wrong = [
        Check("entry", "wrong", says, do) for says, do in _differences(settings, caller, records)
    ]
    left = (records[0].valid_until - int(time.time())) // DAY_S
    says = f"{len(records)} record(s), SUBSCRIBED; the key is valid for {left} more days"
    if left < DAYS_LEFT_MIN:
        return [*wrong, Check("entry", "warning", says, "wayfare rotate --config FILE")]
    return wrong or [Check("entry", "fine", says)]


def _differences(
    settings: NodeSettings, caller: Caller, records: Sequence[Subscriber]
) -> list[tuple[str, str]]:
    """What does not agree, and what to do about it."""
    record = records[0]
    found = []
    if any(one.status != "SUBSCRIBED" for one in records):
        says = f"the registry says {record.status}"
        found.append((says, "wayfare join --config FILE; the operator may have to approve"))
    if any(one.signing_public_key != caller.client.public_key for one in records):
        says = f"the registry holds {keys.b64encode(record.signing_public_key)} as our key"
        found.append((says, "restore the key file, or wayfare rotate to another key id"))
    if any(one.url.rstrip("/") != settings.url.rstrip("/") for one in records):
        says = f"the registry has url {record.url}, the settings {settings.url}"
        found.append((says, "wayfare join --config FILE registers the new url"))
    missing = set(settings.domains) - {one.domain for one in records}
    if missing:
        says = f"not registered in {', '.join(sorted(missing))}"
        found.append((says, "wayfare join --config FILE asks for these domains too"))
    return found


async def _gateways(caller: Caller, domain: str) -> Check:
    question = {"type": "BG", "domain": domain, "status": "SUBSCRIBED"}
    try:
        found = await caller.registry.find(question) if caller.registry else []
    except Undelivered as undelivered:
        return Check("gateway", "wrong", undelivered.reason, "look at the registry")
    if not found:
        do = "a search must name its provider here until a gateway is registered"
        return Check("gateway", "warning", f"no gateway serves {domain}", do)
    return Check("gateway", "fine", f"{found[0].subscriber_id} serves {domain}")
