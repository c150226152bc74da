"""The simulated network: byte streams between lives, with what befalls them on their way.

It stands below asyncio's transports: the nodes' own HTTP, deadlines and connection pools run over
it unchanged. Within a stream bytes keep their order, as TCP keeps it; messages are reordered,
repeated and lost because connections are delayed, cut and made again.
"""

from __future__ import annotations

import asyncio
import contextvars
import random
import socket
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from examples.simulator.loop import LIFE, Life, SimLoop, living

AGAIN_S = 1.0  # a SYN that got no answer is sent again
END, RESET = object(), object()  # what a stream sends beside bytes


@dataclass(slots=True)
class Weather:
    """How likely each fault is for one chunk of bytes between two nodes, and how long they take."""

    delay_s: tuple[float, float] = (0.002, 0.02)
    slow: float = 0.0
    slow_s: tuple[float, float] = (1.0, 15.0)
    cut_request: float = 0.0  # the connection is reset before the request arrives
    cut_answer: float = 0.0  # it is reset when the request was taken, before the answer arrives
    repeat: float = 0.0  # the request arrives once more, on a connection of its own
    repeat_s: tuple[float, float] = (0.0, 30.0)


@dataclass(slots=True)
class Listener:
    """Who listens at a port."""

    life: Life
    context: contextvars.Context
    factory: Callable[[], asyncio.Protocol]
    sock: Any


class Wires(SimLoop):
    """The loop with its network. `names` tells which node a port belongs to, also while it is
    down; everybody else is a person with a browser, whose line is only slow."""

    def __init__(self, dice: random.Random) -> None:
        super().__init__()
        self._dice = dice
        self.weather = Weather()
        self.names: dict[int, str] = {}
        self.cut: set[tuple[str, str]] = set()  # (from, to): nothing passes
        self._listeners: dict[int, Listener] = {}
        self._streams: dict[Stream, None] = {}
        self._dialled: dict[socket.socket, tuple[str, int]] = {}
        self.tap: Callable[[str, str, bytes, bytes], None] | None = None
        self.counts = dict.fromkeys(("connections", "cut", "repeated", "slow"), 0)

    # What asyncio asks of a loop.

    async def create_server(
        self, protocol_factory: Callable[[], asyncio.Protocol], *, sock: Any, **_: Any
    ) -> Server:
        """Listen where `sock` is bound."""
        port = sock.getsockname()[1]
        self._listeners[port] = Listener(LIFE.get(), living(LIFE.get()), protocol_factory, sock)
        return Server(self, port, sock)

    async def sock_connect(self, sock: Any, address: Any) -> None:
        """The handshake of a connection that `create_connection(sock=...)` then takes."""
        await self._reach(address[1])
        self._dialled[sock] = (address[0], address[1])

    async def create_connection(
        self,
        protocol_factory: Callable[[], asyncio.Protocol],
        host: str | None = None,
        port: int | None = None,
        *,
        sock: Any = None,
        **options: Any,
    ) -> tuple[Stream, asyncio.Protocol]:
        """A stream to who listens at the port. Raises ConnectionRefusedError."""
        if sock is not None:
            port = self._dialled.pop(sock)[1]
            sock.close()
        else:
            await self._reach(port or 0)
        listener = self._listeners.get(port or 0)
        if listener is None:
            raise ConnectionRefusedError(111, "nobody listens there")
        self.counts["connections"] += 1
        protocol = protocol_factory()
        here = Stream(self, LIFE.get(), living(LIFE.get()), port or 0)
        there = Stream(self, listener.life, listener.context.copy(), port or 0)
        here.peer, there.peer, here.is_client = there, here, True
        here.protocol = protocol
        here.peername, there.peername = ("127.0.0.1", port), (LIFE.get().address, 40_000)
        self._streams[here] = self._streams[there] = None
        there.context.run(there.begin, listener.factory)
        protocol.connection_made(here)
        return here, protocol

    async def _reach(self, port: int) -> None:
        one, other = LIFE.get().name, self.names.get(port, "nobody")
        await asyncio.sleep(self.delay_s(one, other))
        while (one, other) in self.cut or (other, one) in self.cut:  # noqa: ASYNC110  TCP does so
            await asyncio.sleep(AGAIN_S)
        if port not in self._listeners:
            raise ConnectionRefusedError(111, "nobody listens there")

    # What befalls it.

    def delay_s(self, one: str, other: str) -> float:
        """How long the next bytes from one to the other take."""
        delay_s = self._dice.uniform(*self.weather.delay_s)
        slow = self.weather.slow if self.is_between_nodes(one, other) else 0
        if slow and self._dice.random() < slow:
            self.counts["slow"] += 1
            delay_s += self._dice.uniform(*self.weather.slow_s)
        return delay_s

    def is_between_nodes(self, one: str, other: str) -> bool:
        """People's lines have no faults: what they ask for anew is another wish."""
        nodes = self.names.values()
        return one in nodes and other in nodes

    def is_cut(self, stream: Stream) -> bool:
        """Whether what the stream sends is stopped by a partition."""
        return bool(self.cut) and (stream.life.name, stream.peer.life.name) in self.cut

    def befalls(self, stream: Stream, data: bytes) -> bool:
        """Throws the dice for a chunk; True when its connection was cut instead."""
        weather, one, other = self.weather, stream.life.name, stream.peer.life.name
        if not self.is_between_nodes(one, other):
            return False
        if not stream.is_client and stream.peer.asked:
            asked, stream.peer.asked = bytes(stream.peer.asked), bytearray()
            self._answered(stream, asked, data)
        likely = weather.cut_request if stream.is_client else weather.cut_answer
        if not likely or self._dice.random() >= likely:
            return False
        self.counts["cut"] += 1
        stream.cut()
        return True

    def _answered(self, stream: Stream, asked: bytes, answer: bytes) -> None:
        """A whole request, and the answer that begins. It may be that somebody sends it again."""
        if self.tap is not None:
            self.tap(stream.peer.life.name, stream.life.name, asked, answer)
        likely = self.weather.repeat
        if likely and asked.startswith(b"POST ") and self._dice.random() < likely:
            self.counts["repeated"] += 1
            at = self.now + self._dice.uniform(*self.weather.repeat_s)
            self.call_at(at, self._repeat, asked, stream.port, context=_NOBODY)

    def _repeat(self, asked: bytes, port: int) -> None:
        self.create_task(self._send_again(asked, port))

    async def _send_again(self, asked: bytes, port: int) -> None:
        """The same bytes once more, from somebody in between who does not hear the answer."""
        try:
            stream, _ = await self.create_connection(asyncio.Protocol, port=port)
        except ConnectionRefusedError:
            return
        stream.write(asked)
        await asyncio.sleep(60)
        stream.close()

    def partition(self, one: str, other: str, *, both_ways: bool) -> None:
        """From now on nothing passes from one to the other."""
        self.cut.add((one, other))
        if both_ways:
            self.cut.add((other, one))

    def heal(self) -> None:
        """Everything passes again; what was held back arrives."""
        self.cut.clear()
        for stream in list(self._streams):
            stream.release()

    def hang_up(self, life: Life) -> None:
        """The connections and ports of a life that is over: the system closes them."""
        for port in [port for port, one in self._listeners.items() if one.life is life]:
            self._listeners.pop(port).sock.close()
        for stream in [s for s in self._streams if s.life is life]:
            stream.cut()

    def forget(self, stream: Stream) -> None:
        """It has ended."""
        self._streams.pop(stream, None)

    def close_port(self, port: int, life: Life) -> None:
        """Nobody is let in any more."""
        found = self._listeners.get(port)
        if found is not None and found.life is life:
            del self._listeners[port]


_NOBODY = living(Life("nobody"))


class Server:
    """What `create_server` gives."""

    def __init__(self, wires: Wires, port: int, sock: Any) -> None:
        self._wires, self._port, self._sock, self._life = wires, port, sock, LIFE.get()

    def close(self) -> None:
        """Let nobody in any more."""
        self._wires.close_port(self._port, self._life)
        self._sock.close()

    async def wait_closed(self) -> None:
        """Connections live on until they end."""


@dataclass(eq=False)
class Stream(asyncio.Transport):
    """One end of a connection."""

    wires: Wires
    life: Life
    context: contextvars.Context
    port: int
    is_client: bool = False
    peer: Stream = field(init=False)
    protocol: asyncio.BaseProtocol = field(init=False)
    peername: tuple[str, int | None] = ("", 0)
    asked: bytearray = field(default_factory=bytearray)  # of a client: since the last answer
    _last_at: float = 0.0
    _held: deque[object] = field(default_factory=deque)  # by a partition
    _unread: deque[object] = field(default_factory=deque)
    _is_closing: bool = False
    _is_lost: bool = False
    _is_paused: bool = False

    def begin(self, factory: Callable[[], asyncio.Protocol]) -> None:
        """The listening end, in its own life."""
        self.protocol = factory()
        self.protocol.connection_made(self)

    def write(self, data: Any) -> None:
        """Bytes on their way."""
        if self._is_closing or not data:
            return
        data = bytes(data)
        if self.is_client:
            self.asked += data
        if not self.wires.befalls(self, data):
            self._send(data)

    def writelines(self, list_of_data: Any) -> None:
        """The same for several pieces."""
        self.write(b"".join(list_of_data))

    def _send(self, data: object) -> None:
        if self._held or self.wires.is_cut(self):
            self._held.append(data)
            return
        delay_s = self.wires.delay_s(self.life.name, self.peer.life.name)
        self._last_at = max(self._last_at, self.wires.now + delay_s)
        self.wires.call_at(self._last_at, self.peer.receive, data, context=self.peer.context)

    def release(self) -> None:
        """After a partition: what was held back goes on its way."""
        held, self._held = self._held, deque()
        for data in held:
            self._send(data)
        if self._is_lost:
            self.wires.forget(self)

    def receive(self, data: object) -> None:
        """What has come: bytes, END when the other end has closed, RESET when it is gone."""
        protocol: Any = self.protocol
        if self._is_lost:
            return
        if data is RESET:
            self.reset()
        elif self._is_paused:
            self._unread.append(data)
        elif data is not END:
            protocol.data_received(data)
        elif not protocol.eof_received():
            self.close()

    def close(self) -> None:
        """What was written arrives, then the end."""
        if not self._is_closing:
            self._is_closing = True
            self._send(END)
            self.wires.call_soon(self._lose, None, context=self.context)

    def abort(self) -> None:
        """At once."""
        self._is_closing = True
        self.wires.call_soon(self._lose, None, context=self.context)
        self._send(RESET)

    def reset(self) -> None:
        """The other end has gone without a word."""
        self._is_closing = True
        error = ConnectionResetError(104, "reset by peer")
        self.wires.call_soon(self._lose, error, context=self.context)

    def cut(self) -> None:
        """The connection is gone for both ends."""
        self.reset()
        self.peer.reset()

    def _lose(self, error: Exception | None) -> None:
        if not self._is_lost:
            self._is_lost = True
            if not self._held:
                self.wires.forget(self)
            self.protocol.connection_lost(error)

    def pause_reading(self) -> None:
        """Keep what comes."""
        self._is_paused = True

    def resume_reading(self) -> None:
        """Hand on what was kept."""
        self._is_paused = False
        unread, self._unread = self._unread, deque()
        for data in unread:
            self.wires.call_soon(self.receive, data, context=self.context)

    def is_reading(self) -> bool:
        """Whether what comes is handed on."""
        return not self._is_paused

    def is_closing(self) -> bool:
        """Whether it is closed or being closed."""
        return self._is_closing

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """The address of the other end; no socket."""
        return self.peername if name == "peername" else default

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Who hears from now on."""
        self.protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Who hears now."""
        return self.protocol

    def get_write_buffer_size(self) -> int:
        """Nothing waits here: it is on its way."""
        return 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """There are none."""

    def can_write_eof(self) -> bool:
        """No half-closed streams."""
        return False
