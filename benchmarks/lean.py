"""A lean HTTP/1.1 load generator and listener, so that the node is measured and not this."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping

Answer = tuple[int, bytes]


def request_bytes(
    host: str, path: str, headers: Mapping[str, str], body: bytes, *, method: str = "POST"
) -> bytes:
    """One request as it goes on the wire."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", "Content-Type: application/json"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


class _Messages(asyncio.Protocol):
    """Splits a stream into (head, body) by Content-Length; enough for our own nodes."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]  # a TCP transport writes

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end].lower()
            at = head.find(b"content-length:")
            length = int(head[at + 15 : (head + b"\r\n").find(b"\r\n", at)]) if at >= 0 else 0
            if len(self._buffer) < end + 4 + length:
                return
            whole = self._buffer[:end], self._buffer[end + 4 : end + 4 + length]
            self._buffer = self._buffer[end + 4 + length :]
            self.message(*whole)

    def message(self, head: bytes, body: bytes) -> None:
        raise NotImplementedError


class _Caller(_Messages):
    def __init__(self) -> None:
        super().__init__()
        self.waiting: asyncio.Future[Answer] | None = None

    def message(self, head: bytes, body: bytes) -> None:
        if self.waiting is not None and not self.waiting.done():
            self.waiting.set_result((int(head[9:12]), body))

    def connection_lost(self, exc: Exception | None) -> None:
        if self.waiting is not None and not self.waiting.done():
            self.waiting.set_exception(exc or ConnectionResetError("closed by the node"))


class Pool:
    """A fixed number of kept-alive connections; one request at a time on each."""

    def __init__(self, host: str, port: int) -> None:
        self.host, self.port = host, port
        self._free: deque[_Caller] = deque()
        self._available = asyncio.Semaphore(0)

    async def open(self, connections: int) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(connections):
            _, caller = await loop.create_connection(_Caller, self.host, self.port)
            self._free.append(caller)
            self._available.release()

    async def post(self, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Send and wait for the answer; (status, body)."""
        host = f"{self.host}:{self.port}"
        return await self._exchange(request_bytes(host, path, headers, body))

    async def get(self, path: str, headers: Mapping[str, str]) -> Answer:
        """The same without a body."""
        host = f"{self.host}:{self.port}"
        return await self._exchange(request_bytes(host, path, headers, b"", method="GET"))

    async def _exchange(self, request: bytes) -> Answer:
        await self._available.acquire()
        caller, loop = self._free.popleft(), asyncio.get_running_loop()
        try:
            if caller.transport.is_closing():  # idle for longer than the node waits
                _, caller = await loop.create_connection(_Caller, self.host, self.port)
            caller.waiting = loop.create_future()
            caller.transport.write(request)
            return await caller.waiting
        finally:
            self._free.append(caller)
            self._available.release()

    def close(self) -> None:
        for caller in self._free:
            caller.waiting = None
            caller.transport.abort()


class Listener(_Messages):
    """Answers each POST with what `answer(path, body)` returns, as 200 JSON."""

    def __init__(self, answer: Callable[[str, bytes], bytes]) -> None:
        super().__init__()
        self._answer = answer

    def message(self, head: bytes, body: bytes) -> None:
        path = head.split(b" ", 2)[1].decode()
        answer = self._answer(path, body)
        self.transport.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
            % (len(answer), answer)
        )


async def listen(answer: Callable[[str, bytes], bytes]) -> tuple[asyncio.Server, int]:
    """A listener on a free port of loopback; (server, port)."""
    server = await asyncio.get_running_loop().create_server(
        lambda: Listener(answer), "127.0.0.1", 0
    )
    return server, server.sockets[0].getsockname()[1]
