"""`wayfare slip verify FILE`: checks a slip offline, on any machine."""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bpp.insurance.slip_check import BadSlip, Verdict, check
from protocol_specs.wire import money
from protocol_specs.wire.keys import InvalidKey, public_key


def add(subparsers: Any) -> None:
    """The commands about slips."""
    slip = subparsers.add_parser("slip", help="check a worker's deduction or fee slip")
    commands = slip.add_subparsers(required=True, metavar="COMMAND")
    verify = commands.add_parser("verify", help="signature, proof and arithmetic, offline")
    verify.add_argument("file", type=Path, metavar="FILE")
    verify.add_argument(
        "--public-key", metavar="KEY", help="the cooperative's ledger key (base64), from elsewhere"
    )
    verify.add_argument("--json", action="store_true", help="one JSON object on standard output")
    verify.set_defaults(run=run_verify)


def run_verify(arguments: argparse.Namespace) -> int:
    """Exit 0 only if everything in the slip holds; else names what does not."""
    try:
        given = arguments.public_key  # an empty one is a mistake, not none
        expected = None if given is None else public_key(given)
        verdict = check(arguments.file.read_bytes(), expected)
    except BadSlip as error:
        return _refuse(arguments, f"{arguments.file}: does NOT hold: {error}")
    except InvalidKey as error:
        return _refuse(arguments, f"--public-key: {error} Nothing was checked.")
    except OSError as error:
        return _refuse(arguments, f"{arguments.file} cannot be read: {error.strerror}")
    if arguments.json:
        shown = asdict(verdict)
        shown["sealed"], shown["verified"] = shown.pop("is_sealed"), True
        shown["key_expected"] = expected is not None
        print(json.dumps(shown))
    else:
        _print_verdict(verdict, is_key_expected=expected is not None)
    return 0


def _refuse(arguments: argparse.Namespace, why: str) -> int:
    if arguments.json:
        print(json.dumps({"verified": False, "sealed": False, "error": why}))
    else:
        print(f"wayfare: {why}", file=sys.stderr)
    return 1


def _print_verdict(verdict: Verdict, *, is_key_expected: bool) -> None:
    kind = "Fee slip" if verdict.kind == "fee_slip" else "Deduction slip"
    value = f"{money.amount(verdict.amount_minor, verdict.currency)} {verdict.currency}"
    print(f"{kind} {verdict.slip_id}: {value} for {verdict.scheme}, {verdict.money_is}")
    print(verdict.says)
    if not verdict.is_scheme_verified:
        print("The scheme's figures are not verified by its institution.")
    proof = "its entry is in a sealed block" if verdict.is_sealed else "its proof is pending"
    print(f"The slip is {verdict.state}; {proof}. Signature and arithmetic hold.")
    if not is_key_expected:
        print(
            f"It is signed by {verdict.ledger_key}: compare that with the cooperative's published "
            "ledger key, or give it with --public-key."
        )
