"""The pages of the platform's own people: complaints by their deadline, each answered once."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

from aiohttp import web

from bap.citizen import trips, words
from bap.citizen.doing import TEXT_MAX
from bap.citizen.trip import Document, Trips
from protocol_specs.node.store import Session
from protocol_specs.web.face import Face, NavItem
from protocol_specs.web.languages import N_
from protocol_specs.web.pwa import add_pwa
from protocol_specs.web.signin import TokenSignIn
from protocol_specs.web.visit import PageError, Person, Visit

BASE = "/staff"
STAFF = frozenset({"staff"})
NAV = (NavItem("/", N_("Complaints"), "help"),)


class Staff:
    """The handlers. Who holds the token in the file `desk.token` of data_dir is one of them."""

    def __init__(self, made: Trips) -> None:
        site, self._trips = made.site, made
        self._store = site.node.store
        self._token = site.node.settings.private_file("desk.token")
        digest = hashlib.sha256(self._token.encode()).hexdigest()
        self._who = f"staff:{digest[:16]}"  # another token ends the sign-ins by this one

    def whose(self, token: str) -> str | None:
        """What the session of this token's holder says; None: it is not the token."""
        return self._who if hmac.compare_digest(token.encode(), self._token.encode()) else None

    def identify(self, session: Session, who: str) -> Person | None:
        """Our people, while the token is the one that they signed in by."""
        return Person(who, "", STAFF) if who == self._who else None

    async def show(self, visit: Visit) -> web.StreamResponse:
        """GET /: those that wait, the most urgent first; then the last answered."""
        waiting, done = self._store.read(
            lambda session: (trips.open_complaints(session), trips.answered(session))
        )
        return visit.page("staff.html", waiting=waiting, done=done, about=words.ABOUT)

    async def show_one(self, visit: Visit) -> web.StreamResponse:
        """GET /complaints/{number}."""
        return self._page(visit, {})

    async def answer(self, visit: Visit) -> web.StreamResponse:
        """POST /complaints/{number}: the citizen reads it on the page of the journey."""
        number, said = self._number(visit), visit.text("answer", most=TEXT_MAX)
        if not said:
            return self._page(visit, {"answer": visit._("Write what the citizen is told.")})

        def unit(session: Session) -> str:
            if not trips.answer(session, number, said, visit.now):
                raise PageError(409, visit._("It was answered already."))
            return visit.to("/")

        return await visit.once(unit, flash=visit._("The citizen can read it now."))

    def _page(self, visit: Visit, errors: dict[str, str]) -> web.Response:
        number = self._number(visit)
        found = self._store.read(lambda session: trips.complaint(session, number))
        if found is None:
            raise PageError(404)
        values: dict[str, Any] = {
            "one": found,
            "about": visit._(words.ABOUT.get(found["about"], found["about"])),
            "facts": self._facts(visit, found["journey_id"]),
        }
        if errors:
            return visit.again("staff_one.html", errors, **values)
        return visit.page("staff_one.html", **values)

    def _facts(self, visit: Visit, journey_id: str) -> list[tuple[str, str]]:
        """Which trip it is about, for who must ask the cooperative: nobody's name, no address."""
        doc = self._trips.api.document(journey_id)
        order, support = doc["order"], doc["support"] or {}
        offer = next((one for one in doc["offers"] if one["offer_id"] == doc["offer_id"]), None)
        facts = [
            (visit._("Cooperative"), offer["provider_name"] if offer else ""),
            (visit._("Order"), order and order["id"]),
            (visit._("Date"), visit.speech.moment(doc["created_at"], visit.zone)),
            (visit._("State"), order and self._trips.title(visit, doc)),
            (visit._("Price"), order and order["quote"] and self._price(visit, order["quote"])),
            (visit._("Whom to call there"), support.get("phone") or support.get("email")),
        ]
        return [(name, value) for name, value in facts if value]

    def _price(self, visit: Visit, quote: Document) -> str:
        return visit.speech.money(quote["total"]["minor"], quote["currency"])

    def _number(self, visit: Visit) -> int:
        asked = visit.arg("number")
        if not (asked.isascii() and asked.isdigit() and len(asked) < 16):
            raise PageError(404)
        return int(asked)


def serve(made: Trips) -> None:
    """Opens the pages below /staff; before the citizen's own, which take every other path."""
    site, staff = made.site, Staff(made)
    face = Face(site, "staff", base=BASE, title=N_("Our people"), identify=staff.identify, nav=NAV)
    hint = N_("It stands in the file desk.token in the data folder of this node.")
    TokenSignIn(face, staff.whose, hint=hint)
    add_pwa(face)
    face.get("/", staff.show, roles=STAFF)
    face.get("/complaints/{number}", staff.show_one, roles=STAFF)
    face.post("/complaints/{number}", staff.answer, roles=STAFF)
    face.finish()
