"""The registry and those who apply in order to harm: nobody is kept out, nobody's id is taken."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select

from gateway.app import assemble as assemble_gateway
from gateway.settings import GatewaySettings
from protocol_specs.node.store import Session, Statement
from protocol_specs.node.trust.subscription import OwnKeys, application
from protocol_specs.wire import keys, strict_json
from protocol_specs.wire.parties import SubscriberType
from protocol_specs.wire.signing import KeyId, sign
from protocol_specs.wire.timestamp import rfc3339
from registry import changes, participants, pending, subscriptions
from registry.app import assemble
from registry.applications import Application
from registry.faults import NotAllowed
from registry.settings import Bounds, Policy
from registry.tables import METADATA
from registry.tables import Application as Row
from tests.registry.participant import Pair, Participant, desk, participant
from tests.registry.world import World, own_keys, pins, until, world
from tests.support.nodes import listening_socket, running, settings_of, url_of
from tests.support.peers import NOW, Clock, Said, post

NAME = "taxi.example.org"
EVERY = Statement(select(Row.__table__))  # type: ignore[attr-defined]  # SQLModel hides the table
EVERYBODY_GONE = Statement(delete(Row.__table__))  # type: ignore[attr-defined]  # as above
DOCUMENT = (
    Application(
        subscriber_id=NAME,
        roles=(),
        country="MYS",
        unique_key_id="k1",
        signing_public_key="",
        encryption_public_key="",
        valid_from=0,
        valid_until=0,
        nonce="",
    )
    .model_dump_json()
    .encode()
)


async def apply(w: World, own: OwnKeys, **changes: Any) -> Said:
    """An application signed with the key that it brings, by whoever asks."""
    made = application(w.gateway_settings, own, type=SubscriberType.BG, now=NOW, valid_s=86_400)
    document = made | changes
    document["subscriber_url"] = document["url"]
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
    for row in session.all(pending.OPEN, most=500):
        pending.move(session, row, "approval", now=NOW)


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


@pytest.mark.parametrize("which", ["signing", "encryption"])
async def test_a_key_id_never_gets_other_keys_not_even_after_it_has_expired(
    tmp_path: Path, which: str
) -> None:
    async with world(tmp_path, automatic=("BG",)) as w:
        await w.join()
        await subscribed(w)
        w.clock.at += 2 * 86_400
        own = own_keys(w.gateway_settings)
        other = replace(own, **{which: getattr(stranger(), which)})
        until_then = rfc3339((NOW + 30 * 86_400) * 1000)
        said = await apply(w, other, valid_until=until_then)
        assert (said.status, said.json["error"]["paths"]) == (403, "/key_id")
        assert w.stored() == 0
        assert (await apply(w, own, valid_until=until_then)).status == 200
        assert await subscribed(w)


async def test_of_two_keys_that_wait_under_one_id_the_operator_can_grant_one(
    tmp_path: Path,
) -> None:
    """Both answer their challenge before either is granted."""
    async with world(tmp_path, challenge_tries_max=1) as w:
        for _ in range(2):
            assert (await apply(w, stranger(), subscriber_id="two.example.org")).status == 200
        rows = await w.registry.store.transact(lambda s: s.all(pending.OPEN, most=500))

        def grant(session: Session) -> None:
            for row in rows:
                participants.grant(session, row, who="operator", now=NOW)

        with pytest.raises(NotAllowed):
            await w.registry.store.transact(grant)


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
                for row in w.registry.store.read(lambda s: s.all(pending.OPEN, most=500))
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
        assert (await w.operate("suspend", reason="a doubt")).status == 200
        assert (await w.operate("reinstate")).status == 200
        assert await subscribed(w)


def bounded(tmp_path: Path, **bounds: Any) -> World:
    """A registry with these bounds whose applicants answer no challenge."""
    made = World(tmp_path, Clock(), challenge_tries_max=1_000)
    settings = made.settings.model_copy(update={"bounds": Bounds(**bounds)})
    made.registry.store.close()
    made.gateway.store.close()
    made.gateway_sock.close()
    made.registry = assemble(settings, clock=made.clock)
    return made


async def test_an_address_that_applies_too_often_is_told_when_to_come_again(
    tmp_path: Path,
) -> None:
    w = bounded(tmp_path, subscribe_per_s=0.25, subscribe_burst=2)
    async with running(w.registry, w.sock), silent() as url:
        said = [
            await apply(w, stranger(), subscriber_id=f"p{number}.example.org", url=url)
            for number in range(3)
        ]
        assert [answer.status for answer in said] == [200, 200, 429]
        assert said[2].headers["Retry-After"] == "4"
        assert w.stored() == 2
        w.clock.at += 4
        who = "p3.example.org"
        assert (await apply(w, stranger(), subscriber_id=who, url=url)).status == 200


async def test_an_address_that_looks_up_too_often_is_told_when_to_come_again(
    tmp_path: Path,
) -> None:
    w = bounded(tmp_path, lookup_per_s=1)
    async with running(w.registry, w.sock):
        said = [await post(f"{w.url}/lookup", b"{}") for _ in range(3)]
        assert [answer.status for answer in said] == [200, 200, 429]
        assert said[2].headers["Retry-After"] == "1"


async def test_open_applications_are_bounded_for_each_subscriber_and_in_all(
    tmp_path: Path,
) -> None:
    w = bounded(tmp_path, open_per_subscriber_max=2, open_max=3)
    async with running(w.registry, w.sock), silent() as url:
        names = ("one", "one", "one", "two", "three")
        said = [
            await apply(w, stranger(), subscriber_id=f"{name}.example.org", url=url)
            for name in names
        ]
        assert [answer.status for answer in said] == [200, 200, 429, 200, 503]
        assert all(int(said[number].headers["Retry-After"]) >= 1 for number in (2, 4))
        assert said[2].json["error"]["paths"] == "/subscriber_id"
        assert w.stored() == 3


async def test_applications_in_a_newcomers_name_do_not_keep_it_out(tmp_path: Path) -> None:
    bounds = Bounds(open_per_subscriber_max=2)
    async with desk(tmp_path, bounds=bounds) as d, participant(d) as who:
        for _ in range(2):
            thief = Participant(d, "http://127.0.0.1:1", {"k9": Pair("k9")}, who.subscriber_id)
            assert (await thief.apply("k9")).status == 200

        async def failed() -> bool:
            rows = d.node.store.read(lambda s: s.all(pending.OPEN_ALL_OF, subscriber_id=NAME))
            return all(row["tries"] for row in rows)

        await until(failed)
        assert (await who.apply("k1")).status == 200
        [record] = await until(who.records)
        assert record["key_id"] == "k1"


def stranger_of(name: str, **changes: Any) -> dict[str, Any]:
    """The row of an application."""
    row = {"subscriber_id": f"{name}.example.org", "nonce": f"nonce {name}", "kind": "join"}
    row |= {"document": DOCUMENT, "signer": "", "state": "challenge", "reason": "", "fault": ""}
    times = {"tries": 0, "challenged": 0, "next_at": 0, "created": 0, "updated": NOW}
    return row | times | changes


def written(session: Session, count: int, state: str, *, challenged: int = 0) -> None:
    """So many applications of strangers, in that state."""
    for n in range(count):
        row = stranger_of(f"{state}{n}", state=state, challenged=challenged)
        session.run(pending.APPLY, **row)


async def test_who_takes_part_is_challenged_before_any_number_of_strangers(tmp_path: Path) -> None:
    async with desk(tmp_path) as d:

        def next_one(session: Session) -> str:
            written(session, 20, "challenge")
            session.run(pending.APPLY, **stranger_of("ours", signer="k1", next_at=NOW, tries=3))
            row = pending.next_challenge(session, now=NOW, until=NOW + 60)
            session.run(EVERYBODY_GONE)
            return str(row["subscriber_id"]) if row else ""

        assert await d.node.store.transact(next_one) == "ours.example.org"


async def test_urls_that_take_long_one_after_the_other_are_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscriptions, "CHALLENGE_S", 0.1)
    policy = Policy(automatic=("BPP",), challenge_tries_max=1)
    async with desk(tmp_path, policy=policy) as d, silent() as url:
        who = Participant(d, url, {"k1": Pair("k1")})
        assert (await who.apply("k1")).status == 200

        async def refused() -> bool:
            return await who.waits_for() == "refused"

        await until(refused)
        [waiting] = await who.records(status="UNDER_SUBSCRIPTION")
        assert "more than 0.1 s" in waiting["reason"]


async def test_applications_that_failed_hide_nobody_who_waits_for_the_operator(
    tmp_path: Path,
) -> None:
    async with desk(tmp_path) as d:
        await d.node.store.transact(lambda s: written(s, 1, "approval", challenged=NOW))
        await d.node.store.transact(lambda s: written(s, pending.SHOWN_MAX, "refused"))
        said = await d.get("/operator/pending", Authorization=f"Bearer {d.token}")
        waiting = said.json["waiting"]
        assert (len(waiting), waiting[0]["waiting_for"]) == (pending.SHOWN_MAX, "approval")


async def test_applications_that_proved_nothing_are_kept_in_bounded_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pending, "UNPROVEN_MAX", 3)
    async with desk(tmp_path) as d:
        store = d.node.store
        await store.transact(lambda s: written(s, 2, "granted", challenged=NOW))
        await store.transact(lambda s: written(s, 10, "refused"))
        while await store.transact(lambda s: pending.prune_next(s, NOW)):
            pass
        kept = [row["subscriber_id"] for row in store.read(lambda s: s.all(EVERY))]
        assert sorted(kept) == [
            *(f"granted{n}.example.org" for n in range(2)),
            *(f"refused{n}.example.org" for n in (7, 8, 9)),
        ]


async def test_strangers_leave_room_for_who_takes_part_already(tmp_path: Path) -> None:
    async with world(tmp_path, automatic=("BG",)) as w, silent() as url:
        await w.join()
        await subscribed(w)
        for name in ("one", "two"):
            who = f"{name}.example.org"
            assert (await apply(w, stranger(), subscriber_id=who, url=url)).status == 200
    w.sock = listening_socket()
    full = w.settings.model_copy(update={"bounds": Bounds(open_max=2), "url": url_of(w.sock)})
    w.settings = full
    w.registry = assemble(full, clock=w.clock)
    async with running(w.registry, w.sock):
        newcomer = await apply(w, stranger(), subscriber_id="new.example.org", url=url)
        assert newcomer.status == 503
        assert (await apply(w, own_keys(w.gateway_settings))).status == 200


async def test_applications_are_forgotten_30_days_after_they_are_done_with(
    tmp_path: Path,
) -> None:
    states = ("granted", "refused", "superseded", "approval")

    def fill(session: Session) -> None:
        for state in states:
            for at in (NOW, NOW + 1):
                values = {"subscriber_id": "p.example.org", "nonce": f"{state}-{at}"}
                times = {"tries": 0, "next_at": at, "created": at, "updated": at, "challenged": 0}
                kept = {"document": b"{}", "state": state, "reason": "", "kind": "join"} | {
                    "fault": ""
                }
                session.run(pending.APPLY, **values, **times, **kept, signer="")
            changes.note(session, state, "p.example.org", who="policy", now=NOW, detail={})

    def left(session: Session) -> tuple[list[str], int]:
        applications = session.all(Statement(select(METADATA.tables["application"].c.nonce)))
        changes = session.all(Statement(select(METADATA.tables["change"].c.sequence)))
        return sorted(row["nonce"] for row in applications), len(changes)

    kept = sorted([f"{state}-{NOW + 1}" for state in states] + [f"approval-{NOW}"])

    async with world(tmp_path) as w:
        await w.registry.store.transact(fill)
        w.clock.at += pending.KEPT_S + 1

        async def pruned() -> bool:
            return w.registry.store.read(left) == (kept, len(states))

        await until(pruned)


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
