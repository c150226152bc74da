"""`wayfare backup` and `wayfare restore`: a whole copy of a node's data, and the way back."""

import argparse
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from protocol_specs.node.database import backup
from protocol_specs.node.settings import AnyNodeSettings, load

PATH_MAX = 4_096


def add(subparsers: Any) -> None:
    """The two commands."""
    out = subparsers.add_parser("backup", help="copy a node's data, beside the running node")
    out.add_argument("--config", type=Path, required=True, metavar="FILE", help="TOML settings")
    out.add_argument("--out", type=Path, required=True, metavar="DIR", help="a new folder")
    out.set_defaults(run=run_backup)
    back = subparsers.add_parser("restore", help="put a backup in the place of a node's data")
    back.add_argument("--config", type=Path, required=True, metavar="FILE", help="TOML settings")
    back.add_argument("--from", type=Path, required=True, metavar="DIR", dest="folder")
    back.add_argument(
        "--data-dir", type=Path, metavar="DIR", help="put it there instead: a drill, no restart"
    )
    back.set_defaults(run=run_restore)


def run_backup(arguments: argparse.Namespace) -> int:
    """One committed state of the database and the files beside it, checked."""
    settings = load(arguments.config, AnyNodeSettings)
    made = backup.make(
        settings.data_dir,
        arguments.out,
        subscriber_id=settings.subscriber_id,
        now=int(time.time()),
        private=set(_named(tomllib.loads(arguments.config.read_text()), arguments.config.parent)),
    )
    print(f"{settings.subscriber_id}: {len(made.files)} files in {arguments.out}, checked")
    print(
        "Not in it: settings, private keys, the witness of the books. It holds personal data and "
        "the tokens of operator and desk: encrypt it before it leaves this machine",
        file=sys.stderr,
    )
    return 0


def _named(settings: Any, folder: Path) -> Iterator[Path]:
    """What the settings name as files of their own: keys, passwords, the witness."""
    if isinstance(settings, dict | list):
        for each in settings.values() if isinstance(settings, dict) else settings:
            yield from _named(each, folder)
    elif isinstance(settings, str) and len(settings) < PATH_MAX and "\0" not in settings:
        yield (folder / settings).resolve()


def run_restore(arguments: argparse.Namespace) -> int:
    """Into an empty data_dir, with the node stopped; then the books are to be verified."""
    settings = load(arguments.config, AnyNodeSettings)
    data_dir = arguments.data_dir or settings.data_dir
    found = backup.restore(arguments.folder, data_dir, subscriber_id=settings.subscriber_id)
    made = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(found.made_at))
    print(f"{settings.subscriber_id}: {data_dir} is as it was at {made} UTC")
    if arguments.data_dir is None and settings.role in ("bpp", None):
        print(
            "If this node keeps books, type before it is started: wayfare ledger verify "
            f"--config {arguments.config} --witness FILE",
            file=sys.stderr,
        )
    return 0
