"""Applications as rows: written, leased to be challenged, moved on, done with, forgotten."""

from sqlalchemy import bindparam, delete, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from protocol_specs.node.store import Conflict, Row, Session, Statement
from registry.applications import Application, Kind
from registry.faults import not_allowed
from registry.tables import Application as ApplicationRow
from registry.tables import Spent

SHOWN_MAX = 500
KEPT_S = 30 * 86_400  # an application that is done with; the log of changes keeps what came of it
UNPROVEN_MAX = 2_000  # of those, whose url never answered: anybody can write as many as they like
PRUNED_PER_COMMIT_MAX = 200

_applications = ApplicationRow.__table__  # type: ignore[attr-defined]  # SQLModel hides the table
_spent = Spent.__table__  # type: ignore[attr-defined]  # SQLModel hides the table
_OPEN = _applications.c.state.in_(("challenge", "approval", "refused"))
_WAITS = _applications.c.state.in_(("challenge", "approval"))

APPLY = Statement(
    insert(_applications).values(
        {c.name: bindparam(c.name) for c in _applications.c if c.name != "id"}
    )
)
NEXT_CHALLENGE = Statement(
    select(_applications)
    .where(_applications.c.state == "challenge", _applications.c.next_at <= bindparam("now"))
    # Who takes part before strangers, whom anybody can make many of; then who has failed least.
    .order_by(_applications.c.signer == "", _applications.c.tries, _applications.c.next_at)
    .limit(1)
)
LEASE = Statement(
    update(_applications)
    .where(_applications.c.id == bindparam("which"))
    .values(next_at=bindparam("until"))
)
OPEN_OF = Statement(
    select(_applications)
    .where(_applications.c.subscriber_id == bindparam("subscriber_id"), _OPEN)
    # "approval" first, "refused" last: anybody may apply in a newcomer's name, and be refused.
    .order_by(_applications.c.state, _applications.c.id.desc())
    .limit(1)
)
OPEN_ALL_OF = Statement(
    select(_applications)
    .where(_applications.c.subscriber_id == bindparam("subscriber_id"), _OPEN)
    .order_by(_applications.c.id.desc())
    .limit(SHOWN_MAX)
)
OPEN = Statement(
    select(_applications)
    .where(_OPEN)
    .order_by(_applications.c.state, _applications.c.id.desc())  # who was refused hides nobody
    .limit(bindparam("most"))
)
COUNT_WAITING = Statement(select(func.count().label("n")).select_from(_applications).where(_WAITS))
COUNT_WAITING_OF = Statement(
    select(func.count().label("n"))
    .select_from(_applications)
    .where(_WAITS, _applications.c.subscriber_id == bindparam("subscriber_id"))
)
SUPERSEDE = Statement(
    update(_applications)
    .where(
        _applications.c.subscriber_id == bindparam("of"),
        _applications.c.id < bindparam("newest"),
        _applications.c.kind == bindparam("of_kind"),
        _OPEN,
    )
    .values(state="superseded", updated=bindparam("now"))
)
MOVE = Statement(
    update(_applications)
    .where(_applications.c.id == bindparam("which"), _applications.c.state == bindparam("was"))
    .values(
        state=bindparam("state"),
        reason=bindparam("reason"),
        fault=bindparam("fault"),
        tries=bindparam("tries"),
        challenged=bindparam("challenged"),
        next_at=bindparam("next_at"),
        updated=bindparam("now"),
    )
)
PRUNE = Statement(
    delete(_applications).where(
        _applications.c.id.in_(
            select(_applications.c.id)
            .where(
                _applications.c.state.in_(("granted", "refused", "superseded")),
                _applications.c.updated < bindparam("before"),
            )
            .limit(bindparam("most"))
        )
    )
)
PRUNE_UNPROVEN = Statement(
    delete(_applications).where(
        _applications.c.id.in_(
            select(_applications.c.id)
            .where(
                _applications.c.state.in_(("refused", "superseded")),
                _applications.c.challenged == 0,
            )
            .order_by(_applications.c.id.desc())
            .limit(bindparam("most"))
            .offset(bindparam("kept"))
        )
    )
)
END_FAILED = Statement(
    update(_applications)
    .where(
        _applications.c.id.in_(
            select(_applications.c.id)
            .where(
                _applications.c.subscriber_id == bindparam("of"),
                _applications.c.state == "challenge",
                _applications.c.tries > 0,
            )
            .order_by(_applications.c.id)
            .limit(1)
        )
    )
    .values(state="superseded", updated=bindparam("now"))
)
SPEND = Statement(upsert(_spent).on_conflict_do_nothing())
PRUNE_SPENT = Statement(
    delete(_spent).where(
        _spent.c.signature.in_(
            select(_spent.c.signature)
            .where(_spent.c.until < bindparam("now"))
            .limit(bindparam("most"))
        )
    )
)


def apply(session: Session, application: Application, *, kind: Kind, signer: str, now: int) -> None:
    """Write an application to be challenged, beside others of that subscriber: until one answers
    its challenge, nobody knows which of them is the subscriber's own.

    Raises NotAllowed if the nonce was used before.
    """
    try:
        session.run(
            APPLY,
            subscriber_id=application.subscriber_id,
            nonce=application.nonce,
            document=application.model_dump_json().encode(),
            kind=kind,
            signer=signer,
            state="challenge",
            reason="",
            fault="",
            tries=0,
            challenged=0,
            next_at=now,
            created=now,
            updated=now,
        )
    except Conflict:
        raise not_allowed("was used before: send a fresh one", "/nonce") from None


def count_waiting(session: Session, subscriber_id: str | None = None) -> int:
    """How many applications wait for a challenge or the operator: of one subscriber, or all."""
    if subscriber_id is None:
        row = session.one(COUNT_WAITING)
    else:
        row = session.one(COUNT_WAITING_OF, subscriber_id=subscriber_id)
    return 0 if row is None else int(row["n"])


def make_room(session: Session, subscriber_id: str, *, now: int) -> bool:
    """End the oldest application of a subscriber that has failed a challenge already, so that
    nobody can keep a newcomer out by applying in its name; False if there is none."""
    return session.run(END_FAILED, of=subscriber_id, now=now) > 0


def next_challenge(session: Session, *, now: int, until: int) -> Row | None:
    """The application to be challenged next, kept from others who ask `until` then."""
    row = session.one(NEXT_CHALLENGE, now=now)
    if row is not None:
        session.run(LEASE, which=row["id"], until=until)
    return row


def move(
    session: Session,
    row: Row,
    state: str,
    *,
    now: int,
    reason: str = "",
    fault: str = "",
    next_at: int | None = None,
) -> bool:
    """Move an application on from the state it was read in; False if it moved meanwhile."""
    failed = state in {"challenge", "refused"}
    moved = session.run(
        MOVE,
        which=row["id"],
        was=row["state"],
        state=state,
        reason=reason,
        fault=fault,
        tries=row["tries"] + (row["state"] == "challenge"),
        challenged=row["challenged"] or (0 if failed else now),
        next_at=now if next_at is None else next_at,
        now=now,
    )
    return moved == 1


def supersede(session: Session, row: Row, *, now: int) -> None:
    """End what the subscriber applied for before this application, which passed its challenge."""
    session.run(SUPERSEDE, of=row["subscriber_id"], newest=row["id"], of_kind=row["kind"], now=now)


def spend(session: Session, signature: str, *, until: int) -> bool:
    """Use up a signature; False if that was done before."""
    return session.run(SPEND, signature=signature, until=until) == 1


def prune_next(session: Session, now: int) -> bool:
    """Forget applications that were done with 30 days ago, sooner those that proved nothing and
    are very many, and signatures that have expired; says whether there were any."""
    gone = session.run(PRUNE, before=now - KEPT_S, most=PRUNED_PER_COMMIT_MAX)
    gone += session.run(PRUNE_UNPROVEN, kept=UNPROVEN_MAX, most=PRUNED_PER_COMMIT_MAX)
    return gone + session.run(PRUNE_SPENT, now=now, most=PRUNED_PER_COMMIT_MAX) > 0
