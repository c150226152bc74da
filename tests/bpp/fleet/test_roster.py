"""The roster: drivers and vehicles added one by one or by CSV, all of it or nothing."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bpp.fleet import roster
from bpp.fleet import tables as _tables  # noqa: F401 - declares the tables
from bpp.fleet.csv_import import BadCsv, parse_roster
from bpp.fleet.dispatch import Position
from bpp.fleet.fleet import Fleet
from bpp.fleet.workers import BadEntry, DriverEntry, VehicleEntry, token_hash
from bpp.tables import METADATA
from protocol_specs.node.store import Conflict, Store
from protocol_specs.wire.values import replace

CSV = """code,name,phone,vehicle,category,make
D1,Aminah,60123456781,WXY 1001,CAB,Proton
D2,Bala,60123456782,WXY 1002,CAB,Perodua
"""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(tmp_path, METADATA)
    yield opened
    opened.close()


def test_a_csv_file_becomes_drivers_with_tokens_that_are_shown_once(store: Store) -> None:
    tokens = store.transact_now(lambda session: roster.put_roster(session, parse_roster(CSV)))
    assert set(tokens) == {"D1", "D2"}
    worker = store.read(lambda session: roster.find_driver(session, tokens["D1"]))
    assert worker is not None
    assert (worker.agent.name, worker.vehicle.make) == ("Aminah", "Proton")
    again = store.transact_now(lambda session: roster.put_roster(session, parse_roster(CSV)))
    assert again == {}


def test_the_database_keeps_no_token(store: Store, tmp_path: Path) -> None:
    tokens = store.transact_now(lambda session: roster.put_roster(session, parse_roster(CSV)))
    store.close()
    files = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert tokens["D1"].encode() not in files


def test_every_fault_of_a_csv_file_is_told_with_its_line() -> None:
    lines = ["D1,A,12,W1,CAB", "D2,,60123456789,W2,CAB", "D3,C,60123456789"]
    text = "\n".join(["code,name,phone,vehicle,category", *lines])
    with pytest.raises(BadCsv) as refused:
        parse_roster(text)
    assert [fault.split(":")[0] for fault in refused.value.faults] == ["line 2", "line 3", "line 4"]
    assert "phone" in refused.value.faults[0]


def test_a_csv_file_names_missing_and_unknown_columns() -> None:
    with pytest.raises(BadCsv) as refused:
        parse_roster("code,name,phone,vehicle,colour\n")
    assert "'category' is missing" in str(refused.value)
    assert "unknown column 'colour'" in str(refused.value)


def test_the_same_driver_twice_in_a_csv_file_is_a_fault() -> None:
    with pytest.raises(BadCsv, match="line 4: code: 'D1' stands twice"):
        parse_roster(CSV + "D1,C,60123456783,WXY 1003,CAB,\n")


def test_one_vehicle_described_in_two_ways_is_a_fault() -> None:
    with pytest.raises(BadCsv, match="described in two ways"):
        parse_roster(CSV + "D3,C,60123456783,WXY 1001,AUTO_RICKSHAW,\n")


def test_nothing_is_half_imported_when_the_database_refuses_one_driver(store: Store) -> None:
    taken = "a" * 64
    lines = [f"D{n},N{n},6012345678{n},W{n},CAB,{taken}" for n in (1, 2)]
    text = "code,name,phone,vehicle,category,token_sha256\n" + "\n".join(lines)
    with pytest.raises(Conflict):
        store.transact_now(lambda session: roster.put_roster(session, parse_roster(text)))
    assert store.read(roster.everybody) == []


def test_a_driver_without_a_registered_vehicle_is_refused(store: Store) -> None:
    entry = DriverEntry("D1", "A", "60123456789", "NO 1")
    with pytest.raises(BadEntry, match="not registered"):
        store.transact_now(lambda session: roster.put_driver(session, entry))


def test_a_known_code_changes_the_driver_and_keeps_agent_id_and_token(store: Store) -> None:
    tokens = store.transact_now(lambda session: roster.put_roster(session, parse_roster(CSV)))
    before = store.read(lambda session: roster.find_driver(session, tokens["D1"]))
    changed = DriverEntry("D1", "Aminah binti Ali", "60123456781", "WXY 1002")
    store.transact_now(lambda session: roster.put_driver(session, changed))
    after = store.read(lambda session: roster.find_driver(session, tokens["D1"]))
    assert before is not None
    assert after is not None
    assert after.agent_id == before.agent_id
    assert (after.agent.name, after.vehicle.registration) == ("Aminah binti Ali", "WXY 1002")


def test_a_restart_does_not_revive_the_token_of_a_lost_phone(store: Store) -> None:
    listed = replace(parse_roster(CSV), drivers=parse_roster(CSV).drivers[:1])
    lost = "lost-phone-token-1"
    entry = replace(listed.drivers[0], token_sha256=token_hash(lost))
    listed = replace(listed, drivers=(entry,))
    store.transact_now(lambda session: roster.put_roster(session, listed))
    worker = store.read(lambda session: roster.find_driver(session, lost))
    assert worker is not None
    store.transact_now(lambda session: roster.renew_token(session, worker.agent_id))
    store.transact_now(lambda session: roster.put_roster(session, listed))
    assert store.read(lambda session: roster.find_driver(session, lost)) is None


@pytest.mark.parametrize("wrong", ["", "abc", "12345", "+0123456789", "60 12 345"])
def test_a_phone_that_nobody_could_call_is_refused(wrong: str) -> None:
    with pytest.raises(BadEntry, match="phone"):
        DriverEntry("D1", "A", wrong, "W1")


async def test_a_position_outlives_a_restart_and_going_offline_forgets_it(store: Store) -> None:
    store.transact_now(lambda session: roster.put_vehicle(session, VehicleEntry("W1", "CAB")))
    entry = DriverEntry("D1", "A", "60123456789", "W1")
    agent_id, _ = store.transact_now(lambda session: roster.put_driver(session, entry))
    fleet, later = Fleet(), Fleet()
    store.read(fleet.load)
    await fleet.seen(store, agent_id, Position(3.1, 101.6, 1_800_000_000))
    store.read(later.load)
    assert later.position(agent_id) == Position(3.1, 101.6, 1_800_000_000)
    await fleet.gone(store, agent_id)
    last = Fleet()
    store.read(last.load)
    assert (fleet.position(agent_id), last.position(agent_id)) == (None, None)
