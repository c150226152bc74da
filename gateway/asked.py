"""Which providers each open search was sent to: who may answer, how often, and until when. Pure."""

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from protocol_specs.wire.errors import Refused, Stale, WrongParty

Search = tuple[str, str, str]  # bap_id, transaction_id, message_id
Known = tuple[str, str, str, int, dict[str, int]]  # a search, until when, answers by provider
OPEN_S_MAX = 300  # whatever ttl a search asks for
KEPT_AFTER_S = 60  # so that who answers too late is told so


class TooManyAnswers(Refused):
    """A provider answers one search more often than the gateway relays."""

    code = "10000"
    status = 429


@dataclass(slots=True)
class _Open:
    until: int
    answers: dict[str, int] = field(default_factory=dict)


class Asked:
    """Open searches in bounded memory: so many pairs of a search and a provider asked in it.

    The oldest search is forgotten first.
    """

    def __init__(self, *, pairs_max: int, answers_max: int) -> None:
        self._pairs_max = pairs_max
        self._answers_max = answers_max
        self._open: OrderedDict[Search, _Open] = OrderedDict()
        self._pairs = 0

    @property
    def pairs(self) -> int:
        """How many pairs are remembered now."""
        return self._pairs

    def ask(self, search: Search, providers: Iterable[str], *, until: int, now: int) -> None:
        """Remember that these providers may answer `search` until then (seconds UTC)."""
        self._forget(search)
        answers = dict.fromkeys(providers, 0)
        if not answers:
            return
        self._open[search] = _Open(min(until, now + OPEN_S_MAX), answers)
        self._pairs += len(answers)
        for oldest in list(self._closed(now)):
            self._forget(oldest)
        while self._pairs > self._pairs_max and len(self._open) > 1:
            self._forget(next(iter(self._open)))

    def _closed(self, now: int) -> Iterator[Search]:
        """The oldest searches, as far as all of them have ended."""
        for search, known in self._open.items():
            if now <= known.until + KEPT_AFTER_S:
                return
            yield search

    def _forget(self, search: Search) -> None:
        known = self._open.pop(search, None)
        if known is not None:
            self._pairs -= len(known.answers)

    def until(self, search: Search, *, now: int) -> int:
        """Until when (seconds UTC) its answers are of use; now if it is forgotten."""
        known = self._open.get(search)
        return now if known is None else known.until

    def known(self, now: int) -> list[Known]:
        """Every search that is remembered, oldest first, for who takes the place of this one."""
        return [
            (*search, known.until, known.answers)
            for search, known in self._open.items()
            if now <= known.until + KEPT_AFTER_S
        ]

    def know(self, searches: Iterable[Known]) -> None:
        """As if these had been asked, and answered as often, here."""
        for bap_id, transaction_id, message_id, until, answers in searches:
            self._open[bap_id, transaction_id, message_id] = _Open(until, answers)
            self._pairs += len(answers)

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
