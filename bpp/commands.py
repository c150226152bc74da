"""The provider's commands, gathered: `wayfare ledger`, `wayfare slip` and `wayfare schemes`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from bpp.insurance import books, cash, money_commands, scheme_commands
from bpp.insurance import commands as slip_commands
from bpp.insurance import tables as insurance_tables
from bpp.insurance.agents import agent_commands, mandate_commands
from bpp.insurance.agents import tables as agents_tables
from bpp.insurance.desk_calls import Desk
from bpp.insurance.people import commands as people_commands
from bpp.insurance.people import tables as people_tables
from bpp.insurance.people.writing import People, people_of, whom_to_ask
from bpp.insurance.reconcile import commands as reconcile_commands
from bpp.insurance.remittance import commands as remittance_commands
from bpp.insurance.remittance import tables as remittance_tables
from bpp.insurance.remittance.files import commands as bank_file_commands
from bpp.insurance.remittance.files import tables as bank_file_tables
from bpp.insurance.report import commands as report_commands
from bpp.insurance.report import tables as report_tables
from bpp.insurance.statement import commands as statement_commands
from bpp.insurance.statement.asking import Asks
from bpp.insurance.statement.reading import Book
from bpp.ledger import archive_commands
from bpp.ledger import commands as ledger_commands
from bpp.ledger import tables as ledger_tables
from bpp.ledger.reading_commands import Books
from bpp.tables import METADATA, Tables
from protocol_specs.node.settings import SettingsError, load
from protocol_specs.node.store import Store
from protocol_specs.wire.keys import SigningKey

if TYPE_CHECKING:
    from bpp.insurance.settings import InsuranceSettings
    from bpp.settings import BppSettings


_WAITING = {"unsealed", "pending"}  # the one follows from the rest, the other goes with the orders
_OF_BOOKS = {
    kept.__tablename__
    for module in (
        ledger_tables,
        insurance_tables,
        people_tables,
        remittance_tables,
        bank_file_tables,
        agents_tables,
        report_tables,
    )
    for kept in vars(module).values()
    if isinstance(kept, type) and issubclass(kept, Tables) and kept is not Tables
}
BOOKS = tuple(t for t in METADATA.sorted_tables if t.name in _OF_BOOKS - _WAITING)
"""Every table of the books, none before what it refers to."""


def add(subparsers: Any) -> None:
    """Registers the commands; called by `wayfare`."""
    of_ledger = ledger_commands.add(subparsers, open_books, books.find_worker)
    money_commands.add(of_ledger, open_desk)
    archive_commands.add(of_ledger, open_books, open_new, BOOKS)
    slip_commands.add(subparsers, open_key)
    scheme_commands.add(subparsers)
    people_commands.add(subparsers, open_desk, open_people)
    statement_commands.add(subparsers, open_shelf)
    mandate_commands.add(subparsers, open_desk, open_key)
    agent_commands.add(subparsers, open_desk)
    report_commands.add(subparsers, open_desk)
    bank_file_commands.add(remittance_commands.add(subparsers, open_desk), open_desk)
    reconcile_commands.add(subparsers, open_books)


def open_books(config: Path) -> Books:
    """The books of the provider node with this settings file. Raises SettingsError."""
    from bpp.insurance.wiring import ledger_key  # the server's imports are slow: not for --help

    settings, insurance = _insured(config)
    return Books(
        data_dir=settings.data_dir,
        public=ledger_key(insurance).public,
        bank_accounts=dict(insurance.bank_accounts),
        currency=settings.currency,
    )


def open_key(config: Path) -> SigningKey:
    """The key that signs this node's slips. Raises SettingsError."""
    from bpp.insurance.wiring import ledger_key

    return ledger_key(_insured(config)[1])


def open_new(config: Path) -> Store:
    """A stopped node's database, made if there is none. Raises SettingsError, StoreUnusable."""
    from bpp.schema import TRIGGERS  # every table of the node has to be known

    settings, _ = _insured(config)
    return Store.open(settings.data_dir, METADATA, triggers=TRIGGERS)


def open_desk(config: Path) -> Desk:
    """Where this node's books are written to by hand. Raises SettingsError."""
    from bpp.desk_api import TOKEN_FILE

    settings, insurance = _insured(config)
    limit = cash.Limit(insurance.cash_debt_limit_minor(settings.currency), settings.currency)
    token_file = settings.data_dir / TOKEN_FILE
    return Desk(
        data_dir=settings.data_dir,
        issuer=settings.subscriber_id,
        currency=settings.currency,
        settings=insurance,
        limit=limit,
        host=settings.host,
        port=settings.port,
        token_file=token_file,
        ask=whom_to_ask(
            settings.provider_name, settings.support.phone if settings.support else None
        ),
    )


def open_people(desk: Desk) -> People:
    """What the same settings say of people. Raises SettingsError."""
    from bpp.insurance.wiring import ledger_key

    return people_of(desk.settings, desk.ask, ledger_key(desk.settings).seed)


def open_shelf(config: Path) -> statement_commands.Shelf:
    """Where this node's books are and how statements are made of them. Raises SettingsError."""
    from bpp.insurance.wiring import ledger_key

    settings, insurance = _insured(config)
    key, schemes = ledger_key(insurance), insurance.load_schemes()
    book = Book.of(schemes, settings.subscriber_id, key.public, settings.currency)
    limit = insurance.cash_debt_limit_minor(settings.currency)
    asks = Asks(book, limit, insurance.options)
    return statement_commands.Shelf(settings.data_dir, asks, key, insurance.statement_fonts)


def _insured(config: Path) -> "tuple[BppSettings, InsuranceSettings]":
    from bpp.settings import BppSettings

    settings = load(config, BppSettings, role="bpp")
    if settings.insurance is None:
        raise SettingsError(f"{config}: it has no [insurance] part, so no books are kept")
    return settings, settings.insurance
