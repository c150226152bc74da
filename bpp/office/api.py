"""`/desk/office/people`: how the command reaches a running node to let people in or out."""

from typing import Any

from aiohttp import web
from pydantic import Field

from bpp.desk_api import require_desk
from bpp.office import people
from bpp.office.people import Entry
from bpp.units import kept
from protocol_specs.node.api import json_route
from protocol_specs.node.asked import Body
from protocol_specs.node.server import Node
from protocol_specs.node.store import Session

PATH = "/desk/office/people"


class PersonAsked(Body):
    """Somebody of the office; no roles at all: they leave."""

    id: str = Field(max_length=64)
    phone: str = Field(default="", max_length=20)
    name: str = Field(default="", max_length=200)
    roles: list[str] = Field(default=[], max_length=len(people.ROLES))


def put(session: Session, asked: PersonAsked, now: int) -> dict[str, Any]:
    """Lets them in, with these roles, or out. Raises Declined."""
    if not asked.roles:
        people.remove(session, asked.id, now)
        return {"id": asked.id, "roles": []}
    entry = Entry(asked.id, asked.phone, asked.name, tuple(asked.roles))
    is_new = people.put(session, entry, now)
    return {"id": asked.id, "roles": asked.roles, "is_new": is_new}


def listed(session: Session) -> list[dict[str, Any]]:
    """Everybody, JSON-ready."""
    return [dict(row) | {"roles": row["roles"].split(",")} for row in people.everybody(session)]


def add(node: Node, token: str) -> None:
    """Serves the routes on this node, to whoever bears the desk's token."""

    async def show(request: web.Request) -> dict[str, Any]:
        """Who is in the office, in which roles."""
        require_desk(request, token)
        return {"people": node.store.read(listed)}

    async def write(request: web.Request, body: PersonAsked) -> dict[str, Any]:
        """Let somebody into the office, change their roles, or let them out."""
        require_desk(request, token)
        now = node.now()
        return await kept(node.store, lambda session: put(session, body, now))

    node.serve_route("GET", PATH, json_route(show))
    node.serve_route("POST", PATH, json_route(write))
