"""`wayfare statement answer|answers`: what an institution signed about somebody's cover."""

import argparse
import json
from pathlib import Path
from typing import Any

from bpp.insurance import books, desk_calls
from bpp.insurance.agents import signed
from bpp.insurance.coverage import keeping
from bpp.insurance.coverage.keeping import CoverageAsked
from bpp.insurance.desk_calls import Desk, OpenDesk
from bpp.insurance.desk_commands import answered, guarded
from protocol_specs.node.store import Session, Store


def add(commands: Any, open_desk: OpenDesk) -> None:
    """To those of `wayfare statement`. `open_desk` reads a settings file."""
    adds = commands.add_parser("answer", help="keep an institution's signed answer about cover")
    adds.add_argument("file", type=Path, metavar="FILE", help="its credential, or a revocation")
    adds.add_argument("--by", required=True, help="short id of whoever brings it; no name")
    adds.set_defaults(run=guarded(lambda a: run_add(a, open_desk(a.config))))
    shows = commands.add_parser("answers", help="those about a worker, as they were signed")
    shows.add_argument("worker", metavar="WORKER", help="the agent's id, or the books' local id")
    shows.set_defaults(run=guarded(lambda a: run_show(a, open_desk(a.config))))
    for each in (adds, shows):
        each.add_argument("--config", type=Path, required=True, metavar="FILE")
        each.add_argument("--json", action="store_true", help="one JSON value on standard output")


def run_add(arguments: argparse.Namespace, desk: Desk) -> int:
    """Kept, or refused with why."""
    document = {"document": signed.read(arguments.file), "by": arguments.by}
    body = signed.parsed(document, CoverageAsked, "no signed answer")
    keys = desk.settings.institution_keys
    found = desk_calls.written(
        desk,
        keeping.PATH,
        document,
        lambda session, now: keeping.take(session, keys, body, now),
    )
    return answered(arguments, found, lambda: f"{found['id']}: {_became(found)}")


def _became(found: dict[str, Any]) -> str:
    return "kept" if found["is_new"] else "stood already"


def run_show(arguments: argparse.Namespace, desk: Desk) -> int:
    """A JSON array: each credential is the proof."""

    def read(session: Session) -> list[Any]:
        worker = books.find_worker(session, arguments.worker) or arguments.worker
        return keeping.proofs(session, worker)

    print(json.dumps(Store.read_once(desk.store_at, read), ensure_ascii=False))
    return 0
