"""Run `wayfare demo --json`, hold what it prints against what it must say, and visit its pages."""

import json
import signal
import subprocess
import sys
import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Any

from demo_visitor import faults

FAULTS: list[str] = []


def expect(condition: bool, what: str) -> None:
    if not condition:
        FAULTS.append(what)


def check_job(name: str, job: dict[str, Any], scheme: str, borne_by: str) -> None:
    expect(job["status"] == "COMPLETE", f"{name} is {job['status']}")
    expect(all(job[key] for key in ("transaction_id", "order_id", "provider_id")), f"{name} ids")
    expect(Decimal(job["fare"]["value"]) > 0, f"{name} fare")
    [contribution] = job["contributions"]
    expect(contribution["scheme"] == scheme, f"{name} scheme {contribution['scheme']}")
    expect(contribution["borne_by"] == borne_by, f"{name} borne by {contribution['borne_by']}")
    expect(Decimal(contribution["amount"]["value"]) > 0, f"{name} contribution")
    expect(contribution["amount"]["currency"] == job["fare"]["currency"], f"{name} currency")
    expect(contribution["covered_from"] is None, f"{name} claims cover")
    expect(isinstance(contribution["verified"], bool), f"{name} verified mark")
    expect(bool(contribution["slip_id"]), f"{name} slip")


def check(shown: dict[str, Any]) -> None:
    check_job("ride", shown["ride"], "my.act872.gig", "worker")
    check_job("delivery", shown["delivery"], "in.karnataka.pbgw2025", "cooperative")
    cancelled = shown["cancelled_ride"]
    expect(cancelled["status"] == "CANCELLED", "the cancelled ride is not cancelled")
    expect(bool(cancelled["net_contributions"]), "the cancelled ride shows no net contribution")
    for line in cancelled["net_contributions"]:
        expect(Decimal(line["amount"]["value"]) == 0, f"{line['scheme']} does not net to zero")
    books = shown["ledger"]
    each = list(books["by_cooperative"].values())
    expect(len(each) == 2, "two cooperatives keep books")
    for ledger in (books, *each):
        expect(ledger["balanced"] is True and ledger["verified"] is True, f"ledger {ledger}")
        expect(ledger["entries"] > 0 and ledger["sealed_blocks"] > 0, f"ledger {ledger}")
    expect(books["entries"] == sum(ledger["entries"] for ledger in each), "entries of both")
    expect(shown["slips_verified"] >= 2, "slips verified")
    messages = shown["messages"]
    expect(messages["sent"] >= messages["acked"] > 20 and messages["nacked"] == 0, f"{messages}")
    expect(0 < shown["elapsed_s"] < 60, f"took {shown['elapsed_s']} s")
    roles = sorted(node["role"] for node in shown["nodes"])
    expect(roles == ["bap", "bpp", "bpp", "gateway", "registry"], f"nodes {roles}")
    expect(len({node["pid"] for node in shown["nodes"]}) == 5, "five processes")
    faces = {page["face"] for page in shown["pages"]}
    expect(faces == {"citizen", "driver", "office", "operator", "everybody"}, f"faces {faces}")
    FAULTS.extend(faults(shown["pages"]))


def main() -> int:
    wayfare = Path(sys.executable).with_name("wayfare")
    with tempfile.TemporaryDirectory() as data:
        command = [str(wayfare), "demo", "--json", "--port-base", "0", "--data", data]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as demo:
            told = demo.stdout
            if told is None:
                raise RuntimeError("the demo has no standard output")
            try:
                check(json.loads(told.readline()))
            finally:
                demo.send_signal(signal.SIGTERM)
            expect(told.read() == "", "one line of JSON was promised, more came")
            expect(demo.wait(timeout=60) == 0, f"it ended with {demo.returncode}")
    for fault in FAULTS:
        print(f"demo: {fault}")
    print("demo: all as promised" if not FAULTS else f"demo: {len(FAULTS)} faults")
    return 1 if FAULTS else 0


if __name__ == "__main__":
    sys.exit(main())
