"""A citizen before the page: what they do there, and what their browser complains of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser, Locator, Page, expect

WAIT_MS = 45_000  # a page asks again by itself after 15 s if it missed something
PHONE = {"width": 360, "height": 740}

_VIOLATIONS = """
addEventListener("securitypolicyviolation",
  (event) => console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`));
"""


@dataclass(slots=True)
class Citizen:
    """One browser window of its own: no cookies, no storage, nothing shared with another."""

    page: Page
    complaints: list[str] = field(default_factory=list)

    @classmethod
    def at(cls, url: str, browser: Browser, *, path: str = "", **settings: Any) -> Citizen:
        """A window with the page open; every console message, dialog and foreign request counts."""
        context = browser.new_context(**{"viewport": PHONE, "locale": "en-MY", **settings})
        context.set_default_timeout(WAIT_MS)
        context.add_init_script(_VIOLATIONS)
        page = context.new_page()
        citizen = cls(page)
        complain = citizen.complaints.append
        page.on("console", lambda said: complain(f"console {said.type}: {said.text}"))
        page.on("pageerror", lambda error: complain(f"error: {error}"))
        page.on("dialog", lambda box: (complain(f"dialog: {box.message}"), box.dismiss()))
        context.on(
            "request",
            lambda sent: None if sent.url.startswith(url) else complain(f"elsewhere: {sent.url}"),
        )
        page.goto(url + path)
        return citizen

    def button(self, name: str) -> Locator:
        """The button with this name."""
        return self.page.get_by_role("button", name=name)

    def sees(self, title: str) -> None:
        """Waits until this is the heading of what is shown."""
        expect(self.page.locator("h1:visible")).to_have_text(title)

    def search(self, kind: str = "Ride", drop: str = "") -> None:
        """Asks for offers between two places of the kind's city."""
        pickup, to = ("KL Sentral", "Petronas Twin Towers")
        if kind == "Parcel":
            pickup, to = ("MG Road", "Lalbagh")
        self.page.get_by_role("link", name=kind).click()
        self.page.get_by_role("combobox", name="From", exact=True).fill(pickup)
        goal = self.page.get_by_role("combobox", name="To", exact=True)
        goal.fill(drop or to)
        goal.press("Tab")  # leaving the field closes its list, which may lie over the button
        self.button("See offers").click()
        self.sees("Offers")

    def choose(self, cooperative: str) -> None:
        """Takes this cooperative's offer, and waits for the exact price."""
        self.page.get_by_role("button", name=f"Choose {cooperative}").click()
        self.sees(cooperative)
        expect(self.page.get_by_role("table", name="What the price is made of")).to_be_visible()

    def introduce(self, **fields: str) -> None:
        """Says who it is for, and waits for the final terms."""
        for label, text in {"Name": "Mei Ling", "Phone": "+60123456789", **fields}.items():
            self.page.get_by_label(label, exact=True).fill(text)
        self.button("Continue").click()
        expect(self.button("Book for")).to_be_visible()

    def book_ride(self, cooperative: str) -> None:
        """From the search to the order."""
        self.search()
        self.choose(cooperative)
        self.introduce()
        self.button("Book for").click()
        self.sees("Driver found")

    def open(self, title: str) -> None:
        """Opens the dialog or unfolds the part of the page with this title."""
        part = self.page.locator("summary, a[data-opens]").filter(has_text=title)
        part.click()

    def leave(self, label: str = "Cancel the booking") -> None:
        """Cancels, at the fee that is shown."""
        self.page.locator("a[data-opens]").filter(has_text="Cancel the").click()
        self.button(label).click()
        self.sees("Cancelled")

    @property
    def markup(self) -> str:
        """All of the page as it is now; of the next one, if it just brings itself up to date."""
        return self.page.locator("html").inner_html()

    @property
    def text(self) -> str:
        """Everything that can be read now."""
        return self.page.locator("main").inner_text()
