"""The hop query at the real door: who is told what of which transaction."""

import asyncio
import sqlite3
import uuid
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import MetaData

from protocol_specs.node.database.sqlite import FILE_NAME
from protocol_specs.node.messages import tables
from protocol_specs.node.messages.actions import Durable
from protocol_specs.node.ops.tracing import _OWED, _RECEIVED
from protocol_specs.node.server import Node
from protocol_specs.node.settings import NodeSettings
from protocol_specs.node.store import Session, Statement, Store
from protocol_specs.node.telemetry.hops import HOPS_MAX, TRANSACTIONS_MAX, Hop, Hops
from protocol_specs.wire import strict_json
from protocol_specs.wire.envelope import Envelope
from protocol_specs.wire.parties import SubscriberType
from tests.support import peers
from tests.support.nodes import listening_socket, running, settings_of, url_of
from tests.support.peers import Clock, FakeDirectory, Said, post, signed_post
from tests.support.plans import plan

OURS, OTHER, STRANGER = peers.bap(), peers.bap("other.example.org"), peers.bap("no.example.org")
TRANSACTION = str(uuid.uuid4())


class Provider:
    """A provider's node that takes confirms, and what it is asked."""

    def __init__(self, folder: Path) -> None:
        self.sock = listening_socket()
        self.url = url_of(self.sock)
        self.handled = asyncio.Event()
        self.node = self._made(folder, self.sock)

    def _made(self, folder: Path, sock: Any) -> Node:
        names = ("signing", "encryption")
        kept = {f"{name}_key": folder / "keys" / f"{name}.key" for name in names}
        made = kept if kept["signing_key"].exists() else {}
        settings = settings_of(NodeSettings, folder, sock, subscriber_id="bpp.example.org", **made)
        node = Node(
            settings,
            type=SubscriberType.BPP,
            metadata=MetaData(),
            clock=Clock(),
            directory=FakeDirectory([OURS, OTHER]),
        )

        def handle(session: Session, envelope: Envelope, now: int) -> None:
            session.after_commit(self.handled.set)

        node.serve_action(Durable("confirm", handle))
        return node

    async def confirm(self, by: peers.Peer = OURS, **changes: Any) -> Said:
        context = peers.context_of(
            "confirm",
            sender=by,
            to_id="bpp.example.org",
            to_url=self.url,
            **{"transaction_id": TRANSACTION, **changes},
        )
        order = {"provider": {"id": "p1"}, "items": [{"id": "i1"}]}
        return await signed_post(self.url, by, {"context": context, "message": {"order": order}})

    async def trace(
        self,
        by: peers.Peer = OURS,
        transaction_id: Any = TRANSACTION,
        *,
        node: str | None = "bpp.example.org",
    ) -> Said:
        body = strict_json.dumps({"transaction_id": transaction_id, "node": node})
        return await post(f"{self.url}/trace", body, {"Authorization": by.authorization(body)})


async def test_who_took_part_is_told_every_hop_of_its_message(tmp_path: Path) -> None:
    provider = Provider(tmp_path)
    async with running(provider.node, provider.sock), asyncio.timeout(60):
        assert (await provider.confirm()).is_ack
        await provider.handled.wait()
        told = (await provider.trace()).json
    assert (told["node"], told["type"], told["transaction_id"]) == (
        "bpp.example.org",
        "BPP",
        TRANSACTION,
    )
    assert [hop["event"] for hop in told["hops"]] == ["accepted", "handled"]
    assert {hop["peer"] for hop in told["hops"]} == {OURS.subscriber_id}


async def test_another_participant_is_told_nothing_and_so_are_strangers(tmp_path: Path) -> None:
    provider = Provider(tmp_path)
    async with running(provider.node, provider.sock), asyncio.timeout(60):
        assert (await provider.confirm()).is_ack
        await provider.handled.wait()
        assert (await provider.trace(OTHER)).json["hops"] == []
        assert (await provider.trace(OTHER, str(uuid.uuid4()))).json["hops"] == []
        assert (await provider.trace(STRANGER)).status == 401


async def test_the_transaction_id_of_another_opens_nothing(tmp_path: Path) -> None:
    provider = Provider(tmp_path)
    async with running(provider.node, provider.sock), asyncio.timeout(60):
        assert (await provider.confirm()).is_ack
        assert (await provider.confirm(OTHER)).is_ack
        told = (await provider.trace(OTHER)).json
    assert {hop["peer"] for hop in told["hops"]} == {OTHER.subscriber_id}


@pytest.mark.parametrize("node", ["else.example.org", None])
async def test_a_question_to_another_node_is_not_answered(tmp_path: Path, node: str | None) -> None:
    """Who was asked could else ask everybody in the asker's name."""
    provider = Provider(tmp_path)
    async with running(provider.node, provider.sock), asyncio.timeout(60):
        assert (await provider.confirm()).is_ack
        said = await provider.trace(node=node)
    assert said.status == 400
    assert b"hops" not in said.body


@pytest.mark.parametrize("statement", [_RECEIVED, _OWED], ids=["received", "owed"])
def test_what_the_store_knows_of_a_transaction_is_found_by_an_index(
    tmp_path: Path, statement: Statement
) -> None:
    metadata = MetaData()
    tables.define(metadata)
    Store.open(tmp_path, metadata).close()
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as database:
        steps = plan(database, statement)
    assert [step for step in steps if step.startswith("SCAN")] == []


async def test_what_was_refused_in_ones_name_is_told_to_that_one_only(tmp_path: Path) -> None:
    provider = Provider(tmp_path)
    async with running(provider.node, provider.sock), asyncio.timeout(60):
        assert (await provider.confirm(bpp_id="else.example.org")).status == 400
        told = (await provider.trace()).json
        assert [hop["kind"] for hop in told["refusals"]] == ["Misaddressed"]
        assert (told["refusals"][0]["action"], told["refusals"][0]["status"]) == ("confirm", 400)
        assert (await provider.trace(OTHER)).json["refusals"] == []


async def test_after_a_new_start_what_was_acked_for_good_is_still_told(tmp_path: Path) -> None:
    provider = Provider(tmp_path)
    async with running(provider.node, provider.sock), asyncio.timeout(60):
        assert (await provider.confirm()).is_ack
        await provider.handled.wait()
    again = Provider(tmp_path)
    async with running(again.node, again.sock):
        told = (await again.trace()).json
        assert [hop["event"] for hop in told["hops"]] == ["received, now handled"]
        assert (await again.trace(OTHER)).json["hops"] == []


@pytest.mark.parametrize("transaction_id", [None, "", 7, "x" * 256])
async def test_a_question_without_a_usable_id_is_refused(
    tmp_path: Path, transaction_id: Any
) -> None:
    provider = Provider(tmp_path)
    async with running(provider.node, provider.sock):
        said = await provider.trace(OURS, transaction_id)
        assert (said.status, said.code) == (400, "30000")


async def test_who_asks_too_often_is_told_to_wait(tmp_path: Path) -> None:
    provider = Provider(tmp_path)
    async with running(provider.node, provider.sock):
        said = [await provider.trace() for _ in range(12)]
    assert [one.status for one in said].count(429) == 2
    assert "Retry-After" in said[-1].headers


def test_hops_are_bounded_in_every_direction() -> None:
    hops = Hops()
    for n in range(TRANSACTIONS_MAX + 10):
        hops.note(f"t{n}", Hop(n, "accepted", "search", "m", "bap", {}))
    for n in range(HOPS_MAX + 10):
        hops.note("last", Hop(n, "accepted", "search", "m", "bap", {}))
    for n in range(2_000):
        hops.note_refusal(Hop(n, "refused", "search", None, f"p{n}", {}))
        hops.note_refusal(Hop(n, "refused", "search", None, "often", {}))
    assert hops.of("t0", None) == []
    assert next(hop.at for hop in hops.of("last", None)) == 10
    assert len(hops.refused(["often"])) == 20
    assert hops.refused(["p0"]) == []
