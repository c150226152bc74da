"""What must hold of one cooperative's books when the year is over, each check by itself."""

import json
from collections import Counter, defaultdict
from pathlib import Path

from bpp.commands import tables_of_books
from bpp.insurance import reading
from bpp.insurance.reconcile import orders as reconcile_orders
from bpp.insurance.reconcile import remitted as reconcile_remitted
from bpp.insurance.remittance import reading as remittances
from bpp.insurance.slip_check import check
from bpp.insurance.statement.reading import Book, statement
from bpp.ledger import archive, verify, witness
from bpp.schema import TRIGGERS
from bpp.tables import METADATA
from protocol_specs.node.store import Store
from tests.simulation.running import Side

BOOKS = tables_of_books()


def deducted_once(side: Side) -> None:
    """Each order has its contribution once; a cancelled one without a fee nets to zero."""
    house, oracle = side.house, side.oracle
    newest: dict[tuple[str, int], int] = {}
    for key, slot, _, minor in house.rows(
        "SELECT order_key, slot, n, amount_minor FROM contribution ORDER BY order_key, slot, n"
    ):
        newest[key, slot] = minor
    stands: Counter[str] = Counter()
    for (key, _), minor in newest.items():
        stands[key] += minor
    expected = Counter(
        {key: sum(stint["line"] for stint in job["stints"]) for key, job in oracle.jobs.items()}
    )
    assert set(stands) == set(oracle.jobs)
    assert {key: stands[key] for key in stands} == {key: expected[key] for key in stands}
    set_aside: Counter[str] = Counter()
    for entry, debit, credit, minor in house.rows(
        "SELECT entry, debit, credit, amount_minor FROM transfer "
        "WHERE debit LIKE '2200:%' AND credit LIKE '1230%' "
        "OR debit LIKE '1230%' AND credit LIKE '2200:%'"
    ):
        set_aside[entry.split("/")[1]] += minor if credit.startswith("2200") else -minor
        assert debit != credit
    for key, job in oracle.jobs.items():
        if not job["refund"]:
            assert set_aside[key] == expected[key], key
        if job["status"] == "cancelled" and not job["fee"]:
            assert set_aside[key] == 0, key
    assert house.store.read(reconcile_orders.reconcile).found == ()


def slips(side: Side) -> int:
    """Every slip holds, alone and with its way to a head that the witness has; how many."""
    house = side.house
    witnessed, names = witness.read(house.witness_path), house.names()
    every = house.rows("SELECT id, worker FROM slip")
    for id, worker in every:
        file = house.store.read(lambda s, id=id, who=names[worker]: reading.slip(s, who, id))
        verdict = check(json.dumps(file).encode(), house.key.public, witnessed)
        assert (verdict.is_sealed, verdict.is_witnessed) == (True, True)
    return len(every)


def remitted(side: Side) -> None:
    """Lines are what was declared; what was sent is acknowledged or still in transit, to a cent."""
    house, stands = side.house, side.house.stands()
    for found in house.store.read(remittances.remittances):
        lines = house.store.read(lambda s, id=found.id: list(remittances.lines(s, id)))
        assert sum(line.amount_minor for line in lines) == found.amount_minor
        paid = sum(e.amount_minor for e in found.events if e.kind == "acknowledged")
        left = 0 if found.state == "rejected" else found.payable_minor - paid
        assert stands.get(f"2220:{found.id}", 0) == left
        assert -stands.get(f"1250:{found.id}", 0) == (left if found.state == "sent" else 0)
        if found.state == "acknowledged":
            assert paid == found.payable_minor
    for compared in house.store.read(reconcile_remitted.reconcile):
        found = house.remittance(compared.remittance)
        assert (compared.status == "01") == (found.state == "acknowledged"), compared


def statements(side: Side, now: int) -> None:
    """Every worker's pass-book comes to what the auditor says, period by period."""
    house, oracle = side.house, side.oracle
    book = Book(
        "coop", "key", house.law.currency, house.law.zone, house.insurance.keeper.scheme, {}
    )
    for worker, agent in house.names().items():
        if not house.rows(f"SELECT 1 FROM contribution WHERE worker = '{worker}'"):  # noqa: S608
            continue
        found = house.store.read(lambda s, w=worker: statement(s, book, w, now))
        closing = {name: found.closing_minor(name) for name in ("pay", "tips", "cash_owed")}
        owed = closing["cash_owed"] + found.closing_minor("other_owed")
        assert closing["pay"] + closing["tips"] - owed == oracle.stands[agent]
        totals, places = Counter(), defaultdict(int)
        for each in found.periods:
            totals[each.period] += each.total_minor
            for place in each.places:
                places[each.period, place.stands] += place.amount_minor
        mine = [key for key in oracle.aside if key[0] == agent]
        assert totals == Counter({period: oracle.aside[agent, period] for _, period in mine})
        for key in mine:
            period, due = key[1], oracle.due[key]
            assert places[period, "not_due"] == oracle.aside[key] - due
            assert places[period, "due"] == due - oracle.declared[key]


def archived(side: Side, folder: Path) -> None:
    """The books leave as files, come into empty books, and leave again as the same bytes."""
    house, public = side.house, side.house.key.public
    first = house.store.read(lambda s: archive.export(s, folder / "out", BOOKS, public))
    new = Store.open(folder / "new", METADATA, triggers=TRIGGERS)
    try:
        new.transact_now(
            lambda s: archive.import_(s, folder / "out", BOOKS, public, house.witness_path)
        )
        again = new.read(lambda s: archive.export(s, folder / "again", BOOKS, public))
    finally:
        new.close()
    assert again == first


def sound(side: Side) -> None:
    """The whole of the books against their seals and the witness."""
    report = verify.verify(side.house.store, side.house.witness_path, side.house.key.public)
    assert (report.faults, report.notes, report.balanced) == ((), (), True)
