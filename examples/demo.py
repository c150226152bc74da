"""`wayfare demo`: five nodes on this machine trade a ride and a delivery, before one's eyes."""

from __future__ import annotations

import argparse
import json
import shlex
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from examples import audit, drive, pages, play
from examples.calls import Caller, CallFailed
from examples.network import Network, join_all, network, start_all, write_settings
from examples.people import Citizen, Desk, Driver
from examples.process import DemoFault

PORT_BASE = 8600
DATA = Path("data/demo")
RIDE_S = 30.0


def add(subparsers: Any) -> None:
    """Add `wayfare demo`."""
    parser = subparsers.add_parser("demo", help="a whole network on this machine, at work")
    parser.add_argument("--once", action="store_true", help="stop the network at the end")
    parser.add_argument("--json", action="store_true", help="print one JSON object, nothing else")
    parser.add_argument(
        "--port-base",
        type=int,
        default=PORT_BASE,
        metavar="N",
        help=f"the first of five ports ({PORT_BASE}); 0 takes any that are free",
    )
    parser.add_argument(
        "--data", type=Path, default=DATA, metavar="DIR", help=f"where the nodes keep all ({DATA})"
    )
    parser.add_argument(
        "--ride-s",
        type=float,
        default=RIDE_S,
        metavar="S",
        help=f"how long a ride that you book takes, about ({RIDE_S:.0f})",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Play; 0 if all that was promised is true, 1 with the reason on standard error if not."""
    _heed_signals()
    say = _Words(sys.stderr if arguments.json else sys.stdout)
    try:
        with network(arguments.data, arguments.port_base) as plan:
            shown, drivers = perform(plan, say)
            faults = list(audit.untruths(shown, plan))
            _finish(plan, shown, faults, arguments, say)
            if not arguments.once:
                _stay(plan, drivers, arguments.ride_s, say)
    except (DemoFault, CallFailed) as fault:
        print(f"wayfare demo: {fault}", file=sys.stderr)
        return 1
    return 1 if faults else 0


def _heed_signals() -> None:
    """Whoever asks, it ends in order. Under `nohup` a closed terminal asks nothing."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _end)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, _end)


def _end(number: int, frame: object) -> None:
    raise KeyboardInterrupt


class _Words:
    """Tells the story, a numbered headline for each part."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._parts = 0

    def __call__(self, text: str) -> None:
        self._stream.write(f"   {text}\n")  # at once: drivers tell their steps at the same time
        self._stream.flush()

    def part(self, title: str) -> None:
        self._parts += 1
        print(f"\n{self._parts}. {title}", file=self._stream, flush=True)


def perform(plan: Network, say: _Words) -> tuple[dict[str, Any], dict[str, Driver]]:
    """The whole play: what it came to, as the JSON object shows it; and the drivers, by node."""
    began = time.monotonic()
    say.part("Five nodes start, each a process with its own folder and keys.")
    write_settings(plan)
    start_all(plan)
    for node in plan.started.values():
        say(f"{node.name:9} {node.url}  pid {node.pid}")
    say.part("Gateway, cooperatives and citizens' node join the network.")
    join_all(plan)
    say("Each signed its application and decrypted the registry's challenge: SUBSCRIBED.")
    aminah, ravi = _hire(plan)
    say("Aminah and Ravi are enrolled; each read in Malay or Kannada what is set aside, and why.")
    citizen = _citizens(plan)
    say.part("A ride in Kuala Lumpur, paid in cash.")
    ride = play.cash_ride(citizen(**pages.CITIZEN), aminah, say)
    say.part("A parcel in Bengaluru, prepaid; its courier is found after the confirmation.")
    delivery = play.prepaid_delivery(citizen("Arjun", "+919876543210"), ravi, say)
    say.part("A ride that is cancelled.")
    cancelled = play.cancelled_ride(citizen("Farid", "+60129876543"), aminah, say)
    for contribution in cancelled.order["contributions"]:
        say(
            f"What was set aside is taken back: {play.money(contribution['amount'])} remains under "
            f"{contribution['scheme']}."
        )
    shown = _account(plan, ride, delivery, cancelled, say, began)
    return shown, {"rides": aminah, "couriers": ravi}


def _hire(plan: Network) -> tuple[Driver, Driver]:
    """A driver and a courier, registered and enrolled by the desks while the nodes run; each reads
    in their own language what will be deducted."""
    rides, couriers = Desk(_desk(plan, "rides")), Desk(_desk(plan, "couriers"))
    drivers = (
        rides.add_driver(**pages.AMINAH, language="ms"),
        couriers.add_driver(**pages.RAVI, language="kn"),
    )
    pages.staff({"rides": rides, "couriers": couriers})
    mykad = {"identity_kind": "mykad", "identity": "880512-14-5566"}
    uan = {"identity_kind": "uan", "identity": "1234 5678 9012"}
    rides.enrol("A1", born="1988-05-12", sector="ride", **mykad)
    couriers.enrol("R1", born="1994-11-03", sector="logistics", **uan)
    return drivers


def _desk(plan: Network, name: str) -> Caller:
    token = (plan.folder(name) / "data" / "desk.token").read_text().strip()
    return Caller(plan.url(name), token)


def _citizens(plan: Network) -> Callable[..., Citizen]:
    return lambda name, phone: Citizen(plan.url("bap"), name, phone)


def _account(
    plan: Network,
    ride: play.Played,
    delivery: play.Played,
    cancelled: play.Played,
    say: _Words,
    began: float,
) -> dict[str, Any]:
    say.part("The slips, and the books of both cooperatives.")
    slips = {"rides": audit.slips_of(ride), "couriers": audit.slips_of(delivery)}
    verified = 0
    for name, own in slips.items():
        for slip in own:
            verdict = audit.verify_slip(plan, name, slip)
            verified += verdict["verified"]
            words = "verified" if verdict["verified"] else f"NOT verified: {verdict}"
            say(f"Slip {slip['slip']['slip_id']} of {slip['slip']['issuer']}: {words}.")
            say(f"    It says: {slip['slip']['says']}")
    ledgers = audit.verify_ledgers(plan)
    for name, ledger in ledgers.items():
        say(
            f"Books of {name}: {ledger['entries']} entries in "
            f"{_counted(ledger['sealed_blocks'], 'sealed block')}, "
            f"{'balanced' if ledger['balanced'] else 'NOT BALANCED'}, "
            f"{'verified' if ledger['verified'] else 'NOT VERIFIED'} against the witness."
        )
    return {
        "ride": audit.job_shown(ride, slips["rides"]),
        "delivery": audit.job_shown(delivery, slips["couriers"]),
        "cancelled_ride": audit.cancelled_shown(cancelled),
        "ledger": audit.ledger_shown(ledgers),
        "slips_verified": verified,
        "messages": audit.messages_shown(plan),
        "elapsed_s": round(time.monotonic() - began, 1),
        "nodes": audit.nodes_shown(plan),
    }


def _finish(
    plan: Network,
    shown: dict[str, Any],
    faults: list[str],
    arguments: argparse.Namespace,
    say: _Words,
) -> None:
    """Print the object and the last words: what is not as promised, what a visitor can do."""
    shown = {**shown, "pages": pages.shown(plan)}
    messages = shown["messages"]
    say.part(
        f"{messages['sent']} signed messages, {messages['acked']} acknowledged, "
        f"{messages['nacked']} refused; {shown['elapsed_s']} s in all."
    )
    for fault in faults:
        print(f"wayfare demo: not as promised: {fault}", file=sys.stderr)
    if arguments.json:
        print(json.dumps(shown), flush=True)
    if not arguments.once:
        _invite(plan, shown, arguments.ride_s, say)


def _invite(plan: Network, shown: dict[str, Any], ride_s: float, say: _Words) -> None:
    """What a visitor can do while the network is up."""
    say.part("The pages, while the network is up, and how to come in.")
    for line in pages.lines(shown["pages"]):
        say(line)
    say(
        "Book a ride in Kuala Lumpur or a parcel in Bengaluru: Aminah and Ravi are at work, and "
        f"each takes about {ride_s:.0f} s."
    )
    say("Look at the books of the ride cooperative, and at the slip of its first ride:")
    config, witness = str(plan.config("rides")), str(plan.witness("rides"))
    say(_command("ledger", "verify", "--config", config, "--witness", witness))
    for contribution in shown["ride"]["contributions"][:1]:
        slip = str(plan.data / "slips" / f"{contribution['slip_id']}.json")
        key = plan.ledger_public_key("rides")
        say(_command("slip", "verify", slip, "--public-key", key))
    say("The network stays up until Ctrl-C.")


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _command(*words: str) -> str:
    """A command that can be pasted into the reader's own shell."""
    called_as = sys.argv[0] if Path(sys.argv[0]).name == "wayfare" else "wayfare"
    return f"    {shlex.join((called_as, *words))}"


def _stay(plan: Network, drivers: dict[str, Driver], ride_s: float, say: _Words) -> None:
    """Until Ctrl-C or SIGTERM, the drivers at work. Raises DemoFault if a node ends before that."""
    stop = threading.Event()
    homes = {"rides": play.NEAR_KL_SENTRAL, "couriers": play.NEAR_MG_ROAD}
    shifts = [
        drive.Shift(
            driver=driver,
            desk=_desk(plan, name),
            home=homes[name],
            slips=plan.data / "slips",
            ride_s=ride_s,
            say=say,
            stop=stop,
        )
        for name, driver in drivers.items()
    ]
    try:
        with drive.at_work(shifts, stop):
            _watch(plan)
    except KeyboardInterrupt:
        say(f"The five nodes stop. What they wrote stays in {plan.data} until the next demo.")


def _watch(plan: Network) -> NoReturn:
    while True:
        for node in plan.started.values():
            if node.popen.poll() is not None:
                raise DemoFault(f"the {node.name} node ended by itself; see {node.log}")
        time.sleep(0.5)
