"""One connection to a NATS server: kept by the step of a loop, lost at any moment, made again.

Nobody waits for it and nothing depends on it: what cannot be said is lost and counted, and after
each gap (a new connection, words that found no room) whoever listens here is told that there was
one. nats-py does not reconnect by itself here, for it would keep words and say them late.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from nats import errors
from nats.aio.client import Client

from protocol_specs.node.nats.credentials import Credentials

if TYPE_CHECKING:
    from nats.aio.msg import Msg

    from protocol_specs.node.nats.place import NatsPlace
    from protocol_specs.node.telemetry.telemetry import Telemetry

CONNECT_S, FLUSH_S, CLOSE_S = 2, 2, 1
PING_S = 5  # a server that does not answer two of them is gone
WAITING_MAX, WAITING_BYTES_MAX = 10_000, 4 * 1_048_576  # of words, either way
BROKEN = (OSError, TimeoutError, errors.Error)

SEAL_BYTES = 256  # room for what sealing adds

Heard = Callable[[str, bytes], None]
Asked = Callable[[str, bytes, str], None]


class BusUnavailable(Exception):
    """Nobody answered, or nobody can be asked now."""


class Unheard(BusUnavailable):
    """And it is certain that nobody heard."""


class Bus:
    """`name` is what metrics and the log call it; `inbox` the subject below which answers come."""

    def __init__(
        self,
        at: NatsPlace,
        who: str | Credentials | None,
        *,
        name: str,
        inbox: str,
        telemetry: Telemetry,
    ) -> None:
        """`who`: what proves who we are, the password of `at.user` or another. Raises OSError (of
        ssl too) for a `ca` that cannot be read."""
        self.wake = asyncio.Event()
        self._at, self._name, self._inbox, self._telemetry = at, name, inbox, telemetry
        self._who = who
        self._tls = ssl.create_default_context(cafile=at.ca) if at.has_tls else None
        self._hearing: dict[str, Callable[[Msg], None]] = {}
        self._gaps: list[Callable[[], None]] = []
        self._waiting: deque[tuple[str, bytes]] = deque()
        self._waiting_bytes = 0
        self._client: Client | None = None
        self._hears = False  # all its subjects
        self._is_told = False  # that there is no connection
        self._is_slow = False  # more came than we could hear
        self.lost = telemetry.shown.counter(f"wayfare_{name}_lost", "Words that NATS did not take")
        telemetry.shown.watch(
            f"wayfare_{name}_connected", "Connections to NATS", lambda: self.is_connected
        )
        telemetry.shown.watch(
            f"wayfare_{name}_away", "Processes without theirs", lambda: not self.is_connected
        )

    @property
    def is_connected(self) -> bool:
        """Whether words are taken and heard now."""
        return self._hears and self._client is not None and self._client.is_connected

    def hear(self, subject: str, heard: Heard) -> None:
        """Calls `heard(subject, payload)` for what anybody says there. Before the first `next`."""
        self._hearing[subject] = lambda message: heard(message.subject, message.data)

    def serve(self, subject: str, asked: Asked) -> None:
        """Calls `asked(subject, payload, reply)` for what somebody asks there, who is answered by
        what is said at `reply`. Before the first `next`."""
        self._hearing[subject] = lambda message: asked(message.subject, message.data, message.reply)

    @property
    def payload_max(self) -> int:
        """How many bytes may be said at once, unsealed."""
        return 0 if self._client is None else self._client.max_payload - SEAL_BYTES

    def on_gap(self, tell: Callable[[], None]) -> None:
        """Calls `tell()` whenever words may have been lost, here or on their way from here."""
        self._gaps.append(tell)

    def say(self, subject: str, payload: bytes) -> None:
        """Soon; lost without a connection, and with all that waits where there is no room."""
        if self._client is None or not self._client.is_connected:
            self.lost.inc()
            return
        self._waiting.append((subject, payload))
        self._waiting_bytes += len(payload)
        if len(self._waiting) > WAITING_MAX or self._waiting_bytes > WAITING_BYTES_MAX:
            self._forget_waiting()
            self._tell_gap()
        self.wake.set()

    async def request(self, subject: str, payload: bytes, timeout_s: float) -> Msg:
        """What somebody answers there. Raises BusUnavailable; Unheard, if nobody can have heard."""
        client = self._client
        if client is None or not client.is_connected:
            raise Unheard("there is no connection to NATS")
        if len(payload) > client.max_payload:
            raise BusUnavailable("it is more than the server takes at once")
        try:
            return await client.request(subject, payload, timeout=timeout_s)
        except errors.NoRespondersError as error:
            raise Unheard("nobody listens there") from error
        except BROKEN as error:
            raise BusUnavailable(f"NATS: {error or type(error).__name__}") from error

    async def next(self, now: int) -> bool:
        """Connects if it has to, and says what waits; for a loop, woken by `wake`."""
        self._is_slow = False
        if not self.is_connected:
            await self._connect()
        while self._waiting and self.is_connected:
            await self._send()
        return False

    async def close(self) -> None:
        """Ends the connection. May be repeated."""
        client, self._client, self._hears = self._client, None, False
        if client is not None:
            await _end(client)

    async def _connect(self) -> None:
        await self.close()
        self._forget_waiting()
        faults = []
        for url in self._at.url:
            fault = await self._reach(url)
            if fault is None:
                break
            faults.append(fault)
        else:
            self._tell_away(faults[-1])
            return
        self._hears, self._is_told = True, False
        self._telemetry.log("nats_connected", bus=self._name)
        self._tell_gap()

    async def _reach(self, url: str) -> Exception | None:
        """What stands in the way to that server; None: it is heard."""
        self._client = client = Client()  # who is asked before all subjects are heard may answer
        try:
            async with asyncio.timeout(CONNECT_S):
                await self._open(client, url)
        except BROKEN as error:
            await self.close()
            return error
        except BaseException:
            await self.close()
            raise
        return None

    async def _open(self, client: Client, url: str) -> None:
        await client.connect(
            url,
            name="wayfare",
            tls=self._tls,
            **self._proof(client),
            inbox_prefix=self._inbox,
            no_echo=True,
            allow_reconnect=False,
            reconnect_time_wait=0,
            max_reconnect_attempts=1,
            ping_interval=PING_S,
            max_outstanding_pings=2,
            flush_timeout=FLUSH_S,
            pending_size=WAITING_BYTES_MAX,
            error_cb=self._failed,
            closed_cb=self._closed,
        )
        self._require_tls(client)
        for subject, heard in self._hearing.items():
            await client.subscribe(
                subject,
                cb=partial(_hear, heard),
                pending_msgs_limit=WAITING_MAX,
                pending_bytes_limit=WAITING_BYTES_MAX,
            )
        await client.flush(FLUSH_S)

    def _proof(self, client: Client) -> dict[str, Any]:
        """What says who we are; it is made when the server asks for it."""
        who = self._who
        if isinstance(who, Credentials):

            def signature(nonce: str) -> bytes:
                self._require_tls(client)  # before anything is said
                return who.sign(nonce)

            return {"signature_cb": signature, "user_jwt_cb": who.jwt.encode}

        def password() -> str:
            self._require_tls(client)
            return who or ""

        return {"user": self._at.user, "password": None if who is None else password}

    def _require_tls(self, client: Client) -> None:
        """nats-py speaks TLS where the server asks for it; whoever stands between may not ask."""
        if self._tls is not None and not client._server_info.get("tls_required"):
            raise errors.Error("the server does not speak TLS")

    async def _send(self) -> None:
        """All that waits, and an answer that it was taken: more waits here meanwhile."""
        client, batch = self._client, self._waiting
        self._waiting, self._waiting_bytes = deque(), 0
        if client is None:
            return
        try:
            for subject, payload in batch:
                if len(payload) > client.max_payload:
                    self.lost.inc()
                else:
                    await client.publish(subject, payload)
            await client.flush(FLUSH_S)
        except BROKEN as error:
            self.lost.inc(len(batch))
            await self.close()
            self._tell_away(error)

    def _forget_waiting(self) -> None:
        self.lost.inc(len(self._waiting))
        self._waiting.clear()
        self._waiting_bytes = 0

    def _tell_gap(self) -> None:
        for tell in self._gaps:
            tell()

    def _tell_away(self, error: Exception) -> None:
        if not self._is_told:
            self._is_told = True
            says = str(error) or type(error).__name__
            self._telemetry.log("nats_away", level="warning", bus=self._name, says=says)

    async def _closed(self) -> None:
        self.wake.set()

    async def _failed(self, error: Exception) -> None:
        """What nats-py does not raise: words that found no room here, subjects not allowed, and
        whatever a listener raised."""
        if isinstance(error, errors.SlowConsumerError):
            self.lost.inc()
            if not self._is_slow:  # of many in one turn one is told
                self._is_slow = True
                self._tell_gap()
                self.wake.set()
        elif not isinstance(error, BROKEN):
            self._telemetry.fault(f"nats {self._name}", error)
        elif "permissions violation" in str(error).lower():
            self._telemetry.log(
                "nats_refused", level="warning", bus=self._name, says=str(error)[:200]
            )


async def _hear(heard: Callable[[Msg], None], message: Msg) -> None:
    heard(message)


async def _end(client: Client) -> None:
    """Closes; a server that takes nothing more is not waited for."""
    with suppress(*BROKEN):
        async with asyncio.timeout(CLOSE_S):
            await client.close()
    writer = getattr(client._transport, "_io_writer", None)
    if writer is not None:
        writer.transport.abort()
        with suppress(*BROKEN):
            async with asyncio.timeout(CLOSE_S):
                await writer.wait_closed()
