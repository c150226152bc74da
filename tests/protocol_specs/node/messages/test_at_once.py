"""A message whose turn it is, handled in the commit that accepts it: the same promises."""

import asyncio
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from protocol_specs.node.messages import inbox as inbox_module
from protocol_specs.node.messages.actions import Durable
from protocol_specs.node.messages.inbox import Inbox, Outcome
from protocol_specs.node.messages.tables import Received
from protocol_specs.node.store import Session, Store, StoreUnavailable
from protocol_specs.wire.envelope import Envelope
from protocol_specs.wire.errors import OrderNotFound
from tests.protocol_specs.node.door.test_door import serving
from tests.protocol_specs.node.messages.test_inbox import BAP, Handler, effects, inbox_of, states
from tests.support.peers import NOW, signed_post
from tests.support.queues import envelope_of, open_store, rows


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = open_store(tmp_path)
    yield store
    store.close()


@pytest.fixture
def handler() -> Handler:
    return Handler(odd=RuntimeError("for now"), no=OrderNotFound("no such order"))


@pytest.fixture
async def inbox(store: Store, handler: Handler) -> Inbox:
    """One whose loop has found nothing that waits."""
    inbox = inbox_of(store, handler)
    await inbox.handle_next(NOW)
    return inbox


async def take(inbox: Inbox, *envelopes: Envelope) -> list[Outcome | None]:
    """All in one turn of the loop, as the door does it."""
    return await asyncio.gather(
        *(
            inbox._store.transact(partial(inbox.take, envelope=envelope, now=NOW))
            for envelope in envelopes
        )
    )


async def test_it_is_handled_when_the_door_acks_it(
    store: Store,
    inbox: Inbox,
    handler: Handler,
) -> None:
    envelope = envelope_of(BAP, "confirm")
    (outcome,) = await take(inbox, envelope)
    assert outcome is not None
    assert (outcome.state, outcome.tries) == ("handled", 1)
    assert (states(store), handler.seen) == (["handled"], [envelope])
    assert not inbox.wake.is_set()


async def test_the_same_bytes_again_have_no_effect(store: Store, inbox: Inbox) -> None:
    envelope = envelope_of(BAP, "confirm")
    taken = await take(inbox, envelope, envelope)
    assert [outcome is not None for outcome in taken] == [True, False]
    assert await take(inbox, envelope) == [None]
    assert effects(store) == [b"handled x"]


async def test_what_fails_is_kept_without_its_effects_and_tried_again(
    store: Store,
    inbox: Inbox,
    handler: Handler,
) -> None:
    await take(inbox, envelope_of(BAP, "confirm", text="odd"))
    assert (states(store), effects(store)) == (["new"], [])
    assert not await inbox.handle_next(NOW)
    handler.raises.clear()
    assert await inbox.handle_next(NOW + 2)
    assert (states(store), effects(store)) == (["handled"], [b"handled odd"])
    assert rows(store, Received)[0]["tries"] == 2


async def test_a_refusal_is_an_answer(store: Store, inbox: Inbox) -> None:
    await take(inbox, envelope_of(BAP, "confirm", text="no"))
    (row,) = rows(store, Received)
    assert (row["state"], row["error"]) == ("handled", "OrderNotFound: no such order")


async def test_none_overtakes_another_of_its_conversation(
    store: Store,
    inbox: Inbox,
    handler: Handler,
) -> None:
    first = envelope_of(BAP, "confirm", text="odd")
    second = envelope_of(BAP, "cancel", text="then", transaction_id=first.transaction_id)
    await take(inbox, first)
    await take(inbox, second, envelope_of(BAP, "confirm", text="other"))
    assert states(store) == ["new", "new", "handled"]
    handler.raises.clear()
    while await inbox.handle_next(NOW + 2):
        pass
    assert effects(store) == [b"handled other", b"handled odd", b"handled then"]


async def test_of_a_crowd_some_are_handled_and_the_rest_waits_for_the_loop(
    store: Store,
    inbox: Inbox,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(inbox_module, "AT_ONCE_MAX", 2)
    await take(inbox, *[envelope_of(BAP, "confirm") for _ in range(3)])
    await take(inbox, envelope_of(BAP, "confirm"))  # not before those that wait
    assert states(store) == ["handled", "handled", "new", "new"]
    assert inbox.wake.is_set()
    while await inbox.handle_next(NOW):
        pass
    await take(inbox, *[envelope_of(BAP, "confirm") for _ in range(2)])
    await take(inbox, *[envelope_of(BAP, "confirm") for _ in range(2)])
    assert set(states(store)) == {"handled"}


async def test_after_a_start_nothing_goes_before_what_may_wait(store: Store) -> None:
    inbox = inbox_of(store, Handler())
    await take(inbox, envelope_of(BAP, "confirm"))
    assert states(store) == ["new"]


async def test_a_message_whose_handling_breaks_the_database_is_acked_and_waits(
    tmp_path: Path,
) -> None:
    def breaks(session: Session, envelope: Envelope, now: int) -> None:
        raise StoreUnavailable("disk I/O error")

    async with serving(tmp_path) as there:
        there.node.inbox._actions["confirm"] = Durable("confirm", breaks)
        said = await signed_post(there.url, there.bap, there.confirm())
        assert said.is_ack, said.body
        assert states(there.node.store) == ["new"]
