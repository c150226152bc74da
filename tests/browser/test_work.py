"""Papers, shifts and the picture of a hand-over, in a real browser with a real file."""

from __future__ import annotations

import os
import re
from base64 import b64decode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from examples.calls import Caller
from protocol_specs.web.pictures import PICTURE_BYTES_MAX, clean_jpeg
from tests.bpp.cooperative import Cooperative
from tests.bpp.office.support import PHONES
from tests.bpp.work.at_work import at_work, hour, today
from tests.browser.accessible import rules_in, wrong_with
from tests.browser.citizen import WAIT_MS, Citizen
from tests.browser.city import NEAR_MG_ROAD, City
from tests.browser.in_thread import in_thread
from tests.browser.one_clock import code_for
from tests.support.pictures import JPEG

pytestmark = [pytest.mark.slow, pytest.mark.processes, pytest.mark.timeout(600)]

PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 900}
SHOTS = os.environ.get("SCREENSHOTS")  # a folder, to look at what a person sees
NAMMA = "Namma Couriers' Cooperative"
SMALL = "() => document.querySelector('[name=scan]').files[0].name === 'picture.jpg'"
NOISE = """() => {
  const canvas = Object.assign(document.createElement("canvas"), { width: 3000, height: 2000 });
  const paper = canvas.getContext("2d"), image = paper.createImageData(3000, 2000);
  let seed = 7;
  for (let n = 0; n < image.data.length; n++) {
    seed = (seed * 1103515245 + 12345) & 0x7fffffff;
    image.data[n] = n % 4 === 3 ? 255 : seed >> 16;
  }
  paper.putImageData(image, 0, 0);
  return canvas.toDataURL("image/jpeg", 0.9).split(",")[1];
}"""


def look(page: Page, what: str) -> None:
    """The page as it stands, light and dark; a picture of it if asked for."""
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        if SHOTS:
            page.screenshot(path=str(Path(SHOTS) / f"work-{what}-{scheme}.png"), full_page=True)
        assert (what, *wrong_with(page, rules=rules_in(scheme))) == (what, [], 0)


def sign_in(page: Page, url: str, phone: str, codes: Path) -> None:
    page.goto(url)
    page.locator("[name=phone]").fill(phone)
    page.locator("main form button").click()
    page.locator("[name=code]").fill(code_for(codes, phone))
    page.locator("main form button").click()
    expect(page.locator("nav.tabs")).to_be_visible()


@pytest.fixture
def windows(browser: Browser) -> Iterator[Callable[..., Page]]:
    contexts = []

    def opened(**settings: Any) -> Page:
        context = browser.new_context(**{"viewport": PHONE, "locale": "en-MY", **settings})
        context.set_default_timeout(WAIT_MS)
        contexts.append(context)
        return context.new_page()

    yield opened
    for context in contexts:
        context.close()


def _phone_of(town: City, name: str) -> str:
    token = (town.plan.folder("couriers") / "data" / "desk.token").read_text().strip()
    told = Caller(town.plan.url("couriers"), token).get("/desk/drivers")
    phones: list[str] = [each["phone"] for each in told["drivers"] if each["name"] == name]
    return phones[-1]


def test_a_large_photo_is_shrunk_kept_and_seen_by_driver_and_customer(
    town: City, citizen: Callable[..., Citizen], windows: Callable[..., Page]
) -> None:
    arjun, ravi = citizen(), town.hire("couriers", "Ravi", NEAR_MG_ROAD)
    arjun.search("Parcel")
    arjun.choose(NAMMA)
    arjun.introduce(**{"Receiver's name": "Devi", "Receiver's phone": "+919876543211"})
    arjun.page.get_by_label("Payment reference", exact=True).fill("PAID-0002")
    arjun.button("Book for").click()
    arjun.sees("Looking for a courier")
    code = arjun.page.locator(".code").inner_text()
    order_id = ravi.offer()["order_id"]
    for step in ("accept", "arrived"):
        ravi.step(order_id, step)
    page, data = windows(), town.plan.folder("couriers") / "data"
    sign_in(
        page, f"{town.plan.url('couriers')}/drive/", _phone_of(town, "Ravi"), data / "codes.jsonl"
    )
    photo = b64decode(page.evaluate(NOISE))
    assert len(photo) > 1_500_000
    page.locator("[name=code]").fill(code)
    page.locator("input[name=picture]").set_input_files(
        {"name": "IMG_0001.JPG", "mimeType": "image/jpeg", "buffer": photo}
    )
    shot = page.locator("#parcel-photo img.shot")
    expect(shot).to_be_visible()
    expect(page.locator("[name=code]")).to_have_value(
        code
    )  # the code that was typed is still there
    kept = page.evaluate(
        "async (src) => Array.from(new Uint8Array(await (await fetch(src)).arrayBuffer()))",
        shot.get_attribute("src"),
    )
    assert len(kept) <= PICTURE_BYTES_MAX
    assert clean_jpeg(bytes(kept)) == bytes(kept)
    look(page, "handover")
    page.get_by_role("button", name="I have the parcel").click()
    arjun.sees("Parcel picked up")
    seen = arjun.page.get_by_role("img", name="The parcel at the pick-up")
    expect(seen).to_be_visible()
    seen.scroll_into_view_if_needed()
    arjun.page.wait_for_function("() => document.querySelector('.shot img')?.naturalWidth > 0")
    look(arjun.page, "citizen")
    for step in ("enroute", "arrived-drop"):
        ravi.step(order_id, step)
    _without_script(windows, town, order_id)
    ravi.step(order_id, "end")
    arjun.sees("Delivered")
    expect(arjun.page.get_by_role("img", name="The parcel at the drop")).to_be_visible()


def _without_script(windows: Callable[..., Page], town: City, order_id: str) -> None:
    """A small enough file goes as it is; what is no picture is said beside the field."""
    page, data = windows(java_script_enabled=False), town.plan.folder("couriers") / "data"
    phone = _phone_of(town, "Ravi")
    (data / "codes.jsonl").write_text("")
    page.goto(f"{town.plan.url('couriers')}/drive/")
    page.locator("[name=phone]").fill(phone)
    page.locator("main form button").click()
    page.locator("[name=code]").fill(code_for(data / "codes.jsonl", phone))
    page.locator("main form button").click()
    field, button = page.locator("input[name=picture]"), page.get_by_role("button", name="Send the")
    field.set_input_files({"name": "a.jpg", "mimeType": "image/jpeg", "buffer": b"<svg/>"})
    button.click()
    expect(page.locator("#picture-fault")).to_contain_text("This is no JPEG picture.")
    field.set_input_files({"name": "a.jpg", "mimeType": "image/jpeg", "buffer": JPEG})
    button.click()
    expect(page.locator("#parcel-photo img.shot")).to_be_visible()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Cooperative]:
    papers = {"driver": ["licence", "permit"], "vehicle": ["insurance"]}
    with in_thread(at_work(tmp_path, documents=papers)) as made:
        yield made.there


@pytest.mark.parametrize("language", ["en", "ms", "kn"])
def test_the_desk_writes_a_paper_with_its_scan_plans_a_week_and_the_driver_sees_both(
    desk: Cooperative, windows: Callable[..., Page], language: str
) -> None:
    there, codes = desk, desk.node.settings.data_dir / "codes.jsonl"
    office = windows(
        viewport=DESK if language != "kn" else PHONE, locale=language, service_workers="block"
    )
    sign_in(office, f"{there.url}/office/", PHONES["dispatcher"], codes)
    look(office, f"board-{language}")
    office.goto(f"{there.url}/office/documents")
    look(office, f"documents-{language}")
    late: list[Route] = []  # the script that makes pictures small comes after the picture
    office.route(
        re.compile(r"/static/picture\.\w+\.js$"), lambda route: late.append(route), times=1
    )
    office.locator("a.row[href*='/documents/driver/']").first.click()
    office.locator("[name=number]").fill("L-77 0042")
    office.locator("[name=valid_until]").fill(today(there, 10))
    photo = b64decode(office.evaluate(NOISE))
    office.locator("[name=scan]").set_input_files(
        {"name": "IMG_2.JPG", "mimeType": "image/jpeg", "buffer": photo}
    )
    while not late:
        office.wait_for_timeout(20)
    late.pop().continue_()
    office.wait_for_function(SMALL)
    office.locator("#document button").click()
    expect(office.locator("img.shot")).to_be_visible()
    look(office, f"papers-{language}")
    office.goto(f"{there.url}/office/shifts")
    office.locator("[name=day]").fill(today(there))
    office.locator("[name=starts]").fill(hour(there))
    office.locator("[name=ends]").fill(hour(there, 2))
    office.locator("[name=days]").fill("3")
    office.locator("#shift button").click()
    expect(office.locator(".week strong").first).to_be_visible()
    look(office, f"shifts-{language}")
    driver = windows(locale=language)
    sign_in(driver, f"{there.url}/drive/", "+60123456701", codes)
    look(driver, f"driver-{language}")
    for page in ("papers", "shifts", "me"):
        driver.goto(f"{there.url}/drive/{page}")
        look(driver, f"driver-{page}-{language}")
