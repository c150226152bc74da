"""The desk acts for a driver who has no page of their own: by a code that goes to their phone.

The notice is read to them, and they say the code: that is their word, as the touch is in the app.
Without it nothing is written; with it stands who of the office wrote it down (docs/people.md).
"""

from typing import Any

from aiohttp import web

from bpp.declined import Declined
from bpp.fleet.workers import Worker
from bpp.insurance import books
from bpp.insurance.people import asked, notice, reading, writing
from bpp.insurance.people.record import Record
from bpp.insurance.scheme import Scheme
from bpp.office import acts
from bpp.office.room import Room
from protocol_specs.node.store import Session
from protocol_specs.web import codes
from protocol_specs.web.pacing import Pace
from protocol_specs.web.visit import PageError, Visit

PAGE = "office/assisted.html"
CODES = "office, for a driver"  # what the codes are kept under: they open no sign-in
BY_CODE = "one-time code"
ANSWERS = ("told", "yes", "no")


class Assisted:
    """The handlers below /drivers/{id}/for."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._sent_to = Pace("office code for", every_s=60, burst=3)

    async def show(self, visit: Visit) -> web.StreamResponse:
        """GET /drivers/{id}/for?in=: the notices to be read, each with its answer."""
        return visit.page(PAGE, **self._values(visit))

    async def send(self, visit: Visit) -> web.StreamResponse:
        """POST /drivers/{id}/for/code: a code goes to the driver's phone."""
        room, worker = self._room, self._room.worker(visit.arg("id"))
        phone = codes.phone_of(worker.agent.phone or "")
        if phone is None:
            wrong = visit._("Write down their phone with its country code first.")
            return visit.again(PAGE, {"send": wrong}, **self._values(visit))
        wait_s = await self._sent_to.take(room.store, worker.agent_id, visit.now)
        if wait_s:
            wrong = visit._("Codes were just sent. Wait a minute.")
            return visit.again(PAGE, {"send": wrong}, **self._values(visit))
        secret = room.site.secret
        code_id, code = await room.store.transact(
            lambda s: codes.ask(s, CODES, phone, secret=secret, known=True, now=visit.now)
        )
        name = room.office.provider.name
        text = visit._(
            "%(name)s: %(code)s. Tell it to the desk only if they read you what is deducted.",
            name=name,
            code=code,
        )
        room.site.posts.put(phone, text)
        there = visit.to(f"/drivers/{worker.agent_id}/for", of_code=code_id, **_language(visit))
        return await visit.see(there, flash=visit._("The code is on its way."))

    async def write(self, visit: Visit) -> web.StreamResponse:
        """POST /drivers/{id}/for: what the driver said, with the code that they told."""
        room, worker = self._room, self._room.worker(visit.arg("id"))
        if visit.text("said") not in ANSWERS:
            raise PageError(400)
        wrong: list[str] = []

        def unit(session: Session) -> str:
            left = self._tries_left(session, visit, worker)
            if left is not None:
                over = visit._("This code is used up or too old. Send another one.")
                wrong.append(visit.not_the_code(left) if left else over)
                return visit.to(f"/drivers/{worker.agent_id}/for")
            self._say(session, visit, worker)
            return visit.to(f"/drivers/{worker.agent_id}")

        try:
            location = await room.site.once.write(visit.owner, visit.form_id, unit, visit.now)
        except Declined as declined:
            return visit.again(PAGE, {"code": str(declined)}, **self._values(visit))
        if wrong:
            return visit.again(PAGE, {"code": wrong[-1]}, **self._values(visit))
        return await visit.see(location, flash=visit._("Written down."))

    def _tries_left(self, session: Session, visit: Visit, worker: Worker) -> int | None:
        """None: the code is the one that went to this driver's phone."""
        secret, given = self._room.site.secret, visit.text("code")
        phone, left = codes.check(
            session, CODES, visit.text("of_code"), given, secret=secret, now=visit.now
        )
        is_theirs = phone is not None and phone == codes.phone_of(worker.agent.phone or "")
        return None if is_theirs else left

    def _say(self, session: Session, visit: Visit, worker: Worker) -> None:
        """What they were read and what they answered, and who of the office wrote it down."""
        people, said, scheme = self._room.books.people, visit.text("said"), visit.text("scheme")
        language, version = visit.text("language"), visit.text("version")
        whom = {"worker": worker.agent_id, "by": visit.who, "scheme": scheme}
        told = asked.Told(**whom, language=language, version=version, how="call")
        writing.tell(session, people, told, visit.now)
        if said != "told":
            answer = asked.Agreed(**whom, agree=said == "yes", how="call", reference=BY_CODE)
            writing.agree(session, people, answer, visit.now)
        figures = {"scheme": scheme, "said": said, "by": BY_CODE}
        acts.note(
            session,
            at=visit.now,
            who=visit.who,
            what="for_driver",
            about=worker.agent_id,
            told=figures,
        )

    def _values(self, visit: Visit) -> dict[str, Any]:
        room, worker = self._room, self._room.worker(visit.arg("id"))
        people = room.books.people
        language = visit.text("language") or visit.arg("in") or visit.language

        def read(session: Session) -> Record | None:
            local = books.find_worker(session, worker.agent_id)
            return reading.record_of(session, local) if local else None

        record = room.store.read(read)
        ours = [each for each in people.schemes.values() if "worker" in each.bearers]
        return {
            "worker": worker,
            "of_code": visit.text("of_code") or visit.arg("of_code"),
            "notices": [self._notice(visit, each, language, record) for each in ours],
        }

    def _notice(
        self, visit: Visit, scheme: Scheme, language: str, record: Record | None
    ) -> dict[str, Any]:
        texts = notice.notices(scheme, self._room.books.people.ask)
        text = texts.get(language) or texts["en"]
        shown = record.shown.get(scheme.id) if record else None
        agreed = record.agreed.get(scheme.id) if record else None
        answers = [("told", visit._("It was read to them"))]
        if scheme.basis == "consent":
            answers = [("yes", visit._("They agree")), ("no", visit._("They do not agree"))]
        return {
            "scheme": scheme,
            "text": text,
            "languages": [(name, notice.LANGUAGES[name]) for name in texts],
            "is_told": shown in {each.sha256 for each in texts.values()},
            "agreed": agreed,
            "answers": answers,
        }


def _language(visit: Visit) -> dict[str, str]:
    return {"in": visit.text("language")} if visit.text("language") else {}
