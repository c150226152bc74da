"""`wayfare agents ...`: social-protection agents, whom they registered, what that earned."""

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bpp.insurance import desk_calls
from bpp.insurance.agents import attribution, commission, quality, record, requests, signed
from bpp.insurance.agents.attribution import REFUSALS
from bpp.insurance.agents.requests import NewAgent, Registration
from bpp.insurance.desk_calls import Desk, OpenDesk
from bpp.insurance.desk_commands import answered, guarded
from bpp.insurance.remittance import reading
from protocol_specs.node.store import Session, Store
from protocol_specs.wire import money

ROUTE = "/desk/insurance/agents"
NOTE = (
    "the 5 % is our reading of the announcement and unconfirmed; it is paid by the institution on "
    "top, and rises with what workers earn: watch whom an agent takes (wayfare agents quality)"
)


def add(subparsers: Any, open_desk: OpenDesk) -> None:
    """`open_desk` reads a settings file."""
    parser = subparsers.add_parser("agents", help="social-protection agents and their workers")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    new = commands.add_parser("new", help="write an agent's record, for its institution to sign")
    for name in ("--id", "--name", "--scheme", "--first-day", "--last-day"):
        new.add_argument(name, required=True)
    new.add_argument("--rate", default=str(record.RATE), help=f"of each batch ({record.RATE})")
    new.add_argument("--days", type=int, default=365, help="a registration stays so long (365)")
    new.add_argument("--out", type=Path, required=True, metavar="FILE")
    new.set_defaults(run=guarded(run_new))
    signs = commands.add_parser("sign", help="sign a record with the institution's key")
    signs.add_argument("file", type=Path, metavar="FILE")
    signs.add_argument("--key", type=Path, required=True, metavar="KEYFILE")
    signs.add_argument("--out", type=Path, required=True, metavar="FILE")
    signs.set_defaults(run=guarded(run_sign))
    adds = _of_books(commands, "add", "take a record")
    adds.add_argument("file", type=Path, metavar="FILE")
    adds.add_argument("--by", required=True, help="a short id of whoever writes it down")
    adds.set_defaults(run=guarded(lambda a: run_add(a, open_desk(a.config))))
    for step in ("claim", "release", "refuse"):
        _add_step(commands, step, open_desk)
    for name, about, read in (
        ("list", "all agents", _listed),
        ("commission", "what each batch earned", _batches),
        ("quality", "how well each did", quality.records),
    ):
        shows = _of_books(commands, name, about)
        shows.set_defaults(run=lambda a, r=read: run_show(a, open_desk(a.config), r))


def _add_step(commands: Any, step: str, open_desk: OpenDesk) -> None:
    about = {
        "claim": "an agent registered a worker",
        "release": "a worker leaves the agent, at once and free",
        "refuse": "an agent turned a worker away",
    }
    parser = _of_books(commands, step, about[step])
    parser.add_argument("worker", metavar="WORKER", help="agent_id, or local id of the books")
    parser.add_argument("--scheme", required=True)
    parser.add_argument("--by", required=True)
    if step != "release":
        parser.add_argument("--agent", required=True, help="the social-protection agent's id")
    if step == "refuse":
        parser.add_argument("--reason", required=True, choices=REFUSALS)
    parser.set_defaults(run=guarded(lambda a: run_step(a, step, open_desk(a.config))))


def _of_books(commands: Any, name: str, about: str) -> Any:
    parser = commands.add_parser(name, help=about)
    parser.add_argument("--config", type=Path, required=True, metavar="FILE")
    parser.add_argument("--json", action="store_true", help="one JSON value on standard output")
    return parser


def run_new(arguments: argparse.Namespace) -> int:
    """Unsigned: an agent whose institution has no key we know is marked unverified."""
    document = {
        "id": arguments.id,
        "name": arguments.name,
        "scheme": arguments.scheme,
        "first_day": arguments.first_day,
        "last_day": arguments.last_day,
        "rate": arguments.rate,
        "attribution_days": arguments.days,
    }
    file = record.read({"agent": document})
    signed.write(arguments.out, file.model_dump(mode="json"))
    print(f"{file.agent.id}: {arguments.out}; {NOTE}")
    return 0


def run_sign(arguments: argparse.Namespace) -> int:
    """With the key in a file."""
    file = record.sign(record.read(signed.read(arguments.file)), signed.key_in(arguments.key))
    signed.write(arguments.out, file.model_dump(mode="json"))
    print(f"{file.agent.id}: signed")
    return 0


def run_add(arguments: argparse.Namespace, desk: Desk) -> int:
    """Taken, or refused with the reason."""
    document = {"file": signed.read(arguments.file), "by": arguments.by}
    body = signed.parsed(document, NewAgent, "no agent's record")
    keys = dict(desk.settings.institution_keys)
    found = desk_calls.written(
        desk, ROUTE, document, lambda session, now: requests.add_agent(session, body, keys, now)
    )
    return answered(arguments, found, lambda: _agent_line(found))


def run_step(arguments: argparse.Namespace, step: str, desk: Desk) -> int:
    """One step of a worker's registration."""
    names = ("scheme", "worker", "agent", "reason", "by")
    document = {"step": step, **{name: getattr(arguments, name, "") for name in names}}
    body = signed.parsed(document, Registration, "no registration")
    found = desk_calls.written(
        desk,
        f"{ROUTE}/registrations",
        document,
        lambda session, now: requests.register(session, body, now),
    )
    until = f" until {found.get('last_day')}" if step == "claim" else ""
    return answered(
        arguments, found, lambda: f"{found['worker']}: {found['kind']} {found['agent']}{until}"
    )


def run_show(arguments: argparse.Namespace, desk: Desk, read: Any) -> int:
    """Lines of one kind, as text or JSON."""
    found = Store.read_once(desk.store_at, read)
    if arguments.json:
        print(json.dumps(found))
        return 0
    for each in found:
        print(_line(each, desk.currency))
    print("" if found else "none", end="" if found else "\n")
    if read is _batches and found:
        print(NOTE)
    return 0


def _listed(session: Session) -> list[dict[str, Any]]:
    return [requests.agent_shown(agent) for agent in attribution.agents(session)]


def _batches(session: Session) -> list[dict[str, Any]]:
    found = []
    for batch in commission.newest(session):
        remittance = reading.remittance(session, batch.remittance)
        remitted = remittance.amount_minor - remittance.rejected_minor if remittance else 0
        found.append({**asdict(batch), "remitted_minor": remitted})
    return found


def _line(found: dict[str, Any], currency: str) -> str:
    if "commission_minor" in found:
        return _batch_line(found, currency)
    if "role" in found:
        return _quality_line(found)
    return _agent_line(found)


def _agent_line(found: dict[str, Any]) -> str:
    signed_by = "signed by its institution" if found["verified"] else "UNVERIFIED"
    days = f"from {found['first_day']} through {found['last_day']}"
    return (
        f"{found['id']}  {found['scheme']}  {days}  rate {found['rate']} (UNVERIFIED) {signed_by}"
    )


def _batch_line(found: dict[str, Any], currency: str) -> str:
    earned = f"{money.amount(found['commission_minor'], currency)} {currency}"
    batch = f"{found['workers']} workers, {money.amount(found['batch_minor'], currency)}"
    books = f"posted {found['entry']}" if found["entry"] else "not our money, nothing posted"
    whole = f"remitted whole {money.amount(found['remitted_minor'], currency)}"
    return f"{found['remittance']}  {found['agent']}  {earned} of {batch}; {whole}; {books}"


def _quality_line(found: dict[str, Any]) -> str:
    days, errors = found["days_to_remit"], found["error_rate"]
    sent = f"{found['remittances']} remittances, {days} days after the period, {found['late']} late"
    workers = (
        f"; {found['registered']} registered, {found['left']} left, {found['refused']} refused"
        if found["role"] == "registers"
        else ""
    )
    wrong = f"{found['rejected_lines']} of {found['lines']} lines rejected ({errors or '-'})"
    return f"{found['agent']} {found['role']}: {sent}; {wrong}{workers}"
