"""`wayfare slip ...`: checks a slip offline, and turns it into what a worker can carry."""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bpp.insurance import slip_credential, slip_page, slip_qr, slip_sms
from bpp.insurance.slip_check import BadSlip, Verdict, check
from bpp.insurance.slip_report import report, shown
from bpp.ledger import witness
from bpp.ledger.entry import LedgerError
from protocol_specs.node.settings import SettingsError
from protocol_specs.wire.keys import InvalidKey, SigningKey, b64encode, public_key

OpenKey = Callable[[Path], SigningKey]
"""The ledger key of the node with this settings file. Raises SettingsError."""


def add(subparsers: Any, open_key: OpenKey) -> None:
    """The commands about slips."""
    slip = subparsers.add_parser("slip", help="check a worker's slip, or make it portable")
    commands = slip.add_subparsers(required=True, metavar="COMMAND")
    verify = _command(commands, "verify", run_verify, "signature, proof and arithmetic, offline")
    verify.add_argument(
        "--witness", type=Path, metavar="WITNESS", help="heads kept elsewhere; needs a sealed slip"
    )
    verify.add_argument("--json", action="store_true", help="one JSON object on standard output")
    credential = _command(
        commands, "credential", run_credential, "the slip as a W3C verifiable credential"
    )
    credential.add_argument(
        "--config", type=Path, required=True, help="the cooperative's settings: its key signs"
    )
    credential.add_argument("--out", type=Path, help="instead of standard output")
    credential.set_defaults(open_key=open_key)
    code = _command(commands, "qr", run_qr, "a QR code that can be checked offline")
    code.add_argument("--out", type=Path, help="PNG or SVG; without it the code's text is printed")
    page = _command(commands, "print", run_print, "one A5 page to print")
    page.add_argument("--out", type=Path, required=True, metavar="HTML")
    _command(commands, "sms", run_sms, "the text of one SMS")


def _command(commands: Any, name: str, run: Callable[..., int], about: str) -> Any:
    parser = commands.add_parser(name, help=about)
    parser.add_argument(
        "file", type=Path, metavar="FILE", help="a slip: its file, credential or QR text"
    )
    parser.add_argument(
        "--public-key", metavar="KEY", help="the cooperative's ledger key (base64), from elsewhere"
    )
    parser.set_defaults(run=_guarded(run))
    return parser


class _NotChecked(ValueError):
    """Something else than the slip is wrong; the text says what."""


def _guarded(run: Callable[[argparse.Namespace], int]) -> Callable[[argparse.Namespace], int]:
    """Exit 1 and one line that says what does not hold, what could not be read or written."""

    def guarded(arguments: argparse.Namespace) -> int:
        try:
            return run(arguments)
        except BadSlip as error:
            return _refuse(arguments, f"{arguments.file}: does NOT hold: {error}")
        except (_NotChecked, SettingsError, LedgerError, slip_qr.BadText) as error:
            return _refuse(arguments, str(error))
        except (slip_qr.TooLong, slip_sms.TooLong) as error:
            return _refuse(arguments, f"{arguments.file}: {error}")
        except OSError as error:
            if error.filename is None:  # no file of ours: whoever read our output is gone
                raise
            return _refuse(arguments, f"{error.filename} cannot be written: {error.strerror}")

    return guarded


def run_verify(arguments: argparse.Namespace) -> int:
    """Exit 0 only if everything in the slip holds; says what was checked and what was not."""
    verdict = _checked(arguments, arguments.witness)
    print(json.dumps(shown(verdict)) if arguments.json else report(verdict))
    return 0


def run_credential(arguments: argparse.Namespace) -> int:
    """Signs with the ledger key of the settings; refuses a slip of any other key."""
    verdict = _checked(arguments)
    key: SigningKey = arguments.open_key(arguments.config)
    if b64encode(key.public) != verdict.slip.ledger_key:
        raise _NotChecked(f"{arguments.file}: it is a slip of another ledger key than ours")
    credential = slip_credential.issue(verdict.document, verdict.inclusion, key)
    _put(arguments.out, json.dumps(credential, indent=2, ensure_ascii=False) + "\n")
    return 0


def run_qr(arguments: argparse.Namespace) -> int:
    """Writes the picture, or prints the text."""
    verdict = _checked(arguments)
    if verdict.signature is None:
        raise _NotChecked(
            f"{arguments.file}: a credential does not carry the slip's own signature; a QR code is "
            "made of the slip's file"
        )
    text = slip_qr.text(verdict.document, verdict.signature, verdict.inclusion)
    if arguments.out is None:
        print(text)
    else:
        slip_qr.save(text, arguments.out)
    return 0


def run_print(arguments: argparse.Namespace) -> int:
    """Writes the page of a slip that holds."""
    _put(arguments.out, slip_page.page(_checked(arguments)))
    return 0


def run_sms(arguments: argparse.Namespace) -> int:
    """Prints the text."""
    print(slip_sms.text(_checked(arguments).slip))
    return 0


def _checked(arguments: argparse.Namespace, heads: Path | None = None) -> Verdict:
    given = arguments.public_key  # an empty one is a mistake, not none
    try:
        expected = None if given is None else public_key(given)
    except InvalidKey as error:
        raise _NotChecked(f"--public-key: {error} Nothing was checked.") from None
    witnessed = None if heads is None else witness.read(heads)
    return check(_bytes(arguments.file), expected, witnessed)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _NotChecked(f"{path} cannot be read: {error.strerror}") from None


def _put(path: Path | None, text: str) -> None:
    if path is None:
        sys.stdout.write(text)
    else:
        path.write_text(text, encoding="utf-8")


def _refuse(arguments: argparse.Namespace, why: str) -> int:
    if getattr(arguments, "json", False):
        print(json.dumps({"verified": False, "sealed": False, "error": why}))
    else:
        print(f"wayfare: {why}", file=sys.stderr)
    return 1
