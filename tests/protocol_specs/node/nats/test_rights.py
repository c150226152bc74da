"""The server's configuration in docs/nats.md as it stands there: enough for a node, and no more."""

import asyncio
import datetime
import ipaddress
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from protocol_specs.node.commands import main
from protocol_specs.node.loops import Next
from protocol_specs.node.nats import subjects
from protocol_specs.node.nats.bus import Bus
from protocol_specs.node.nats.carrier import NatsHints
from protocol_specs.node.nats.feed import FeedTeller, told_of
from protocol_specs.node.nats.place import NatsPlace
from protocol_specs.node.nats.sealing import Sealing
from protocol_specs.node.nats.siblings import NatsSiblings
from protocol_specs.node.telemetry.telemetry import Telemetry
from protocol_specs.node.workers.hints import Word
from protocol_specs.node.workers.workers import Share
from tests.support.nats_server import NatsServer
from tests.support.nodes import write_keys
from tests.support.queues import looping, until

DOC = Path(__file__).parents[4] / "docs" / "nats.md"
RIDES, REGISTRY = "rides.example.org", "registry.example.org"
PASSWORDS = {
    "rides": "a long one",
    "registry": "another long one",
    "rides-feed": "a third long one",
}


def certificate(folder: Path) -> None:
    """server.pem and server.key of this machine, its own authority."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tests")])
    here = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(here), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "server.pem").write_bytes(made.public_bytes(pem))
    (folder / "server.key").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


@pytest.fixture
def documented(tmp_path: Path) -> Iterator[NatsServer]:
    """A server with that configuration; only its port and its files are others."""
    certificate(tmp_path)
    [conf] = re.findall(r"^```conf\n(.*?)^```", DOC.read_text(), re.MULTILINE | re.DOTALL)
    own = re.sub(r"^(listen|jetstream).*\n", "", conf, flags=re.MULTILINE)
    made = NatsServer(own.replace("/etc/nats/", f"{tmp_path}/"))
    made.start()
    yield made
    made.remove()


class Users:
    """The buses of users of that server, each turned by a loop of its own."""

    def __init__(self, server: NatsServer, folder: Path, stack: AsyncExitStack) -> None:
        self._url = server.url.replace("nats:", "tls:")
        self._ca, self._stack = folder / "server.pem", stack
        self.lines: list[str] = []

    def bus(self, name: str, node: str) -> Bus:
        telemetry = Telemetry(node, write=self.lines.append)
        place = NatsPlace(url=self._url, user=name, password_file=self._ca, ca=self._ca)
        inbox = subjects.inbox(node)
        return Bus(place, PASSWORDS[name], name="hints", inbox=inbox, telemetry=telemetry)

    async def turn(self, bus: Bus, next: Next | None = None) -> None:
        """Connects it."""
        self._stack.push_async_callback(bus.close)
        turned = looping(next or bus.next, bus.wake, poll_s=0.05)
        await self._stack.enter_async_context(turned)
        await until(lambda: bus.is_connected, f"it is connected: {self.lines}")


@pytest.fixture
async def users(documented: NatsServer, tmp_path: Path) -> AsyncIterator[Users]:
    async with AsyncExitStack() as stack:
        yield Users(documented, tmp_path, stack)


async def test_a_node_can_tell_and_ask_itself_and_others_hear_nothing(users: Users) -> None:
    heard: list[list[str]] = []
    questions: list[NatsSiblings] = []

    async def answer(subject: str, payload: bytes) -> bytes:
        return payload * 2

    carriers = []
    for slot in range(2):
        bus, sealing = users.bus("rides", RIDES), Sealing(b"s" * 32)
        carrier, said = NatsHints(bus, Share(slot, 2), sealing, RIDES), list[str]()
        carrier.listen(lambda channel, payload, said=said: said.append(payload))  # type: ignore[misc]
        far = NatsSiblings(bus, sealing, RIDES, slot, answer=answer, clock=lambda: 0.0)
        await users.turn(bus, carrier.next)
        carriers.append(carrier)
        heard.append(said)
        questions.append(far)
    overheard: list[bytes] = []
    other = users.bus("rides-feed", RIDES)
    other.hear(f"{subjects.hints(RIDES)}.all", lambda subject, payload: overheard.append(payload))
    await users.turn(other)
    carriers[0].say([Word(0, None, "c", "hello")])
    await until(lambda: "hello" in heard[1], "the other process hears it")
    assert await questions[0].ask(1, b"echo", b"x") == b"xx"
    assert overheard == []
    assert any("nats_refused" in line for line in users.lines), "and it is told so"


async def test_the_registry_tells_and_nobody_else_can(users: Users) -> None:
    words: list[bytes] = []
    listening = users.bus("rides-feed", RIDES)
    listening.hear(subjects.feed(REGISTRY), lambda subject, payload: words.append(payload))
    await users.turn(listening)
    bus = users.bus("registry", REGISTRY)
    teller = FeedTeller(bus, REGISTRY, lambda: (7, RIDES))
    await users.turn(bus, teller.next)
    await until(lambda: words, "the last change is told")
    forged = users.bus("rides-feed", RIDES)
    await users.turn(forged)
    forged.say(subjects.feed(REGISTRY), b"forged")
    teller.say(8, RIDES)
    await until(lambda: [told_of(word) for word in words][-1][0] == 8, "the next one too")  # type: ignore[index]
    assert b"forged" not in words
    kept = await listening.request(subjects.last_word(REGISTRY), b"", 2)
    assert told_of(kept.data) == (8, subjects.token(RIDES))


def test_the_command_prints_the_rights_that_the_document_shows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = DOC.read_text()
    [toml] = re.findall(r"^```toml\n(.*?)^```", document, re.MULTILINE | re.DOTALL)
    write_keys(tmp_path / "keys")
    head = (
        f'subscriber_id = "{RIDES}"\nunique_key_id = "k"\nurl = "https://{RIDES}"\nport = 1\n'
        'data_dir = "data"\nsigning_key = "s"\nencryption_key = "e"\n'
        f'[registry]\nurl = "https://r"\nsubscriber_id = "{REGISTRY}"\nunique_key_id = "k"\n'
        'signing_public_key = "s"\nencryption_public_key = "e"\n'
    )
    config = tmp_path / "node.toml"
    config.write_text(head + toml)
    assert main(["nats", "rights", "--config", str(config)]) == 0
    printed = capsys.readouterr().out
    shown = re.findall(r'"(?:wayfare|_INBOX|\$JS)[^"]*"', printed)
    assert len(shown) == 9
    assert all(right in document for right in shown)
    config.write_text(head)
    assert main(["nats", "rights", "--config", str(config)]) != 0


async def test_whoever_does_not_speak_tls_is_told_no_password(tmp_path: Path) -> None:
    """A server, or somebody before it, that does not ask for TLS though the settings do."""
    certificate(tmp_path)
    got = bytearray()

    async def visited(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b'INFO {"version":"2.12.0","max_payload":1000,"auth_required":true}\r\n')
        while data := await reader.read(1_000):
            got.extend(data)
        writer.close()

    server = await asyncio.start_server(visited, "127.0.0.1", 0)
    port, lines = server.sockets[0].getsockname()[1], list[str]()
    ca = tmp_path / "server.pem"
    place = NatsPlace(url=f"tls://127.0.0.1:{port}", user="rides", password_file=ca, ca=ca)
    telemetry = Telemetry("test", write=lines.append)
    bus = Bus(place, "a long one", name="hints", inbox="_I", telemetry=telemetry)
    await bus.next(0)
    assert not bus.is_connected
    assert "does not speak TLS" in lines[0]
    await bus.close()
    server.close()
    await server.wait_closed()
    assert b"a long one" not in got
