"""The command `wayfare validate PATH...`."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from protocol_specs.validate.reading import NothingThere, conversations
from protocol_specs.validate.report import document, lines
from protocol_specs.validate.rules import judge


def add(subparsers: Any) -> None:
    """Add `wayfare validate`."""
    parser = subparsers.add_parser(
        "validate", help="judge recorded conversations, without any network"
    )
    parser.add_argument(
        "paths",
        nargs="+",
        type=Path,
        metavar="PATH",
        help="a folder of NN_action.json, a folder of such folders, or one file",
    )
    parser.add_argument("--json", action="store_true", help="one JSON document")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Judge and print; 0 all pass, 1 some fail, 2 nothing to judge."""
    try:
        verdicts = [judge(conversation) for conversation in conversations(arguments.paths)]
    except NothingThere as fault:
        print(f"wayfare: {fault}", file=sys.stderr)
        return 2
    if arguments.json:
        print(json.dumps(document(verdicts), indent=2, ensure_ascii=False))
    elif verdicts:
        print(*lines(verdicts), sep="\n")
    if not verdicts:
        shown = ", ".join(map(str, arguments.paths))
        print(f"wayfare: no message to judge below {shown}; give NN_action.json", file=sys.stderr)
        return 2
    return 0 if all(verdict.passes for verdict in verdicts) else 1
