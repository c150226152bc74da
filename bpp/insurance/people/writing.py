"""Writing down what workers are, were told, agreed to and chose. In the caller's transaction.

Each function answers JSON-ready and raises Declined, with nothing kept. The same said again changes
nothing and is `is_new: false`.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import bindparam, func, insert, or_, select, update

from bpp.declined import Declined
from bpp.fleet.tables import DriverRow
from bpp.insurance import books
from bpp.insurance.engine import calendar
from bpp.insurance.extension import new_worker_id
from bpp.insurance.people import identity, notice, reading
from bpp.insurance.people.asked import (
    Agreed,
    BoughtPlan,
    Chosen,
    Declared,
    Enrolment,
    Numbered,
    OptedIn,
    Standing,
    Told,
)
from bpp.insurance.people.record import Kind, detail_text
from bpp.insurance.people.tables import MemberNumber, NoticeText, PersonRow, WorkerFact
from bpp.insurance.scheme import Scheme
from bpp.insurance.settings import InsuranceSettings
from bpp.insurance.tables import LocalWorker
from protocol_specs.node.store import Session, Statement

_driver = DriverRow.__table__
_fact = WorkerFact.__table__
_number = MemberNumber.__table__
_person = PersonRow.__table__
_text = NoticeText.__table__
_worker = LocalWorker.__table__

_CHANGED = ("name", "born", "sector", "licence", "identity_kind", "identity_sealed",
            "identity_hash", "enrolled_at", "by")  # fmt: skip
_FIND_DRIVER = Statement(
    select(_driver.c.agent_id).where(
        or_(_driver.c.code == bindparam("name"), _driver.c.agent_id == bindparam("name"))
    )
)
_FIND_LOCAL = Statement(select(_worker.c.agent_id).where(_worker.c.worker == bindparam("name")))
_BY_HASH = Statement(select(_person.c.worker).where(_person.c.identity_hash == bindparam("hash")))
_ENROL = Statement(insert(_person))
_CORRECT = Statement(
    update(_person)
    .where(_person.c.worker == bindparam("of"))
    .values({name: bindparam(name) for name in _CHANGED})
)
_LAST_FACT = Statement(select(func.max(_fact.c.n)).where(_fact.c.worker == bindparam("worker")))
_NEW_FACT = Statement(insert(_fact))
_HAS_TEXT = Statement(select(_text.c.sha256).where(_text.c.sha256 == bindparam("sha256")))
_NEW_TEXT = Statement(insert(_text))
_NUMBER_HELD = Statement(
    select(_number.c.worker).where(
        _number.c.scheme == bindparam("scheme"), _number.c.number == bindparam("number")
    )
)
_NEW_NUMBER = Statement(insert(_number))
_OTHER_NUMBER = Statement(
    update(_number)
    .where(_number.c.scheme == bindparam("of"), _number.c.worker == bindparam("who"))
    .values(number=bindparam("number"), at=bindparam("at"), by=bindparam("by"))
)


@dataclass(frozen=True, slots=True)
class People:
    """What the settings say: the schemes that run, whom a worker may ask, the identity keys.

    `keys` None: no identity_key is set, and nobody can be enrolled.
    """

    schemes: dict[str, Scheme]
    ask: str
    zone: str  # where the cooperative's day is
    keys: identity.IdentityKeys | None

    def scheme(self, name: str) -> Scheme:
        """Raises Declined."""
        if name not in self.schemes:
            raise Declined(f"{name!r} is no scheme here; there are: {', '.join(self.schemes)}")
        return self.schemes[name]

    def today(self, now: int) -> date:
        """The cooperative's civil day."""
        return calendar.local(now, self.zone).date()


def worker_named(session: Session, name: str) -> str:
    """The worker's id in the books, made if they have none yet: of a driver by code, agent's id or
    local id. Raises Declined."""
    row = session.one(_FIND_DRIVER, name=name)
    if row is not None:
        return books.worker_of(session, row["agent_id"], new_worker_id)
    if session.one(_FIND_LOCAL, name=name) is None:
        raise Declined(f"there is no driver {name!r}; add the driver first")
    return name


def find_worker(session: Session, name: str) -> str:
    """The same, of somebody who is in the books already; only reads. Raises Declined."""
    row = session.one(_FIND_DRIVER, name=name)
    worker = books.find_worker(session, row["agent_id"]) if row else None
    if worker is None and session.one(_FIND_LOCAL, name=name) is None:
        raise Declined(f"nothing is on record of {name!r}")
    return worker or name


def people_of(settings: InsuranceSettings, ask: str, ledger_seed: bytes) -> People:
    """By the settings. Raises SettingsError, Declined for an identity_key that is none."""
    schemes = {scheme.id: scheme for scheme in settings.load_schemes()}
    keys = None
    if settings.identity_key is not None:
        sealed_to = identity.key_of(settings.identity_key)
        keys = identity.IdentityKeys(sealed_to, identity.hash_secret(ledger_seed))
    zone = next((scheme.zone for scheme in schemes.values()), "UTC")
    return People(schemes, ask, zone, keys)


def whom_to_ask(name: str, phone: str | None) -> str:
    """The cooperative as its notices name it."""
    return f"{name}, {phone}" if phone else name


def enrol(session: Session, people: People, body: Enrolment, now: int) -> dict[str, Any]:
    """Enrols a worker, or corrects what was said; category and residency with it if given."""
    if people.keys is None:
        raise Declined(
            "insurance.identity_key is not set: make one with wayfare workers keygen, and keep its "
            "private half away from this node"
        )
    checked = identity.check(body.identity_kind, body.identity)
    if not date(1900, 1, 1) <= body.born < people.today(now):
        raise Declined("born: that day cannot be a birthday of somebody at work")
    worker = worker_named(session, body.worker)
    hashed = identity.keyed_hash(checked, people.keys.hash_secret)
    held = session.one(_BY_HASH, hash=hashed)
    if held is not None and held["worker"] != worker:
        raise Declined(f"this identity number is enrolled already, as worker {held['worker']}")
    known = reading.person_row(session, worker)
    values: dict[str, Any] = {
        "name": body.name,
        "born": body.born.isoformat(),
        "sector": body.sector,
        "licence": body.licence,
        "identity_kind": checked.kind,
        "identity_hash": hashed,
    }
    is_new = known is None or any(known[name] != value for name, value in values.items())
    if is_new:
        sealed = identity.seal(checked, people.keys.sealed_to)
        values |= {"identity_sealed": sealed, "enrolled_at": now, "by": body.by}
        session.run(_CORRECT, of=worker, **values) if known else session.run(
            _ENROL, worker=worker, **values
        )
    stands = _declare(session, people, worker, body, body.by, now) if _says(body) else False
    return {"worker": worker, "is_new": is_new or stands}


def declare(session: Session, people: People, body: Declared, now: int) -> dict[str, Any]:
    """A category or residency from a day on."""
    if not _says(body):
        raise Declined("say a category or a residency")
    worker = worker_named(session, body.worker)
    return {"worker": worker, "is_new": _declare(session, people, worker, body, body.by, now)}


def _says(body: Standing) -> bool:
    return body.category is not None or body.residency is not None


def _declare(
    session: Session, people: People, worker: str, body: Standing, by: str, now: int
) -> bool:
    if body.source is None:
        raise Declined("source: say what the category or residency rests on")
    day = body.day or people.today(now)
    detail = {"source": body.source}
    said: list[tuple[Kind, str | None]] = [
        ("category", body.category), ("residency", body.residency),
    ]  # fmt: skip
    written = [
        _write(session, worker, kind, "", value, day, detail, now, by)
        for kind, value in said
        if value is not None
    ]
    return any(written)


def tell(session: Session, people: People, body: Told, now: int) -> dict[str, Any]:
    """That the notice as it stands was shown; its exact text is kept."""
    worker, scheme = worker_named(session, body.worker), people.scheme(body.scheme)
    shown = notice.notice(scheme, people.ask, body.language)
    if body.version not in (None, shown.sha256):
        raise Declined("this is not the notice as it stands now: show the new one")
    if session.one(_HAS_TEXT, sha256=shown.sha256) is None:
        values = {"scheme": scheme.id, "language": shown.language, "text": shown.text}
        session.run(_NEW_TEXT, sha256=shown.sha256, **values)
    detail = {"language": body.language, "how": body.how}
    is_new = _write(
        session, worker, "notice", scheme.id, shown.sha256, scheme.day(now), detail, now, body.by
    )
    return {"worker": worker, "version": shown.sha256, "is_new": is_new}


def agree(session: Session, people: People, body: Agreed, now: int) -> dict[str, Any]:
    """A yes or no; a no after a yes takes it back, for jobs from now on."""
    worker, scheme = worker_named(session, body.worker), people.scheme(body.scheme)
    if scheme.basis != "consent":
        raise Declined(f"{scheme.id} rests on {scheme.basis}: there is nothing to agree to")
    record = reading.record_of(session, worker)
    if body.agree and record.shown.get(scheme.id) not in notice.current(scheme, people.ask):
        raise Declined(f"the notice of {scheme.id} was not shown yet; nobody agrees unread")
    if record.agreed.get(scheme.id) == body.agree:
        return {"worker": worker, "is_new": False}
    kind: Kind = "consent" if body.agree else "withdrawal"
    detail = {"how": body.how, "reference": body.reference}
    _write(session, worker, kind, scheme.id, "", scheme.day(now), detail, now, body.by)
    return {"worker": worker, "is_new": True}


def choose(session: Session, people: People, body: Chosen, now: int) -> dict[str, Any]:
    """A plan chosen; docs/people.md: a change counts from the next period."""
    worker, scheme = worker_named(session, body.worker), people.scheme(body.scheme)
    _require_plan(scheme, body.plan)
    day = _not_to_come(body.day, scheme.day(now))
    is_new = _write(session, worker, "plan", scheme.id, body.plan, day, {}, now, body.by)
    return {"worker": worker, "is_new": is_new}


def buy(session: Session, people: People, body: BoughtPlan, now: int) -> dict[str, Any]:
    """A plan bought at the institution, by its receipt; a receipt seen later takes the place."""
    worker, scheme = worker_named(session, body.worker), people.scheme(body.scheme)
    _require_plan(scheme, body.plan)
    detail = body.model_dump(include={"first_month", "months", "receipt", "is_seen"})
    is_new = _write(
        session, worker, "bought", scheme.id, body.plan, scheme.day(now), detail, now, body.by
    )
    return {"worker": worker, "is_new": is_new}


def opt_in(session: Session, people: People, body: OptedIn, now: int) -> dict[str, Any]:
    """The choice to be in; the scheme's own rule says from which month."""
    worker, scheme = worker_named(session, body.worker), people.scheme(body.scheme)
    if not scheme.opt_in:
        raise Declined(f"{scheme.id} has no opting in")
    day = _not_to_come(body.day, scheme.day(now))
    is_new = _write(session, worker, "opt_in", scheme.id, "", day, {}, now, body.by)
    return {"worker": worker, "is_new": is_new}


def number(session: Session, people: People, body: Numbered, now: int) -> dict[str, Any]:
    """The institution's own number of the worker; a new one takes the place of the old."""
    worker, scheme = worker_named(session, body.worker), people.scheme(body.scheme)
    held = session.one(_NUMBER_HELD, scheme=scheme.id, number=body.number)
    if held is not None:
        if held["worker"] != worker:
            raise Declined(f"{scheme.id} has that number for worker {held['worker']} already")
        return {"worker": worker, "is_new": False}
    values = {"number": body.number, "at": now, "by": body.by}
    if not session.run(_OTHER_NUMBER, of=scheme.id, who=worker, **values):
        session.run(_NEW_NUMBER, scheme=scheme.id, worker=worker, **values)
    return {"worker": worker, "is_new": True}


def _require_plan(scheme: Scheme, name: str) -> None:
    plans = sorted({plan.name for plan in scheme.plan})
    if name not in plans:
        raise Declined(f"{scheme.id} has no plan {name!r}; there are: {', '.join(plans) or 'none'}")


def _not_to_come(day: date | None, today: date) -> date:
    if day is not None and day > today:
        raise Declined(f"day: {day} is still to come; a choice is written down when it was made")
    return day or today


def _write(
    session: Session,
    worker: str,
    kind: Kind,
    scheme: str,
    value: str,
    day: date,
    detail: dict[str, Any],
    now: int,
    by: str,
) -> bool:
    """Adds a fact unless the last of its kind and scheme said just this; whether it was added."""
    same = [f for f in reading.facts_of(session, worker) if (f.kind, f.scheme) == (kind, scheme)]
    if kind == "notice":
        stands = bool(same) and (same[-1].value, same[-1].detail) == (value, detail)
    else:
        stands = any((f.value, f.day, f.detail) == (value, day, detail) for f in same[-1:])
        stands |= kind == "bought" and any((f.value, f.detail) == (value, detail) for f in same)
    if stands and kind not in ("consent", "withdrawal"):
        return False
    last = session.one(_LAST_FACT, worker=worker)
    session.run(
        _NEW_FACT,
        worker=worker,
        n=(last[0] or 0 if last else 0) + 1,
        kind=kind,
        scheme=scheme,
        day=day.isoformat(),
        value=value,
        detail=detail_text(detail),
        at=now,
        by=by,
    )
    return True
