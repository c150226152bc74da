"""The gate: nothing is deducted from a worker who was not told, did not agree or is not meant.

docs/people.md. Decided by what was on record when the worker got the job, and then it stands: a
notice that changes later, or a mandate withdrawn, takes nothing back.
"""

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, field
from datetime import date

from bpp.insurance.engine.standing import Reason
from bpp.insurance.people import notice, reading
from bpp.insurance.people.record import Record
from bpp.insurance.scheme import Scheme
from protocol_specs.node.store import Session

Tell = Callable[[str, str, Reason], None]
"""Hears, once it is committed, of a job given all the same: scheme, worker, reason."""


def why_not(scheme: Scheme, record: Record, current: Container[str], day: date) -> Reason | None:
    """Why this scheme takes nothing of a job of that day; None: it does. Pure.

    `current` are the versions of the scheme's notice that hold. Who bears nothing need be told
    nothing: what the cooperative pays alone is left out only for whom the scheme is not meant.
    """
    bears = "worker" in scheme.bearers
    if not _is_meant(record.category_on(day), scheme.categories, if_unknown=not bears):
        return "category"
    if not _is_meant(record.residency_on(day), scheme.residencies, if_unknown=not bears):
        return "residency"
    if not bears:
        return None
    if record.shown.get(scheme.id) not in current:
        return "not_told"
    if scheme.basis == "consent" and not record.agreed.get(scheme.id):
        return "no_consent"
    return None


def _is_meant(value: str | None, meant: Sequence[str], *, if_unknown: bool) -> bool:
    return not meant or (if_unknown if value is None else value in meant)


WORDS: dict[Reason, str] = {
    "not_told": (
        "You were not shown the notice of {title} yet, or it has changed. Read it, then you get "
        "jobs again."
    ),
    "no_consent": (
        "You have not said yet whether you agree to {title}. Say yes or no, then you get jobs "
        "again; after a no, nothing is deducted."
    ),
    "category": "The desk does not know yet what category of worker you are, for {title}.",
    "residency": "The desk does not know yet your residency, for {title}.",
}


@dataclass(frozen=True, slots=True)
class PeopleGate:
    """The gate over the records of people. `ask` as the notices have it; `now` reads the clock."""

    ask: str
    now: Callable[[], int]
    tell: Tell
    _current: dict[str, frozenset[str]] = field(default_factory=dict)

    def withheld(
        self, session: Session, scheme: Scheme, worker: str, *, at: int, origin_at: int
    ) -> Reason | None:
        """As Gate has it: by what was on record at `at`. One query."""
        if _asks_nothing(scheme):
            return None
        record = reading.record_of(session, worker, at)
        return why_not(scheme, record, self._versions(scheme), scheme.day(origin_at))

    def objection(
        self, session: Session, schemes: Sequence[Scheme], worker: str | None, origin_at: int | None
    ) -> str | None:
        """As Gate has it. For whom a scheme is not meant, and who said no to a deduction that rests
        on consent, jobs go on without it."""
        asking = [scheme for scheme in schemes if "worker" in scheme.bearers]
        if not asking:
            return None
        record = reading.record_of(session, worker) if worker else Record()
        at = self.now() if origin_at is None else origin_at
        for scheme in asking:
            day = scheme.day(at)
            why = why_not(scheme, record, self._versions(scheme), day)
            if why is not None and not _is_settled(record, scheme, why, day):
                return WORDS[why].format(title=scheme.title)
        return None

    def _versions(self, scheme: Scheme) -> frozenset[str]:
        """The notices that hold, written once: a scheme's file does not change while we run."""
        if scheme.id not in self._current:
            self._current[scheme.id] = notice.current(scheme, self.ask)
        return self._current[scheme.id]

    def given(self, session: Session, scheme: Scheme, worker: str, reason: Reason) -> None:
        """As Gate has it. What is settled is no alarm."""
        record = reading.record_of(session, worker)
        if not _is_settled(record, scheme, reason, scheme.day(self.now())):
            session.after_commit(lambda: self.tell(scheme.id, worker, reason))


def _asks_nothing(scheme: Scheme) -> bool:
    """Whether everybody passes, so that nothing need be looked up."""
    return "worker" not in scheme.bearers and not scheme.categories and not scheme.residencies


def _is_settled(record: Record, scheme: Scheme, why: Reason, day: date) -> bool:
    """Whether what is known of the worker keeps them out, rather than something left to do."""
    settled: dict[Reason, bool] = {
        "category": record.category_on(day) is not None,
        "residency": record.residency_on(day) is not None,
        "no_consent": scheme.id in record.agreed,
    }
    return settled.get(why, False)
