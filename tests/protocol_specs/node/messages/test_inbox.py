"""The inbox: each message handled once and in its turn, whatever one of them does."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import bindparam, insert

from protocol_specs.node.messages import inbox as inbox_module
from protocol_specs.node.messages.actions import Durable
from protocol_specs.node.messages.inbox import ENVELOPE_BYTES_IN_MEMORY_MAX, TRIES_MAX, Inbox
from protocol_specs.node.messages.tables import Body, Received
from protocol_specs.node.store import Session, Statement, Store, StoreUnavailable
from protocol_specs.wire.envelope import Envelope
from protocol_specs.wire.errors import ChangedDuplicate, OrderNotFound
from protocol_specs.wire.version import Dialects
from tests.support.peers import NOW, bap
from tests.support.queues import envelope_of, open_store, quiet, rows

BAP = bap()
MARK = Statement(insert(Body.__table__).values(bytes=bindparam("bytes")))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = open_store(tmp_path)
    yield store
    store.close()


class Handler:
    """Keeps what it handled; raises what it is told to for a note, and writes a row each time."""

    def __init__(self, **raises: Exception) -> None:
        self.raises = raises
        self.seen: list[Envelope] = []

    def __call__(self, session: Session, envelope: Envelope, now: int) -> None:
        assert envelope.message is not None
        note = envelope.message["note"]
        self.seen.append(envelope)
        session.run(MARK, bytes=f"handled {note}".encode())
        if note in self.raises:
            raise self.raises[note]

    @property
    def notes(self) -> list[str]:
        return [one.message["note"] for one in self.seen if one.message is not None]


def inbox_of(store: Store, handler: Handler, *actions: str) -> Inbox:
    inbox = Inbox(store, quiet(), Dialects({}))
    for action in actions or ("confirm", "cancel", "on_status"):
        inbox.serve(Durable(action, handler))
    return inbox


async def accept(inbox: Inbox, *envelopes: Envelope, now: int = NOW) -> list[bool]:
    return [await inbox._store.transact(lambda s, e=e: inbox.accept(s, e, now)) for e in envelopes]


async def work(inbox: Inbox, now: int = NOW) -> None:
    while await inbox.handle_next(now):
        pass


def effects(store: Store) -> list[bytes]:
    return [row["bytes"] for row in rows(store, Body) if row["bytes"].startswith(b"handled")]


def states(store: Store) -> list[str]:
    return [row["state"] for row in rows(store, Received)]


async def test_a_message_is_handled_once_with_all_that_the_door_verified(store: Store) -> None:
    handler = Handler()
    inbox = inbox_of(store, handler)
    envelope = envelope_of(BAP, "confirm")
    assert await accept(inbox, envelope) == [True]
    await work(inbox)
    await work(inbox, NOW + 9_999)
    assert handler.seen == [envelope]
    assert states(store) == ["handled"]


async def test_after_a_restart_the_envelope_is_the_same_to_the_last_field(
    store: Store, tmp_path: Path
) -> None:
    envelope = envelope_of(BAP, "confirm", text="größer")
    await accept(inbox_of(store, Handler()), envelope)
    store.close()
    again = open_store(tmp_path)
    handler = Handler()
    await work(inbox_of(again, handler))
    assert handler.seen == [envelope]
    again.close()


@pytest.mark.parametrize("text", ["x", "x" * (ENVELOPE_BYTES_IN_MEMORY_MAX + 1)])
async def test_a_message_never_gets_the_content_of_one_that_was_undone(
    store: Store, text: str
) -> None:
    handler = Handler()
    inbox = inbox_of(store, handler)

    def undone(session: Session) -> None:
        inbox.accept(session, envelope_of(BAP, "confirm"), NOW)
        raise OrderNotFound("the judge says no")

    with pytest.raises(OrderNotFound):
        await store.transact(undone)
    kept = envelope_of(BAP, "confirm", text=text)
    await accept(inbox, kept)  # the database gives it the number of the one undone
    await work(inbox)
    assert handler.seen == [kept]


async def test_the_same_bytes_again_are_taken_and_have_no_effect(store: Store) -> None:
    handler = Handler()
    inbox = inbox_of(store, handler)
    envelope = envelope_of(BAP, "confirm")
    assert await accept(inbox, envelope, envelope) == [True, False]
    await work(inbox)
    assert await accept(inbox, envelope) == [False]
    await work(inbox)
    assert effects(store) == [b"handled x"]
    assert len(rows(store, Received)) == 1


async def test_other_bytes_under_the_same_message_id_are_refused_and_not_stored(
    store: Store,
) -> None:
    inbox = inbox_of(store, Handler())
    await accept(inbox, envelope_of(BAP, "confirm", message_id="m1"))
    before = (rows(store, Received), rows(store, Body))
    with pytest.raises(ChangedDuplicate, match="m1") as refused:
        await accept(inbox, envelope_of(BAP, "confirm", message_id="m1", text="other"))
    assert refused.value.path == "/context/message_id"
    assert (rows(store, Received), rows(store, Body)) == before


async def test_one_message_id_may_serve_two_senders_and_two_actions(store: Store) -> None:
    inbox = inbox_of(store, Handler())
    other = bap("other.example.org")
    taken = await accept(
        inbox,
        envelope_of(BAP, "confirm", message_id="m1"),
        envelope_of(BAP, "cancel", message_id="m1"),
        envelope_of(other, "confirm", message_id="m1"),
    )
    assert taken == [True, True, True]


async def test_callbacks_may_repeat_a_message_id_with_other_bytes(store: Store) -> None:
    handler = Handler()
    inbox = inbox_of(store, handler)
    first = envelope_of(BAP, "on_status", message_id="m1", text="arriving")
    second = envelope_of(BAP, "on_status", message_id="m1", text="arrived")
    assert await accept(inbox, first, second, first) == [True, True, False]
    await work(inbox)
    assert sorted(handler.notes) == ["arrived", "arriving"]


async def test_a_conversation_is_handled_in_the_order_it_came(store: Store) -> None:
    handler = Handler()
    inbox = inbox_of(store, handler)
    turns = [
        envelope_of(BAP, "confirm", text=f"{t}{n}", transaction_id=t)
        for n in range(40)
        for t in ("a", "b")
    ]
    await accept(inbox, *turns)
    await work(inbox)
    for t in ("a", "b"):
        assert [note for note in handler.notes if note[0] == t] == [f"{t}{n}" for n in range(40)]


async def test_what_fails_is_undone_and_holds_back_its_own_conversation_only(
    store: Store,
) -> None:
    handler = Handler(bad=RuntimeError("ours"))
    inbox = inbox_of(store, handler)
    await accept(
        inbox,
        envelope_of(BAP, "confirm", text="bad", transaction_id="a"),
        envelope_of(BAP, "confirm", text="behind", transaction_id="a"),
        envelope_of(BAP, "confirm", text="elsewhere", transaction_id="b"),
    )
    await work(inbox)
    assert effects(store) == [b"handled elsewhere"]
    assert states(store) == ["new", "new", "handled"]
    del handler.raises["bad"]
    await work(inbox, NOW + 60)
    assert effects(store) == [b"handled elsewhere", b"handled bad", b"handled behind"]


async def test_a_poison_message_is_parked_with_its_body_and_error_and_the_next_goes_on(
    store: Store,
) -> None:
    handler = Handler(poison=RuntimeError("ours"))
    inbox = inbox_of(store, handler)
    await accept(
        inbox,
        envelope_of(BAP, "confirm", text="poison", transaction_id="a"),
        envelope_of(BAP, "confirm", text="behind", transaction_id="a"),
    )
    for later in range(TRIES_MAX):
        await work(inbox, NOW + 100 * later)
    assert handler.notes == ["poison"] * TRIES_MAX + ["behind"]
    parked, behind = rows(store, Received)
    assert (parked["state"], parked["error"]) == ("parked", "RuntimeError: ours")
    assert parked["body_id"] is not None
    assert behind["state"] == "handled"
    assert inbox._telemetry.count("given_up", "confirm") == 1
    assert inbox._telemetry.count("handled", "confirm") == 1


async def test_tries_come_at_growing_distances(store: Store) -> None:
    handler = Handler(poison=RuntimeError("ours"))
    inbox = inbox_of(store, handler)
    await accept(inbox, envelope_of(BAP, "confirm", text="poison"))
    tried_at: list[int] = []
    for now in range(NOW, NOW + 200):
        before = len(handler.seen)
        await work(inbox, now)
        tried_at += [now - NOW] * (len(handler.seen) - before)
    gaps = [b - a for a, b in pairwise(tried_at)]
    assert len(tried_at) == TRIES_MAX
    assert gaps[0] == 1
    assert all(b >= a for a, b in pairwise(gaps))
    assert 60 <= tried_at[-1] <= 180


async def test_a_clock_that_ran_ahead_of_the_last_process_holds_nothing_up(store: Store) -> None:
    handler = Handler()
    await accept(
        inbox_of(store, handler), envelope_of(BAP, "confirm", text="early"), now=NOW + 3600
    )
    assert await inbox_of(store, handler).handle_next(NOW)
    assert handler.notes == ["early"]


async def test_a_clock_set_back_holds_up_neither_a_first_try_nor_a_later_one(store: Store) -> None:
    handler = Handler(again=RuntimeError("for now"))
    inbox = inbox_of(store, handler)
    await accept(inbox, envelope_of(BAP, "confirm", text="again"), now=NOW + 3600)
    await inbox.handle_next(NOW + 3600)
    await accept(inbox, envelope_of(BAP, "confirm", text="first"), now=NOW + 3600)
    handler.raises.clear()
    await inbox.handle_next(NOW)
    assert handler.notes == ["again", "again", "first"]
    assert states(store) == ["handled", "handled"]


async def test_a_refusal_is_handled_and_not_tried_again(store: Store) -> None:
    handler = Handler(odd=OrderNotFound("no such order"))
    inbox = inbox_of(store, handler)
    await accept(inbox, envelope_of(BAP, "confirm", text="odd"))
    await work(inbox, NOW)
    await work(inbox, NOW + 9_999)
    (row,) = rows(store, Received)
    assert (row["state"], row["error"]) == ("handled", "OrderNotFound: no such order")
    assert handler.notes == ["odd"]
    assert effects(store) == []


async def test_a_message_whose_handling_breaks_the_database_does_not_stop_the_rest(
    store: Store,
) -> None:
    handler = Handler(breaks=StoreUnavailable("disk I/O error"))
    inbox = inbox_of(store, handler)
    await accept(
        inbox,
        envelope_of(BAP, "confirm", text="breaks"),
        envelope_of(BAP, "confirm", text="fine"),
    )
    for later in range(TRIES_MAX):
        await work(inbox, NOW + 100 * later)
    assert states(store) == ["parked", "handled"]
    assert effects(store) == [b"handled fine"]


async def test_an_action_nobody_serves_any_more_is_parked_not_lost(store: Store) -> None:
    await accept(inbox_of(store, Handler()), envelope_of(BAP, "cancel"))
    inbox = inbox_of(store, Handler(), "confirm")
    for later in range(TRIES_MAX):
        await work(inbox, NOW + 100 * later)
    assert states(store) == ["parked"]


async def test_many_messages_share_a_commit(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox_module, "HANDLED_PER_COMMIT_MAX", 32)
    inbox = inbox_of(store, Handler())
    await accept(inbox, *[envelope_of(BAP, "confirm") for _ in range(64)])
    turns = 0
    while await inbox.handle_next(NOW):
        turns += 1
    assert turns == 2
    assert set(states(store)) == {"handled"}


async def test_accepting_wakes_the_loop_only_once_it_is_on_disk(store: Store) -> None:
    inbox = inbox_of(store, Handler())

    def accept_and_look(session: Session) -> None:
        inbox.accept(session, envelope_of(BAP, "confirm"), NOW)
        assert not inbox.wake.is_set()

    await store.transact(accept_and_look)
    assert inbox.wake.is_set()


async def test_an_acceptance_that_was_rolled_back_leaves_nothing_behind(store: Store) -> None:
    handler = Handler()
    inbox = inbox_of(store, handler)
    envelope = envelope_of(BAP, "confirm")

    def fails(session: Session) -> None:
        inbox.accept(session, envelope, NOW)
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011 - ours
        await store.transact(fails)
    await work(inbox)
    assert (rows(store, Received), rows(store, Body), handler.seen) == ([], [], [])
    assert await accept(inbox, envelope) == [True]


async def test_the_age_of_the_oldest_that_waits_is_told(store: Store) -> None:
    inbox = inbox_of(store, Handler())
    assert inbox.oldest_age_s(NOW) == 0
    await accept(inbox, envelope_of(BAP, "confirm"))
    assert inbox.oldest_age_s(NOW + 7) == 7
    await work(inbox)
    assert inbox.oldest_age_s(NOW + 7) == 0
