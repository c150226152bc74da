"""`wayfare mandates ...`: who may file for this cooperative, and what they leave to the next."""

import argparse
import json
import secrets
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bpp.declined import Declined
from bpp.insurance import desk_calls
from bpp.insurance.agents import filing, handover, mandate, mandates, requests, signed
from bpp.insurance.agents.mandate import ACTIONS, FREE_BELOW_WORKERS, MandateFile
from bpp.insurance.agents.requests import MandateEnding, NewMandate
from bpp.insurance.commands import OpenKey
from bpp.insurance.desk_calls import Desk, OpenDesk
from bpp.insurance.desk_commands import Run, answered, guarded, say
from bpp.insurance.remittance import reading
from protocol_specs.node.store import Session, Store
from protocol_specs.wire import money
from protocol_specs.wire.errors import Malformed
from protocol_specs.wire.keys import SigningKey, b64encode

ROUTE = "/desk/insurance/mandates"


def add(subparsers: Any, open_desk: OpenDesk, open_key: OpenKey) -> None:
    """`open_desk` and `open_key` read a settings file."""
    parser = subparsers.add_parser("mandates", help="who may file remittances for this cooperative")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_new(commands, open_desk, open_key)
    signs = _command(commands, "sign", "add a party's signature", run_sign, config=False)
    signs.add_argument("file", type=Path, metavar="FILE")
    signs.add_argument("--key", type=Path, required=True, metavar="KEYFILE")
    signs.add_argument("--out", type=Path, required=True, metavar="FILE")
    run_add_ = guarded(lambda a: run_add(a, open_desk(a.config), open_key(a.config)))
    adds = _command(commands, "add", "accept a mandate that both have signed", run_add_)
    adds.add_argument("file", type=Path, metavar="FILE")
    adds.add_argument("--by", required=True, help="a short id of whoever accepts it")
    adds.add_argument("--reference", help="the institution's number of its own acceptance")
    adds.add_argument("--handover", type=Path, metavar="FILE", help="of the mandate before it")
    lists = _command(
        commands, "list", "all mandates, and what was filed", lambda a: run_list(a, open_desk)
    )
    lists.add_argument("--filings", action="store_true", help="every filing, and for whom")
    ends = _command(
        commands, "end", "end one early", guarded(lambda a: run_end(a, open_desk(a.config)))
    )
    ends.add_argument("id", metavar="MANDATE")
    ends.add_argument("--last-day", required=True, metavar="DAY", help="such as 2026-11-30")
    ends.add_argument("--reason", required=True)
    ends.add_argument("--by", required=True)
    leaves = _command(
        commands,
        "handover",
        "write what the next one needs",
        guarded(lambda a: run_handover(a, open_desk(a.config), open_key(a.config))),
    )
    leaves.add_argument("id", metavar="MANDATE")
    leaves.add_argument("--out", type=Path, required=True, metavar="FILE")
    checks = _command(commands, "check", "check a mandate or hand-over file", run_check, False)
    checks.add_argument("file", type=Path, metavar="FILE")


def _add_new(commands: Any, open_desk: OpenDesk, open_key: OpenKey) -> None:
    run = guarded(lambda a: run_new(a, open_desk(a.config), open_key(a.config)))
    new = _command(commands, "new", "write a mandate, signed by this cooperative", run)
    new.add_argument("--name", required=True, help="this cooperative's, for people")
    new.add_argument("--agent", required=True, help="the agent's id, no blanks")
    new.add_argument("--agent-name", required=True, help="the agent's, for people")
    new.add_argument("--agent-key", required=True, metavar="KEY", help="its public key, base64")
    new.add_argument("--scope", required=True, help=f"some of {','.join(ACTIONS)}")
    new.add_argument("--scheme", action="append", required=True, help="may be given again")
    new.add_argument("--first-day", required=True, metavar="DAY", help="such as 2026-07-01")
    new.add_argument("--last-day", required=True, metavar="DAY")
    new.add_argument("--fee", help=f"for a remittance, from {FREE_BELOW_WORKERS} workers on")
    new.add_argument("--follows", metavar="MANDATE", help="the one whose history it takes over")
    new.add_argument("--out", type=Path, required=True, metavar="FILE")


def _command(commands: Any, name: str, about: str, run: Run, config: bool = True) -> Any:
    parser = commands.add_parser(name, help=about)
    if config:
        parser.add_argument("--config", type=Path, required=True, metavar="FILE")
    parser.add_argument("--json", action="store_true", help="one JSON value on standard output")
    parser.set_defaults(run=run)
    return parser


def run_new(arguments: argparse.Namespace, desk: Desk, key: SigningKey) -> int:
    """Nothing is accepted yet: the agent signs it, then `add` takes it."""
    document = {
        "id": f"m-{secrets.token_hex(6)}",
        "principal": {"id": desk.issuer, "name": arguments.name, "key": b64encode(key.public)},
        "agent": {
            "id": arguments.agent,
            "name": arguments.agent_name,
            "key": arguments.agent_key,
        },
        "scope": arguments.scope.split(","),
        "schemes": arguments.scheme,
        "first_day": arguments.first_day,
        "last_day": arguments.last_day,
        "tariff": _tariff(arguments.fee, desk.currency),
        "follows": arguments.follows,
    }
    file = mandate.sign(mandate.read({"mandate": document}), key)
    signed.write(arguments.out, file.model_dump(mode="json"))
    return say(arguments, {"id": file.mandate.id}, f"{file.mandate.id}: {arguments.out}")


def _tariff(fee: str | None, currency: str) -> dict[str, Any] | None:
    if fee is None:
        return None
    try:
        return {"currency": currency, "fee_minor": money.minor_units(fee, currency)}
    except Malformed as fault:
        raise Declined(f"--fee: {fault.reason}") from None


def run_sign(arguments: argparse.Namespace) -> int:
    """With the key in a file, whichever party's it is."""
    return guarded(_sign)(arguments)


def _sign(arguments: argparse.Namespace) -> int:
    file = mandate.sign(mandate.read(signed.read(arguments.file)), signed.key_in(arguments.key))
    signed.write(arguments.out, file.model_dump(mode="json"))
    return say(arguments, {"id": file.mandate.id}, f"{file.mandate.id}: {_signed_by(file)}")


def _signed_by(file: MandateFile) -> str:
    return "signed by " + (" and ".join(sorted(file.signatures)) or "nobody")


def run_add(arguments: argparse.Namespace, desk: Desk, key: SigningKey) -> int:
    """Accepted, or refused with the reason."""
    document = {
        "file": signed.read(arguments.file),
        "by": arguments.by,
        "reference": arguments.reference,
        "handover": signed.read(arguments.handover) if arguments.handover else None,
    }
    body = signed.parsed(document, NewMandate, "no mandate")
    public = b64encode(key.public)
    found = desk_calls.written(
        desk,
        ROUTE,
        document,
        lambda session, now: requests.add_mandate(session, body, desk.issuer, public, now),
    )
    return answered(arguments, found, lambda: f"{found['id']}: accepted; {_until(found)}")


def run_end(arguments: argparse.Namespace, desk: Desk) -> int:
    """The last day still counts."""
    document = {"last_day": arguments.last_day, "reason": arguments.reason, "by": arguments.by}
    body = signed.parsed(document, MandateEnding, "not ended")
    found = desk_calls.written(
        desk,
        f"{ROUTE}/{quote(arguments.id, safe='')}/end",
        document,
        lambda session, now: requests.end_mandate(session, arguments.id, body, now),
    )
    return answered(arguments, found, lambda: f"{found['id']}: {_until(found)}")


def run_list(arguments: argparse.Namespace, open_desk: OpenDesk) -> int:
    """One line a mandate with what its filings cost, or a filing."""
    found = Store.read_once(
        open_desk(arguments.config).store_at, lambda session: listed(session, arguments.filings)
    )
    if arguments.json:
        print(json.dumps(found))
        return 0
    for each in found:
        print(_filing_line(each) if arguments.filings else _mandate_line(each))
    print("" if found else "none", end="" if found else "\n")
    return 0


def listed(session: Session, is_filings: bool) -> list[dict[str, Any]]:
    """Filings, or mandates each with `filed` (what was sent under it) and `fee_minor` for that."""
    filings = filing.filings(session)
    if is_filings:
        return [filing.shown(each) for each in filings]
    found = []
    for held in mandates.every(session):
        mine = [f.subject for f in filings if f.mandate == held.mandate.id and f.action == "send"]
        sent = list(dict.fromkeys(mine))  # interest is sent later, of a remittance that was
        remittances = [reading.remittance(session, subject) for subject in sent]
        fees = [mandate.fee_minor(held.mandate, each.workers) for each in remittances if each]
        shown = requests.mandate_shown(held)
        found.append({**shown, "filed": len(sent), "fee_minor": sum(fees)})
    return found


def run_handover(arguments: argparse.Namespace, desk: Desk, key: SigningKey) -> int:
    """A signed file, and what is still open in it."""
    now = int(time.time())
    found = Store.read_once(
        desk.store_at, lambda session: handover.build(session, arguments.id, now)
    )
    signed.write(arguments.out, handover.sign(found, key).model_dump(mode="json"))
    return say(arguments, {"open": list(found.is_open)}, _handover_line(found))


def run_check(arguments: argparse.Namespace) -> int:
    """Offline, with the keys in the file itself: compare the principal's with one you trust."""
    return guarded(_check)(arguments)


def _check(arguments: argparse.Namespace) -> int:
    document = signed.read(arguments.file)
    if isinstance(document, dict) and "handover" in document:
        told = handover.check(document)
        key = told.ended.principal.key
        return say(arguments, {"principal_key": key}, f"{_handover_line(told)}\nkey {key}")
    file = mandate.read(document)
    mandate.signatures(file)
    key = file.mandate.principal.key
    return say(arguments, {"principal_key": key}, f"{file.mandate.id}: holds\nkey {key}")


def _handover_line(found: handover.Handover) -> str:
    return (
        f"{found.ended.id} until {found.last_day}: {len(found.filings)} filings, "
        f"{len(found.remittances)} remittances, open: {', '.join(found.is_open) or 'none'}"
    )


def _until(found: dict[str, Any]) -> str:
    confirmed = "" if found["confirmed"] else "; the institution has not confirmed it"
    return f"{found['agent']} from {found['first_day']} through {found['last_day']}{confirmed}"


def _mandate_line(found: dict[str, Any]) -> str:
    tariff = found["tariff"]
    fee = ""
    if tariff:
        fee = f", fees {money.amount(found['fee_minor'], tariff['currency'])} {tariff['currency']}"
    scope = f"{','.join(found['scope'])} of {','.join(found['schemes'])}"
    return f"{found['id']}  {_until(found)}  {scope}  {found['filed']} sent{fee}"


def _filing_line(found: dict[str, Any]) -> str:
    under = f"under {found['mandate']}" if found["mandate"] else "for itself"
    for_whom = f"{found['filer']} for {found['principal']} ({under})"
    return f"{found['subject']}  {found['action']:<11} {for_whom} by {found['by']}"
