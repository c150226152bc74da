"""The provider node, put together: who does what is here, how it is done is elsewhere.

A confirm: the signed door (node) -> orders/handlers.py `_confirm` -> orders/confirm.py decides ->
orders/writing.py writes order, facts, what extensions set aside and the owed on_confirm at once ->
the outbox (node) sends it.
"""

import asyncio
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import aiohttp
from aiohttp import web

from bpp import desk_api, driver_api, forms_api, live_api
from bpp.dispatch import offers, rounds
from bpp.fleet import roster
from bpp.fleet.csv_import import Roster
from bpp.fleet.fleet import Fleet
from bpp.fleet.routing import Osrm, Router, Routing, StraightLine, Valhalla
from bpp.incidents import store as incidents
from bpp.insurance import wiring
from bpp.orders import answers, beside, expiry, handlers, store
from bpp.orders.ahead import ComingUp
from bpp.orders.catching_up import catch_up_next
from bpp.orders.extension import Extension
from bpp.orders.offering import Offering
from bpp.orders.office import Office, keys
from bpp.orders.provider import Provider
from bpp.orders.stamps import Stamps
from bpp.schema import TRIGGERS
from bpp.settings import BppSettings, RouterSettings
from bpp.tables import METADATA
from bpp.tariff import store as tariff_store
from bpp.work import wiring as work
from bpp.work.standing import Standing
from protocol_specs.node.server import Node
from protocol_specs.node.settings import load
from protocol_specs.node.trust.keyring import Directory
from protocol_specs.web.settings import WebSettings
from protocol_specs.wire.parties import SubscriberType

LIVE_SECRET_FILE = "tracking.key"  # noqa: S105 - a file's name, not a secret


def build(config: Path) -> Node:
    """The node of this settings file, ready to be started. Raises SettingsError, StoreUnusable."""
    return build_from(load(config, BppSettings))


def build_from(
    settings: BppSettings,
    *,
    clock: Callable[[], float] = time.time,
    directory: Directory | None = None,
    extensions: tuple[Extension, ...] = (),
) -> Node:
    """The same from settings at hand; `clock` and `directory` as Node takes them.

    `extensions` follow each order beside those that the settings ask for.
    """
    listed = settings.roster()
    node = Node(
        settings,
        type=SubscriberType.BPP,
        metadata=METADATA,
        triggers=TRIGGERS,
        clock=clock,
        directory=directory,
    )
    fleet = _fleet(node, listed)
    form_secret = settings.private_file(forms_api.SECRET_FILE)
    provider = settings.provider(node.store.read(roster.categories), form_secret.encode())
    if provider.assignment == "at_confirm":  # each locks a driver, and two at once might both wait
        node.inbox.shared_commit_max = 1
    tariffs = tariff_store.Reader(provider.tariff)
    node.store.read(tariffs.load)
    node.add_loop("tariff", tariffs.reread_next, wake=asyncio.Event(), everywhere=True)
    desk_token = settings.private_file(desk_api.TOKEN_FILE)
    insured = _insured(node, settings, provider, desk_token)
    if insured is not None:
        extensions = (*extensions, insured.extension)
    standing = work.add(node, fleet, settings.documents, settings.shifts, settings.city_zone())
    office = Office(
        provider=provider,
        fleet=fleet,
        extensions=extensions,
        standing=standing,
        bpp_id=settings.subscriber_id,
        bpp_uri=settings.url,
        stamps=Stamps(clock),
        new_key=keys(clock),
        live_secret=settings.private_file(LIVE_SECRET_FILE).encode(),
        routing=_routing(node, settings.dispatch.router),
    )
    _serve_actions(node, office)
    driver_api.add(node, office)
    desk_api.add(node, office, desk_token)
    forms_api.add(node, office)
    live_api.add(node, office)
    _add_loops(node, office)
    if settings.web is not None:
        _add_pages(node, settings, settings.web, office, insured, tariffs, standing)
    return node


def _serve_actions(node: Node, office: Office) -> None:
    """The actions of every dialect this node speaks, and no others."""
    spoken = (node.dialects.spoken_in(domain) for domain in node.settings.domains)
    served = {action for dialects in spoken for one in dialects for action in one.traits.actions}
    for durable in handlers.durable(office):
        if durable.action in served:
            node.serve_action(durable)
    for passing in answers.passing(office, node.store, node.passing):
        if passing.action in served:
            node.serve_action(passing)


def _fleet(node: Node, listed: Roster) -> Fleet:
    """The fleet as settings and CSV file list it, on top of what the desk added before."""
    node.store.transact_now(lambda session: roster.put_roster(session, listed))
    fleet = Fleet()
    node.store.read(fleet.load)
    fleet.share(node.store)
    return fleet


def _routing(node: Node, settings: RouterSettings) -> Routing:
    """Who says how long drivers take; a server is asked over connections of its own."""
    line = StraightLine(settings.detour, settings.km_per_h)
    if settings.url is None:
        return Routing(line)
    opened: list[aiohttp.ClientSession] = []

    def session() -> aiohttp.ClientSession:
        if not opened:
            opened.append(aiohttp.ClientSession())
        return opened[0]

    async def close(_: web.Application) -> None:
        for each in opened:
            await each.close()

    node.app.on_cleanup.append(close)
    router: Router
    if settings.kind == "osrm":
        router = Osrm(settings.url, session, settings.profile or "driving")
    else:
        router = Valhalla(settings.url, session, settings.profile or "auto")
    return Routing(line, router)


def _insured(
    node: Node, settings: BppSettings, provider: Provider, desk_token: str
) -> wiring.Insured | None:
    """What follows each order: nothing, unless the settings say so."""
    if settings.insurance is None:
        return None

    def driver_of(request: web.Request) -> str:
        return driver_api.authenticate_holder(node, request).agent_id

    def require_desk(request: web.Request) -> None:
        desk_api.require_desk(request, desk_token)

    return wiring.add(
        node,
        settings.insurance,
        provider=provider,
        driver_of=driver_of,
        require_desk=require_desk,
    )


def _add_pages(
    node: Node,
    settings: BppSettings,
    web_settings: WebSettings,
    office: Office,
    insured: wiring.Insured | None,
    tariffs: tariff_store.Reader,
    standing: Standing,
) -> None:
    """The faces of this node. Templates and languages are loaded only where there are pages."""
    from bpp.drive import face as drive
    from bpp.office import api as office_api
    from bpp.office import face as desk
    from bpp.public import face as public
    from bpp.work import picture_api
    from protocol_specs.web.site import Site

    site = Site(node, web_settings, "bpp.drive", "bpp.office", "bpp.work", "bpp.public")
    drive.add(site, office, insured, standing, settings.office)
    desk.add(site, office, settings, insured, tariffs, standing)
    picture_api.add(node)
    office_api.add(node, settings.private_file(desk_api.TOKEN_FILE))
    public.add(site, office.provider, keeps_books=insured is not None)


def _add_loops(node: Node, office: Office) -> None:
    node.add_loop("old quotes", store.drop_quote_next, wake=asyncio.Event())
    node.add_loop("old forms", beside.drop_submission_next, wake=asyncio.Event())
    end_waiting = partial(expiry.end_waiting_next, office)
    node.add_loop("old incidents", incidents.forget_next, wake=asyncio.Event())
    node.add_loop("orders nobody takes", end_waiting, wake=asyncio.Event())
    coming_up = ComingUp(office)
    node.add_loop("jobs that come up", coming_up.come_up_next, wake=asyncio.Event())
    node.add_loop("old lists of candidates", rounds.forget_next, wake=asyncio.Event())
    if office.provider.assignment == "in_turn":
        offering = Offering(office, node.store)
        node.add_loop("offers in turn", offering.offer_next, wake=offering.wake)
        node.store.listen(offers.JOB_CHANNEL, offering.hear)
    for extension in office.extensions:
        catch_up = partial(catch_up_next, office, extension)
        node.add_loop(f"catch up {extension.name}", catch_up, wake=asyncio.Event())
