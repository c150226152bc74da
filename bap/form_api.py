"""The client API of a provider's form: this node fetches and posts it, the citizen fills it in."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
from aiohttp import web

from bap import forms, rows
from bap.asking import Asking
from bap.bodies import FormBody
from bap.client_api import ClientApi
from bap.forms import FormRefused
from bap.journey import Event, Journey
from bap.settings import BapSettings
from protocol_specs.node.api import ApiError
from protocol_specs.node.client.client import Answered, Undelivered
from protocol_specs.node.server import Node
from protocol_specs.node.store import Session
from protocol_specs.wire import strict_json
from protocol_specs.wire.values import replace

URLENCODED = "application/x-www-form-urlencoded"
PAGE_TYPES = frozenset({"text/html", "application/xhtml+xml", "application/xml", "text/xml"})


class FormApi:
    """The handlers. A form is called only under its provider's registered url, never redirected."""

    def __init__(self, node: Node, settings: BapSettings, asking: Asking, api: ClientApi) -> None:
        self._node = node
        self._limits = settings.journeys
        self._asking = asking
        self._api = api

    def serve(self) -> None:
        """Opens the node's routes."""
        self._api.route("GET", "/api/journeys/{id}/form", self.show)
        self._api.route("POST", "/api/journeys/{id}/form", self.submit)

    async def show(self, request: web.Request) -> dict[str, Any]:
        """The fields of the form that is to be filled in now, fetched from the provider."""
        journey, form = self._open(request)
        if form.get("submission_id") is None:
            page = await self._fetch(journey, form["url"])
            try:
                action, fields = forms.read_form(page, form["url"])
            except FormRefused as refused:
                raise ApiError(502, "form_refused", f"the form is not shown: {refused}") from None
            read = {**form, "action": action, "fields": fields, "errors": []}
            await self._keep(journey, form, read)
        return self._api.document(journey.id)

    async def submit(self, request: web.Request, body: FormBody) -> dict[str, Any]:
        """Hands the answers in, signed by this node; their id goes into the next request."""
        journey, form = self._open(request)
        if form.get("fields") is None:
            raise ApiError(409, "form_unread", "GET the form first, and fill in what it asks")
        filled = forms.fill(form["fields"], body.answers)
        answer = forms.read_answer((await self._post(journey, form["action"], filled)).body)
        told = {"submission_id": answer.submission_id, "errors": list(answer.errors)}
        await self._keep(journey, form, {**form, **told})
        return self._api.document(journey.id)

    def _open(self, request: web.Request) -> tuple[Journey, dict[str, Any]]:
        """The journey and its form. Raises ApiError when there is none to be filled in."""
        journey = self._api.owned(request)
        if journey.form is None or journey.bpp_id is None:
            raise ApiError(404, "no_form", "no form is to be filled in on this journey now")
        self._api.count_ask(journey)
        return journey, orjson.loads(journey.form)

    async def _fetch(self, journey: Journey, url: str) -> bytes:
        await self._require_within(journey, url)
        chunks: list[bytes] = []
        limits = self._limits
        try:
            async with asyncio.timeout(limits.form_deadline_s):
                answered = await self._node.client.fetch(
                    url, etag=None, write=chunks.append, bytes_max=limits.form_bytes_max
                )
        except (Undelivered, TimeoutError) as fault:
            raise _unreachable(fault) from None
        kind = answered.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if kind not in PAGE_TYPES:
            raise ApiError(502, "form_refused", f"the form is not shown: it is {kind or 'untyped'}")
        return b"".join(chunks)

    async def _post(self, journey: Journey, url: str, body: bytes) -> Answered:
        await self._require_within(journey, url)
        try:
            async with asyncio.timeout(self._limits.form_deadline_s):
                return await self._node.client.submit(url, body, URLENCODED)
        except (Undelivered, TimeoutError) as fault:
            raise _unreachable(fault) from None

    async def _require_within(self, journey: Journey, url: str) -> None:
        provider = await self._asking.provider(journey.domain, journey.bpp_id or "")
        if not forms.is_within(url, provider.url):
            reason = "the form is not at the cooperative's registered address; it is not opened"
            raise ApiError(502, "form_elsewhere", reason)

    async def _keep(self, journey: Journey, form: dict[str, Any], known: dict[str, Any]) -> None:
        """Writes what is known of the form, unless another one is asked for by now."""

        def keep(session: Session) -> None:
            before = rows.lock(session, journey.id)
            asked = {} if before is None or before.form is None else orjson.loads(before.form)
            if before is None or asked.get("url") != form["url"]:
                raise ApiError(409, "form_changed", "another form is asked for now")
            event = Event("form", {"stage": form["stage"], "is_submitted": _is_in(known)})
            after = replace(before, form=strict_json.dumps(known))
            rows.save(session, before, after, (event,), self._node.now())

        await self._node.store.transact(keep)


def _is_in(form: dict[str, Any]) -> bool:
    return form.get("submission_id") is not None


def _unreachable(fault: Exception) -> ApiError:
    reason = fault.reason if isinstance(fault, Undelivered) else "it took too long"
    return ApiError(502, "form_unreachable", f"the cooperative's form gave no answer: {reason}")
