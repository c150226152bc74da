"""What the gateway refuses before the ACK: with one thing wrong, its code, and nothing sent."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway import sending as sending_module
from protocol_specs.wire import strict_json
from tests.gateway.world import World, arrived, bpp, on_search, world
from tests.support import peers
from tests.support.peers import CITY, NOW, Said, context_of, signed_post


def countersigned(body: bytes, gateway: peers.Peer) -> dict[str, str]:
    return {"X-Gateway-Authorization": gateway.authorization(body)}


async def refused(w: World, said: Said, code: str, status: int = 400) -> None:
    assert (said.status, said.code) == (status, code), said.json
    await w.settled()
    assert all(provider.got == [] for provider in w.others)


async def test_one_platform_may_search_so_often_and_is_told_when_again(tmp_path: Path) -> None:
    one, other = bpp(), peers.bap("other.example.org")
    async with world(tmp_path, one, searches_per_bap_per_s=0.5) as w:
        w.directory.held += other.records()
        assert (await w.send(w.search())).is_ack
        said = await w.send(w.search())
        assert said.status == 429
        assert said.json["message"]["ack"]["status"] == "NACK"
        assert said.headers["Retry-After"] == "1"
        theirs = context_of("search", sender=other, to_id=None, to_url=None)
        document = {"context": theirs, "message": w.search()["message"]}
        assert (await w.send(document, sender=other)).is_ack
        w.clock.at += 2
        assert (await w.send(w.search())).is_ack
        await w.settled()
        assert len(one.got) == 3


async def test_a_refused_search_may_be_sent_again_when_its_time_has_come(tmp_path: Path) -> None:
    one = bpp()
    async with world(tmp_path, one, searches_per_bap_per_s=0.5) as w:
        assert (await w.send(w.search())).is_ack
        document = w.search()
        assert (await w.send(document)).status == 429
        w.clock.at += 2
        assert (await w.send(document)).is_ack
        await w.settled()
        assert len(one.got) == 2


async def test_the_same_search_signed_anew_is_acknowledged_and_not_forwarded_twice(
    tmp_path: Path,
) -> None:
    one = bpp()
    async with world(tmp_path, one, searches_per_bap_per_s=0.5) as w:
        body = strict_json.dumps(w.search())
        for created in (NOW, NOW + 1, NOW + 2):
            w.clock.at = created
            said = await signed_post(w.url, w.consumer.peer, body, created=created)
            assert said.is_ack, "a repeat takes no token either"
        await w.settled()
        assert len(one.got) == 1


async def test_another_search_under_the_same_message_id_is_refused(tmp_path: Path) -> None:
    one = bpp()
    async with world(tmp_path, one) as w:
        first = w.search()
        assert (await w.send(first)).is_ack
        await w.settled()
        second = w.search(message_id=first["context"]["message_id"])
        said = await w.send(second)
        assert (said.status, said.code) == (400, "10000")
        await w.settled()
        assert len(one.got) == 1


async def test_a_search_for_a_provider_nobody_knows_is_refused(tmp_path: Path) -> None:
    async with world(tmp_path, bpp()) as w:
        said = await w.send(w.search(bpp_id="nobody.example.org", bpp_uri="https://x.example.org"))
        assert said.json["error"]["paths"] == "/context/bpp_id"
        await refused(w, said, "10000")


async def test_a_search_for_a_provider_of_another_city_is_refused(tmp_path: Path) -> None:
    far = bpp(cities=("std:99",))
    async with world(tmp_path, far) as w:
        search = w.search(bpp_id=far.peer.subscriber_id, bpp_uri=far.peer.url)
        await refused(w, await w.send(search), "10000")


async def test_an_addressed_search_must_name_the_url_that_is_registered(tmp_path: Path) -> None:
    one = bpp()
    async with world(tmp_path, one) as w:
        search = w.search(bpp_id=one.peer.subscriber_id, bpp_uri="https://elsewhere.example.org")
        said = await w.send(search)
        assert said.json["error"]["paths"] == "/context/bpp_uri"
        await refused(w, said, "10000")


async def test_a_search_larger_than_searches_are_is_refused(tmp_path: Path) -> None:
    async with world(tmp_path, bpp(), search_bytes_max=500) as w:
        await refused(w, await w.send(w.search()), "10000", status=413)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"domain": "nic2004:99999"}, "10001"),
        ({"timestamp": "2020-01-01T00:00:00.000Z"}, "10000"),
        ({"action": "select"}, "10000"),
        ({"bap_uri": "https://elsewhere.example.org"}, "10000"),
    ],
)
async def test_a_fault_of_the_context_has_a_code_of_the_gateways_range(
    tmp_path: Path, changes: dict[str, Any], code: str
) -> None:
    async with world(tmp_path, bpp()) as w:
        search = w.search()
        search["context"].update(changes)
        said = await signed_post(w.url, w.consumer.peer, search, action="search")
        await refused(w, said, code, status=401 if code == "10001" else 400)


async def test_bytes_that_are_no_json_have_a_code_of_the_gateways_range(tmp_path: Path) -> None:
    async with world(tmp_path, bpp()) as w:
        said = await signed_post(w.url, w.consumer.peer, b'{"context": {', action="search")
        await refused(w, said, "10000")


async def test_a_search_that_came_through_another_gateway_is_refused(tmp_path: Path) -> None:
    other = peers.gateway("other-bg.example.org")
    async with world(tmp_path, bpp()) as w:
        w.directory.held += other.records()
        body = strict_json.dumps(w.search())
        said = await signed_post(w.url, w.consumer.peer, body, headers=countersigned(body, other))
        await refused(w, said, "10000")


async def test_a_search_that_came_through_here_already_is_refused(tmp_path: Path) -> None:
    one = bpp()
    async with world(tmp_path, one) as w:
        assert (await w.send(w.search())).is_ack
        _, headers, body = await arrived(one)
        returned = {name: headers[name] for name in ("Authorization", "X-Gateway-Authorization")}
        said = await peers.post(f"{w.url}/search", body, returned)
        assert (said.status, said.code) == (401, "10001")
        await w.settled()
        assert len(one.got) == 1


async def test_a_provider_registered_at_our_own_url_is_not_asked(tmp_path: Path) -> None:
    mirror, one = bpp("mirror.example.org"), bpp()
    async with world(tmp_path, mirror, one) as w:
        object.__setattr__(mirror.peer, "url", w.url + "/")
        w.directory.forget(mirror.peer)
        w.directory.held += mirror.peer.records()
        assert (await w.send(w.search())).is_ack
        await w.settled()
        assert len(one.got) == 1
        report = w.gateway.report.shown(NOW)["hour"]["providers"]
        assert [line["subscriber_id"] for line in report] == [one.peer.subscriber_id]


async def test_while_the_registry_cannot_say_who_provides_a_search_is_not_acknowledged(
    tmp_path: Path,
) -> None:
    one = bpp()
    async with world(tmp_path, one) as w:
        assert (
            await w.send(w.search(location={"city": {"code": "*"}, "country": {"code": "X"}}))
        ).is_ack
        await w.settled()
        w.directory.is_down = True
        said = await w.send(w.search())
        assert said.status == 503
        assert "Retry-After" in said.headers
        await w.settled()
        assert len(one.got) == 1


async def test_a_search_for_every_city_goes_to_all_of_the_domain(tmp_path: Path) -> None:
    here, far = bpp("here.example.org"), bpp("far.example.org", cities=("std:99",))
    async with world(tmp_path, here, far) as w:
        city = {"city": {"code": "*"}, "country": {"code": "MYS"}}
        assert CITY != "*"
        assert (await w.send(w.search(location=city))).is_ack
        await arrived(here)
        await arrived(far)


async def test_an_answer_after_the_end_of_the_search_is_told_that_it_is_too_late(
    tmp_path: Path,
) -> None:
    one = bpp()
    async with world(tmp_path, one) as w:
        asked = w.search(ttl="PT10S")
        assert (await w.send(asked)).is_ack
        await w.settled()
        w.clock.at += 11
        answer = on_search(w, one, asked)
        answer["context"]["timestamp"] = "2026-09-21T14:13:31.000Z"
        said = await signed_post(w.url, one.peer, answer, created=NOW + 11)
        assert (said.status, said.code) == (400, "10000")
        assert "ended" in said.json["error"]["message"]
        await w.settled()
        assert w.consumer.got == []


async def test_answers_wait_for_a_busy_consumer_and_more_than_can_wait_are_not_acknowledged(
    tmp_path: Path,
) -> None:
    one, two = bpp("one.example.org"), bpp("two.example.org")
    async with world(tmp_path, one, two, relays_waiting_max=3, answers_per_provider_max=100) as w:
        w.consumer.holds.clear()
        asked = w.search()
        assert (await w.send(asked)).is_ack
        await w.settled()
        reach = w.gateway.sending.reach(w.consumer.peer.subscriber_id)
        said = []
        for number in range(reach.window + 4):
            answer = on_search(w, one, asked)
            answer["message"]["catalog"]["descriptor"]["name"] = f"Coop {number}"
            said.append((await w.send(answer, sender=one.peer)).status)
            await w.node.arrivals.drained()
        assert said == [200] * (reach.window + 3) + [503]
        assert (await w.send(w.search())).is_ack, "searches go on meanwhile"
        await asyncio.wait_for(_count(two, 2), 60)
        w.consumer.holds.set()
        await w.settled()
        assert len(w.consumer.got) == said.count(200)


async def test_what_waits_for_one_consumer_takes_up_its_share_and_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = bpp("one.example.org")
    async with world(tmp_path, one, answers_per_provider_max=100) as w:
        w.consumer.holds.clear()
        asked = w.search()
        assert (await w.send(asked)).is_ack
        await w.settled()
        sending = w.gateway.sending
        answer = on_search(w, one, asked)
        size = len(strict_json.dumps(answer))
        monkeypatch.setattr(sending_module, "RELAY_BYTES_OF_ONE", size + 500)
        said = []
        while 503 not in said:  # the first ones are on their way, one waits
            assert len(said) < 100
            answer["message"]["catalog"]["descriptor"]["name"] = f"Coop {len(said)}"
            said.append((await w.send(answer, sender=one.peer)).status)
            await w.node.arrivals.drained()
        assert not sending.has_room_for(w.consumer.peer.subscriber_id, size)
        assert sending.has_room_for("other.example.org", size)
        w.consumer.holds.set()
        await w.settled()


async def _count(provider: Any, wanted: int) -> None:
    while len(provider.got) < wanted:
        provider.arrived.clear()
        await provider.arrived.wait()


async def test_an_answer_is_not_pressed_on_the_consumer_beyond_the_ttl_of_its_search(
    tmp_path: Path,
) -> None:
    one = bpp()
    async with world(tmp_path, one) as w:
        asked = w.search(ttl="PT1S")
        assert (await w.send(asked)).is_ack
        await w.settled()
        w.consumer.holds.clear()
        began = asyncio.get_running_loop().time()
        assert (await w.send(on_search(w, one, asked), sender=one.peer)).is_ack
        await w.settled()
        assert asyncio.get_running_loop().time() - began < 6  # each_s is 8
        assert w.node.telemetry.count("given_up", "on_search") == 1


async def test_an_answer_goes_to_the_registered_url_that_the_search_named(tmp_path: Path) -> None:
    one, elsewhere = bpp(), bpp("elsewhere.example.org", cities=("std:99",))
    async with world(tmp_path, one, elsewhere) as w:
        (record,) = w.consumer.peer.records()
        newer = replace(record, url=elsewhere.peer.url, valid_from=record.valid_from + 1)
        w.directory.held.append(newer)
        asked = w.search()
        assert (await w.send(asked)).is_ack
        await w.settled()
        assert (await w.send(on_search(w, one, asked), sender=one.peer)).is_ack
        await w.settled()
        assert (len(w.consumer.got), elsewhere.got) == (1, [])
