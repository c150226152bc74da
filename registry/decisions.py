"""The operator's decisions, one function each, in the caller's transaction.

`who` is the operator's name. ApiError says why a decision is not possible; then nothing is written.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from protocol_specs.node.api import ApiError
from protocol_specs.node.store import Row, Session
from registry import changes, directory, participants, pending
from registry.applications import read_document


@dataclass(frozen=True)
class Decision:
    """What the operator decided of whom. `application`, if said, must still be the open one;
    `key_id` is for a key that is to end."""

    who: str
    subscriber_id: str
    now: int
    reason: str = ""
    application: int | None = None
    key_id: str = ""


def approve(session: Session, decision: Decision) -> str:
    """Grant the application that answered its challenge."""
    row = _open(session, decision)
    if row["state"] == "challenge":
        told = f"{decision.subscriber_id} has not answered its challenge yet"
        raise ApiError(409, "challenge_open", told)
    if row["state"] == "refused":
        told = f"{decision.subscriber_id} must join again: {row['reason']}"
        raise ApiError(409, "challenge_failed", told)
    participants.grant(session, row, who=decision.who, now=decision.now, reason=decision.reason)
    pending.supersede(session, row, now=decision.now)
    return "SUBSCRIBED"


def refuse(session: Session, decision: Decision) -> str:
    """End an open application with a reason, which the applicant can read."""
    _reason(decision)
    row = _open(session, decision)
    if row["state"] == "refused":
        told = f"the application of {decision.subscriber_id} is refused already: {row['reason']}"
        raise ApiError(409, "refused", told)
    pending.move(session, row, "refused", now=decision.now, reason=decision.reason)
    asked = read_document(row["document"])
    changes.note(
        session,
        "application refused",
        decision.subscriber_id,
        who=decision.who,
        now=decision.now,
        detail={
            "reason": decision.reason,
            "application": row["id"],
            "asked": [role.model_dump(mode="json") for role in asked.roles],
        },
    )
    return "INITIATED"


def suspend(session: Session, decision: Decision) -> str:
    """Let nobody find or trust it from now on, until it is reinstated."""
    _reason(decision)
    return _turn(session, decision, "SUSPENDED", "suspended", after={"SUBSCRIBED"})


def reinstate(session: Session, decision: Decision) -> str:
    """Lift a suspension: what it took part as, it takes part as again."""
    _turn(session, decision, "SUBSCRIBED", "reinstated", after={"SUSPENDED"})
    return "SUBSCRIBED"


def remove(session: Session, decision: Decision) -> str:
    """Take it out with all its keys; coming back needs new keys and the operator's yes."""
    _reason(decision)
    who, now, reason = decision.who, decision.now, decision.reason
    if not participants.remove(session, decision.subscriber_id, who=who, now=now, reason=reason):
        raise ApiError(404, "unknown", f"{decision.subscriber_id} does not take part")
    return "UNSUBSCRIBED"


def retire(session: Session, decision: Decision) -> str:
    """End one key for ever, for a participant that lost it to somebody."""
    _reason(decision)
    if (
        session.one(
            directory.KEY, subscriber_id=decision.subscriber_id, unique_key_id=decision.key_id
        )
        is None
    ):
        told = f"{decision.subscriber_id} has no key {decision.key_id!r}"
        raise ApiError(404, "unknown_key", told)
    participants.retire(
        session,
        decision.subscriber_id,
        decision.key_id,
        who=decision.who,
        now=decision.now,
        reason=decision.reason,
    )
    return "EXPIRED"


DECISIONS: Mapping[str, Callable[[Session, Decision], str]] = {
    "approve": approve,
    "refuse": refuse,
    "suspend": suspend,
    "reinstate": reinstate,
    "remove": remove,
    "retire": retire,
}
"""By the verb that commands, API and page share; each returns the status word of the outcome."""


def decide(session: Session, verb: str, decision: Decision) -> str:
    """One of them, beside no other change of the directory."""
    changes.alone(session)
    return DECISIONS[verb](session, decision)


def _open(session: Session, decision: Decision) -> Row:
    row = session.one(pending.OPEN_OF, subscriber_id=decision.subscriber_id)
    if row is None:
        raise ApiError(404, "unknown", f"{decision.subscriber_id} has no open application")
    if decision.application not in (None, row["id"]):
        told = f"{decision.subscriber_id} has another application by now: look at it first"
        raise ApiError(409, "changed", told)
    return row


def _turn(session: Session, decision: Decision, to: str, what: str, *, after: set[str]) -> str:
    moved = participants.set_status(
        session,
        decision.subscriber_id,
        to,
        what,
        after=frozenset(after),
        who=decision.who,
        now=decision.now,
        reason=decision.reason,
    )
    if not moved:
        states = " or ".join(sorted(after)).lower()
        raise ApiError(404, "unknown", f"{decision.subscriber_id} is not {states}")
    return "UNSUBSCRIBED"


def _reason(decision: Decision) -> None:
    if not decision.reason.strip():
        raise ApiError(400, "reason_missing", "say why: it stands in the log", "/reason")
