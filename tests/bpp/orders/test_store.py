"""What drivers and the desk are shown of the orders, however many there are."""

from pathlib import Path

from bpp.orders import store
from bpp.orders.tables import TRIGGERS
from bpp.tables import METADATA
from protocol_specs.node.store import Session, Store
from protocol_specs.wire.values import replace
from tests.bpp.factories import NOW, an_order, office


def test_jobs_that_nobody_takes_do_not_hide_the_newest_one(tmp_path: Path) -> None:
    books = Store.open(tmp_path, METADATA, triggers=TRIGGERS)
    first = an_order(office())

    def book(session: Session) -> None:
        for n in range(store.LISTED_MAX + 1):
            view = replace(first.view, id=f"order-{n}")
            peer = replace(first.peer, transaction_id=f"t{n}")
            reached = ((first.state, NOW + n),)
            order = replace(first, key=f"key-{n}", job_id=f"job-{n}", reached=reached)
            store.add_order(session, replace(order, peer=peer, view=view))

    books.transact_now(book)
    listed = [order.id for order in books.read(store.open_jobs)]
    assert (listed[0], len(listed)) == (f"order-{store.LISTED_MAX}", store.LISTED_MAX)
    books.close()
