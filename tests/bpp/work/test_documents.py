"""Papers: the newest counts, none is changed, and each holds through its last day in the city."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from bpp.fleet.workers import BadEntry
from bpp.schema import TRIGGERS
from bpp.tables import METADATA
from bpp.work import documents
from bpp.work.documents import Entry, Paper
from protocol_specs.node.store import Conflict, Statement, Store
from tests.support.pictures import JPEG

ZONES = ["Asia/Kuala_Lumpur", "Asia/Kolkata", "Pacific/Auckland", "America/St_Johns", "UTC"]
NOW = int(datetime(2026, 3, 2, 4, 0, tzinfo=UTC).timestamp())
KL = ZoneInfo("Asia/Kuala_Lumpur")
REQUIRED = {"driver": ("licence", "permit"), "vehicle": ("insurance",)}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store.open(tmp_path, METADATA, triggers=TRIGGERS)
    yield made
    made.close()


def put(store: Store, until: str, *, now: int = NOW, **changes: str) -> str:
    fields = {"holder": "driver", "holder_id": "a1", "kind": "licence", "number": "L-77"}
    entry = Entry(**{**fields, **changes}, valid_until=until)  # type: ignore[arg-type]  # a holder
    return store.transact_now(lambda s: documents.put(s, entry, JPEG, by="nur", now=now))


def judged(store: Store, at: int = NOW) -> list[Paper]:
    rows = store.read(lambda session: documents.of(session, "a1", "W 1"))
    holders: list[tuple[documents.Holder, str]] = [("driver", "a1"), ("vehicle", "W 1")]
    return documents.judged(rows, REQUIRED, holders, at=at, zone=KL, warn_days=30)


@given(
    st.sampled_from(ZONES),
    st.integers(-200_000, 200_000),
    st.dates(date(1990, 1, 1), date(2090, 1, 1)),
)
def test_a_paper_holds_through_its_last_day_as_the_citys_clock_shows_it(
    zone: str, off_s: int, last: date
) -> None:
    at = int(datetime(last.year, last.month, last.day, 12, tzinfo=UTC).timestamp()) + off_s
    shown = datetime.fromtimestamp(at, UTC).astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d")
    state = documents.state(last.isoformat(), at, ZoneInfo(zone), 30)
    assert (state == "expired") == (shown > last.isoformat())  # days as text, in order


@given(st.sampled_from(ZONES), st.dates(date(2000, 1, 1), date(2060, 1, 1)), st.integers(1, 60))
def test_what_holds_ends_soon_and_expires_in_this_order_and_never_back(
    zone: str, last: date, warn_days: int
) -> None:
    city = ZoneInfo(zone)
    midnight = datetime.combine(last, datetime.min.time(), city)
    noon = [int((midnight + timedelta(days=n)).timestamp()) + 43_200 for n in range(-70, 3)]
    states = [documents.state(last.isoformat(), at, city, warn_days) for at in noon]
    order = ["holds", "ends_soon", "expired"]
    assert states == sorted(states, key=order.index)
    assert states.count("ends_soon") == warn_days


def test_midnight_in_the_city_is_the_moment_and_not_midnight_in_utc() -> None:
    end = int(datetime(2026, 3, 2, 16, 0, tzinfo=UTC).timestamp())  # 3 March, 00:00 there
    assert documents.state("2026-03-02", end - 1, KL, 30) == "ends_soon"
    assert documents.state("2026-03-02", end, KL, 30) == "expired"


def test_the_newest_paper_counts_even_if_it_ends_earlier(store: Store) -> None:
    put(store, "2027-01-01")
    put(store, "2026-03-01", now=NOW + 1)
    assert [paper.state for paper in judged(store)][:1] == ["expired"]
    put(store, "2028-01-01", now=NOW + 2)
    assert judged(store)[0].state == "holds"


def test_what_is_required_and_not_there_is_missing(store: Store) -> None:
    put(store, "2027-01-01", kind="medical")
    found = [(paper.kind, paper.is_required, paper.state) for paper in judged(store)]
    assert found == [
        ("licence", True, "missing"),
        ("permit", True, "missing"),
        ("medical", False, "holds"),
        ("insurance", True, "missing"),
    ]


@pytest.mark.parametrize(
    "sql", ["UPDATE work_document SET number='x'", "DELETE FROM work_document"]
)
def test_no_paper_is_changed_or_removed(store: Store, sql: str) -> None:
    put(store, "2027-01-01")
    with pytest.raises(Conflict, match="append-only"):
        store.transact_now(lambda session: session.run(Statement(text(sql))))


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"holder_id": ""}, "holder"),
        ({"holder": "customer"}, "holder"),
        ({"kind": "Driving licence"}, "kind"),
        ({"number": ""}, "number"),
        ({"number": "x" * 65}, "number"),
        ({"until": "31/03/2027"}, "valid_until"),
        ({"until": "2027-02-30"}, "valid_until"),
        ({"until": "20270331"}, "valid_until"),
    ],
)
def test_a_paper_with_one_thing_wrong_names_it_and_is_not_kept(
    store: Store, wrong: dict[str, str], field: str
) -> None:
    changed = dict(wrong)
    with pytest.raises(BadEntry) as refused:
        put(store, changed.pop("until", "2027-03-31"), **changed)
    assert (refused.value.field, store.read(documents.every)) == (field, [])


def test_a_scan_is_forgotten_ninety_days_after_another_paper_took_its_place(store: Store) -> None:
    old = put(store, "2026-03-01")
    new = put(store, "2027-03-01", now=NOW + 100)
    later = NOW + 100 + documents.SCAN_KEPT_S
    assert not store.transact_now(lambda s: documents.forget_scan_next(s, later))
    assert store.transact_now(lambda s: documents.forget_scan_next(s, later + 1))
    assert not store.transact_now(lambda s: documents.forget_scan_next(s, later + 1))
    kept = [store.read(lambda s, i=i: documents.scan(s, i)) for i in (old, new)]
    assert [row is not None for row in kept] == [False, True]
