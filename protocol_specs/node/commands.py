"""The command `wayfare`: serve a node, make its keys, join a network, check a settings file.

Other commands come from the entry-point group `wayfare.commands`, nodes from `wayfare.nodes` and
their settings classes from `wayfare.settings`, so that this floor knows none of them by name.
What takes long to import is imported by the command that needs it.
"""

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Sequence
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from protocol_specs.node import collector
from protocol_specs.node.settings import (
    TYPE_OF_ROLE,
    AnyNodeSettings,
    Role,
    SettingsError,
    load,
    of_another_role,
    write_secret,
)
from protocol_specs.node.store_faults import StoreUnusable
from protocol_specs.node.workers.workers import VARIABLE
from protocol_specs.wire import keys
from protocol_specs.wire.parties import SubscriberType

if TYPE_CHECKING:
    from protocol_specs.node.trust.subscription import Standing

DAY_S = 86_400
NO_REGISTRY = (
    "key 'registry' is missing: nobody to ask; add [registry] with url, subscriber_id, "
    "unique_key_id and the two public keys, as the network's operator tells them"
)


class CommandFault(Exception):
    """Something the person at the keyboard can mend; the text says how."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line; the exit status: 0 done, 1 refused with a reason, 2 misspelt."""
    words = list(sys.argv[1:] if argv is None else argv)
    parser = _parser(words)
    if not words:
        parser.print_help(sys.stderr)
        return 2
    arguments = parser.parse_args(words)
    try:
        return int(arguments.run(arguments) or 0)
    except (CommandFault, SettingsError, StoreUnusable) as fault:
        print(f"wayfare: {fault}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def add(subparsers: Any) -> None:
    """The commands that every node has."""
    roles = sorted(entry.name for entry in entry_points(group="wayfare.nodes"))
    serve = subparsers.add_parser("serve", help="run a node until it is told to stop")
    serve.add_argument("role", choices=roles, help="which node")
    _add_config(serve)
    serve.set_defaults(run=run_serve)
    check = subparsers.add_parser("check-config", help="say what is wrong with a settings file")
    check.add_argument("role", choices=roles, help="whose settings they are")
    _add_config(check)
    check.set_defaults(run=run_check_config)
    keygen = subparsers.add_parser("keygen", help="make a node's two key pairs")
    keygen.add_argument("--out", type=Path, required=True, metavar="DIR", help="where to put them")
    keygen.set_defaults(run=run_keygen)
    join = subparsers.add_parser("join", help="ask the registry to admit a running node")
    _add_config(join)
    join.add_argument("--role", choices=sorted(TYPE_OF_ROLE), help="if the file does not say it")
    join.add_argument("--wait", type=float, default=30, metavar="S", help="seconds to wait (30)")
    join.add_argument(
        "--days", type=int, default=365, metavar="N", help="how long the key is valid"
    )
    join.set_defaults(run=run_join)


def run_serve(arguments: argparse.Namespace) -> int:
    """Build the node of that role and run it until SIGTERM or Ctrl-C."""
    _check_role(arguments)
    settings = load(arguments.config, AnyNodeSettings)
    if settings.has_siblings and VARIABLE not in os.environ:
        from protocol_specs.node.workers.supervisor import Supervisor

        settings.require_workers(arguments.role)
        return Supervisor(arguments.role, arguments.config, settings).run()
    collector.hold()
    build = _load(_entry("wayfare.nodes", arguments.role))
    node = build(arguments.config)
    try:
        node.run()
    except SettingsError as fault:
        raise CommandFault(f"{arguments.config}: {fault}") from None
    return 0


def run_check_config(arguments: argparse.Namespace) -> int:
    """Read the file as `serve` would, with its keys; say what is wrong, or that nothing is."""
    from protocol_specs.node.startup import check_settings

    _check_role(arguments)
    settings = load(arguments.config, _load(_entry("wayfare.settings", arguments.role)))
    try:
        check_settings(settings)
        settings.check()
        if settings.has_siblings:
            settings.require_workers(arguments.role)
    except SettingsError as fault:
        raise CommandFault(f"{arguments.config}: {fault}") from None
    print(f"{arguments.config}: fine for {arguments.role} {settings.subscriber_id}")
    return 0


class RoleSettings(BaseModel):
    """Whose settings a file holds, before anything in it is judged by another node's rules."""

    role: Role | None = None


def _check_role(arguments: argparse.Namespace) -> None:
    role = load(arguments.config, RoleSettings).role
    if role is not None and role != arguments.role:
        raise CommandFault(f"{arguments.config}: {of_another_role(role, arguments.role)}")


def run_keygen(arguments: argparse.Namespace) -> int:
    """Write signing.key and encryption.key, readable by their owner only.

    Standard output is the public halves as TOML, to be pasted or appended to the settings of those
    who trust us.

    Existing keys are never replaced: peers know a key by its id, and an id must not get new keys.
    """
    folder: Path = arguments.out
    signing, encryption = keys.generate_signing_key(), keys.generate_encryption_key()
    secrets = {
        folder / "signing.key": keys.b64encode(signing.seed),
        folder / "encryption.key": keys.b64encode(encryption.seed),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path in secrets:
            if path.exists():
                raise CommandFault(f"{path} exists and is kept; choose another folder for new keys")
        for path, secret in secrets.items():
            write_secret(path, secret)
    except OSError as error:
        raise CommandFault(f"{folder}: cannot write keys there: {error.strerror}") from None
    print(f'signing_public_key = "{keys.b64encode(signing.public)}"')
    print(f'encryption_public_key = "{keys.b64encode(encryption.public)}"')
    print(
        f"The private keys are in {folder} (mode 0600). Keep them; nobody can make them again.",
        file=sys.stderr,
    )
    return 0


def run_join(arguments: argparse.Namespace) -> int:
    """Send the application of a running node and wait for the registry's yes."""
    from protocol_specs.node.client.client import Undelivered

    settings = load(arguments.config, AnyNodeSettings)
    role = arguments.role or settings.role
    if role is None:
        raise CommandFault(
            f"{arguments.config}: key 'role' is missing; add role = \"bpp\" (or bap, gateway) "
            "or give --role"
        )
    if settings.registry is None:
        raise CommandFault(f"{arguments.config}: {NO_REGISTRY}")
    try:
        standing = asyncio.run(_join(settings, TYPE_OF_ROLE[role], arguments))
    except Undelivered as undelivered:
        raise CommandFault(
            f"the registry at {settings.registry.url} did not take it: {undelivered.reason}"
            + ("" if undelivered.status else ". Does it run, and is [registry] url its address?")
        ) from None
    print(f"{settings.subscriber_id}: {standing.status} {standing.says}".rstrip())
    if standing.is_subscribed:
        return 0
    print(next_step(settings, standing), file=sys.stderr)
    return 1


async def _join(
    settings: AnyNodeSettings, type: SubscriberType, arguments: argparse.Namespace
) -> "Standing":
    from protocol_specs.node.calling import calling
    from protocol_specs.node.trust import subscription

    async with calling(settings) as caller:
        registry = caller.registry
        if registry is None:
            raise CommandFault(f"{arguments.config}: {NO_REGISTRY}")
        body = subscription.application(
            settings,
            caller.own,
            type=type,
            now=int(time.time()),
            valid_s=arguments.days * DAY_S,
            unique_key_id=caller.client.key_id.unique_key_id,
        )
        said = await subscription.subscribe(caller.client, registry.url, body)
        print(f"The registry {registry.record.subscriber_id} says: {said.status}")
        return await subscription.wait_until_subscribed(registry, body, wait_s=arguments.wait)


def next_step(settings: AnyNodeSettings, standing: "Standing") -> str:
    """What to do, and what to type, when the registry has not said yes."""
    if standing.says.startswith("approval"):
        return (
            "The challenge was answered. Now the network's operator must say yes: "
            f"wayfare registry --config FILE approve {settings.subscriber_id}. "
            "Then type this command again, or just wait: peers will find the node."
        )
    return (
        f"The registry must reach {settings.url}/on_subscribe. Is the node running (wayfare "
        "serve), and is that its address as the registry sees it? Then type this command again."
    )


class _Parser(argparse.ArgumentParser):
    """One that shows the usage of the very command whose words it does not know."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return found, unknown


def _parser(words: Sequence[str]) -> argparse.ArgumentParser:
    parser = _Parser(
        prog="wayfare",
        description="Rides and deliveries on an open network.",
        epilog="wayfare COMMAND --help says more. To see it all at work: wayfare demo. A node that "
        "does not do what it should: wayfare doctor --config FILE. Read on in docs/README.md.",
    )
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    add(subparsers)
    # Nobody should wait for the imports of commands that were not asked for.
    if words and words[0] in subparsers.choices:
        return parser
    asked = [entry for entry in _others() if words and entry.name == words[0]]
    if asked:
        _add_entries(subparsers, asked)
    else:
        _add_own(subparsers)
        _add_entries(subparsers, _others())
    return parser


def _others() -> list[EntryPoint]:
    """The commands of others, each entry by its command's name; one function may add several."""
    own = f"{__name__}:add"
    return [entry for entry in entry_points(group="wayfare.commands") if entry.value != own]


def _add_entries(subparsers: Any, entries: Sequence[EntryPoint]) -> None:
    for entry in {entry.value: entry for entry in entries}.values():
        try:
            _load(entry)(subparsers)
        except CommandFault as fault:
            print(f"wayfare: {fault}", file=sys.stderr)


def _add_own(subparsers: Any) -> None:
    from protocol_specs.node import signature_commands
    from protocol_specs.node.database import backup_commands, store_commands
    from protocol_specs.node.messages import queue_commands
    from protocol_specs.node.nats import commands as nats_commands
    from protocol_specs.node.ops import doctor_commands, trace_commands
    from protocol_specs.node.trust import rotate_commands

    for module in (
        backup_commands,
        queue_commands,
        rotate_commands,
        signature_commands,
        store_commands,
        trace_commands,
        doctor_commands,
        nats_commands,
    ):
        module.add(subparsers)


def _add_config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="TOML settings")


def _entry(group: str, name: str) -> EntryPoint:
    for entry in entry_points(group=group):
        if entry.name == name:
            return entry
    raise CommandFault(f"nothing named {name!r} is installed (entry-point group {group})")


def _load(entry: EntryPoint) -> Any:
    """What the entry point names. Raises CommandFault naming the entry that cannot be loaded."""
    try:
        return entry.load()
    except (ImportError, AttributeError) as error:
        raise CommandFault(
            f"entry point {entry.name!r} of {entry.group} ({entry.value}) cannot be loaded: {error}"
        ) from None
