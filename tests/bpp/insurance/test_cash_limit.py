"""Who owes too much fare cash gets no new cash jobs, is told in writing, and can pay it back."""

import json
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, text

from bpp.insurance import cash
from bpp.insurance.cash import Limit, Notice
from bpp.insurance.tables import CashNotice
from bpp.ledger.money_facts import NotPosted
from protocol_specs.node.store import Conflict, Statement
from tests.bpp.cooperative import CASH as IN_CASH
from tests.bpp.cooperative import Cooperative, cooperative, order_asked
from tests.bpp.insurance.fare_cash import (
    NOTICES,
    OFFERING,
    agent,
    at_the_limit,
    booked,
    carried_out,
    insured,
    money_written,
    offered,
    taken,
    text_of,
)
from tests.bpp.insurance.support import CARD, CASH, NOON, Coop, Story, fare_of, my_coop

ADD_NOTICE = Statement(insert(CashNotice.__table__))
PREPAID = {"collected_by": "BAP", "type": "PRE-ORDER", "status": "NOT-PAID"}


# In the books


def limited(folder: Path, minor: int | None, told: list[Notice] | None = None) -> Coop:
    tell = (told if told is not None else []).append
    return my_coop(folder, cash_limit=Limit(minor, "MYR", tell))


def job(coop: Coop, key: str, payment: Any, fare_minor: int = 2000) -> None:
    story = Story(key=key, agent_id="a1", payment=payment, lines=fare_of(fare_minor))
    coop.happen(story.event("confirmed"), story.event("completed"))


def states(coop: Coop) -> list[tuple[str, int]]:
    rows = coop.store.read(lambda session: session.all(NOTICES))
    return [(row["state"], row["owed_minor"]) for row in rows]


def test_each_crossing_is_written_once_and_told_after_the_commit(tmp_path: Path) -> None:
    told: list[Notice] = []
    coop = limited(tmp_path, 840, told)
    job(coop, "o1", CASH)  # owes 4.20
    assert states(coop) == []
    job(coop, "o2", CASH)  # owes 8.40: the limit itself
    job(coop, "o3", CASH)
    assert states(coop) == [("reached", 840)]
    job(coop, "o4", CARD)  # 15.80 of pay nets all of it
    job(coop, "o5", CASH)
    assert states(coop) == [("reached", 840), ("below", 0)]
    assert [notice.state for notice in told] == ["reached", "below"]


def test_a_cent_below_the_limit_nobody_is_stopped(tmp_path: Path) -> None:
    coop = limited(tmp_path, 421)
    job(coop, "o1", CASH)
    assert states(coop) == []


def test_a_notice_says_what_is_owed_the_limit_and_how_to_pay_in(tmp_path: Path) -> None:
    told: list[Notice] = []
    job(limited(tmp_path, 400, told), "o1", CASH)
    for words in ("4.20 MYR", "4.00 MYR", "desk", "prepaid jobs go on"):
        assert words in told[0].text


def test_a_netting_that_leaves_the_debt_at_the_limit_gives_no_cash_jobs_back(
    tmp_path: Path,
) -> None:
    coop = limited(tmp_path, 400)
    job(coop, "o1", CASH, 20_000)  # owes 42.00
    job(coop, "o2", CARD)  # nets 15.80
    assert states(coop) == [("reached", 4200)]


def test_without_a_limit_nothing_is_noted(tmp_path: Path) -> None:
    coop = limited(tmp_path, None)
    job(coop, "o1", CASH, 100_000)
    assert states(coop) == []


def test_a_posting_that_is_undone_leaves_no_notice_and_tells_nobody(tmp_path: Path) -> None:
    told: list[Notice] = []
    coop = limited(tmp_path, 400, told)
    story = Story(agent_id="a1", payment=CASH)
    coop.happen(story.event("confirmed"))
    ended = story.event("completed")
    coop.record(ended)

    def unit(session: Any) -> None:
        coop.insurance.on_event(session, ended)
        raise Conflict("something else of the same commit")

    with pytest.raises(Conflict):
        coop.store.transact_now(unit)
    assert (states(coop), told) == ([], [])


def test_notices_are_never_changed_or_removed(tmp_path: Path) -> None:
    coop = limited(tmp_path, 400)
    job(coop, "o1", CASH)
    for sql in ("UPDATE cash_notice SET state = 'below'", "DELETE FROM cash_notice"):
        with pytest.raises(Conflict):
            coop.store.transact_now(lambda session, sql=sql: session.run(Statement(text(sql))))
    assert states(coop) == [("reached", 420)]


STEPS = st.one_of(
    st.tuples(st.just("cash"), st.integers(0, 10_000)),
    st.tuples(st.just("card"), st.integers(0, 10_000)),
    st.tuples(st.just("pay in"), st.integers(1, 1_000)),
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(STEPS, max_size=8), st.integers(1, 2_000))
def test_after_anything_a_worker_is_stopped_exactly_while_the_debt_is_at_the_limit(
    steps: list[tuple[str, int]], limit_minor: int
) -> None:
    with TemporaryDirectory() as folder:
        limit = Limit(limit_minor, "MYR")
        coop = my_coop(Path(folder), cash_limit=limit)
        job(coop, "first", CASH, 0)
        worker = coop.local("a1")
        for n, (what, minor) in enumerate(steps):
            if what == "pay in":
                with suppress(NotPosted):
                    coop.store.transact_now(
                        lambda s, m=minor, r=str(n): cash.pay_in(s, limit, worker, m, r, NOON)
                    )
            else:
                job(coop, f"o{n}", CASH if what == "cash" else CARD, minor)
            owed = coop.store.read(lambda s: cash.owed_minor(s, limit, worker))
            assert owed >= 0
            stopped = coop.store.read(lambda s: cash.is_stopped(s, worker))
            assert stopped == (owed >= limit_minor)
        told = [state for state, _ in states(coop)]
        assert told == ["reached", "below"] * (len(told) // 2) + ["reached"] * (len(told) % 2)
        coop.store.close()


def test_a_changed_limit_is_told_at_the_next_start(tmp_path: Path) -> None:
    coop = limited(tmp_path, None)
    job(coop, "o1", CASH)
    for minor, expected in [(400, "reached"), (400, "reached"), (500, "below"), (100, "reached")]:
        limit = Limit(minor, "MYR")
        coop.store.transact_now(lambda session, limit=limit: cash.review(session, limit, 1))
        assert states(coop)[-1][0] == expected
    coop.store.transact_now(lambda session: cash.review(session, Limit(None, "MYR"), 1))
    assert [state for state, _ in states(coop)] == ["reached", "below", "reached", "below"]


# At the doors


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[Cooperative]:
    """Drivers choose their jobs; one cash ride reaches the limit."""
    async with cooperative(tmp_path, insurance=insured(tmp_path, "0.50"), **OFFERING) as running:
        yield running


async def test_at_the_limit_a_driver_sees_and_takes_no_cash_job_but_still_prepaid_ones(
    there: Cooperative,
) -> None:
    assert await at_the_limit(there) >= 50
    in_cash, prepaid = await booked(there, IN_CASH), await booked(there, PREPAID)
    assert await offered(there, "D1") == [prepaid["id"]]
    assert set(await offered(there, "D2")) == {in_cash["id"], prepaid["id"]}
    before = there.books()
    status, answer = await taken(there, "D1", in_cash)
    assert (status, answer["error"]["code"]) == (409, "not_now")
    assert "limit is 0.50 MYR" in answer["error"]["message"]
    assert there.books() == before
    assert (await taken(there, "D1", prepaid))[0] == 200
    assert (await taken(there, "D2", in_cash))[0] == 200


async def test_a_prepaid_job_nets_the_debt_and_cash_jobs_come_again_with_a_second_notice(
    there: Cooperative,
) -> None:
    debt = await at_the_limit(there)
    prepaid = await booked(there, PREPAID)
    await taken(there, "D1", prepaid)
    await carried_out(there, "D1", prepaid)
    _, balance = await there.drive("D1", "GET", "balance")
    (stands,) = balance["accounts"]
    assert stands["cash_owed_minor"] == 0  # within the net pay of that job, the rest is theirs
    assert stands["pay_minor"] > 0
    assert [(n["state"], n["owed_minor"]) for n in balance["notices"]] == [
        ("below", 0),
        ("reached", debt),
    ]
    assert balance["cash_jobs"] is True
    in_cash = await booked(there, IN_CASH)
    assert await offered(there, "D1") == [in_cash["id"]]
    assert (await taken(there, "D1", in_cash))[0] == 200


async def test_dispatch_passes_a_driver_at_the_limit_over_for_cash_and_for_nothing_else(
    tmp_path: Path,
) -> None:
    async with cooperative(tmp_path, insurance=insured(tmp_path, "0.50")) as there:
        await there.online("D1")
        order = await booked(there, IN_CASH)
        await carried_out(there, "D1", order)
        nobody = await booked(there, IN_CASH)
        assert there.order(nobody["id"]).agent_id is None
        prepaid = await booked(there, PREPAID)
        assert there.order(prepaid["id"]).agent_id == await agent(there, "D1")
        await there.online("D2")
        in_cash = await booked(there, IN_CASH)
        assert there.order(in_cash["id"]).agent_id == await agent(there, "D2")


@pytest.mark.parametrize(
    ("payments", "is_offered"), [((IN_CASH,), False), ((IN_CASH, PREPAID), True)]
)
async def test_a_driver_at_the_limit_is_found_only_where_something_else_than_cash_is_taken(
    tmp_path: Path, payments: tuple[dict[str, str], ...], is_offered: bool
) -> None:
    ways = tuple({key: each[key] for key in ("collected_by", "type")} for each in payments)
    changes = {
        "insurance": insured(tmp_path, "0.50"),
        "payments": ways,
        "takes_orders_without_driver": False,
    }
    async with cooperative(tmp_path, **changes) as there:
        await there.online("D1")
        await carried_out(there, "D1", await booked(there, IN_CASH))
        intent = {"fulfillment": {"stops": order_asked()["order"]["fulfillments"][0]["stops"]}}
        assert (await there.say("search", {"intent": intent})).is_ack
        if is_offered:
            await there.bap.callback("on_search")
        await there.online("D2")  # who is found, so that silence is not mistaken for slowness
        await there.ask("search", {"intent": intent})
        found = [heard for heard in there.bap.heard if heard["context"]["action"] == "on_search"]
        assert len(found) == 1 + is_offered


async def test_the_desk_may_still_give_a_cash_job_to_a_driver_at_the_limit(
    there: Cooperative,
) -> None:
    await at_the_limit(there)
    order = await booked(there, IN_CASH)
    body = {"agent_id": await agent(there, "D1")}
    status, _ = await there.desk("POST", f"orders/{order['id']}/assign", body)
    assert status == 200


async def test_without_a_limit_cash_jobs_go_on(tmp_path: Path) -> None:
    async with cooperative(tmp_path, insurance=insured(tmp_path, None), **OFFERING) as there:
        await at_the_limit(there)
        order = await booked(there, IN_CASH)
        assert await offered(there, "D1") == [order["id"]]
        _, balance = await there.drive("D1", "GET", "balance")
        assert (balance["cash_limit_minor"], balance["notices"]) == (None, [])


async def test_a_crossing_is_logged_by_ids_only(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changes = {"insurance": insured(tmp_path, "0.50"), "log_level": "info", **OFFERING}
    async with cooperative(tmp_path, **changes) as there:
        await at_the_limit(there)
        worker = (await there.drive("D1", "GET", "balance"))[1]["worker"]
        logged = capsys.readouterr().err.splitlines()
    (line,) = [json.loads(line) for line in logged if "cash_limit" in line]
    assert {**line, "at": None, "node": None} == {
        "at": None,
        "level": "info",
        "node": None,
        "event": "cash_limit",
        "state": "reached",
        "worker": worker,
        "n": 1,
    }


# Paying in


async def paying_in(
    there: Cooperative, amount: Any, reference: Any = "receipt-1", code: str = "D1"
) -> tuple[int, Any]:
    path = f"drivers/{await agent(there, code)}/pay-in"
    return await there.desk("POST", path, {"amount": amount, "reference": reference})


async def test_what_is_paid_in_lowers_the_debt_and_gives_cash_jobs_back(
    there: Cooperative,
) -> None:
    debt = await at_the_limit(there)
    order = await booked(there, IN_CASH)
    assert await offered(there, "D1") == []
    status, answer = await paying_in(there, text_of(debt - 49))
    assert (status, answer["cash_owed_minor"], answer["cash_jobs"]) == (201, 49, True)
    assert await offered(there, "D1") == [order["id"]]
    _, balances = await there.desk("GET", "ledger/balances")
    assert {"1100": debt - 49}.items() <= {
        line["account"]: line["balance_minor"] for line in balances["balances"]
    }.items()
    _, seen = await there.desk("GET", f"drivers/{await agent(there, 'D1')}/cash")
    assert [notice["state"] for notice in seen["notices"]] == ["below", "reached"]


async def test_a_pay_in_said_twice_is_posted_once(there: Cooperative) -> None:
    debt = await at_the_limit(there)
    first, before = await paying_in(there, "0.10"), money_written(there)
    again = await paying_in(there, "0.10")
    assert (first[0], again[0]) == (201, 200)
    assert first[1] == again[1]
    assert again[1]["cash_owed_minor"] == debt - 10
    assert money_written(there) == before


async def test_the_last_pay_in_said_twice_is_not_taken_for_one_beyond_the_debt(
    there: Cooperative,
) -> None:
    debt = text_of(await at_the_limit(there))
    assert [(await paying_in(there, debt))[0] for _ in range(2)] == [201, 200]


@pytest.mark.parametrize(
    ("amount", "reference", "code", "status", "says"),
    [
        ("90.00", "receipt-1", "D1", 409, "more than the"),
        ("0.00", "receipt-1", "D1", 409, "above zero"),
        ("-0.10", "receipt-1", "D1", 409, "above zero"),
        ("0.101", "receipt-1", "D1", 400, "finer than MYR"),
        ("ten", "receipt-1", "D1", 400, "not an amount"),
        (0.1, "receipt-1", "D1", 400, "/amount"),
        ("0.10", "", "D1", 400, "/reference"),
        ("0.10", "from Aminah", "D1", 400, "/reference"),
        ("0.20", "receipt-0", "D1", 409, "another pay-in"),
        ("0.10", "receipt-1", "D2", 409, "nothing stands in the books"),
    ],
)
async def test_a_pay_in_with_one_thing_wrong_is_refused_and_nothing_is_written(
    there: Cooperative, amount: Any, reference: str, code: str, status: int, says: str
) -> None:
    await at_the_limit(there)
    assert (await paying_in(there, "0.10", "receipt-0"))[0] == 201
    before = money_written(there)
    found, answer = await paying_in(there, amount, reference, code)
    assert (found, says in answer["error"]["message"]) == (status, True), answer
    assert money_written(there) == before


async def test_only_the_desk_takes_a_pay_in(there: Cooperative) -> None:
    await at_the_limit(there)
    before = money_written(there)
    path = f"/desk/drivers/{await agent(there, 'D1')}/pay-in"
    body = {"amount": "0.10", "reference": "receipt-1"}
    assert (await there.call("POST", path, body, {}))[0] == 401
    assert money_written(there) == before
