"""A cooperative with pages, and its drivers' browsers: shared by the driver's tests."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any

from tests.bpp.cooperative import AT_PICKUP, Cooperative, cooperative
from tests.bpp.insured import RIDE_PACK, insured
from tests.support.browsing import INPUT, Browsing, Seen

HERE = f"{AT_PICKUP['lat']},{AT_PICKUP['lon']}"
IN_TURN = {"assignment": "in_turn", "dispatch": {"offer_s": 30, "again_s": 120}}
WEB = {"codes": {"by": "file"}, "zone": "Asia/Kuala_Lumpur"}


def phone(code: str) -> str:
    """Of the driver with this code."""
    return f"+6012345670{code.removeprefix('D')}"


@dataclass
class Phone:
    """A driver's browser."""

    there: Cooperative
    browser: Browsing

    async def get(self, path: str = "/") -> Seen:
        """A page of the face."""
        return await self.browser.get(f"/drive{path}")

    async def send(self, page: str, action: str, nth: int = 0, **fields: str) -> Seen:
        """The page's nth form with this action, as it stands there, with these fields."""
        form = forms(await self.get(page), f"/drive{action}")[nth]
        return await self.browser.post(f"/drive{action}", form | fields)

    async def again(self, seen: Seen) -> Seen:
        """Where an answer sends the browser."""
        return await self.browser.get(seen.headers["Location"])

    async def sign_in(self, number: str) -> Seen:
        """By the code that comes into the file."""
        asked = await self.send("/sign-in", "/sign-in", phone=number)
        kept = self.there.node.settings.data_dir / "codes.jsonl"
        code = re.search(r"\d{6}", await told(kept, number))
        assert code
        path = asked.headers["Location"]
        form = forms(await self.browser.get(path), "/drive/sign-in/code")[0]
        return await self.browser.post("/drive/sign-in/code", form | {"code": code.group()})

    async def go_online(self) -> None:
        """On duty at the pickup."""
        assert (await self.send("/", "/online", here_at=HERE)).status == 303


def forms(seen: Seen, action: str) -> list[dict[str, str]]:
    """The hidden fields of each form with this action."""
    found = re.findall(
        rf'<form method="post" action="{re.escape(action)}"(.*?)</form>', seen.text, re.S
    )
    return [{name: unescape(value) for name, value in INPUT.findall(each)} for each in found]


def texts_to(kept: Path, number: str) -> list[str]:
    """What went to that phone so far."""
    lines = kept.read_text().splitlines() if kept.exists() else []
    texts = [json.loads(line) for line in lines]
    return [each["text"] for each in texts if each["phone"] == number]


async def told(kept: Path, number: str) -> str:
    """The newest text to that phone, once it is written."""
    async with asyncio.timeout(60):
        while True:
            mine = texts_to(kept, number)
            if mine:
                return mine[-1]
            await asyncio.sleep(0.02)


@asynccontextmanager
async def driving(folder: Path, **changes: Any) -> AsyncIterator[Cooperative]:
    """A ride cooperative with books and pages; its drivers D1, D2 have phones of their own."""
    count, names = changes.pop("drivers", 2), changes.pop("names", {})
    base: dict[str, Any] = {
        "web": WEB,
        "insurance": insured(folder, RIDE_PACK, mandates={RIDE_PACK: "file 7"}),
    }
    async with cooperative(folder, **{**base, **changes, "drivers": count}) as there:
        for code in (f"D{n}" for n in range(1, count + 1)):
            name = names.get(code, f"Driver {code}")
            entry = {"code": code, "name": name, "phone": phone(code), "vehicle": f"W {code}"}
            assert (await there.desk("POST", "drivers", entry))[0] == 201
        yield there


async def phone_of(there: Cooperative, code: str) -> Phone:
    """The driver's browser, signed in."""
    made = Phone(there, Browsing(there.url))
    assert (await made.sign_in(phone(code))).status == 303
    return made
