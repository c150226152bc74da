"""Commands of the registry's operator; they ask the running node, which alone writes its store.

`verify` alone reads the store itself: it must not believe the node.
"""

import argparse
import http.client
import json
import urllib.parse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from protocol_specs.node.settings import SettingsError, load, private_file, read_secret
from registry.settings import RegistryNodeSettings

REASONED = ("refuse", "suspend", "remove", "retire")
LISTED_MAX = 500
VERBS = {
    "approve": "admit an applicant that answered its challenge",
    "refuse": "end an open application; the applicant reads why",
    "suspend": "let nobody find or trust a participant until it is reinstated",
    "reinstate": "lift a suspension",
    "remove": "take a participant out with all its keys",
    "retire": "end one key for ever, for who lost it",
}


def add(subparsers: Any) -> None:
    """Add `wayfare registry pending|list|keys|log|verify|approve|refuse|suspend|...`."""
    parser = subparsers.add_parser("registry", help="the operator's view and decisions")
    parser.add_argument("--config", type=Path, metavar="FILE", help="the registry's settings file")
    parser.add_argument(
        "--as", dest="who", default="operator", metavar="NAME", help="whose token is used"
    )
    parser.set_defaults(run=run)
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("pending", help="who asked to take part, what was checked, what is missing")
    verbs.add_parser("list", help="who takes part, and who does no longer")
    keys = verbs.add_parser("keys", help="every key a participant has or had")
    keys.add_argument("subscriber_id")
    log = verbs.add_parser("log", help="who changed what, when and why; newest last")
    log.add_argument("subscriber_id", nargs="?", help="of this participant alone")
    verify = verbs.add_parser("verify", help="is the log whole, and the directory what it says?")
    verify.add_argument(
        "--kept", type=Path, metavar="FILE", help="an answer of GET /changes that you kept"
    )
    verbs.add_parser("operator", help="make a token for the operator named by --as")
    for verb, does in VERBS.items():
        decide = verbs.add_parser(verb, help=does)
        decide.add_argument("subscriber_id")
        if verb == "retire":
            decide.add_argument("key_id")
        decide.add_argument(
            "--reason",
            default="",
            required=verb in REASONED,
            help="for the log, which is public: no personal data",
        )
    for verb in verbs.choices.values():  # these two may also stand after the verb
        verb.add_argument("--config", type=Path, default=argparse.SUPPRESS, help=argparse.SUPPRESS)
        verb.add_argument("--as", dest="who", default=argparse.SUPPRESS, help=argparse.SUPPRESS)


def run(arguments: argparse.Namespace) -> int:
    """Ask the running registry and print its answer; 1 if it refused or cannot be reached."""
    if arguments.config is None:
        raise SettingsError("which registry? Give its settings file: --config FILE")
    settings = load(arguments.config, RegistryNodeSettings, role="registry")
    if arguments.verb == "verify":
        return verify(settings, arguments.kept)
    if arguments.verb == "operator":
        return make_operator(settings, arguments.who)
    who = urllib.parse.quote(getattr(arguments, "subscriber_id", None) or "", safe="")
    if arguments.verb in VERBS:
        body = {"reason": arguments.reason, "key_id": getattr(arguments, "key_id", "")}
        path = f"/participants/{who}/{arguments.verb}"
        status, answer = ask(settings, "POST", path, body, who=arguments.who)
    else:
        paths = {
            "pending": "/pending",
            "list": "/participants",
            "keys": f"/participants/{who}/keys",
            "log": f"/changes?of={who}",
        }
        status, answer = ask(settings, "GET", paths[arguments.verb], who=arguments.who)
    if status != 200:
        print(answer.get("error", {}).get("message", f"the registry answered {status}"))
        return 1
    show(arguments.verb, answer)
    return 0


def show(verb: str, answer: dict[str, Any]) -> None:
    """The answer as lines."""
    if verb == "pending":
        lines = list(waiting_lines(answer["waiting"])) or ["nobody waits"]
    elif verb == "list":
        rows = answer["subscribed"] + answer["unsubscribed"] + answer["expired"]
        lines = list(participant_lines(rows)) or ["nobody takes part yet"]
        if len(answer["subscribed"]) >= LISTED_MAX:
            lines.append(f"only the first {LISTED_MAX}; the page /operator shows all")
    elif verb == "keys":
        lines = list(key_lines(answer["keys"]))
    elif verb == "log":
        lines = list(log_lines(answer["changes"][::-1])) or ["nothing was changed yet"]
    else:
        lines = [f"{answer['subscriber_id']} is {answer['status']}"]
    print(*lines, sep="\n")


def ask(
    settings: RegistryNodeSettings,
    method: str,
    path: str,
    body: dict[str, Any] | None = None,
    *,
    who: str = "operator",
) -> tuple[int, dict[str, Any]]:
    """One call of the operator's API: (status, answer); status 0 if nobody answers."""
    from protocol_specs.node.operators import token_file

    made_by = "The registry makes it when it first starts: wayfare serve registry --config FILE"
    if who != "operator":
        made_by = f"Make it: wayfare registry --config FILE --as {who} operator"
    token = read_secret(token_file(settings.data_dir, who), key="data_dir", made_by=made_by)
    connection = http.client.HTTPConnection(settings.host, settings.port, timeout=10)
    try:
        connection.request(
            method,
            f"/operator{path}",
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


def make_operator(settings: RegistryNodeSettings, who: str) -> int:
    """Make that person's token, if it is not there yet, and say where it is."""
    from protocol_specs.node.operators import token_file

    path = token_file(settings.data_dir, who)
    private_file(path)
    print(f"{path} lets {who} operate; remove the file to end that")
    return 0


def verify(settings: RegistryNodeSettings, kept: Path | None) -> int:
    """Check log and directory in the store itself; 1 if anything is not as it was written."""
    from protocol_specs.node.store import Store
    from registry import verify as checking

    head = None if kept is None else read_head(kept)
    report = Store.read_once(settings.store_at, lambda session: checking.verify(session, head))
    for fault in report.faults:
        print(fault)
    if report.faults:
        return 1
    print(f"{report.entries} changes, whole; the directory is what they say")
    print(f"the log ends at {report.head.sequence} with {report.head.hash}")
    return 0


def read_head(path: Path) -> Any:
    """The head in a kept answer of GET /changes. Raises SettingsError naming the file."""
    from registry.changes import Head

    try:
        head = json.loads(path.read_text(encoding="utf-8"))["head"]
        return Head(int(head["sequence"]), str(head["hash"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SettingsError(f"{path} is no answer of GET /changes: {error}") from None


def waiting_lines(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Who, as what, where; what was checked; what it waits for."""
    for row in rows:
        kind = "adds a key" if row["kind"] == "key" else "wants to take part"
        yield f"{row['subscriber_id']}  {kind}, key {row['unique_key_id']} (since {row['created']})"
        for role in row["roles"]:
            cities = ",".join(role["cities"])
            yield f"    {role['type']}  {role['domain']}  {cities}  {role['url']}"
        signed = row["signed_with"] or "the key it brings"
        answered = row["challenge_answered"]
        yield f"    signed with {signed}; challenge " + (
            f"answered {answered}" if answered else f"not answered, {row['tries']} tries failed"
        )
        yield f"    {row['waiting_for']}: {row['reason'] or 'being challenged'}"


def participant_lines(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    """One line for each role and key."""
    for row in rows:
        yield (
            f"{row['subscriber_id']}  {row['type']}  {row['domain']}  {row['city']}  "
            f"{row['status']}  key {row['unique_key_id']} until {row['valid_until'][:10]}"
        )


def key_lines(keys: Sequence[dict[str, Any]]) -> Iterator[str]:
    """One line for each key."""
    for key in keys:
        ended = "  retired" if key["retired"] else ""
        yield f"{key['key_id']}  {key['valid_from']} to {key['valid_until']}{ended}"


def log_lines(entries: Sequence[dict[str, Any]]) -> Iterator[str]:
    """One line for each change."""
    for entry in entries:
        reason = entry["detail"].get("reason", "")
        yield (
            f"{entry['sequence']}  {entry['at']}  {entry['subscriber_id']}  {entry['what']}  "
            f"by {entry['who']}" + (f": {reason}" if reason else "")
        )
