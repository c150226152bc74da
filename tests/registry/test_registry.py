"""The registry at its real door: joining by challenge, look-ups, and the operator's decisions."""

from pathlib import Path
from typing import Any

import pytest

from protocol_specs.node.store import Conflict, Session, StoreUnavailable
from protocol_specs.wire import keys, strict_json
from protocol_specs.wire.signing import KeyId, sign
from registry import directory, participants
from tests.registry.world import JoinBody, World, own_keys, until, world
from tests.support.databases import run_sql
from tests.support.nodes import running
from tests.support.peers import NOW, RIDES, Clock, Said, post


async def test_a_participant_joins_by_answering_the_challenge(tmp_path: Path) -> None:
    async with world(tmp_path, automatic=("BG",)) as w:
        assert await w.join() == "UNDER_SUBSCRIPTION"
        [record] = await until(lambda: w.lookup(subscriber_id="bg.example.org"))
        assert record["status"] == "SUBSCRIBED"
        assert record["url"] == record["subscriber_url"] == w.gateway_settings.url
        assert record["key_id"] == record["unique_key_id"] == record["ukId"] == "k1"
        assert await w.lookup(type="BG", domain=RIDES) == [record]
        assert await w.lookup(type="BPP", domain=RIDES) == []
        assert await w.lookup(type="BG", domain="nic2004:99999") == []
        assert await w.lookup(type="BG", domain=RIDES, city="std:99") == []


async def test_a_type_that_is_not_automatic_waits_for_the_operator(tmp_path: Path) -> None:
    async with world(tmp_path, automatic=("BAP", "BPP")) as w:
        await w.join()

        async def passed() -> bool:
            return any(row["waiting_for"] == "approval" for row in await w.waiting())

        await until(passed)
        assert await w.lookup(subscriber_id="bg.example.org") == []
        assert (await w.operate("approve", token="x" * 43)).status == 401
        assert await w.lookup(subscriber_id="bg.example.org") == []
        said = await w.operate("approve")
        assert (said.status, said.json["status"]) == (200, "SUBSCRIBED")
        assert len(await w.lookup(subscriber_id="bg.example.org")) == 1


async def test_a_suspended_participant_is_found_by_nobody_and_policy_does_not_bring_it_back(
    tmp_path: Path,
) -> None:
    async with world(tmp_path, automatic=("BG",)) as w:
        await w.join()
        await until(lambda: w.lookup(subscriber_id="bg.example.org"))
        assert (await w.operate("suspend", reason="complaints")).status == 200
        assert await w.lookup(subscriber_id="bg.example.org") == []
        await w.join()

        async def passed() -> bool:
            return any(row["waiting_for"] == "approval" for row in await w.waiting())

        await until(passed)
        assert await w.lookup(subscriber_id="bg.example.org") == []
        assert (await w.operate("approve")).status == 200
        assert len(await w.lookup(subscriber_id="bg.example.org")) == 1
        assert (await w.operate("suspend", reason="more complaints")).status == 200
        assert (await w.operate("reinstate")).status == 200
        assert len(await w.lookup(subscriber_id="bg.example.org")) == 1


async def test_a_participant_with_another_encryption_key_fails_the_challenge(
    tmp_path: Path,
) -> None:
    async with world(tmp_path, automatic=("BG",), challenge_tries_max=1) as w:
        stranger = keys.b64encode(keys.generate_encryption_key().public)
        await w.join(encr_public_key=stranger)

        async def refused() -> bool:
            return any(row["waiting_for"] == "refused" for row in await w.waiting())

        await until(refused)
        [row] = await w.waiting()
        assert row["status"] == "INITIATED"
        assert "/on_subscribe" in row["reason"]
        assert await w.lookup(subscriber_id="bg.example.org") == []


async def test_an_endpoint_that_was_down_is_challenged_again(tmp_path: Path) -> None:
    w = World(tmp_path, Clock(), automatic=("BG",))
    async with running(w.registry, w.sock):
        await w.gateway.client.open()
        await w.join()

        async def tried() -> bool:
            return any(row["reason"] for row in await w.waiting())

        await until(tried)
        async with running(w.gateway, w.gateway_sock):
            w.clock.at += 2
            assert await until(lambda: w.lookup(subscriber_id="bg.example.org"))


async def signed(w: World, document: JoinBody, **changes: Any) -> Said:
    body = strict_json.dumps(document)
    header = w.gateway.client.authorization(body, **changes)
    return await post(f"{w.url}/subscribe", body, {"Authorization": header})


@pytest.mark.parametrize(
    ("changes", "status", "path"),
    [
        ({"type": "KING"}, 400, "/type"),
        ({"country": "malaysia"}, 400, "/country"),
        ({"domains": ["nic2004:99999"]}, 403, "/domains"),
        ({"subscriber_id": "other.example.org"}, 401, "/subscriber_id"),
        ({"city": "*"}, 403, "/city"),
    ],
)
async def test_a_refused_application_names_the_field_and_stores_nothing(
    tmp_path: Path, changes: JoinBody, status: int, path: str
) -> None:
    async with world(tmp_path) as w:
        said = await signed(w, w.body(**changes))
        assert said.status == status
        assert said.json["error"]["paths"] == path
        assert said.json["message"]["ack"]["status"] == "NACK"
        assert w.stored() == 0


async def test_an_application_is_refused_unsigned_expired_or_from_the_future(
    tmp_path: Path,
) -> None:
    async with world(tmp_path) as w:
        body = strict_json.dumps(w.body())
        assert (await post(f"{w.url}/subscribe", body)).status == 401
        assert (await signed(w, w.body(), now=NOW - 400)).status == 401
        assert (await signed(w, w.body(), now=NOW + 60)).status == 401
        header = w.gateway.client.authorization(body)
        changed = body.replace(b"bg.example.org", b"bG.example.org")
        said = await post(f"{w.url}/subscribe", changed, {"Authorization": header})
        assert said.status in (400, 401)
        assert w.stored() == 0


async def test_a_replayed_application_changes_nothing(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        document = w.body()
        assert (await signed(w, document)).status == 200
        said = await signed(w, document)
        assert (said.status, said.json["error"]["paths"]) == (403, "/nonce")


async def test_nobody_brings_the_key_of_another(tmp_path: Path) -> None:
    async with world(tmp_path, automatic=("BG",)) as w:
        await w.join()
        await until(lambda: w.lookup(subscriber_id="bg.example.org"))
        own = own_keys(w.gateway_settings)
        thief = w.body(subscriber_id="thief.example.org")
        body = strict_json.dumps(thief)
        header = sign(
            body,
            key=own.signing,
            key_id=KeyId("thief.example.org", "k1"),
            created=NOW,
            expires=NOW + 60,
        )
        said = await post(f"{w.url}/subscribe", body, {"Authorization": header})
        assert (said.status, said.json["error"]["paths"]) == (403, "/signing_public_key")


async def test_a_body_that_is_too_large_or_no_json_is_refused(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        for body in (b"{" + b" " * 70_000 + b"}", b"[]", b'{"type":"BPP","type":"BG"}'):
            said = await post(f"{w.url}/lookup", body)
            assert said.status in (400, 413)
            assert said.json["message"]["ack"]["status"] == "NACK"


async def test_an_application_that_cannot_be_stored_is_told_to_come_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(unit: object, **_: object) -> None:
        raise StoreUnavailable("database or disk is full")

    async with world(tmp_path) as w:
        monkeypatch.setattr(w.registry.store, "transact", full)
        said = await signed(w, w.body())
        assert (said.status, said.code) == (503, "50000")
        assert int(said.headers["Retry-After"]) >= 1
        approved = await w.operate("approve")
        assert approved.status == 503


async def test_a_city_is_found_among_more_participants_than_one_answer_holds(
    tmp_path: Path,
) -> None:
    def fill(session: Session) -> None:
        for number in range(directory.LOOKUP_ROWS_MAX + 2):
            who = f"p{number:04}.example.org"
            cities = "std:01,std:0_3" if number == directory.LOOKUP_ROWS_MAX else "std:01,std:023"
            session.run(
                participants.ADD_ROLE,
                subscriber_id=who,
                type="BPP",
                domain=RIDES,
                country="MYS",
                url="https://x",
                cities=cities,
                status="SUBSCRIBED",
                created=NOW,
                updated=NOW,
            )
            for city in cities.split(","):
                session.run(
                    participants.ADD_CITY, subscriber_id=who, type="BPP", domain=RIDES, city=city
                )
            session.run(
                participants.ADD_KEY,
                retired=0,
                subscriber_id=who,
                unique_key_id="k1",
                signing_public_key=who,
                encryption_public_key="x",
                valid_from=NOW - 1,
                valid_until=NOW if number > directory.LOOKUP_ROWS_MAX else NOW + 1,
            )

    async with world(tmp_path) as w:
        await w.registry.store.transact(fill)
        [found] = await w.lookup(type="BPP", domain=RIDES, city="std:0_3")
        assert found["subscriber_id"] == f"p{directory.LOOKUP_ROWS_MAX:04}.example.org"
        assert await w.lookup(type="BPP", domain=RIDES, city="std:0%") == []
        assert await w.lookup(type="BPP", domain=RIDES, city="td:01") == []
        assert await w.lookup(type="BPP", domain=RIDES, city="STD:0_3") == []
        assert len(await w.lookup(type="BPP", city="*")) == directory.LOOKUP_ROWS_MAX
        last = f"p{directory.LOOKUP_ROWS_MAX + 1:04}.example.org"
        assert await w.lookup(subscriber_id=last) == []


async def test_the_record_of_changes_cannot_be_edited(tmp_path: Path) -> None:
    async with world(tmp_path, automatic=("BG",)) as w:
        await w.join()
        await until(lambda: w.lookup(subscriber_id="bg.example.org"))
        for statement in ("UPDATE change SET what = 'nothing'", "DELETE FROM change"):
            with pytest.raises(Conflict, match="append-only"):
                run_sql(w.registry.store, statement)
