"""A search to a thousand providers, good and bad ones; and what the bad ones cost the others."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from gateway.reach import DOWN_AFTER_FAILURES, WINDOW_AT_FIRST
from protocol_specs.wire import strict_json
from tests.gateway.world import World, world
from tests.support import http_peers, peers
from tests.support.http_peers import Behaviour, Conversation, HttpPeer, serving

DEADLINE_S = 60
EACH = 10  # of every kind that is not simply good
EXPECTED: dict[str, tuple[Behaviour, str]] = {
    "chunked": (http_peers.chunked, "acked"),
    "half-closing": (http_peers.half_closing, "acked"),
    "forgetful": (http_peers.forgetful, "acked"),
    "refusing": (http_peers.refusing, "refused"),
    "silent": (http_peers.silent, "timed_out"),
    "resetting": (http_peers.resetting, "undelivered"),
    "oversize": (http_peers.oversize, "undelivered"),
    "troubled": (http_peers.troubled, "undelivered"),
    "nobody": (http_peers.quick, "undelivered"),
}


@asynccontextmanager
async def crowd(
    tmp_path: Path, members: dict[str, HttpPeer], **fanout: Any
) -> AsyncIterator[World]:
    """A gateway whose registry lists these; those named nobody-... do not listen."""
    there = [peer for name, peer in members.items() if not name.startswith("nobody")]
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(serving(*there))
        w = await stack.enter_async_context(world(tmp_path, **fanout))
        for name, peer in members.items():
            if peer.port == 0:
                peer.port = 1  # below what the system gives out: nobody is there
            provider = peers.bpp(f"{name}.example.org")
            object.__setattr__(provider, "url", peer.url)
            w.directory.held += provider.records()
        yield w


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not condition():  # noqa: ASYNC110  what the providers see raises no event here
            await asyncio.sleep(0.01)


def reported(w: World) -> dict[str, dict[str, Any]]:
    lines = w.gateway.report.shown(w.node.now())["hour"]["providers"]
    return {line["subscriber_id"]: line for line in lines}


async def test_a_thousand_providers_good_and_bad_are_each_asked_once_and_told_apart(
    tmp_path: Path,
) -> None:
    members = {
        f"{kind}-{n}": HttpPeer(behave)
        for kind, (behave, _) in EXPECTED.items()
        for n in range(EACH)
    }
    members |= {f"good-{n}": HttpPeer(http_peers.quick) for n in range(1000 - len(members))}
    good = [peer for name, peer in members.items() if name.startswith("good")]
    async with crowd(tmp_path, members, each_s=6, late_s=0.3) as w:  # the thousand are here too
        body = strict_json.dumps(w.search())
        assert (await w.send(body)).is_ack  # type: ignore[arg-type]  # bytes pass as they are
        await until(lambda: all(peer.bodies for peer in good))
        async with asyncio.timeout(DEADLINE_S):
            await w.settled()
        assert all(peer.bodies == [body] for peer in good)
        for name, line in reported(w).items():
            kind = name.partition("-")[0] if "half" not in name else "half-closing"
            outcome = EXPECTED[kind][1] if kind in EXPECTED else "acked"
            assert line[outcome] == line["offered"] == 1, (name, line)
        again = strict_json.dumps(w.search())
        assert (await w.send(again)).is_ack  # type: ignore[arg-type]
        await until(lambda: all(len(peer.bodies) == 2 for peer in good))
        async with asyncio.timeout(DEADLINE_S):
            await w.settled()
        closers = [members[f"{kind}-{n}"] for kind in ("forgetful", "half-closing") for n in (0, 9)]
        assert [peer.bodies for peer in closers] == [[body, again]] * len(closers)
        assert all(peer.connections == 1 for peer in good), "connections are kept"
        assert w.gateway.pool.connections <= len(members)


async def test_providers_that_hang_cost_the_others_a_part_of_a_second_each_and_no_more(
    tmp_path: Path,
) -> None:
    """Forty hang, eight may be asked at once, each for 3 s: it would be fifteen seconds."""
    members = {f"silent-{n}": HttpPeer(http_peers.silent) for n in range(40)}
    good = [HttpPeer(http_peers.quick) for _ in range(40)]
    members |= {f"good-{n}": peer for n, peer in enumerate(good)}
    async with crowd(tmp_path, members, in_parallel=8, late_s=0.1, each_s=3) as w:
        assert (await w.send(w.search())).is_ack
        async with asyncio.timeout(12):
            await until(lambda: all(peer.bodies for peer in good))
        assert {line["acked"] for line in reported(w).values()} == {1}


async def test_one_that_hangs_is_sent_a_few_searches_and_then_probes_while_others_get_all(
    tmp_path: Path,
) -> None:
    silent, good = HttpPeer(http_peers.silent), HttpPeer(http_peers.quick)
    async with crowd(
        tmp_path, {"silent": silent, "good": good}, late_s=0.1, each_s=0.3, in_flight_max=4
    ) as w:
        for _ in range(60):
            assert (await w.send(w.search())).is_ack
        await w.settled()
        assert len(good.bodies) == 60
        line = reported(w)["silent.example.org"]
        assert line["timed_out"] <= WINDOW_AT_FIRST
        assert line["timed_out"] + line["skipped"] == 60
        assert silent.connections <= WINDOW_AT_FIRST
        assert w.gateway.sending.reach("silent.example.org").is_down


async def test_one_that_hung_is_found_healthy_by_itself(tmp_path: Path) -> None:
    hangs = True

    async def mends(talk: Conversation) -> None:
        await (http_peers.silent if hangs else http_peers.quick)(talk)

    peer = HttpPeer(mends)
    async with crowd(tmp_path, {"mends": peer}, late_s=0.1, each_s=0.2) as w:
        for _ in range(DOWN_AFTER_FAILURES):
            assert (await w.send(w.search())).is_ack
            await w.settled()
        assert (await w.send(w.search())).is_ack
        await w.settled()
        assert reported(w)["mends.example.org"]["skipped"] == 1
        hangs = False
        w.clock.at += 2
        for asked in (1, 2, 3):
            assert (await w.send(w.search())).is_ack
            await w.settled()
            assert len(peer.bodies) == asked


async def test_of_too_many_that_are_late_the_oldest_is_given_up(tmp_path: Path) -> None:
    members = {f"silent-{n}": HttpPeer(http_peers.silent) for n in range(12)}
    async with crowd(tmp_path, members, late_s=0.1, each_s=3, late_max=5) as w:
        assert (await w.send(w.search())).is_ack
        await until(lambda: sum(line["timed_out"] for line in reported(w).values()) == 7)
        assert w.gateway.pool.in_flight == 5


async def test_nothing_is_waited_for_beyond_the_ttl_of_the_search(tmp_path: Path) -> None:
    async with crowd(tmp_path, {"silent": HttpPeer(http_peers.silent)}, each_s=30) as w:
        loop = asyncio.get_running_loop()
        began = loop.time()
        assert (await w.send(w.search(ttl="PT1S"))).is_ack
        await w.settled()
        assert loop.time() - began < 8
        assert reported(w)["silent.example.org"]["timed_out"] == 1


async def test_no_provider_is_always_first(tmp_path: Path) -> None:
    members = {name: HttpPeer(http_peers.quick) for name in ("a", "b", "c", "d")}
    async with crowd(tmp_path, members) as w:
        for _ in range(40):
            await w.send(w.search())
            await w.settled()
        lines = reported(w)
        places = {name: line["mean_place"] for name, line in lines.items()}
        assert all(0.2 < place < 0.8 for place in places.values()), places


async def test_a_market_larger_than_one_search_may_reach_is_drawn_from_at_random(
    tmp_path: Path,
) -> None:
    members = {f"p{n}": HttpPeer(http_peers.quick) for n in range(8)}
    async with crowd(tmp_path, members, providers_max=4) as w:
        for _ in range(30):
            await w.send(w.search())
            await w.settled()
        asked = [len(peer.bodies) for peer in members.values()]
        assert sum(asked) == 120
        assert all(asked), "nobody is left out for ever"
