"""One node: its settings, store, keys, door and loops, put together and taken apart again."""

from __future__ import annotations

import asyncio
import inspect
import socket
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, cast

from aiohttp import web

from protocol_specs.node import process, security_txt
from protocol_specs.node.door.addresses import address_of
from protocol_specs.node.door.door import JSON, Answer, Door
from protocol_specs.node.door.doorway import DoorRoute, Receive, Shed, never_shed
from protocol_specs.node.door.room import Room
from protocol_specs.node.door.shell import Shell, expected_already
from protocol_specs.node.loops import Next, in_transactions, pause, run_loop
from protocol_specs.node.messages import tables
from protocol_specs.node.messages.actions import Durable, Passing
from protocol_specs.node.messages.arrivals import Arrivals
from protocol_specs.node.messages.handing import Handing
from protocol_specs.node.messages.hands import Hands
from protocol_specs.node.messages.inbox import Inbox
from protocol_specs.node.messages.outbox import Outbox
from protocol_specs.node.messages.passing import PassingQueue
from protocol_specs.node.messages.pruning import prune_next
from protocol_specs.node.nats.wiring import Buses
from protocol_specs.node.ops.health import Health
from protocol_specs.node.ops.ops import Ops
from protocol_specs.node.ops.recording import recording_of
from protocol_specs.node.ops.tracing import Tracing
from protocol_specs.node.settings import SettingsError
from protocol_specs.node.startup import (
    base_path,
    bind,
    check_settings,
)
from protocol_specs.node.store import Session, Store, StoreUnavailable
from protocol_specs.node.telemetry.telemetry import Telemetry
from protocol_specs.node.trust.keyring import Directory
from protocol_specs.node.trust.membership import Membership
from protocol_specs.node.workers.handover import Handover
from protocol_specs.node.workers.siblings import Siblings
from protocol_specs.node.workers.summing import Summing
from protocol_specs.node.workers.workers import DRAIN_S, WHOLE, inherited
from protocol_specs.wire.claims import Headers
from protocol_specs.wire.errors import Refused
from protocol_specs.wire.parties import Receiver, SubscriberType
from protocol_specs.wire.signing import KeyId
from protocol_specs.wire.version import Dialects

if TYPE_CHECKING:
    import sqlalchemy

    from protocol_specs.node.settings import NodeSettings

DRAIN_LOOK_S = 0.05
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Unit = Callable[[Session, int], bool] | Callable[[int], Awaitable[bool]]


class Node:
    """The composition of one node. Add actions, routes, loops and checks; then `run` it.

    `clock` gives seconds UTC and is the only clock that decides anything. `directory` answers
    look-ups where there is no registry to ask (the registry itself). Raises SettingsError or
    StoreUnusable when the node must not start.
    """

    def __init__(
        self,
        settings: NodeSettings,
        *,
        type: SubscriberType,
        metadata: sqlalchemy.MetaData,
        triggers: Sequence[str] = (),
        clock: Callable[[], float] = time.time,
        directory: Directory | None = None,
    ) -> None:
        check_settings(settings)
        self.settings, self._clock = settings, clock
        self.port = settings.port
        self.leaving, self.stopping = asyncio.Event(), asyncio.Event()  # streams end at the first
        self.telemetry = Telemetry(settings.subscriber_id, level=settings.log_level, clock=clock)
        self.telemetry.traces.open(settings.otel, node=settings.subscriber_id)
        domains = frozenset(settings.domains)
        self.receiver = Receiver(settings.subscriber_id, type, settings.url, domains)
        self.membership = Membership(
            settings, self.receiver, clock=clock, telemetry=self.telemetry, directory=directory
        )
        self.client, self.keyring = self.membership.client, self.membership.keyring
        self.dialects = Dialects(settings.dialects)
        self._open_store(metadata, triggers)
        self.inbox = Inbox(self.store, self.telemetry, self.dialects)
        self.outbox = Outbox(self.store, self.client, self.telemetry, now=self.now)
        self.telemetry.watch_age("outbox", lambda: self.outbox.oldest_age_s(self.now()))
        self.passing = PassingQueue(self.client, self.telemetry, now=self.now)
        self.arrivals = Arrivals(
            waiting_max=settings.limits.passing_max, memory_max=settings.limits.passing_memory
        )
        self.hands = Hands(
            self.arrivals, self.telemetry, most=settings.limits.passing_workers, clock=clock
        )
        self.door = Door(
            receiver=self.receiver,
            dialects=self.dialects,
            keyring=self.keyring,
            store=self.store,
            inbox=self.inbox,
            arrivals=self.arrivals,
            room=Room(
                settings.limits.inbox_max, lambda: self.inbox.tried, self.outbox.owes_much_to
            ),
            telemetry=self.telemetry,
            limits=settings.limits,
            clock=clock,
        )
        self._among_siblings()
        self.health = Health(
            membership=self.membership,
            door=self.door,
            inbox=self.inbox,
            store=self.store,
            telemetry=self.telemetry,
            limits=settings.limits,
            data_dir=settings.data_dir,
            clock=clock,
        )
        self.ops = Ops(settings, health=self.health, telemetry=self.telemetry)
        self.app = web.Application(client_max_size=settings.limits.body_bytes_ceiling)
        self._shell = Shell(self.app, limits=settings.limits, telemetry=self.telemetry)
        self._loops: list[tuple[str, Next, asyncio.Event]] = []
        self._loop_tasks: list[asyncio.Task[None]] = []
        self._loops_stopping = asyncio.Event()
        self._group: asyncio.Task[None] | None = None
        self._at_end: list[Callable[[], Awaitable[None]]] = []
        self._serve_own_routes()
        self.recording = recording_of(settings, self.telemetry)
        self._add_own_loops()

    @property
    def key_id(self) -> KeyId:
        """The key that this node signs with now."""
        return self.client.key_id

    def now(self) -> int:
        """The clock, whole seconds UTC."""
        return int(self._clock())

    def now_ms(self) -> int:
        """The clock, milliseconds UTC."""
        return int(self._clock() * 1000)

    def address_of(self, request: web.BaseRequest) -> str:
        """Where a request comes from, to be counted by; behind a proxy of `limits.proxies`, what
        that says."""
        return self._address(request.remote or "", request.headers)

    def serve_action(self, action: Durable | Passing) -> None:
        """Serve POST /<action>, also under the path of our own public url."""
        name = action.action
        self.door.serve(action)
        receive, shed = partial(self.door.receive, name), partial(self.door.shed, name)
        hands = self.hands if isinstance(action, Passing) else None
        self._serve_at(name, receive, shed, hands)

    def serve_route(self, method: str, path: str, handler: Handler) -> None:
        """Serve a plain aiohttp handler: our own APIs and pages, not Beckn messages."""
        self.app.router.add_route(method, path, handler, expect_handler=expected_already)

    def add_loop(
        self, name: str, next: Unit, *, wake: asyncio.Event, everywhere: bool = False
    ) -> None:
        """Turn `next` while it says it did something; then wait for `wake` or a second.

        A plain `next(session, now)` runs in one commit; an async `next(now)` on its own.
        `everywhere`: in each process of the node, for what tends that process's own memory or
        conversations; all others go on in the first one only.
        """
        if everywhere or self.share.is_first:
            self._loops.append((name, self._step(next), wake))

    def add_ready_check(self, name: str, check: Callable[[], str | None]) -> None:
        """`check()` says what is wrong, or None; anything wrong makes /ready answer 503."""
        self.health.checks[name] = check

    def add_end(self, end: Callable[[], Awaitable[None]]) -> None:
        """Await `end()` when all else is closed, the store too: for what needs it no more and may
        take its time, while the worker that comes after this one serves already."""
        self._at_end.append(end)

    async def start(self, *, sock: socket.socket | None = None) -> None:
        """Listen and work. `sock` may be a socket that is bound already, else host and port are.

        Raises SettingsError naming the setting when the port cannot be had.
        """
        ops_sock = None
        if self.worker is not None:
            sock, ops_sock = self.worker.sockets()
        sock = sock or bind(self.settings)
        self.port = sock.getsockname()[1]
        await self.ops.start(ops_sock)
        if self.share.of > 1:
            self.handover.read()
            await self.siblings.start()
        await self.membership.open()
        started = asyncio.Event()
        self._group = asyncio.create_task(self._work(started))
        await started.wait()
        await self._shell.start(sock)

    async def drain(self) -> None:
        """Let go of the peers without refusing one: no new connection, and each is told with its
        next answer that it was the last. For a worker whose successor waits."""
        self._shell.drain()
        self.leaving.set()
        deadline = asyncio.get_running_loop().time() + DRAIN_S
        while self._shell.connection_count and asyncio.get_running_loop().time() < deadline:
            await pause(self.stopping, DRAIN_LOOK_S)

    async def stop(self) -> None:
        """Refuse new work, finish what runs, close; within `limits.stop_deadline_s`.

        What is owed and unsent stays in the store and is sent after the next start.
        """
        self.stopping.set()
        self.leaving.set()
        self._shell.refuse_new()
        try:
            async with asyncio.timeout(self.settings.limits.stop_deadline_s):
                await self.siblings.leave()
                await self.arrivals.drained()
                await self._shell.stop()
                await self.arrivals.drained()  # what the last requests brought
                await self._end_loops()
                await self.ops.stop()
        except TimeoutError:
            self.telemetry.log("stopped_late", level="warning")
        if self._group is not None:
            self._group.cancel()
            await asyncio.gather(self._group, return_exceptions=True)
        await self.hands.stop()
        await self.membership.close()
        await self.buses.close()
        if self.recording is not None:
            self.recording.flush()
        if self.share.of > 1:
            try:
                self.handover.write()
            except OSError as error:  # a full disk: the next one begins with nothing
                self.telemetry.fault("handover", error)
        self.store.close()  # from here on the next one may have the slot
        await self.siblings.stop()
        for end in self._at_end:
            await end()
        await asyncio.to_thread(self.telemetry.traces.close)

    def run(self) -> None:
        """Serve until SIGTERM or SIGINT, on uvloop; one line on standard output when listening."""
        process.run(self)

    async def ended(self) -> None:
        """Returns only if the loops end before `stop`; raises what ended them."""
        if self._group is None:
            raise RuntimeError("the node was not started")
        await asyncio.shield(self._group)

    async def _work(self, started: asyncio.Event) -> None:
        """Everything that goes on beside the requests, in one group that fails together."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._shell.watch())
            group.create_task(self.ops.watch())
            self._loop_tasks = [
                group.create_task(self._loop(name, step, wake)) for name, step, wake in self._loops
            ]
            for sender in (self.outbox, self.passing):
                self._loop_tasks.append(group.create_task(sender.run(self._loops_stopping)))
            started.set()

    async def _loop(self, name: str, step: Next, wake: asyncio.Event) -> None:
        await run_loop(
            name,
            step,
            wake=wake,
            stopping=self._loops_stopping,
            now=self.now,
            telemetry=self.telemetry,
        )

    async def _end_loops(self) -> None:
        self._loops_stopping.set()
        for wake in (
            self.outbox.wake,
            self.passing.wake,
            *(wake for _, _, wake in self._loops),
        ):
            wake.set()
        if self._loop_tasks:
            await asyncio.wait(self._loop_tasks)

    def _step(self, next: Unit) -> Next:
        """Either form of a loop's unit as the async one; they differ in their parameters."""
        if len(inspect.signature(next).parameters) == 1:
            return cast(Next, next)
        return in_transactions(self.store, cast(Callable[[Session, int], bool], next))

    def _serve_call(self, name: str, receive: Receive) -> None:
        """POST /<name> for a signed call that is no action; `receive` is given the address that
        calls are counted by, and may raise Refused."""

        async def answer(headers: Headers, body: bytes, socket_address: str) -> Answer:
            try:
                return await receive(headers, body, self._address(socket_address, headers))
            except Refused as refused:
                return self.door.refuse(refused, name)
            except StoreUnavailable as fault:
                return self.door.unavailable(fault, name)

        self._serve_at(name, answer)

    def _serve_at(
        self, name: str, receive: Receive, shed: Shed = never_shed, hands: Hands | None = None
    ) -> None:
        """POST /<name>, at the root and under our public url."""

        def refuse(refused: Refused) -> Answer:
            return self.door.refuse(refused, name)

        bytes_max = self.settings.limits.body_bytes_max_of(name)
        route = DoorRoute(bytes_max, receive, refuse, shed, hands)
        for base in {"", base_path(self.settings.url)}:
            self._shell.door_routes[f"{base}/{name}"] = route

    def _address(self, socket_address: str, headers: Headers) -> str:
        return address_of(socket_address, headers, self.settings.limits.proxies)

    def _open_store(self, metadata: sqlalchemy.MetaData, triggers: Sequence[str]) -> None:
        """As the one process of this node, or as the worker of a slot: waits until that is free."""
        tables.define(metadata)
        settings, self.worker = self.settings, inherited()
        self.share = WHOLE if self.worker is None else self.worker.share
        if settings.workers_of != self.share.of:
            do = f"this node runs with {self.share.of} in all; stop it and start it anew"
            if self.worker is None:
                do = "start this node with wayfare serve"
            raise SettingsError(f"key 'workers': {do}")
        self.buses = Buses(settings, self.share, self.telemetry)
        if self.worker is not None:
            self.worker.say_waiting()
        self.store = Store.open(settings.store_at, metadata, triggers=triggers, share=self.share)

    def _among_siblings(self) -> None:
        """What the workers of a node ask and leave each other."""
        share, folder = self.share, self.settings.data_dir / "workers"
        self.siblings = Siblings(share, folder, fault=self.telemetry.fault)
        self.buses.siblings_of(self.siblings, clock=self._clock)
        self.handover = Handover(folder / f"{share.slot}.held")
        self.handover.add("arrivals", lambda: self.arrivals.known(self.now()), self.arrivals.know)
        handing = Handing(
            share=share,
            siblings=self.siblings,
            arrivals=self.arrivals,
            actions=self.door.actions,
            dialects=self.dialects,
            now=self.now,
        )
        self.door.receive_passing = handing.receive

    def _add_own_loops(self) -> None:
        """What goes on in every node beside the requests."""
        self.add_loop("inbox", self.inbox.handle_next, wake=self.inbox.wake, everywhere=True)
        self.add_loop("pulse", self.health.pulse_next, wake=asyncio.Event(), everywhere=True)
        if self.share.of > 1:
            self.health.summing = Summing(self.settings.data_dir / "workers", self.share.slot)
            self.add_loop(
                "metrics", self.health.keep_metrics_next, wake=asyncio.Event(), everywhere=True
            )
            hints = self.store.hear_others(self.buses.hints())
            self.add_loop("hearing", hints.next, wake=hints.wake, everywhere=True)
            self.telemetry.shown.watch(
                "wayfare_hints_unread", "Words that nobody could read", lambda: hints.ears.unread
            )
        self.add_loop("pruning", prune_next, wake=asyncio.Event())
        if self.recording is not None:
            self.door.watch = self.client.watch = self.recording.note
            self.add_loop("recording", self.recording.write_next, wake=self.recording.wake)
        for name, (next, wake) in self.membership.loops().items():
            self.add_loop(name, next, wake=wake, everywhere=name != "rotation")
        feed = self.buses.feed_of(self.membership, clock=self._clock)
        if feed is not None:
            self.add_loop("feed", feed.next, wake=feed.wake, everywhere=True)

    def _serve_own_routes(self) -> None:
        self.telemetry.shown.watch(
            "wayfare_connections", "Open at the public port", lambda: self._shell.connection_count
        )
        self.health.checks["stopping"] = lambda: (
            "this node is stopping" if self.stopping.is_set() else None
        )
        self.health.add_routes(self.app)
        contact = self.settings.security_contact
        if contact is not None:
            handler = security_txt.handler(contact, url=self.settings.url, now=self.now)
            self.serve_route("GET", security_txt.PATH, handler)
        self.tracing = Tracing(
            receiver=self.receiver,
            hops=self.telemetry.hops,
            keyring=self.keyring,
            store=self.store,
            client=self.client,
            siblings=self.siblings,
        )

        async def trace(headers: Headers, body: bytes, address: str) -> Answer:
            return await self.tracing.answer(headers, body, address=address, now=self.now())

        self._serve_call("trace", trace)
        challenged = self.membership.on_subscribe
        if challenged is None:
            return

        async def on_subscribe(headers: Headers, body: bytes, address: str) -> Answer:
            answer = challenged.answer(headers, body, self.now())
            self.telemetry.log("challenge_answered", peer=self.settings.subscriber_id)
            return Answer(200, JSON, answer)

        self._serve_call("on_subscribe", on_subscribe)
