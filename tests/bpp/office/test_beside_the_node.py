"""What pages read beside the node is read where its store is: a folder, or a server by its url."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from protocol_specs.node.store import Session, Store, StoreAt
from tests.bpp.insurance.fare_cash import at_the_limit
from tests.bpp.office import test_fares, test_surplus
from tests.bpp.office.support import signed_in, with_office
from tests.support.browsing import Browsing


async def test_long_reads_go_where_the_settings_say_that_the_store_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    read_once = Store.read_once

    def noted(where: Path | StoreAt, unit: Callable[[Session], Any]) -> Any:
        asked.append(where)
        return read_once(where, unit)

    async with with_office(tmp_path) as there:
        await at_the_limit(there)
        there.clock.at += 2 * test_surplus.DAY_S
        monkeypatch.setattr(Store, "read_once", staticmethod(noted))
        treasurer = await signed_in(there, "treasurer")
        assert (await test_fares.looked_at(there, treasurer)).status == 200
        await test_surplus.looked_at(there, treasurer)
        day = test_surplus.asked(there) | {"by": "t-1", "dry_run": True}
        await there.desk("POST", "surplus", day)
        assert (await Browsing(there.url).get("/figures.json")).status == 200
        assert asked == [there.node.settings.store_at] * 4
