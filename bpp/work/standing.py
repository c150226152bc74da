"""Whether a driver may be given work now, whatever the job: papers that hold, and shifts."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import tzinfo

from bpp.fleet.workers import Worker
from bpp.orders import store
from bpp.work import documents
from bpp.work.documents import Holder, Paper
from bpp.work.rota import Rota
from bpp.work.settings import DocumentSettings, ShiftUse
from bpp.work.shifts import Shift
from protocol_specs.node.store import Row, Session

# Before the colon what is wrong, after it the kind of paper: bpp/work/words.py translates both.
MISSING = {
    "driver": "your document is missing: ",
    "vehicle": "a document of your vehicle is missing: ",
}
EXPIRED = {
    "driver": "your document has expired: ",
    "vehicle": "a document of your vehicle has expired: ",
}
NO_SHIFT = "you have no shift now"
IN_OTHERS_SHIFT = "your vehicle is in another driver's shift"
STILL_OUT = "your vehicle is still out on another driver's job"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The cooperative's rules. `zone` is the city's: a paper holds through its last day there."""

    rota: Rota
    documents: DocumentSettings
    shifts: ShiftUse
    zone: tzinfo

    def forbids(self, session: Session, worker: Worker, at: int) -> str | None:
        """Which required paper is missing or has expired at this moment, in words for the driver;
        None: none. The desk is held to it too."""
        if not (self.documents.driver or self.documents.vehicle):
            return None
        for paper in self.papers(session, worker, at):
            if paper.is_required and paper.state in ("missing", "expired"):
                said = MISSING if paper.state == "missing" else EXPIRED
                return said[paper.holder] + paper.kind
        return None

    def passes_over(self, session: Session, worker: Worker, now: int, begins_at: int) -> str | None:
        """Why no job that begins then is offered to the driver now; None: nothing speaks against
        it. A running job is nobody's business here: it is finished."""
        return self.forbids(session, worker, begins_at) or self.off_shift(session, worker, now)

    def off_duty(self, worker: Worker, now: int) -> str | None:
        """Why the driver may not go online now, in words for them; None: they may."""
        is_planned = self.rota.of_driver(worker.agent_id, now) is not None
        return None if is_planned or self.shifts == "shown" else NO_SHIFT

    def off_shift(self, session: Session, worker: Worker, now: int) -> str | None:
        """Why the driver cannot drive by the plan of shifts; None: they can."""
        own = self.rota.of_driver(worker.agent_id, now)
        if own is not None:
            return STILL_OUT if self._is_out(session, own, now) else None
        if self.shifts == "required":
            return NO_SHIFT
        other = self.rota.of_vehicle(worker.vehicle.registration or "", now)
        return IN_OTHERS_SHIFT if other is not None else None

    def papers(self, session: Session, worker: Worker, at: int) -> list[Paper]:
        """The driver's papers and those of the vehicle that is driven, judged at this moment."""
        registration = worker.vehicle.registration or ""
        rows = documents.of(session, worker.agent_id, registration)
        return self.judged(rows, [("driver", worker.agent_id), ("vehicle", registration)], at)

    def judged(
        self, rows: Iterable[Row], holders: Iterable[tuple[Holder, str]], at: int
    ) -> list[Paper]:
        """What these holders have and what is required of them, judged at this moment."""
        return documents.judged(
            rows,
            self.documents.required(),
            holders,
            at=at,
            zone=self.zone,
            warn_days=self.documents.warn_days,
        )

    def _is_out(self, session: Session, own: Shift, now: int) -> bool:
        """Whether whoever had the vehicle before still carries out a job with it."""
        for agent_id in self.rota.drove_before(own.registration, now) - {own.agent_id}:
            kept = store.job_of(session, agent_id)
            vehicle = kept.order.view.fulfillment.vehicle if kept else None
            if vehicle is not None and vehicle.registration == own.registration:
                return True
        return False
