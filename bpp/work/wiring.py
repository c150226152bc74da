"""People at work, put together: the rules that dispatch asks, and what goes on by itself."""

import asyncio
from dataclasses import dataclass
from datetime import tzinfo

from bpp.fleet.fleet import Fleet
from bpp.work import documents, handovers, shifts
from bpp.work.rota import CHANNEL, Rota
from bpp.work.settings import DocumentSettings, ShiftUse
from bpp.work.standing import Standing
from protocol_specs.node.server import Node


@dataclass(frozen=True, slots=True)
class Turning:
    """Who drives what as the hours go by: the step of a loop."""

    node: Node
    fleet: Fleet
    rota: Rota

    async def turn_next(self, now: int) -> bool:
        """Reads the plan again if it is old; gives the drivers of this moment their vehicles."""
        store = self.node.store
        if self.rota.is_old(now):
            store.read(lambda session: self.rota.read(session, now))
        driven = self.rota.vehicles(now)
        store.read(lambda session: self.fleet.drive(session, driven))
        return False


def add(
    node: Node, fleet: Fleet, papers: DocumentSettings, use: ShiftUse, zone: tzinfo
) -> Standing:
    """The cooperative's rules; shifts begin and end, and what is old is forgotten."""
    rota, wake = Rota(), asyncio.Event()

    def heard(payload: str) -> None:
        rota.heard(payload)
        wake.set()

    node.store.listen(CHANNEL, heard)
    node.add_loop("shifts", Turning(node, fleet, rota).turn_next, wake=wake, everywhere=True)
    node.add_loop("old shifts", shifts.forget_next, wake=asyncio.Event())
    node.add_loop("old scans", documents.forget_scan_next, wake=asyncio.Event())
    node.add_loop("old pictures", handovers.forget_next, wake=asyncio.Event())
    return Standing(rota=rota, documents=papers, shifts=use, zone=zone)
