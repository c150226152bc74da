"""Which providers hang: they are tried by few searches at a time, so that they hold up no other."""

from dataclasses import dataclass

DOWN_AFTER_FAILURES = 3
UNPROVEN_IN_FLIGHT_MAX = 8  # to one whose last word was no answer; a quarter of the workers
TRY_AGAIN_S_MAX = 60


@dataclass(slots=True)
class Reach:
    """How one provider has answered lately. Times in seconds UTC."""

    has_answered: bool = False
    failures: int = 0  # in a row
    in_flight: int = 0
    retry_at: int = 0
    failed_at: int = 0

    def may_try(self, now: int) -> bool:
        """Whether a search may be sent to it. A clock set back lets it be tried at once."""
        if self.failures < DOWN_AFTER_FAILURES:
            is_proven = self.has_answered and not self.failures
            return is_proven or self.in_flight < UNPROVEN_IN_FLIGHT_MAX
        return self.in_flight == 0 and not self.failed_at <= now < self.retry_at

    def answered(self) -> None:
        """It answered, whatever it said."""
        self.has_answered, self.failures = True, 0

    def failed(self, now: int) -> None:
        """It did not answer in time, or not at all."""
        self.failures += 1
        beyond = max(0, self.failures - DOWN_AFTER_FAILURES)
        self.failed_at, self.retry_at = now, now + min(TRY_AGAIN_S_MAX, 2 ** min(beyond, 6))
