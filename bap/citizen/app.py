"""The citizen's face, put together over the client API."""

from __future__ import annotations

from bap.asking import Asking
from bap.citizen import staff
from bap.citizen.doing import Doing
from bap.citizen.journeys import Journeys
from bap.citizen.live import Live
from bap.citizen.people import AnyPhone, CitizenFace, identify
from bap.citizen.pictures import Pictures
from bap.citizen.searching import Searching
from bap.citizen.sharing import Sharing
from bap.citizen.trip import Trips
from bap.client_api import ClientApi
from bap.form_api import FormApi
from bap.order_api import OrderApi
from bap.settings import BapSettings
from protocol_specs.node.server import Node
from protocol_specs.web.face import NavItem
from protocol_specs.web.languages import N_
from protocol_specs.web.maps import add_maps
from protocol_specs.web.places import Place, Places
from protocol_specs.web.pwa import add_pwa
from protocol_specs.web.senders import Sender
from protocol_specs.web.signin import PhoneSignIn
from protocol_specs.web.site import Site
from protocol_specs.web.waiting import Watch

NAV = (
    NavItem("/", N_("Book"), "home"),
    NavItem("/trips", N_("Trips"), "list"),
)


def serve(
    node: Node,
    settings: BapSettings,
    *,
    api: ClientApi,
    orders: OrderApi,
    forms: FormApi,
    watch: Watch,
    asking: Asking,
    sender: Sender | None = None,
) -> None:
    """Opens all pages; to be called after all other routes. Raises SettingsError.

    In production people sign in where a webhook sends the codes; where none does, only the browser
    that began a journey knows it.
    """
    site = Site(node, settings.web, "bap.citizen", sender=sender)
    site.places = _places(settings)
    made = Trips(site, settings, api)
    staff.serve(made)
    face = CitizenFace(site, "citizen", title="Wayfare", identify=identify, nav=NAV)
    face.signs_in = site.sends_codes or node.settings.network != "production"
    if face.signs_in:
        PhoneSignIn(face, AnyPhone())
    add_pwa(face)
    add_maps(face)
    live = Live(node, asking, watch)
    searching, journeys = Searching(made), Journeys(made, orders, forms, watch, live)
    searching.serve(face)
    Doing(made, orders, forms, searching).serve(face)
    journeys.serve(face)
    Sharing(made, journeys).serve(face)
    Pictures(made, asking).serve(face)
    face.finish()


def _places(settings: BapSettings) -> Places:
    """The bundled places, and those of the markets that are not among them."""
    bundled = Places.bundled()
    known = [place for city in sorted(bundled.cities()) for place in bundled.of(city)]
    names = {(place.city, place.name) for place in known}
    ours = [
        Place(market.city, place.name, place.lat, place.lon, place.area_code or "")
        for market in settings.markets
        for place in market.places
    ]
    return Places([*known, *(p for p in dict.fromkeys(ours) if (p.city, p.name) not in names)])
