"""`wayfare surplus`: what a division of the surplus would give each worker, and its booking."""

import argparse
from datetime import date
from typing import Any

from bpp.insurance import desk_calls
from bpp.insurance.desk_calls import OpenDesk
from bpp.insurance.desk_commands import answered, guarded
from bpp.ledger.reading_commands import common
from protocol_specs.node.store import Session
from protocol_specs.wire import money


def add(subparsers: Any, open_desk: OpenDesk) -> None:
    """`open_desk` reads a settings file."""
    parser = subparsers.add_parser(
        "surplus", help="divide a sum of the cooperative's among its workers, by work done"
    )
    parser.add_argument("--amount", required=True, help='such as "1000.00"')
    parser.add_argument("--from", dest="first", required=True, type=date.fromisoformat,
                        metavar="DAY", help="first day of the work")  # fmt: skip
    parser.add_argument("--until", dest="last", required=True, type=date.fromisoformat,
                        metavar="DAY", help="last day of it, included")  # fmt: skip
    parser.add_argument("--reference", required=True, help="a name of its own, such as 2026")
    parser.add_argument("--by", required=True, help="short id of whoever writes it down; no name")
    parser.add_argument("--book", action="store_true", help="write it into the books; without it "
                        "nothing is written")  # fmt: skip
    common(parser)
    parser.set_defaults(run=guarded(lambda arguments: run(arguments, open_desk)))


def run(arguments: argparse.Namespace, open_desk: OpenDesk) -> int:
    """0: it was shown, or stands; 1: refused, with why."""
    from bpp.insurance.surplus import api  # the server's imports are slow: not for --help

    desk = open_desk(arguments.config)
    body = {
        "reference": arguments.reference,
        "amount": arguments.amount,
        "first": str(arguments.first),
        "last": str(arguments.last),
        "by": arguments.by,
        "dry_run": not arguments.book,
    }

    def unit(session: Session, now: int) -> dict[str, Any]:
        return api.done(session, desk.surplus_terms(), api.SurplusAsked.model_validate(body), now)

    found = desk_calls.written(desk, api.PATH, body, unit)

    def text() -> str:
        lines = [
            f"{each['worker']:<24}{each['work']:>14}{_shown(each['minor'], desk.currency):>20}"
            for each in found["parts"]
        ]
        what = "booked" if arguments.book else "nothing was written; --book writes it"
        total = _shown(found["amount_minor"], desk.currency)
        return "\n".join([*lines, f"{found['reference']}: {total} in {len(lines)} parts, {what}"])

    return answered(arguments, found, text)


def _shown(minor: int, currency: str) -> str:
    return f"{money.amount(minor, currency)} {currency}"
