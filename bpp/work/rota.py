"""Today's shifts in memory: asked for each candidate of each job, so not of the database."""

from collections import defaultdict
from collections.abc import Mapping

from bpp.work import shifts
from bpp.work.shifts import Shift
from protocol_specs.node.store import Session

CHANNEL = "shifts"  # told whenever the desk changed the plan
REREAD_S = 60
AROUND_S = 86_400


class Rota:
    """The shifts of a day around now. The rows are the truth; what another process writes is heard
    on the channel, and read within a minute at the latest."""

    def __init__(self) -> None:
        self._of_driver: dict[str, list[Shift]] = {}
        self._of_vehicle: dict[str, list[Shift]] = {}
        self._read_at = 0
        self._is_old = True

    def heard(self, _: str) -> None:
        """The plan changed."""
        self._is_old = True

    def is_old(self, now: int) -> bool:
        """Whether it is to be read again."""
        return self._is_old or not 0 <= now - self._read_at < REREAD_S

    def read(self, session: Session, now: int) -> None:
        """Reads it again."""
        of_driver: dict[str, list[Shift]] = defaultdict(list)
        of_vehicle: dict[str, list[Shift]] = defaultdict(list)
        for shift in shifts.between(session, now - AROUND_S, now + AROUND_S):
            of_driver[shift.agent_id].append(shift)
            of_vehicle[shift.registration].append(shift)
        self._of_driver, self._of_vehicle = dict(of_driver), dict(of_vehicle)
        self._read_at, self._is_old = now, False

    def of_driver(self, agent_id: str, now: int) -> Shift | None:
        """The shift in which the driver is now."""
        return _at(self._of_driver.get(agent_id, ()), now)

    def of_vehicle(self, registration: str, now: int) -> Shift | None:
        """The shift in which the vehicle is now."""
        return _at(self._of_vehicle.get(registration, ()), now)

    def drove_before(self, registration: str, now: int) -> set[str]:
        """Whose shift with this vehicle ended within a day."""
        held = self._of_vehicle.get(registration, ())
        return {shift.agent_id for shift in held if now - AROUND_S < shift.ends_at <= now}

    def vehicles(self, now: int) -> Mapping[str, str]:
        """Which vehicle each driver has by a shift now."""
        running = (self.of_driver(agent_id, now) for agent_id in self._of_driver)
        return {shift.agent_id: shift.registration for shift in running if shift is not None}


def _at(held: list[Shift] | tuple[()], now: int) -> Shift | None:
    return next((shift for shift in held if shift.starts_at <= now < shift.ends_at), None)
