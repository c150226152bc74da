"""The JSON about people: the desk writes and reads everybody, a driver their own."""

from collections.abc import Callable
from typing import Any

from aiohttp import web

from bpp.declined import Declined
from bpp.insurance import books
from bpp.insurance.people import asked, csv_import, erasing, listing, writing
from bpp.insurance.people.writing import People
from bpp.units import kept
from protocol_specs.node.api import ApiError, Routes, serve_json
from protocol_specs.node.asked import Body
from protocol_specs.node.server import Node
from protocol_specs.node.store import Session

Unit = Callable[[Session, int], dict[str, Any]]


class _Own(Body):
    scheme: str


class Read(_Own):
    """The notice that was on the screen: its language and version."""

    language: str
    version: str


class Answer(_Own):
    """Yes or no to a deduction that rests on consent."""

    agree: bool


class Choice(_Own):
    """The plan chosen."""

    plan: str


class Wish(_Own):
    """To be in the scheme by own wish."""


def add(
    node: Node,
    people: People,
    driver_of: Callable[[web.Request], str],
    require_desk: Callable[[web.Request], None],
) -> None:
    """Serve these routes on this node; both functions raise ApiError."""
    desk, driver = DeskOfPeople(node, people, require_desk), OwnRecord(node, people, driver_of)
    routes: Routes = [
        ("GET", "/desk/insurance/workers", desk.everybody),
        ("GET", "/desk/insurance/workers/unregistered", desk.unregistered),
        ("GET", "/desk/insurance/workers/notices", desk.proofs),
        ("GET", "/desk/insurance/workers/{worker}/record", desk.shown),
        ("POST", "/desk/insurance/workers/enrol", desk.enrol),
        ("POST", "/desk/insurance/workers/import", desk.import_),
        ("POST", "/desk/insurance/workers/category", desk.declare),
        ("POST", "/desk/insurance/workers/notice", desk.tell),
        ("POST", "/desk/insurance/workers/consent", desk.agree),
        ("POST", "/desk/insurance/workers/plan", desk.choose),
        ("POST", "/desk/insurance/workers/bought", desk.buy),
        ("POST", "/desk/insurance/workers/opt-in", desk.opt_in),
        ("POST", "/desk/insurance/workers/number", desk.number),
        ("POST", "/desk/insurance/workers/erase", desk.erase),
        ("GET", "/driver/insurance/record", driver.record),
        ("GET", "/driver/insurance/notices", driver.notices),
        ("POST", "/driver/insurance/notices", driver.read),
        ("POST", "/driver/insurance/consent", driver.answer),
        ("POST", "/driver/insurance/plan", driver.choose),
        ("POST", "/driver/insurance/opt-in", driver.opt_in),
    ]
    serve_json(node, routes)


async def _written(node: Node, unit: Unit) -> tuple[int, dict[str, Any]]:
    """201: it is new; 200: it stood already. Raises ApiError 409."""
    now = node.now()
    answer = await kept(node.store, lambda session: unit(session, now))
    return 201 if answer.get("is_new", True) else 200, answer


class DeskOfPeople:
    """The handlers of the desk."""

    def __init__(
        self, node: Node, people: People, require_desk: Callable[[web.Request], None]
    ) -> None:
        self._node, self._people, self._require_desk = node, people, require_desk

    async def everybody(self, request: web.Request) -> dict[str, Any]:
        """Every worker of the books, and what is still owed to them."""
        self._require_desk(request)
        read = self._node.store.read
        return {"workers": read(lambda session: listing.everybody(session, self._people))}

    async def unregistered(self, request: web.Request) -> dict[str, Any]:
        """Workers with jobs who are not enrolled, or have no number of the institution."""
        self._require_desk(request)
        return {"unregistered": self._node.store.read(listing.unregistered)}

    async def proofs(self, request: web.Request) -> dict[str, Any]:
        """Every notice that was shown, with its exact text."""
        self._require_desk(request)
        return {"notices": self._node.store.read(listing.proofs)}

    async def shown(self, request: web.Request) -> dict[str, Any]:
        """What is on record of one worker."""
        self._require_desk(request)
        name = request.match_info["worker"]

        def read(session: Session) -> dict[str, Any]:
            return listing.shown(session, writing.find_worker(session, name))

        try:
            return self._node.store.read(read)
        except Declined as declined:
            raise ApiError(404, "unknown_driver", str(declined)) from None

    async def enrol(self, request: web.Request, body: asked.Enrolment) -> Any:
        """Enrol a worker, or correct what was said."""
        return await self._do(request, lambda s, now: writing.enrol(s, self._people, body, now))

    async def import_(self, request: web.Request, body: asked.Import) -> Any:
        """Enrol everybody of a CSV text, or nobody."""
        self._require_desk(request)
        people = self._people
        return await _written(
            self._node, lambda s, now: csv_import.enrol_all(s, people, body.csv, body.by, now)
        )

    async def declare(self, request: web.Request, body: asked.Declared) -> Any:
        """Write down a category or residency from a day on."""
        return await self._do(request, lambda s, now: writing.declare(s, self._people, body, now))

    async def tell(self, request: web.Request, body: asked.Told) -> Any:
        """Write down that a notice was shown."""
        return await self._do(request, lambda s, now: writing.tell(s, self._people, body, now))

    async def agree(self, request: web.Request, body: asked.Agreed) -> Any:
        """Write down a yes or no to a deduction that rests on consent."""
        return await self._do(request, lambda s, now: writing.agree(s, self._people, body, now))

    async def choose(self, request: web.Request, body: asked.Chosen) -> Any:
        """Write down the choice of a plan."""
        return await self._do(request, lambda s, now: writing.choose(s, self._people, body, now))

    async def buy(self, request: web.Request, body: asked.BoughtPlan) -> Any:
        """Write down a plan that was bought at the institution."""
        return await self._do(request, lambda s, now: writing.buy(s, self._people, body, now))

    async def opt_in(self, request: web.Request, body: asked.OptedIn) -> Any:
        """Write down the choice to be in a scheme."""
        return await self._do(request, lambda s, now: writing.opt_in(s, self._people, body, now))

    async def number(self, request: web.Request, body: asked.Numbered) -> Any:
        """Write down the institution's number of a worker."""
        return await self._do(request, lambda s, now: writing.number(s, self._people, body, now))

    async def erase(self, request: web.Request, body: asked.About) -> Any:
        """Erase a person who left, once no scheme needs the record any more."""
        return await self._do(request, lambda s, now: erasing.erase(s, self._people, body, now))

    async def _do(self, request: web.Request, unit: Unit) -> tuple[int, dict[str, Any]]:
        self._require_desk(request)
        return await _written(self._node, unit)


class OwnRecord:
    """The handlers of a driver: their own record and no other."""

    def __init__(self, node: Node, people: People, driver_of: Callable[[web.Request], str]) -> None:
        self._node, self._people, self._driver_of = node, people, driver_of

    async def record(self, request: web.Request) -> dict[str, Any]:
        """What is on record of the driver."""
        agent_id = self._driver_of(request)

        def read(session: Session) -> dict[str, Any]:
            worker = books.find_worker(session, agent_id)
            return listing.shown(session, worker) if worker else {"worker": None, "facts": []}

        return self._node.store.read(read)

    async def notices(self, request: web.Request) -> dict[str, Any]:
        """The notices the driver was not shown yet, in `?language=` (en, if left out)."""
        agent_id, language = self._driver_of(request), request.query.get("language", "en")

        def read(session: Session) -> list[Any]:
            worker = books.find_worker(session, agent_id)
            return listing.owed(session, self._people, worker, language)

        return {"notices": self._node.store.read(read)}

    async def read(self, request: web.Request, body: Read) -> Any:
        """The driver read the notice of this version in the app."""
        told = asked.Told(**self._self(request), **body.model_dump(), how="app")
        return await _written(self._node, lambda s, now: writing.tell(s, self._people, told, now))

    async def answer(self, request: web.Request, body: Answer) -> Any:
        """The driver agrees, or does not, or not any more."""
        said = asked.Agreed(**self._self(request), **body.model_dump(), how="app")
        return await _written(self._node, lambda s, now: writing.agree(s, self._people, said, now))

    async def choose(self, request: web.Request, body: Choice) -> Any:
        """The driver chooses a plan, from the next period on."""
        chosen = asked.Chosen(**self._self(request), **body.model_dump())
        return await _written(
            self._node, lambda s, now: writing.choose(s, self._people, chosen, now)
        )

    async def opt_in(self, request: web.Request, body: Wish) -> Any:
        """The driver chooses to be in the scheme."""
        wish = asked.OptedIn(**self._self(request), **body.model_dump())
        return await _written(self._node, lambda s, now: writing.opt_in(s, self._people, wish, now))

    def _self(self, request: web.Request) -> dict[str, Any]:
        return {"worker": self._driver_of(request), "by": "self"}
