"""The driver's face put together: its routes, its navigation, who may come in."""

from __future__ import annotations

from bpp.drive.handovers import HandOvers
from bpp.drive.money import Money
from bpp.drive.papers import Papers
from bpp.drive.people import DRIVES, Drivers
from bpp.drive.record import OwnRecord
from bpp.drive.reports import Reports
from bpp.drive.working import Working
from bpp.insurance.wiring import Insured
from bpp.orders.office import Office
from bpp.settings import OfficeSettings
from bpp.work.standing import Standing
from protocol_specs.web.face import Face, NavItem
from protocol_specs.web.languages import N_
from protocol_specs.web.maps import add_maps
from protocol_specs.web.pwa import add_pwa
from protocol_specs.web.signin import PhoneSignIn
from protocol_specs.web.site import Site

BASE = "/drive"
NAV = (
    NavItem("/", N_("Drive"), "car"),
    NavItem("/money", N_("Money"), "wallet"),
    NavItem("/slips", N_("Slips"), "document"),
    NavItem("/why", N_("Why me?"), "help"),
    NavItem("/me", N_("Me"), "person"),
)


def add(
    site: Site,
    office: Office,
    insured: Insured | None,
    standing: Standing,
    settings: OfficeSettings,
) -> None:
    """Serve the driver's pages of this site. Raises SettingsError."""
    drivers = Drivers(office.fleet)
    nav = NAV if insured else tuple(item for item in NAV if item.path != "/slips")
    face = Face(
        site, "driver", base=BASE, title=N_("Wayfare Drive"), identify=drivers.person, nav=nav
    )
    PhoneSignIn(face, drivers)
    add_pwa(face)
    add_maps(face)
    work = Working(site, office, insured, standing)
    _add_work(face, work)
    _add_pictures(face, HandOvers(site.node, work))
    _add_papers(face, Papers(site.node, office, standing))
    _add_money(face, Money(site, office, insured))
    reports = Reports(site, office, settings)
    face.get("/tell", reports.show)
    face.post("/tell", reports.send)
    _add_record(face, OwnRecord(site, office, insured))
    face.finish()


def _add_work(face: Face, work: Working) -> None:
    face.get("/", work.home)
    face.get("/live", work.live, roles=DRIVES)
    face.post("/online", work.online, roles=DRIVES)
    face.post("/offline", work.offline, roles=DRIVES)
    face.post("/position", work.position, roles=DRIVES)
    face.post("/jobs/{id}/accept", work.accept, roles=DRIVES)
    face.post("/jobs/{id}/decline", work.decline, roles=DRIVES)
    face.post("/jobs/{id}/step", work.step, roles=DRIVES)
    face.post("/jobs/{id}/cancel", work.cancel, roles=DRIVES)
    face.post("/jobs/{id}/return", work.bring_back, roles=DRIVES)
    face.post("/jobs/{id}/returned", work.brought_back, roles=DRIVES)


def _add_pictures(face: Face, pictures: HandOvers) -> None:
    face.post("/jobs/{id}/picture", pictures.send, roles=DRIVES)
    face.get("/jobs/{id}/picture/{leg}", pictures.show)


def _add_papers(face: Face, papers: Papers) -> None:
    face.get("/papers", papers.show)
    face.get("/papers/{id}/scan", papers.scan)
    face.get("/shifts", papers.plan)


def _add_money(face: Face, money: Money) -> None:
    face.get("/money", money.earnings)
    face.get("/slips", money.slips)
    face.get("/slips/{id}", money.slip)
    face.get("/book", money.book)
    face.get("/book/{form}", money.file)


def _add_record(face: Face, record: OwnRecord) -> None:
    face.get("/notices", record.notices)
    face.post("/notices", record.read, roles=DRIVES)
    face.post("/consent", record.answer, roles=DRIVES)
    face.get("/me", record.record)
    face.post("/plan", record.choose, roles=DRIVES)
    face.post("/opt-in", record.opt_in, roles=DRIVES)
    face.get("/ask/{question}", record.ask)
    face.get("/why", record.why)
