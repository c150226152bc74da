"""Money, slips, pass-book and record: a driver's own, in words, and no claim of cover."""

from __future__ import annotations

import asyncio
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from protocol_specs.node.store import Statement
from tests.bpp.cooperative import Cooperative, cooperative
from tests.bpp.drive.driving import IN_TURN, Phone, driving, forms, phone, phone_of

FACTS = Statement(text("SELECT kind, worker FROM worker_fact ORDER BY worker, n"))


async def _driven(there: Cooperative) -> Phone:
    """D1 after a cash ride."""
    driver = await phone_of(there, "D1")
    await driver.go_online()
    order = await there.confirmed()
    async with asyncio.timeout(60):
        while True:
            if "data-offer=" in (await driver.get()).text:
                break
            await asyncio.sleep(0.02)
    await driver.send("/", f"/jobs/{order['id']}/accept")
    await there.carried_out(order["id"], cash_collected=True)
    return driver


async def test_money_says_fare_commission_what_was_set_aside_and_what_is_owed(
    tmp_path: Path,
) -> None:
    async with driving(tmp_path, **IN_TURN) as there:
        driver = await _driven(there)
        page = (await driver.get("/money")).text
        _, balance = await there.drive("D1", "GET", "balance")
        owed = balance["accounts"][0]["cash_owed_minor"]
        assert "You owe your cooperative" in page
        assert f"{owed / 100:.2f}" in page
        assert "With your cooperative, to be sent" in page
        assert "covered" not in page.lower()
        other = await phone_of(there, "D2")
        assert "No jobs yet" in (await other.get("/money")).text


async def test_a_part_of_the_surplus_is_shown_as_what_it_is_to_its_driver_alone(
    tmp_path: Path,
) -> None:
    async with driving(tmp_path, **IN_TURN) as there:
        driver = await _driven(there)
        fact = {"kind": "members-funds", "amount": "50.00", "currency": "MYR", "by": "t-1"}
        assert (await there.desk("POST", "ledger/facts", {**fact, "reference": "m-1"}))[0] == 201
        assert "Your part of the surplus" not in (await driver.get("/money")).text
        day = datetime.fromtimestamp(there.clock.at, UTC).date()
        there.clock.at += 2 * 86_400
        _, before = await there.drive("D1", "GET", "balance")
        asked = {"reference": "2026", "amount": "12.34", "by": "t-1"}
        asked |= {"first": str(day - timedelta(days=1)), "last": str(day)}
        assert (await there.desk("POST", "surplus", asked))[0] == 200
        page = (await driver.get("/money")).text
        assert "Your part of the surplus" in page
        assert "12.34" in page
        assert "it counts for no cover" in page
        _, told = await there.drive("D1", "GET", "balance")
        assert told["contributions"] == before["contributions"]  # nothing more is set aside
        other = await phone_of(there, "D2")
        assert "12.34" not in (await other.get("/money")).text


async def test_a_slip_is_its_drivers_alone(tmp_path: Path) -> None:
    async with driving(tmp_path, **IN_TURN) as there:
        driver = await _driven(there)
        _, listed = await there.drive("D1", "GET", "slips")
        path = f"/slips/{listed['slips'][0]['slip_id']}"
        seen = await driver.get(path)
        assert seen.status == 200
        assert "<svg" in seen.text
        assert "unsafe-inline" not in seen.headers["Content-Security-Policy"]
        assert (await (await phone_of(there, "D2")).get(path)).status == 404


@pytest.mark.parametrize("form", ["pdf", "csv", "json"])
async def test_the_pass_book_can_be_taken_along(tmp_path: Path, form: str) -> None:
    async with driving(tmp_path, **IN_TURN) as there:
        driver = await _driven(there)
        if form == "pdf":
            url = f"{there.url}/drive/book/pdf"
            cookie = "; ".join(f"{n}={v}" for n, v in driver.browser.cookies.items())
            async with there.session.get(url, headers={"Cookie": cookie}) as answer:
                assert (await answer.read()).startswith(b"%PDF-")
                assert "attachment" in answer.headers["Content-Disposition"]
            return
        seen = await driver.get(f"/book/{form}")
        assert seen.status == 200
        if form == "json":
            assert set(json.loads(seen.text)) == {"statement", "signature"}


async def test_who_was_not_told_reads_first_and_answers_once(tmp_path: Path) -> None:
    async with driving(tmp_path, **IN_TURN) as there:
        vehicle = {"registration": "W D9", "category": "CAB"}
        assert (await there.desk("POST", "vehicles", vehicle))[0] == 201
        entry = {"code": "D9", "name": "Ravi", "phone": phone("D9"), "vehicle": "W D9"}
        assert (await there.desk("POST", "drivers", entry))[0] == 201
        told = {row["worker"] for row in there.node.store.read(lambda s: s.all(FACTS))}
        driver = await phone_of(there, "D9")
        assert "First read what is deducted" in (await driver.get()).text
        notice = forms(await driver.get("/notices"), "/drive/notices")[0]
        for _ in range(2):
            assert (await driver.browser.post("/drive/notices", notice)).status == 303
        assert "First read what is deducted" in (await driver.get()).text  # a yes or no is missing
        await driver.send("/notices", "/consent", agree="no")
        assert "First read what is deducted" not in (await driver.get()).text
        rows = there.node.store.read(lambda session: session.all(FACTS))
        new = [row["kind"] for row in rows if row["worker"] not in told]
        assert new == ["notice", "withdrawal"]


async def test_a_notice_that_changed_meanwhile_is_not_taken_as_read(tmp_path: Path) -> None:
    async with driving(tmp_path, **IN_TURN) as there:
        driver = await phone_of(there, "D1")
        own = forms(await driver.get("/notices"), "/drive/consent")[0]
        stale = {"scheme": own["scheme"], "language": "en", "version": "0" * 64}
        seen = await driver.browser.post("/drive/notices", own | stale)
        assert seen.status == 303
        assert "Written down" not in (await driver.again(seen)).text


async def test_without_books_there_are_fares_and_no_slips(tmp_path: Path) -> None:
    async with driving(tmp_path, insurance=None, **IN_TURN) as there:
        driver = await _driven(there)
        assert "Jobs" in (await driver.get("/money")).text
        assert (await driver.get("/slips")).status == 404
        assert (await driver.get("/me")).status == 200


async def test_there_are_no_pages_unless_the_settings_ask_for_them(tmp_path: Path) -> None:
    async with (
        cooperative(tmp_path) as there,
        there.session.get(f"{there.url}/drive/sign-in") as answer,
    ):
        assert answer.status == 404


async def _taken(there: Cooperative, driver: Phone) -> str:
    """The id of one more job, that the driver took."""
    order = await there.confirmed()
    async with asyncio.timeout(10):
        while True:
            if f'data-offer="{order["id"]}"' in (await driver.get()).text:
                break
            await asyncio.sleep(0.02)
    await driver.send("/", f"/jobs/{order['id']}/accept")
    return str(order["id"])


async def test_a_month_comes_to_what_the_books_say_to_the_last_cent(tmp_path: Path) -> None:
    async with driving(tmp_path, **IN_TURN) as there:
        driver = await _driven(there)
        for _ in range(3):
            await there.carried_out(await _taken(there, driver), cash_collected=True)
        ended = await _taken(there, driver)
        assert (await there.desk("POST", f"orders/{ended}/cancel", {"reason_id": "011"}))[0] == 200
        _, balance = await there.drive("D1", "GET", "balance")
        owed = balance["accounts"][0]["cash_owed_minor"]
        left = f"RM{(4 * 614 - owed) / 100:.2f}"  # all was paid in cash
        page = (await driver.get("/money")).text
        today, month = re.findall(
            r'"big money">(\S+)</span> <span class="soft">left for you, of 4 jobs', page
        )
        assert month == left != today, "four jobs at 0.06, and once 0.25"
        assert re.search(r"Rounding, over the month</th><td>-RM0.01<", page)
        assert page.count("· cancelled") == 1
