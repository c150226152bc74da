"""The office's face, put together: every route and who may go there; nobody else may."""

from bpp.insurance.wiring import Insured
from bpp.office.assisted import Assisted
from bpp.office.board import Board
from bpp.office.documents import Documents
from bpp.office.drivers import Drivers
from bpp.office.fares import Fares
from bpp.office.incidents import Incidents
from bpp.office.jobs import Jobs
from bpp.office.log import Log
from bpp.office.money import Money
from bpp.office.people import ROLES, OfficePeople
from bpp.office.periods import Periods
from bpp.office.remittances import Remittances
from bpp.office.room import Room
from bpp.office.shifts import Shifts
from bpp.office.surplus import Surplus
from bpp.orders.office import Office
from bpp.settings import BppSettings
from bpp.tariff.store import Reader
from bpp.work.standing import Standing
from protocol_specs.web.face import Face, Handler, NavItem
from protocol_specs.web.languages import N_
from protocol_specs.web.maps import add_maps
from protocol_specs.web.pwa import add_pwa
from protocol_specs.web.signin import PhoneSignIn
from protocol_specs.web.site import Site

Routes = list[tuple[str, str, Handler, frozenset[str]]]

ALL = frozenset(ROLES)
DISPATCH = frozenset({"dispatcher"})
WATCH = frozenset({"dispatcher", "auditor"})
TREASURY = frozenset({"treasurer"})
BOOKS = frozenset({"treasurer", "auditor"})
OPEN_BOOKS = frozenset({"member", "treasurer", "auditor"})
JOBS = frozenset({"dispatcher", "treasurer", "auditor"})
NAV = (
    NavItem("/", N_("Board"), "home", ALL),
    NavItem("/jobs", N_("Jobs"), "list", JOBS),
    NavItem("/drivers", N_("Drivers"), "car", JOBS),
    NavItem("/insurance", N_("Insurance"), "shield", OPEN_BOOKS),
    NavItem("/money", N_("Money"), "wallet", OPEN_BOOKS),
)


def add(
    site: Site,
    office: Office,
    settings: BppSettings,
    insured: Insured | None,
    tariffs: Reader,
    standing: Standing,
) -> Face:
    """Serves the pages below /office."""
    kept = NAV if insured else tuple(i for i in NAV if i.path not in ("/insurance", "/money"))
    people = OfficePeople()
    face = Face(
        site, "office", base="/office", title=N_("Office"), identify=people.person, nav=kept
    )
    PhoneSignIn(face, people)
    add_pwa(face)
    add_maps(face)
    room = Room(site, office, settings, insured, tariffs, standing)
    routes = _routes(room) + _routes_of_work(room) + (_routes_of_books(room) if insured else [])
    for method, path, handler, roles in routes:
        (face.get if method == "GET" else face.post)(path, handler, roles=roles)
    face.finish()
    return face


def _routes(room: Room) -> Routes:
    board, jobs, drivers, log = Board(room), Jobs(room), Drivers(room), Log(room)
    fares, incidents = Fares(room), Incidents(room)
    return [
        ("GET", "", board.show, ALL),
        ("GET", "/", board.show, ALL),
        ("GET", "/board/jobs", board.jobs, DISPATCH),
        ("GET", "/board/events", board.events, DISPATCH),
        ("GET", "/jobs", jobs.show_all, JOBS),
        ("GET", "/jobs/{id}", jobs.show, JOBS),
        ("GET", "/jobs/{id}/picture/{leg}", jobs.picture, JOBS),
        ("POST", "/jobs/{id}/assign", jobs.assign, DISPATCH),
        ("POST", "/jobs/{id}/cancel", jobs.cancel, DISPATCH),
        ("POST", "/jobs/{id}/end", jobs.end, DISPATCH),
        ("POST", "/jobs/{id}/share", jobs.share, DISPATCH),
        ("POST", "/jobs/{id}/paid", jobs.paid, TREASURY),
        ("POST", "/jobs/{id}/refund", jobs.refund, TREASURY),
        ("GET", "/drivers", drivers.show_all, JOBS),
        ("POST", "/drivers", drivers.put, DISPATCH),
        ("POST", "/vehicles", drivers.put_vehicle, DISPATCH),
        ("GET", "/drivers/{id}", drivers.show, JOBS),
        ("POST", "/drivers/{id}/active", drivers.set_active, DISPATCH),
        ("POST", "/drivers/{id}/token", drivers.renew_token, DISPATCH),
        ("GET", "/fares", fares.show, ALL),
        ("POST", "/fares/preview", fares.preview, TREASURY),
        ("POST", "/fares", fares.write, TREASURY),
        ("POST", "/fares/{n}/withdraw", fares.withdraw, TREASURY),
        ("GET", "/incidents", incidents.show_all, WATCH),
        ("POST", "/incidents", incidents.write, DISPATCH),
        ("GET", "/incidents/{n}", incidents.show, WATCH),
        ("POST", "/incidents/{n}", incidents.follow, DISPATCH),
        ("POST", "/incidents/{n}/answer", incidents.answer, DISPATCH),
        ("POST", "/incidents/{n}/close", incidents.close, DISPATCH),
        ("GET", "/log", log.show, BOOKS),
    ]


def _routes_of_work(room: Room) -> Routes:
    papers, shifts = Documents(room), Shifts(room)
    return [
        ("GET", "/documents", papers.show_all, JOBS),
        ("GET", "/documents/driver/{id}", papers.of_driver, JOBS),
        ("POST", "/documents/driver/{id}", papers.put_driver, DISPATCH),
        ("GET", "/documents/vehicle/{id}", papers.of_vehicle, JOBS),
        ("POST", "/documents/vehicle/{id}", papers.put_vehicle, DISPATCH),
        ("GET", "/documents/scan/{id}", papers.scan, JOBS),
        ("GET", "/shifts", shifts.show, JOBS),
        ("POST", "/shifts", shifts.plan, DISPATCH),
        ("POST", "/shifts/{id}/end", shifts.end, DISPATCH),
    ]


def _routes_of_books(room: Room) -> Routes:
    periods, remittances, money = Periods(room), Remittances(room), Money(room)
    surplus, assisted = Surplus(room), Assisted(room)
    return [
        ("GET", "/insurance", periods.show_all, OPEN_BOOKS),
        ("GET", "/insurance/period", periods.show, BOOKS),
        ("POST", "/insurance/period", periods.close, TREASURY),
        ("GET", "/insurance/people", periods.people, BOOKS),
        ("GET", "/insurance/reconcile", periods.reconcile, BOOKS),
        ("GET", "/insurance/karnataka", remittances.karnataka, BOOKS),
        ("GET", "/insurance/remittance", remittances.show, BOOKS),
        ("POST", "/insurance/remittance", remittances.step, TREASURY),
        ("GET", "/insurance/remittance/csv", remittances.csv, BOOKS),
        ("POST", "/insurance/remittance/payment", remittances.payment, TREASURY),
        ("GET", "/drivers/{id}/for", assisted.show, DISPATCH),
        ("POST", "/drivers/{id}/for", assisted.write, DISPATCH),
        ("POST", "/drivers/{id}/for/code", assisted.send, DISPATCH),
        ("GET", "/money", money.show, OPEN_BOOKS),
        ("POST", "/money", money.record, TREASURY),
        ("POST", "/money/reverse", money.reverse, TREASURY),
        ("POST", "/drivers/{id}/pay-in", money.pay_in, TREASURY),
        ("GET", "/money/surplus", surplus.show, OPEN_BOOKS),
        ("POST", "/money/surplus/look", surplus.look, TREASURY),
        ("POST", "/money/surplus", surplus.book, TREASURY),
        ("GET", "/money/surplus/{reference}", surplus.show_one, BOOKS),
        ("GET", "/money/surplus/{reference}/csv", surplus.file, BOOKS),
        ("POST", "/money/surplus/{reference}/back", surplus.back, TREASURY),
    ]
