"""A real server that asks for credentials: a file of ours is proof, another user's is none."""

import asyncio
import base64
import binascii
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from nacl.signing import SigningKey

from protocol_specs.node.nats import credentials
from protocol_specs.node.nats.bus import Bus
from protocol_specs.node.nats.credentials import who_at
from protocol_specs.node.nats.place import NatsPlace
from protocol_specs.node.settings import SettingsError
from protocol_specs.node.telemetry.telemetry import Telemetry
from tests.support.nats_server import NatsServer
from tests.support.queues import looping, until

OPERATOR, ACCOUNT, USER = (n << 3 for n in (14, 0, 20))
SEED = 18 << 3


def _nkey(said: bytes) -> str:
    checked = said + binascii.crc_hqx(said, 0).to_bytes(2, "little")
    return base64.b32encode(checked).decode().rstrip("=")


def _part(value: object) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


@dataclass
class Holder:
    """Who has a key of that kind."""

    kind: int
    key: SigningKey = field(default_factory=SigningKey.generate)

    @property
    def id(self) -> str:
        return _nkey(bytes([self.kind]) + bytes(self.key.verify_key))

    @property
    def seed(self) -> str:
        return _nkey(bytes([SEED | self.kind >> 5, self.kind << 3 & 0xFF]) + bytes(self.key))

    def says(self, whom: "Holder", **claims: Any) -> str:
        """A JWT about `whom`."""
        about = {"iss": self.id, "sub": whom.id, "name": "x", "iat": 1, "jti": "x"}
        said = f"{_part({'typ': 'JWT', 'alg': 'ed25519-nkey'})}."
        said += _part({**about, "nats": {"version": 2, **claims}})
        return f"{said}.{_part(self.key.sign(said.encode()).signature)}"


@dataclass
class Operated:
    """A server of an operator with one account."""

    account: Holder
    server: NatsServer

    def file(self, path: Path, *, of: Holder | None = None) -> Path:
        """Credentials of a new user who may speak below `mine`, of this account or another."""
        user, unlimited = Holder(USER), {"subs": -1, "data": -1, "payload": -1}
        may = {"pub": {"allow": ["mine.>"]}, "sub": {"allow": ["mine.>", "_I.>"]}}
        jwt = (of or self.account).says(user, type="user", **unlimited, **may)
        path.write_text(
            f"-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n\n"
            "*** keep this for yourself ***\n"
            f"-----BEGIN USER NKEY SEED-----\n{user.seed}\n------END USER NKEY SEED------\n"
        )
        path.chmod(0o600)
        return path


@pytest.fixture
def operated() -> Iterator[Operated]:
    operator, account = Holder(OPERATOR), Holder(ACCOUNT)
    names = ("subs", "data", "payload", "imports", "exports", "conn", "leaf")
    limits = {**dict.fromkeys(names, -1), "wildcards": True}
    about = operator.says(account, type="account", limits=limits)
    server = NatsServer(
        f"operator: {operator.says(operator, type='operator')}\n"
        f"resolver: MEMORY\nresolver_preload {{ {account.id}: {about} }}\n",
        has_jetstream=False,
    )
    server.start()
    yield Operated(account, server)
    server.remove()


def bus_with(operated: Operated, file: Path, lines: list[str]) -> Bus:
    place = NatsPlace(url=(operated.server.url,), credentials=file)
    telemetry = Telemetry("bpp.example.org", write=lines.append)
    return Bus(place, who_at(place, "nats"), name="hints", inbox="_I", telemetry=telemetry)


async def test_who_has_the_credentials_speaks_and_hears_what_they_allow(
    operated: Operated, tmp_path: Path
) -> None:
    lines: list[str] = []
    heard: list[bytes] = []
    file = operated.file(tmp_path / "mine.creds")
    speaks, hears = bus_with(operated, file, lines), bus_with(operated, file, lines)
    hears.hear("mine.words", lambda subject, payload: heard.append(payload))
    async with (
        looping(speaks.next, speaks.wake, poll_s=0.05),
        looping(hears.next, hears.wake, poll_s=0.05),
    ):
        await until(lambda: speaks.is_connected and hears.is_connected, f"connected: {lines}")
        speaks.say("others.words", b"not allowed")
        speaks.say("mine.words", b"allowed")
        await until(lambda: heard == [b"allowed"], "it is heard")
        await until(lambda: any("nats_refused" in line for line in lines), "the other is not")
    await asyncio.gather(speaks.close(), hears.close())


async def test_credentials_of_an_account_that_the_server_does_not_know_are_refused(
    operated: Operated, tmp_path: Path
) -> None:
    lines: list[str] = []
    file = operated.file(tmp_path / "other.creds", of=Holder(ACCOUNT))
    bus = bus_with(operated, file, lines)
    async with looping(bus.next, bus.wake, poll_s=0.05):
        await until(lambda: any("nats_away" in line for line in lines), "it is refused")
    assert not bus.is_connected
    assert "Authorization Violation" in "".join(lines)
    await bus.close()


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (lambda text: text.replace("USER JWT", "JWT"), "is no credentials file"),
        (lambda text: text.replace("USER NKEY SEED-----\nSU", "USER NKEY SEED-----\nSA"), "seed"),
        (lambda text: text.replace("USER NKEY SEED-----\nS", "USER NKEY SEED-----\n"), "seed"),
        (lambda text: text.replace("USER NKEY SEED-----\nS", "USER NKEY SEED-----\n!"), "seed"),
        (lambda text: "", "is no credentials file"),
    ],
)
def test_what_is_no_credentials_file_is_named_and_not_shown(
    operated: Operated, tmp_path: Path, edit: Any, says: str
) -> None:
    file = operated.file(tmp_path / "mine.creds")
    text = file.read_text()
    file.write_text(edit(text))
    with pytest.raises(SettingsError) as refused:
        who_at(NatsPlace(url=(operated.server.url,), credentials=file), "feed")
    assert f"'feed.credentials': {file}" in str(refused.value)
    assert says in str(refused.value)
    assert credentials.read(text).jwt not in str(refused.value)


def test_a_credentials_file_that_others_may_read_is_refused(
    operated: Operated, tmp_path: Path
) -> None:
    file = operated.file(tmp_path / "mine.creds")
    file.chmod(0o640)
    with pytest.raises(SettingsError, match="can be read by others"):
        who_at(NatsPlace(url=(operated.server.url,), credentials=file), "nats")
