"""Tables of the fleet: drivers with their last known place, and vehicles."""

from typing import ClassVar

from sqlalchemy import BigInteger, Table
from sqlmodel import Field

from bpp.tables import Tables


class VehicleRow(Tables, table=True):
    """One vehicle; `registration` is how people and the wire name it."""

    __tablename__ = "vehicle"
    __table__: ClassVar[Table]

    registration: str = Field(primary_key=True)
    category: str
    variant: str | None = None
    make: str | None = None
    model: str | None = None
    color: str | None = None
    energy_type: str | None = None
    features: str = ""  # words of abilities.FEATURES with blanks between
    seats: int | None = Field(default=None, sa_type=BigInteger)
    load_kg: int | None = Field(default=None, sa_type=BigInteger)
    load_cm: str | None = None  # such as 60x40x40


class DriverRow(Tables, table=True):
    """One driver. Micro-degrees, because the store keeps whole numbers; None: never seen."""

    __tablename__ = "driver"
    __table__: ClassVar[Table]

    agent_id: str = Field(primary_key=True)
    code: str = Field(unique=True)
    name: str
    phone: str
    vehicle: str = Field(foreign_key="vehicle.registration")
    token_sha256: str = Field(unique=True)
    active: int = Field(sa_type=BigInteger)  # 1 or 0
    online: int = Field(sa_type=BigInteger)  # 1 or 0
    lat_e6: int | None = Field(default=None, sa_type=BigInteger)
    lon_e6: int | None = Field(default=None, sa_type=BigInteger)
    seen_at: int | None = Field(default=None, sa_type=BigInteger)
