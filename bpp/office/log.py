"""The log: who did what, and who is in the office. Nothing of it can be changed."""

from typing import Any

from aiohttp import web

from bpp.office import acts, people, words
from bpp.office.room import Room
from protocol_specs.node.store import Session
from protocol_specs.web.visit import Visit


class Log:
    """GET /log."""

    def __init__(self, room: Room) -> None:
        self._room = room

    async def show(self, visit: Visit) -> web.StreamResponse:
        """GET /log?before=: the newest hundred acts, or those before that number."""
        asked = visit.arg("before")
        before = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 18 else acts.END

        def read(session: Session) -> tuple[list[Any], list[Any]]:
            return acts.newest(session, before), people.everybody(session)

        done, everybody = self._room.store.read(read)
        return visit.page(
            "office/log.html",
            rows=words.acts_told(visit, done),
            more=done[-1]["n"] if len(done) == acts.SHOWN_MAX else None,
            everybody=[
                (each, [words.word(visit, words.ROLES, r) for r in each["roles"].split(",")])
                for each in everybody
            ],
        )
