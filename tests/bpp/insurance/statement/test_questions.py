"""What drivers ask first is answered in words with figures from the books, and never with cover."""

from pathlib import Path
from typing import Any

import pytest

from bpp.declined import Declined
from bpp.insurance.engine.facts import Bought
from bpp.insurance.statement.questions import QUESTIONS, Asked, answer, listed
from tests.bpp.insurance.statement.support import random_books, told
from tests.bpp.insurance.support import CASH, MY, NOON, Coop, Story, my_coop

HOUR = 3600


@pytest.fixture
def coop(tmp_path: Path) -> Coop:
    """One cash ride of 20.00: 0.20 set aside, 4.20 owed."""
    coop = my_coop(tmp_path)
    story = Story(agent_id="a1", payment=CASH)
    coop.happen(story.event("confirmed"), story.event("completed"))
    return coop


def asked(coop: Coop, question: str, language: str = "en", **more: Any) -> str:
    found = told(coop, now=NOON + HOUR)
    return "\n".join(answer(question, Asked.of(found, language, **more)))


@pytest.mark.parametrize("language", ["en", "ms"])
@pytest.mark.parametrize("question", sorted(set(QUESTIONS) - {"why"}))
def test_each_question_has_an_answer_in_each_language(
    tmp_path: Path, question: str, language: str
) -> None:
    busy = random_books(tmp_path, seed=5)
    found = Asked.of(told(busy), language, limit_minor=20_000)
    lines = answer(question, found)
    assert lines
    assert not any("{" in line for line in lines)


def test_whether_covered_is_never_answered_with_yes(coop: Coop) -> None:
    said = asked(coop, "covered")
    assert said.startswith("Not confirmed by PERKESO")
    assert "0.20 MYR was set aside" in said
    assert "has acknowledged 0.00 MYR" in said
    assert "is not cover" in said


def test_where_the_money_is_says_the_station_and_the_amount(coop: Coop) -> None:
    said = asked(coop, "where")
    assert "0.20 MYR is due and with the cooperative" in said


def test_why_is_the_arithmetic_of_that_slip(coop: Coop) -> None:
    slip = str(told(coop, now=NOON + HOUR).jobs[0].contributions[0].slip_id)
    for given in (slip, slip[:8]):
        said = asked(coop, "why", slip=given)
        assert said.startswith(f"0.20 MYR for {MY}:")
        assert "1.25 % of that is 0.20" in said
    with pytest.raises(Declined, match="say which slip"):
        asked(coop, "why")
    with pytest.raises(Declined, match="no slip of this worker"):
        asked(coop, "why", slip="zzzz")


def test_what_is_owed_and_what_is_left_on_leaving(coop: Coop) -> None:
    assert "You owe 4.20 MYR of fare cash" in asked(coop, "owe")
    said = asked(coop, "leave")
    assert "If you leave now you still have to pay 4.20 MYR." in said
    assert "0.20 MYR set aside" in said


def test_why_again_after_prepaying_tells_what_was_bought_and_whether_it_counts(
    coop: Coop,
) -> None:
    bought = (Bought("1", "2026-07", 1, "R-1", is_seen=True),)
    said = asked(coop, "prepaid", bought=bought)
    assert "You bought plan 1 from 2026-07" in said
    assert "PERKESO has not told us in writing" in said
    counts = asked(coop, "prepaid", bought=bought, counts_prepaid=frozenset({MY}))
    assert "is counted" in counts


def test_of_two_cooperatives_no_shortfall_is_told_from_one_alone(coop: Coop) -> None:
    said = asked(coop, "both")
    assert "wayfare statement merge" in said
    assert "lacking" not in said


def test_a_question_that_is_none_is_refused_with_those_there_are(coop: Coop) -> None:
    with pytest.raises(Declined, match="covered, where, why, prepaid, both, owe, leave"):
        asked(coop, "weather")
    assert set(listed()) == set(QUESTIONS)
