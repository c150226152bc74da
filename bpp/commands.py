"""The provider's commands, gathered: `wayfare ledger`, `wayfare slip` and `wayfare schemes`."""

from pathlib import Path
from typing import Any

from bpp.insurance import books, scheme_commands
from bpp.insurance import commands as slip_commands
from bpp.ledger import commands as ledger_commands
from bpp.ledger.commands import Books
from protocol_specs.node.settings import SettingsError, load


def add(subparsers: Any) -> None:
    """Registers the commands; called by `wayfare`."""
    ledger_commands.add(subparsers, open_books, books.find_worker)
    slip_commands.add(subparsers)
    scheme_commands.add(subparsers)


def open_books(config: Path) -> Books:
    """The books of the provider node with this settings file. Raises SettingsError."""
    from bpp.insurance.wiring import ledger_key  # the server's imports are slow: not for --help
    from bpp.settings import BppSettings

    settings = load(config, BppSettings)
    if settings.insurance is None:
        raise SettingsError(f"{config}: it has no [insurance] part, so no books are kept")
    return Books(settings.data_dir, ledger_key(settings.insurance).public)
