"""A small ledger in a fresh folder, and a hand that changes the file behind its back."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from bpp.ledger import chart, journal, verify
from bpp.ledger.entry import Entry, Transfer
from bpp.ledger.sealing import Sealer
from bpp.ledger.tables import TRIGGERS
from bpp.ledger.verify import Report
from bpp.ledger.witness import Witness
from bpp.tables import METADATA
from protocol_specs.node.database.sqlite import FILE_NAME
from protocol_specs.node.store import Store
from protocol_specs.wire.keys import SigningKey, generate_signing_key

NOW = 1_783_000_000
ASIDE = chart.contribution_set_aside("my.scheme", "w1", "2026-07")


def an_entry(n: int, *, amount_minor: int = 20, currency: str = "MYR") -> Entry:
    return Entry(
        id=f"my.scheme/order-{n}/1/1",
        at=NOW + n,
        kind="confirmed",
        order_key=f"order-{n}",
        origin_period="2026-07",
        declared_in="2026-07",
        currency=currency,
        transfers=(
            Transfer(chart.set_aside_contra_of("w1"), ASIDE, amount_minor),
            Transfer(chart.due_from_collector(), chart.commission(), 400),
        ),
    )


@dataclass
class Ledger:
    """The books of one node; `blocks` blocks of three entries each, all witnessed."""

    folder: Path
    key: SigningKey = field(default_factory=generate_signing_key)
    entries: int = 0

    def __post_init__(self) -> None:
        self.data = self.folder / "data"
        self.witness = self.folder / "elsewhere" / "heads.jsonl"
        self.open()

    def open(self) -> None:
        self.store = Store.open(self.data, METADATA, triggers=TRIGGERS)
        self.witnessing = Witness(self.witness)

    def post(self, *entries: Entry) -> None:
        for entry in entries:
            self.store.transact_now(lambda session, entry=entry: journal.post(session, entry))
            self.entries += 1

    def seal(self, blocks: int = 1) -> None:
        """Posts three entries a block, seals and witnesses them."""
        for _ in range(blocks):
            self.post(*(an_entry(self.entries + n) for n in range(3)))
            sealer = Sealer(self.key)
            assert self.store.transact_now(lambda s, sealer=sealer: sealer.seal_next(s, NOW))
            assert self.store.read(lambda s: self.witnessing.witness_next(s, NOW))

    def tamper(self, *statements: str) -> None:
        """Stops the node, drops every trigger and changes the file as an insider would."""
        self.store.close()
        connection = sqlite3.connect(self.data / FILE_NAME, isolation_level=None)
        names = [
            row[0]
            for row in connection.execute("SELECT name FROM sqlite_master WHERE type='trigger'")
        ]
        for name in names:
            connection.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            assert connection.execute(statement).rowcount != 0, statement
        connection.close()
        self.store = Store.read_only(self.data)

    def report(self, *, with_witness: bool = False) -> Report:
        return verify.verify(self.store, self.witness if with_witness else None, self.key.public)


Change = Callable[[Ledger], None]
