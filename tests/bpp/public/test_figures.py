"""A cooperative's public figures: in tens, by whole days, and nothing that could tell one job."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert

from bpp.orders.tables import OrderRow
from bpp.public.figures import DAY_S, in_tens
from protocol_specs.node.store import Session, Statement
from tests.bpp.cooperative import Cooperative, cooperative
from tests.bpp.office.support import WEB, with_office
from tests.support.browsing import Browsing

_PUT = Statement(insert(OrderRow.__table__))


async def figures(there: Cooperative) -> dict[str, Any]:
    """As they are published."""
    seen = await Browsing(there.url).get("/figures.json")
    assert seen.status == 200
    assert seen.headers["Cache-Control"] == "public, max-age=3600"
    return dict(json.loads(seen.text))


def copy_job(there: Cooperative, times: int, *, at: int) -> None:
    """So many more jobs like the one that there is, confirmed at that time."""

    found = there._rows("orders")[0]
    row = {column.name: found[column.name] for column in OrderRow.__table__.c}

    def unit(session: Session) -> None:
        for n in range(times):
            own = dict.fromkeys(("key", "transaction_id", "order_id", "job_id"), f"{at}-{n}")
            session.run(_PUT, **row | own | {"status": "COMPLETE", "created_at": at})

    there.node.store.transact_now(unit)


@pytest.mark.parametrize(
    ("n", "told"), [(0, None), (9, None), (10, 10), (19, 10), (20, 20), (1234, 1230)]
)
def test_jobs_are_told_in_tens_and_fewer_than_ten_not_at_all(n: int, told: int | None) -> None:
    assert in_tens(n) == told


async def test_a_job_more_changes_no_figure_and_today_is_not_counted(tmp_path: Path) -> None:
    async with with_office(tmp_path) as there:
        await there.confirmed()
        today = there.node.now() // DAY_S * DAY_S
        copy_job(there, 12, at=today - 1)
        copy_job(there, 10, at=today - 40 * DAY_S)
        copy_job(there, 25, at=today)
        before = await figures(there)
        assert (before["confirmed_jobs"], before["confirmed_jobs_30_days"]) == (20, 10)
        copy_job(there, 5, at=today - 2)
        there.clock.at += DAY_S
        after = await figures(there)
        assert (after["confirmed_jobs"], after["confirmed_jobs_30_days"]) == (50, 40)


async def test_the_page_says_what_is_kept_back_and_where_figures_come_from(tmp_path: Path) -> None:
    async with with_office(tmp_path) as there:
        await there.confirmed()
        browser = Browsing(there.url)
        page, root = await browser.get("/figures"), await browser.get("/")
        assert (page.status, root.status) == (200, 200)
        for said in ("fewer than 10", "Where the figures come from", 'href="/figures.json"'):
            assert said in page.text
        for hidden in ("Siti", "60111111111", "3.139"):
            assert hidden not in page.text
        assert (await browser.get("/nothing")).status == 404


async def test_without_web_nothing_is_published(tmp_path: Path) -> None:
    async with cooperative(tmp_path) as there:
        for path in ("/", "/figures", "/figures.json"):
            assert (await Browsing(there.url).get(path)).status == 404


async def test_a_cooperative_without_books_publishes_its_jobs_alone(tmp_path: Path) -> None:
    async with cooperative(tmp_path, web=WEB) as there:
        shown = await figures(there)
        assert (shown["schemes"], shown["confirmed_jobs"]) == ([], None)
