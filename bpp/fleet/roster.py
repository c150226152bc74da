"""The fleet's rows: drivers and vehicles added, changed and read, in the caller's transaction."""

from sqlalchemy import bindparam, insert, select, update

from bpp.fleet.abilities import Abilities, sides
from bpp.fleet.csv_import import Roster
from bpp.fleet.dispatch import Position
from bpp.fleet.tables import DriverRow, VehicleRow
from bpp.fleet.workers import (
    BadEntry,
    DriverEntry,
    VehicleEntry,
    Worker,
    new_agent_id,
    new_token,
    token_hash,
)
from protocol_specs.node.store import Row, Session, Statement
from protocol_specs.wire.order import Agent, Vehicle

_DRIVER, _VEHICLE = DriverRow.__table__, VehicleRow.__table__
_DETAILS = ("category", "variant", "make", "model", "color", "energy_type")
_ABILITIES = ("features", "seats", "load_kg", "load_cm")

_ADD_VEHICLE = Statement(insert(_VEHICLE))
_CHANGE_VEHICLE = Statement(
    update(_VEHICLE)
    .where(_VEHICLE.c.registration == bindparam("of"))
    .values({name: bindparam(name) for name in (*_DETAILS, *_ABILITIES)})
)
_ADD_DRIVER = Statement(insert(_DRIVER))
_CHANGE_DRIVER = Statement(
    update(_DRIVER)
    .where(_DRIVER.c.agent_id == bindparam("of"))
    .values({name: bindparam(name) for name in ("name", "phone", "vehicle")})
)
_SET_ACTIVE = Statement(
    update(_DRIVER).where(_DRIVER.c.agent_id == bindparam("of")).values(active=bindparam("active"))
)
_SET_TOKEN = Statement(
    update(_DRIVER)
    .where(_DRIVER.c.agent_id == bindparam("of"))
    .values(token_sha256=bindparam("hash"))
)
_SEEN = Statement(
    update(_DRIVER)
    .where(_DRIVER.c.agent_id == bindparam("of"))
    .values({name: bindparam(name) for name in ("online", "lat_e6", "lon_e6", "seen_at")})
)
_VEHICLE_OF = Statement(select(_VEHICLE).where(_VEHICLE.c.registration == bindparam("of")))
_CATEGORIES = Statement(select(_VEHICLE.c.category).distinct().order_by(_VEHICLE.c.category))
_REGISTRATIONS = Statement(
    select(_VEHICLE.c.registration, _VEHICLE.c.category).order_by(_VEHICLE.c.registration)
)
_EVERY_ABILITY = Statement(
    select(_VEHICLE.c.registration, *(_VEHICLE.c[name] for name in _ABILITIES))
)
_BY_CODE = Statement(select(_DRIVER).where(_DRIVER.c.code == bindparam("code")))
_JOINED = select(_DRIVER, *(_VEHICLE.c[name] for name in _DETAILS)).join(
    _VEHICLE, _DRIVER.c.vehicle == _VEHICLE.c.registration
)
_EVERYBODY = Statement(_JOINED.order_by(_DRIVER.c.code))
_BY_TOKEN = Statement(_JOINED.where(_DRIVER.c.token_sha256 == bindparam("hash")))


def put_vehicle(session: Session, entry: VehicleEntry) -> None:
    """Adds the vehicle, or changes what is known of it."""
    details = {name: getattr(entry, name) for name in (*_DETAILS, *_ABILITIES)}
    details["features"] = " ".join(sorted(set(entry.features)))
    if not session.run(_CHANGE_VEHICLE, of=entry.registration, **details):
        session.run(_ADD_VEHICLE, registration=entry.registration, **details)


def put_driver(session: Session, entry: DriverEntry) -> tuple[str, str | None]:
    """Adds the driver, or changes the one with this code: the agent_id, and a token if made now.

    A new driver without a token hash gets a token; a known one keeps its own, whatever the entry
    says: a restart must not revive the token of a lost phone. Raises BadEntry for an unknown
    vehicle and Conflict for a token somebody else has.
    """
    if session.one(_VEHICLE_OF, of=entry.vehicle) is None:
        raise BadEntry("vehicle", f"{entry.vehicle!r} is not registered; add the vehicle first")
    person = {"name": entry.name, "phone": entry.phone, "vehicle": entry.vehicle}
    known = session.one(_BY_CODE, code=entry.code)
    if known is not None:
        session.run(_CHANGE_DRIVER, of=known["agent_id"], **person)
        return known["agent_id"], None
    token = None if entry.token_sha256 else new_token()
    agent_id = new_agent_id()
    session.run(
        _ADD_DRIVER,
        agent_id=agent_id,
        code=entry.code,
        token_sha256=token_hash(token) if token else entry.token_sha256,
        active=1,
        online=0,
        lat_e6=None,
        lon_e6=None,
        seen_at=None,
        **person,
    )
    return agent_id, token


def put_roster(session: Session, roster: Roster) -> dict[str, str]:
    """Adds or changes all of it, or (raising) nothing: the tokens made now, by driver code."""
    with session.savepoint():
        for vehicle in roster.vehicles:
            put_vehicle(session, vehicle)
        tokens = {entry.code: put_driver(session, entry)[1] for entry in roster.drivers}
    return {code: token for code, token in tokens.items() if token is not None}


def set_active(session: Session, agent_id: str, is_active: bool) -> bool:
    """Lets a driver work, or no longer; False: no such driver. A running job stays the driver's."""
    return session.run(_SET_ACTIVE, of=agent_id, active=int(is_active)) == 1


def renew_token(session: Session, agent_id: str) -> str | None:
    """A new token, the old one dead at once (a lost phone); None: no such driver."""
    token = new_token()
    return token if session.run(_SET_TOKEN, of=agent_id, hash=token_hash(token)) == 1 else None


def find_driver(session: Session, token: str) -> Worker | None:
    """The active driver with this token, or None."""
    worker = find_holder(session, token)
    return worker if worker is not None and worker.active else None


def find_holder(session: Session, token: str) -> Worker | None:
    """Whoever holds this token, also one who left: for their own money and slips, no more."""
    row = session.one(_BY_TOKEN, hash=token_hash(token))
    return _worker(row) if row is not None else None


def everybody(session: Session) -> list[tuple[Worker, Position | None]]:
    """Every driver by code, with the last known place of those who were online."""
    return [(_worker(row), _position(row)) for row in session.all(_EVERYBODY)]


def categories(session: Session) -> list[str]:
    """The categories of all registered vehicles, sorted; whether somebody drives them or not."""
    return [row["category"] for row in session.all(_CATEGORIES)]


def registrations(session: Session) -> list[tuple[str, str]]:
    """Every vehicle with its category, by registration."""
    return [(row["registration"], row["category"]) for row in session.all(_REGISTRATIONS)]


def find_vehicle(session: Session, registration: str) -> Vehicle | None:
    """The vehicle, or None."""
    row = session.one(_VEHICLE_OF, of=registration)
    return _vehicle(row, row["registration"]) if row is not None else None


def abilities(session: Session) -> dict[str, Abilities]:
    """What every vehicle can take, by registration."""
    return {
        row["registration"]: Abilities(
            features=frozenset(row["features"].split()),
            seats=row["seats"],
            load_kg=row["load_kg"],
            load_cm=sides(row["load_cm"]),
        )
        for row in session.all(_EVERY_ABILITY)
    }


def write_seen(session: Session, agent_id: str, position: Position | None) -> None:
    """The driver's last known place; None: gone offline, and the place is forgotten."""
    session.run(
        _SEEN,
        of=agent_id,
        online=int(position is not None),
        lat_e6=round(position.lat * 1_000_000) if position else None,
        lon_e6=round(position.lon * 1_000_000) if position else None,
        seen_at=position.at if position else None,
    )


def _vehicle(row: Row, registration: str) -> Vehicle:
    return Vehicle(registration=registration, **{name: row[name] for name in _DETAILS})


def _worker(row: Row) -> Worker:
    return Worker(
        agent_id=row["agent_id"],
        code=row["code"],
        agent=Agent(name=row["name"], phone=row["phone"]),
        vehicle=_vehicle(row, row["vehicle"]),
        active=bool(row["active"]),
    )


def _position(row: Row) -> Position | None:
    if not row["online"] or row["lat_e6"] is None:
        return None
    return Position(row["lat_e6"] / 1_000_000, row["lon_e6"] / 1_000_000, row["seen_at"])
