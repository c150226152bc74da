"""The picture of a parcel at its hand-over: taken by the driver, seen by few, told on the wire."""

import re
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from bpp.work import handovers
from bpp.work.tables import HandoverRow
from protocol_specs.node.store import Statement
from tests.bpp.cooperative import Cooperative, accepting
from tests.bpp.drive.driving import Phone, forms, phone_of
from tests.bpp.insured import parcel_asked, walk
from tests.bpp.office.support import signed_in
from tests.bpp.work.at_work import at_work
from tests.support.browsing import INPUT, Browsing, Seen
from tests.support.peers import DELIVERIES
from tests.support.pictures import HTML, JPEG, SVG, with_segment, with_sides

COURIER: dict[str, Any] = {
    "domain": DELIVERIES,
    "kind": "delivery",
    "provider_id": "courier",
    "currency": "INR",
    "categories": ("TWO_WHEELER",),
    "cancellation": (),
    "insurance": None,
    "vehicles": tuple(
        {"registration": f"W {code}", "category": "TWO_WHEELER"} for code in ("D1", "D2")
    ),
}
COUNT = Statement(select(func.count()).select_from(HandoverRow.__table__))


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[Cooperative]:
    async with at_work(tmp_path, **COURIER) as running:
        yield running


@pytest.fixture
async def order(there: Cooperative) -> dict[str, Any]:
    """A parcel whose driver D1 stands at its sender's."""
    await there.online("D1")
    transaction = str(uuid.uuid4())
    draft = (await there.ask("init", parcel_asked(), transaction_id=transaction))["message"]
    said = accepting(draft["order"])
    said["order"]["payments"][0]["status"] = "PAID"
    said["order"]["payments"][0]["params"]["transaction_id"] = "bank-77"
    reply = await there.ask("confirm", said, transaction_id=transaction)
    made: dict[str, Any] = reply["message"]["order"]
    await walk(there, "D1", made, "arrived")
    return made


async def send(phone: Phone, order_id: str, body: bytes, **more: str) -> Seen:
    """The form on the driver's page, with this file."""
    path = f"/drive/jobs/{order_id}/picture"
    (form,) = forms_of_files(await phone.get(), path)
    return await phone.browser.upload(path, form, "picture", body, **more)


def forms_of_files(seen: Seen, path: str) -> list[dict[str, str]]:
    """The hidden fields of each form with this action, whatever else its tag says."""
    return [
        dict(INPUT.findall(form))
        for form in re.findall(r"<form.*?</form>", seen.text, re.S)
        if f'action="{path}"' in form
    ]


def kept(there: Cooperative) -> int:
    row = there.node.store.read(lambda session: session.one(COUNT))
    assert row is not None
    return int(row[0])


async def test_pictures_of_both_hand_overs_reach_the_customers_platform_and_the_office(
    there: Cooperative, order: dict[str, Any]
) -> None:
    phone, job = await phone_of(there, "D1"), order["id"]
    page = (await phone.get()).text
    assert 'capture="environment"' in page
    assert "Photo of the parcel at the pick-up" in page
    photo = with_segment(0xE1, b"Exif\x00\x00 3.1390N")
    assert (await send(phone, job, photo)).status == 303
    assert (await phone.browser.raw(f"/drive/jobs/{job}/picture/pickup"))[2] == JPEG
    await walk(there, "D1", order, "pickup", "enroute", "arrived-drop")
    assert (await send(phone, job, JPEG)).status == 303
    await walk(there, "D1", order, "end")
    heard = [h for h in there.bap.heard if h["context"]["action"] == "on_status"]
    start, end = heard[-1]["message"]["order"]["fulfillments"][0]["stops"]
    urls = [stop["instructions"]["images"][0]["url"] for stop in (start, end)]
    browser = Browsing(there.url)
    for url in urls:
        status, headers, body = await browser.raw(url.removeprefix(there.node.settings.url))
        assert (status, headers["Content-Type"], body) == (200, "image/jpeg", JPEG)
        assert (headers["Cache-Control"], headers["X-Robots-Tag"][:7]) == ("no-store", "noindex")
    office = await signed_in(there, "dispatcher")
    assert (await office.get(f"/office/jobs/{job}")).text.count('class="shot"') == 2
    assert (await office.raw(f"/office/jobs/{job}/picture/drop"))[2] == JPEG


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (SVG, "This is no JPEG picture."),
        (HTML, "This is no JPEG picture."),
        (b"GIF89a" + SVG, "This is no JPEG picture."),
        (with_sides(30_000, 30_000), "16 to 4,096 pixels"),
        (JPEG[:-40], "The picture is not whole."),
        (JPEG + b"\x00" * 210_000, "The picture is too large."),
        (b"", "Choose a picture, or take one."),
    ],
)
async def test_a_bad_picture_is_said_on_the_page_and_the_job_stands_as_it_stood(
    there: Cooperative, order: dict[str, Any], bad: bytes, said: str
) -> None:
    phone, before = await phone_of(there, "D1"), there.books()
    seen = await send(phone, order["id"], bad)
    assert (seen.status, kept(there), there.books()) == (422, 0, before)
    assert said in seen.text
    assert "I have the parcel" in seen.text  # the code is asked for as before


@pytest.mark.parametrize("size", [310_000, 2_000_000])
async def test_what_no_form_takes_is_refused_before_it_is_read(
    there: Cooperative, order: dict[str, Any], size: int
) -> None:
    phone, before = await phone_of(there, "D1"), there.books()
    seen = await send(phone, order["id"], b"\xff\xd8\xff" + b"\x00" * size)
    assert (seen.status, kept(there), there.books()) == (413, 0, before)
    assert "200 kB" in seen.text


async def test_what_the_browser_says_of_its_type_counts_for_nothing(
    there: Cooperative, order: dict[str, Any]
) -> None:
    phone, path = await phone_of(there, "D1"), f"/drive/jobs/{order['id']}/picture/pickup"
    polyglot = with_segment(0xFE, HTML) + b"PK\x03\x04" + HTML
    assert (await send(phone, order["id"], polyglot, type="text/html")).status == 303
    status, headers, body = await phone.browser.raw(path)
    assert (status, headers["Content-Type"], body) == (200, "image/jpeg", JPEG)
    assert headers["X-Content-Type-Options"] == "nosniff"


async def test_another_driver_neither_sends_nor_sees_it_and_past_hand_overs_take_none(
    there: Cooperative, order: dict[str, Any]
) -> None:
    mine, other = await phone_of(there, "D1"), await phone_of(there, "D2")
    path = f"/drive/jobs/{order['id']}/picture"
    (form,) = forms_of_files(await mine.get(), path)
    theirs = forms(await other.get(), "/drive/language")[0] | {"_form": "f" * 20}
    await other.browser.upload(path, theirs, "picture", JPEG)
    assert kept(there) == 0
    assert (await send(mine, order["id"], JPEG)).status == 303
    assert (await other.browser.raw(f"{path}/pickup"))[0] == 404
    await walk(there, "D1", order, "pickup", "enroute", "arrived-drop", "end")
    late = await mine.browser.upload(path, form, "picture", with_segment(0xFE, b"late"))
    assert (late.status, kept(there)) == (303, 1)


async def test_a_second_picture_takes_the_place_of_the_first_and_its_address_dies(
    there: Cooperative, order: dict[str, Any]
) -> None:
    phone, job = await phone_of(there, "D1"), order["id"]
    await send(phone, job, JPEG)
    first = there.order(job).view.fulfillment.pickup_picture or ""
    await send(phone, job, JPEG)
    second = there.order(job).view.fulfillment.pickup_picture or ""
    browser, ours = Browsing(there.url), there.node.settings.url
    found = [(await browser.raw(url.removeprefix(ours)))[0] for url in (first, second)]
    assert (found, kept(there)) == ([404, 200], 1)


async def test_the_customers_address_ends_after_a_week_and_the_picture_after_ninety_days(
    there: Cooperative, order: dict[str, Any]
) -> None:
    await send(await phone_of(there, "D1"), order["id"], JPEG)
    url = there.order(order["id"]).view.fulfillment.pickup_picture or ""
    path, at = url.removeprefix(there.node.settings.url), there.node.now()
    assert len(path.rpartition("/")[2]) >= 22  # 128 bits
    there.clock.at += handovers.SHOWN_S - 1
    assert (await Browsing(there.url).raw(path))[0] == 200
    there.clock.at += 1
    assert (await Browsing(there.url).raw(path))[0] == 404
    assert (await Browsing(there.url).raw("/pictures/" + "x" * 22))[0] == 404
    old = at + handovers.KEPT_S
    assert not there.node.store.transact_now(lambda s: handovers.forget_next(s, old))
    assert there.node.store.transact_now(lambda s: handovers.forget_next(s, old + 1))
    assert kept(there) == 0


async def test_a_form_sent_twice_keeps_one_picture(
    there: Cooperative, order: dict[str, Any]
) -> None:
    phone, path = await phone_of(there, "D1"), f"/drive/jobs/{order['id']}/picture"
    (form,) = forms_of_files(await phone.get(), path)
    await phone.browser.upload(path, form, "picture", JPEG)
    first = there.order(order["id"]).view.fulfillment.pickup_picture
    again = await phone.browser.upload(path, form, "picture", JPEG)
    assert (again.status, there.order(order["id"]).view.fulfillment.pickup_picture) == (303, first)
