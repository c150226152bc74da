"""Ten times what a provider can do: what it still finishes, how long an ACK takes, and after."""

import asyncio
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from benchmarks.confirm import Consumer, cooperative, init_order
from benchmarks.lean import Pool
from benchmarks.percentiles import percentiles_ms
from benchmarks.processes import Process

CONNECTIONS = 256
AT_ONCE = 64  # drafts in the air while the peak is measured
TIMES = 11  # the load, in what is finished meanwhile: ten, though what is counted lags a little
LOOK_S = 0.05
DEADLINE_S = 300  # on a busy machine a node has a tenth of a processor


async def measure(*, peak: int, cpu_s: float) -> dict[str, Any]:
    """Drafts of orders: first as many as it finishes, then TIMES as many, then again as before.

    Work is counted per second of the node's own processor time, so that what else the machine
    does does not decide; `cpu_s` is how much of it the overload lasts.
    """
    async with cooperative() as (consumer, process):
        await finished(consumer, process, peak // 4)  # warms caches up
        best = await finished(consumer, process, peak)
        in_flood, flood = await flooded(consumer, process, cpu_s)
        resident_mb = process.resident_mb()
        begun = time.monotonic()
        await taken_again(consumer)
        back_s = time.monotonic() - begun
        again = await finished(consumer, process, peak)
    return {
        "peak_per_cpu_s": round(best),
        "flooded_per_cpu_s": round(in_flood),
        "afterwards_per_cpu_s": round(again),
        "share_of_peak": round(in_flood / ((best + again) / 2), 3),
        "times_the_load": round(flood.asked / max(1, flood.finished), 1),
        "statuses": {str(status): n for status, n in flood.statuses.items()},
        "ack_ms": percentiles_ms(flood.acked_s),
        "share_of_a_core": round(flood.share_of_a_core, 2),
        "back_to_normal_s": round(back_s, 2),
        "resident_mb": round(resident_mb, 1),
    }


def draft(consumer: Consumer) -> bytes:
    """An init: durable, and answered by an on_init."""
    return consumer.document("init", {"order": init_order("ride-cab")}, str(uuid.uuid4()))


async def finished(consumer: Consumer, process: Process, drafts: int) -> float:
    """So many, AT_ONCE in the air, from POST to callback; how many in a second of its time."""
    bodies = iter([draft(consumer) for _ in range(drafts)])
    before = process.cpu_s()

    async def one_after_the_other() -> None:
        for body in bodies:
            await consumer.ask("init", body, consumer.bap.sign(body))

    await asyncio.gather(*(one_after_the_other() for _ in range(AT_ONCE)))
    return drafts / (process.cpu_s() - before)


async def taken_again(consumer: Consumer) -> None:
    """Returns when one that comes again, as it was told, was taken and answered."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            body = draft(consumer)
            try:
                await consumer.ask("init", body, consumer.bap.sign(body))
            except RuntimeError:  # refused: come again
                await asyncio.sleep(LOOK_S)
            else:
                return


@dataclass
class Flood:
    """What was asked and answered while the node had too much to do."""

    finished: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    acked_s: list[float] = field(default_factory=list)
    share_of_a_core: float = 0.0  # that the node had meanwhile

    @property
    def asked(self) -> int:
        return self.statuses.total()


async def flooded(consumer: Consumer, process: Process, cpu_s: float) -> tuple[float, Flood]:
    """TIMES as many drafts as are finished, from the first refusal on; how many are in a second
    of its time, and what else was seen."""
    pool = Pool("127.0.0.1", process.port)
    await pool.open(CONNECTIONS)
    flood, heard_before, is_over = Flood(), 0, asyncio.Event()

    async def send() -> None:
        body = draft(consumer)
        headers = consumer.bap.sign(body)
        while not is_over.is_set():
            enough = TIMES * (consumer.heard - heard_before) + CONNECTIONS
            if flood.asked >= enough and flood.statuses[503]:
                await asyncio.sleep(LOOK_S)
                continue
            started = time.monotonic()
            status, _ = await pool.post("/init", headers, body)
            flood.statuses[status] += 1
            if status == 200:
                flood.acked_s.append(time.monotonic() - started)
                body = draft(
                    consumer
                )  # what is refused comes again as it is: asking is to be cheap
                headers = consumer.bap.sign(body)

    async with asyncio.timeout(DEADLINE_S), asyncio.TaskGroup() as senders:
        for _ in range(CONNECTIONS):
            senders.create_task(send())
        while not flood.statuses[503]:  # noqa: ASYNC110  # the senders are not to be slowed
            await asyncio.sleep(LOOK_S)
        flood.statuses.clear()
        flood.acked_s.clear()
        begun, before, heard_before = time.monotonic(), process.cpu_s(), consumer.heard
        while process.cpu_s() < before + cpu_s:  # noqa: ASYNC110  # nobody tells of it
            await asyncio.sleep(LOOK_S)
        flood.finished, used = consumer.heard - heard_before, process.cpu_s() - before
        flood.share_of_a_core = used / (time.monotonic() - begun)
        is_over.set()
    pool.close()
    return flood.finished / used, flood
