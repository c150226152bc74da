"""The lean way out: POSTs to very many receivers over kept connections, without a task for each.

Each message of client.py goes this way, and a gateway's one message to thousands. The rules for
addresses are those of urls.py: only what `check_url` and GuardedResolver let through, verified TLS,
no redirects, bounded answers, deadlines.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from collections import OrderedDict, deque
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from protocol_specs.node.client.http1 import Connection, Exchange, Fault
from protocol_specs.node.client.urls import GuardedResolver, Network, check_url

SWEEP_S = 0.1  # how exactly deadlines are kept
CONNECT_S = 3.0
IDLE_S = 55.0
ADDRESSES_FRESH_S = 60.0
TARGETS_MAX = 20_000
RESOLVING_MAX = 32
OUT_OF_OUR_OWN = frozenset(  # the last: no name service answers
    {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.EADDRNOTAVAIL, socket.EAI_AGAIN}
)


@dataclass(eq=False, slots=True)
class Host:
    """One server: its idle connections, who waits for one, and how many there are."""

    name: str
    port: int
    is_tls: bool
    is_literal: bool
    idle: dict[Connection, None] = field(default_factory=dict)
    waiting: deque[Exchange] = field(default_factory=deque)
    open: int = 0
    connecting: int = 0
    addresses: tuple[str, ...] = ()
    resolved_at: float = float("-inf")

    @property
    def origin(self) -> str:
        """As it is told of: never a path."""
        return f"{'https' if self.is_tls else 'http'}://{self.name}:{self.port}"


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request goes, with the part of its head that never changes."""

    host: Host
    head: bytes


def tail(headers: Mapping[str, str], body: bytes) -> bytes:
    """The rest of a request, the same for all targets. Raises ValueError for a broken header."""
    lines = []
    for name, value in headers.items():
        if not (value.isascii() and value.replace("\t", " ").isprintable()):  # RFC 9110, 5.5
            raise ValueError(f"{name} is no header of one line")
        lines.append(f"{name}: {value}\r\n")
    lines.append(f"Content-Length: {len(body)}\r\n\r\n")
    return "".join(lines).encode() + body


class Pool:
    """Kept connections, bounded for each host and in all; used from one running loop."""

    def __init__(
        self,
        network: Network,
        *,
        connections_max: int = 4096,
        per_host_max: int = 64,
        idle_s: float | None = None,
        tls: ssl.SSLContext | None = None,
        resolver: AbstractResolver | None = None,
    ) -> None:
        self._network, self._tls = network, tls
        self._connections_max, self._per_host_max = connections_max, per_host_max
        self._idle_s = idle_s  # None: IDLE_S
        self._resolver = GuardedResolver(network, resolver or _Names())
        self._targets: OrderedDict[tuple[str, str], Target] = OrderedDict()
        self._hosts: dict[tuple[str, int, bool], Host] = {}
        self._in_flight: dict[Exchange, None] = {}
        self._idle: OrderedDict[Connection, float] = OrderedDict()
        self._starved: dict[Host, None] = {}  # who waits though it has connections to open still
        self._open: set[Connection] = set()
        self._connecting: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._is_closed = False

    @property
    def in_flight(self) -> int:
        """How many exchanges have not ended."""
        return len(self._in_flight)

    @property
    def connections(self) -> int:
        """How many connections are open or being opened."""
        return len(self._open) + len(self._connecting)

    def target(self, url: str, action: str) -> Target:
        """`action` below the registered `url`, prepared once. Raises UrlRefused."""
        known = self._targets.get((url, action))
        if known is None:
            known = self._target(check_url(f"{url.rstrip('/')}/{action}", self._network))
            self._targets[url, action] = known
            if len(self._targets) > TARGETS_MAX:
                self._targets.popitem(last=False)
        return known

    def post(self, exchange: Exchange) -> None:
        """Send as soon as a connection is free; `exchange.ended` is called at the end."""
        self._in_flight[exchange] = None
        if self._timer is None:
            self._wind()
        host = exchange.target.host
        connection = self._take_idle(host) if not host.waiting else None
        if self._is_closed:
            asyncio.get_running_loop().call_soon(self._fail, exchange, Fault.OURS)
        elif connection is not None:
            connection.post(exchange)
        else:
            host.waiting.append(exchange)
            self._serve(host)

    def give_up(self, exchange: Exchange) -> None:
        """End it now, with what it has."""
        if exchange.connection is not None:
            exchange.connection.give_up()
        else:
            self._fail(exchange, Fault.TIMED_OUT)

    async def close(self) -> None:
        """End everything at once, and close every connection."""
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()
        tasks = list(self._connecting)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for exchange in list(self._in_flight):
            self._fail(exchange, Fault.OURS)
        for connection in list(self._open):
            connection.transport.abort()
        await asyncio.sleep(0)  # for the transports to let their sockets go
        await self._resolver.close()

    # What connections tell (http1.Owner).

    def freed(self, connection: Connection) -> None:
        """Serve who waits, or keep it idle."""
        connection.host.idle[connection] = None
        self._idle[connection] = asyncio.get_running_loop().time()
        if connection.host.waiting:
            self._serve(connection.host)
        self._serve_starved()

    def lost(self, connection: Connection) -> None:
        """Its place is free for another one."""
        if connection in self._open:
            self._open.discard(connection)
            connection.host.open -= 1
        self._forget_idle(connection)
        self._serve(connection.host)
        self._serve_starved()

    def again(self, exchange: Exchange) -> None:
        """Once more, on a fresh connection: what the peer closed, it closed before it answered.

        The receiver knows a message it took twice by its message_id.
        """
        exchange.is_second_try, exchange.connection = True, None
        host = exchange.target.host
        for stale in list(host.idle):
            self._forget_idle(stale)
            stale.transport.abort()
        host.waiting.appendleft(exchange)
        self._serve(host)

    def end(self, exchange: Exchange) -> None:
        """Tell whoever sent it, once."""
        if exchange not in self._in_flight:
            return
        del self._in_flight[exchange]
        exchange.took_s = asyncio.get_running_loop().time() - exchange.began_at
        exchange.connection = None
        exchange.ended()

    # Connections.

    def _take_idle(self, host: Host) -> Connection | None:
        """The one used last, which its server is the least likely to have closed."""
        while host.idle:
            connection, _ = host.idle.popitem()
            del self._idle[connection]
            if not connection.transport.is_closing():
                return connection
        return None

    def _forget_idle(self, connection: Connection) -> None:
        if self._idle.pop(connection, None) is not None:
            del connection.host.idle[connection]

    def _serve(self, host: Host) -> None:
        """Give those who wait at this host a connection each, as far as there are any."""
        while host.waiting and not self._is_closed:
            if host.waiting[0] not in self._in_flight:  # given up meanwhile
                host.waiting.popleft()
            elif (connection := self._take_idle(host)) is not None:
                connection.post(host.waiting.popleft())
            elif host.connecting < len(host.waiting) and self._may_open(host):
                self._open_one(host)
            else:
                return

    def _serve_starved(self) -> None:
        """Those for whom there was no room in all, now that there may be some."""
        while self._starved and (self._idle or self.connections < self._connections_max):
            host = next(iter(self._starved))
            del self._starved[host]
            self._serve(host)

    def _may_open(self, host: Host) -> bool:
        """Within both bounds; and no more at a time than are open already, but one."""
        if host.connecting > host.open or host.open + host.connecting >= self._per_host_max:
            return False
        if self.connections >= self._connections_max:
            if not self._idle:
                self._starved[host] = None
                return False
            oldest = next(iter(self._idle))
            self._forget_idle(oldest)
            oldest.transport.abort()
        return True

    def _open_one(self, host: Host) -> None:
        host.connecting += 1
        task = asyncio.get_running_loop().create_task(self._connect(host))
        self._connecting.add(task)
        task.add_done_callback(self._opened)

    async def _connect(self, host: Host) -> None:
        """One more connection of `host`; where none can be had, those who wait for it are told."""
        fault, ends_at = None, asyncio.get_running_loop().time() + CONNECT_S
        try:
            async with asyncio.timeout_at(ends_at):
                connection = await self._connected(host, ends_at)
            if connection.transport.is_closing():
                fault = Fault.CUT_OFF
        except OSError as error:  # TimeoutError and TLS faults too
            fault = Fault.OURS if error.errno in OUT_OF_OUR_OWN else Fault.UNREACHABLE
            if fault is Fault.OURS and isinstance(error, TimeoutError):
                fault = Fault.UNNAMED
        finally:
            host.connecting -= 1
        if fault is None:
            host.open += 1
            self._open.add(connection)
            self.freed(connection)
        elif not host.open and not host.connecting:
            host.resolved_at = float("-inf")
            waiting, host.waiting = host.waiting, deque()
            for exchange in waiting:
                self._fail(exchange, fault)
        # Else those who wait get what comes free: to ask again at once is to ask without an end.

    def _opened(self, task: asyncio.Task[None]) -> None:
        self._connecting.discard(task)
        self._serve_starved()

    async def _connected(self, host: Host, ends_at: float) -> Connection:
        """Connect to an address that was judged, never to the name. Each has its part of the time,
        so that one that is silent does not hide the next. Raises OSError."""
        loop = asyncio.get_running_loop()
        failed: OSError = OSError(f"{host.name} has no address")
        addresses = await self._addresses_of(host)
        for left, address in zip(range(len(addresses), 0, -1), addresses, strict=True):
            now = loop.time()
            try:
                async with asyncio.timeout_at(now + (ends_at - now) / left):
                    return await self._connected_to(address, host)
            except OSError as error:
                failed = error
        raise failed

    async def _connected_to(self, address: str, host: Host) -> Connection:
        if host.is_tls and self._tls is None:
            self._tls = ssl.create_default_context()
        _, connection = await asyncio.get_running_loop().create_connection(
            lambda: Connection(self, host),
            address,
            host.port,
            ssl=self._tls if host.is_tls else None,
            server_hostname=host.name.rstrip(".") if host.is_tls else None,
        )
        return connection

    async def _addresses_of(self, host: Host) -> tuple[str, ...]:
        """Literal addresses were judged with their url."""
        if host.is_literal:
            return (host.name,)
        now = asyncio.get_running_loop().time()
        if now - host.resolved_at > ADDRESSES_FRESH_S:
            found = await self._resolver.resolve(host.name, host.port)
            host.addresses = tuple(dict.fromkeys(result["host"] for result in found))
            host.resolved_at = now
        return host.addresses

    def _target(self, url: URL) -> Target:
        name, port, is_tls = url.raw_host or "", url.port or 0, url.scheme == "https"
        host = self._hosts.get((name, port, is_tls))
        if host is None:
            self._forget_hosts()
            is_literal = url.host_subcomponent is not None and _is_literal(name)
            host = self._hosts[name, port, is_tls] = Host(name, port, is_tls, is_literal)
        head = (
            f"POST {url.raw_path_qs} HTTP/1.1\r\nHost: {url.host_port_subcomponent}\r\n"
            "User-Agent: wayfare\r\nAccept-Encoding: identity\r\n"
            "Content-Type: application/json\r\n"
        )
        return Target(host, head.encode("ascii"))

    def _forget_hosts(self) -> None:
        """Those without connections, once there are very many; a target keeps its own host."""
        if len(self._hosts) > TARGETS_MAX:
            busy = {key: h for key, h in self._hosts.items() if h.open or h.connecting or h.waiting}
            self._hosts = busy

    # Time.

    def _wind(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(SWEEP_S, self._sweep)

    def _sweep(self) -> None:
        """What is late is told so, what is overdue ended, what is idle too long closed."""
        self._timer = None
        now = asyncio.get_running_loop().time()
        while self._idle:
            connection, since = next(iter(self._idle.items()))
            if now - since < (IDLE_S if self._idle_s is None else self._idle_s):
                break
            self._forget_idle(connection)
            connection.transport.abort()
        if self._in_flight or self._idle:
            self._wind()
        for exchange in list(self._in_flight):
            if exchange not in self._in_flight:  # ended by what another's end brought about
                continue
            if now >= exchange.deadline:
                self.give_up(exchange)
            elif now >= exchange.late_at and not exchange.is_late:
                exchange.is_late = True
                exchange.late()

    def _fail(self, exchange: Exchange, fault: Fault) -> None:
        exchange.fault = fault
        self.end(exchange)


def _is_literal(name: str) -> bool:
    try:
        socket.inet_pton(socket.AF_INET6 if ":" in name else socket.AF_INET, name)
    except OSError:
        return False
    return True


class _Names(AbstractResolver):
    """Name look-ups in threads of their own: names that hang keep no other part waiting."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(RESOLVING_MAX, thread_name_prefix="names")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Raises OSError for a name that is not known."""
        found = await asyncio.get_running_loop().run_in_executor(
            self._threads,
            lambda: socket.getaddrinfo(host, port, family, socket.SOCK_STREAM),
        )
        return [
            ResolveResult(
                hostname=host,
                host=str(address[0]),
                port=int(address[1]),
                family=kind,
                proto=protocol,
                flags=socket.AI_NUMERICHOST,
            )
            for kind, _, protocol, _, address in found
        ]

    async def close(self) -> None:
        """Let the threads end by themselves."""
        self._threads.shutdown(wait=False, cancel_futures=True)
