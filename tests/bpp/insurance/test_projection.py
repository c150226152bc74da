"""Events repeat, come late, fail and recover; the books say the same in the end."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bpp.insurance import extension as extension_module
from bpp.insurance.extension import RETRY_S_MAX, Insurance
from bpp.insurance.scheme import NotInsurable
from bpp.ledger import balances, chart
from bpp.ledger.entry import LedgerError
from bpp.orders.events import OrderEvent
from bpp.orders.extension import JobTerms, Retried
from protocol_specs.node.loops import attempt
from protocol_specs.wire.order import PriceLine, Quote
from protocol_specs.wire.values import replace
from tests.bpp.insurance.support import (
    CARD,
    CASH,
    KA,
    MY,
    NOON,
    Coop,
    Story,
    fare_of,
    ka_coop,
    my_coop,
    terms_for,
)


@pytest.fixture
def coop(tmp_path: Path) -> Coop:
    return my_coop(tmp_path)


def everything(coop: Coop) -> tuple[object, ...]:
    """All that was ever written, to compare."""
    tables = ("entry", "transfer", "contribution", "slip", "projected", "local_worker")
    return (coop.balances(), *(coop.count(table) for table in tables))


def test_a_repeated_event_changes_nothing_and_answers_the_same(coop: Coop) -> None:
    story = Story(agent_id="a1")
    events = [story.event("confirmed"), story.event("completed")]
    told = [coop.happen(event) for event in events]
    before = everything(coop)
    assert [coop.project(event) for event in events] == told
    assert everything(coop) == before


def test_two_orders_with_the_same_peers_order_id_are_two_orders(coop: Coop) -> None:
    for key in ("ours-1", "ours-2"):
        coop.happen(Story(key=key, agent_id="a1").event("confirmed"))
    assert coop.balances()[f"1230:{coop.local('a1')}"] == 40


def test_a_confirm_before_midnight_belongs_to_the_old_month_when_the_job_ends_after(
    coop: Coop,
) -> None:
    midnight = 1_785_513_600  # 1 August 2026, 00:00 in Kuala Lumpur
    story = Story(agent_id="a1", at=midnight - 120)
    coop.happen(story.event("confirmed"), story.event("completed", at=midnight + 600))
    assert coop.balances()[f"2210:{MY}:{coop.local('a1')}:2026-07"] == 20


def test_a_job_booked_ahead_belongs_to_the_month_of_its_start(coop: Coop) -> None:
    story = Story(agent_id="a1", planned_start=1_785_513_600 + 3600)
    coop.happen(story.event("confirmed"))
    assert f"2200:{MY}:{coop.local('a1')}:2026-08" in coop.balances()


class Broken:
    """Makes projecting fail for chosen orders, as a bug or a missing pack would."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.keys: set[str] = set()
        real = extension_module.project

        def project(session: object, keeper: object, event: OrderEvent, terms: object) -> None:
            real(session, keeper, event, terms)  # type: ignore[arg-type]  # as given
            if event.order_key in self.keys:  # after its writes: they must be undone
                raise RuntimeError("mended later")

        monkeypatch.setattr(extension_module, "project", project)


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Broken:
    return Broken(monkeypatch)


def as_orders_do(coop: Coop, event: OrderEvent) -> tuple[dict[str, object], ...]:
    """Records and projects under a savepoint, and tells the extension when it failed."""
    coop.record(event)
    tags: list[tuple[dict[str, object], ...]] = []

    def unit(session: object) -> None:
        def project() -> None:
            tags.append(coop.insurance.on_event(session, event))  # type: ignore[arg-type]

        error = attempt(session, project)  # type: ignore[arg-type]
        if error is not None:
            tags.append(coop.insurance.failed(session, event, error))  # type: ignore[arg-type]

    coop.store.transact_now(unit)
    return tags[-1]


def catch_up(coop: Coop, now: int) -> Retried | None:
    return coop.store.transact_now(lambda s: coop.insurance.catch_up_next(s, now))


def test_a_failed_event_is_pending_and_posted_once_mended(coop: Coop, broken: Broken) -> None:
    broken.keys = {"order-1"}
    story = Story(agent_id="a1")
    (group,) = as_orders_do(coop, story.event("confirmed"))
    assert group["list"] == [{"descriptor": {"code": "STATUS"}, "value": "pending"}]
    assert coop.balances() == {}
    assert coop.count("slip") == 0
    assert catch_up(coop, story.at) == Retried("order-1")  # tried, and fails again
    assert coop.balances() == {}
    broken.keys = set()
    retried = catch_up(coop, story.at + RETRY_S_MAX)
    assert retried is not None
    (group,) = retried.tags
    assert {"descriptor": {"code": "STATUS"}, "value": "set_aside"} in group["list"]
    assert coop.balances()[f"1230:{coop.local('a1')}"] == 20
    assert coop.count("pending") == 0
    assert catch_up(coop, story.at + RETRY_S_MAX) is None


def test_an_order_caught_up_later_is_posted_by_the_terms_it_was_confirmed_under(
    coop: Coop, broken: Broken
) -> None:
    broken.keys = {"order-1"}
    story = Story(agent_id="a1")
    confirmed = story.event("confirmed")
    as_orders_do(coop, confirmed)
    broken.keys = set()
    later = Insurance.with_schemes(
        coop.schemes, terms_for(coop.schemes, "0.50"), coop.key, "coop.example"
    )
    coop.store.transact_now(lambda session: later.catch_up_next(session, story.at))
    assert coop.balances()[f"1230:{coop.local('a1')}"] == 20
    assert coop.project(confirmed)  # said once more, it changes nothing
    assert coop.balances()[f"1230:{coop.local('a1')}"] == 20


def test_a_mended_event_waits_no_longer_than_a_minute(coop: Coop, broken: Broken) -> None:
    broken.keys = {"order-1"}
    now = NOON
    as_orders_do(coop, Story(agent_id="a1").event("confirmed"))
    for _ in range(20):
        while not catch_up(coop, now):
            now += 1
    broken.keys = set()
    mended_at = now
    while coop.count("pending"):
        now += 1
        catch_up(coop, now)
    assert now - mended_at <= 60


def test_a_later_event_posts_those_before_it_first(coop: Coop, broken: Broken) -> None:
    story = Story(agent_id="a1")
    broken.keys = {"order-1"}
    as_orders_do(coop, story.event("confirmed"))
    broken.keys = set()
    as_orders_do(coop, story.event("completed"))
    assert coop.balances()[f"2100:{coop.local('a1')}"] == 1580
    assert coop.count("projected") == 2
    assert coop.count("pending") == 0


def test_events_that_failed_one_after_the_other_end_as_if_nothing_had(
    coop: Coop, broken: Broken, tmp_path_factory: pytest.TempPathFactory
) -> None:
    healthy = my_coop(tmp_path_factory.mktemp("healthy"))
    for target in (coop, healthy):
        broken.keys = {"order-1"} if target is coop else set()
        story = Story()
        for event in (
            story.event("confirmed"),
            story.event("assigned", agent_id="a1"),
            story.event("completed"),
        ):
            as_orders_do(target, event)
    broken.keys = set()
    catch_up(coop, NOON + 3600)
    assert by_role(coop) == by_role(healthy)


def test_one_order_that_cannot_be_posted_keeps_no_other_waiting(coop: Coop, broken: Broken) -> None:
    broken.keys = {"bad", "good"}
    as_orders_do(coop, Story(key="bad", agent_id="a1").event("confirmed"))
    as_orders_do(coop, Story(key="good", agent_id="a2").event("confirmed"))
    broken.keys = {"bad"}
    now = NOON + 100
    while catch_up(coop, now):
        pass
    assert coop.balances()[f"1230:{coop.local('a2')}"] == 20


def test_an_event_whose_forerunner_is_missing_is_not_posted(coop: Coop) -> None:
    story = Story(agent_id="a1")
    story.event("confirmed")
    with pytest.raises(LedgerError, match="no event 1"):
        coop.happen(story.event("completed"))
    assert coop.balances() == {}


def test_an_order_keeps_the_terms_it_was_confirmed_under(coop: Coop) -> None:
    story = Story(agent_id="a1")
    coop.happen(story.event("confirmed"))
    terms = replace(coop.insurance.keeper.terms, commission_rate=Decimal("0.50"))
    coop.insurance = replace(coop.insurance, keeper=replace(coop.insurance.keeper, terms=terms))
    coop.happen(story.event("completed"))
    assert coop.balances()["4000"] == 400


def quote(*lines: PriceLine, currency: str = "MYR") -> Quote:
    return Quote(id="q", currency=currency, lines=lines, ttl_s=None)


def terms(category: str = "CAB", sector: str = "ride") -> JobTerms:
    return JobTerms(
        sector=sector,  # type: ignore[arg-type]  # a literal
        vehicle_category=category,
        domain="nic2004:60221",
        city="std:03",
        provider_id="coop",
    )


def test_a_quote_shows_the_workers_share_as_an_estimate_outside_the_total(coop: Coop) -> None:
    (line,) = coop.insurance.quote_lines(quote(*fare_of(2000)), terms(), NOON)
    assert (line.amount_minor, line.borne_by) == (20, "worker")


def test_a_quote_of_a_fund_levy_says_fee_and_who_bears_it(tmp_path: Path) -> None:
    coop = ka_coop(tmp_path)
    (line,) = coop.insurance.quote_lines(quote(*fare_of(9500), currency="INR"), terms(), NOON)
    assert (line.amount_minor, line.borne_by) == (76, "cooperative")
    assert "fee" in line.title
    assert {"descriptor": {"code": "KIND"}, "value": "fee"} in line.tags[0]["list"]
    assert "cover" not in str(line.tags).lower()


def test_a_quote_with_an_unlisted_code_is_refused(coop: Coop) -> None:
    with pytest.raises(NotInsurable, match="SURGE"):
        coop.insurance.quote_lines(quote(*fare_of(2000), PriceLine("SURGE", 1)), terms(), NOON)


@pytest.mark.parametrize("scheme", [MY, KA])
def test_a_discount_that_does_not_say_who_bears_it_refuses_the_quote(
    tmp_path: Path, scheme: str
) -> None:
    coop = (my_coop if scheme == MY else ka_coop)(tmp_path)
    asked = quote(
        *fare_of(2000), PriceLine("DISCOUNT", -500), currency="MYR" if scheme == MY else "INR"
    )
    with pytest.raises(NotInsurable, match="DISCOUNT is part of its base"):
        coop.insurance.quote_lines(asked, terms(), NOON)


def test_a_quote_for_an_unlisted_vehicle_is_refused(tmp_path: Path) -> None:
    coop = ka_coop(tmp_path)
    with pytest.raises(NotInsurable, match="BICYCLE"):
        coop.insurance.quote_lines(quote(*fare_of(2000), currency="INR"), terms("BICYCLE"), NOON)


# Random histories


@st.composite
def stories(draw: st.DrawFn, key: str) -> list[OrderEvent]:
    """A legal history of one order, to any point of it."""
    payment = draw(st.sampled_from([CARD, CASH]))
    fares = st.integers(0, 50_000)
    story = Story(
        key=key,
        agent_id=draw(st.sampled_from([None, "a1", "a2"])),
        payment=payment,
        lines=fare_of(draw(fares)),
    )
    events = [story.event("confirmed")]
    for _ in range(draw(st.integers(0, 2))):
        if story.agent_id is None:
            events.append(story.event("assigned", agent_id=draw(st.sampled_from(["a1", "a2"]))))
        else:
            others = [who for who in (None, "a1", "a2") if who != story.agent_id]
            events.append(story.event("reassigned", agent_id=draw(st.sampled_from(others))))
    if draw(st.booleans()):
        events.append(story.event("fare_changed", lines=fare_of(draw(fares))))
    end = draw(st.sampled_from(["open", "cancelled", "fee", "completed", "completed"]))
    if end == "cancelled":
        events.append(story.event("cancelled"))
    if end == "fee":
        events.append(story.event("cancelled", cancellation_fee_minor=draw(st.integers(1, 5000))))
    if end == "completed" and story.agent_id is not None:
        events.append(story.event("completed", tip_minor=draw(st.integers(0, 500))))
        if draw(st.booleans()):
            bearer = draw(st.sampled_from(["worker", "cooperative"]))
            refund = draw(st.integers(1, max(1, story.lines[0].amount_minor)))
            events.append(story.event("refunded", refund_minor=refund, refund_borne_by=bearer))
    return events


histories = st.lists(st.integers(0, 3), min_size=1, max_size=4, unique=True).flatmap(
    lambda numbers: st.tuples(*(stories(f"order-{n}") for n in numbers))
)


def interleaved(draw: st.DataObject, orders: tuple[list[OrderEvent], ...]) -> Iterator[OrderEvent]:
    """The events of all orders in some order that keeps each order's own."""
    waiting = [list(order) for order in orders]
    while any(waiting):
        chosen = draw.draw(st.sampled_from([i for i, rest in enumerate(waiting) if rest]))
        yield waiting[chosen].pop(0)


def by_role(coop: Coop) -> dict[str, int]:
    """Balances with agents' names instead of the random ids."""
    found = {}
    for agent_id in ("a1", "a2"):
        try:
            found[coop.local(agent_id)] = agent_id
        except AssertionError:
            continue
    named = {}
    for account, minor in coop.balances().items():
        for worker, agent_id in found.items():
            account = account.replace(worker, agent_id)
        named[account] = minor
    return named


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(orders=histories, data=st.data(), is_ka=st.booleans())
def test_any_history_balances_explains_every_order_and_does_not_change_when_replayed(
    orders: tuple[list[OrderEvent], ...], data: st.DataObject, is_ka: bool
) -> None:
    if is_ka:
        orders = tuple([replace(event, currency="INR") for event in order] for order in orders)
    with TemporaryDirectory() as folder:
        coop = (ka_coop if is_ka else my_coop)(Path(folder))
        events = list(interleaved(data, orders))
        told = [coop.happen(event) for event in events]
        assert_sound(coop, KA if is_ka else MY)
        before = everything(coop)
        assert [coop.project(event) for event in events] == told
        assert everything(coop) == before
        coop.store.close()


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(orders=histories, data=st.data())
def test_two_orders_of_arrival_give_every_worker_and_period_the_same_totals(
    orders: tuple[list[OrderEvent], ...], data: st.DataObject
) -> None:
    totals = []
    for _ in range(2):
        with TemporaryDirectory() as folder:
            coop = my_coop(Path(folder))
            coop.happen(*interleaved(data, orders))
            totals.append(
                {
                    account: minor
                    for account, minor in by_role(coop).items()
                    if account.startswith(("1230", "22", "4000", "5000"))
                }
            )
            coop.store.close()
    assert totals[0] == totals[1]


def assert_sound(coop: Coop, scheme: str) -> None:
    """What must hold after any event, whatever happened."""
    for debit, credit in coop.store.read(balances.sums).values():
        assert debit == credit
    stands = coop.balances()
    by_number: dict[int, int] = {}
    for account, minor in stands.items():
        number = int(account.split(":")[0])
        by_number[number] = by_number.get(number, 0) + minor
        assert minor >= 0 or number == 2205, (account, minor)  # 2100 never below zero, nor the rest
    aside = by_number.get(2200, 0) + by_number.get(2205, 0)
    assert by_number.get(1230, 0) == aside
    assert all(f":{chart.UNASSIGNED}" not in a for a in stands if a.startswith("2210"))
    assert scheme in "".join(stands) or aside == 0
