"""Drivers and vehicles: who works here, with what, and what each was told."""

from collections.abc import Callable
from typing import Any

from aiohttp import web

from bpp.fleet import roster
from bpp.fleet.abilities import FEATURES
from bpp.fleet.workers import BadEntry, DriverEntry, VehicleEntry, Worker
from bpp.insurance import books, cash
from bpp.insurance.people import listing
from bpp.office import acts, words
from bpp.office.deeds import Deed, Question, do
from bpp.office.room import Room
from bpp.work import words as work_words
from protocol_specs.node.store import Session
from protocol_specs.web.visit import Visit

LIST, ONE = "office/drivers.html", "office/driver.html"
NAME_MAX = 101


class Drivers:
    """The handlers below /drivers and /vehicles."""

    def __init__(self, room: Room) -> None:
        self._room = room

    async def show_all(self, visit: Visit) -> web.StreamResponse:
        """GET /drivers."""
        return visit.page(LIST, **self._list(visit))

    async def show(self, visit: Visit) -> web.StreamResponse:
        """GET /drivers/{id}."""
        return visit.page(ONE, **self.one(visit))

    async def put(self, visit: Visit) -> web.StreamResponse:
        """POST /drivers: adds one, or changes the one with this code; a new one's token is shown
        this once."""
        fields = {name: visit.text(name, most=NAME_MAX) for name in ("code", "name", "phone")}
        made: list[tuple[str, str | None]] = []

        def unit(session: Session) -> list[tuple[str, str]]:
            entry = DriverEntry(**fields, vehicle=visit.text("vehicle"))
            made.append(roster.put_driver(session, entry))
            return []

        told = {"code": fields["code"], "vehicle": visit.text("vehicle", most=20)}
        deed = self._deed(visit, "driver", fields["code"], unit, "/drivers", told)
        answer = await do(visit, deed, lambda errors: self._list_again(visit, errors))
        if made:
            self._room.office.fleet.reload(self._room.store)
        token = made[-1][1] if made and answer.status == 303 else None
        if token is None:
            return answer
        return self._token(visit, self._room.worker(made[-1][0]), token)

    async def put_vehicle(self, visit: Visit) -> web.StreamResponse:
        """POST /vehicles: registers one, or changes what is known of it."""
        registration = visit.text("registration", most=20).upper()

        def unit(session: Session) -> list[tuple[str, str]]:
            roster.put_vehicle(session, _vehicle(visit, registration))
            return []

        deed = self._deed(visit, "vehicle", registration, unit, "/drivers", {})
        answer = await do(visit, deed, lambda errors: self._list_again(visit, errors))
        self._room.office.fleet.reload(self._room.store)
        return answer

    async def set_active(self, visit: Visit) -> web.StreamResponse:
        """POST /drivers/{id}/active: lets a driver work, or no longer."""
        worker = self._room.worker(visit.arg("id"))
        is_active = visit.text("active") == "yes"

        def unit(session: Session) -> list[tuple[str, str]]:
            roster.set_active(session, worker.agent_id, is_active)
            return [(visit._("Driver"), self._room.named(worker.agent_id))]

        asks = None if is_active else Question(
            visit._("Stop this driver?"),
            visit._("No new job comes to them, and their app opens no more. A running job stays "
                    "theirs; what they earned stays theirs to see. You can let them work again."),
            visit._("Stop the driver"),
        )  # fmt: skip
        what = "active" if is_active else "inactive"
        here = f"/drivers/{worker.agent_id}"
        deed = self._deed(visit, what, worker.agent_id, unit, here, {}, asks)
        answer = await do(visit, deed, lambda errors: self._one_again(visit, errors))
        self._room.office.fleet.reload(self._room.store)
        return answer

    async def renew_token(self, visit: Visit) -> web.StreamResponse:
        """POST /drivers/{id}/token: a new token, shown this once; the old one is dead."""
        worker = self._room.worker(visit.arg("id"))
        made: list[str | None] = []

        def unit(session: Session) -> list[tuple[str, str]]:
            made.append(roster.renew_token(session, worker.agent_id))
            return [(visit._("Driver"), self._room.named(worker.agent_id))]

        asks = Question(
            visit._("Make a new token?"),
            visit._("The old one opens nothing from then on, on any phone."),
            visit._("Make a new token"),
        )
        here = f"/drivers/{worker.agent_id}"
        deed = self._deed(visit, "token", worker.agent_id, unit, here, {}, asks)
        answer = await do(visit, deed, lambda errors: self._one_again(visit, errors))
        token = made[-1] if made and answer.status == 303 else None
        return self._token(visit, worker, token) if token else answer

    def _token(self, visit: Visit, worker: Worker, token: str) -> web.Response:
        """The token, in this answer and nowhere else ever again."""
        return visit.page("office/token.html", worker=worker, token=token)

    def _deed(
        self,
        visit: Visit,
        what: str,
        about: str,
        unit: Callable[[Session], list[tuple[str, str]]],
        to: str,
        told: dict[str, str],
        asks: Question | None = None,
    ) -> Deed:
        return Deed(
            what=what,
            about=about,
            unit=unit,
            to=visit.to(to),
            flash=visit._("Written down."),
            told=told,
            asks=asks,
            field="code",
        )

    def _list_again(self, visit: Visit, errors: dict[str, str]) -> web.Response:
        return visit.again(LIST, errors, **self._list(visit))

    def _one_again(self, visit: Visit, errors: dict[str, str]) -> web.Response:
        return visit.again(ONE, errors, **self.one(visit))

    def _list(self, visit: Visit) -> dict[str, Any]:
        fleet = self._room.office.fleet
        drivers = [(each, fleet.position(each.agent_id) is not None) for each in fleet.workers()]
        registrations = self._room.store.read(roster.registrations)
        return {
            "drivers": drivers,
            "vehicles": [(name, f"{name} · {category}") for name, category in registrations],
            "categories": [(name, name) for name in self._room.office.provider.categories],
        }

    def one(self, visit: Visit) -> dict[str, Any]:
        """All that the page of one driver shows. Raises PageError 404."""
        room, worker = self._room, self._room.worker(visit.arg("id"))
        insured = room.insured

        def read(session: Session) -> dict[str, Any]:
            local = books.find_worker(session, worker.agent_id) if insured else None
            told = [p for p in listing.proofs(session) if p["worker"] == local] if local else []
            owed = listing.owed(session, insured.people, local, "en") if insured else []
            return {
                "local": local,
                "told": [self._notice(visit, each) for each in told],
                "owed": [each["scheme"] for each in owed],
                "cash": cash.owed_minor(session, insured.limit, local) if insured and local else 0,
                "done": words.acts_told(visit, acts.about(session, worker.agent_id)),
                "why": room.standing.passes_over(session, worker, visit.now, visit.now),
            }

        found = room.store.read(read)
        is_online = room.office.fleet.position(worker.agent_id) is not None
        why = found.pop("why")
        forbidden = work_words.reason(visit, why) if why else ""
        return {
            "worker": worker,
            "is_online": is_online,
            "room": room,
            "forbidden": forbidden,
            **found,
        }

    def _notice(self, visit: Visit, proof: dict[str, Any]) -> list[str]:
        how = words.word(visit, words.HOW, proof.get("how") or "")
        when = visit.speech.moment(proof["at"], visit.zone)
        return [proof["scheme"], when, how, proof.get("language") or "", proof["by"]]


def _vehicle(visit: Visit, registration: str) -> VehicleEntry:
    """The vehicle as it was typed. Raises BadEntry."""
    more = {name: visit.text(name, most=60) or None for name in ("make", "model", "color")}
    return VehicleEntry(
        registration,
        visit.text("category", most=40).upper(),
        **more,
        features=tuple(name for name in FEATURES if visit.text(name)),
        seats=_number(visit, "seats"),
        load_kg=_number(visit, "load_kg"),
        load_cm=visit.text("load_cm", most=20).lower().replace(" ", "") or None,
    )


def _number(visit: Visit, name: str) -> int | None:
    """A field that may be left empty. Raises BadEntry."""
    text = visit.text(name, most=6)
    if text and not (text.isascii() and text.isdecimal()):
        raise BadEntry(name, f"{text!r} is not a whole number")
    return int(text) if text else None
