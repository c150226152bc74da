"""The machine's clock is set wrong under a running provider and right again: nothing is hurt."""

from pathlib import Path

import pytest

from tests.bpp.cooperative import cooperative
from tests.bpp.insured import RIDE_PACK, contribution, insured, walk
from tests.support.peers import signed_post

MINUTE_S, HOUR_S = 60, 3_600  # the keys of the test are good for a day


@pytest.mark.parametrize("step_s", [10 * MINUTE_S, -HOUR_S, 23 * HOUR_S])
async def test_a_clock_that_was_wrong_for_a_while_hurts_no_order_and_no_entry(
    tmp_path: Path, step_s: int
) -> None:
    insurance = insured(tmp_path, RIDE_PACK, mandates={RIDE_PACK: "file 7"})
    async with cooperative(tmp_path, insurance=insurance) as there:
        await there.online("D1")
        order = await there.confirmed()
        honest = there.clock.at
        asked = there.message("cancel", {"order_id": order["id"], "cancellation_reason_id": "005"})
        before = there.books()
        there.clock.at += step_s
        said = await signed_post(there.url, there.bap.peer, asked, created=int(honest))
        assert (said.status, said.is_ack) == (401, False), "an honest peer is refused meanwhile"
        as_wrong = await there.ask("status", {"order_id": order["id"]})
        assert as_wrong["message"]["order"]["status"] == "ACTIVE"
        assert there.books() == before
        there.clock.at = honest + 1
        await walk(there, "D1", order, "enroute", "arrived", "start", "end")
        ended = (await there.ask("status", {"order_id": order["id"]}))["message"]["order"]
        assert (ended["status"], contribution(ended)["STATUS"]) == ("COMPLETE", "due")
        await there.online("D1")
        assert contribution(await there.confirmed())["STATUS"] == "set_aside"
