"""Shifts at the desk: a week of who drives what, and planning it."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

from aiohttp import web
from babel import dates

from bpp.declined import Declined
from bpp.fleet import roster
from bpp.office.deeds import Deed, Question, do
from bpp.office.room import Room
from bpp.work import shifts
from bpp.work.documents import day_of
from bpp.work.rota import CHANNEL
from bpp.work.shifts import Plan, Shift
from protocol_specs.node.store import Session
from protocol_specs.web.visit import Visit

PAGE = "office/shifts.html"
SHOWN_MAX = timedelta(days=366)  # shifts are planned weeks ahead, and forgotten after some more


class Shifts:
    """The handlers below /shifts. Hours are those of the city, whoever looks from wherever."""

    def __init__(self, room: Room) -> None:
        self._room = room

    async def show(self, visit: Visit) -> web.StreamResponse:
        """GET /shifts?week=2027-03-29: the week of that day; else this one."""
        return visit.page(PAGE, **self._page(visit))

    async def plan(self, visit: Visit) -> web.StreamResponse:
        """POST /shifts: one driver with one vehicle, on a day or on several days in a row."""
        days = visit.text("days", most=3)
        fields = {name: visit.text(name, most=32) for name in ("agent_id", "registration")}
        fields |= {name: visit.text(name, most=16) for name in ("day", "starts", "ends")}

        def unit(session: Session) -> list[tuple[str, str]]:
            asked = Plan(**fields, days=int(days) if days.isascii() and days.isdigit() else 0)
            zone = self._room.standing.zone
            shifts.plan(session, asked, zone, by=visit.who, now=visit.now)
            session.notify(CHANNEL)
            return []

        deed = Deed(
            what="shift",
            about=fields["agent_id"],
            unit=unit,
            to=visit.to("/shifts", week=fields["day"]),
            flash=visit._("The shift is planned."),
            told={name: value for name, value in fields.items() if name != "agent_id"}
            | {"days": days},
            field="starts",
        )
        return await do(visit, deed, lambda errors: visit.again(PAGE, errors, **self._page(visit)))

    async def end(self, visit: Visit) -> web.StreamResponse:
        """POST /shifts/{id}/end: over with this quarter of an hour; one to come is dropped."""
        shift_id = visit.arg("id")

        def unit(session: Session) -> list[tuple[str, str]]:
            if not shifts.end(session, shift_id, visit.now):
                raise Declined("this shift is over, or was dropped before")
            session.notify(CHANNEL)
            return []

        asks = Question(
            visit._("End this shift?"),
            visit._("A running job is finished with the vehicle that it has. A shift that has not "
                    "begun is dropped."),
            visit._("End the shift"),
        )  # fmt: skip
        deed = Deed(
            what="shift_end",
            about=shift_id,
            unit=unit,
            to=visit.to("/shifts"),
            flash=visit._("The shift has ended."),
            asks=asks,
        )
        return await do(visit, deed, lambda errors: visit.again(PAGE, errors, **self._page(visit)))

    def _page(self, visit: Visit) -> dict[str, Any]:
        room, zone = self._room, self._room.standing.zone
        today = datetime.fromtimestamp(visit.now, zone).date()
        asked = day_of(visit.arg("week")) or today
        if abs(asked - today) > SHOWN_MAX:
            asked = today
        monday = asked - timedelta(days=asked.weekday())
        days = [monday + timedelta(days=n) for n in range(8)]
        edges = [int(datetime.combine(day, time(), zone).timestamp()) for day in days]
        found = room.store.read(lambda session: shifts.between(session, edges[0], edges[-1]))
        locale = visit.speech.locale
        return {
            "week": [
                (dates.format_date(day, "EEE d MMM", locale=locale), day == today,
                 [self._told(visit, each) for each in found if _touches(each, begins, ends)])
                for day, begins, ends in zip(days, edges, edges[1:], strict=False)
            ],
            "before": _week(monday, -7),
            "after": _week(monday, 7),
            "today": today.isoformat(),
            "drivers": [
                (each.agent_id, room.named(each.agent_id))
                for each in room.office.fleet.workers()
                if each.active
            ],
            "vehicles": [(n, f"{n} · {c}") for n, c in room.store.read(roster.registrations)],
            "is_required": room.standing.shifts == "required",
        }  # fmt: skip

    def _told(self, visit: Visit, shift: Shift) -> dict[str, Any]:
        clock, zone = visit.speech.clock, self._room.standing.zone
        return {
            "id": shift.id,
            "hours": f"{clock(shift.starts_at, zone)} – {clock(shift.ends_at, zone)}",
            "registration": shift.registration,
            "driver": self._room.named(shift.agent_id),
            "is_over": shift.ends_at <= visit.now,
            "is_running": shift.starts_at <= visit.now < shift.ends_at,
        }


def _touches(shift: Shift, begins: int, ends: int) -> bool:
    return shift.starts_at < ends and shift.ends_at > begins


def _week(monday: date, days: int) -> str:
    return (monday + timedelta(days=days)).isoformat()
