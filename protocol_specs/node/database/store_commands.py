"""`wayfare store`: the database of a node, migrated; on PostgreSQL made and shared out too."""

import argparse
import importlib
import shlex
import sys
from pathlib import Path
from typing import Any

from protocol_specs.node.database.revisions import package_of
from protocol_specs.node.database.store_settings import StoreAt
from protocol_specs.node.settings import AnyNodeSettings, SettingsError, load, require_driver
from protocol_specs.node.store_faults import StoreUnavailable, StoreUnusable

KINDS = ("migrator", "app", "reader", "auditor")


def add(subparsers: Any) -> None:
    """Registers the commands."""
    parser = subparsers.add_parser(
        "store", help="a node's database: its schema and, on PostgreSQL, roles"
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    up = commands.add_parser("migrate", help="bring the schema to this version's, or another")
    up.add_argument(
        "--to", default="head", metavar="REVISION", help="0001; on PostgreSQL also base: emptied"
    )
    up.add_argument("--user", help="PostgreSQL: connect as this role (the migrator), not the url's")
    up.set_defaults(run=run_migrate)
    roles = commands.add_parser("roles", help="PostgreSQL: print SQL that gives each role its due")
    for kind in KINDS:
        roles.add_argument(f"--{kind}", default=f"wayfare_{kind}", metavar="ROLE")
    roles.add_argument("--user", help="connect as this role instead of the url's")
    roles.set_defaults(run=run_roles)
    for each in (up, roles):
        each.add_argument("--config", type=Path, required=True, metavar="FILE")
        each.add_argument("--role", help="which node, if the file does not say it")


def run_migrate(arguments: argparse.Namespace) -> int:
    """Brings the schema to the revision that was asked for; the newest without one."""
    settings, package = _node(arguments)
    if settings.store.url is None and not arguments.user:
        from protocol_specs.node.database import sqlite_migrating

        moved = sqlite_migrating.migrate(settings.data_dir, package, arguments.to)
        _tell(moved.before, moved.after)
        if moved.copy is not None:
            _tell_way_back(settings.data_dir, arguments.config, moved.before, moved.copy)
        return 0
    at = _database(arguments, settings)
    from protocol_specs.node.database.postgres.migrating import migrate

    _tell(*migrate(at, package, arguments.to))
    return 0


def _tell(before: str, after: str) -> None:
    print(f"the schema is {after}" if before == after else f"the schema went {before} -> {after}")


def _tell_way_back(data_dir: Path, config: Path, before: str, copy: Path) -> None:
    from protocol_specs.node.database.sqlite import FILE_NAME

    database = data_dir / FILE_NAME
    away = shlex.join(["rm", "-f", f"{database}-wal", f"{database}-shm"])
    back = shlex.join(["mv", str(copy), str(database)])
    down = shlex.join(["wayfare", "store", "migrate", "--config", str(config), "--to", before])
    print(
        f"What was before is in {copy}: with personal data, so remove it once all is well.\n"
        "The way back, before the node has run:\n"
        f"  {away} && {back}\n"
        "and later, without losing what it wrote, if the revision has a way down:\n"
        f"  {down}",
        file=sys.stderr,
    )


def run_roles(arguments: argparse.Namespace) -> int:
    """Prints the SQL; it changes nothing itself."""
    settings, package = _node(arguments)
    at = _database(arguments, settings)
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


def _node(arguments: argparse.Namespace) -> tuple[AnyNodeSettings, str]:
    """The node's settings, and the package of its revisions."""
    settings = load(arguments.config, AnyNodeSettings)
    package = package_of(arguments.role or settings.role or "")
    if package is None:
        raise SettingsError(f"{arguments.config}: key 'role' is missing; say it with --role")
    return settings, package


def _database(arguments: argparse.Namespace, settings: AnyNodeSettings) -> StoreAt:
    """Where it is on PostgreSQL, and as whom to connect."""
    if settings.store.url is None:
        raise SettingsError(
            f"{arguments.config}: there is no [store] url: the data are SQLite's in data_dir, "
            "which has no roles"
        )
    if not arguments.user:
        return settings.store_at
    require_driver()  # `password_file` is the url's own role's: theirs comes by PostgreSQL's ways
    return StoreAt(settings.data_dir, settings.store.url, user=arguments.user)
