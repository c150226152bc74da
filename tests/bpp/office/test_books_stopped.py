"""Books that stop balancing under a running node: rides go on, nothing is posted, it is said."""

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import select

from bpp.insurance import books
from bpp.insurance.extension import TAG_CODE
from bpp.ledger.tables import Unsealed
from bpp.ledger.watch import EVERY_S
from protocol_specs.node.database.sqlite import FILE_NAME
from protocol_specs.node.store import Statement
from protocol_specs.wire import tags
from tests.bpp.cooperative import Cooperative
from tests.bpp.office.support import BASE, signed_in, with_office
from tests.support.queues import until

pytestmark = pytest.mark.sqlite  # the hand is in the file itself

WAITING = Statement(select(Unsealed.__table__).limit(1))


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[Cooperative]:
    async with with_office(tmp_path) as running:
        yield running


def edit(there: Cooperative, change: str) -> None:
    """What whoever has the file can do to the first transfer that was ever written."""
    with sqlite3.connect(there.node.settings.data_dir / FILE_NAME) as connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        connection.execute("DROP TRIGGER IF EXISTS transfer_no_update")
        connection.execute(
            f"UPDATE transfer SET amount_minor = {change} WHERE rowid = 1"  # noqa: S608
        )
    connection.close()


def shows(there: Cooperative, unbalanced: int) -> bool:
    said = f"wayfare_books_unbalanced {unbalanced}.0\n".encode()
    return said in there.node.telemetry.metrics()


def is_sealed(there: Cooperative) -> bool:
    """Whether all that was posted is: what is sealed while it is looked at is found at both places,
    until the next look."""
    return there.node.store.read(lambda session: session.one(WAITING)) is None


async def test_rides_go_on_and_nothing_is_posted_until_the_books_balance_again(
    there: Cooperative, capsys: pytest.CaptureFixture[str]
) -> None:
    await there.online("D1", "D2")
    await there.confirmed()
    there.clock.at += 1
    await until(lambda: is_sealed(there), "what was posted is not sealed")
    edit(there, "-amount_minor")
    there.clock.at += EVERY_S + 1
    await until(lambda: shows(there, 1), "the look of this minute did not find it")
    assert '"what":"books_unbalanced"' in capsys.readouterr().err.replace(" ", "")
    order = await there.confirmed()
    said = tags.read(order["tags"])[TAG_CODE]
    assert said == {"STATUS": "pending"}
    waits = there.node.store.read(lambda session: books.due_pending(session, 2**40))
    assert waits is not None
    assert "the books do not balance: nothing is posted" in waits["error"]
    fact = {
        "kind": "members-funds",
        "amount": "5.00",
        "currency": "MYR",
        "reference": "m",
        "by": "t",
    }
    status, refused = await there.desk("POST", "ledger/facts", fact)
    assert (status, refused["error"]["code"]) == (409, "not_posted")
    assert "the books do not balance" in refused["error"]["message"]
    page = await (await signed_in(there, "treasurer")).get(f"{BASE}/money")
    assert "nothing is posted. Transfers that do not balance: 1." in page.text
    edit(there, "-amount_minor")
    there.clock.at += EVERY_S + 1
    await until(lambda: shows(there, 0), "it balances, and is not believed to")
    there.clock.at += 60
    await until(
        lambda: there.node.store.read(lambda session: books.due_pending(session, 2**40)) is None,
        "what waited is not posted",
    )
    status, _ = await there.desk("POST", "ledger/facts", fact)
    assert status == 201
