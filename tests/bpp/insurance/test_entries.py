"""Every event of ledger.md 14 leaves the balances that its table says, by card and in cash."""

from pathlib import Path

import pytest

from tests.bpp.insurance.support import CARD, CASH, Story, ka_coop, ka_story, my_coop

JULY = "2026-07"


def test_a_confirm_sets_the_workers_share_aside(tmp_path: Path) -> None:
    coop = my_coop(tmp_path)
    coop.happen(Story(agent_id="a1").event("confirmed"))
    w = coop.local("a1")
    assert coop.balances() == {f"1230:{w}": 20, f"2200:my.act872.gig:{w}:{JULY}": 20}


def test_a_card_job_ends_with_pay_less_contribution(tmp_path: Path) -> None:
    coop = my_coop(tmp_path)
    story = Story(agent_id="a1")
    coop.happen(story.event("confirmed"), story.event("completed", tip_minor=150))
    w = coop.local("a1")
    assert coop.balances() == {
        "1200": 2150,
        f"2100:{w}": 1580,
        f"2110:{w}": 150,
        f"2210:my.act872.gig:{w}:{JULY}": 20,
        "4000": 400,
    }
