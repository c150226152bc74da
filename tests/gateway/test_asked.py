"""Whom a search was sent to: who may answer, until when, and in how much memory."""

import pytest

from gateway.asked import KEPT_AFTER_S, OPEN_S_MAX, Asked, Search
from protocol_specs.wire.errors import Stale, WrongParty
from tests.support.peers import NOW


def search(name: str) -> Search:
    return "bap.example.org", name, name


def asked(pairs_max: int = 100) -> Asked:
    return Asked(pairs_max=pairs_max, answers_max=10)


def test_memory_is_bounded_by_how_many_providers_were_asked_in_all() -> None:
    memory = asked(pairs_max=5)
    for name in ("one", "two", "three"):
        memory.ask(search(name), ("a", "b"), until=NOW + 30, now=NOW)
    assert memory.pairs == 4
    with pytest.raises(WrongParty):
        memory.answer(search("one"), "a", now=NOW)
    memory.answer(search("two"), "a", now=NOW)
    memory.answer(search("three"), "b", now=NOW)


def test_a_search_sent_to_more_than_the_bound_may_be_answered_all_the_same() -> None:
    memory = asked(pairs_max=2)
    memory.ask(search("wide"), ("a", "b", "c"), until=NOW + 30, now=NOW)
    memory.answer(search("wide"), "c", now=NOW)


def test_a_search_asked_again_counts_once_and_one_that_reached_nobody_not_at_all() -> None:
    memory = asked()
    for _ in range(2):
        memory.ask(search("one"), ("a", "b"), until=NOW + 30, now=NOW)
    memory.ask(search("two"), (), until=NOW + 30, now=NOW)
    assert memory.pairs == 2


def test_no_search_stays_open_longer_than_five_minutes_whatever_its_ttl() -> None:
    memory = asked()
    memory.ask(search("long"), ("a",), until=NOW + 86_400, now=NOW)
    memory.answer(search("long"), "a", now=NOW + OPEN_S_MAX)
    with pytest.raises(Stale):
        memory.answer(search("long"), "a", now=NOW + OPEN_S_MAX + 1)


def test_searches_that_have_ended_are_forgotten_when_others_come() -> None:
    memory = asked()
    for name in ("one", "two"):
        memory.ask(search(name), ("a",), until=NOW + 30, now=NOW)
    memory.ask(search("late"), ("a",), until=NOW + 60, now=NOW + 30 + KEPT_AFTER_S)
    assert memory.pairs == 3
    memory.ask(search("later"), ("a",), until=NOW + 500, now=NOW + 31 + KEPT_AFTER_S)
    assert memory.pairs == 2
