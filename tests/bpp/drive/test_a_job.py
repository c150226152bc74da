"""A driver's job on the pages: offered, taken, driven, ended; each action once, nobody else's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from protocol_specs.web import sessions
from tests.bpp.cooperative import Cooperative
from tests.bpp.drive.driving import IN_TURN, Phone, driving, forms, phone, phone_of
from tests.support.browsing import Browsing


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[Cooperative]:
    async with driving(tmp_path, **IN_TURN) as running:
        yield running


@pytest.fixture
async def aminah(there: Cooperative) -> Phone:
    return await phone_of(there, "D1")


async def _offered(driver: Phone) -> str:
    """The first page, once an offer stands on it."""
    async with asyncio.timeout(60):
        while True:
            seen = await driver.get()
            if "data-offer=" in seen.text:
                return seen.text
            await asyncio.sleep(0.02)


async def test_an_offer_says_where_how_far_and_what_is_left_before_it_is_accepted(
    there: Cooperative, aminah: Phone
) -> None:
    await aminah.go_online()
    order = await there.confirmed()
    page = await _offered(aminah)
    for text in ("New ride", "Cash in your hand", "Commission of the cooperative", "Left for you"):
        assert text in page
    assert "Set aside by the cooperative for the institution." in page
    assert 'data-countdown="30"' in page
    assert "covered" not in page.lower()
    assert "Siti" not in page  # nobody's name before the job is taken
    assert there.order(order["id"]).agent_id is None


async def test_who_was_not_heard_of_for_long_is_asked_and_says_with_one_touch_where_they_are(
    there: Cooperative, aminah: Phone
) -> None:
    await aminah.go_online()
    there.clock.at += there.node.settings.dispatch.fresh_s
    assert "Are you still there?" not in (await aminah.get()).text
    there.clock.at += 1
    order = await there.confirmed()
    seen = await aminah.get()
    assert "data-offer=" not in seen.text
    assert "Waiting for a job" not in seen.text
    assert "Your cooperative has not heard where you are since" in seen.text
    own = next(form for form in forms(seen, "/drive/online") if form.get("here_at"))
    assert (await aminah.browser.post("/drive/online", own)).status == 303
    there.clock.at += 60  # the order is tried again
    assert f'data-offer="{order["id"]}"' in await _offered(aminah)
    assert "Are you still there?" not in (await aminah.get()).text


async def test_a_whole_ride_from_the_offer_to_the_cash(there: Cooperative, aminah: Phone) -> None:
    await aminah.go_online()
    order = await there.confirmed()
    job = f"/jobs/{order['id']}"
    await _offered(aminah)
    assert (await aminah.send("/", f"{job}/accept")).status == 303
    seen = await aminah.get()
    assert "Job taken" in seen.text
    assert "Siti" in seen.text
    for step, title in (
        ("enroute", "On the way to the passenger"),
        ("arrived", "At the pick-up"),
    ):
        await aminah.send("/", f"{job}/step", step=step)
        assert f"<title>{title}" in (await aminah.get()).text
    code = there.order(order["id"]).view.fulfillment.start_code or ""
    await aminah.send("/", f"{job}/step", step="start", code=code)
    page = await aminah.get()
    assert "I have the cash, end the job" in page.text
    ended = await aminah.send("/", f"{job}/step", cash="yes")
    assert ended.status == 303
    assert there.order(order["id"]).payment.status == "PAID"
    assert "Waiting for a job" in (await aminah.get()).text


async def test_a_fare_that_was_not_paid_is_said(there: Cooperative, aminah: Phone) -> None:
    order = await _begun(there, aminah)
    assert (await aminah.send("/", f"/jobs/{order}/step", cash="no")).status == 303
    assert there.order(order).payment.status == "NOT-PAID"


async def _begun(there: Cooperative, driver: Phone) -> str:
    """A ride with its passenger on board."""
    await driver.go_online()
    order: str = (await there.confirmed())["id"]
    await _offered(driver)
    await driver.send("/", f"/jobs/{order}/accept")
    code = there.order(order).view.fulfillment.start_code or ""
    for step in ("enroute", "arrived", "start"):
        await driver.send("/", f"/jobs/{order}/step", step=step, code=code)
    return order


async def test_a_form_sent_twice_acts_once(there: Cooperative, aminah: Phone) -> None:
    await aminah.go_online()
    order = (await there.confirmed())["id"]
    await _offered(aminah)
    path = f"/drive/jobs/{order}"
    accept = forms(await aminah.get(), f"{path}/accept")[0]
    assert (await aminah.browser.post(f"{path}/accept", accept)).status == 303
    step = forms(await aminah.get(), f"{path}/step")[0]
    assert step["step"] == "enroute"
    for _ in range(2):
        assert (await aminah.browser.post(f"{path}/step", step)).status == 303
    assert (await aminah.browser.post(f"{path}/accept", accept)).status == 303
    assert there.order(order).state == "RIDE_ENROUTE_PICKUP"
    reached = [name for name, _ in there.order(order).reached]
    assert reached.count("RIDE_ENROUTE_PICKUP") == 1


async def test_a_wrong_code_is_counted_once_and_said_beside_the_field(
    there: Cooperative, aminah: Phone
) -> None:
    await aminah.go_online()
    order = (await there.confirmed())["id"]
    await _offered(aminah)
    await aminah.send("/", f"/jobs/{order}/accept")
    for step in ("enroute", "arrived"):
        await aminah.send("/", f"/jobs/{order}/step", step=step)
    right = there.order(order).view.fulfillment.start_code or ""
    form = forms(await aminah.get(), f"/drive/jobs/{order}/step")[0]
    wrong = form | {"code": "0000" if right != "0000" else "1111"}
    seen = await aminah.browser.post(f"/drive/jobs/{order}/step", wrong)
    assert seen.status == 422
    assert "Not the code. 4 tries left." in seen.text
    assert (await aminah.browser.post(f"/drive/jobs/{order}/step", wrong)).status == 303
    assert there.order(order).wrong_codes == 1
    assert there.order(order).state == "RIDE_ARRIVED_PICKUP"


async def test_an_offer_whose_time_is_over_is_told_kindly(
    there: Cooperative, aminah: Phone
) -> None:
    await aminah.go_online()
    order = (await there.confirmed())["id"]
    await _offered(aminah)
    form = forms(await aminah.get(), f"/drive/jobs/{order}/accept")[0]
    there.clock.at += 31
    seen = await aminah.browser.post(f"/drive/jobs/{order}/accept", form)
    page = await aminah.again(seen)
    assert "This job is not offered to you now; its turn went to another" in page.text
    assert there.order(order).agent_id is None


async def test_declined_it_goes_on(there: Cooperative, aminah: Phone) -> None:
    await aminah.go_online()
    order = (await there.confirmed())["id"]
    await _offered(aminah)
    seen = await aminah.again(await aminah.send("/", f"/jobs/{order}/decline"))
    assert "Declined. The next driver is asked." in seen.text
    assert "data-offer" not in seen.text
    why = await aminah.get("/why")
    assert "You were number 1 of 1" in why.text
    assert "You declined it" in why.text


async def test_another_drivers_job_cannot_be_touched(there: Cooperative, aminah: Phone) -> None:
    order = await _begun(there, aminah)
    before = there.books()
    ravi = await phone_of(there, "D2")
    await ravi.go_online()
    stolen = forms(await aminah.get(), f"/drive/jobs/{order}/step")[0]
    own = forms(await ravi.get(), "/drive/offline")[0]
    form = stolen | {name: own[name] for name in ("_csrf", "_form")}
    for action in ("step", "cancel", "accept", "return", "returned"):
        seen = await ravi.browser.post(
            f"/drive/jobs/{order}/{action}", form | {"reason": "013", "cash": "yes"}
        )
        assert seen.status == 303
        assert "Siti" not in (await ravi.again(seen)).text
    # and with the other's form, made for another browser, not even that
    assert (await ravi.browser.post(f"/drive/jobs/{order}/step", stolen)).status == 403
    assert there.books() == before


async def test_giving_the_job_up_opens_it_again(there: Cooperative, aminah: Phone) -> None:
    await aminah.go_online()
    order = (await there.confirmed())["id"]
    await _offered(aminah)
    await aminah.send("/", f"/jobs/{order}/accept")
    seen = await aminah.send("/", f"/jobs/{order}/cancel", reason="013")
    assert "You gave the job up" in (await aminah.again(seen)).text
    assert there.order(order).agent_id is None
    assert there.order(order).gave_up


async def test_hostile_names_are_shown_and_do_nothing(tmp_path: Path) -> None:
    hostile = "<script>alert(1)</script>"
    async with driving(tmp_path, names={"D1": hostile}, **IN_TURN) as there:
        driver = await phone_of(there, "D1")
        await driver.go_online()
        order = (await there.confirmed())["id"]
        await _offered(driver)
        await driver.send("/", f"/jobs/{order}/accept")
        for path in ("/", "/me", "/money", "/why"):
            page = (await driver.get(path)).text
            assert hostile not in page
            assert "&lt;script&gt;alert(1)" in page


async def test_a_sign_in_that_ended_asks_again_and_does_nothing(
    there: Cooperative, aminah: Phone
) -> None:
    await aminah.go_online()
    order = (await there.confirmed())["id"]
    await _offered(aminah)
    form = forms(await aminah.get(), f"/drive/jobs/{order}/accept")[0]
    there.clock.at += sessions.IDLE_S + 1
    seen = await aminah.browser.post(f"/drive/jobs/{order}/accept", form)
    assert seen.status == 303
    assert seen.headers["Location"].startswith("/drive/sign-in")
    assert there.order(order).agent_id is None


async def test_only_phones_of_the_roster_come_in(there: Cooperative) -> None:
    stranger = Phone(there, Browsing(there.url))
    assert (await stranger.get()).headers["Location"] == "/drive/sign-in?next=%2Fdrive%2F"
    await stranger.send("/sign-in", "/sign-in", phone="+60199999999")
    assert not (there.node.settings.data_dir / "codes.jsonl").exists()


async def test_two_drivers_with_one_phone_open_neither(there: Cooperative) -> None:
    entry = {"code": "D2", "name": "Ravi", "phone": phone("D1"), "vehicle": "W D2"}
    assert (await there.desk("POST", "drivers", entry))[0] == 201
    stranger = Phone(there, Browsing(there.url))
    await stranger.send("/sign-in", "/sign-in", phone=phone("D1"))
    assert not (there.node.settings.data_dir / "codes.jsonl").exists()


async def test_who_left_sees_money_and_slips_and_can_do_nothing(
    there: Cooperative, aminah: Phone
) -> None:
    order = await _begun(there, aminah)
    await aminah.send("/", f"/jobs/{order}/step", cash="yes")
    offline = forms(await aminah.get(), "/drive/offline")[0]
    agent_id = there.order(order).agent_id
    assert (await there.desk("POST", f"drivers/{agent_id}/active", {"active": False}))[0] == 200
    assert "You no longer drive here" in (await aminah.get()).text
    assert "Deduction slip" in (await aminah.get("/slips")).text
    assert (await aminah.get("/live")).status == 403
    seen = await aminah.browser.post("/drive/online", offline | {"here_at": "3.1,101.6"})
    assert seen.status == 403
