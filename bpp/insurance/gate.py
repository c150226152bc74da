"""The gate between a job and a deduction: what insurance asks of whoever keeps the people."""

from collections.abc import Sequence
from typing import Protocol

from bpp.insurance.engine.standing import Reason
from bpp.insurance.scheme import Scheme
from protocol_specs.node.store import Session


class Gate(Protocol):
    """Says of whom nothing may be deducted, and why. `worker` is an id of the books."""

    def withheld(
        self, session: Session, scheme: Scheme, worker: str, *, at: int, origin_at: int
    ) -> Reason | None:
        """Why this scheme takes nothing of a job that the worker got at `at`; None: it does.

        `origin_at` decides the day of the job. A read; asked once for each worker of a job.
        """
        ...

    def objection(
        self, session: Session, schemes: Sequence[Scheme], worker: str | None, origin_at: int | None
    ) -> str | None:
        """Why this worker (None: not in the books) is to be offered no job, in words for them.

        `origin_at` None: the job is for now. A read.
        """
        ...

    def given(self, session: Session, scheme: Scheme, worker: str, reason: Reason) -> None:
        """A job was given all the same, and nothing is deducted of it: somebody should hear."""
        ...


class OpenGate:
    """Where nobody keeps the people: everybody passes."""

    def withheld(
        self, session: Session, scheme: Scheme, worker: str, *, at: int, origin_at: int
    ) -> Reason | None:
        return None

    def objection(
        self, session: Session, schemes: Sequence[Scheme], worker: str | None, origin_at: int | None
    ) -> str | None:
        return None

    def given(self, session: Session, scheme: Scheme, worker: str, reason: Reason) -> None:
        return None


OPEN = OpenGate()
