"""`wayfare store`: the PostgreSQL database of a node's settings, made, migrated and shared out."""

import argparse
import importlib
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from protocol_specs.node.database.store_settings import StoreAt
from protocol_specs.node.settings import AnyNodeSettings, SettingsError, load, require_driver
from protocol_specs.node.store_faults import StoreUnavailable, StoreUnusable

KINDS = ("migrator", "app", "reader", "auditor")


def add(subparsers: Any) -> None:
    """Registers the commands."""
    parser = subparsers.add_parser("store", help="a node's PostgreSQL database: schema and roles")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    up = commands.add_parser("migrate", help="make the schema, or bring it to another revision")
    up.add_argument("--to", default="head", metavar="REVISION", help="0001, or base: emptied")
    up.add_argument("--user", help="connect as this role (the migrator) instead of the url's")
    up.set_defaults(run=run_migrate)
    roles = commands.add_parser("roles", help="print SQL that gives each role what it needs")
    for kind in KINDS:
        roles.add_argument(f"--{kind}", default=f"wayfare_{kind}", metavar="ROLE")
    roles.add_argument("--user", help="connect as this role instead of the url's")
    roles.set_defaults(run=run_roles)
    for each in (up, roles):
        each.add_argument("--config", type=Path, required=True, metavar="FILE")
        each.add_argument("--role", help="which node, if the file does not say it")


def run_migrate(arguments: argparse.Namespace) -> int:
    """Brings the schema to the revision that was asked for; the newest without one."""
    at, package = _database(arguments)
    from protocol_specs.node.database.postgres.migrating import migrate

    before, after = migrate(at, package, arguments.to)
    print(f"the schema is {after}" if before == after else f"the schema went {before} -> {after}")
    return 0


def run_roles(arguments: argparse.Namespace) -> int:
    """Prints the SQL; it changes nothing itself."""
    at, package = _database(arguments)
    from protocol_specs.node.database.postgres.place import connect, shown
    from protocol_specs.node.database.postgres.roles import statements

    books = getattr(importlib.import_module(package), "BOOKS", ())
    names = {kind: getattr(arguments, kind) for kind in KINDS}
    try:
        link = connect(at)
    except StoreUnavailable as error:
        raise StoreUnusable(f"{shown(at)}: {error}") from error
    try:
        for statement in statements(link, names, books):
            print(f"{statement};")
    finally:
        link.close()
    return 0


def _database(arguments: argparse.Namespace) -> tuple[StoreAt, str]:
    """Where it is, as whom to connect, and the package of the node's revisions."""
    settings = load(arguments.config, AnyNodeSettings)
    role = arguments.role or settings.role
    found = [entry for entry in entry_points(group="wayfare.nodes") if entry.name == role]
    if not found:
        raise SettingsError(f"{arguments.config}: key 'role' is missing; say it with --role")
    url = settings.store.url
    if url is None:
        raise SettingsError(
            f"{arguments.config}: there is no [store] url: the data are SQLite's in data_dir, "
            "which the node makes itself"
        )
    package = f"{found[0].value.split('.')[0]}.migrations"
    if not arguments.user:
        return settings.store_at, package
    require_driver()  # `password_file` is the url's own role's: theirs comes by PostgreSQL's ways
    return StoreAt(settings.data_dir, url, user=arguments.user), package
