"""kill -9 of the provider at random moments with several confirms in flight, again and again."""

import asyncio
import random
import sys
from pathlib import Path

import pytest

from tests.support.provider_process import make_home, running
from tests.support.standing import settled, standing, verified
from tests.support.surroundings import Request, Surroundings, surroundings

SEED = 20_260_301
ROUNDS = 15
CONFIRMS_A_ROUND = 6


@pytest.mark.slow
@pytest.mark.processes
@pytest.mark.timeout(600)
async def test_each_confirm_stands_once_however_often_the_provider_is_killed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chance = random.Random(SEED)
    async with surroundings() as around:
        home = make_home(tmp_path / "home", around.registry)
        async with running(home) as node:
            wanted = range(ROUNDS * CONFIRMS_A_ROUND)
            quotes = await asyncio.gather(*(around.quoted(node.url) for _ in wanted))
        confirms = [around.confirm(quoted) for quoted in quotes]
        unacked: list[Request] = []
        among = []  # of each round's confirms: how many were sent, how many of them not ACKed
        for n in range(ROUNDS):
            unacked += confirms[n * CONFIRMS_A_ROUND : (n + 1) * CONFIRMS_A_ROUND]
            async with running(home) as node:
                sent, last = len(unacked), chance.randrange(2, len(unacked))
                assert await send(around, node.url, unacked[: last - 1]) == []
                took_s = await ack_s(around, node.url, unacked[last - 1])
                sending = asyncio.create_task(send(around, node.url, unacked[last:]))
                await asyncio.sleep(chance.uniform(0, took_s))  # however quick the machine is
                node.kill()
                unacked = await sending
                assert await node.ended() == -9
            among.append((sent, len(unacked)))
        async with running(home) as node:
            assert await send(around, node.url, unacked) == []
            for confirm in confirms:
                await around.answer(confirm)
            await settled(home, *confirms)
            assert await send(around, node.url, confirms) == [], "the same bytes, the same ACK"
    with capsys.disabled():
        sys.stdout.write(f"\nseed {SEED}: sent and not ACKed before each kill {among}\n")
    for confirm in confirms:
        found = standing(home, confirm)
        assert (found.received, found.orders) == (["handled"], ["ACTIVE"]), found
        assert (found.events, found.contributions) == (["confirmed"], [("set_aside", 6)]), found
        assert [amount for _, _, _, amount in found.transfers] == [6], found
        assert found.owed == [("on_confirm", "sent")], found
        assert len(set(around.heard[confirm.message_id])) == 1, "the copies of on_confirm differ"
    assert (found.all_events, found.all_entries) == (len(confirms), len(confirms))
    report = verified(home)
    assert (report.is_sound, report.balanced, report.waiting) == (True, True, 0), report
    assert sum(0 < left < sent for sent, left in among) >= ROUNDS / 3, "too few fell among ACKs"


async def ack_s(around: Surroundings, url: str, confirm: Request) -> float:
    """How long one takes to be ACKed."""
    began = asyncio.get_running_loop().time()
    assert await around.send(url, confirm)
    return asyncio.get_running_loop().time() - began


async def send(around: Surroundings, url: str, confirms: list[Request]) -> list[Request]:
    """Sends them at once; returns those not ACKed."""
    acked = await asyncio.gather(*(around.send(url, confirm) for confirm in confirms))
    return [confirm for confirm, is_acked in zip(confirms, acked, strict=True) if not is_acked]
