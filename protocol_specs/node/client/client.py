"""The one way out: signs the exact bytes that leave, posts them, reads a bounded answer."""

import asyncio
import io
import re
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import aiohttp
from multidict import CIMultiDictProxy
from yarl import URL

from protocol_specs.node.client.http1 import ANSWER_BYTES_MAX, Exchange, Fault
from protocol_specs.node.client.pool import Host, Pool, Target, tail
from protocol_specs.node.client.urls import GuardedResolver, Network, UrlRefused, check_url
from protocol_specs.node.telemetry.traces import carried
from protocol_specs.wire import signing
from protocol_specs.wire.errors import Acknowledgement, read_ack
from protocol_specs.wire.keys import SigningKey
from protocol_specs.wire.signing import KeyId

LARGE_BYTES = 1_000_000
IDLE_S = 10  # a connection is dropped before a peer's server drops it
LOOKUP_BYTES_MAX = 2_097_152
TIMEOUT = aiohttp.ClientTimeout(total=10, connect=3, sock_connect=3)
DOWNLOAD_TIMEOUT = aiohttp.ClientTimeout(total=60, connect=3, sock_connect=3, sock_read=10)
TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})
_RETRY_AFTER = re.compile(rb"(?i)\nretry-after:[ \t]*([^\r\n]*)")


class Undelivered(Exception):
    """The receiver gave no answer that ends the matter.

    `transient`: trying again later can help. `status`: what it answered, None for no answer.
    `retry_after_s`: what it asked for, if it did. `is_ours`: it was not even asked, because no name
    service answers here.
    """

    def __init__(
        self,
        reason: str,
        transient: bool,
        *,
        status: int | None = None,
        retry_after_s: int | None = None,
        is_ours: bool = False,
    ) -> None:
        super().__init__(reason)
        self.reason, self.transient, self.is_ours = reason, transient, is_ours
        self.status, self.retry_after_s = status, retry_after_s


@dataclass(frozen=True, slots=True)
class Answered:
    """What came back, whatever it says: the status, the headers as they stood, the exact bytes.
    `at`: when the headers had come, in seconds UTC; a large body takes its time after that."""

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes
    at: int


class _Message(Exchange):
    """An exchange that somebody awaits."""

    __slots__ = ("over",)

    def __init__(self, target: Target, tail: bytes, lasts_s: float) -> None:
        super().__init__(target, tail, lasts_s=lasts_s, late_s=lasts_s)
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def ended(self) -> None:
        if not self.over.done():
            self.over.set_result(None)


class Client:
    """The ways out of one node: messages by the lean pool, calls whose answers matter by an HTTP
    session. `open` it in the running loop, `close` it at the end."""

    def __init__(
        self,
        *,
        key: SigningKey,
        key_id: KeyId,
        network: Network,
        now: Callable[[], int],
        timeout: aiohttp.ClientTimeout = TIMEOUT,
    ) -> None:
        self._key, self._key_id = key, key_id
        self._network, self._now, self._timeout = network, now, timeout
        self._session: aiohttp.ClientSession | None = None
        self._pool: Pool | None = None
        self.watch: Callable[[str, bytes], None] | None = None  # told of each message sent
        self.signed_until = 0  # when the last signature by the present key expires

    async def open(self) -> None:
        """Make both."""
        if self._session is not None:
            return
        self._pool = Pool(self._network, connections_max=256, per_host_max=32, idle_s=IDLE_S)
        connector = aiohttp.TCPConnector(
            limit=256,
            limit_per_host=32,
            keepalive_timeout=IDLE_S,
            resolver=GuardedResolver(self._network),
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            timeout=self._timeout,
            trust_env=False,
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": "wayfare", "Accept-Encoding": "identity"},
        )

    async def close(self) -> None:
        """Close both and their connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None
        if self._pool is not None:
            await self._pool.close()
            self._pool = None

    async def forward(
        self, *, url: str, action: str, body: bytes, headers: Mapping[str, str]
    ) -> Acknowledgement:
        """POST `body` with exactly these headers and no signature of ours added; else as `send`."""
        if self._pool is None:
            raise RuntimeError("the client is not open")
        try:
            target = self._pool.target(url, action)
        except UrlRefused as refused:
            raise _not_called(f"{url.rstrip('/')}/{action}", refused) from None
        message = _Message(target, tail(headers, body), self._timeout.total or 0)
        self._pool.post(message)
        try:
            await message.over
        except asyncio.CancelledError:
            self._pool.give_up(message)
            raise
        if message.fault is not None:
            raise _undelivered(target.host, message.fault)
        _refuse_no_answer(target.host.origin, message.status, message.head)
        return read_ack(message.status, message.body)

    async def send(
        self,
        *,
        url: str,
        action: str,
        body: bytes,
        now: int | None = None,
        ttl_s: int | None = None,
        extra_headers: Mapping[str, str] | None = None,
    ) -> Acknowledgement:
        """Sign `body` afresh, POST it to `url`/`action`, and return what the receiver said.

        `url` is the registered url of the receiver. A NACK is an answer, also with status 400 or
        401: it ends the matter. Raises Undelivered for everything else.
        """
        headers = {
            **carried(),
            **(extra_headers or {}),
            "Authorization": self.authorization(body, now=now, ttl_s=ttl_s),
        }
        if self.watch is not None:
            self.watch(action, body)
        return await self.forward(url=url, action=action, body=body, headers=headers)

    async def call(self, url: str, path: str, body: bytes) -> bytes:
        """A signed JSON call whose answer matters (lookup, subscribe): the answer's bytes.

        Raises Undelivered for no answer or a status beyond 2xx; its `reason` then carries the
        receiver's error message, if it sent one.
        """
        return (await self.ask(url, path, body)).body

    async def ask(self, url: str, path: str, body: bytes) -> Answered:
        """As `call`, with the headers of the answer."""
        headers = {"Authorization": self.authorization(body)}
        target = f"{url.rstrip('/')}{path}"
        answered = await self._post(target, body, headers, LOOKUP_BYTES_MAX)
        if not 200 <= answered.status < 300:
            raise _unanswered(target, answered)
        return answered

    async def submit(self, target: str, body: bytes, content_type: str) -> Answered:
        """POST `body`, signed, to exactly `target`, which is no action: a form (BECKN-007).

        Raises Undelivered for no answer or a status beyond 2xx.
        """
        headers = {"Authorization": self.authorization(body), "Content-Type": content_type}
        answered = await self._post(target, body, headers)
        if not 200 <= answered.status < 300:
            raise _unanswered(target, answered)
        return answered

    async def fetch(
        self, target: str, *, etag: str | None, write: Callable[[bytes], None], bytes_max: int
    ) -> Answered:
        """GET a document that may be large: 200 with its bytes given to `write` as they come (the
        `body` is then empty), or 304 when it is the one of `etag` still.

        Raises Undelivered for every other answer; then what was written is to be thrown away.
        """
        headers = {} if etag is None else {"If-None-Match": etag}
        url = self._checked(target)
        try:
            return await self._download(url, headers, write, bytes_max)
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise _no_answer(url, error) from error

    @property
    def key_id(self) -> KeyId:
        """The key that signs now."""
        return self._key_id

    @property
    def public_key(self) -> bytes:
        """The public half of the key that signs now, raw."""
        return self._key.public

    def use(self, key: SigningKey, key_id: KeyId) -> None:
        """Sign with this key from now on. What is on its way keeps its signature."""
        self._key, self._key_id, self.signed_until = key, key_id, 0

    def authorization(
        self, body: bytes, *, now: int | None = None, ttl_s: int | None = None
    ) -> str:
        """A fresh signature header of this node over `body`."""
        return self.countersignature(signing.digest(body), now=now, ttl_s=ttl_s)

    def countersignature(
        self, digest: str, *, now: int | None = None, ttl_s: int | None = None
    ) -> str:
        """The same over a message that was received, whose `digest` is known from verifying it."""
        created, expires = signing.lifetime(self._now() if now is None else now, ttl_s)
        self.signed_until = max(self.signed_until, expires)
        return signing.sign_digest(
            digest, key=self._key, key_id=self._key_id, created=created, expires=expires
        )

    def _checked(self, target: str) -> URL:
        try:
            return check_url(target, self._network)
        except UrlRefused as refused:
            raise _not_called(target, refused) from None

    async def _post(
        self,
        target: str,
        body: bytes,
        headers: Mapping[str, str],
        answer_bytes_max: int = ANSWER_BYTES_MAX,
    ) -> Answered:
        url = self._checked(target)
        try:
            return await self._exchange(url, body, headers, answer_bytes_max)
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise _no_answer(url, error) from error

    async def _exchange(
        self, url: URL, body: bytes, headers: Mapping[str, str], answer_bytes_max: int
    ) -> Answered:
        async with self._opened().post(
            url,
            data=body if len(body) < LARGE_BYTES else io.BytesIO(body),  # else it warns
            headers={"Content-Type": "application/json", **headers},
            allow_redirects=False,
        ) as response:
            chunks: list[bytes] = []
            at = self._now()
            await _read(response, chunks.append, answer_bytes_max)
            _refuse_no_answer(url.origin(), response.status, _head(response))
            return Answered(response.status, response.headers, b"".join(chunks), at)

    async def _download(
        self,
        url: URL,
        headers: Mapping[str, str],
        write: Callable[[bytes], None],
        bytes_max: int,
    ) -> Answered:
        async with self._opened().get(
            url, headers=headers, allow_redirects=False, timeout=DOWNLOAD_TIMEOUT
        ) as response:
            at = self._now()
            if response.status == 200:
                await _read(response, write, bytes_max)
            elif response.status != 304:
                _refuse_no_answer(url.origin(), response.status, _head(response))
                raise Undelivered(
                    f"{url} answered {response.status}", False, status=response.status
                )
            return Answered(response.status, response.headers, b"", at)

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise RuntimeError("the client is not open")
        return self._session


_IN_WORDS: tuple[tuple[type[Exception], str], ...] = (  # the first that fits
    (aiohttp.ClientConnectorCertificateError, "its certificate does not hold"),
    (aiohttp.ClientConnectorDNSError, "its name leads nowhere that may be called"),
    (aiohttp.ClientConnectorError, "no connection"),
    (TimeoutError, "not in time"),
)


def _no_answer(url: URL, error: Exception) -> Undelivered:
    within = getattr(error, "os_error", error)
    if getattr(within, "errno", None) == socket.EAI_AGAIN:
        return Undelivered(f"no name service answers for {url.host}", True, is_ours=True)
    said = next((words for of, words in _IN_WORDS if isinstance(error, of)), type(error).__name__)
    return Undelivered(f"{url.origin()} gave no answer ({said})", True)


def _unanswered(target: str, answered: Answered) -> Undelivered:
    """A status beyond 2xx to a call whose answer matters, with what the receiver said of it."""
    said = read_ack(answered.status, answered.body)
    reason = f"{target} answered {answered.status}: {said.message or 'no reason given'}"
    return Undelivered(reason, False, status=answered.status)


def _not_called(target: str, refused: UrlRefused) -> Undelivered:
    return Undelivered(f"{target} is not called: {refused}", False)


def _undelivered(host: Host, fault: Fault) -> Undelivered:
    if fault in (Fault.OURS, Fault.UNNAMED):
        reason = f"no name service answers for {host.name}, or this node has no connection left"
        return Undelivered(reason, True, is_ours=True)
    return Undelivered(f"{host.origin} gave no answer ({fault})", True)


def _refuse_no_answer(origin: object, status: int, head: bytes) -> None:
    """Raise for statuses that end nothing: overload, faults of the other side, redirects."""
    if status in TRANSIENT or status >= 500:
        asked = _RETRY_AFTER.search(head)
        raise Undelivered(
            f"{origin} answered {status}",
            True,
            status=status,
            retry_after_s=_retry_after_s(asked[1].strip() if asked else b""),
        )
    if 300 <= status < 400:
        raise Undelivered(
            f"{origin} answered {status}; redirects are not followed", False, status=status
        )


def _head(response: aiohttp.ClientResponse) -> bytes:
    return b"".join(b"\n%b: %b\r" % pair for pair in response.raw_headers)


async def _read(
    response: aiohttp.ClientResponse, write: Callable[[bytes], object], bytes_max: int
) -> None:
    """Give the answer's bytes to `write`. Raises ClientPayloadError when they are more than
    `bytes_max`."""
    size = 0
    async for chunk in response.content.iter_any():
        size += len(chunk)
        if size > bytes_max:
            response.close()
            raise aiohttp.ClientPayloadError(f"answer larger than {bytes_max} bytes")
        write(chunk)


def _retry_after_s(value: bytes) -> int | None:
    """The seconds form of Retry-After, at most an hour; None for the date form or nonsense."""
    return min(int(value), 3600) if value.isdigit() and len(value) <= 6 else None
