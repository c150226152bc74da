"""What the gateway refuses before the ACK, each with the gateway's own code (10000, 10002)."""

from collections.abc import Callable

from gateway.market import Market
from gateway.settings import GatewaySettings
from protocol_specs.node.buckets import Buckets
from protocol_specs.wire.context import Context
from protocol_specs.wire.envelope import Envelope
from protocol_specs.wire.errors import Misaddressed, ProviderNotFound, RateLimited, TooLarge
from protocol_specs.wire.parties import lies_under

BAD_REQUEST, BAD_CITY = "10000", "10002"
BURST = 3


class Rules:
    """Of one gateway. `clock` in seconds UTC. Each of `workers` takes its part of every rate: it
    holds that part of the searches."""

    def __init__(
        self,
        settings: GatewaySettings,
        market: Market,
        *,
        clock: Callable[[], float],
        workers: int,
    ) -> None:
        self._cities = frozenset(settings.cities)
        self._market, self._clock = market, clock
        self._bytes_max = settings.fanout.search_bytes_max
        per_s = settings.fanout.searches_per_bap_per_s / workers
        self._searches = Buckets(per_s, burst=BURST * per_s)

    async def admit_search(self, envelope: Envelope) -> None:
        """Raises Refused for a search that is not forwarded. Who sends too many waits."""
        self.refuse_loops(envelope)
        if len(envelope.body) > self._bytes_max:
            raise TooLarge(f"a search has at most {self._bytes_max} bytes", code=BAD_REQUEST)
        self._check_city(envelope.context)
        wait_s = self._searches.take(envelope.peer_id, self._clock())
        if wait_s:
            raise RateLimited(
                "you send more searches than this gateway forwards for one platform; slow down",
                retry_after_s=wait_s,
            )
        await self._check_addressed(envelope.context)

    def refuse_loops(self, envelope: Envelope) -> None:
        """A message passes one gateway: the next one would send it to the same receivers."""
        if envelope.gateway is not None:
            raise Misaddressed(
                f"this message came through {envelope.gateway.subscriber_id} already; "
                "it goes through one gateway only",
                code=BAD_REQUEST,
            )

    def _check_city(self, context: Context) -> None:
        """`*` asks for all cities. A gateway whose settings name no city serves every one."""
        if self._cities and not self._cities & {"*", context.city} and context.city != "*":
            raise Misaddressed(
                f"this gateway does not serve the city {context.city}",
                path="/context/location/city/code",
                code=BAD_CITY,
            )

    async def _check_addressed(self, context: Context) -> None:
        """Also raises Overloaded, for any search, when the registry cannot be asked."""
        found = await self._market.providers(context)
        if context.bpp_id is None:
            return
        if not found:
            raise ProviderNotFound(
                f"{context.bpp_id} is no provider of this domain and city",
                path="/context/bpp_id",
                code=BAD_REQUEST,
            )
        if context.bpp_uri is not None and not lies_under(context.bpp_uri, found[0].url):
            raise Misaddressed(
                f"bpp_uri does not lie under {found[0].url}, where {context.bpp_id} is registered",
                path="/context/bpp_uri",
                code=BAD_REQUEST,
            )
