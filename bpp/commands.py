"""The provider's commands, each by its name: what one needs is imported when it is asked for."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from protocol_specs.node.settings import SettingsError, load

if TYPE_CHECKING:
    from sqlalchemy import Table

    from bpp.insurance.desk_calls import Desk
    from bpp.insurance.people.writing import People
    from bpp.insurance.settings import InsuranceSettings
    from bpp.insurance.statement.commands import Shelf
    from bpp.ledger.reading_commands import Books
    from bpp.office.commands import Door
    from bpp.settings import BppSettings
    from protocol_specs.node.store import Store
    from protocol_specs.wire.keys import SigningKey


def add_ledger(subparsers: Any) -> None:
    """`wayfare ledger`; like all of these called by `wayfare`."""
    from bpp.insurance import books, money_commands
    from bpp.ledger import archive_commands, commands

    of_ledger = commands.add(subparsers, open_books, books.find_worker)
    money_commands.add(of_ledger, open_desk)
    archive_commands.add(of_ledger, open_books, open_new, tables_of_books)


def add_slip(subparsers: Any) -> None:
    """`wayfare slip`."""
    from bpp.insurance import commands

    commands.add(subparsers, open_key)


def add_schemes(subparsers: Any) -> None:
    """`wayfare schemes`."""
    from bpp.insurance import scheme_commands

    scheme_commands.add(subparsers)


def add_workers(subparsers: Any) -> None:
    """`wayfare workers`."""
    from bpp.insurance.people import commands

    commands.add(subparsers, open_desk, open_people)


def add_statement(subparsers: Any) -> None:
    """`wayfare statement` and `wayfare ask`."""
    from bpp.insurance.coverage import commands as coverage_commands
    from bpp.insurance.statement import commands

    coverage_commands.add(commands.add(subparsers, open_shelf), open_desk)


def add_mandates(subparsers: Any) -> None:
    """`wayfare mandates`."""
    from bpp.insurance.agents import mandate_commands

    mandate_commands.add(subparsers, open_desk, open_key)


def add_agents(subparsers: Any) -> None:
    """`wayfare agents`."""
    from bpp.insurance.agents import agent_commands

    agent_commands.add(subparsers, open_desk)


def add_report(subparsers: Any) -> None:
    """`wayfare report`."""
    from bpp.insurance.report import commands

    commands.add(subparsers, open_desk)


def add_surplus(subparsers: Any) -> None:
    """`wayfare surplus`."""
    from bpp.insurance.surplus import commands

    commands.add(subparsers, open_desk)


def add_remit(subparsers: Any) -> None:
    """`wayfare remit`."""
    from bpp.insurance.remittance import commands
    from bpp.insurance.remittance.files import commands as file_commands

    file_commands.add(commands.add(subparsers, open_desk), open_desk)


def add_reconcile(subparsers: Any) -> None:
    """`wayfare reconcile`."""
    from bpp.insurance.reconcile import commands

    commands.add(subparsers, open_books)


def add_office(subparsers: Any) -> None:
    """`wayfare office`."""
    from bpp.office import commands

    commands.add(subparsers, open_door)


def tables_of_books() -> "tuple[Table, ...]":
    """Every table of the books, none before what it refers to."""
    from bpp import schema
    from bpp.tables import METADATA, Tables

    waiting = {"unsealed", "pending"}  # one follows from the rest, the other goes with the orders
    kept = {
        each.__tablename__
        for module in schema.OF_BOOKS
        for each in vars(module).values()
        if isinstance(each, type) and issubclass(each, Tables) and each is not Tables
    }
    return tuple(table for table in METADATA.sorted_tables if table.name in kept - waiting)


def open_books(config: Path) -> "Books":
    """The books of the provider node with this settings file. Raises SettingsError."""
    from bpp.insurance.wiring import ledger_key
    from bpp.ledger.reading_commands import Books

    settings, insurance = _insured(config)
    return Books(
        store_at=settings.store_at,
        public=ledger_key(insurance).public,
        bank_accounts=dict(insurance.bank_accounts),
        currency=settings.currency,
    )


def open_key(config: Path) -> "SigningKey":
    """The key that signs this node's slips. Raises SettingsError."""
    from bpp.insurance.wiring import ledger_key

    return ledger_key(_insured(config)[1])


def open_new(config: Path) -> "Store":
    """A stopped node's database, made if there is none. Raises SettingsError, StoreUnusable."""
    from bpp.schema import TRIGGERS  # every table of the node has to be known
    from bpp.tables import METADATA
    from protocol_specs.node.store import Store

    settings, _ = _insured(config)
    return Store.open(settings.store_at, METADATA, triggers=TRIGGERS)


def open_desk(config: Path) -> "Desk":
    """Where this node's books are written to by hand. Raises SettingsError."""
    from bpp.desk_api import TOKEN_FILE
    from bpp.insurance import cash
    from bpp.insurance.desk_calls import Desk
    from bpp.insurance.people.writing import whom_to_ask

    settings, insurance = _insured(config)
    limit = cash.Limit(insurance.cash_debt_limit_minor(settings.currency), settings.currency)
    token_file = settings.data_dir / TOKEN_FILE
    return Desk(
        store_at=settings.store_at,
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


def open_door(config: Path) -> "Door":
    """Where this node keeps who is in its office. Raises SettingsError."""
    from bpp.desk_api import TOKEN_FILE
    from bpp.office.commands import Door
    from bpp.settings import BppSettings

    settings = load(config, BppSettings, role="bpp")
    token_file = settings.data_dir / TOKEN_FILE
    return Door(settings.store_at, settings.host, settings.port, token_file)


def open_people(desk: "Desk") -> "People":
    """What the same settings say of people. Raises SettingsError."""
    from bpp.insurance.people.writing import people_of
    from bpp.insurance.wiring import ledger_key

    return people_of(desk.settings, desk.ask, ledger_key(desk.settings).seed)


def open_shelf(config: Path) -> "Shelf":
    """Where this node's books are and how statements are made of them. Raises SettingsError."""
    from bpp.insurance.statement.asking import Asks
    from bpp.insurance.statement.commands import Shelf
    from bpp.insurance.statement.reading import Book
    from bpp.insurance.wiring import ledger_key

    settings, insurance = _insured(config)
    key, schemes = ledger_key(insurance), insurance.load_schemes()
    issuer, keys = settings.subscriber_id, insurance.institution_keys
    book = Book.of(schemes, issuer, key.public, settings.currency, keys)
    limit = insurance.cash_debt_limit_minor(settings.currency)
    asks = Asks(book, limit, insurance.options)
    return Shelf(settings.store_at, asks, key, insurance.statement_fonts)


def _insured(config: Path) -> "tuple[BppSettings, InsuranceSettings]":
    from bpp.settings import BppSettings

    settings = load(config, BppSettings, role="bpp")
    if settings.insurance is None:
        raise SettingsError(
            f"{config}: it has no [insurance] part, so no books are kept; give the settings file "
            "of a cooperative that keeps them"
        )
    return settings, settings.insurance
