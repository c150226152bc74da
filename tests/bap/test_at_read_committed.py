"""One journey, changed by many processes at the same moment at one PostgreSQL database."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bap import calls, offers, rows
from bap.calls import Call
from bap.citizen import trips
from bap.journey import Event, Journey
from protocol_specs.node.store import Session
from protocol_specs.wire.values import replace
from tests.support.crowd import CROWD, Crowd, crowded

NOW = 1_795_000_000
JOURNEY = Journey(
    id="j1",
    secret_hash=b"s",
    kind="RIDE",
    domain="nic2004:60221",
    dialect="core-1.1",
    city="std:03",
    country="MYS",
    currency="MYR",
    transaction_id="t1",
    state="searching",
    version=0,
    intent=b"{}",
    created_at=NOW,
    updated_at=NOW,
)


@pytest.fixture
def crowd(tmp_path: Path) -> Iterator[Crowd]:
    with crowded(tmp_path, "bap.migrations") as made:
        made.now(lambda session: rows.add(session, JOURNEY))
        made.now(lambda session: trips.add(session, "j1", "browser:1"))
        yield made


def events(crowd: Crowd) -> list[int]:
    return [row["n"] for row in crowd.now(lambda session: rows.events_since(session, "j1", 0))]


def test_what_citizens_do_at_many_workers_is_numbered_without_a_gap(crowd: Crowd) -> None:
    def change(session: Session, at: int) -> None:
        before = rows.lock(session, "j1")
        assert before is not None
        rows.save(session, before, replace(before, offer_id=str(at)), (Event("asked", {}),), NOW)

    crowd.at_once(change)
    assert events(crowd) == list(range(1, CROWD + 1))


def test_answers_at_many_workers_are_counted_each_once_and_lose_no_other(crowd: Crowd) -> None:
    call = Call("m1", "j1", "search", None, False, NOW, NOW + 30, None)
    crowd.now(lambda session: calls.open_call(session, call))

    def answer(session: Session, at: int) -> bool:
        digest = str(at // 2)  # each answer comes to two of them
        rows.lock_transaction(session, "t1")
        before = rows.find(session, "j1")
        if before is None or offers.is_counted(session, "m1", "coop", digest):
            return False
        offers.count_answer(session, "m1", "coop", digest)
        rows.save(session, before, before, (Event("offers", {}),), NOW)
        return True

    assert sum(crowd.at_once(answer)) == CROWD // 2
    assert crowd.now(lambda session: offers.answers(session, "m1", "coop")) == CROWD // 2
    assert events(crowd) == list(range(1, CROWD // 2 + 1))


def test_five_complaints_of_one_journey_are_kept_and_one_link_is_made(crowd: Crowd) -> None:
    def complain(session: Session, at: int) -> bool:
        return trips.complain(session, "j1", about="price", text=str(at), now=NOW, due=NOW)

    assert sum(crowd.at_once(complain)) == trips.COMPLAINTS_MAX

    def share(session: Session, at: int) -> str | None:
        trips.share(session, "j1")
        return trips.share_token(session, "j1")

    assert len(set(crowd.at_once(share))) == 1
