"""What axe-core (Deque, 4.14) finds wrong with a page in the browser."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from playwright.sync_api import Error, Page

AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
OF_LOOKS = ("color-contrast", "target-size", "scrollable-region-focusable")
"""The rules that judge what is painted; all others read the markup."""
LOOKS = (("phone", "light", 0), ("desk", "light", 1), ("phone", "dark", 1), ("desk", "dark", 0))
"""Size, colours and which of two languages: each two of them come together."""
SERIOUS = ("serious", "critical")
REST_S = 60


def wrong_with(page: Page, *, rules: Sequence[str] = RULES) -> tuple[list[str], int]:
    """What axe finds, and by how many pixels the page is wider than its window; once all of its
    styles and scripts are there. One that brings itself up to date meanwhile is looked at again."""
    ends = time.monotonic() + REST_S
    while True:
        page.wait_for_load_state("load")
        try:
            return _faults(page, rules), _overflow(page)
        except Error:  # the page is another one by now
            if time.monotonic() > ends:
                raise


def _faults(page: Page, rules: Sequence[str]) -> list[str]:
    """Serious findings, each with the first element at fault. The script is put in by the
    debugger: the page's policy, which would refuse it, stays as it is."""
    assert AXE.is_file(), "type: npm ci --prefix tests/browser"
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text(encoding="utf-8"))
    asked = {"runOnly": rules, "resultTypes": ["violations"]}
    found: dict[str, Any] = page.evaluate("(asked) => axe.run(document, asked)", asked)
    return [
        f"{one['id']}: {one['nodes'][0]['html'][:160]} {one['nodes'][0]['failureSummary'][:200]}"
        for one in found["violations"]
        if one["impact"] in SERIOUS
    ]


def rules_in(scheme: str) -> Sequence[str]:
    """Markup is judged by daylight, at each size and in each language: it is the same at night."""
    return RULES if scheme == "light" else OF_LOOKS


def _overflow(page: Page) -> int:
    wider: int = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return max(0, wider)
