"""Other people's signers and verifiers against our nodes: ONDC's npm SDK, and Node's own crypto."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway.app import assemble
from gateway.settings import GatewaySettings
from protocol_specs.wire import keys, strict_json
from tests.bpp.cooperative import Cooperative, accepting, cooperative, order_asked
from tests.support import peers
from tests.support.nodes import listening_socket, running, settings_of
from tests.support.peers import NOW, Clock, FakeDirectory, Peer

HERE = Path(__file__).parent
DEADLINE_S = 60
KINDS = ("sdk", "node")
INTENT = {
    "fulfillment": {
        "stops": [
            {"type": "START", "location": {"gps": "3.139000,101.686900"}},
            {"type": "END", "location": {"gps": "3.157900,101.711600", "address": "Jalan Köln 馬"}},
        ]
    }
}
pytestmark = pytest.mark.interop


class Foreign:
    """A participant in JavaScript; `peer` is what the registry knows of it."""

    def __init__(self, process: asyncio.subprocess.Process, peer: Peer) -> None:
        self._process, self.peer = process, peer

    async def line(self) -> dict[str, Any]:
        """The next thing it says."""
        assert self._process.stdout is not None
        async with asyncio.timeout(DEADLINE_S):
            text = await self._process.stdout.readline()
        assert text, "the peer ended; run npm ci --prefix tests/interop"
        said: dict[str, Any] = json.loads(text)
        return said

    async def post(self, url: str, document: dict[str, Any], **more: Any) -> dict[str, Any]:
        """It signs and posts a document; what it was answered. What it heard before is kept."""
        body = strict_json.dumps(document).decode()
        command = {"post": url, "body": body, "created": NOW, "expires": NOW + 60, **more}
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command).encode() + b"\n")
        heard = []
        while "answered" not in (said := await self.line()):
            heard.append(said)
        self.heard = heard
        return said

    async def hears(self) -> dict[str, Any]:
        """The next message that it was sent."""
        return self.heard.pop(0) if self.heard else await self.line()

    heard: list[dict[str, Any]]


@asynccontextmanager
async def foreign(
    kind: str, name: str, make: Any, known: dict[str, bytes]
) -> AsyncIterator[Foreign]:
    """A running peer that knows these public keys."""
    if shutil.which("node") is None:
        pytest.fail("Node.js is not installed; these tests need it")
    peer: Peer = make(name)
    process = await asyncio.create_subprocess_exec(
        "node",
        "peer.mjs",
        kind,
        name,
        peer.unique_key_id,
        keys.b64encode(peer.key.seed),
        json.dumps({who: keys.b64encode(public) for who, public in known.items()}),
        cwd=HERE,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    there = Foreign(process, peer)
    try:
        port = (await there.line())["port"]
        object.__setattr__(peer, "url", f"http://127.0.0.1:{port}")
        yield there
    finally:
        assert process.stdin is not None
        process.stdin.close()
        async with asyncio.timeout(DEADLINE_S):
            await process.wait()


@asynccontextmanager
async def at_a_cooperative(kind: str, folder: Path) -> AsyncIterator[tuple[Foreign, Cooperative]]:
    async with cooperative(folder) as there:
        public = there.node.client.public_key
        async with foreign(kind, "js.example.org", peers.bap, {"bpp.example.org": public}) as js:
            directory = there.node.keyring._directory
            assert isinstance(directory, FakeDirectory)
            directory.held.extend(js.peer.records())
            yield js, there


def message(there: Cooperative, js: Foreign, action: str, said: Any, **context: Any) -> Any:
    addressed = {} if action == "search" else {"bpp_id": "bpp.example.org", "bpp_uri": there.url}
    context = peers.context_of(action, sender=js.peer, to_id=None, to_url=None, **context)
    return {"context": {**context, **addressed}, "message": said}


@pytest.mark.parametrize("kind", KINDS)
async def test_a_foreign_consumer_searches_and_books_and_believes_each_answer(
    kind: str, tmp_path: Path
) -> None:
    async with at_a_cooperative(kind, tmp_path) as (js, there):
        await there.online("D1")
        transaction = {"transaction_id": "7b0a4c5e-0d3c-4a83-9d3a-2f1d8f3f5f10"}

        async def ask(action: str, said: Any) -> dict[str, Any]:
            document = message(there, js, action, said, **transaction)
            answer = await js.post(f"{there.url}/{action}", document)
            assert answer["answered"] == 200, answer
            heard = await js.hears()
            assert heard["heard"] == f"/on_{action}"
            assert heard["authorization"] == {"signer": "bpp.example.org", "valid": True}
            body: dict[str, Any] = json.loads(heard["body"])
            return body

        assert (await ask("search", {"intent": INTENT}))["message"]["catalog"]["providers"]
        draft = (await ask("init", order_asked()))["message"]["order"]
        booked = (await ask("confirm", accepting(draft)))["message"]["order"]
        assert booked["status"] == "ACTIVE"


@pytest.mark.parametrize("kind", KINDS)
async def test_bytes_changed_after_a_foreign_signature_are_refused(
    kind: str, tmp_path: Path
) -> None:
    async with at_a_cooperative(kind, tmp_path) as (js, there):
        document = message(there, js, "search", {"intent": INTENT})
        tampered = json.dumps(document)  # the same JSON in other bytes
        answer = await js.post(f"{there.url}/search", document, tampered=tampered)
        assert answer["answered"] == 401
        assert json.loads(answer["body"])["message"]["ack"]["status"] == "NACK"


@pytest.mark.parametrize("consumer", KINDS)
@pytest.mark.parametrize("provider", KINDS)
async def test_a_search_through_our_gateway_keeps_both_signatures_good(
    consumer: str, provider: str, tmp_path: Path
) -> None:
    sock, clock, directory = listening_socket(), Clock(), FakeDirectory()
    settings = settings_of(GatewaySettings, tmp_path, sock, subscriber_id="bg.example.org")
    node = assemble(settings, clock=clock, directory=directory)
    async with (
        running(node, sock),
        foreign(consumer, "bap.example.org", peers.bap, {}) as bap,
        foreign(
            provider,
            "bpp.example.org",
            peers.bpp,
            {"bg.example.org": node.client.public_key, "bap.example.org": bap.peer.key.public},
        ) as bpp,
    ):
        directory.held.extend([*bap.peer.records(), *bpp.peer.records()])
        context = peers.context_of("search", sender=bap.peer, to_id=None, to_url=None)
        document = {"context": context, "message": {"intent": INTENT}}
        assert (await bap.post(f"{settings.url}/search", document))["answered"] == 200
        heard = await bpp.line()
        assert json.loads(heard["body"]) == document
        assert heard["authorization"] == {"signer": "bap.example.org", "valid": True}
        assert heard["gateway"] == heard["proxy"] == {"signer": "bg.example.org", "valid": True}
