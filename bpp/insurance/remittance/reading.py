"""What is known of remittances: for slips, statements, files, the desk and the worker."""

from collections.abc import Iterator

from bpp.insurance.remittance.values import Line, Remittance, Share
from protocol_specs.node.store import Session


def remittances(session: Session, scheme: str | None = None) -> list[Remittance]:
    """Every remittance, or those of a scheme, by scheme, period and number."""
    return []


def remittance(session: Session, id: str) -> Remittance | None:
    """One, with its events; None: there is none of this id (or its close is not finished)."""
    return None


def lines(session: Session, id: str) -> Iterator[Line]:
    """The workers of a remittance by their local id, read as they are needed."""
    return iter(())


def status_of(session: Session, scheme: str, worker: str, period: str) -> list[Share]:
    """Where the worker's money of that origin period is."""
    return []


def is_closed(session: Session, scheme: str, period: str) -> bool:
    """Whether what happens now to that period is declared in a later one."""
    return False
