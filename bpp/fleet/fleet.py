"""The fleet in memory: who works here, who is online, and where. Positions are never logged."""

from collections.abc import Callable, Iterator, Mapping

from bpp.fleet import roster
from bpp.fleet.abilities import Abilities
from bpp.fleet.dispatch import Candidate, Position
from bpp.fleet.grid import Grid
from bpp.fleet.workers import Worker
from protocol_specs.node.store import Session, Store
from protocol_specs.node.workers.hints import AGAIN
from protocol_specs.wire.order import Place
from protocol_specs.wire.values import replace

UNKNOWN = Abilities()
ROSTER, SEEN, GONE = "roster", "seen", "gone"  # told to the node's other processes
WRITE_EVERY_S = 60  # a position in between lives in memory only


class Fleet:
    """Drivers and their positions. The rows are the truth about drivers, memory about positions."""

    def __init__(self) -> None:
        self._workers: dict[str, Worker] = {}
        self._abilities: dict[str, Abilities] = {}
        self._driven: dict[str, str] = {}
        self._positions: dict[str, Position] = {}
        self._grid = Grid()
        self._written: dict[str, int] = {}
        self._since: dict[str, int] = {}
        self._moved: list[Callable[[str], None]] = []

    def load(self, session: Session) -> None:
        """Read everybody again: at start, and after the desk changed something."""
        people = roster.everybody(session)
        self._abilities = roster.abilities(session)
        self._workers = {worker.agent_id: worker for worker, _ in people}
        for agent_id, registration in self._driven.items():
            worker, vehicle = self.worker(agent_id), roster.find_vehicle(session, registration)
            if worker is not None and vehicle is not None:
                self._workers[agent_id] = replace(worker, vehicle=vehicle)
        for worker, position in people:
            if position is not None and worker.agent_id not in self._positions:
                self._put(worker.agent_id, position)

    def reload(self, store: Store) -> None:
        """The desk changed somebody: read again, here and in the node's other processes."""
        store.read(self.load)
        store.tell(ROSTER, "")

    def share(self, store: Store) -> None:
        """From here on the node's other processes are heard: who moved there, and what changed."""

        def moved(payload: str) -> None:
            agent_id, position = _told(payload)
            known = self._positions.get(agent_id)
            is_late = known is not None and position.at < known.at
            if agent_id in self._workers and not is_late:
                self._seen(agent_id, position)

        store.listen(ROSTER, lambda _: store.read(self.load))
        store.listen(AGAIN, lambda _: store.read(self._load_anew))
        store.listen(SEEN, moved)
        store.listen(GONE, self._forget)

    def drive(self, session: Session, driven: Mapping[str, str]) -> None:
        """From now on these drivers have these vehicles (by registration), all others their own."""
        if driven != self._driven:
            self._driven = dict(driven)
            self.load(session)

    def abilities(self, registration: str | None) -> Abilities:
        """What the vehicle can take; of one we do not know nothing is known."""
        return self._abilities.get(registration or "", UNKNOWN)

    def worker(self, agent_id: str) -> Worker | None:
        """The driver with this id, or None."""
        return self._workers.get(agent_id)

    def workers(self) -> list[Worker]:
        """Every driver, by code."""
        return list(self._workers.values())

    def near(self, place: Place, radius_m: int) -> Iterator[tuple[float, list[Candidate]]]:
        """Every driver online within the radius and a few around it, in handfuls: with each how
        many metres around the place have now been looked at.
        """
        for read_m, names in self._grid.near(place.lat, place.lon, radius_m):
            known = ((self._workers.get(name), self._positions[name]) for name in names)
            yield read_m, [Candidate(worker, at) for worker, at in known if worker is not None]

    def position(self, agent_id: str) -> Position | None:
        """Where the driver is; None: offline or never seen."""
        return self._positions.get(agent_id)

    def online_since(self, agent_id: str) -> int:
        """When the driver came online, or was first seen by this process; 0: not online."""
        return self._since.get(agent_id, 0)

    def on_move(self, tell: Callable[[str], None]) -> None:
        """Call this with the agent_id whenever a driver is seen somewhere."""
        self._moved.append(tell)

    async def seen(self, store: Store, agent_id: str, position: Position) -> None:
        """The driver is online at this place. What cannot be stored has not happened: a driver who
        hears so is not online, and is given no job."""
        if position.at - self._written.get(agent_id, 0) >= WRITE_EVERY_S:
            await store.transact(lambda session: roster.write_seen(session, agent_id, position))
            self._written[agent_id] = position.at
        self._seen(agent_id, position)
        store.tell(SEEN, f"{agent_id} {position.lat!r} {position.lon!r} {position.at}")

    async def gone(self, store: Store, agent_id: str) -> None:
        """The driver is offline; the place is forgotten."""
        await store.transact(lambda session: roster.write_seen(session, agent_id, None))
        self._forget(agent_id)
        store.tell(GONE, agent_id)

    def _load_anew(self, session: Session) -> None:
        """The same where words were lost: somebody may have gone offline meanwhile."""
        self.load(session)
        for worker, position in roster.everybody(session):
            if position is None:
                self._forget(worker.agent_id)

    def _seen(self, agent_id: str, position: Position) -> None:
        self._put(agent_id, position)
        for tell in self._moved:
            tell(agent_id)

    def _forget(self, agent_id: str) -> None:
        self._positions.pop(agent_id, None)
        self._grid.drop(agent_id)
        self._since.pop(agent_id, None)
        self._written.pop(agent_id, None)

    def _put(self, agent_id: str, position: Position) -> None:
        self._positions[agent_id] = position
        self._since.setdefault(agent_id, position.at)
        self._grid.put(agent_id, position.lat, position.lon)


def _told(payload: str) -> tuple[str, Position]:
    """Who is where, as another process says it. Raises ValueError for anything else."""
    agent_id, lat, lon, at = payload.rsplit(" ", 3)
    place = Place(float(lat), float(lon))
    if not (-90 <= place.lat <= 90 and -180 <= place.lon <= 180):
        raise ValueError("no place on earth")
    return agent_id, Position(place.lat, place.lon, int(at))
