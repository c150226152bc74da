"""Where a picture is seen is told in the words of the delivery networks, held to their rules."""

from pathlib import Path

import pytest

from bpp.drive.handovers import with_picture
from bpp.orders import store
from bpp.work.handovers import Leg
from protocol_specs.node.store import Session
from tests.bpp.orders.test_dialects import PARCELS, Talk, fetched, parcels, talk


def tell(there: Talk, job_id: str, leg: Leg, url: str) -> None:
    """As the driver's page does, in its commit."""

    def unit(session: Session) -> None:
        kept = store.order_by_job_id(session, job_id)
        assert kept is not None
        store.change_order(session, with_picture(kept.order, leg, url), kept.revision)

    there.there.node.store.transact_now(unit)


@pytest.mark.parametrize("name", PARCELS)
async def test_both_pictures_stand_beside_the_instructions_of_their_stops(
    tmp_path: Path, name: str
) -> None:
    async with talk(tmp_path, name, **parcels()) as there:
        order, job_id = await fetched(there)
        urls = [f"{there.there.node.settings.url}/pictures/{leg}" for leg in ("a", "b")]
        tell(there, job_id, "pickup", urls[0])
        tell(there, job_id, "drop", urls[1])
        assert (await there.there.drive("D1", "POST", f"jobs/{job_id}/end", {}))[0] == 200
        last = await there.view("status", there.dialect.write_status(str(order.id)))
        told = last.fulfillment
        assert [told.pickup_picture, told.drop_picture] == urls
        assert told.start_code == "7788"
