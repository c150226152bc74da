"""A network that parts, in a network namespace of its own: test_partitions.py runs this in it.

The kernel itself drops what is sent: by a routing rule ahead of all others, for everything to a
node's port, or for everything from it. A kept connection hangs then, as it does when a cable is
pulled; what is cut is found again by TCP or by who sent it. Prints what it came to as JSON.
"""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from examples.network import Network
from tests.crash.bookings import Bookings
from tests.examples.test_keys import a_network

PARTED = ("couriers", "bap", "gateway", "registry")
WAYS = {"to": "dport", "from": "sport"}
CUT_S = 2
SHORT_S = 0.3
FLAPS = 4


def ip(*words: str) -> None:
    """Changes a route or rule of this namespace."""
    subprocess.run(["ip", *words], check=True)


@contextmanager
def cut(port: int, way: str) -> Iterator[None]:
    """Nothing reaches the port, or nothing comes from it."""
    rule = ("pref", "50", "ipproto", "tcp", WAYS[way], str(port), "blackhole")
    ip("rule", "add", *rule)
    try:
        yield
    finally:
        ip("rule", "del", *rule)


def answers(plan: Network, name: str) -> bool:
    """Whether a connection to the node is made."""
    try:
        socket.create_connection(("127.0.0.1", plan.ports[name]), timeout=1).close()
    except OSError:
        return False
    return True


def part(plan: Network, bookings: Bookings) -> int:
    """Each node, both ways, and one that comes and goes; how often it was cut."""
    for name in PARTED:
        for way in WAYS:
            bookings.one_more()
            with cut(plan.ports[name], way):
                assert not answers(plan, name), "nothing was cut"
                time.sleep(CUT_S)  # that is the fault
    for _ in range(FLAPS):
        with cut(plan.ports["couriers"], "from"):
            time.sleep(SHORT_S)
        time.sleep(SHORT_S)
    bookings.one_more()
    return len(PARTED) * len(WAYS) + FLAPS


def main(folder: Path) -> None:
    """Parts a network at work, and says what became of it."""
    ip("link", "set", "lo", "up")
    ip("rule", "add", "pref", "100", "lookup", "local")
    ip("rule", "del", "pref", "0")  # so that ours come before it
    bookings = Bookings()
    with a_network(folder) as plan:
        with bookings.going_on(plan):
            cuts = part(plan, bookings)
        bookings.ended_alike(plan)
    sys.stdout.write(json.dumps({"cuts": cuts, "booked": len(bookings.done)}) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
