"""The provider's commands, gathered: `wayfare ledger`, `wayfare slip` and `wayfare schemes`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from bpp.insurance import books, cash, money_commands, scheme_commands
from bpp.insurance import commands as slip_commands
from bpp.insurance.money_commands import Desk
from bpp.ledger import commands as ledger_commands
from bpp.ledger.reading_commands import Books
from protocol_specs.node.settings import SettingsError, load
from protocol_specs.wire.keys import SigningKey

if TYPE_CHECKING:
    from bpp.insurance.settings import InsuranceSettings
    from bpp.settings import BppSettings


def add(subparsers: Any) -> None:
    """Registers the commands; called by `wayfare`."""
    of_ledger = ledger_commands.add(subparsers, open_books, books.find_worker)
    money_commands.add(of_ledger, open_desk)
    slip_commands.add(subparsers, open_key)
    scheme_commands.add(subparsers)


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


def open_desk(config: Path) -> Desk:
    """Where money facts are written down for this node. Raises SettingsError."""
    from bpp.desk_api import TOKEN_FILE

    settings, insurance = _insured(config)
    limit = cash.Limit(insurance.cash_debt_limit_minor(settings.currency), settings.currency)
    token_file = settings.data_dir / TOKEN_FILE
    return Desk(settings.data_dir, limit, settings.host, settings.port, token_file)


def _insured(config: Path) -> "tuple[BppSettings, InsuranceSettings]":
    from bpp.settings import BppSettings

    settings = load(config, BppSettings)
    if settings.insurance is None:
        raise SettingsError(f"{config}: it has no [insurance] part, so no books are kept")
    return settings, settings.insurance
