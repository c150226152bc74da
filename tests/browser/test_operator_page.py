"""The registry operator's page in a real browser: no script, no complaint, every screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser.city import City

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.slow, pytest.mark.processes]

COOPERATIVE = "markup.klang-valley.example"
HOSTILE_REASON = "<script>alert(1)</script> \"><img src=x onerror='alert(2)'>"
UNNAMED = """() => [...document.querySelectorAll("input:not([type=hidden]), button, a, table")]
  .filter((node) => node.checkVisibility())
  .filter((node) => !(node.labels?.length || node.innerText?.trim() || node.caption))
  .map((node) => node.outerHTML)"""


@pytest.mark.parametrize("width", [360, 1200])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_operator_suspends_and_reinstates_from_any_screen(
    streets: City, browser: Browser, width: int, scheme: str
) -> None:
    from playwright.sync_api import expect

    from tests.browser.citizen import Citizen

    token = (streets.plan.folder("registry") / "data" / "operator.token").read_text().strip()
    operator = Citizen.at(
        f"{streets.plan.url('registry')}/operator",
        browser,
        viewport={"width": width, "height": 800},
        color_scheme=scheme,
    )
    page = operator.page

    def sound() -> None:
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert page.evaluate(UNNAMED) == []
        expect(page.locator("h1")).to_have_count(1)

    sound()
    page.get_by_label("Operator's token").fill(token)
    operator.button("Open").click()
    expect(page.get_by_role("table", name="Who takes part")).to_be_visible()
    sound()
    page.get_by_role("link", name=COOPERATIVE).first.click()
    suspend = page.locator("form", has=operator.button("Suspend"))
    suspend.get_by_label("Why (public)").fill(HOSTILE_REASON)
    operator.button("Suspend").click()
    expect(operator.button("Reinstate")).to_be_visible()
    expect(page.get_by_role("table", name="Who changed what")).to_contain_text(HOSTILE_REASON)
    assert page.locator("script, img").count() == 0
    sound()
    operator.button("Reinstate").click()
    expect(operator.button("Suspend")).to_be_visible()
    operator.button("Close").click()
    expect(page.get_by_label("Operator's token")).to_be_visible()
    assert operator.complaints == []
    page.context.close()
