"""What the office does: once though sent twice, asked before, refused beside the field, logged."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bpp.fleet import roster
from bpp.insurance.scheme_file import load
from bpp.ledger import balances
from bpp.orders import store
from tests.bpp.cooperative import Cooperative
from tests.bpp.insurance.fare_cash import at_the_limit, owed
from tests.bpp.insurance.support import MY
from tests.bpp.office.support import BASE, hidden, log, send, send_surely, signed_in, with_office
from tests.support.browsing import Browsing

DAY_S = 86_400
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[Cooperative]:
    async with with_office(tmp_path) as running:
        yield running


def agent(there: Cooperative, code: str) -> str:
    rows = there.node.store.read(roster.everybody)
    return next(worker.agent_id for worker, _ in rows if worker.code == code)


def stands(there: Cooperative) -> dict[str, int]:
    every = there.node.store.read(balances.balances)
    return {each.account: each.balance_minor for each in every}


async def waiting(there: Cooperative) -> str:
    """A job that waits for a driver; its page."""
    order = await there.confirmed()
    return f"{BASE}/jobs/{there.order(order['id']).job_id}"


async def test_a_job_is_given_by_hand_once(there: Cooperative) -> None:
    job = await waiting(there)
    await there.online("D1")
    browser = await signed_in(there, "dispatcher")
    page = await browser.get(job)
    assert "D1 · Driver D1, W D1" in page.text
    fields = {**hidden(page, f"{job}/assign"), "agent_id": agent(there, "D1")}
    answers = await asyncio.gather(*(browser.post(f"{job}/assign", fields) for _ in range(3)))
    assert {(each.status, each.headers["Location"]) for each in answers} == {(303, job)}
    assert [what for _, what, _ in log(there)].count("assign") == 1
    assert there.node.store.read(lambda s: store.is_busy(s, agent(there, "D1")))


@pytest.mark.parametrize("agent_id", ["", "none", HOSTILE])
async def test_nobody_gets_a_job_by_a_name_that_is_no_driver(
    there: Cooperative, agent_id: str
) -> None:
    job = await waiting(there)
    browser, before = await signed_in(there, "dispatcher"), (there.books(), log(there))
    answer = await send(browser, job, f"{job}/assign", {"agent_id": agent_id})
    assert (answer.status, "Choose a driver." in answer.text) == (422, True)
    assert HOSTILE not in answer.text
    assert (there.books(), log(there)) == before


async def test_a_cancel_is_asked_before_and_then_acts_once(there: Cooperative) -> None:
    job = await waiting(there)
    browser, before = await signed_in(there, "dispatcher"), there.books()
    asked = await send(browser, job, f"{job}/cancel", {"reason_id": "011"})
    assert (asked.status, there.books()) == (200, before)
    assert "Cancelled" in asked.text
    fields = hidden(asked, f"{job}/cancel")
    for _ in range(2):
        assert (await browser.post(f"{job}/cancel", fields)).status == 303
    assert [what for _, what, _ in log(there)].count("cancel") == 1
    again = await browser.get(job)
    assert "Cancelled a job" in again.text


async def test_an_unknown_reason_cancels_nothing(there: Cooperative) -> None:
    job = await waiting(there)
    browser, before = await signed_in(there, "dispatcher"), (there.books(), log(there))
    answer = await send(browser, job, f"{job}/cancel", {"reason_id": "999"})
    assert (answer.status, "not one of" in answer.text) == (422, True)
    assert (there.books(), log(there)) == before


async def test_a_yes_that_nobody_was_asked_for_by_another_form_id_acts_once(
    there: Cooperative,
) -> None:
    job = await waiting(there)
    browser = await signed_in(there, "dispatcher")
    fields = {**hidden(await browser.get(job), f"{job}/cancel"), "reason_id": "011", "sure": "yes"}
    assert (await browser.post(f"{job}/cancel", fields)).status == 303
    fields["_form"] = "another-form-of-mine"
    assert (await browser.post(f"{job}/cancel", fields)).status == 422
    assert [what for _, what, _ in log(there)].count("cancel") == 1


async def test_cash_is_taken_in_with_its_figures_first_and_once_for_each_receipt(
    there: Cooperative,
) -> None:
    debt = await at_the_limit(there)
    driver = f"{BASE}/drivers/{agent(there, 'D1')}"
    browser = await signed_in(there, "treasurer")
    fields = {"amount": "1.00", "reference": "r-1"}
    asked = await send(browser, driver, f"{driver}/pay-in", fields)
    assert (await owed(there, "D1")) == debt
    assert f"RM{(debt - 100) / 100:.2f}" in asked.text.replace("\xa0", "")
    for _ in range(2):
        assert (
            await browser.post(f"{driver}/pay-in", hidden(asked, f"{driver}/pay-in"))
        ).status == 303
    assert (await owed(there, "D1")) == debt - 100
    assert log(there)[-1] == ("treasurer-1", "pay_in", agent(there, "D1"))


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"amount": "1e3"}, "Write an amount such as 20.00."),
        ({"amount": "-1.00"}, "0"),
        ({"amount": "9999.00"}, "field-fault"),
        ({"reference": "Aminah binti"}, "Not as it is wanted here."),
        ({"reference": ""}, "Not as it is wanted here."),
    ],
)
async def test_cash_with_one_thing_wrong_is_not_taken_in(
    there: Cooperative, wrong: dict[str, str], says: str
) -> None:
    await at_the_limit(there)
    driver = f"{BASE}/drivers/{agent(there, 'D1')}"
    browser, before = await signed_in(there, "treasurer"), (stands(there), log(there))
    fields = {"amount": "1.00", "reference": "r-1", **wrong}
    answer = await send(browser, driver, f"{driver}/pay-in", fields)
    assert (answer.status, 'class="fault"' in answer.text) == (422, True)
    assert says in answer.text or says == "field-fault"
    assert (stands(there), log(there)) == before


async def test_money_by_hand_shows_each_account_before_and_after_and_is_taken_back_once(
    there: Cooperative,
) -> None:
    browser, page = await signed_in(there, "treasurer"), f"{BASE}/money"
    fields = {"kind": "members-funds", "amount": "500.00", "reference": "m-1"}
    asked = await send(browser, page, page, fields)
    assert (asked.status, stands(there)) == (200, {})
    assert "500.00" in asked.text
    assert (await browser.post(page, hidden(asked, page))).status == 303
    assert stands(there) == {"1100": 50_000, "3000": 50_000}
    back = await send_surely(browser, page, f"{page}/reverse", {})
    assert back.status == 303
    assert set(stands(there).values()) == {0}
    again = await send(browser, page, f"{page}/reverse", {})
    assert again.status in (200, 422)
    assert [what for _, what, _ in log(there)].count("reverse") == 1


async def test_a_new_drivers_token_is_shown_once_and_never_kept(there: Cooperative) -> None:
    browser, page = await signed_in(there, "dispatcher"), f"{BASE}/drivers"
    fields = {"code": "N1", "name": HOSTILE, "phone": "60123400000", "vehicle": "W D2"}
    form = {**hidden(await browser.get(page), page), **fields}
    first, second = await browser.post(page, form), await browser.post(page, form)
    assert (first.status, second.status) == (200, 303)
    assert "<code>" in first.text
    assert HOSTILE not in first.text
    listed = await browser.get(page)
    assert (HOSTILE in listed.text, "&lt;script&gt;" in listed.text) == (False, True)
    assert [what for _, what, _ in log(there)].count("driver") == 1


@pytest.mark.parametrize(
    "wrong", [{"phone": "12"}, {"vehicle": "W NONE"}, {"code": "N 1"}, {"name": ""}]
)
async def test_a_driver_with_one_thing_wrong_is_not_written_down(
    there: Cooperative, wrong: dict[str, str]
) -> None:
    browser, page, before = await signed_in(there, "dispatcher"), f"{BASE}/drivers", log(there)
    fields = {"code": "N1", "name": "Nor", "phone": "60123400000", "vehicle": "W D2", **wrong}
    answer = await send(browser, page, page, fields)
    assert (answer.status, 'class="fault"' in answer.text) == (422, True)
    assert (
        len(there.node.store.read(roster.everybody)),
        log(there),
    ) == (2, before)


async def test_a_stopped_driver_has_no_door_until_let_in_again(there: Cooperative) -> None:
    driver = f"{BASE}/drivers/{agent(there, 'D1')}"
    browser = await signed_in(there, "dispatcher")
    assert (await send_surely(browser, driver, f"{driver}/active", {})).status == 303
    assert (await there.drive("D1", "GET", "job"))[0] == 401
    assert (await send(browser, driver, f"{driver}/active", {})).status == 303
    assert (await there.drive("D1", "GET", "job"))[0] == 200


# The insurance desk


async def month(there: Cooperative) -> str:
    """The period of a job that is over; the clock stands after its end."""
    await at_the_limit(there)
    period = load(MY).period_of(there.node.now())
    there.clock.at += 40 * DAY_S
    return period


async def closed(there: Cooperative, browser: Browsing, period: str) -> str:
    """Closes it through the pages; the remittance's id once the node is done."""
    page = f"{BASE}/insurance/period"
    asked = f"{page}?scheme={MY}&period={period}"
    assert (await send_surely(browser, asked, page, {})).status == 303
    async with asyncio.timeout(60):
        while True:
            id = f"{MY}/{period}/1"
            if (await browser.get(f"{BASE}/insurance/remittance?id={id}")).status == 200:
                return id
            await asyncio.sleep(0.01)


async def test_a_dry_run_shows_what_the_close_then_writes(there: Cooperative) -> None:
    period = await month(there)
    auditor, treasurer = await signed_in(there, "auditor"), await signed_in(there, "treasurer")
    before = stands(there)
    dry = await auditor.get(f"{BASE}/insurance/period?scheme={MY}&period={period}")
    assert (dry.status, "Close the period" in dry.text, stands(there)) == (200, False, before)
    id = await closed(there, treasurer, period)
    found = await treasurer.get(f"{BASE}/insurance/remittance?id={id}")
    (line,) = [part for part in dry.text.split("<tr>") if "D1" in part]
    assert line.partition("</tr>")[0] in found.text
    assert log(there)[-1] == ("treasurer-1", "close", f"{MY}/{period}")


async def test_a_period_that_is_not_over_is_not_closed(there: Cooperative) -> None:
    await at_the_limit(there)
    period = load(MY).period_of(there.node.now())
    browser, before = await signed_in(there, "treasurer"), (stands(there), log(there))
    page = f"{BASE}/insurance/period"
    answer = await send(browser, f"{page}?scheme={MY}&period={period}", page, {})
    assert (answer.status, "not over before" in answer.text) == (422, True)
    assert (stands(there), log(there)) == before


@pytest.mark.parametrize("query", ["scheme=x&period=2026-01", f"scheme={MY}&period=2026-13", ""])
async def test_a_period_that_is_none_is_not_here(there: Cooperative, query: str) -> None:
    browser = await signed_in(there, "treasurer")
    assert (await browser.get(f"{BASE}/insurance/period?{query}")).status == 404


async def test_a_remittance_is_sent_and_acknowledged_by_hand_and_its_files_are_logged(
    there: Cooperative,
) -> None:
    period = await month(there)
    browser = await signed_in(there, "treasurer")
    id = await closed(there, browser, period)
    due = sum(minor for account, minor in stands(there).items() if account.startswith("2220"))
    value = f"{due / 100:.2f}"
    fact: dict[str, Any] = {
        "kind": "trust-sweep",
        "scheme": MY,
        "amount": value,
        "reference": "t-1",
    }
    money = f"{BASE}/money"
    assert (await send_surely(browser, money, money, fact)).status == 303
    page, action = f"{BASE}/insurance/remittance?id={id}", f"{BASE}/insurance/remittance"
    early = await send(browser, page, action, {"kind": "acknowledged", "reference": "a-1"})
    assert (early.status, 'class="fault"' in early.text) == (422, True)
    for kind, reference in (("sent", "b-1"), ("acknowledged", "a-1")):
        fields = {"kind": kind, "reference": reference}
        assert (await send_surely(browser, page, action, fields)).status == 303
    shown = await browser.get(page)
    assert "Acknowledged" in shown.text
    file = await browser.get(f"{action}/csv?id={id}")
    assert (file.status, file.headers["Content-Disposition"][:10]) == (200, "attachment")
    refused = await send(browser, page, f"{action}/payment", {})
    assert (refused.status, "insurance.payer" in refused.text) == (422, True)
    assert [what for _, what, _ in log(there)][-3:] == ["sent", "acknowledged", "file"]
    compared = await browser.get(f"{BASE}/insurance/reconcile")
    assert (compared.status, "Paid" in compared.text) == (200, True)


async def test_a_refund_is_told_in_figures_first_and_paid_once(there: Cooperative) -> None:
    await at_the_limit(there)
    (order,) = there.books()["orders"]
    browser = await signed_in(there, "treasurer")
    job = f"{BASE}/jobs/{[v for v in order if isinstance(v, str) and len(v) == 36][-1]}"
    page = await browser.get(job)
    assert page.status == 200, job
    fields = {"amount": "1.00", "borne_by": "cooperative", "reference": "f-1"}
    before = there.books()
    asked = await send(browser, job, f"{job}/refund", fields)
    assert (asked.status, there.books()) == (200, before)
    form = hidden(asked, f"{job}/refund")
    for _ in range(2):
        assert (await browser.post(f"{job}/refund", form)).status == 303
    assert [what for _, what, _ in log(there)].count("refund") == 1
    much = await send(
        browser, job, f"{job}/refund", {**fields, "amount": "9999.00", "reference": "f-2"}
    )
    assert (much.status, 'class="fault"' in much.text) == (422, True)
