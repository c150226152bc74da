"""Which providers each open search was sent to: who may answer, how often, and until when. Pure."""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field

from protocol_specs.wire.errors import Refused, Stale, WrongParty

Search = tuple[str, str, str]  # bap_id, transaction_id, message_id


class TooManyAnswers(Refused):
    """A provider answers one search more often than the gateway relays."""

    code = "10000"
    status = 429


@dataclass(slots=True)
class _Open:
    until: int
    answers: dict[str, int] = field(default_factory=dict)


class Asked:
    """Bounded memory of open searches; the oldest is forgotten first."""

    def __init__(self, *, searches_max: int, answers_max: int) -> None:
        self._searches_max = searches_max
        self._answers_max = answers_max
        self._open: OrderedDict[Search, _Open] = OrderedDict()

    def ask(self, search: Search, providers: Iterable[str], *, until: int) -> None:
        """Remember that these providers may answer `search` until then (seconds UTC)."""
        self._open[search] = _Open(until, dict.fromkeys(providers, 0))
        while len(self._open) > self._searches_max:
            self._open.popitem(last=False)

    def answer(self, search: Search, provider: str, *, now: int) -> None:
        """Count one answer. Raises WrongParty if it was not asked, Stale if it is too late,
        TooManyAnswers beyond the bound."""
        known = self._open.get(search)
        if known is None or provider not in known.answers:
            raise WrongParty(
                f"{provider} was not asked in this search through this gateway; "
                "send on_search to the bap_uri itself",
                path="/context/transaction_id",
                code="10000",
            )
        if now > known.until:
            raise Stale("this search has ended: its ttl has passed", code="10000")
        if known.answers[provider] >= self._answers_max:
            raise TooManyAnswers(f"{self._answers_max} answers to this search were relayed already")
        known.answers[provider] += 1
