"""The provider's whole schema: every table is declared once this is imported; and its triggers."""

from bpp.dispatch import tables as dispatch_tables
from bpp.fleet import tables as fleet_tables
from bpp.incidents import tables as incident_tables
from bpp.insurance import tables as insurance_tables
from bpp.insurance.agents import tables as agents_tables
from bpp.insurance.coverage import tables as coverage_tables
from bpp.insurance.people import tables as people_tables
from bpp.insurance.remittance import tables as remittance_tables
from bpp.insurance.remittance.files import tables as bank_file_tables
from bpp.insurance.report import tables as report_tables
from bpp.insurance.surplus import tables as surplus_tables
from bpp.ledger import tables as ledger_tables
from bpp.office import tables as office_tables
from bpp.orders import tables as order_tables
from bpp.tables import METADATA
from bpp.tariff import tables as tariff_tables
from bpp.work import tables as work_tables
from protocol_specs.web import tables as web_tables

web_tables.define(METADATA)

TRIGGERS = (
    *order_tables.TRIGGERS,
    *dispatch_tables.TRIGGERS,
    *ledger_tables.TRIGGERS,
    *insurance_tables.TRIGGERS,
    *people_tables.TRIGGERS,
    *remittance_tables.TRIGGERS,
    *bank_file_tables.TRIGGERS,
    *agents_tables.TRIGGERS,
    *report_tables.TRIGGERS,
    *coverage_tables.TRIGGERS,
    *office_tables.TRIGGERS,
    *work_tables.TRIGGERS,
    *tariff_tables.TRIGGERS,
    *incident_tables.TRIGGERS,
    *surplus_tables.TRIGGERS,
)

OF_BOOKS = (
    ledger_tables,
    insurance_tables,
    people_tables,
    remittance_tables,
    bank_file_tables,
    agents_tables,
    report_tables,
    coverage_tables,
    surplus_tables,
)
"""The modules whose tables are the books."""

__all__ = ["OF_BOOKS", "TRIGGERS", "fleet_tables"]
