"""A close while orders flow: posted between its chunks, killed in the middle, gone on with."""

import asyncio
import json
import os
import signal
from pathlib import Path

import pytest

from bpp.insurance.remittance import closing, reading, working
from protocol_specs.node.commands import main
from tests.bpp.insurance.remittance.support import (
    at,
    begin,
    chunks,
    close,
    job,
    lines,
    remittance,
    stand,
)
from tests.bpp.insurance.support import MY, Coop, Story, fare_of, my_coop
from tests.support.queues import quiet

JULY, AUGUST = "2026-07", "2026-08"
WORKERS = 30


def filled(folder: Path) -> tuple[Coop, list[Story]]:
    """Thirty workers with 1.00 due of July each."""
    coop = my_coop(folder, commission_rate="0")
    return coop, [job(coop, f"o{n}", 8_000, "2026-07-10", agent=f"a{n}") for n in range(WORKERS)]


class Around:
    """As much of a node as the loop of the close asks for."""

    def __init__(self, coop: Coop) -> None:
        self.store, self.telemetry = coop.store, quiet()


async def test_orders_are_posted_between_chunks_and_each_counts_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(closing, "CHUNK", 3)
    coop, stories = filled(tmp_path)
    posted_while_closing = 0

    async def orders() -> None:
        """Late fares of July that rise by 8.00, and new jobs of August, through the same store."""
        nonlocal posted_while_closing
        for n, story in enumerate(stories):
            late = story.event("fare_changed", lines=fare_of(8_800), at=at("2026-08-02"))
            new = Story(key=f"n{n}", agent_id=f"a{n}", lines=fare_of(1_600), at=at("2026-08-02"))
            for event in (late, new.event("confirmed"), new.event("completed")):
                coop.record(event)
                await coop.store.transact(lambda s, e=event: coop.insurance.on_event(s, e))
            posted_while_closing += bool(coop.store.read(closing.unfinished))

    id = begin(coop, JULY, at("2026-08-01", "16:00:00"))
    step = working.close_next(Around(coop), coop.insurance.keeper)  # type: ignore[arg-type]
    flowing = asyncio.create_task(orders())
    while await step(at("2026-08-02")):
        pass
    await flowing
    assert posted_while_closing >= 2
    july = remittance(coop, id)
    assert (july.workers, july.amount_minor) == (WORKERS, WORKERS * 100)
    august = close(coop, AUGUST, "2026-09-02")
    assert august.amount_minor == WORKERS * (10 + 20)
    coop.store.read(lambda s: stand(coop, s, coop.schemes[0]))


@pytest.mark.parametrize("killed_after", [1, 4, 9, 10])
def test_a_close_that_was_killed_goes_on_and_nothing_is_lost_doubled_or_half(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, killed_after: int
) -> None:
    """A process of its own dies by SIGKILL inside a chunk's transaction, its writes half done."""
    monkeypatch.setattr(closing, "CHUNK", 3)
    coop, stories = filled(tmp_path)
    coop.store.close()
    child = os.fork()
    if child == 0:
        dying = Coop(tmp_path, coop.schemes, "0", key=coop.key)
        begin(dying, JULY, at("2026-08-02"))
        going_on, after = dying.store.read(closing.unfinished)[0], ""
        for n in range(WORKERS):

            def unit(session: object, n: int = n, after: str = after) -> str | None:
                found = closing.next_chunk(
                    session,
                    dying.insurance.keeper,
                    going_on,
                    after,
                    at("2026-08-02"),  # type: ignore[arg-type]
                )
                if n == killed_after:
                    os.kill(os.getpid(), signal.SIGKILL)
                return found

            after = dying.store.transact_now(unit) or ""
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    again = Coop(tmp_path, coop.schemes, "0", key=coop.key)
    id = f"{MY}/{JULY}/1"
    assert len(lines(again, id)) == min(killed_after, 10) * 3
    assert again.store.read(lambda s: reading.remittance(s, id)) is None  # not finished, not shown
    again.happen(stories[-1].event("fare_changed", lines=fare_of(8_800), at=at("2026-08-03")))
    chunks(again, at("2026-08-03"))
    july = remittance(again, id)
    assert (july.workers, july.amount_minor) == (WORKERS, WORKERS * 100)
    assert close(again, AUGUST, "2026-09-02").amount_minor == 10
    again.store.read(lambda s: stand(again, s, again.schemes[0]))


def test_by_command_a_month_is_closed_sent_and_acknowledged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from tests.bpp.insurance.test_money_facts import config_of

    coop, _ = filled(tmp_path / "data")
    coop.store.close()
    config = ["--config", str(config_of(tmp_path))]

    def run(*words: str) -> tuple[int, str]:
        status = main([*words, *config])
        said = capsys.readouterr()
        return status, said.out + said.err

    id, who = f"{MY}/{JULY}/1", ("--reference", "b-1", "--by", "desk-1")
    assert "2026-07      open" in run("remit", "periods")[1]
    assert run("remit", "list") == (0, "none yet\n")
    status, said = run("remit", "close", MY, JULY, "--dry-run")
    assert (status, "together 30.00 MYR; nothing was written" in said) == (0, True)
    assert run("remit", "close", MY, JULY)[0] == 1  # by whom?
    closed = f"{id}: collected, 30.00 MYR of 30 workers\n"
    assert run("remit", "close", MY, JULY, "--by", "desk-1") == (0, closed)
    assert run("remit", "close", MY, JULY, "--by", "desk-1") == (0, closed)
    status, said = run("remit", "send", id, *who)
    assert (status, "trust-sweep first" in said) == (1, True)
    sweep = ("ledger", "post", "trust-sweep", "--scheme", MY, "--amount", "30.00")
    assert run(*sweep, *who)[0] == 0
    assert run("remit", "send", id, *who) == (0, closed.replace("collected", "sent"))
    assert run("remit", "acknowledge", id, *who, "--amount", "29.00")[0] == 1
    assert run("remit", "acknowledge", id, *who, "--amount", "30.00")[0] == 0
    shown = json.loads(run("remit", "show", id, "--json")[1])
    assert [event["kind"] for event in shown["events"]] == ["sent", "acknowledged"]
    assert (len(shown["lines"]), shown["state"]) == (WORKERS, "acknowledged")
    held = json.loads(run("remit", "held", "--json")[1])[0]
    assert (held["amount_minor"], float(held["mean_days"]) > 0) == (3_000, True)
    assert run("remit", "due") == (0, "nothing is due within three days\n")
    assert run("remit", "excess")[1] == "nothing is held, nothing is owed back\n"
    assert run("remit", "show", "x/2026-07/1")[0] == 1
