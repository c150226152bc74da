"""The gateway at its real door: whom a search reaches, with which bytes and signatures."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from gateway.settings import GatewaySettings
from protocol_specs.wire import signing, strict_json
from protocol_specs.wire.version import Dialects
from tests.gateway.world import arrived, bpp, on_search, world
from tests.support import peers
from tests.support.peers import CITY


async def test_a_search_reaches_every_matching_provider_byte_for_byte_with_both_signatures(
    tmp_path: Path,
) -> None:
    one, two = bpp("one.example.org"), bpp("two.example.org")
    async with world(tmp_path, one, two) as w:
        body = strict_json.dumps(w.search())
        assert (await w.send(body)).is_ack  # type: ignore[arg-type]  # bytes pass as they are
        for provider in (one, two):
            path, headers, received = await arrived(provider)
            assert path == "/beckn/search"
            assert received == body
            sender = signing.parse_header(headers["Authorization"])
            assert sender.key_id == w.consumer.peer.key_id
            signing.verify_header(sender, signing.digest(body), w.consumer.peer.key.public)
            ours = headers["X-Gateway-Authorization"]
            assert headers["Proxy-Authorization"] == ours
            gateway = signing.parse_header(ours)
            assert gateway.key_id.subscriber_id == "bg.example.org"
            public = w.node.client._key.public
            signing.verify_header(gateway, signing.digest(body), public)


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"domains": ("nic2004:60232",)},
        {"cities": ("std:99",)},
    ],
)
async def test_a_provider_of_another_domain_or_city_is_not_asked(
    tmp_path: Path, elsewhere: dict[str, Any]
) -> None:
    near, far = bpp("near.example.org"), bpp("far.example.org", **elsewhere)
    async with world(tmp_path, near, far) as w:
        assert (await w.send(w.search())).is_ack
        await arrived(near)
        await w.settled()
        assert far.got == []


async def test_a_suspended_provider_is_not_asked(tmp_path: Path) -> None:
    near, gone = bpp("near.example.org"), bpp("gone.example.org")
    async with world(tmp_path, near, gone) as w:
        w.directory.forget(gone.peer)
        w.directory.held += gone.peer.records(status="UNSUBSCRIBED")
        assert (await w.send(w.search())).is_ack
        await arrived(near)
        await w.settled()
        assert gone.got == []


async def test_a_search_for_one_provider_reaches_only_that_one(tmp_path: Path) -> None:
    one, two = bpp("one.example.org"), bpp("two.example.org")
    async with world(tmp_path, one, two) as w:
        document = w.search(bpp_id="two.example.org", bpp_uri=two.peer.url)
        said = await w.send(document)
        assert said.is_ack, said.json
        await arrived(two)
        await w.settled()
        assert one.got == []


async def test_an_empty_market_is_no_fault(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        assert (await w.send(w.search())).is_ack


async def test_the_same_search_again_is_acknowledged_and_not_forwarded_twice(
    tmp_path: Path,
) -> None:
    one = bpp()
    async with world(tmp_path, one) as w:
        document = w.search()
        assert (await w.send(document)).is_ack
        await arrived(one)
        assert (await w.send(document)).is_ack
        await w.settled()
        assert len(one.got) == 1


async def test_a_provider_that_hangs_holds_nobody_else_up(tmp_path: Path) -> None:
    slow, quick = bpp("slow.example.org"), bpp("quick.example.org")
    slow.holds.clear()
    async with world(tmp_path, slow, quick, each_s=0.2) as w:
        assert (await w.send(w.search())).is_ack
        await arrived(quick)
        async with asyncio.timeout(60):
            await w.settled()


async def test_a_provider_that_goes_on_hanging_does_not_slow_the_searches_of_others(
    tmp_path: Path,
) -> None:
    slow, quick = bpp("slow.example.org"), bpp("quick.example.org")
    slow.holds.clear()
    limits = {"passing_workers": 2}
    async with world(tmp_path, slow, quick, each_s=1.5, limits=limits) as w:
        for _ in range(4):
            assert (await w.send(w.search())).is_ack
        await w.settled()
        asked = len(slow.got)
        async with asyncio.timeout(25):  # at a second and a half for each two, it would be thirty
            for _ in range(40):
                assert (await w.send(w.search())).is_ack
            await w.settled()
        assert len(quick.got) == 44
        assert len(slow.got) == asked
        slow.holds.set()
        w.clock.at += 2
        for _ in range(2):
            assert (await w.send(w.search())).is_ack
            await w.settled()
        assert len(slow.got) == asked + 2


async def test_a_search_that_is_not_the_consumers_is_refused_and_goes_nowhere(
    tmp_path: Path,
) -> None:
    one = bpp()
    stranger = peers.bap("stranger.example.org")
    async with world(tmp_path, one) as w:
        w.directory.held += stranger.records()
        said = await w.send(w.search(), sender=stranger)
        assert (said.status, said.code) == (401, "10001")
        said = await w.send(w.search(), sender=one.peer)
        assert said.status == 401
        await w.settled()
        assert one.got == []


async def test_an_answer_is_relayed_to_the_consumer_with_both_signatures(tmp_path: Path) -> None:
    one = bpp()
    async with world(tmp_path, one) as w:
        asked = w.search()
        assert (await w.send(asked)).is_ack
        await arrived(one)
        answer = strict_json.dumps(on_search(w, one, asked))
        said = await w.send(answer, sender=one.peer)  # type: ignore[arg-type]  # bytes
        assert said.is_ack, said.json
        path, headers, received = await arrived(w.consumer)
        assert (path, received) == ("/beckn/on_search", answer)
        sender = signing.parse_header(headers["Authorization"])
        assert sender.key_id == one.peer.key_id
        assert signing.parse_header(headers["X-Gateway-Authorization"])


async def test_an_answer_of_a_provider_that_was_not_asked_is_refused(tmp_path: Path) -> None:
    one, other = bpp("one.example.org"), bpp("other.example.org", cities=("std:99",))
    async with world(tmp_path, one, other) as w:
        asked = w.search()
        assert (await w.send(asked)).is_ack
        await arrived(one)
        said = await w.send(on_search(w, other, asked), sender=other.peer)
        assert said.status == 401
        assert "was not asked" in said.json["error"]["message"]
        await w.settled()
        assert w.consumer.got == []


async def test_a_provider_answers_one_search_a_bounded_number_of_times(tmp_path: Path) -> None:
    one = bpp()
    async with world(tmp_path, one, answers_per_provider_max=1) as w:
        asked = w.search()
        assert (await w.send(asked)).is_ack
        await arrived(one)
        first = on_search(w, one, asked)
        assert (await w.send(first, sender=one.peer)).is_ack
        second = on_search(w, one, asked)
        second["message"]["catalog"]["descriptor"]["name"] = "Coop again"
        assert (await w.send(second, sender=one.peer)).status == 429


async def test_a_search_for_a_city_that_is_not_ours_is_refused_with_the_code_for_it(
    tmp_path: Path,
) -> None:
    everywhere = bpp(cities=("*",))
    async with world(tmp_path, everywhere) as w:
        city = {"city": {"code": "std:080"}, "country": {"code": "IND"}}
        assert CITY != "std:080"
        said = await w.send(w.search(location=city))
        assert (said.status, said.code) == (400, "10002")
        assert said.json["error"]["paths"] == "/context/location/city/code"
        await w.settled()
        assert everywhere.got == []


async def test_who_searched_can_ask_how_it_ended_with_each_provider(tmp_path: Path) -> None:
    taxi, courier = bpp("taxi.example.org"), bpp("courier.example.org")
    object.__setattr__(courier.peer, "url", "http://127.0.0.1:1/beckn")  # nobody listens there
    async with world(tmp_path, taxi, courier) as w:
        document = w.search()
        assert (await w.send(document)).is_ack
        await w.settled()
        transaction_id = document["context"]["transaction_id"]
        body = strict_json.dumps(
            {"transaction_id": transaction_id, "node": w.node.receiver.subscriber_id}
        )
        signed = {"Authorization": w.consumer.peer.authorization(body)}
        told = (await peers.post(f"{w.url}/trace", body, signed)).json["hops"]
    (forwarded,) = [hop for hop in told if hop["event"] == "forwarded"]
    assert forwarded["to"] == {"taxi.example.org": "acked", "courier.example.org": "undelivered"}
    assert forwarded["of"] == 2


async def test_messages_are_counted_by_receiver_and_not_by_search(tmp_path: Path) -> None:
    one, two, gone = bpp("one.example.org"), bpp("two.example.org"), bpp("gone.example.org")
    object.__setattr__(gone.peer, "url", "http://127.0.0.1:1/beckn")  # nobody listens there
    async with world(tmp_path, one, two, gone) as w:
        assert (await w.send(w.search())).is_ack
        await w.settled()
        assert w.node.telemetry.count("sent", "search") == 2
        assert w.node.telemetry.count("given_up", "search") == 1


def test_every_network_s_shape_passes_without_any_setting() -> None:
    spoken = Dialects(
        GatewaySettings.model_fields["dialects"].get_default(call_default_factory=True)
    )
    flat = {"domain": "ONDC:LOG10", "core_version": "1.2.5", "city": CITY}
    assert spoken.of({"context": flat}).traits.name == "log10-1.2.5"
    ride = {"domain": "ONDC:TRV10", "version": "2.0.1", "location": {}}
    assert spoken.of({"context": ride}).traits.name == "trv10-2.0.1"
