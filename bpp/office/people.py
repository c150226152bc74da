"""People of the office: who may sign in, in which roles. Given and taken by a command."""

import re
from dataclasses import dataclass

from sqlalchemy import bindparam, delete, insert, select, update

from bpp.declined import Declined
from bpp.office import acts
from bpp.office.tables import OfficePerson
from protocol_specs.node.store import Conflict, Row, Session, Statement
from protocol_specs.web.codes import phone_of
from protocol_specs.web.visit import Person

ROLES = ("member", "dispatcher", "treasurer", "auditor")
ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
NAME_MAX = 100
BY_COMMAND = "command"

_P = OfficePerson.__table__
_ADD = Statement(insert(_P))
_CHANGE = Statement(
    update(_P)
    .where(_P.c.id == bindparam("of"))
    .values({name: bindparam(name) for name in ("phone", "name", "roles")})
)
_DROP = Statement(delete(_P).where(_P.c.id == bindparam("of")))
_ALL = Statement(select(_P).order_by(_P.c.id))
_ONE = Statement(select(_P).where(_P.c.id == bindparam("of")))
_OF_PHONE = Statement(select(_P.c.id).where(_P.c.phone == bindparam("phone")))


@dataclass(frozen=True, slots=True)
class Entry:
    """A person as the command gives one. Raises Declined for what cannot be taken."""

    id: str
    phone: str
    name: str
    roles: tuple[str, ...]

    def __post_init__(self) -> None:
        if not ID.fullmatch(self.id):
            raise Declined(f"{self.id!r} is no short id: letters, digits, '.', '_' or '-'")
        if phone_of(self.phone) != self.phone:
            raise Declined(
                f"{self.phone!r} is no phone with its country code, such as +60123456789"
            )
        if not self.name.strip() or len(self.name) > NAME_MAX or not self.name.isprintable():
            raise Declined(f"the name has 1 to {NAME_MAX} printable characters")
        unknown = sorted(set(self.roles) - set(ROLES))
        if unknown or not self.roles:
            raise Declined(f"roles are {', '.join(ROLES)}; not {', '.join(unknown) or 'none'}")


def put(session: Session, entry: Entry, now: int) -> bool:
    """Adds the person, or changes the one of this id; says whether it is a new one.

    Raises Declined: somebody else has this phone.
    """
    known = session.one(_ONE, of=entry.id) is not None
    roles = ",".join(role for role in ROLES if role in entry.roles)
    values = {"phone": entry.phone, "name": entry.name.strip(), "roles": roles}
    try:
        if known:
            session.run(_CHANGE, of=entry.id, **values)
        else:
            session.run(_ADD, id=entry.id, since=now, **values)
    except Conflict:
        raise Declined(f"somebody else has the phone {entry.phone}") from None
    told = {"roles": roles}
    acts.note(session, at=now, who=BY_COMMAND, what="let_in", about=entry.id, told=told)
    return not known


def remove(session: Session, id: str, now: int) -> None:
    """Nobody signs in as this person any more, at once. Raises Declined: there is none."""
    if not session.run(_DROP, of=id):
        raise Declined(f"nobody of the id {id!r} is in the office")
    acts.note(session, at=now, who=BY_COMMAND, what="let_out", about=id, told={})


def everybody(session: Session) -> list[Row]:
    """Everybody, by id."""
    return session.all(_ALL)


class OfficePeople:
    """The office's people, as a face asks for them."""

    def may_sign_in(self, session: Session, phone: str) -> bool:
        """Whether somebody of the office has this phone."""
        return session.one(_OF_PHONE, phone=phone) is not None

    def who_of(self, session: Session, phone: str, now: int) -> str | None:
        """Whose phone it is."""
        row = session.one(_OF_PHONE, phone=phone)
        return str(row["id"]) if row else None

    def person(self, session: Session, who: str) -> Person | None:
        """Who they are now, with the roles they have now."""
        row = session.one(_ONE, of=who)
        return Person(row["id"], row["name"], frozenset(row["roles"].split(","))) if row else None
