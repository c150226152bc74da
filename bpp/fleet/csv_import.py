"""Drivers and vehicles from a CSV file: every fault with its line, and nothing half imported."""

import csv
import io
from dataclasses import dataclass

from bpp.fleet.workers import BadEntry, DriverEntry, VehicleEntry

REQUIRED = ("code", "name", "phone", "vehicle", "category")
DETAILS = ("variant", "make", "model", "color", "energy_type")
OPTIONAL = (*DETAILS, "features", "seats", "load_kg", "load_cm", "token_sha256")
ROWS_MAX = 10_000


class BadCsv(ValueError):
    """A file that is not imported; `faults` holds one sentence per fault, with its line."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


@dataclass(frozen=True, slots=True)
class Roster:
    """The drivers and vehicles of one file or one settings table."""

    drivers: tuple[DriverEntry, ...]
    vehicles: tuple[VehicleEntry, ...]


def parse_roster(text: str) -> Roster:
    """The roster in a CSV text: one line per driver with the vehicle driven.

    The header names the columns: code, name, phone, vehicle (its registration), category; and if
    wanted those of OPTIONAL; features have blanks between. Raises BadCsv with all faults.
    """
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")), strict=True)
    try:
        faults = _header_faults(reader.fieldnames or ())
    except csv.Error as error:
        raise BadCsv([f"line 1: {error}"]) from None
    if faults:
        raise BadCsv(faults)
    rows = _rows(reader)
    drivers: dict[str, DriverEntry] = {}
    vehicles: dict[str, VehicleEntry] = {}
    for line, row in rows:
        try:
            driver, vehicle = _entries(row)
            _add_driver(drivers, driver)
            _add_vehicle(vehicles, vehicle)
        except BadEntry as bad:
            faults.append(f"line {line}: {bad}")
    if faults:
        raise BadCsv(faults)
    return Roster(tuple(drivers.values()), tuple(vehicles.values()))


def _header_faults(names: object) -> list[str]:
    columns = [str(name).strip() for name in names] if isinstance(names, list) else []
    missing = [name for name in REQUIRED if name not in columns]
    unknown = [name for name in columns if name not in REQUIRED + OPTIONAL]
    faults = [f"line 1: column {name!r} is missing" for name in missing]
    known = ", ".join(REQUIRED + OPTIONAL)
    return faults + [f"line 1: unknown column {name!r}; known are {known}" for name in unknown]


def _rows(reader: "csv.DictReader[str]") -> list[tuple[int, dict[str, str | None]]]:
    rows: list[tuple[int, dict[str, str | None]]] = []
    try:
        for row in reader:
            if len(rows) == ROWS_MAX:
                raise BadCsv([f"line {reader.line_num}: more than {ROWS_MAX} drivers in one file"])
            rows.append((reader.line_num, dict(row)))
    except csv.Error as error:
        raise BadCsv([f"line {reader.line_num}: {error}"]) from None
    return rows


def _entries(row: dict[str, str | None]) -> tuple[DriverEntry, VehicleEntry]:
    if None in row or None in row.values():
        raise BadEntry("line", "has another number of fields than the header")
    cells = {str(name).strip(): (value or "").strip() or None for name, value in row.items()}
    for name in REQUIRED:
        if cells[name] is None:
            raise BadEntry(name, "is empty")
    text = {name: value or "" for name, value in cells.items()}
    driver = DriverEntry(
        code=text["code"],
        name=text["name"],
        phone=text["phone"],
        vehicle=text["vehicle"],
        token_sha256=cells.get("token_sha256"),
    )
    vehicle = VehicleEntry(
        text["vehicle"],
        text["category"],
        **{name: cells.get(name) for name in DETAILS},
        features=tuple((cells.get("features") or "").split()),
        seats=_number("seats", cells.get("seats")),
        load_kg=_number("load_kg", cells.get("load_kg")),
        load_cm=cells.get("load_cm"),
    )
    return driver, vehicle


def _number(name: str, text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 7):
        raise BadEntry(name, f"{text!r} is not a whole number")
    return int(text)


def _add_driver(drivers: dict[str, DriverEntry], driver: DriverEntry) -> None:
    if driver.code in drivers:
        raise BadEntry("code", f"{driver.code!r} stands twice in the file")
    drivers[driver.code] = driver


def _add_vehicle(vehicles: dict[str, VehicleEntry], vehicle: VehicleEntry) -> None:
    """Two drivers may share a vehicle, but it is described only one way."""
    known = vehicles.setdefault(vehicle.registration, vehicle)
    if known != vehicle:
        raise BadEntry("vehicle", f"{vehicle.registration!r} is described in two ways")
