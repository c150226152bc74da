"""What the forms on a journey's page do: each asks the provider once, and shows the journey."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web
from pydantic import ValidationError

from bap import bodies
from bap.citizen import trips, words
from bap.citizen.searching import Searching, amount
from bap.citizen.trip import Trips
from bap.form_api import FormApi
from bap.order_api import OrderApi
from protocol_specs.node.asked import Body
from protocol_specs.node.store import Session
from protocol_specs.web.face import Face
from protocol_specs.web.visit import PageError, Visit
from protocol_specs.wire.money import exponent

TEXT_MAX = 2_000


class Doing:
    """POST /trips/{id}/..."""

    def __init__(self, made: Trips, orders: OrderApi, forms: FormApi, searching: Searching) -> None:
        self._trips, self._orders, self._forms, self._searching = made, orders, forms, searching

    def serve(self, face: Face) -> None:
        """Opens the routes."""
        for name, handler in {
            "choose": self.choose,
            "who": self.who,
            "book": self.book,
            "agree": self.agree,
            "cancel": self.cancel,
            "fee": self.fee,
            "tip": self.tip,
            "drop": self.drop,
            "change": self.change,
            "ready": self.ready,
            "rate": self.rate,
            "help": self.help,
            "returns": self.returns,
            "answers": self.answers,
            "share": self.share,
            "unshare": self.unshare,
            "complain": self.complain,
        }.items():
            face.post(f"/trips/{{id}}/{name}", handler, is_open=True)

    async def _did(
        self, visit: Visit, handler: Any, make: type[Body], fields: Mapping[str, Any]
    ) -> web.StreamResponse:
        """Does it, if the fields make a body; else says that something is missing."""
        try:
            body = make(**fields)
        except ValidationError:
            return await self._wrong(
                visit, visit._("Something is missing or not right. Try again.")
            )
        return await self._trips.did(visit, handler, body)

    async def _wrong(self, visit: Visit, text: str) -> web.StreamResponse:
        journey = self._trips.mine(visit)
        return await visit.see(visit.to(f"/trips/{journey.id}"), flash=text, kind="bad")

    async def choose(self, visit: Visit) -> web.StreamResponse:
        """An offer is taken; its provider is asked for the exact price."""
        given = {"offer_id": visit.text("offer_id")}
        return await self._did(visit, self._trips.api.select, bodies.SelectBody, given)

    async def who(self, visit: Visit) -> web.StreamResponse:
        """Who books and how it is paid; the provider answers with its terms."""
        people = {"customer": ("name", "phone")}
        if visit.text("is_parcel"):
            people["receiver"] = ("receiver_name", "receiver_phone")
        given: dict[str, Any] = {
            who: {"name": visit.text(name), "phone": visit.text(phone)}
            for who, (name, phone) in people.items()
        }
        if visit.text("rider_name") or visit.text("rider_phone"):
            given["billing"] = given["customer"]
            given["customer"] = {
                "name": visit.text("rider_name"),
                "phone": visit.text("rider_phone"),
            }
        if visit.text("instructions"):
            given["instructions"] = visit.text("instructions", most=200)
        if visit.text("payment"):
            given["payment"] = {"type": visit.text("payment")}
        try:
            body = bodies.InitBody(**given)
        except ValidationError:
            wrong = visit._("Write a name, and a phone number with its country code.")
            return await self._wrong(visit, wrong)
        return await self._trips.did(visit, self._trips.api.init, body)

    async def book(self, visit: Visit) -> web.StreamResponse:
        """The citizen's word, for the one quote that stood on the page."""
        given: dict[str, Any] = {"quote_hash": visit.text("quote_hash")}
        if "reference" in visit.typed:
            given["payment_reference"] = visit.text("reference", most=80)
        return await self._did(visit, self._trips.api.confirm, bodies.ConfirmBody, given)

    async def agree(self, visit: Visit) -> web.StreamResponse:
        """The citizen's word, for what the provider changed."""
        given = {"quote_hash": visit.text("quote_hash")}
        return await self._did(visit, self._trips.api.consent, bodies.ConsentBody, given)

    async def cancel(self, visit: Visit) -> web.StreamResponse:
        """The end, at the fee that stood on the page."""
        given: dict[str, Any] = {"reason_id": visit.text("reason")}
        if visit.text("fee"):
            given["fee_minor"] = visit.text("fee")
        return await self._did(visit, self._orders.cancel, bodies.CancelBody, given)

    async def fee(self, visit: Visit) -> web.StreamResponse:
        """What would cancelling cost?"""
        given = {"reason_id": visit.text("reason"), "soft": True}
        return await self._did(visit, self._orders.cancel, bodies.CancelBody, given)

    async def tip(self, visit: Visit) -> web.StreamResponse:
        """A tip, as it is written; where the network can be asked first, it is."""
        doc = self._trips.api.document(self._trips.mine(visit).id)
        if not doc["update"] or not doc["order"]["quote"]:
            raise PageError(409)
        digits = exponent(doc["order"]["quote"]["currency"])
        minor = amount(visit.text("tip"), digits, least=1, most=10**9)
        given = {"tip_minor": minor, "soft": doc["update"]["asks_first"]}
        return await self._did(visit, self._orders.update, bodies.UpdateBody, given)

    async def drop(self, visit: Visit) -> web.StreamResponse:
        """Another destination."""
        journey = self._trips.mine(visit)
        doc, wrong = self._trips.api.document(journey.id), dict[str, str]()
        place = self._searching.place(visit, journey.city, "drop", wrong)
        if place is None:
            return await self._wrong(visit, wrong["drop"])
        soft = bool(doc["update"]) and doc["update"]["asks_first"]
        given = {"drop": place, "soft": soft}
        return await self._did(visit, self._orders.update, bodies.UpdateBody, given)

    async def change(self, visit: Visit) -> web.StreamResponse:
        """The change that was asked about, at the price that stood on the page."""
        doc = self._trips.api.document(self._trips.mine(visit).id)
        asked = doc["update"] and doc["update"]["asked"]
        if not asked:
            raise PageError(409)
        wish = {name: asked["change"][name] for name in ("drop", "tip_minor")}
        given = {name: value for name, value in wish.items() if value is not None}
        given["quote_hash"] = visit.text("quote_hash")
        return await self._did(visit, self._orders.update, bodies.UpdateBody, given)

    async def ready(self, visit: Visit) -> web.StreamResponse:
        """The parcel can be fetched."""
        return await self._did(
            visit, self._orders.update, bodies.UpdateBody, {"ready_to_ship": True}
        )

    async def rate(self, visit: Visit) -> web.StreamResponse:
        """Stars, for the parts that got some."""
        given = [
            {"category": name.removeprefix("stars_"), "value": value}
            for name, value in visit.typed.items()
            if name.startswith("stars_") and value
        ]
        return await self._did(visit, self._orders.rating, bodies.RatingsBody, {"ratings": given})

    async def help(self, visit: Visit) -> web.StreamResponse:
        """Whom can I call?"""
        return await self._did(visit, self._orders.support, bodies.SupportBody, {})

    async def returns(self, visit: Visit) -> web.StreamResponse:
        """Why do parcels come back?"""
        visit.request.match_info["list"] = "return-reasons"
        return await self._trips.did(visit, self._orders.listed, None)

    async def answers(self, visit: Visit) -> web.StreamResponse:
        """What the provider's own form asked."""
        doc = self._trips.api.document(self._trips.mine(visit).id)
        fields = doc["form"]["fields"] if doc["form"] else []
        answers: dict[str, str | list[str]] = {}
        for n, field in enumerate(fields):
            one = visit.text(f"f{n}", most=1_000)
            ticked = [
                option["value"]
                for m, option in enumerate(field["options"])
                if visit.text(f"f{n}_{m}")
            ]
            if one or ticked:
                answers[field["name"]] = ticked or one
        return await self._did(visit, self._forms.submit, bodies.FormBody, {"answers": answers})

    async def share(self, visit: Visit) -> web.StreamResponse:
        """A link under which anybody sees where this journey is."""
        return await self._written(visit, trips.share, visit._("Whoever has the link can follow."))

    async def unshare(self, visit: Visit) -> web.StreamResponse:
        """That link shows nothing any more."""
        return await self._written(
            visit, trips.unshare, visit._("The link shows nothing any more.")
        )

    async def _written(self, visit: Visit, write: Any, flash: str) -> web.StreamResponse:
        journey = self._trips.mine(visit)

        def unit(session: Session) -> str:
            write(session, journey.id)
            return visit.to(f"/trips/{journey.id}") + "#share"

        return await visit.once(unit, flash=flash)

    async def complain(self, visit: Visit) -> web.StreamResponse:
        """Something went wrong: kept here, with the time by which it is answered."""
        journey, about = self._trips.mine(visit), visit.text("about")
        text = visit.text("text", most=TEXT_MAX)
        if about not in words.ABOUT or not text or journey.order_id is None:
            return await self._wrong(visit, visit._("Say what it is about, and what happened."))
        due = visit.now + 3_600 * self._trips.settings.complaint_hours

        def unit(session: Session) -> str:
            if not trips.complain(
                session, journey.id, about=about, text=text, now=visit.now, due=due
            ):
                raise PageError(409, visit._("There are five already. Call the cooperative."))
            return visit.to(f"/trips/{journey.id}") + "#complaints"

        return await visit.once(unit, flash=visit._("We have your complaint."))
