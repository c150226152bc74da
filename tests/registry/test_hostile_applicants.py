"""The registry and those who apply in order to harm: nobody is kept out, nobody's id is taken."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway.app import assemble as assemble_gateway
from gateway.settings import GatewaySettings
from protocol_specs.node.store import Session
from protocol_specs.node.subscription import OwnKeys, application
from protocol_specs.wire import keys, strict_json
from protocol_specs.wire.envelope import SubscriberType
from protocol_specs.wire.signing import KeyId, sign
from protocol_specs.wire.timestamp import rfc3339
from registry import directory
from tests.registry.test_registry import World, own_keys, pins, until, world
from tests.support.nodes import listening_socket, running, settings_of
from tests.support.peers import NOW, Said, post


async def apply(w: World, own: OwnKeys, **changes: Any) -> Said:
    """An application signed with the key that it brings, by whoever asks."""
    made = application(w.gateway_settings, own, type=SubscriberType.BG, now=NOW, valid_s=86_400)
    document = made | changes
    body = strict_json.dumps(document)
    now = int(w.clock())
    key_id = KeyId(document["subscriber_id"], document["unique_key_id"])
    header = sign(body, key=own.signing, key_id=key_id, created=now, expires=now + 60)
    return await post(f"{w.url}/subscribe", body, {"Authorization": header})


def stranger() -> OwnKeys:
    return OwnKeys(keys.generate_signing_key(), keys.generate_encryption_key())


async def subscribed(w: World) -> list[dict[str, Any]]:
    return await until(lambda: w.lookup(subscriber_id="bg.example.org"))


async def waits_for(w: World, who: str, state: str) -> bool:
    rows = await w.lookup(subscriber_id=who, status="UNDER_SUBSCRIPTION")
    return any(row["waiting_for"] == state for row in rows)


async def test_an_encryption_key_that_no_challenge_can_be_made_for_is_refused(
    tmp_path: Path,
) -> None:
    async with world(tmp_path, automatic=("BG",)) as w:
        said = await apply(w, stranger(), encr_public_key=keys.b64encode(bytes(32)))
        assert (said.status, said.json["error"]["paths"]) == (400, "/encr_public_key")
        assert w.stored() == 0


@pytest.mark.parametrize("url", ["https://[::1", "https://bg.example.org:99999/"])
async def test_a_url_that_is_none_is_refused_by_its_field(tmp_path: Path, url: str) -> None:
    async with world(tmp_path) as w:
        said = await apply(w, stranger(), url=url)
        assert (said.status, said.json["error"]["paths"]) == (403, "/url")


async def test_a_host_that_no_name_service_can_ask_for_keeps_nobody_else_out(
    tmp_path: Path,
) -> None:
    host = f"{'a' * 70}.example.org"
    async with world(tmp_path, automatic=("BG",)) as w:
        assert (await apply(w, stranger(), subscriber_id=host, url=f"https://{host}")).status == 200
        await w.join()
        assert await subscribed(w)


async def test_of_two_applications_with_one_key_one_is_refused_and_others_go_on(
    tmp_path: Path,
) -> None:
    """Both answer their challenge before either is granted."""
    async with world(tmp_path, challenge_tries_max=1) as w:
        thief = stranger()
        first, second = "one.example.org", "two.example.org"
        for who in (first, second):
            assert (await apply(w, thief, subscriber_id=who)).status == 200
        await w.registry.store.transact(pass_both)
        said = [await w.operate("approve", who=who) for who in (first, second)]
        assert [answer.status for answer in said] == [200, 403]


def pass_both(session: Session) -> None:
    """As if both had answered their challenge; which this world's gateway cannot do for them."""
    for row in session.all(directory.OPEN):
        directory.move(session, row, "approval", now=NOW)


async def test_a_stranger_who_knows_the_encryption_key_gets_no_key_of_its_own_registered(
    tmp_path: Path,
) -> None:
    """The endpoint that is challenged is the victim's, which can read the challenge."""
    async with world(tmp_path, automatic=("BG",), challenge_tries_max=1) as w:
        victim = own_keys(w.gateway_settings)
        thief = OwnKeys(keys.generate_signing_key(), victim.encryption)
        assert (await apply(w, thief)).status == 200
        await until(lambda: waits_for(w, "bg.example.org", "refused"))
        assert await w.lookup(subscriber_id="bg.example.org") == []
        await w.join()
        assert await subscribed(w)


async def test_an_id_whose_keys_have_expired_gets_a_new_key_from_the_operator_only(
    tmp_path: Path,
) -> None:
    async with world(tmp_path, automatic=("BG",)) as w:
        await w.join()
        await subscribed(w)
        w.clock.at += 2 * 86_400
        sock = listening_socket()
        settings = settings_of(
            GatewaySettings,
            tmp_path / "renewed",
            sock,
            subscriber_id="bg.example.org",
            unique_key_id="k2",
            registry=pins(w.settings),
        )
        async with running(assemble_gateway(settings, clock=w.clock), sock):
            changes = {"key_id": "k2", "unique_key_id": "k2", "url": settings.url}
            validity = {"valid_until": rfc3339((NOW + 30 * 86_400) * 1000)}
            said = await apply(w, own_keys(settings), **changes, **validity)
            assert said.status == 200
            await until(lambda: waits_for(w, "bg.example.org", "approval"))
            assert await w.lookup(subscriber_id="bg.example.org") == []


async def test_who_cannot_answer_for_a_newcomer_does_not_push_its_application_aside(
    tmp_path: Path,
) -> None:
    async with world(tmp_path, challenge_tries_max=1) as w:
        await w.join()
        await until(lambda: waits_for(w, "bg.example.org", "approval"))
        assert (await apply(w, stranger())).status == 200

        async def refused() -> bool:
            return any(
                row["state"] == "refused"
                for row in w.registry.store.read(lambda s: s.all(directory.OPEN))
            )

        await until(refused)
        assert await waits_for(w, "bg.example.org", "approval")
        assert (await w.operate("approve")).status == 200
        [record] = await w.lookup(subscriber_id="bg.example.org")
        own = own_keys(w.gateway_settings)
        assert record["signing_public_key"] == keys.b64encode(own.signing.public)


async def test_a_suspension_is_lifted_although_an_earlier_application_had_failed(
    tmp_path: Path,
) -> None:
    async with world(tmp_path, automatic=("BG",), challenge_tries_max=1) as w:
        assert (await apply(w, stranger())).status == 200
        await until(lambda: waits_for(w, "bg.example.org", "refused"))
        await w.join()
        await subscribed(w)
        assert await w.waiting() == []
        assert (await w.operate("suspend")).status == 200
        assert (await w.operate("approve")).status == 200
        assert await subscribed(w)


async def test_endpoints_that_do_not_answer_hold_nobody_up(tmp_path: Path) -> None:
    async with world(tmp_path, automatic=("BG",)) as w, silent() as url:
        for number in range(4):
            who = f"silent{number}.example.org"
            assert (await apply(w, stranger(), subscriber_id=who, url=url)).status == 200
        await w.join()
        async with asyncio.timeout(5):
            assert await subscribed(w)


@asynccontextmanager
async def silent() -> AsyncIterator[str]:
    """The url of one who takes connections and says nothing, until the end."""
    end = asyncio.Event()

    async def listen(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await end.wait()
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        end.set()
        server.close()
