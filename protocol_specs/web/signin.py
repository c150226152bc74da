"""Signing in: by a code sent to a phone, or by a token that an operator was given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol
from urllib.parse import urlencode

from aiohttp import web

from protocol_specs.node.store import Session
from protocol_specs.web import codes
from protocol_specs.web.face import Face
from protocol_specs.web.pacing import Pace
from protocol_specs.web.visit import PageError, Visit


class Phones(Protocol):
    """What a face knows of phones."""

    def may_sign_in(self, session: Session, phone: str) -> bool:
        """Whether a code would be of use; the asker is told the same either way."""

    def who_of(self, session: Session, phone: str, now: int) -> str | None:
        """Whose phone it is, after its code was right; may make somebody new."""


class PhoneSignIn:
    """/sign-in, /sign-in/code and /sign-out of a face. Raises SettingsError where codes would be
    readable by others than the phone's owner."""

    def __init__(self, face: Face, phones: Phones) -> None:
        if face.site.node.settings.network == "production" and not face.site.sends_codes:
            face.site.settings.codes.require_sent()
        self._face, self._phones = face, phones
        self._asked_by_phone = Pace(f"{face.name} code to", every_s=60, burst=3)
        self._asked_by_address = Pace(f"{face.name} code for", every_s=30, burst=10)
        self._tried_by_address = Pace(f"{face.name} try by", every_s=5, burst=20)
        face.get("/sign-in", self.ask, is_open=True)
        face.post("/sign-in", self.send, is_open=True)
        face.get("/sign-in/code", self.show, is_open=True)
        face.post("/sign-in/code", self.check, is_open=True)
        face.post("/sign-out", self.leave, is_open=True)

    async def ask(self, visit: Visit) -> web.StreamResponse:
        """GET /sign-in: which phone?"""
        return visit.page("sign_in.html", **_onward(visit))

    async def send(self, visit: Visit) -> web.StreamResponse:
        """POST /sign-in: a code is on its way, if anybody here has that phone."""
        phone = codes.phone_of(visit.text("phone"))
        if phone is None:
            wrong = visit._("Give the number with its country code, such as +60 12 345 6789.")
            return visit.again("sign_in.html", {"phone": wrong}, **_onward(visit))
        await _take(visit, self._asked_by_address, self._address(visit))
        await _take(visit, self._asked_by_phone, phone)
        site, face = self._face.site, self._face

        def new_code(session: Session) -> tuple[str, str, bool]:
            known = self._phones.may_sign_in(session, phone)
            secret = site.secret
            made = codes.ask(session, face.name, phone, secret=secret, known=known, now=visit.now)
            return *made, known

        code_id, code, known = await site.node.store.transact(new_code)
        if known:
            site.posts.put(
                phone, visit._("%(code)s is your sign-in code. Tell it to nobody.", code=code)
            )
        return await visit.see(visit.to("/sign-in/code", id=code_id, **_onward(visit)))

    async def show(self, visit: Visit) -> web.StreamResponse:
        """GET /sign-in/code: which code came?"""
        return visit.page("sign_in_code.html", code_id=visit.arg("id"), **_onward(visit))

    async def check(self, visit: Visit) -> web.StreamResponse:
        """POST /sign-in/code: the right code signs in, five wrong ones end it."""
        await _take(visit, self._tried_by_address, self._address(visit))
        code_id, site, face = visit.text("id"), self._face.site, self._face

        def judge(session: Session) -> tuple[str | None, int]:
            phone, left = codes.check(
                session, face.name, code_id, visit.text("code"), secret=site.secret, now=visit.now
            )
            return (self._phones.who_of(session, phone, visit.now) if phone else None), left

        who, left = await site.node.store.transact(judge)
        if who is None:
            wrong = (
                visit.not_the_code(left)
                if left
                else visit._("This code is used up or too old. Ask for a new one.")
            )
            again = {"code_id": code_id, **_onward(visit)}
            return visit.again("sign_in_code.html", {"code": wrong}, **again)
        await face.sign_in(visit, who)
        return await visit.see(_back(visit))

    async def leave(self, visit: Visit) -> web.StreamResponse:
        """POST /sign-out."""
        await self._face.sign_out(visit)
        return await visit.see(visit.to("/sign-in"))

    def _address(self, visit: Visit) -> str:
        return self._face.site.node.address_of(visit.request)


class TokenSignIn:
    """/sign-in and /sign-out of a face whose people hold tokens. `whose(token)` is what a session
    holds of them, None for nobody's token; `hint` tells where the token is to be found."""

    def __init__(self, face: Face, whose: Callable[[str], str | None], *, hint: str = "") -> None:
        self._face, self._whose, self._hint = face, whose, hint
        self._tried_by_address = Pace(f"{face.name} token by", every_s=5, burst=5)
        face.get("/sign-in", self.ask, is_open=True)
        face.post("/sign-in", self.check, is_open=True)
        face.post("/sign-out", self.leave, is_open=True)

    async def ask(self, visit: Visit) -> web.StreamResponse:
        """GET /sign-in: which token?"""
        return visit.page("sign_in_token.html", **self._shown(visit))

    async def check(self, visit: Visit) -> web.StreamResponse:
        """POST /sign-in."""
        node = self._face.site.node
        await _take(visit, self._tried_by_address, node.address_of(visit.request))
        who = self._whose(visit.text("token"))
        if who is None:
            node.telemetry.log("sign_in_refused", level="warning", face=self._face.name)
            wrong = {"token": visit._("This token opens nothing here.")}
            return visit.again("sign_in_token.html", wrong, **self._shown(visit))
        await self._face.sign_in(visit, who)
        return await visit.see(_back(visit))

    async def leave(self, visit: Visit) -> web.StreamResponse:
        """POST /sign-out."""
        await self._face.sign_out(visit)
        return await visit.see(visit.to("/sign-in"))

    def _shown(self, visit: Visit) -> dict[str, Any]:
        return {"hint": visit._(self._hint) if self._hint else "", **_onward(visit)}


async def _take(visit: Visit, pace: Pace, key: str) -> None:
    """Raises PageError 429 where there were too many."""
    wait_s = await pace.take(visit.face.site.node.store, key, visit.now)
    if wait_s:
        told = visit.n_(
            "Too many tries. Wait %(num)s second.", "Too many tries. Wait %(num)s seconds.", wait_s
        )
        raise PageError(429, told, retry_after_s=wait_s)


def _onward(visit: Visit) -> dict[str, Any]:
    """Where to go once signed in, and under which id what was typed is kept."""
    asked = visit.typed if visit.request.method == "POST" else visit.request.query
    return {"next": visit.face.local(asked.get("next", "")), "kept": asked.get("kept", "")[:64]}


def _back(visit: Visit) -> str:
    onward: dict[str, str] = _onward(visit)
    if not onward["kept"]:
        return onward["next"]
    joint = "&" if "?" in onward["next"] else "?"
    return f"{onward['next']}{joint}{urlencode({'kept': onward['kept']})}"
