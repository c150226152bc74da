"""`wayfare remit file` writes files for banks and institutions, `wayfare remit read` reads one."""

import argparse
import filecmp
import json
import sys
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

from bpp.declined import Declined
from bpp.insurance.desk_calls import Desk, OpenDesk, written
from bpp.insurance.people import identity
from bpp.insurance.remittance.files import asked, form_xx, karnataka, remittance_csv
from bpp.insurance.remittance.files.form_xx import Given
from bpp.ledger.reading_commands import common
from protocol_specs.node import files
from protocol_specs.node.settings import read_secret
from protocol_specs.node.store import Session, Store
from protocol_specs.wire import money
from protocol_specs.wire.errors import Malformed

KINDS = {
    "pain001": "ID ...: the bank's payment file (ISO 20022 pain.001.001.09)",
    "csv": "ID: a remittance worker by worker",
    "karnataka": "QUARTER: the welfare fee transaction by transaction",
    "form-xx": "YEAR: India's yearly figures; with --turnover and --rate",
}


def add(commands: Any, open_desk: OpenDesk) -> None:
    """To those of `wayfare remit`."""
    kinds = "\n".join(f"  {name:<11}{says}" for name, says in KINDS.items())
    made = commands.add_parser(
        "file",
        help="write a file for a bank or an institution, out of the books",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=f"kinds:\n{kinds}",
    )
    made.add_argument("kind", metavar="KIND", choices=KINDS, help="one of the kinds below")
    made.add_argument("what", metavar="ID|PERIOD", nargs="+", help="what it is about")
    made.add_argument("--out", type=Path, required=True, metavar="FILE", help="where to write it")
    made.add_argument("--by", help="short id of whoever has it made; no name (pain001)")
    made.add_argument("--on", metavar="DAY", help="when to pay; the next working day if left out")
    made.add_argument(
        "--anew", action="store_true", help="one more: the bank never took the file made before"
    )
    made.add_argument("--mandate", help="the mandate under which an agent files (pain001)")
    made.add_argument("--identity-key", type=Path, metavar="FILE", help="the office's private key")
    made.add_argument("--turnover", help='of the year, such as "1200000.00" (form-xx)')
    made.add_argument("--rate", help='as notified, such as "0.01" (form-xx)')
    common(made)
    made.set_defaults(run=lambda arguments: run_file(arguments, open_desk))
    read = commands.add_parser("read", help="take a bank's answer (pain.002, camt.054) to payments")
    read.add_argument("file", type=Path, metavar="FILE")
    read.add_argument("--by", required=True, help="short id of whoever brings it; no name")
    read.add_argument("--mandate", help="the mandate under which an agent files")
    common(read)
    read.set_defaults(run=lambda arguments: run_read(arguments, open_desk))


def run_file(arguments: argparse.Namespace, open_desk: OpenDesk) -> int:
    """0: it stands at --out; 1: refused, with why, and nothing was written."""
    desk = open_desk(arguments.config)
    try:
        _check_out(arguments.out)
        name, size = _MAKE[arguments.kind](arguments, desk)
    except (Declined, Malformed) as declined:
        return _refused(arguments, str(declined))
    except OSError as error:
        return _refused(arguments, f"{arguments.out}: {error.strerror}")
    if arguments.json:
        print(json.dumps({"name": name, "out": str(arguments.out), "bytes": size}))
    else:
        print(f"{name}: {arguments.out}, {size} bytes")
    return 0


def run_read(arguments: argparse.Namespace, open_desk: OpenDesk) -> int:
    """0: it was taken, or had been before; 1: refused, with why, and nothing was posted."""
    desk = open_desk(arguments.config)
    try:
        with arguments.file.open("rb") as file:
            raw = file.read(asked.BYTES_MAX + 1)
    except OSError as error:
        return _refused(arguments, f"{arguments.file}: {error.strerror}")
    if len(raw) > asked.BYTES_MAX:
        return _refused(arguments, f"{arguments.file}: larger than {asked.BYTES_MAX // 1024} KiB")
    body = {
        "name": arguments.file.name[:200],
        "content": b64encode(raw).decode(),
        "by": arguments.by,
        "mandate": arguments.mandate,
    }

    def unit(session: Session, now: int) -> dict[str, Any]:
        return asked.bank(session, asked.BankFileAsked(**body), issuer=desk.issuer, now=now)

    answer = written(desk, asked.BANK, body, unit)
    if "error" in answer:
        return _refused(arguments, answer["error"])
    if arguments.json:
        print(json.dumps(answer))
        return 0
    for each in answer["payments"]:
        why = f" ({'; '.join(each['reasons'])})" if each["reasons"] else ""
        did = "nothing changed" if each["did"] == "nothing" else f"now {each['did']}"
        print(_printable(f"{each['remittance']}: {each['code']} on {each['on']}{why}: {did}"))
    if not answer["is_new"]:
        print(f"{arguments.file.name}: it was read before, nothing changed")
    elif not answer["payments"]:
        print(f"{arguments.file.name}: it says nothing of our payments")
    return 0


def _payment(arguments: argparse.Namespace, desk: Desk) -> tuple[str, int]:
    if arguments.by is None:
        raise Declined("say by whose wish, --by: it is written down with the file")
    body = {"remittances": arguments.what, "by": arguments.by, "anew": arguments.anew}
    body["mandate"] = arguments.mandate
    if arguments.on is not None:
        body["on"] = arguments.on
    if arguments.out.exists():
        body["stands"] = sha256(arguments.out.read_bytes()).hexdigest()

    def unit(session: Session, now: int) -> dict[str, Any]:
        return asked.payment(
            session,
            desk.settings,
            asked.PaymentAsked(**body),
            issuer=desk.issuer,
            now=now,
        )

    answer = written(desk, asked.PAYMENT, body, unit)
    if "error" in answer:
        raise Declined(answer["error"])
    size = _put(arguments.out, [b64decode(answer["content"])])
    for each in answer["own"]:
        told = f"{each['account']}: before that day bring {each['amount']} {each['currency']}"
        print(f"{told} to it, which the cooperative bears", file=sys.stderr)
    return answer["message"], size


def _csv(arguments: argparse.Namespace, desk: Desk) -> tuple[str, int]:
    id = _only(arguments)
    return id, _written(arguments, desk, lambda session: [remittance_csv.write(session, id)])


def _karnataka(arguments: argparse.Namespace, desk: Desk) -> tuple[str, int]:
    period, key = karnataka.quarter(_only(arguments)), None
    if karnataka.SCHEME not in desk.settings.schemes:
        raise Declined(f"{karnataka.SCHEME} is not among the schemes of {desk.issuer}")
    if arguments.identity_key is not None:
        made_by = "wayfare workers keygen makes one; its public half must have been the setting"
        key = identity.key_of(
            read_secret(arguments.identity_key, key="--identity-key", made_by=made_by)
        )
    return period, _written(arguments, desk, lambda s: karnataka.parts(s, period, key))


def _form_xx(arguments: argparse.Namespace, desk: Desk) -> tuple[str, int]:
    year = _only(arguments)
    if arguments.turnover is None or arguments.rate is None:
        raise Declined("say --turnover and --rate: neither is known here")
    if not arguments.rate.replace(".", "", 1).isdecimal() or not arguments.rate.isascii():
        raise Declined(f"--rate: {arguments.rate!r} is no share; write one such as 0.01")
    turnover = money.minor_units(arguments.turnover, "INR")
    if turnover < 0:
        raise Declined("--turnover is not below zero")
    given = Given(year, turnover, Decimal(arguments.rate))
    return year, _written(arguments, desk, lambda s: [form_xx.write(s, given, desk.issuer)])


_MAKE = {"pain001": _payment, "csv": _csv, "karnataka": _karnataka, "form-xx": _form_xx}


def _only(arguments: argparse.Namespace) -> str:
    if len(arguments.what) != 1:
        raise Declined(f"{arguments.kind} is about one thing, not {len(arguments.what)}")
    return str(arguments.what[0])


def _written(
    arguments: argparse.Namespace, desk: Desk, unit: Callable[[Session], Iterable[bytes]]
) -> int:
    """Puts what is read at --out as it is read; how many bytes."""
    return Store.read_once(desk.store_at, lambda session: _put(arguments.out, unit(session)))


def _check_out(path: Path) -> None:
    """That a file can stand there. Raises Declined before anything is made for it."""
    if not path.parent.is_dir():
        raise Declined(f"--out: there is no folder {path.parent}")
    if path.exists() and not path.is_file():
        raise Declined(f"--out: {path} is no file: name another")


def _put(path: Path, parts: Iterable[bytes]) -> int:
    """Readable by its owner only, whole or not at all; how many bytes. Raises Declined rather than
    lose what stands there.
    """
    with files.fresh(path) as (new, file):
        size = sum(file.write(part) for part in parts)
        files.sync(file)
        if not path.exists():
            files.settle(new, path)
        elif not filecmp.cmp(new, path, shallow=False):
            raise Declined(f"{path} stands already with other content: name another --out")
    return size


def _refused(arguments: argparse.Namespace, why: str) -> int:
    if arguments.json:
        print(json.dumps({"error": why}))
    else:
        print(_printable(f"wayfare: nothing was written: {why}"), file=sys.stderr)
    return 1


def _printable(text: str) -> str:
    """Without what a terminal would obey."""
    return "".join(c if c.isprintable() else "?" for c in text)
