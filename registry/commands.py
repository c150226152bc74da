"""Commands of the registry's operator; they ask the running node, which alone writes its store."""

import argparse
import http.client
import json
import urllib.parse
from pathlib import Path
from typing import Any

from protocol_specs.node.settings import load, read_secret
from registry.settings import RegistryNodeSettings


def add(subparsers: Any) -> None:
    """Add `wayfare registry pending|list|approve|suspend`."""
    parser = subparsers.add_parser("registry", help="the operator's view and decisions")
    parser.add_argument("--config", type=Path, required=True, help="the registry's settings file")
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("pending", help="who asked to take part, and what it waits for")
    verbs.add_parser("list", help="who takes part, and who is suspended")
    approve = verbs.add_parser("approve", help="admit a participant, or lift its suspension")
    approve.add_argument("subscriber_id")
    suspend = verbs.add_parser("suspend", help="let nobody find or trust a participant any more")
    suspend.add_argument("subscriber_id")
    suspend.add_argument("--reason", default="", help="for the record of changes")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Ask the running registry and print its answer; 1 if it refused or cannot be reached."""
    settings = load(arguments.config, RegistryNodeSettings)
    if arguments.verb in {"approve", "suspend"}:
        who = urllib.parse.quote(arguments.subscriber_id, safe="")
        body = {"reason": arguments.reason} if arguments.verb == "suspend" else None
        status, answer = ask(settings, "POST", f"/{who}/{arguments.verb}", body)
    else:
        status, answer = ask(settings, "GET", "")
    if status != 200:
        print(answer.get("error", {}).get("message", f"the registry answered {status}"))
        return 1
    if arguments.verb == "pending":
        show_waiting(answer["waiting"])
    elif arguments.verb == "list":
        show_participants(answer["subscribed"] + answer["unsubscribed"])
    else:
        print(f"{answer['subscriber_id']} is {answer['status']}")
    return 0


def ask(
    settings: RegistryNodeSettings, method: str, path: str, body: dict[str, Any] | None = None
) -> tuple[int, dict[str, Any]]:
    """One call of the operator's API: (status, answer); status 0 if nobody answers."""
    token = read_secret(
        settings.data_dir / "operator.token",
        key="data_dir",
        made_by="The registry makes it when it first starts: wayfare serve registry --config FILE",
    )
    connection = http.client.HTTPConnection(settings.host, settings.port, timeout=10)
    try:
        connection.request(
            method,
            f"/operator/participants{path}",
            body=None if body is None else json.dumps(body),
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        )
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    except OSError as error:
        message = (
            f"no registry answers at {settings.host}:{settings.port} ({error}). "
            "Start it: wayfare serve registry --config FILE"
        )
        return 0, {"error": {"message": message}}
    finally:
        connection.close()


def show_waiting(rows: list[dict[str, Any]]) -> None:
    """One line each: who, as what, where, and what it waits for."""
    for row in rows:
        domains = ",".join(row["domains"])
        print(f"{row['subscriber_id']}  {row['type']}  {domains}  {row['url']}")
        print(
            f"    {row['status']}: {row['reason'] or 'being challenged'} (since {row['created']})"
        )
    if not rows:
        print("nobody waits")


def show_participants(rows: list[dict[str, Any]]) -> None:
    """One line for each role and key."""
    for row in rows:
        print(
            f"{row['subscriber_id']}  {row['type']}  {row['domain']}  {row['city']}  "
            f"{row['status']}  key {row['unique_key_id']} until {row['valid_until'][:10]}"
        )
    if not rows:
        print("nobody takes part yet")
