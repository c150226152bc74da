"""How commands at the desk say what became of what was asked."""

import argparse
import json
import sys
from collections.abc import Callable
from typing import Any

from bpp.declined import Declined

Run = Callable[[argparse.Namespace], int]


def guarded(run: Run) -> Run:
    """Exit 1 and one line that says why something was refused."""

    def inner(arguments: argparse.Namespace) -> int:
        try:
            return run(arguments)
        except Declined as declined:
            print(f"wayfare: {declined}", file=sys.stderr)
            return 1

    return inner


def answered(arguments: argparse.Namespace, found: dict[str, Any], text: Callable[[], str]) -> int:
    """What was written, or why not."""
    if "error" in found:
        raise Declined(found["error"])
    return say(arguments, found, text())


def say(arguments: argparse.Namespace, found: dict[str, Any], text: str) -> int:
    """One JSON value, or the text; 0."""
    print(json.dumps(found) if arguments.json else text)
    return 0
