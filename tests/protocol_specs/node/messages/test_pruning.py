"""Bodies are forgotten after their time; ids, hashes and states are kept."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import bindparam, update

from protocol_specs.node.messages.actions import Durable
from protocol_specs.node.messages.inbox import Inbox
from protocol_specs.node.messages.pruning import (
    KEPT_PARKED_S,
    KEPT_S,
    PRUNED_PER_COMMIT_MAX,
    prune_next,
)
from protocol_specs.node.messages.tables import Body, Owed, Received
from protocol_specs.node.store import Session, Statement, Store
from protocol_specs.wire.errors import ChangedDuplicate
from protocol_specs.wire.version import Dialects
from tests.support.peers import NOW, bap
from tests.support.queues import envelope_of, open_store, owe_one, quiet, rows

END = Statement(update(Owed.__table__).values(state=bindparam("end")))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = open_store(tmp_path)
    yield store
    store.close()


def prune(store: Store, now: int) -> None:
    while store.transact_now(lambda session: prune_next(session, now)):
        pass


async def test_a_handled_message_keeps_its_ids_and_hash_and_is_still_no_news(
    store: Store,
) -> None:
    inbox = Inbox(store, quiet(), Dialects({}))
    inbox.serve(Durable("confirm", lambda session, envelope, now: None))
    envelope = envelope_of(bap(), "confirm", message_id="m1")
    await store.transact(lambda s: inbox.accept(s, envelope, NOW))
    await inbox.handle_next(NOW)
    prune(store, NOW + KEPT_S)
    assert len(rows(store, Body)) == 1
    prune(store, NOW + KEPT_S + 1)
    (row,) = rows(store, Received)
    assert (row["message_id"], row["digest"], row["state"]) == ("m1", envelope.digest, "handled")
    assert (row["body_id"], row["authorization"]) == (None, None)
    assert rows(store, Body) == []
    assert not await store.transact(lambda s: inbox.accept(s, envelope, NOW))
    other = envelope_of(bap(), "confirm", message_id="m1", text="other")
    with pytest.raises(ChangedDuplicate):
        await store.transact(lambda s: inbox.accept(s, other, NOW))


@pytest.mark.parametrize("state", ["sent", "superseded", "expired"])
def test_what_was_owed_and_is_done_with_loses_its_body(store: Store, state: str) -> None:
    store.transact_now(owe_one)
    store.transact_now(lambda s: s.run(END, end=state))
    prune(store, NOW + KEPT_S + 1)
    assert rows(store, Body) == []
    assert rows(store, Owed)[0]["state"] == state


def test_what_waits_is_never_pruned_and_what_was_parked_only_after_90_days(store: Store) -> None:
    store.transact_now(owe_one)
    prune(store, NOW + 10 * KEPT_PARKED_S)
    assert len(rows(store, Body)) == 1
    store.transact_now(lambda s: s.run(END, end="parked"))
    prune(store, NOW + KEPT_PARKED_S)
    assert len(rows(store, Body)) == 1
    prune(store, NOW + KEPT_PARKED_S + 1)
    assert rows(store, Body) == []


def test_pruning_goes_in_bounded_steps(store: Store) -> None:
    def owe_many(session: Session) -> None:
        for _ in range(PRUNED_PER_COMMIT_MAX + 1):
            owe_one(session)
        session.run(END, end="sent")

    store.transact_now(owe_many)
    assert store.transact_now(lambda s: prune_next(s, NOW + KEPT_S + 1))
    assert len(rows(store, Body)) == 1
    assert store.transact_now(lambda s: prune_next(s, NOW + KEPT_S + 1))
    assert not store.transact_now(lambda s: prune_next(s, NOW + KEPT_S + 1))
