"""A node as a process of its own: event loop, signals, the line that says it listens."""

from __future__ import annotations

import asyncio
import logging
import resource
import signal
import sys
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from protocol_specs.node import collector
from protocol_specs.node.telemetry.telemetry import JsonLines

if TYPE_CHECKING:
    from protocol_specs.node.server import Node


def run(node: Node) -> None:
    """Start `node`, serve until SIGTERM or SIGINT, stop it. Raises what ended it otherwise."""
    import uvloop

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # keys are in memory, and stay there
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_run(node))


async def _run(node: Node) -> None:
    logging.basicConfig(handlers=[JsonLines(node.telemetry)], force=True)
    told, replaced = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    if node.worker is not None:
        loop.add_signal_handler(signal.SIGHUP, replaced.set)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, signal.valid_signals())  # its parent's mask
        loop.add_reader(node.worker.parent, _orphaned, loop, node.worker.parent, told)
    try:
        await node.start()
        collector.calm()
        _announce(node)
        if node.worker is not None:
            node.worker.say_ready()
        await _first(told.wait(), node.ended(), replaced.wait())
        if replaced.is_set():
            await _first(told.wait(), node.ended(), node.drain())
    finally:
        await node.stop()


def _orphaned(loop: asyncio.AbstractEventLoop, pipe: int, told: asyncio.Event) -> None:
    """The parent is gone, by SIGKILL perhaps: whoever starts the node anew needs port and slots."""
    loop.remove_reader(pipe)
    told.set()


async def _first(*awaited: Coroutine[Any, Any, object]) -> None:
    """Wait for one of them, and raise what it raised."""
    tasks = {asyncio.create_task(each) for each in awaited}
    done, rest = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in rest:
        task.cancel()
    for task in done:
        task.result()


def _announce(node: Node) -> None:
    settings = node.settings
    sys.stdout.write(
        f"{settings.subscriber_id} ({node.receiver.type.value}) listens on "
        f"http://{settings.host}:{node.port}, known as {settings.url}\n"
    )
    sys.stdout.flush()
    if settings.network == "development":
        node.telemetry.log(
            "development_network",
            level="warning",
            says="plain http to loopback is allowed; never run a real network like this",
        )
