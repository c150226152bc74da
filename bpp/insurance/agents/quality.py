"""How well each who files or registers did: days to remit, what came late, what was rejected."""

from collections import defaultdict
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

from bpp.insurance.agents import attribution, commission, filing
from bpp.insurance.engine import calendar
from bpp.insurance.remittance import reading
from bpp.insurance.remittance.values import Remittance
from bpp.insurance.scheme_file import load
from protocol_specs.node.store import Session

DAY_S = 86_400


@dataclass(slots=True)
class Quality:
    """The record of one filer, or of one social-protection agent.

    `days_to_remit`: from the end of a period to its remittance being sent, the middle one.
    `lines` and `rejected_lines` are of the remittances it sent, or of the workers it registered.
    """

    agent: str
    role: str
    remittances: int = 0
    late: int = 0
    lines: int = 0
    rejected_lines: int = 0
    registered: int = 0
    left: int = 0
    refused: int = 0
    days: list[int] = field(default_factory=list)

    def shown(self) -> dict[str, Any]:
        """JSON-ready; a rate is text with four places, None where there is nothing to divide by."""
        found = asdict(self)
        days = found.pop("days")
        errors = f"{self.rejected_lines / self.lines:.4f}" if self.lines else None
        return {
            **found,
            "days_to_remit": median(days) if days else None,
            "error_rate": errors,
        }


def records(session: Session) -> list[dict[str, Any]]:
    """One for each who ever sent a remittance, then one for each agent, JSON-ready."""
    return [*_filers(session), *_agents(session)]


def _filers(session: Session) -> list[dict[str, Any]]:
    found: dict[str, Quality] = {}
    for sent in filing.filings(session):
        remittance = reading.remittance(session, sent.subject)
        if sent.action != "send" or remittance is None:
            continue
        record = found.setdefault(sent.filer, Quality(sent.filer, "files"))
        record.remittances += 1
        record.days.append(_days_after_period(remittance, sent.at))
        record.late += _is_late(remittance, sent.at)
        for line in reading.lines(session, remittance.id):
            record.lines += 1
            record.rejected_lines += line.is_rejected
    return [found[name].shown() for name in sorted(found)]


def _agents(session: Session) -> list[dict[str, Any]]:
    found: dict[tuple[str, str], Quality] = defaultdict(lambda: Quality("", ""))
    for agent in attribution.agents(session):
        found[agent.record.scheme, agent.record.id] = Quality(agent.record.id, "registers")
    for scheme in sorted({scheme for scheme, _ in found}):
        for step in attribution.of_scheme(session, scheme):
            record = found[scheme, step.agent]
            record.registered += step.kind == "claimed"
            record.left += step.kind == "released"
            record.refused += step.kind == "refused"
        for remittance in reading.remittances(session, scheme=scheme):
            _count_lines(session, remittance, found)
    return [found[key].shown() for key in sorted(found)]


def _count_lines(
    session: Session, remittance: Remittance, found: dict[tuple[str, str], Quality]
) -> None:
    day = calendar.last_day(remittance.period)
    agent_of = commission.attributed(session, remittance.scheme, day)
    sent = [event.at for event in remittance.events if event.kind == "sent"]
    for agent in sorted(set(agent_of.values())) if sent else ():
        record = found[remittance.scheme, agent]
        record.remittances += 1
        record.days.append(_days_after_period(remittance, sent[0]))
        record.late += _is_late(remittance, sent[0])
    for line in reading.lines(session, remittance.id) if agent_of else ():
        if line.worker in agent_of:
            record = found[remittance.scheme, agent_of[line.worker]]
            record.lines += 1
            record.rejected_lines += line.is_rejected


def _days_after_period(remittance: Remittance, at: int) -> int:
    day = calendar.local(at, load(remittance.scheme).zone).date()
    return (day - calendar.last_day(remittance.period)).days


def _is_late(remittance: Remittance, at: int) -> bool:
    day = calendar.local(at, load(remittance.scheme).zone).date()
    return remittance.due_day is not None and day > remittance.due_day
