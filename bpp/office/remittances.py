"""One remittance: its lines and steps, what the office writes down of it, its files."""

from base64 import b64decode
from collections.abc import Callable
from typing import Any, cast

from aiohttp import web

from bpp.declined import Declined
from bpp.insurance.people import listing
from bpp.insurance.remittance import desk, reading
from bpp.insurance.remittance.desk import StepAsked
from bpp.insurance.remittance.files import karnataka, remittance_csv
from bpp.insurance.remittance.values import Line, Remittance
from bpp.insurance.settings import InsuranceSettings
from bpp.office import acts, words
from bpp.office.deeds import Deed, Figures, Question, do
from bpp.office.room import Room
from protocol_specs.node.store import Session
from protocol_specs.web.visit import PageError, Visit

PAGE = "office/remittance.html"
KINDS = ("sent", "acknowledged", "rejected", "interest")
LINES_MAX = 500


class Remittances:
    """The handlers below /insurance/remittance."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._known = room.books.extension.keeper

    async def show(self, visit: Visit) -> web.StreamResponse:
        """GET /insurance/remittance?id=."""
        return visit.page(PAGE, **self._page(visit, visit.arg("id")))

    async def step(self, visit: Visit) -> web.StreamResponse:
        """POST /insurance/remittance: what happened to it."""
        id, kind = visit.text("id"), visit.text("kind")
        page = self._page(visit, id)

        def unit(session: Session) -> Figures:
            asked = StepAsked(
                remittance=id,
                kind=cast(Any, kind),
                reference=visit.text("reference"),
                by=visit.who,
                text=visit.text("text"),
                worker=visit.text("worker") or None,
                amount=visit.text("amount") or None,
            )
            issuer = self._room.site.node.settings.subscriber_id
            desk.step(session, self._known, asked, issuer=issuer, now=visit.now)
            found = reading.remittance(session, id)
            return self._figures(visit, found) if found else []

        deed = Deed(
            what=kind,
            about=id,
            unit=unit,
            to=visit.to("/insurance/remittance", id=id),
            flash=visit._("Written down."),
            told={n: visit.text(n, most=64) for n in ("reference", "amount", "worker")},
            asks=Question(
                visit._("Write this down?"),
                visit._("It goes into the books, as shown here, and stays there."),
                visit._("Write it down"),
            ),
            field="kind",
        )
        return await do(visit, deed, lambda errors: visit.again(PAGE, errors, **page))

    async def payment(self, visit: Visit) -> web.StreamResponse:
        """POST /insurance/remittance/payment: the bank's payment file; again, the same."""
        from bpp.insurance.remittance.files import asked  # reading banks' files is not for others

        id = visit.text("id")
        settings = cast(InsuranceSettings, self._room.settings.insurance)
        issuer = self._room.site.node.settings.subscriber_id

        def unit(session: Session) -> bytes:
            wanted = asked.PaymentAsked(
                remittances=[id], by=visit.who, anew=visit.text("anew") == "yes"
            )
            made = asked.payment(session, settings, wanted, issuer=issuer, now=visit.now)
            self._note_file(session, visit, id, "pain.001")
            return b64decode(made["content"])

        try:
            content = await self._room.store.transact(unit)
        except Declined as declined:
            return visit.again(PAGE, {"file": str(declined)}, **self._page(visit, id))
        return _file(content, f"{id.replace('/', '-')}.xml", "application/xml")

    async def csv(self, visit: Visit) -> web.StreamResponse:
        """GET /insurance/remittance/csv?id=: worker by worker."""
        id = visit.arg("id")
        page = self._page(visit, id)
        return await self._written(
            visit, id, "csv", lambda session: remittance_csv.write(session, id),
            lambda why: visit.again(PAGE, {"file": why}, **page),
        )  # fmt: skip

    async def karnataka(self, visit: Visit) -> web.StreamResponse:
        """GET /insurance/karnataka?period=: the quarter's transactions; numbers stay sealed."""
        period = visit.arg("period")

        def refused(why: str) -> web.Response:
            raise PageError(409, why)

        return await self._written(
            visit, period, "karnataka", lambda session: karnataka.write(session, period), refused
        )

    async def _written(
        self,
        visit: Visit,
        about: str,
        name: str,
        write: Callable[[Session], bytes],
        refused: Callable[[str], web.Response],
    ) -> web.Response:
        """The file, with a line of the log that it was taken: it tells of people."""

        def unit(session: Session) -> bytes:
            content = write(session)
            self._note_file(session, visit, about, name)
            return content

        try:
            content = await self._room.store.transact(unit)
        except Declined as fault:
            return refused(str(fault))
        return _file(content, f"{about.replace('/', '-')}-{name}.csv", "text/csv")

    def _note_file(self, session: Session, visit: Visit, about: str, name: str) -> None:
        told = {"file": name}
        acts.note(session, at=visit.now, who=visit.who, what="file", about=about, told=told)

    def _page(self, visit: Visit, id: str) -> dict[str, Any]:
        """Raises PageError 404."""

        def read(session: Session) -> tuple[Remittance, list[Line], dict[str, str], list[Any]]:
            found = reading.remittance(session, id)
            if found is None:
                raise PageError(404)
            everybody = listing.everybody(session, self._room.books.people)
            codes = {each["worker"]: each["code"] or each["worker"] for each in everybody}
            return found, list(reading.lines(session, id)), codes, acts.about(session, id)

        found, lines, codes, done = self._room.store.read(read)
        shown = [
            [codes.get(line.worker, line.worker), str(line.orders),
             visit.speech.money(line.worker_minor, found.currency),
             visit.speech.money(line.cooperative_minor, found.currency),
             visit.speech.money(line.amount_minor, found.currency)]
            for line in lines[:LINES_MAX]
        ]  # fmt: skip
        return {
            "found": found,
            "lines": shown,
            "more": max(0, len(lines) - LINES_MAX),
            "workers": [("", visit._("The whole remittance"))]
            + [(line.worker, codes.get(line.worker, line.worker)) for line in lines],
            "kinds": [(kind, words.word(visit, words.REMITTANCE, kind)) for kind in KINDS],
            "steps": self._steps(visit, found, codes),
            "figures": self._figures(visit, found),
            "state": words.word(visit, words.REMITTANCE, found.state),
            "badge": words.REMITTANCE_KINDS[found.state],
            "may_write": "treasurer" in (visit.person.roles if visit.person else ()),
            "is_karnataka": found.scheme == karnataka.SCHEME,
            "done": words.acts_told(visit, done),
        }

    def _steps(self, visit: Visit, found: Remittance, codes: dict[str, str]) -> list[list[str]]:
        return [
            [visit.speech.moment(each.at, visit.zone),
             words.word(visit, words.REMITTANCE, each.kind),
             visit.speech.money(each.amount_minor, found.currency),
             each.reference, codes.get(each.worker or "", each.worker or ""), each.by]
            for each in found.events
        ]  # fmt: skip

    def _figures(self, visit: Visit, found: Remittance) -> Figures:
        def money(minor: int) -> str:
            return visit.speech.money(minor, found.currency)

        due = found.due_day.isoformat() if found.due_day else visit._("Not known")
        return [
            (visit._("State"), words.word(visit, words.REMITTANCE, found.state)),
            (visit._("Workers"), visit.speech.number(found.workers)),
            (visit._("Theirs"), money(found.worker_minor)),
            (visit._("The cooperative's"), money(found.cooperative_minor)),
            (visit._("Declared"), money(found.amount_minor)),
            (visit._("Came back"), money(found.rejected_minor)),
            (visit._("Interest"), money(found.interest_minor)),
            (visit._("To be paid"), money(found.payable_minor)),
            (visit._("Due day"), due),
        ]


def _file(content: bytes, name: str, kind: str) -> web.Response:
    safe = "".join(c if c.isalnum() or c in ".-_" else "-" for c in name)
    headers = {"Content-Disposition": f'attachment; filename="{safe}"'}
    return web.Response(body=content, content_type=kind, headers=headers)
