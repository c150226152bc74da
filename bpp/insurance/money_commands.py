"""`wayfare ledger post|reverse`: money facts written down by hand, beside a running node or not."""

import argparse
import json
import sys
from functools import partial
from pathlib import Path
from typing import Any

from bpp.insurance import cash, desk_calls
from bpp.insurance.desk_calls import OpenDesk
from bpp.ledger.money_facts import KINDS
from bpp.ledger.reading_commands import instant
from protocol_specs.node.store import Session


def add(commands: Any, open_desk: OpenDesk) -> None:
    """`open_desk` reads a settings file; `commands` are those of `wayfare ledger`."""
    kinds = "\n".join(f"  {name:<26}{kind.says}" for name, kind in KINDS.items())
    posted = commands.add_parser(
        "post",
        help="write down money that moved: a settlement, a payout, a sweep ...",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=f"kinds:\n{kinds}",
    )
    posted.add_argument("kind", metavar="KIND", choices=KINDS, help="one of the kinds below")
    posted.add_argument("--amount", required=True, help='such as "20.00"')
    posted.add_argument("--currency", help="the cooperative's own, if left out")
    posted.add_argument("--reference", required=True, help="the receipt's or bank's number")
    posted.add_argument("--worker", default="", help="agent's id, or local id of the books")
    posted.add_argument("--scheme", default="", help="the scheme's id, for the trust account")
    posted.add_argument("--tips", help="how much of a payout is tips")
    posted.add_argument("--order", dest="order_key", help="the key of the job it is about")
    posted.add_argument(
        "--at", type=partial(instant, day_ends=False), help="when it happened; now, if left out"
    )
    _common(posted)
    posted.set_defaults(run=lambda arguments: run_post(arguments, open_desk))
    back = commands.add_parser("reverse", help="take a money fact back, by an entry of its own")
    back.add_argument("entry", metavar="ENTRY", help="its entry, such as payout/2026-07-44")
    _common(back)
    back.set_defaults(run=lambda arguments: run_reverse(arguments, open_desk))


def run_post(arguments: argparse.Namespace, open_desk: OpenDesk) -> int:
    """Writes the fact, or has the running node write it. 0: it stands; 1: refused, with why."""
    desk = open_desk(arguments.config)
    body = {
        name: getattr(arguments, name)
        for name in ("kind", "amount", "reference", "by", "worker", "scheme")
    }
    body["currency"] = arguments.currency or desk.limit.currency
    optional = {name: getattr(arguments, name) for name in ("tips", "order_key", "at")}
    body |= {name: value for name, value in optional.items() if value is not None}

    from bpp.insurance import money_api  # the server's imports are slow: not for --help

    def unit(session: Session, now: int) -> dict[str, Any]:
        fact = money_api.NewFact(**body)
        is_new, entry = money_api.record(session, desk.limit, fact, now)
        return {"entry": entry, "is_new": is_new}

    return _say(arguments, desk_calls.written(desk, "/desk/ledger/facts", body, unit))


def run_reverse(arguments: argparse.Namespace, open_desk: OpenDesk) -> int:
    """Writes the reversal, or has the running node write it; as `run_post`."""
    desk = open_desk(arguments.config)
    body = {"entry": arguments.entry, "by": arguments.by}

    def unit(session: Session, now: int) -> dict[str, Any]:
        is_new = cash.reverse(session, desk.limit, arguments.entry, by=arguments.by, now=now)
        return {"entry": f"reversal/{arguments.entry}", "is_new": is_new}

    return _say(arguments, desk_calls.written(desk, "/desk/ledger/reversals", body, unit))


def _common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--by", required=True, help="short id of whoever writes it down; no name")
    parser.add_argument("--config", type=Path, required=True, metavar="FILE")
    parser.add_argument("--json", action="store_true", help="one JSON value on standard output")


def _say(arguments: argparse.Namespace, answer: dict[str, Any]) -> int:
    if arguments.json:
        print(json.dumps(answer))
    elif "error" in answer:
        print(f"wayfare: nothing was posted: {answer['error']}", file=sys.stderr)
    else:
        what = "posted" if answer["is_new"] else "stood already, nothing was posted"
        print(f"{answer['entry']}: {what}")
    return 1 if "error" in answer else 0
