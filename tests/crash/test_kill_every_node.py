"""kill -9 of each node of a network at work: whatever was booked ends the same for both sides."""

import random
import sys
import time
from pathlib import Path

import pytest

from tests.crash.bookings import Bookings
from tests.examples.test_keys import a_network, again

SEED = 20_261_123
VICTIMS = ("couriers", "bap", "gateway", "registry")


@pytest.mark.slow
@pytest.mark.processes
@pytest.mark.timeout(600)
def test_whichever_node_is_killed_each_booking_ends_the_same_for_both_sides(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chance, bookings = random.Random(SEED), Bookings()
    with a_network(tmp_path) as plan:
        with bookings.going_on(plan):
            for victim in VICTIMS:
                bookings.one_more()
                time.sleep(chance.uniform(0, 0.5))
                plan.started[victim].popen.kill()
                plan.started[victim].popen.wait()
                again(plan, victim)
        bookings.ended_alike(plan)
    with capsys.disabled():
        sys.stdout.write(f"\nseed {SEED}: {len(bookings.done)} booked, {VICTIMS} killed\n")
    assert len(bookings.done) > len(VICTIMS)
