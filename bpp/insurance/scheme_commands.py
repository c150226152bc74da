"""`wayfare schemes list|show|check|run`: what the schemes say, and whether they compute it."""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bpp.insurance import scheme_sheet
from bpp.insurance.cases.run import NoCases, Outcome, run_file
from bpp.insurance.holidays import read_holidays
from bpp.insurance.scheme import Scheme
from bpp.insurance.scheme_file import SchemeError, load, load_pack, read_toml, shipped


def add(subparsers: Any) -> None:
    """The commands about schemes."""
    schemes = subparsers.add_parser("schemes", help="the social-insurance schemes and their rules")
    commands = schemes.add_subparsers(required=True, metavar="COMMAND")
    listing = commands.add_parser("list", help="the schemes that come with this program")
    _finish(listing, run_list)
    show = commands.add_parser("show", help="the fact sheet: who, base, rate, cap, payer, due")
    show.add_argument("scheme", metavar="SCHEME", help="an id, or the path of a rule file")
    _finish(show, run_show)
    check = commands.add_parser("check", help="read rule files strictly, without using them")
    check.add_argument("files", nargs="+", type=Path, metavar="FILE")
    _finish(check, run_check)
    run = commands.add_parser("run", help="work out a file of cases and compare (docs/vectors.md)")
    run.add_argument("file", type=Path, metavar="FILE")
    _finish(run, run_run)


def run_list(arguments: argparse.Namespace) -> int:
    """One line for each shipped scheme."""
    packs = [load(name) for name in shipped()]
    if arguments.json:
        print(json.dumps([_summary(pack) for pack in packs], ensure_ascii=False))
        return 0
    for pack in packs:
        state = "verified" if not pack.unverified() else f"{len(pack.unverified())} unverified"
        print(f"{pack.id:<24} {pack.title} [{state}]")
    return 0


def run_show(arguments: argparse.Namespace) -> int:
    """The fact sheet of one scheme; exit 1 if it must not be used."""
    try:
        pack = _open(arguments.scheme)
    except SchemeError as error:
        return _refuse(error)
    if arguments.json:
        print(json.dumps(scheme_sheet.document(pack), ensure_ascii=False))
    else:
        print(*scheme_sheet.lines(pack), sep="\n")
    return 0


def run_check(arguments: argparse.Namespace) -> int:
    """Exit 1 if any file must not be used; each fault names file, key and what to do."""
    found = [_check(path) for path in arguments.files]
    if arguments.json:
        print(json.dumps(found, ensure_ascii=False))
        return max(int(not each["holds"]) for each in found)
    for each in found:
        if each["holds"]:
            print(f"{each['file']}: holds; {len(each['unverified'])} of its parts are unverified")
        else:
            print(f"wayfare: {each['file']}: {each['error']}", file=sys.stderr)
    return max(int(not each["holds"]) for each in found)


def run_run(arguments: argparse.Namespace) -> int:
    """Exit 0: every case is right; 1: some are not; 2: there is nothing to run."""
    try:
        outcome = run_file(arguments.file)
    except NoCases as error:
        print(f"wayfare: {error}", file=sys.stderr)
        return 2
    if arguments.json:
        print(json.dumps(_outcome(outcome), ensure_ascii=False))
    else:
        _print_outcome(outcome)
    return 1 if outcome.wrong else 0


def _finish(parser: argparse.ArgumentParser, run: Any) -> None:
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")
    parser.set_defaults(run=run)


def _open(named: str) -> Scheme:
    is_path = named.endswith(".toml") or "/" in named
    return load_pack(Path(named)) if is_path else load(named)


def _check(path: Path) -> dict[str, Any]:
    """A scheme's file, or one of holidays (it has years)."""
    try:
        if "year" in read_toml(path):
            unverified = [str(year.year) for year in read_holidays(path).years if not year.verified]
        else:
            unverified = load_pack(path).unverified()
    except SchemeError as error:
        said = str(error).removeprefix(f"{path.name}: ")
        return {"file": str(path), "holds": False, "error": said}
    return {"file": str(path), "holds": True, "unverified": unverified}


def _summary(pack: Scheme) -> dict[str, Any]:
    return {
        "id": pack.id,
        "title": pack.title,
        "country": pack.country,
        "currency": pack.currency,
        "borne_by": pack.borne_by,
        "verified": not pack.unverified(),
        "unverified": pack.unverified(),
    }


def _outcome(outcome: Outcome) -> dict[str, Any]:
    return {
        "cases": outcome.ran.total(),
        "kinds": dict(sorted(outcome.ran.items())),
        "wrong": [asdict(each) for each in outcome.wrong],
    }


def _print_outcome(outcome: Outcome) -> None:
    for each in outcome.wrong:
        expected, got = (
            part if isinstance(part, str) else json.dumps(part, ensure_ascii=False)
            for part in (each.expected, each.got)
        )
        print(f"MISMATCH {each.id} ({each.kind}): expected {expected}, got {got}")
    print(f"{outcome.ran.total()} cases of {len(outcome.ran)} kinds, {len(outcome.wrong)} wrong")


def _refuse(error: Exception) -> int:
    print(f"wayfare: {error}", file=sys.stderr)
    return 1
